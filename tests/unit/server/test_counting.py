"""The thread that counts: what goes wrong is told, and what it left is finished."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from pressrun.errors import Transient
from pressrun.server import counting


class Press:
    """Views whose second look fails: counted, and not yet published."""

    def __init__(self, stop: Event) -> None:
        self.stop = stop
        self.looks = 0
        self.did: list[str] = []
        self.totals = self

    def look(self) -> bool:
        self.looks += 1
        if self.looks == 4:
            self.stop.set()
        if self.looks == 2:
            raise Transient("the disk is full")
        return False

    def tick(self) -> None:
        self.did.append(f"tick {self.looks}")

    def refresh(self, *, full: bool) -> None:
        self.did.append(f"refresh {self.looks} {full}")


def test_what_a_failure_left_is_published_at_the_next_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a minute later: no new line may come that would ask for it."""
    monkeypatch.setattr(counting, "LOOK", 0.001)
    stop, told = Event(), []
    press: Any = Press(stop)
    counting.count_views(press, stop, told.append)
    assert [str(error) for error in told] == ["the disk is full"]
    assert press.did == ["tick 1", "refresh 1 True", "tick 3", "refresh 3 True"]
