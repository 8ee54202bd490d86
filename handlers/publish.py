"""Something changed in the content bucket: S3 → EventBridge → SQS, or S3 → SQS; and messages of our own."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.batches import Answer, answer
from handlers.events import Request, requests_in
from handlers.house import house
from pressrun.services import entering, reading, renditions  # noqa: F401 - at init a processor is given whole
from pressrun.services.publish import Publisher
from pressrun.services.work import Outcome

logger = Logger(service="publish")
metrics = Metrics(namespace="Pressrun", service="publish")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """An SQS batch of events. Returns the messages that are to come again; the others are done.

    The whole batch is published at once, so that what several uploads touch is rendered once. Where that fails, each
    message is tried on its own: a poison message holds up nothing else.
    """
    publisher = house().publisher
    messages: dict[str, Request] = {}
    failed: list[str] = []
    for record in event["Records"]:
        try:
            messages[record["messageId"]] = requests_in(record["body"])
        except ValueError:
            logger.exception("a message that is no event", extra={"message_id": record["messageId"]})
            failed.append(record["messageId"])
    try:
        _publish(publisher, list(messages.values()))
    except Exception:
        if len(messages) == 1:
            logger.exception(
                "failed", extra={"keys": [key for m in messages.values() for key in m.keys][:20]}
            )
            failed += messages
        else:
            logger.warning("the batch failed as a whole; each message is tried on its own", exc_info=True)
            failed += _one_by_one(publisher, messages)
    return answer(metrics, failed)


def _one_by_one(publisher: Publisher, messages: dict[str, Request]) -> list[str]:
    failed = []
    for identifier, request in messages.items():
        try:
            _publish(publisher, [request])
        except Exception:
            logger.exception("failed", extra={"keys": list(request.keys)[:20]})
            failed.append(identifier)
    return failed


def _publish(publisher: Publisher, requests: list[Request]) -> None:
    outcomes: list[Outcome] = []
    hints = [key for request in requests if not request.force for key in request.keys]
    forced = [key for request in requests if request.force for key in request.keys]
    collections = {name for request in requests for name in request.collections}
    paths = {path for request in requests for path in request.paths}
    if hints:
        outcomes += publisher.publish(hints)
    if forced:
        outcomes += publisher.publish(forced, force=True)
    if collections:
        publisher.render(collections)
    if paths:
        outcomes += publisher.renew(paths)
    for outcome in outcomes:
        if outcome.state == "refused":
            logger.warning(
                "refused", extra={"key": outcome.key, "problems": [str(p) for p in outcome.problems][:5]}
            )
        elif outcome.state not in {"unchanged", "ignored"}:
            logger.info(outcome.state, extra={"key": outcome.key, "path": outcome.path})
    for state in ("published", "updated", "withdrawn", "refused"):
        count = sum(outcome.state == state for outcome in outcomes)
        if count:
            metrics.add_metric(f"Files{state.capitalize()}", MetricUnit.Count, count)
