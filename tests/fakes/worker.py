"""A process that does the mail's work of a publication, on a clock that runs faster than the world's.

`python -m tests.fakes.worker CONTENT HOME SPEED START`: from START (Unix time) on it runs SPEED times as fast.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from pressrun import bootstrap
from pressrun.house import House
from pressrun.server.mailroom import work_mail


class FastClock:
    """Time that all workers of a test share."""

    def __init__(self, speed: float, start: float) -> None:
        self.speed = speed
        self.start = start

    def now(self) -> datetime:
        """Faster than the world's."""
        return datetime.fromtimestamp(self.start + (time.time() - self.start) * self.speed, UTC)


def opened(content: Path, home: Path, clock: FastClock) -> House:
    """The publication on that clock."""
    bootstrap.SystemClock = lambda: clock  # type: ignore[assignment, misc]
    return bootstrap.local(content, home)


def _complain(error: Exception) -> None:
    sys.stderr.write(f"{type(error).__name__}: {error}\n")


if __name__ == "__main__":
    folder, place, speed, start = sys.argv[1:]
    house = opened(Path(folder), Path(place), FastClock(float(speed), float(start)))
    work_mail(house, Event(), on_error=_complain)
