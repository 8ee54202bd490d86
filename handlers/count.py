"""An access log arrived: S3 → SQS, or S3 → EventBridge → SQS. Each is counted on its own, once."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.batches import Answer, each
from handlers.events import keys_in
from handlers.house import house
from pressrun.services.count import ViewCounter

logger = Logger(service="count")
metrics = Metrics(namespace="Pressrun", service="count")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """An SQS batch of events. Returns the messages that are to come again; the others are committed.

    What is committed becomes days and totals in the next tick.
    """
    counter: ViewCounter = house().counter
    counted: list[int] = []

    def count(body: str) -> None:
        counted.append(sum(counter.count_object(key) for key in keys_in(body)))

    def failed(message: str) -> None:
        logger.exception("not counted", extra={"message_id": message})

    answer = each(event, metrics, count, failed)
    metrics.add_metric("LogsCounted", MetricUnit.Count, sum(counted))
    return answer
