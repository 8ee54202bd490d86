"""A log that grows is counted as it grows, each line once."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from pressrun.adapters.local.logs import LogFiles
from pressrun.domain.views import RULE
from pressrun.ports import Put
from pressrun.services import segments
from pressrun.services.count import ViewCounter
from pressrun.services.digest import Site
from pressrun.services.segments import Segments
from pressrun.services.totals import Totals
from pressrun.services.viewing import Views
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


def test_old_logs_go_once_they_are_counted(
    counter: ViewCounter, store: MemoryStore, tmp_path: Path, clock: FrozenClock
) -> None:
    """Not one that grows, nor one with a line that is not counted; half a line at the end is none."""
    names = ("counted", "torn", "uncounted", "empty", "young")
    bodies = (LINE, LINE + LINE[:50], LINE, b"", LINE)
    for name, body in zip(names, bodies, strict=True):
        (tmp_path / f"{name}.jsonl").write_bytes(body)
    mine = Segments(counter, LogFiles(tmp_path))
    mine.count()
    with (tmp_path / "uncounted.jsonl").open("ab") as more:
        more.write(LINE)
    old = clock.now().timestamp() - 31 * 86_400
    for name in names[:4]:
        os.utime(tmp_path / f"{name}.jsonl", (old, old))
    assert mine.expire(clock.now() - timedelta(days=30)) == 3
    assert sorted(path.stem for path in tmp_path.glob("*.jsonl")) == ["uncounted", "young"]
    assert [key for key in store.objects if "segments" in key] == [
        "segments/uncounted.jsonl.json",
        "segments/young.jsonl.json",
    ]
    mine.count()
    assert lines(counter) == 5
    os.utime(tmp_path / "uncounted.jsonl", (old, old))
    assert mine.expire(clock.now() - timedelta(days=30)) == 1


def test_the_tick_removes_them_once_a_day(counter: ViewCounter, tmp_path: Path, clock: FrozenClock) -> None:
    """After so many days as the settings say; 0 keeps them for ever."""
    log = tmp_path / "a.jsonl"
    log.write_bytes(LINE)
    os.utime(log, (clock.now().timestamp(), clock.now().timestamp()))
    days = 30
    views = Views(
        counter=counter,
        totals=Silent(),
        clock=clock,
        segments=Segments(counter, LogFiles(tmp_path)),
        keep=lambda: days,
    )
    views.look()
    clock.advance(29 * 86_400)
    assert views.tick().expired == 0
    clock.advance(86_401)
    days = 0
    assert views.tick().expired == 0
    days = 30
    assert views.tick().expired == 0
    clock.advance(86_400)
    assert views.tick().expired == 1
    assert not log.exists()


class Silent(Totals):
    """Publishes nothing."""

    def __init__(self) -> None:
        pass

    def refresh(self, *, full: bool) -> None:
        pass


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
