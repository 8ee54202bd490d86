"""What SES says of mail that was sent: SES → SNS → SQS, or SES → EventBridge → SQS."""

from __future__ import annotations

import sys
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.batches import Answer, each
from handlers.house import house
from pressrun.parsing.feedback import event_from
from pressrun.services.feedback import Feedback

logger = Logger(service="feedback")
metrics = Metrics(namespace="Pressrun", service="feedback")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """An SQS batch of events. Returns those that are to come again; the others are done, or mean nothing to us.

    No address and no message goes into the log.
    """
    feedback: Feedback = house().feedback

    def hear(body: str) -> None:
        heard = event_from(body)
        if heard is not None:
            feedback.hear(heard)
            metrics.add_metric(f"Mail{heard.kind.capitalize()}", MetricUnit.Count, len(heard.recipients))

    def failed(message: str) -> None:  # without a traceback, which may hold an address
        kind = sys.exc_info()[0]
        logger.error("failed", extra={"message_id": message, "error": kind.__name__ if kind else ""})

    return each(event, metrics, hear, failed)
