"""The thread that publishes while the server serves: what changed, what is due, and what was missed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from threading import Condition, Event
from typing import Final

from pressrun.domain.problems import Problem
from pressrun.server.app import SiteApp
from pressrun.services.imprint import is_setting
from pressrun.services.publish import Publisher
from pressrun.services.sweep import Progress, Report, bring_in_line, drain, next_due, tick

EVERYTHING: Final = 30.0  # seconds between looks at every file, should the watch have missed one
SHARE: Final = 20  # of the time at most one part in so many goes into such looks, however large the archive
TICK: Final = 60.0  # seconds
RETRY: Final = 2.0  # seconds after a failure; doubled at each further one, up to EVERYTHING


class Desk:
    """Publishes what `look` names, one batch at a time, until `stop` is set.

    `look` and `wake` may be called from any thread. `on_report` is told what is new: not that nothing
    changed, nor that a file is refused still, unless it was named.
    """

    def __init__(
        self,
        publisher: Publisher,
        app: SiteApp,
        stop: Event,
        on_report: Callable[[Report], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._publisher = publisher
        self._app = app
        self._stop = stop
        self._on_report = on_report
        self._on_error = on_error
        self._condition = Condition()
        self._keys: set[str] = set()
        self._all = False
        self._refused: dict[str, tuple[Problem, ...]] = {}
        self._failures = 0
        self._next_look = time.monotonic() + EVERYTHING
        self._next_tick = time.monotonic() + TICK

    def open(self, progress: Progress) -> None:
        """Publishes everything before the first request is answered, and tells all of it. Raises Invalid."""
        report = bring_in_line(self._publisher, progress=progress)
        self._app.base = self._publisher.imprints.current().publication.base
        self._news(report, named=True)
        self._on_report(report)

    def look(self, keys: Collection[str]) -> None:
        """Has these files looked at soon; none: all of them."""
        with self._condition:
            self._keys |= set(keys)
            self._all |= not keys or any(is_setting(key) for key in keys)  # settings change every page
            self._condition.notify_all()

    def wake(self) -> None:
        """Lets `work` see that it is to stop."""
        with self._condition:
            self._condition.notify_all()

    def work(self) -> None:
        """Publishes until `stop` is set. What fails is told, and tried again with everything else."""
        while not self._stop.is_set():
            keys, everything = self._wait()
            if self._stop.is_set():
                return
            try:
                self._publish(keys, everything)
                self._failures = 0
            except Exception as error:  # the site stays up, whatever a publish runs into
                self._on_error(error)
                self._failures += 1
                self._next_look = time.monotonic() + min(EVERYTHING, RETRY * 2 ** min(self._failures - 1, 10))

    def _wait(self) -> tuple[set[str], bool]:
        """What is to be looked at, as soon as there is something; whether it is everything."""
        with self._condition:
            while not (self._keys or self._all or self._stop.is_set()):
                rest = min(self._next_look, self._next_tick) - time.monotonic()
                if rest <= 0:
                    break
                self._condition.wait(rest)
            keys, everything = self._keys, self._all or time.monotonic() >= self._next_look
            self._keys, self._all = set(), False
            return keys, everything

    def _publish(self, keys: set[str], everything: bool) -> None:
        started = time.monotonic()
        if everything or keys:
            wanted = None if everything else sorted(keys)
            self._tell(bring_in_line(self._publisher, keys=wanted), named=bool(keys))
        if everything:
            self._next_look = time.monotonic() + max(EVERYTHING, (time.monotonic() - started) * SHARE)
        if time.monotonic() >= self._next_tick:
            self._next_tick = time.monotonic() + TICK
            self._tell(Report(tick(self._publisher) + drain(self._publisher)), named=False)
        if wait := next_due(self._publisher):
            self._next_tick = min(self._next_tick, time.monotonic() + wait.total_seconds())

    def _tell(self, report: Report, *, named: bool) -> None:
        news = self._news(report, named=named)
        if (
            news.outcomes or named
        ):  # pages see for themselves whether they changed: new settings are no outcome
            self._app.base = self._publisher.imprints.current().publication.base
            self._app.changed(outcome.key for outcome in news.outcomes if outcome.kind == "asset")
        if news.outcomes:
            self._on_report(news)

    def _news(self, report: Report, *, named: bool) -> Report:
        """What has not been told before."""
        news = Report()
        for outcome in report.outcomes:
            told = not named and self._refused.get(outcome.key) == outcome.problems
            if outcome.state == "refused":
                self._refused[outcome.key] = outcome.problems
            else:
                self._refused.pop(outcome.key, None)
            if outcome.state not in {"unchanged", "ignored"} and not (outcome.state == "refused" and told):
                news.outcomes.append(outcome)
        return news
