"""The thread that counts what the server has logged, a second after it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Final

from pressrun.services.viewing import Views

LOOK: Final = 1.0  # seconds between looks at the log
TICK: Final = 60.0  # seconds
MAX_RETRY: Final = 60.0  # seconds


def count_views(views: Views, stop: Event, on_error: Callable[[Exception], None]) -> None:
    """Counts until `stop` is set. What fails is told, and tried again."""
    failures, next_tick = 0, 0.0
    while not stop.is_set():
        try:
            views.look()
            if time.monotonic() >= next_tick:
                views.tick()
                views.totals.refresh(full=True)  # articles come, go and change their titles, too
                next_tick = time.monotonic() + TICK
            failures = 0
        except Exception as error:  # the server stays up, whatever counting runs into
            on_error(error)
            failures += 1
            next_tick = 0.0  # what was counted may not be folded or shown yet, and no new line may ask for it
        stop.wait(min(MAX_RETRY, LOOK * 2**failures))
