"""What SES says of mail that was sent: SES → SNS → SQS, or SES → EventBridge → SQS."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.house import house
from pressrun.parsing.feedback import event_from

logger = Logger(service="feedback")
metrics = Metrics(namespace="Pressrun", service="feedback")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """An SQS batch of events. Returns those that are to come again; the others are done, or mean nothing to us.

    No address and no message goes into the log.
    """
    feedback = house().feedback
    failed = []
    for record in event["Records"]:
        try:
            heard = event_from(record["body"])
            if heard is not None:
                feedback.hear(heard)
                metrics.add_metric(f"Mail{heard.kind.capitalize()}", MetricUnit.Count, len(heard.recipients))
        except Exception as error:
            failure = {"message_id": record["messageId"], "error": type(error).__name__}
            logger.error("failed", extra=failure)  # noqa: TRY400 - a traceback may hold an address
            failed.append(record["messageId"])
    metrics.add_metric("MessagesFailed", MetricUnit.Count, len(failed))
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
