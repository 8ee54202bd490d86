"""An access log arrived: S3 → SQS, or S3 → EventBridge → SQS. Each is counted on its own, once."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.house import house
from pressrun.services.count import ViewCounter

logger = Logger(service="count")
metrics = Metrics(namespace="Pressrun", service="count")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """An SQS batch of events. Returns the messages that are to come again; the others are committed.

    What is committed becomes days and totals in the next tick.
    """
    counter = house().views.counter
    failed, counted = [], 0
    for record in event["Records"]:
        try:
            counted += _count(counter, record["body"])
        except Exception:
            logger.exception("not counted", extra={"message_id": record["messageId"]})
            failed.append(record["messageId"])
    metrics.add_metric("LogsCounted", MetricUnit.Count, counted)
    metrics.add_metric("MessagesFailed", MetricUnit.Count, len(failed))
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}


def _count(counter: ViewCounter, body: str) -> int:
    return sum(counter.count_object(key) for key in keys_in(body))


def keys_in(body: str) -> list[str]:
    """The keys of the logs that a message names. Raises ValueError where it is of no known shape.

    S3's own notification has them form-encoded, EventBridge as they are; either may come inside SNS.
    """
    found = json.loads(body)
    try:
        if found.get("Type") == "Notification":
            return keys_in(found["Message"])
        if "detail" in found:
            return [found["detail"]["object"]["key"]]
        if "Records" in found:
            return [unquote_plus(record["s3"]["object"]["key"]) for record in found["Records"]]
        if found.get("Event") == "s3:TestEvent":
            return []
    except (AttributeError, KeyError, TypeError):
        pass
    raise ValueError("neither an EventBridge event nor an S3 notification")
