"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.readers import Reading

settings.register_profile(
    "unhurried", deadline=None
)  # what a test says does not depend on the machine's load
settings.load_profile("unhurried")


class FrozenClock:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def reading(tmp_path: Path, clock: FrozenClock) -> Iterator[Reading]:
    """A publication with two newsletters, an outbox, and a clock that stands."""
    from tests.readers import Reading

    reading = Reading(tmp_path, clock)
    yield reading
    reading.close()
