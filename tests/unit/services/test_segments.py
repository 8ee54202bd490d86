"""A log that grows is counted as it grows, each line once."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from pressrun.adapters.local.logs import LogFiles
from pressrun.domain.views import RULE
from pressrun.ports import Put
from pressrun.services import segments
from pressrun.services.count import ViewCounter
from pressrun.services.digest import Site
from pressrun.services.segments import Segments
from tests.accesslogs import DAY, fields, objects
from tests.conftest import FrozenClock
from tests.stores import Crash, MemoryStore

LINE = objects(fields())


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def counter(store: MemoryStore, clock: FrozenClock) -> ViewCounter:
    return ViewCounter(store=store, logs=None, place="", clock=clock, site=lambda: Site(name="s"))


def lines(counter: ViewCounter) -> int:
    counter.fold()
    page = counter.book.day(RULE, DAY)
    return page.numbers().lines if page else 0


def test_what_is_added_is_counted_and_nothing_twice(counter: ViewCounter, tmp_path: Path) -> None:
    """A line under way waits until it is whole; a new file begins anew; others go on where they were."""
    log = tmp_path / "2026-03-01-11.jsonl"
    log.write_bytes(LINE * 3 + LINE[:50])
    mine = Segments(counter, LogFiles(tmp_path))
    assert mine.count() == 1
    assert mine.count() == 0
    assert lines(counter) == 3
    with log.open("ab") as more:
        more.write(LINE[50:] + LINE)
    (tmp_path / "2026-03-01-12.jsonl").write_bytes(LINE)
    assert Segments(counter, LogFiles(tmp_path)).count() == 2
    assert mine.count() == 0
    assert lines(counter) == 6


def test_a_file_in_another_s_place_begins_anew(counter: ViewCounter, tmp_path: Path) -> None:
    """Truncated, or written anew under the same name."""
    log = tmp_path / "a.jsonl"
    log.write_bytes(LINE * 3)
    mine = Segments(counter, LogFiles(tmp_path))
    mine.count()
    log.write_bytes(LINE)
    mine.count()
    (tmp_path / "new").write_bytes(LINE * 3)
    (tmp_path / "new").rename(log)
    mine.count()
    assert lines(counter) == 7


def test_long_logs_are_counted_in_parts(
    counter: ViewCounter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a long rest."""
    monkeypatch.setattr(segments, "LARGEST", len(LINE) * 3 + 10)
    (tmp_path / "a.jsonl").write_bytes(LINE * 10)
    assert Segments(counter, LogFiles(tmp_path)).count() == 4
    assert lines(counter) == 10


@pytest.mark.parametrize("after", range(8))
def test_a_crash_at_any_write_neither_loses_nor_doubles(
    counter: ViewCounter, store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """The file has grown before somebody goes on."""
    log, writes = tmp_path / "a.jsonl", 0
    put = MemoryStore.put

    def dying(self: MemoryStore, what: Put) -> str:
        nonlocal writes
        writes += 1
        if writes * 2 - 1 == after:
            raise Crash
        done = put(self, what)
        if writes * 2 == after:
            raise Crash
        return done

    log.write_bytes(LINE * 2)
    monkeypatch.setattr(MemoryStore, "put", dying)
    with suppress(Crash):
        Segments(counter, LogFiles(tmp_path)).count()
    monkeypatch.undo()
    with log.open("ab") as more:
        more.write(LINE)
    Segments(counter, LogFiles(tmp_path)).count()
    assert lines(counter) == 3
