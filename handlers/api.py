"""What readers' forms and links reach: a function URL or an HTTP API (payload format 2.0), behind CloudFront."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.house import house
from pressrun.http import Api

logger = Logger(service="api")
metrics = Metrics(namespace="Pressrun", service="api")


@cache
def api() -> Api:
    """The API of the publication that the environment names. PRESSRUN_EDGE_SECRET: see `pressrun.http.Api`."""
    secret = os.environ.get("PRESSRUN_EDGE_SECRET", "")
    return Api(house().readers, edge_secret=secret, beacon=lambda: house().beacon)


@logger.inject_lambda_context(clear_state=True)  # which logs no event: addresses and tokens are in it
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """A request. What goes wrong is logged with its method and path, never with its query or body."""
    http = event["requestContext"]["http"]
    where = {"method": http["method"], "path": http["path"]}
    try:
        answer = api().answer(event, context)
    except Exception:
        logger.exception("failed", extra=where)
        answer = {"statusCode": 500, "headers": {"Cache-Control": "no-store"}, "body": ""}
    metrics.add_metric(f"Answers{answer['statusCode'] // 100}xx", MetricUnit.Count, 1)
    return answer
