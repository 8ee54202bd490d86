"""Logs of four formats, and what is not one: every line is a row or a reason."""

from __future__ import annotations

import gzip
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.errors import Permanent
from pressrun.parsing.accesslogs import blocks
from pressrun.parsing.accesslogs.places import place, thing
from pressrun.parsing.accesslogs.reading import read
from pressrun.services import visitors
from pressrun.services.digest import Digest, Site
from tests.accesslogs import (
    CHROME,
    FEEDLY,
    HEADER,
    combined,
    fields,
    gz,
    objects,
    pieces,
    s3_line,
    tabbed,
)

SHIPPED = Path(__file__).parents[2] / "data/logs"
SHARED = Path(__file__).parents[4] / "shared/data/logs"


def salt(_: str) -> bytes:
    """The same every day."""
    return b"salt"


def reasons(log: bytes, *, size: int = 1 << 20) -> Counter[str]:
    """How the lines of a log were told apart."""
    digest = Digest(Site(name="test"), salt)
    digest.read(read(pieces(log, size)))
    found: Counter[str] = Counter()
    for day in digest.days("2026-03-01").values():
        found += day.reasons
    assert found.total() == digest.lines
    return found


TWO = [fields(), fields("/feed.xml", agent=FEEDLY.format(12))]


@pytest.mark.parametrize(
    "log",
    [
        tabbed(*TWO),
        tabbed(*TWO, header=False),
        tabbed(*TWO).replace(b"#Version: 1.0\n", b""),
        tabbed(*TWO).replace(b"\n", b"\r\n"),
        objects(*TWO),
        combined() + combined("/feed.xml", agent=FEEDLY.format(12)),
        s3_line() + s3_line("feed.xml", agent=FEEDLY.format(12)),
    ],
    ids=["legacy", "no header", "no version", "CRLF", "json", "combined", "s3"],
)
def test_every_format_tells_the_same(log: bytes) -> None:
    """A page by a person and a feed by a reader, plain or gzip, however it is cut."""
    wanted = {"page": 1, "reader": 1}
    for data in (log, gz(log), gz(log[:300], log[300:])):
        for size in (1, 7, 1 << 20):
            found = reasons(data, size=size)
            del found["header"]
            assert found == wanted


def test_columns_are_found_by_name() -> None:
    """Fields come and go, and stand in any order."""
    named = {name: value for name, value in reversed(fields().items()) if not name.startswith("sc-range")}
    log = (
        f"#Version: 1.0\n#Fields: {' '.join([*named, 'new-one'])}\n"
        + "\t".join([*named.values(), "x"])
        + "\n"
    )
    assert reasons(log.encode()) == {"header": 2, "page": 1}


def test_a_line_of_the_wrong_width_is_one_and_its_neighbours_count() -> None:
    """Too few, too many, blank, and a header in between."""
    good = tabbed(fields(), header=False)
    log = tabbed(fields()) + b"a\tb\n" + good.replace(b"\n", b"\tmore\n") + b"\n" + HEADER.encode() + good
    assert reasons(log) == {"header": 4, "page": 2, "width": 2, "blank": 1}


@pytest.mark.parametrize("log", [b"#Version: 2.0\n", HEADER.encode().replace(b"c-ip ", b"")])
def test_a_version_or_fields_that_are_not_known_fail_the_log(log: bytes) -> None:
    """Loudly: a count of nothing would look like a count."""
    with pytest.raises(Permanent, match=r"only 1\.0|without c-ip"):
        reasons(log + tabbed(fields(), header=False))


def test_json_lines_are_read_one_by_one_where_one_is_torn() -> None:
    """Broken, of another shape, of other types: that line alone."""
    good = objects(fields())
    log = good + b'{"date": "2026\n' + b"[1]\n" + b'{"cs-method": ["GET"]}\n\n' + good[:-1]
    assert reasons(log) == {"page": 2, "malformed": 3, "blank": 1}
    odd = objects(fields() | {"c-ip": 7}) + good  # type: ignore[dict-item]
    assert reasons(odd) == {"page": 1, "malformed": 1}


def test_caddy_writes_json_of_its_own() -> None:
    """Its default access log."""
    line = (
        b'{"level":"info","ts":1772362800.5,"logger":"http.log.access","request":{"remote_ip":"198.51.100.7",'
        b'"method":"GET","uri":"/tide/?from=here","headers":{"User-Agent":["' + CHROME.encode() + b'"]}},'
        b'"size":512,"status":200}\n'
    )
    assert reasons(line + line.replace(b"/tide/", b"/tide/../x")) == {"page": 1, "path": 1}


def test_caddy_may_write_times_of_other_kinds() -> None:
    """`time_format`: RFC 3339 counts on its day in UTC; a word is no time."""
    line = b'{"ts":%b,"request":{"remote_ip":"198.51.100.7","method":"GET","uri":"/x.css"},"status":200}\n'
    digest = Digest(Site(name="t"), salt)
    digest.read(read([line % b'"2026-03-01T00:30:00+01:00"' + line % b'"noon"' + line % b"1e300"]))
    assert {day: dict(found.reasons) for day, found in digest.days("").items()} == {
        "2026-02-28": {"asset": 1, "time": 2}
    }


def test_s3_quotes_are_not_escaped_and_forge_nothing() -> None:
    """Whatever a client sends as Referer or agent, the status is the server's."""
    forged = '" 200 - 1 1 1 1 "-" "x'
    log = s3_line(referer=forged, status="404") + s3_line(agent=forged, status="404")
    assert reasons(log) == {"status": 2}
    torn = s3_line()
    assert reasons(s3_line() + torn[:90] + b"\n" + torn[90:]) == {"page": 1, "malformed": 2}


def test_combined_agents_may_hold_escaped_quotes() -> None:
    """Apache escapes with a backslash, nginx writes \\x22."""
    assert reasons(combined(agent=CHROME + ' \\"x\\" y') + combined(agent=CHROME + " \\x22")) == {"page": 2}
    assert reasons(combined().replace(b' "-" "' + CHROME.encode() + b'"', b"")) == {"bot": 1}


def test_times_are_utc() -> None:
    """A server's own zone is taken off."""
    digest = Digest(Site(name="t"), salt)
    digest.read(
        read([combined(time="01/Mar/2026:00:30:00 +0100") + combined(time="99/Mar/2026:00:30:00 +0100")])
    )
    [(day, counts)] = digest.days("2026-01-01").items()
    assert (day, counts.reasons) == ("2026-02-28", {"page": 1, "time": 1})


def test_long_lines_take_no_memory_and_are_counted() -> None:
    """A hundred megabytes without a newline; in the middle, at the end."""
    good = tabbed(fields(), header=False)
    long = b"x" * 1_000_000
    stream = [HEADER.encode(), good, *[long] * 100, b"\n", good, *[long] * 2]
    digest = Digest(Site(name="t"), salt)
    digest.read(read(stream))
    assert digest.days("")["2026-03-01"].reasons == {"header": 2, "page": 2, "long": 2}
    assert reasons(tabbed(fields()) + b"y" * 70_000 + b"\n" + good, size=1 << 22) == {
        "header": 2,
        "page": 2,
        "long": 1,
    }


def test_what_is_forgotten_is_found_out_anew_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory for a handful of requests, visitors and agents counts as one for all of them does."""
    source = random.Random(5)
    log = tabbed(
        *(
            fields(
                f"/{source.randrange(40)}{source.choice(['/', '.css', '.png'])}",
                ip=f"198.51.100.{source.randrange(60)}",
                agent=f"{CHROME} {source.randrange(20)}",
                day=source.choice(["2026-02-28", "2026-03-01"]),
                status=source.choice(["200", "404"]),
            )
            for _ in range(2000)
        )
    )
    days = []
    for room in (visitors.ROOM, 2000):
        monkeypatch.setattr(visitors, "ROOM", room)
        digest = Digest(Site(name="t"), salt)
        digest.read(read(pieces(log, 50_000)))
        days.append({name: day.stored() for name, day in digest.days("").items()})
    assert days[0] == days[1]
    assert sum(sum(day["reasons"].values()) for day in days[1].values()) == 2002


def test_bombs_and_broken_gzip_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By ratio, by size; cut off; damaged."""
    monkeypatch.setattr(blocks, "FREE", 1 << 20)
    bomb = gzip.compress(b"\0" * (8 << 20), 9)
    cut = gz(tabbed(*TWO * 50))
    for data in (bomb, cut[:-20], cut[:40] + b"\xff" * 40 + cut[80:]):
        with pytest.raises(Permanent, match="gzip"):
            reasons(data)


@given(
    st.binary(max_size=3000),
    st.integers(1, 500),
    st.sampled_from([b"", HEADER.encode(), b"{}\n", combined(), s3_line()]),
)
def test_every_line_has_one_reason(junk: bytes, size: int, start: bytes) -> None:
    """Whatever the bytes: sum(reasons) == lines."""
    log = start + junk
    if log.startswith(b"\x1f\x8b") or b"#" in junk:
        return
    lines = log.count(b"\n") + (not log.endswith(b"\n") and bool(log))
    assert reasons(log, size=size).total() == lines


@given(
    st.lists(st.sampled_from([tabbed(fields(), header=False), b"\n", b"a\tb\n", b"\t" * 32 + b"\n"])),
    st.integers(1, 2000),
)
def test_cutting_a_log_changes_nothing(lines: list[bytes], size: int) -> None:
    """Blocks are an accident of the network."""
    log = HEADER.encode() + b"".join(lines)
    assert reasons(log, size=size) == reasons(log)


def test_real_logs_are_read_whole() -> None:
    """Of crates.io and of CloudFront's documentation."""
    assert reasons((SHIPPED / "cratesio-basic.log.gz").read_bytes()) == {"asset": 20, "header": 2}
    odd = reasons((SHIPPED / "asaaki-aws-docs-xff-variants.log").read_bytes())
    assert odd == {"page": 3, "status": 3, "header": 2}


@pytest.mark.skipif(not SHARED.exists(), reason="more real logs lie beside the repository")
def test_more_real_logs_are_read_whole() -> None:
    """Every one but the one of an unknown version has as many reasons as lines."""
    for path in SHARED.glob("*/*.log*"):
        if "unknown-version" not in path.name:
            assert reasons(path.read_bytes())


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/", ""),
        ("/index.html", ""),
        ("/tide/", "tide/"),
        ("/tide", "tide/"),
        ("/tide/index.html", "tide/"),
        ("/tide/?utm_source=x", "tide/"),
        ("/t%C3%ADde/", "tíde/"),
        ("/t%25C3%25ADde/", "tíde/"),
        ("/ti%CC%81de/", "tíde/"),
        ("/feed.xml", "feed.xml"),
        ("/a/../b/", None),
        ("/a/%2e%2e/b/", None),
        ("/a/%252e%252e/b/", None),
        ("/a%00b", None),
        ("/a%FF", None),
        ("tide/", None),
        ("/" + "x" * 2000, None),
    ],
)
def test_a_path_has_one_canonical_form(path: str, wanted: str | None) -> None:
    assert place(path) == wanted


def test_a_site_below_a_folder_knows_its_own() -> None:
    assert (place("/blog/tide/", "/blog"), place("/blog", "/blog"), place("/blogs/", "/blog")) == (
        "tide/",
        "",
        None,
    )


def test_things_are_told_by_their_names() -> None:
    names = [
        "tide/",
        "1.0-timeline/",
        "old.php",
        "feed.xml",
        "tags/sea/atom.xml",
        "blog/feed/",
        "a.mp3",
        "a.PNG",
        "x.css",
    ]
    assert [thing(name) for name in names] == [*["page"] * 3, *["feed"] * 3, "audio", "picture", "asset"]


def test_lines_in_random_order_are_counted_the_same() -> None:
    """CloudFront promises none."""
    lines = [fields(f"/{n % 5}/", ip=f"198.51.100.{n % 7}") for n in range(60)]
    shuffled = random.Random(3).sample(lines, len(lines))
    digests = []
    for some in (lines, shuffled):
        digest = Digest(Site(name="t"), salt)
        digest.read(read([objects(*some)]))
        digests.append({name: day.stored() for name, day in digest.days("").items()})
    assert digests[0] == digests[1]
