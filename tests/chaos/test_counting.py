"""Workers that die, answers that are lost, logs that come twice and in any order: the counts are exact all the same."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from threading import Condition, Thread

import pytest

from pressrun.domain.views import RULE, Day, Figure
from pressrun.errors import Conflict, PressrunError
from pressrun.services.count import Log, ViewCounter
from pressrun.services.daybook import Page
from pressrun.services.digest import Site
from tests.accesslogs import fields, tabbed
from tests.conftest import FrozenClock
from tests.stores import Crash, FaultyStore, MemoryStore

DAYS = ("2026-02-27", "2026-02-28", "2026-03-01")


class Turns:
    """Lets one worker run at a time; who is next at each store operation is a seed's choice."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self._condition = Condition()
        self._waiting: list[int] = []
        self._running = 0
        self._turn: int | None = None

    def begin(self) -> None:
        with self._condition:
            self._running += 1

    def wait(self, worker: int) -> None:
        with self._condition:
            self._waiting.append(worker)
            self._choose()
            while self._turn != worker:
                self._condition.wait(20)
            self._turn = None
            self._waiting.remove(worker)

    def end(self) -> None:
        with self._condition:
            self._running -= 1
            self._choose()

    def _choose(self) -> None:
        if self._turn is None and self._waiting and len(self._waiting) == self._running:
            self._turn = self._random.choice(self._waiting)
            self._condition.notify_all()


class MarkerThenAdd(ViewCounter):
    """A mutant: says that a delta is folded before it is. A crash in between loses it."""

    def _fold(self, names: list[str], _: object) -> None:
        for name in names:
            delta = self.book.delta(self.rule, name)
            new = []
            for day, counts in (delta or {}).items():
                self.book.change_day(self.rule, day, lambda page: new.append(_mark(page, name)) or new[-1])  # noqa: B023
                if new[-1]:
                    self.book.change_day(self.rule, day, lambda page: _add(page, counts))  # noqa: B023
            self.book.drop_delta(self.rule, name)


class AddThenMarker(ViewCounter):
    """A mutant: says that a delta is folded after it is. A crash in between counts it twice."""

    def _fold(self, names: list[str], _: object) -> None:
        for name in names:
            delta = self.book.delta(self.rule, name)
            for day, counts in (delta or {}).items():
                page = self.book.day(self.rule, day)
                if page is None or name not in page.folded:
                    self.book.change_day(self.rule, day, lambda page: _add(page, counts))  # noqa: B023
                    self.book.change_day(self.rule, day, lambda page: _mark(page, name))  # noqa: B023
            self.book.drop_delta(self.rule, name)


def _mark(page: Page, name: str) -> bool:
    new = name not in page.folded
    page.folded.add(name)
    return new


def _add(page: Page, counts: Day) -> bool:
    assert page.open is not None
    page.open.merge(counts)
    return True


def logs(source: random.Random) -> list[Log]:
    """Some logs, each of a few days."""

    def requests() -> Iterator[dict[str, str]]:
        for _ in range(source.randrange(1, 8)):
            path, reader = f"/{source.choice('abc')}/", f"198.51.100.{source.randrange(6)}"
            yield fields(
                path, ip=reader, day=source.choice(DAYS), status=source.choice(["200", "200", "404"])
            )

    return [
        Log(
            name=f"log {n}", etag="e", modified=datetime(2026, 3, 1, tzinfo=UTC), chunks=[tabbed(*requests())]
        )
        for n in range(6)
    ]


def truth(some: list[Log]) -> dict[str, tuple[dict[str, Figure], int]]:
    """What the set model says: (token, article, day) once, hits as often as they are, and every line."""
    hits: Counter[tuple[str, str]] = Counter()
    seen: dict[tuple[str, str], set[str]] = {}
    for log in some:
        for line in b"".join(log.chunks).decode().splitlines()[2:]:
            cells = line.split("\t")
            if cells[8] == "200":
                key = (cells[0], cells[7].strip("/") + "/")
                hits[key] += 1
                seen.setdefault(key, set()).add(cells[4])
    return {
        day: (
            {path: Figure(len(who), hits[d, path]) for (d, path), who in seen.items() if d == day},
            0,
        )
        for day in DAYS
    }


def run(kind: Callable[..., ViewCounter], seed: int, *, workers: int = 3, rate: float = 0.12) -> list[str]:
    """A schedule of workers that count and fold, and die; then a quiet end. What is wrong in the outcome."""
    source = random.Random(seed)
    store, clock, turns = MemoryStore(), FrozenClock(), Turns(source)
    some = logs(source)

    def counter(over: object) -> ViewCounter:
        return kind(
            store=over, logs=None, place="", clock=clock, site=lambda: Site(name="s"), secret=lambda: b"salt"
        )

    def work(number: int, jobs: list[Log]) -> None:
        over = FaultyStore(store, random.Random(seed * 31 + number), rate, lambda: turns.wait(number))
        mine = counter(over)
        for log in jobs:
            with suppress(PressrunError, Crash):
                mine.count(log)
            with suppress(PressrunError, Crash):
                mine.fold()
        turns.end()

    threads = []
    for number in range(workers):
        jobs = source.sample(some, len(some)) + source.sample(some, 2)
        turns.begin()
        threads.append(Thread(target=work, args=(number, jobs), daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    quiet = counter(store)
    for log in some:
        quiet.count(log)
    quiet.fold()
    return wrong(quiet, some)


def wrong(counter: ViewCounter, some: list[Log]) -> list[str]:
    """Where days differ from the truth."""
    found = []
    lines = 0
    for day, (pages, _) in truth(some).items():
        page = counter.book.day(RULE, day)
        numbers = page.numbers() if page else None
        if (numbers.pages if numbers else {}) != pages:
            found.append(f"{day}: {numbers and numbers.pages} instead of {pages}")
        lines += numbers.lines if numbers else 0
    wanted = sum(b"".join(log.chunks).count(b"\n") for log in some)
    if lines != wanted:
        found.append(f"{lines} reasons for {wanted} lines")
    return found


@pytest.mark.parametrize("start", [0, 100])
def test_crashes_and_lost_answers_lose_nothing_and_double_nothing(start: int) -> None:
    """Three workers, interleaved at every store operation; one in eight operations fails."""
    assert {seed: bad for seed in range(start, start + 25) if (bad := run(ViewCounter, seed))} == {}


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_crashes_and_lost_answers_at_length() -> None:
    """1,500 schedules, of two to four workers and more or fewer faults."""
    for seed in range(1000, 2500):
        assert run(ViewCounter, seed, workers=2 + seed % 3, rate=0.05 + seed % 5 * 0.05) == []


@pytest.mark.parametrize("mutant", [MarkerThenAdd, AddThenMarker])
def test_naive_ways_are_caught(mutant: Callable[..., ViewCounter]) -> None:
    """Else the test above would prove nothing."""
    assert any(run(mutant, seed) for seed in range(60))


@pytest.mark.parametrize("seed", range(20))
def test_sealing_can_die_at_any_step(seed: int) -> None:
    """The sum has every day once, and no salt is left."""
    source = random.Random(seed)
    store, clock, some = MemoryStore(), FrozenClock(), logs(source)
    over = FaultyStore(store, source, 0.3)

    def counter(where: object) -> ViewCounter:
        return ViewCounter(store=where, logs=None, place="", clock=clock, site=lambda: Site(name="s"))  # type: ignore[arg-type]

    for log in some:
        counter(store).count(log)
    counter(store).fold()
    clock.advance(7 * 86_400)
    for _ in range(12):
        with suppress(PressrunError, Crash, Conflict):
            counter(over).seal()
    counter(store).seal()
    assert [key for key in store.objects if key.startswith("salt/")] == []
    total = counter(store).book.sum(RULE)
    wanted: dict[str, Figure] = {}
    for pages, _ in truth(some).values():
        for path, figure in pages.items():
            wanted[path] = wanted.get(path, Figure()).plus(figure)
    assert total.figures.pages == wanted
