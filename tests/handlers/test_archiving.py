"""`pressrun backup` and `restore`: a publication moves between a machine and AWS, and stays what it is."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handlers.house import house
from pressrun import bootstrap
from pressrun.commands.archiving import stores
from pressrun.commands.operate import survey
from pressrun.errors import Permanent, Transient
from pressrun.house import House
from pressrun.ports import Put
from pressrun.services import archive as archives
from pressrun.services.archive import PASSING, Archive
from pressrun.services.restore import Restore
from pressrun.services.sweep import bring_in_line
from tests.fakes.office import SETTINGS, Office
from tests.handlers.conftest import Cloud
from tests.handlers.test_exchange import Terminal, run  # noqa: F401 - a fixture

CONTENT = Path(__file__).parents[2] / "content"
Rows = dict[tuple[str, str], Any]


def rows_of(there: House) -> Rows:
    """All rows that a backup holds, without what each backend has its own way with: etags and the last sweep."""
    found: Rows = {}
    for row in there.table.scan():
        if row.partition in PASSING or (row.partition, row.sort) == ("site", "swept"):
            continue
        item: Any = {name: value for name, value in row.item.items() if name != "etag"}
        if row.partition == "collection":
            item["objects"] = {key: mark for key, (_, mark) in item["objects"].items()}
        found[row.partition, row.sort] = item
    return found


def objects_of(there: House, *names: str) -> dict[str, tuple[bytes, str, str, dict[str, str]]]:
    found = {}
    for name in names:
        for each in stores(there)[name].list():
            blob = stores(there)[name].get(each.key)
            headers = (
                (blob.content_type, blob.cache_control, dict(blob.metadata))
                if name == "site"
                else ("", "", {})
            )
            found[f"{name}/{each.key}"] = (blob.body, *headers)
    return found


ALL = ("content", "site", "errors", "mail", "views")


def changes(there: House) -> list[str]:
    """What a publish run does."""
    report = bring_in_line(there.publisher)
    return [f"{outcome.state} {outcome.key}" for outcome in report.outcomes if outcome.state != "unchanged"]


def reader(there: House, address: str, state: str = "active") -> None:
    from pressrun.domain.subscribers import Subscriber, subscriber_id

    now = there.clock.now().isoformat()
    found = Subscriber(
        address=address,
        state=state,  # type: ignore[arg-type]
        lists={"letters": "article"},
        created=now,
        confirmed=now,
    )
    there.subscribers.change(subscriber_id(address), lambda _: found)


def published(root: Path) -> tuple[Path, Path]:
    """A publication with pictures, a refused file, redirects, readers, a sent issue and counted views."""
    settings = SETTINGS.replace('choices = ["daily", "weekly"]', "")  # no digest, whatever the hour
    office = Office(root, settings)
    for path in CONTENT.rglob(
        "*"
    ):  # a handful: texts in a folder with pictures, one of HTML, and a recording
        if path.is_file() and (
            path.parent.name in {"four-blocks", "signals"} or path.suffix in {".mp3", ".svg"}
        ):
            there = office.folder / path.relative_to(CONTENT)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(path.read_bytes())
    office.publish()
    office.readers(120)
    office.reader("gone@example.org", state="unsubscribed")
    office.publish("news.md", "News.")
    office.clock.advance(660)
    office.house.newsroom.tick()
    office.work()
    office.publish("bad.md", "x", date="yesterday or so")
    office.house.tokens.make("unsubscribe", "00" * 16, "letters")
    log = b'203.0.113.9 - - [01/Feb/2026:10:00:00 +0000] "GET /news/ HTTP/1.1" 200 5 "-" "Mozilla/5.0 Firefox/140.0"\n'
    from pressrun.services.count import Log

    office.house.views.counter.count(Log(name="old", etag="1", modified=office.clock.now(), chunks=[log]))
    office.house.views.tick()
    office.house.close()
    return office.folder, root


def opened(root: Path) -> House:
    made = bootstrap.local(*published(root), {})
    bring_in_line(made.publisher)  # months later: what was scheduled then is due
    made.newsroom.tick()
    return made


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Made once: tests read it, and leave it as it is."""
    made = opened(tmp_path_factory.mktemp("source"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def saved(source: House, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "tides.zip"
    save(source, path)
    return path


def save(there: House, path: Path) -> None:
    with path.open("wb") as stream:
        archives.write(
            stream,
            table=there.table,
            stores=stores(there),
            made=there.clock.now(),
            url="https://tides.example",
            told=lambda *_: None,
        )


def bring_back(there: House, path: Path, *, replace: bool = False, **others: Any) -> Restore:
    with path.open("rb") as stream:
        archive = Archive(stream)
        parts = {"table": there.table, "stores": stores(there), **others}
        work = Restore(archive, newsroom=there.newsroom, clock=there.clock, **parts)
        try:
            work.run(replace=replace, told=lambda *_: None)
        finally:
            archive.close()
    return work


def test_a_publication_moves_to_aws_and_back_and_nothing_changes(
    source: House, saved: Path, cloud: Cloud, tmp_path: Path
) -> None:
    """The same rows, the same bytes with the same headers, and a publish run finds nothing to do, here and there."""
    rows, objects = rows_of(source), objects_of(source, *ALL)
    assert any(key.startswith("mail/") for key in objects)
    assert any(key.startswith("views/day/") for key in objects)
    assert "errors/bad.md.json" in objects
    bring_back(house(), saved)
    assert rows_of(house()) == rows
    assert objects_of(house(), *ALL) == objects
    assert changes(house()) == ["refused bad.md"]
    assert objects_of(house(), "site") == objects_of(source, "site")
    back = tmp_path / "back.zip"
    save(house(), back)
    home = bootstrap.local(tmp_path / "second" / "content", tmp_path / "second" / "home", {})
    (tmp_path / "second" / "content").mkdir()
    bring_back(home, back)
    assert changes(home) == ["refused bad.md"]
    assert rows_of(home) == rows
    assert objects_of(home, *ALL) == objects
    home.close()


@pytest.mark.slow
def test_a_link_that_was_signed_before_is_good_after(source: House, saved: Path, cloud: Cloud) -> None:
    token = source.tokens.make("unsubscribe", "ab" * 16, "letters")
    house().tokens.make("unsubscribe", "00" * 16)  # as a tick may have, on a stack that was made just now
    own = house().tokens.make("unsubscribe", "cd" * 16)
    bring_back(house(), saved)
    fresh = bootstrap.aws()
    assert fresh.tokens.read("unsubscribe", token)
    assert fresh.tokens.read("unsubscribe", own)
    fresh.close()


@pytest.mark.slow
def test_the_functions_of_a_stack_that_is_awake_do_no_harm(source: House, saved: Path, cloud: Cloud) -> None:
    """Its tick runs at any moment, and each upload's event is handled at once: nobody is mailed, nothing withdrawn."""
    before = rows_of(source)

    class Awake:
        """The content bucket, whose function and whose tick run after every write."""

        def __init__(self) -> None:
            self._store = house().content

        def put_many(self, puts: list[Put]) -> Any:
            results = self._store.put_many(puts)
            cloud.tick()
            from tests.handlers.conftest import eventbridge

            cloud.handle([eventbridge(put.key) for put in puts])
            cloud.drain()
            return results

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

    cloud.tick()
    bring_back(house(), saved, stores={**stores(house()), "content": Awake()})
    cloud.drain()
    assert changes(house()) == ["refused bad.md"]
    after = rows_of(house())
    issues = [key for key in after if key[0].startswith("issue ")]
    assert issues == [key for key in before if key[0].startswith("issue ")]
    assert {key: after[key] for key in issues} == {key: before[key] for key in issues}
    assert [key for key in before if key[0] in {"source", "path", "announced"} and key not in after] == []
    found, wanted = objects_of(house(), "site"), objects_of(source, "site")
    assert found.keys() >= wanted.keys()
    assert [key for key in wanted if not key.startswith("site/views/") and found[key] != wanted[key]] == []


class Dying:
    """A store or table that is gone after so many writes."""

    def __init__(self, real: Any, left: list[int]) -> None:
        self._real = real
        self._left = left

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name not in {"put_many", "write", "write_each", "delete"}:
            return found

        def counted(*arguments: Any, **named: Any) -> Any:
            self._left[0] -= 1
            if self._left[0] < 0:
                raise Transient("the line is cut")
            return found(*arguments, **named)

        return counted


def test_a_restore_that_is_cut_short_goes_on(source: House, saved: Path, tmp_path: Path) -> None:
    """At each of its writes, one after the other, into the same home."""
    (tmp_path / "c").mkdir()
    home = bootstrap.local(tmp_path / "c", tmp_path / "h", {})
    rows = rows_of(source)
    cuts = 0
    for cut in range(60):
        left = [cut]
        try:
            bring_back(
                home,
                saved,
                table=Dying(home.table, left),
                stores={name: Dying(store, left) for name, store in stores(home).items()},
            )
        except Transient:
            cuts += 1
        else:
            break
        assert survey(home).restoring is (home.table.get("restore", "mark") is not None)
    assert cuts > 5
    assert not survey(home).restoring
    assert changes(home) == ["refused bad.md"]
    assert rows_of(home) == rows
    assert objects_of(home, *ALL) == objects_of(source, *ALL)
    home.close()


def test_every_write_is_conditional_and_no_letter_is_written_over(saved: Path, tmp_path: Path) -> None:
    """As the content bucket's policy asks for letters and counts."""
    (tmp_path / "c").mkdir()
    home = bootstrap.local(tmp_path / "c", tmp_path / "h", {})
    puts: list[Put] = []

    class Watched:
        def __init__(self, store: Any) -> None:
            self._store = store

        def put_many(self, wanted: list[Put]) -> Any:
            puts.extend(wanted)
            return self._store.put_many(wanted)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

    watched = {name: Watched(store) for name, store in stores(home).items()}
    bring_back(home, saved, stores=watched)
    assert all(put.if_absent for put in puts)
    letters = [put.key for put in puts if "letter-" in put.key]
    puts.clear()
    home.views.counter.book.change("swept.json", lambda _: {"other": 1})
    bring_back(home, saved, stores=watched, replace=True)
    assert [put.key for put in puts] == ["swept.json"]
    assert puts[0].if_match
    assert letters
    home.close()


def test_a_home_that_is_not_empty_is_left_alone(saved: Path, cloud: Cloud) -> None:
    cloud.upload("mine.md", b"---\ntitle: Mine\n---\nx")
    with pytest.raises(Permanent, match="--replace"):
        bring_back(house(), saved)
    assert [each.key for each in house().content.list()] == ["mine.md"]


def test_replacing_brings_back_no_reader_and_sends_nothing_twice(tmp_path: Path) -> None:
    """Readers and what was sent since the backup stay as they are; the rest is as it was."""
    source, saved = opened(tmp_path), tmp_path / "tides.zip"
    save(source, saved)
    rows, objects = rows_of(source), objects_of(source, "site", "content")
    folder = Path(source.content._folder.root)  # type: ignore[attr-defined]
    (folder / "later.md").write_text("---\ntitle: Later\ndate: 2026-03-01\n---\nx")
    (folder / "news.md").unlink()
    changes(source)
    reader(source, "reader3@example.org", "unsubscribed")
    reader(source, "new@example.org")
    work = bring_back(source, saved, replace=True)
    assert work.done.kept_readers == 1
    found = source.subscribers.find("reader3@example.org")
    assert found is not None
    assert found.subscriber.state == "unsubscribed"
    assert source.subscribers.find("new@example.org")
    assert changes(source) == ["refused bad.md"]
    assert objects_of(source, "site", "content") == objects
    after = rows_of(source)
    extra = {key[0].split()[0] for key in after.keys() - rows.keys()}
    assert extra <= {"announced", "news", "issue", "issues", "reader"}
    assert [key for key in rows if key not in after] == []
    source.close()


def test_issues_that_were_under_way_wait_for_a_person(tmp_path: Path) -> None:
    """What was in hand is uncertain, and no event of later mails lets it go out again."""
    (tmp_path / "a").mkdir()
    office = Office(tmp_path / "a")
    office.publish()
    office.readers(120)
    office.publish("tide.md")
    office.clock.advance(660)
    office.house.newsroom.tick()
    for message in office.house.mail_queue.receive(10):
        office.house.post.handle(message.body)  # plans
    ledger, issue = office.house.newsroom.ledger, office.issue()
    shard, first = next(ledger.todo(issue))
    batch = ledger.get("letters", issue.id, shard, first)
    assert batch is not None
    ledger.claim(batch, "worker")
    office.publish("moon.md")
    cooling = [one for one in office.issues() if one.state == "cooling"]
    path = tmp_path / "x.zip"
    save(office.house, path)
    (tmp_path / "b").mkdir()
    other = Office(tmp_path / "b")
    other.clock.time = office.clock.time
    other.clock.advance(3 * 3600)
    with pytest.raises(Permanent, match="is being sent"):
        bring_back(office.house, path, replace=True)
    (other.folder / "pressrun.toml").unlink()
    done = bring_back(other.house, path).done
    assert done.paused == [f"letters/{issue.id}"]
    assert done.waiting == [f"letters/{cooling[0].id}"]
    states = {one.id: one.state for one in other.issues()}
    assert states == {issue.id: "paused", cooling[0].id: "waiting"}
    held = other.house.newsroom.ledger.get("letters", issue.id, shard, first)
    assert held is not None
    assert (held.state, held.until) == ("uncertain", "")
    other.house.newsroom.tick()
    other.house.deliverer.sweep()
    other.work()
    assert other.sink.sent == []


def test_a_digest_whose_time_passed_meanwhile_waits(tmp_path: Path) -> None:
    """The other home may have sent it: with articles it waits for a person, even where a tick was faster."""
    weekly = SETTINGS.replace("cooling_minutes", 'cadence = "weekly"\ncooling_minutes')
    (tmp_path / "a").mkdir()
    office = Office(tmp_path / "a", weekly)
    office.publish()
    office.house.newsroom.tick()
    office.publish("tide.md")
    path = tmp_path / "x.zip"
    save(office.house, path)
    (tmp_path / "b").mkdir()
    other = Office(tmp_path / "b", weekly)
    (other.folder / "pressrun.toml").unlink()
    other.clock.time = office.clock.time
    other.clock.advance(8 * 86_400)
    (tmp_path / "b" / "content" / "pressrun.toml").write_text(weekly)
    other.publish()
    other.house.newsroom.tick()
    (other.folder / "pressrun.toml").unlink()
    done = bring_back(other.house, path).done
    digests = {f"letters/{one.id}": one.state for one in other.issues() if one.kind == "digest"}
    assert digests == dict.fromkeys(done.waiting, "waiting")
    assert len(done.waiting) == 2  # a daily one and a weekly one
    other.house.newsroom.tick()
    other.work()
    assert other.sink.sent == []


@pytest.mark.parametrize("harm", ["cut off", "damaged", "later", "foreign"])
def test_a_file_that_is_not_whole_changes_nothing(saved: Path, tmp_path: Path, harm: str) -> None:
    body = saved.read_bytes()
    with zipfile.ZipFile(saved) as found:
        place = found.getinfo("rows/00001.jsonl").header_offset + 200
    broken = tmp_path / "broken.zip"
    if harm == "cut off":
        broken.write_bytes(body[: len(body) // 2])
    elif harm == "damaged":
        broken.write_bytes(body[:place] + bytes([body[place] ^ 0xFF]) + body[place + 1 :])
    else:
        with zipfile.ZipFile(broken, "w") as made:
            head = '{"format": "pressrun-backup", "version": 99, "by": "9.0"}' if harm == "later" else "{}"
            made.writestr("pressrun.json", head)
    (tmp_path / "c").mkdir()
    home = bootstrap.local(tmp_path / "c", tmp_path / "h", {})
    with pytest.raises(Permanent):
        bring_back(home, broken)
    assert list(home.table.scan()) == []
    assert list(home.content.list()) == []
    home.close()


def test_the_commands(run: Terminal, cloud: Cloud, tmp_path: Path) -> None:  # noqa: F811
    """Private, never over a file that is there, and plain about what it holds."""
    (tmp_path / "home").mkdir()
    content = tmp_path / "content"
    content.mkdir()
    (content / "pressrun.toml").write_text(SETTINGS)
    (content / "tide.md").write_text("---\ntitle: Tide\ndate: 2026-01-01\n---\nx")
    run("publish", content)
    file = tmp_path / "tides.zip"
    said = run("backup", file, "--content", content)
    assert "holds your readers' addresses" in said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "is there already" in run("backup", file, "--content", content, code=2)
    said = run("restore", file, "--target", "aws")
    assert "of https://tides.example" in said
    assert "Nothing has changed" in run("publish", content, "--target", "aws")
    assert "--replace" in run("restore", file, "--target", "aws", code=1)
    run("restore", file, "--target", "aws", "--replace", "--yes")
    assert "Nothing has changed" in run("publish", content, "--target", "aws")
