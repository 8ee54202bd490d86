"""The mail queue: shards to plan, batches to send, readers who ask for something."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.house import house

logger = Logger(service="deliver")
metrics = Metrics(namespace="Pressrun", service="deliver")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """An SQS batch of our own messages. Returns those that are to come again; the others are done."""
    post = house().post
    failed = []
    for record in event["Records"]:
        try:
            post.handle(record["body"])
        except Exception:
            logger.exception("failed", extra={"message_id": record["messageId"]})
            failed.append(record["messageId"])
    metrics.add_metric("MessagesFailed", MetricUnit.Count, len(failed))
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
