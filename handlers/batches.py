"""An SQS batch: each message on its own, and those that failed come again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

Answer = dict[str, list[dict[str, str]]]


def each(
    event: dict[str, Any],
    metrics: Metrics,
    handle: Callable[[str], object],
    failed: Callable[[str], object],
) -> Answer:
    """Hands each message's body to `handle`. Where that raises, `failed` is called with the message's id, to log it."""
    lost = []
    for record in event["Records"]:
        try:
            handle(record["body"])
        except Exception:
            failed(record["messageId"])
            lost.append(record["messageId"])
    return answer(metrics, lost)


def answer(metrics: Metrics, failed: Iterable[str]) -> Answer:
    """Which messages are to come again; the others are done (ReportBatchItemFailures)."""
    items = [{"itemIdentifier": identifier} for identifier in failed]
    metrics.add_metric("MessagesFailed", MetricUnit.Count, len(items))
    return {"batchItemFailures": items}
