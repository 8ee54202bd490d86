"""The fakes keep the contracts that the drivers keep."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pressrun.ports import ObjectStore, Queue, Table
from tests.chaos.fakes import MemoryQueue, MemoryStore, MemoryTable
from tests.conftest import FrozenClock
from tests.contract import test_object_store, test_queue, test_table


@pytest.fixture
def store(clock: FrozenClock) -> ObjectStore:
    clock.time = datetime.now(UTC)  # the contract compares an object's time with the machine's
    return MemoryStore(clock)


@pytest.fixture
def table() -> Table:
    return MemoryTable()


@pytest.fixture
def queue(clock: FrozenClock) -> Queue:
    return MemoryQueue(clock, test_queue.MAX_RECEIVES)


def contract(module: Any, port: str) -> dict[str, Callable[..., None]]:
    """The tests of a contract suite that need the port, and no threads: those the scheduler stands in for."""
    found = {name: test for name, test in vars(module).items() if name.startswith("test_")}
    needs = {name: set(inspect.signature(test).parameters) for name, test in found.items()}
    return {
        name: found[name] for name, needed in needs.items() if port in needed and "together" not in needed
    }


globals().update(contract(test_object_store, "store"))
globals().update(contract(test_table, "table"))
globals().update(contract(test_queue, "queue"))
