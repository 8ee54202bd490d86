"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import TYPE_CHECKING

import pytest
from hypothesis import is_hypothesis_test, settings

import handlers
import pressrun
import tests

if TYPE_CHECKING:
    from tests.readers import Reading

# What a test says depends neither on the machine's load nor on luck: the same examples in each run. New ones are
# looked for with `--hypothesis-profile searching`, as `make test-all` does.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("searching", deadline=None)
settings.load_profile("steady")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Load everything of ours: Hypothesis draws from the constants of the modules that it finds loaded."""
    if any(is_hypothesis_test(getattr(item, "obj", None)) for item in session.items):
        for package in (pressrun, handlers, tests):
            for module in walk_packages(package.__path__, f"{package.__name__}."):
                name = module.name.rpartition(".")[2]
                if not name.startswith(("test_", "__main__", "conftest")):
                    import_module(module.name)


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
