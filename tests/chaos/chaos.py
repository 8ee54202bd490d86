"""Workers that take turns at every operation of a port, and operations that fail in every way the ports allow.

All chance comes from one seeded generator, and workers are greenlets: the same seed gives the same schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from random import Random
from typing import TypeVar

from greenlet import getcurrent, greenlet

from pressrun.errors import Conflict, Transient
from pressrun.ports import Blob, DeadLetter, Drop, Message, ObjectStore, Put, Queue, Row, Save, Stat, Table

PAGE = 4  # rows or objects that a listing reads at a time
T = TypeVar("T")


class Crash(BaseException):
    """The worker's process is killed here. Nothing catches it."""


class Violation(AssertionError):  # noqa: N818
    """An invariant does not hold."""


class Fate(Enum):
    """What becomes of an operation."""

    WORKS = auto()
    FAILS = auto()  # an error, a throttle: nothing was done
    UNHEARD = auto()  # an error, but it was done
    DIES = auto()  # the worker, before it
    DIES_AFTER = auto()
    LOSES = auto()  # 409: a condition is said not to hold
    LOSES_TO_ITSELF = auto()  # 412: the driver's own retry meets what its first try has written


READ = (Fate.FAILS, Fate.DIES)
WRITE = (Fate.FAILS, Fate.UNHEARD, Fate.DIES, Fate.DIES_AFTER)
CONDITIONAL = (*WRITE, Fate.LOSES, Fate.LOSES_TO_ITSELF)
BEFORE: dict[Fate, Callable[[], BaseException]] = {
    Fate.FAILS: lambda: Transient("it failed"),
    Fate.DIES: Crash,
    Fate.LOSES: lambda: Conflict("somebody was faster"),
}
AFTER: dict[Fate, Callable[[], BaseException]] = {
    Fate.UNHEARD: lambda: Transient("it failed, as far as anybody knows"),
    Fate.DIES_AFTER: Crash,
    Fate.LOSES_TO_ITSELF: lambda: Conflict("somebody was faster: you"),
}


@dataclass
class Scheduler:
    """Lets workers run, one operation of one of them at a time.

    `trouble` is the part of operations that go wrong, `turn` the part after which another worker may go on: small
    values leave a worker standing while others finish whole jobs.
    """

    random: Random = field(default_factory=lambda: Random(0))
    trouble: float = 0.0
    turn: float = 0.5
    workers: list[greenlet] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    steps: int = 0
    _last: greenlet | None = None

    def spawn(self, job: Callable[[], None]) -> None:
        """A new worker; it does nothing before `run`."""

        def live() -> None:
            try:
                job()
            except Crash:
                pass
            except Transient as error:  # an invocation that failed: its message comes again
                self.trace.append(f"gave up: {error}")

        self.workers.append(greenlet(live))

    def run(self, steps: int | None = None) -> int:
        """So many operations, or all until every worker is done; how many there were."""
        before = self.steps
        while self.workers and (steps is None or self.steps - before < steps):
            if self._last not in self.workers or self.random.random() < self.turn:
                self._last = self.random.choice(self.workers)
            self.steps += 1
            self._last.switch()
            self.workers = [worker for worker in self.workers if not worker.dead]
            if self.steps - before > 100_000:
                raise Violation("the workers never come to an end")
        return self.steps - before

    def kill(self) -> None:
        """All workers die where they stand."""
        for worker in self.workers:
            if worker:
                worker.throw(Crash)
        self.workers = []

    def meet(self, what: str, fates: Sequence[Fate]) -> Fate:
        """Called before an operation: lets others go first, and says what will become of it."""
        here = getcurrent()
        if here.parent is None:
            return Fate.WORKS
        here.parent.switch()
        fate = self.random.choice(fates) if self.random.random() < self.trouble else Fate.WORKS
        self.trace.append(f"{self.workers.index(here)} {what} {fate.name if fate is not Fate.WORKS else ''}")
        return fate

    def do(self, what: str, fates: Sequence[Fate], action: Callable[[], T]) -> T:
        """The operation, as fate has it."""
        fate = self.meet(what, fates)
        if fate in BEFORE:
            raise BEFORE[fate]()
        done = action()
        if fate in AFTER:
            raise AFTER[fate]()
        return done

    def shuffled(self, things: Iterable[T], key: Callable[[T], str]) -> list[T]:
        """In any order, but the same for the same seed."""
        ordered = sorted(things, key=key)
        self.random.shuffle(ordered)
        return ordered


class ChaoticStore:
    """An ObjectStore whose operations interleave and fail."""

    def __init__(self, inner: ObjectStore, scheduler: Scheduler, name: str) -> None:
        self._inner = inner
        self._scheduler = scheduler
        self._name = name

    def get(self, key: str) -> Blob:
        return self._scheduler.do(f"{self._name}.get {key}", READ, lambda: self._inner.get(key))

    def head(self, key: str) -> Blob:
        return self._scheduler.do(f"{self._name}.head {key}", READ, lambda: self._inner.head(key))

    def put(self, put: Put) -> str:
        fates = CONDITIONAL if put.if_match or put.if_absent else WRITE
        return self._scheduler.do(f"{self._name}.put {put.key}", fates, lambda: self._inner.put(put))

    def put_many(self, puts: Sequence[Put]) -> list[str | Conflict | Transient]:
        results: dict[int, str | Conflict | Transient] = {}
        for number, put in self._scheduler.shuffled(enumerate(puts), key=lambda pair: pair[1].key):
            try:
                results[number] = self.put(put)
            except (Conflict, Transient) as error:
                results[number] = error
        return [results[number] for number in range(len(puts))]

    def delete(self, key: str) -> None:
        self._scheduler.do(f"{self._name}.delete {key}", WRITE, lambda: self._inner.delete(key))

    def list(self, prefix: str = "") -> Iterator[Stat]:
        last = ""
        while True:
            page = self._scheduler.do(f"{self._name}.list {prefix}", READ, lambda: self._page(prefix, last))  # noqa: B023
            yield from page
            if len(page) < PAGE:
                return
            last = page[-1].key

    def _page(self, prefix: str, last: str) -> list[Stat]:
        return [stat for stat in self._inner.list(prefix) if stat.key.encode() > last.encode()][:PAGE]


class ChaoticTable:
    """A Table whose operations interleave and fail; what a driver may do in pieces is done in pieces."""

    def __init__(self, inner: Table, scheduler: Scheduler) -> None:
        self._inner = inner
        self._scheduler = scheduler

    def get(self, partition: str, sort: str) -> Row | None:
        return self._scheduler.do(f"get {partition}, {sort}", READ, lambda: self._inner.get(partition, sort))

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        found: dict[tuple[str, str], Row] = {}
        for start in range(0, len(keys), PAGE):
            chunk = keys[start : start + PAGE]
            found |= self._scheduler.do(f"get_many {chunk}", READ, lambda: self._inner.get_many(chunk))  # noqa: B023
        return found

    def query(
        self,
        partition: str,
        *,
        low: str | None = None,
        high: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Row]:
        while limit is None or limit > 0:
            size = PAGE if limit is None else min(limit, PAGE)
            rows = self._scheduler.do(
                f"query {partition}",
                READ,
                lambda: list(
                    self._inner.query(partition, low=low, high=high, descending=descending, limit=size)  # noqa: B023
                ),
            )
            yield from rows
            if len(rows) < size:
                return
            limit = None if limit is None else limit - size
            low, high = (low, rows[-1].sort) if descending else (rows[-1].sort + "\0", high)

    def write(self, changes: Sequence[Save | Drop]) -> None:
        alone = len(changes) == 1 and changes[0].expect is not None
        fates = (*WRITE, Fate.LOSES_TO_ITSELF) if alone else WRITE
        self._scheduler.do(f"write {_named(changes)}", fates, lambda: self._inner.write(changes))

    def write_each(self, changes: Iterable[Save | Drop]) -> None:
        for change in self._scheduler.shuffled(changes, key=lambda change: change.partition + change.sort):
            self._scheduler.do(f"each {_named([change])}", WRITE, lambda: self._inner.write_each([change]))  # noqa: B023

    def increment(self, partition: str, sort: str, *, until: datetime | None = None) -> int:
        return self._scheduler.do(
            f"increment {partition}, {sort}",
            WRITE,
            lambda: self._inner.increment(partition, sort, until=until),
        )


class ChaoticQueue:
    """A Queue whose operations interleave and fail."""

    def __init__(self, inner: Queue, scheduler: Scheduler) -> None:
        self._inner = inner
        self._scheduler = scheduler

    def send(self, bodies: Sequence[str], *, delay: int = 0) -> None:
        self._scheduler.do(f"send {bodies}", WRITE, lambda: self._inner.send(bodies, delay=delay))

    def receive(self, limit: int = 10, *, visibility: int = 60) -> list[Message]:
        return self._scheduler.do("receive", WRITE, lambda: self._inner.receive(limit, visibility=visibility))

    def acknowledge(self, message: Message) -> None:
        self._scheduler.do("acknowledge", WRITE, lambda: self._inner.acknowledge(message))

    def release(self, message: Message, *, delay: int = 0, cause: str = "") -> None:
        self._scheduler.do("release", WRITE, lambda: self._inner.release(message, delay=delay, cause=cause))

    def dead(self) -> Iterator[DeadLetter]:
        return self._inner.dead()

    def redrive(self) -> int:
        return self._scheduler.do("redrive", WRITE, self._inner.redrive)


def _named(changes: Sequence[Save | Drop]) -> list[str]:
    return [f"{type(change).__name__} {change.partition}/{change.sort}" for change in changes]
