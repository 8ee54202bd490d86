"""What the OpenAPI document says, held against the local server's application with inputs that nobody thought of."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from pressrun.server import SiteApp
from tests.conftest import FrozenClock
from tests.readers import Reading

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.specs.openapi.checks import positive_data_acceptance


# Not checked: that whatever fits the document is accepted. Most text is no mail address, and no token.


def hold(reading: Reading, examples: int) -> int:
    """Checks every operation with so many requests each; how many were made."""
    app: Any = SiteApp(
        reading.house.site, base="", live=False, log=None, clock=reading.clock, api=reading.api
    )
    made = 0
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app)
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def run(case: Any) -> None:
            nonlocal made
            made += 1
            reading.clock.advance(61)  # lest most answers be that this was too often
            response = case.call(app=app)
            case.validate_response(response, excluded_checks=[positive_data_acceptance])

        run()
    return made


def test_every_answer_is_one_that_the_document_names(reading: Reading) -> None:
    assert hold(reading, 15) >= 100


@pytest.mark.slow
def test_every_answer_is_one_that_the_document_names_for_long(tmp_path: Path, clock: FrozenClock) -> None:
    reading = Reading(tmp_path, clock)
    assert hold(reading, 200) >= 1_000
    reading.close()
