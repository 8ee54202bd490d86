"""Count: access logs become days of counts, each line once, whatever is delivered twice, late or not at all.

1. **count** a log: its days are computed and put, create-only, as one delta. That put is the commit; Conflict means
   that it was done before. What the delta says depends on the log, the days' salts and the site alone.
2. **fold**: deltas are merged into their days by compare-and-set, with their ids; a day skips ids that it has. A delta
   is deleted when all of its days have it. A log that comes again after that makes the same delta, which every day
   skips.
3. **seal**, 72 hours after a day's end: its salt is destroyed, then its sets become counts, then it is added to the
   sum. Each step can be repeated. What comes later adds to `late`.

"Marker, then add" would lose what a crash cuts off, "add, then marker" count it twice; here the marker (the id) and the
sum are one object.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from pressrun.domain import crowd
from pressrun.domain.views import RULE, Day, bound, seals_at
from pressrun.errors import Conflict, NotFound, PressrunError, Transient
from pressrun.parsing.accesslogs.reading import read
from pressrun.parsing.accesslogs.rows import Batch
from pressrun.ports import Clock, ObjectStore
from pressrun.services.daybook import MAX_ROUNDS, Daybook, Page
from pressrun.services.digest import Digest, Salts, Site

AHEAD: Final = timedelta(days=1)  # how far a log's clock may be ahead of ours
TOGETHER: Final = 40  # deltas folded in one go
PART: Final = 300_000  # lines of an old site's log in one delta: what bounds the memory, however long the log
REOPENED: Final = timedelta(hours=24)  # an import that takes longer than this has died
LOST_AFTER: Final = timedelta(minutes=30)  # no event is under way for longer
LOOK_BACK: Final = timedelta(days=4)  # a lost event is found within a day; older logs were looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log to count. `name` and `etag` tell it from every other; it never changes under them."""

    name: str  # with where it lies: "bucket/key"
    etag: str
    modified: datetime
    chunks: Iterable[bytes]

    @property
    def identity(self) -> str:
        """What its delta is called."""
        return identity(self.name, self.etag)


def identity(name: str, etag: str) -> str:
    """What a log's delta is called."""
    return sha256(f"{name}|{etag}".encode()).hexdigest()[:32]


@dataclass(slots=True)
class Round:
    """What a fold did: the days that have changed, how many deltas went into them, and which cannot be read."""

    days: set[str] = field(default_factory=set)
    deltas: int = 0
    broken: list[str] = field(default_factory=list)


class ViewCounter:
    """Counts logs. Any number of these may work at the same time, and die at any moment."""

    def __init__(
        self,
        *,
        store: ObjectStore,
        logs: ObjectStore | None,
        place: str,
        clock: Clock,
        site: Callable[[], Site],
        secret: Callable[[], bytes] = lambda: secrets.token_bytes(32),
        rule: int = RULE,
    ) -> None:
        self.book = Daybook(store)
        self._logs = logs
        self._place = place  # of `logs`: the bucket's name
        self._clock = clock
        self._site = site
        self._secret = secret
        self.rule = rule

    # --- count ----------------------------------------------------------------------------------------------

    def count_object(self, key: str) -> bool:
        """Counts an object of the log store; False where it is counted already, or not there any more.

        Raises Permanent where it is no log that can be read, Transient.
        """
        if self._logs is None:
            raise NotFound("no store of logs")
        try:
            blob = self._logs.get(key)
        except NotFound:
            return False
        name = f"{self._place}/{key}"
        return self.count(Log(name=name, etag=blob.etag, modified=blob.modified, chunks=[blob.body]))

    def count(self, log: Log) -> bool:
        """Commits the counts of a log; False where they were committed before. Raises Permanent, Transient."""
        digest = Digest(self._site(), self._salts(), self.book.known)
        digest.read(read(log.chunks))
        return self._commit(log.identity, log, digest)

    def count_old(self, log: Log) -> int:
        """Counts a log of an earlier site, in parts, and opens days that are long past; its lines.

        `seal_old` must follow, when all logs of these days are counted: after that they are closed.
        """
        batches, number, lines = read(log.chunks), 0, 0
        salts = self._salts(reopen=True)
        while True:
            digest = Digest(self._site(), salts, self.book.known)
            digest.read(_some(batches))
            counted = digest.lines
            if number and not counted:
                return lines
            lines += counted
            self._commit(identity(log.name, f"{log.etag}#{number}"), log, digest)
            number += 1

    def _commit(self, called: str, log: Log, digest: Digest) -> bool:
        days = digest.days(f"{log.modified.astimezone(UTC):%Y-%m-%d}")
        return self.book.add_delta(self.rule, called, log.name, days)

    def _salts(self, *, reopen: bool = False) -> Salts:
        """The salts as they are during one count; each day's is asked for once."""

        def of(day: str) -> bytes | str:
            now = self._clock.now()
            if day > f"{now + AHEAD:%Y-%m-%d}":
                return "time"
            salt = self.book.salt(day)
            if salt is None:
                past = now >= seals_at(day)
                if past and not (reopen and self._never_opened(day)):
                    return "late"
                salt = self.book.new_salt(day, self._secret(), now + REOPENED if past else seals_at(day))
            return salt.secret or "late"

        return of

    def _never_opened(self, day: str) -> bool:
        page = self.book.day(self.rule, day)
        return page is None or page.open is not None

    # --- fold -----------------------------------------------------------------------------------------------

    def fold(self) -> Round:
        """Merges all deltas that wait into their days."""
        done = Round()
        names = iter(self.book.deltas(self.rule))
        while some := self._together(names, done):
            self._fold(some, done)
        return done

    def _together(self, names: Iterator[str], done: Round) -> dict[str, dict[str, Day]]:
        """The next deltas, TOGETHER of them or fewer where they are large; their days by their names."""
        found: dict[str, dict[str, Day]] = {}
        addresses = 0
        for name in names:
            try:
                delta = self.book.delta(self.rule, name)
            except (ValueError, KeyError, TypeError):
                done.broken.append(name)
                continue
            if delta is not None:
                found[name] = delta
                addresses += sum(day.addresses for day in delta.values())
            if len(found) == TOGETHER or addresses > crowd.MOST:
                break
        return found

    def _fold(self, deltas: dict[str, dict[str, Day]], done: Round) -> None:
        days: dict[str, dict[str, Day]] = {}
        for name, delta in deltas.items():
            for day, counts in delta.items():
                days.setdefault(day, {})[name] = counts
        for day, parts in days.items():
            self.book.change_day(self.rule, day, lambda page, d=day, p=parts: self._add(page, d, p))  # type: ignore[misc]
        for name in deltas:
            self.book.drop_delta(self.rule, name)
        done.days |= days.keys()
        done.deltas += len(deltas)

    def _add(self, page: Page, day: str, parts: dict[str, Day]) -> bool:
        """The one step that counts: ids and counts in the same write."""
        new = {name: counts for name, counts in parts.items() if name not in page.folded}
        latecomers = not page.folded and all("late" in counts.reasons for counts in new.values())
        if latecomers and self._clock.now() >= seals_at(day):
            page.seal()  # nothing else has ever been seen of this day
        for counts in new.values():
            if page.open is None:
                page.figures.reasons["late"] += counts.lines
            else:
                page.open.merge(counts)
        if page.open is not None:
            bound(page.open, self.book.known, crowd.MOST)
        page.folded |= new.keys()
        return bool(new)

    # --- seal -----------------------------------------------------------------------------------------------

    def seal(self) -> list[str]:
        """Seals the days whose time has come. Fold before: what waits longer is late."""
        sealed = []
        for day in self.book.salted():
            salt = self.book.salt(day)
            if salt and self._clock.now() >= salt.until:
                self._seal(day)
                sealed.append(day)
        return sealed

    def seal_old(self) -> list[str]:
        """Folds, and seals every day that is past its time, also those that an import has opened."""
        self.fold()
        days = [day for day in self.book.salted() if self._clock.now() >= seals_at(day)]
        for day in days:
            self._seal(day)
        return days

    def _seal(self, day: str) -> None:
        """Each step finds it done where an earlier sealing died."""
        for _ in range(MAX_ROUNDS):
            salt = self.book.salt(day)
            if salt is None:
                return
            try:
                if salt.secret:
                    self.book.destroy_salt(salt)
                break
            except Conflict:
                continue
        else:
            raise Transient(f"the salt of {day} is being written by others over and over")
        for rule in {self.rule, self.book.current()}:
            self.book.change_day(rule, day, _sealed)
            page = self.book.day(rule, day)
            if page:
                self.book.add_to_sum(rule, day, page.numbers())
        self.book.forget_salt(day)

    # --- find what was lost ---------------------------------------------------------------------------------

    def reconcile(self) -> tuple[int, list[str]]:
        """Counts the logs that no event told of: how many, and what is wrong with those that cannot be read.

        Looks at logs of the last days that are in no delta and in no day.
        """
        if self._logs is None:
            return 0, []
        now = self._clock.now()
        known = set(self.book.deltas(self.rule))
        since = f"{now - 2 * LOOK_BACK:%Y-%m-%d}"
        for name in self.book.days(self.rule):
            if name >= since:
                page = self.book.day(self.rule, name)
                known |= page.folded if page else set()
        found, wrong = 0, []
        for stat in self._logs.list():
            if not now - LOOK_BACK <= stat.modified <= now - LOST_AFTER:
                continue
            if identity(f"{self._place}/{stat.key}", stat.etag) in known:
                continue
            try:
                found += self.count_object(stat.key)
            except PressrunError as error:
                wrong.append(f"{stat.key}: {error}")
        return found, wrong

    # --- change the rule ------------------------------------------------------------------------------------

    def replay(self) -> int:
        """Builds the tree of this rule beside the current one, then flips to it; how many logs were counted.

        Sealed days are taken over as they are: their salts are gone. Open days are counted anew from the logs that
        are still there. Where it dies, run it again.
        """
        current = self.book.current()
        if current == self.rule:
            return 0
        for name in self.book.days(current):
            page = self.book.day(current, name)
            if page and page.open is None:
                self.book.change_day(self.rule, name, lambda mine, theirs=page: _taken_over(mine, theirs))  # type: ignore[misc]
                self.book.add_to_sum(self.rule, name, page.numbers())
        counted = sum(self.count_object(stat.key) for stat in self._logs.list()) if self._logs else 0
        self.fold()
        self.book.set_current(self.rule)
        return counted


def _sealed(page: Page) -> bool:
    was_open = page.open is not None
    page.seal()
    return was_open


def _taken_over(mine: Page, theirs: Page) -> bool:
    if mine.open is None:
        return False
    mine.open, mine.figures, mine.folded = None, theirs.figures, mine.folded | theirs.folded
    return True


def _some(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Batches of PART lines or a few more."""
    lines = 0
    for batch in batches:
        lines += batch.lines
        yield batch
        if lines >= PART:
            return
