"""The thread that does the mail's work on one's own machine: due issues, batches, what readers ask for."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Final

from pressrun.bootstrap import House

IDLE: Final = 0.5  # seconds between looks at an empty queue
TICK: Final = 5.0  # seconds between looks at what is due
MAX_RETRY: Final = 60.0  # seconds


def work_mail(
    house: House,
    stop: Event,
    *,
    on_error: Callable[[Exception], None],
    ticking: bool = True,
    until_idle: bool = False,
) -> int:
    """Handles the mail queue until `stop` is set, or once with `until_idle` until it is empty; the messages handled.

    `ticking`: makes digests, commits what is due and sweeps, too. What fails is told, and tried again.
    """
    handled, failures, next_tick = 0, 0, 0.0
    while not stop.is_set():
        try:
            if ticking and time.monotonic() >= next_tick:
                next_tick = time.monotonic() + TICK
                house.newsroom.tick()
                house.deliverer.sweep()
            found = house.post.work(house.mail_queue)
            failures = 0
        except Exception as error:  # the server stays up, whatever the mail runs into
            on_error(error)
            failures += 1
            stop.wait(min(MAX_RETRY, IDLE * 2**failures))
            continue
        handled += found
        if not found:
            if until_idle:
                break
            stop.wait(IDLE)
    return handled
