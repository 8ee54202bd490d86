"""The thread that publishes beside the server: what it tells, and what cannot stop it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pressrun import bootstrap
from pressrun.errors import Transient
from pressrun.server import SiteApp
from pressrun.server.publishing import Desk
from pressrun.services.sweep import Report

PATIENCE = 60.0
GOOD = "---\ntitle: {0}\ndate: 2026-01-01\n---\nText.\n"
BAD = "---\ntitle: Bad\ndate: never\n---\nText.\n"


def _quiet(*_: object) -> None:
    """No progress is shown."""


class Office:
    """A desk at work over real files, and what it tells."""

    def __init__(self, folder: Path) -> None:
        self.content = folder / "content"
        self.content.mkdir()
        self.house = bootstrap.local(self.content, folder / "home", {})
        self.stop = threading.Event()
        self.reports: queue.Queue[Report] = queue.Queue()
        self.errors: queue.Queue[Exception] = queue.Queue()
        self.app = SiteApp(self.house.site, base="", live=True, log=None, clock=bootstrap.SystemClock())
        self.desk = Desk(self.house.publisher, self.app, self.stop, self.reports.put, self.errors.put)
        self.thread = threading.Thread(target=self.desk.work)

    def write(self, name: str, text: str) -> None:
        (self.content / name).write_text(text)

    def told(self) -> dict[str, str]:
        return {outcome.key: outcome.state for outcome in self.reports.get(timeout=PATIENCE).outcomes}

    def begin(self) -> None:
        self.desk.open(_quiet)
        self.thread.start()

    def close(self) -> None:
        self.stop.set()
        self.desk.wake()
        if self.thread.ident:
            self.thread.join(PATIENCE)
        self.house.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


def test_what_is_named_is_published_and_told(office: Office) -> None:
    office.write("a.md", GOOD.format("A"))
    office.begin()
    assert office.told() == {"a.md": "published"}
    office.write("b.md", GOOD.format("B"))
    office.desk.look({"b.md"})
    assert office.told() == {"b.md": "published"}


def test_what_is_scheduled_comes_when_its_time_has_come(office: Office) -> None:
    """And not at some look within the next minute."""
    office.begin()
    office.told()
    due = datetime.now(UTC) + timedelta(seconds=0.4)
    office.write("a.md", f"---\ntitle: A\npublish_at: {due.isoformat()}\n---\nText.\n")
    office.desk.look({"a.md"})
    assert office.told() == {"a.md": "scheduled"}
    assert office.reports.get(timeout=10).outcomes[0].state == "published"


def test_what_nobody_named_is_found_by_looking_at_everything(office: Office) -> None:
    office.begin()
    office.told()
    office.write("a.md", GOOD.format("A"))
    office.desk.look(set())
    assert office.told() == {"a.md": "published"}


def test_a_refusal_is_told_once_and_again_when_the_file_is_saved(office: Office) -> None:
    office.write("bad.md", BAD)
    office.begin()
    assert office.told() == {"bad.md": "refused"}
    office.write("a.md", GOOD.format("A"))
    office.desk.look(set())
    assert office.told() == {"a.md": "published"}
    office.desk.look({"bad.md"})
    assert office.told() == {"bad.md": "refused"}


def test_new_settings_change_every_page(office: Office) -> None:
    office.write("a.md", GOOD.format("A"))
    office.begin()
    office.told()
    office.write("pressrun.toml", 'url = "http://127.0.0.1:8000/blog"\n')
    office.desk.look({"pressrun.toml"})
    assert office.told()["a.md"] == "updated"
    assert office.app.base == "/blog"


def test_wrong_settings_are_told_and_the_old_ones_stay(office: Office) -> None:
    office.begin()
    office.told()
    office.write("pressrun.toml", "titel = 1\n")
    office.desk.look({"pressrun.toml"})
    assert office.told() == {"pressrun.toml": "refused"}
    assert office.app.base == ""


@pytest.mark.parametrize("error", [Transient("away"), RuntimeError("a fault of ours")])
def test_a_failure_is_told_and_what_failed_is_done_later(office: Office, error: Exception) -> None:
    office.begin()
    office.told()
    office.house.publisher.content = Failing(office.house.content, [error])
    office.write("a.md", GOOD.format("A"))
    office.desk.look({"a.md"})
    assert office.errors.get(timeout=PATIENCE) is error
    assert office.told() == {"a.md": "published"}


class Failing:
    """A store whose first reads fail."""

    def __init__(self, store: Any, errors: list[Exception]) -> None:
        self._store = store
        self._errors = errors

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if self._errors:
                raise self._errors.pop()
            return getattr(self._store, name)(*arguments)

        return call
