"""The mail queue: shards to plan, batches to send, readers who ask for something."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.batches import Answer, each
from handlers.house import house
from pressrun.services.post import Post

logger = Logger(service="deliver")
metrics = Metrics(namespace="Pressrun", service="deliver")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """An SQS batch of our own messages. Returns those that are to come again; the others are done."""
    post: Post = house().post

    def failed(message: str) -> None:
        logger.exception("failed", extra={"message_id": message})

    return each(event, metrics, post.handle, failed)
