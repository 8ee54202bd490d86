"""Invariants 1 to 5 and 19 under faults: thousands of ways in which uploads, workers and time can cross."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.chaos.machine import Newsroom

BOUNDED = settings(
    max_examples=50,
    stateful_step_count=12,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    print_blob=False,
    report_multiple_bugs=False,
)


def test_the_site_is_what_the_files_say_whatever_happens() -> None:
    """The same schedules every time; twenty seconds of them."""
    run_state_machine_as_test(Newsroom, settings=BOUNDED)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_site_is_what_the_files_say_whatever_else_happens() -> None:
    """Other schedules every time, longer ones, and the shortest that fails."""
    long = settings(
        BOUNDED,
        max_examples=1500,
        stateful_step_count=25,
        derandomize=False,
        phases=[Phase.generate, Phase.shrink],
    )
    run_state_machine_as_test(Newsroom, settings=long)
