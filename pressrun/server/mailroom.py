"""The thread that does the mail's work on one's own machine: due issues, batches, what readers ask for."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any, Final

from pressrun import bootstrap
from pressrun.house import House
from pressrun.server.signals import interruptible
from pressrun.services.subscribe import expire

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
                expire(house.readers)
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


def run_mailroom(
    content: Path,
    home: Path,
    *,
    workers: int,
    until_idle: bool,
    on_error: Callable[[Exception], None],
) -> int:
    """Threads that do the mail's work until SIGINT or SIGTERM, or until nothing is left; the messages handled."""
    stop = Event()
    house = bootstrap.local(content, home)
    try:
        with interruptible(), suppress(KeyboardInterrupt), ThreadPoolExecutor(workers) as pool:
            try:
                options: dict[str, Any] = {"on_error": on_error, "until_idle": until_idle}
                futures = [
                    pool.submit(work_mail, house, stop, ticking=n == 0, **options) for n in range(workers)
                ]
                return sum(future.result() for future in futures)
            finally:
                stop.set()
    finally:
        house.close()
    return 0
