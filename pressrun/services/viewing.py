"""A minute's work on views: fold, seal, publish totals; once a day find lost logs and remove our own old ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from pressrun.ports import Clock
from pressrun.services.count import ViewCounter
from pressrun.services.segments import Segments
from pressrun.services.totals import Totals

LOOK_EVERY: Final = timedelta(days=1)
FULL_EVERY: Final = timedelta(hours=1)
_SWEPT: Final = "swept.json"


@dataclass(slots=True)
class Tally:
    """What a tick did."""

    deltas: int = 0
    sealed: list[str] = field(default_factory=list)
    found: int = 0  # logs whose event was lost
    wrong: list[str] = field(default_factory=list)  # what cannot be read
    expired: int = 0  # logs of our own server that were removed


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Counting and its results. `segments`: the log of our own server, where there is one."""

    counter: ViewCounter
    totals: Totals
    clock: Clock
    segments: Segments | None = None
    keep: Callable[[], int] = lambda: 0  # days that our own logs are kept; 0: for ever

    def tick(self) -> Tally:
        """Any number may run at once. Raises Transient; what was done stays done."""
        done = Tally()
        now = self.clock.now()
        swept = self.counter.book.read(_SWEPT) or {}
        looked = _due(swept, "logs", now, LOOK_EVERY)
        if looked:
            done.found, done.wrong = self.counter.reconcile()
            done.expired = self._expire(now)
        round_ = self.counter.fold()
        done.deltas, done.sealed = round_.deltas, self.counter.seal()
        done.wrong += round_.broken
        full = bool(done.sealed) or _due(swept, "totals", now, FULL_EVERY)
        if full or round_.deltas:
            self.totals.refresh(full=full)
        noted = {name: now.isoformat() for name, done_now in (("totals", full), ("logs", looked)) if done_now}
        if noted:
            self.counter.book.change(_SWEPT, lambda stored: {**(stored or {}), **noted})
        return done

    def _expire(self, now: datetime) -> int:
        """Removes our own logs that are counted and old."""
        days = self.keep()
        return self.segments.expire(now - timedelta(days=days)) if self.segments and days else 0

    def look(self) -> bool:
        """Counts what our own server has logged and pages have reported since.

        True where the totals changed. Cheap where nothing is new.
        """
        counted = self.segments.count() if self.segments else 0
        if not self.counter.fold().deltas and not counted:  # the beacon brings deltas, too
            return False
        self.totals.refresh(full=True)
        return True


def _due(swept: dict[str, Any], name: str, now: datetime, every: timedelta) -> bool:
    return name not in swept or now - datetime.fromisoformat(swept[name]) >= every
