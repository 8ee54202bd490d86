"""Every minute: articles whose time has come, batches that died, and once an hour a look for lost events."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.house import house
from pressrun.services.sweep import tick

logger = Logger(service="tick")
metrics = Metrics(namespace="Pressrun", service="tick")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """The schedule's event says nothing that is needed. Returns how many files were acted on."""
    outcomes = tick(house().publisher)
    for outcome in outcomes:
        logger.info(outcome.state, extra={"key": outcome.key, "path": outcome.path})
    metrics.add_metric("Ticks", MetricUnit.Count, 1)
    return {"files": len(outcomes)}
