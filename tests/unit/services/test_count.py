"""Logs become days: once, whatever comes twice, late or in another order."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from pressrun.domain import crowd
from pressrun.domain.views import RULE, Figure, Figures
from pressrun.ports import Put
from pressrun.services import daybook
from pressrun.services.count import Log, ViewCounter
from pressrun.services.digest import Site
from tests.accesslogs import (
    CHROME,
    DAY,
    FEEDLY,
    FIREFOX,
    GMAIL,
    GOOGLEBOT,
    MINIFLUX,
    combined,
    fields,
    gz,
    tabbed,
)
from tests.conftest import FrozenClock
from tests.stores import MemoryStore

OVERCAST = "Overcast/3.0 (+http://overcast.fm/; iOS podcast app)"
SITE = Site(name="tide.example")


def log(*requests: dict[str, str], name: str = "log") -> Log:
    return Log(name=name, etag="e", modified=datetime(2026, 3, 1, 12, tzinfo=UTC), chunks=[tabbed(*requests)])


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def logs(clock: FrozenClock) -> MemoryStore:
    return MemoryStore(now=clock.now)


@pytest.fixture
def counter(store: MemoryStore, logs: MemoryStore, clock: FrozenClock) -> ViewCounter:
    return ViewCounter(store=store, logs=logs, place="logs", clock=clock, site=lambda: SITE)


def day(counter: ViewCounter, name: str = DAY) -> Figures:
    page = counter.book.day(counter.rule, name)
    assert page is not None
    return page.numbers()


def test_a_view_is_one_reader_one_article_one_day(counter: ViewCounter) -> None:
    """Hits are counted beside it."""
    requests = [
        fields("/tide/"),
        fields("/tide/index.html"),
        fields("/tide/", agent=FIREFOX),
        fields("/tide/", ip="198.51.100.8", status="304"),
        fields("/moon/"),
    ]
    counter.count(log(*requests))
    counter.fold()
    assert day(counter).pages == {"tide/": Figure(3, 4), "moon/": Figure(1, 1)}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"method": "HEAD"}, "method"),
        ({"method": "POST"}, "method"),
        ({"status": "301"}, "status"),
        ({"status": "404"}, "status"),
        ({"status": "503"}, "status"),
        ({"status": "000"}, "status"),
        ({"status": "206"}, "status"),
        ({"path": "/a/../b/"}, "path"),
        ({"path": "/desk/"}, "self"),
        ({"agent": "Pressrun/0.1"}, "self"),
        ({"agent": ""}, "bot"),
        ({"agent": GOOGLEBOT}, "bot"),
        ({"agent": MINIFLUX}, "reader"),
        ({"agent": GMAIL}, "mail"),
        ({"path": "/style.css"}, "asset"),
        ({"day": "2027-01-01"}, "time"),
        ({"day": "yesterday"}, "time"),
        ({"day": "2026-02-01"}, "late"),
    ],
)
def test_what_is_no_view_is_counted_as_what_it_is(
    counter: ViewCounter, change: dict[str, str], reason: str
) -> None:
    """One reason each, and no view."""
    counter.count(log(fields(**change)))
    counter.fold()
    found = day(counter, next(iter(counter.book.days(RULE))))
    assert found.reasons == Counter({"header": 2, reason: 1}) or reason == "late"
    assert found.reasons["late"] == (3 if reason == "late" else 0)
    assert found.pages == {}


def test_recordings_count_whole_and_in_part_but_not_a_probe(counter: ViewCounter) -> None:
    """Players ask for two bytes first."""
    counter.count(
        log(
            fields("/bell.mp3"),
            fields("/bell.mp3", status="206", range="0-1"),
            fields("/bell.mp3", status="206", range="0-2"),
            fields("/bell.mp3", agent=OVERCAST),
            fields("/bell.mp3", status="304"),
        )
    )
    counter.fold()
    assert day(counter).audio == {"bell.mp3": Figure(2, 3)}
    assert day(counter).reasons == {"header": 2, "audio": 3, "range": 1, "status": 1}


def test_feeds_have_the_subscribers_that_readers_report(counter: ViewCounter) -> None:
    """The day's highest; where none is reported, how many came; nobody's fancy."""
    counter.count(
        log(
            fields("/feed.xml", agent=FEEDLY.format(870)),
            fields("/feed.xml", agent=FEEDLY.format(868), status="304"),
            fields("/feed.xml", agent=FEEDLY.format(999_999_999)),
            fields("/feed.xml", agent=MINIFLUX),
            fields("/feed.xml", agent=MINIFLUX, ip="198.51.100.9"),
            fields("/feed.xml", agent=f"{CHROME} 500 subscribers"),
        )
    )
    counter.fold()
    assert day(counter).feeds == {
        "feed.xml": {"Feedly": Figure(870, 3), "Miniflux": Figure(2, 2, approximate=True)}
    }
    assert day(counter).reasons["feed"] == 1


def test_pictures_that_mail_services_fetch_are_opens(counter: ViewCounter) -> None:
    """And never views."""
    counter.count(log(fields("/tide.png", agent=GMAIL), fields("/tide.png")))
    counter.fold()
    found = day(counter)
    assert (found.opens, found.pages, found.reasons["asset"]) == ({"Gmail": 1}, {}, 1)


def test_an_address_counts_by_its_network(counter: ViewCounter) -> None:
    """IPv6 to /64; IPv4 whole, also where it is written as IPv6."""
    addresses = [
        "2001:db8:1:2:3:4:5:6",
        "2001:db8:1:2::9",
        "2001:db8:1:3::9",
        "::ffff:198.51.100.7",
        "198.51.100.7",
    ]
    counter.count(log(*(fields(ip=address) for address in addresses)))
    counter.fold()
    assert day(counter).pages["tide/"] == Figure(3, 5)


def test_our_own_networks_are_ourselves(store: MemoryStore, clock: FrozenClock) -> None:
    """Whatever they use to look."""
    site = replace(SITE, own=(ip_network("198.51.100.0/24"), ip_network("2001:db8::/32")))
    counter = ViewCounter(store=store, logs=None, place="", clock=clock, site=lambda: site)
    counter.count(
        log(fields(), fields(ip="2001:db8::7"), fields(ip="::ffff:198.51.100.1"), fields(ip="203.0.113.1"))
    )
    counter.fold()
    assert day(counter).reasons == {"header": 2, "self": 3, "page": 1}


def test_neither_address_nor_agent_is_stored(counter: ViewCounter, store: MemoryStore) -> None:
    """In no object, in no form; and tokens change with the day."""
    counter.count(
        log(fields(ip="203.0.113.99", agent=f"{CHROME} canary"), fields(day="2026-02-28", ip="203.0.113.99"))
    )
    bodies = b"".join(blob.body for blob in store.objects.values())
    assert b"203.0.113.99" not in bodies
    assert b"canary" not in bodies
    [name] = counter.book.deltas(RULE)
    delta = counter.book.delta(RULE, name)
    assert delta is not None
    one, two = (delta[day].pages["tide/"].who.stored() for day in (DAY, "2026-02-28"))
    assert one != two


def test_a_log_counts_once_however_often_it_comes(counter: ViewCounter, store: MemoryStore) -> None:
    """Before its delta is folded, and long after."""
    requests = [fields(), fields(day="2026-02-28")]
    assert counter.count(log(*requests))
    assert not counter.count(log(*requests))
    counter.fold()
    before = {key: blob.body for key, blob in store.objects.items()}
    assert counter.count(log(*requests))
    counter.fold()
    assert {key: blob.body for key, blob in store.objects.items()} == before
    assert counter.count(log(*requests, name="another"))
    counter.fold()
    assert day(counter).pages["tide/"] == Figure(1, 2)


def test_after_three_days_the_salt_is_gone_and_sets_are_counts(
    counter: ViewCounter, store: MemoryStore, clock: FrozenClock
) -> None:
    """What comes later is late, and changes nothing else."""
    counter.count(log(fields(), fields(agent=FIREFOX)))
    counter.fold()
    clock.time = datetime(2026, 3, 4, 23, 59, tzinfo=UTC)
    assert counter.seal() == []
    counter.count(log(fields(ip="198.51.100.99"), name="in time"))
    clock.advance(60)
    counter.fold()
    assert counter.seal() == [DAY]
    assert counter.seal() == []
    assert [key for key in store.objects if key.startswith("salt/")] == []
    assert b"set" not in store.objects[f"day/r1/{DAY}.json"].body
    counter.count(log(fields(ip="198.51.100.100"), fields(), name="too late"))
    counter.fold()
    found = day(counter)
    assert found.pages == {"tide/": Figure(3, 3)}
    assert found.reasons == {"header": 4, "page": 3, "late": 4}
    assert counter.book.sum(RULE).figures.pages == {"tide/": Figure(3, 3)}


def test_a_delta_that_was_made_in_time_and_folded_too_late_is_late(
    counter: ViewCounter, clock: FrozenClock
) -> None:
    """Its tokens can be compared with nothing any more."""
    counter.count(log(fields()))
    clock.advance(5 * 86_400)
    counter.seal()
    counter.fold()
    assert day(counter).reasons == {"late": 3}


def test_many_readers_are_estimated_and_said_to_be(counter: ViewCounter) -> None:
    """Beyond 4,096."""
    counter.count(log(*(fields(ip=f"10.0.{n // 250}.{n % 250}") for n in range(5000))))
    counter.fold()
    figure = day(counter).pages["tide/"]
    assert figure.approximate
    assert figure.hits == 5000
    assert abs(figure.count - 5000) < 5000 * 0.065


def crowded(number: int) -> list[dict[str, str]]:
    """A log of a host that answers 200 to whatever it is asked for, and of who asks for very much."""
    source = random.Random(number)
    some = [
        fields(f"/{source.randrange(400):x}{source.choice(('/', '.mp3', '/feed.xml'))}") for _ in range(300)
    ]
    some += [fields(f"/{source.randrange(400):x}/", agent=GOOGLEBOT) for _ in range(300)]
    some += [fields(f"/{source.randrange(400):x}/feed.xml", agent=MINIFLUX) for _ in range(100)]
    some += [fields(f"/{source.randrange(400):x}.mp3", agent=OVERCAST) for _ in range(50)]
    some += [fields(path, ip=f"198.51.100.{number}") for path in ("/tide/", "/bell.mp3")]
    source.shuffle(some)
    return some


def test_addresses_without_number_leave_a_day_small(
    clock: FrozenClock, logs: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is published counts in full; of all else the same few addresses stay, however the logs come."""
    monkeypatch.setattr(crowd, "MOST", 40)
    monkeypatch.setattr("pressrun.parsing.accesslogs.blocks.BLOCK", 4096)
    requests = [crowded(number) for number in range(3)]
    counted = defaultdict(lambda: ["Chrome"], xml=["Miniflux"], mp3=["Chrome", "Overcast"])
    hits = Counter(
        path
        for row in itertools.chain(*requests)
        if (path := row["cs-uri-stem"].removeprefix("/"))
        and any(name in row["cs(User-Agent)"] for name in counted[path.rpartition(".")[2]])
    )
    feeds = {path for path in hits if path.endswith("feed.xml")}
    stays = [path for path in sorted(hits, key=crowd.rank) if path not in {"tide/", "bell.mp3"}][:40]
    found = []
    for order in ([0, 1, 2], [2, 0, 1, 2]):
        mine = ViewCounter(store=MemoryStore(), logs=logs, place="logs", clock=clock, site=lambda: SITE,
                           secret=lambda: b"salt")  # fmt: skip
        mine.book.set_known(crowd.Known(["tide/", "bell.mp3", "moon/"]))
        for number in order:
            mine.count(log(*requests[number], name=f"log {number}"))
            assert all(
                part.addresses <= 42
                for name in mine.book.deltas(RULE)
                for part in (mine.book.delta(RULE, name) or {}).values()
            )
            if len(order) == 4:
                mine.fold()
        mine.fold()
        page = mine.book.day(RULE, DAY)
        assert page and page.open
        found.append(page.open.stored())
    assert found[0] == found[1]
    figures = page.numbers()
    assert {**figures.pages, **figures.audio}.keys() == {"tide/", "bell.mp3", *stays} - feeds
    assert {path: f.hits for path, f in (figures.pages | figures.audio).items()} == {
        path: hits[path] for path in ["tide/", "bell.mp3", *stays] if path not in feeds
    }
    assert figures.feeds.keys() <= {*stays} and figures.feeds
    assert figures.pages["tide/"] == Figure(3, 3)
    left = sum(n for path, n in hits.items() if path not in {"tide/", "bell.mp3", *stays, *feeds})
    assert (figures.reasons["surplus"], figures.reasons["bot"], figures.reasons["reader"]) == (
        left,
        900,
        300,
    )
    assert figures.lines == 3 * (752 + 2)


@pytest.mark.slow
def test_addresses_without_number_take_no_memory(tmp_path: Path) -> None:
    """200,000 requests, each for another address: 64 MiB, Python and all."""
    program = """
import re, sys
from datetime import UTC, datetime
from pathlib import Path
from pressrun.adapters.local.files import FileStore
from pressrun.services.count import Log, ViewCounter
from pressrun.services.digest import Site
from tests.accesslogs import combined

class Noon:
    def now(self):
        return datetime(2026, 3, 1, 12, tzinfo=UTC)

usual = combined("/@/").decode()
chunks = (
    "".join(usual.replace("@", f"{n:x}") for n in range(at, at + 1000)).encode()
    for at in range(0, 200_000, 1000)
)
store = FileStore(Path(sys.argv[1]))
counter = ViewCounter(store=store, logs=None, place="", clock=Noon(), site=lambda: Site(name="s"))
counter.count(Log(name="log", etag="e", modified=Noon().now(), chunks=chunks))
counter.fold()
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(counter.book.day(1, "2026-03-01").numbers().lines, int(peak) >> 10)
"""
    found = subprocess.run(
        [sys.executable, "-c", program, tmp_path], check=True, capture_output=True, text=True
    ).stdout.split()
    assert (found[0], int(found[1]) <= 64) == ("200000", True)


def test_a_log_whose_event_was_lost_is_found(
    counter: ViewCounter, logs: MemoryStore, clock: FrozenClock
) -> None:
    """Once, and not while its event may be under way; one that cannot be read is named."""
    for name, body in (
        ("a.gz", gz(tabbed(fields()))),
        ("b.log", tabbed(fields())),
        ("c.log", b"#Version: 9\n"),
    ):
        logs.put(Put(key=name, body=body, content_type=""))
    assert counter.reconcile() == (0, [])
    counter.count_object("a.gz")
    clock.advance(3600)
    found, wrong = counter.reconcile()
    assert (found, len(wrong)) == (1, 1)
    assert "c.log" in wrong[0]
    counter.fold()
    assert counter.reconcile()[0] == 0
    assert day(counter).pages["tide/"].hits == 2


def test_a_log_that_is_gone_is_no_error(counter: ViewCounter) -> None:
    """Its lifecycle was faster."""
    assert not counter.count_object("gone.gz")


def test_a_new_rule_builds_its_own_tree_and_flips_to_it(
    counter: ViewCounter,
    store: MemoryStore,
    logs: MemoryStore,
    clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sealed days are taken over; open ones are counted anew."""
    logs.put(Put(key="old", body=tabbed(fields()), content_type=""))
    counter.count_object("old")
    counter.fold()
    clock.advance(5 * 86_400)
    counter.seal()
    logs.put(
        Put(
            key="new",
            body=tabbed(fields(day="2026-03-06"), fields(day="2026-03-06", agent=FIREFOX)),
            content_type="",
        )
    )
    counter.count_object("new")
    counter.fold()
    after = ViewCounter(store=store, logs=logs, place="logs", clock=clock, site=lambda: SITE, rule=2)
    monkeypatch.setattr(daybook, "RULE", 2)  # an upgrade's
    assert after.book.current() == 1
    after.replay()
    assert after.book.current() == 2
    assert day(after).pages == day(counter).pages
    assert day(after, "2026-03-06").pages == {"tide/": Figure(2, 2)}
    assert after.book.sum(2).figures.pages == counter.book.sum(1).figures.pages
    assert after.replay() == 0


def test_an_old_site_brings_its_history_along(counter: ViewCounter) -> None:
    """Days long past are opened, counted, and closed for good; the same logs again change nothing."""
    old = combined(time="01/Feb/2024:10:00:00 +0000") * 3 + combined(time="02/Feb/2024:10:00:00 +0000")

    def bring(name: str, data: bytes) -> None:
        counter.count_old(
            Log(name=name, etag=str(len(data)), modified=datetime(2026, 3, 1, tzinfo=UTC), chunks=[data])
        )
        counter.seal_old()

    bring("access.log", old)
    bring("access.log", old)
    assert day(counter, "2024-02-01").pages == {"tide/": Figure(1, 3)}
    assert counter.book.sum(RULE).figures.pages == {"tide/": Figure(2, 4)}
    bring("more.log", old)
    assert day(counter, "2024-02-01").reasons == {"page": 3, "late": 3}


def test_a_delta_that_cannot_be_read_holds_up_nothing_else(counter: ViewCounter, store: MemoryStore) -> None:
    """It is named."""
    store.put(Put(key="delta/r1/0bad.json", body=b"{", content_type=""))
    counter.count(log(fields()))
    done = counter.fold()
    assert (done.deltas, done.broken) == (1, ["0bad"])


def test_the_clock_of_a_log_may_be_ahead_a_little(counter: ViewCounter, clock: FrozenClock) -> None:
    """Around midnight."""
    tomorrow = f"{clock.now() + timedelta(days=1):%Y-%m-%d}"
    counter.count(log(fields(day=tomorrow)))
    counter.fold()
    assert day(counter, tomorrow).pages["tide/"].hits == 1
