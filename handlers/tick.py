"""Every minute: articles and issues whose time has come, what died on its way, and once an hour a look for lost events.

What fails in one part is logged and holds up no other; the function then fails as a whole, so that its alarm is heard.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.house import house
from pressrun.domain.issues import Issue
from pressrun.services.subscribe import expire
from pressrun.services.sweep import tick
from pressrun.services.work import Outcome

logger = Logger(service="tick")
metrics = Metrics(namespace="Pressrun", service="tick")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """The schedule's event says nothing that is needed. Returns how many files and issues were acted on."""
    outcomes: list[Outcome] = []
    issues: list[Issue] = []
    failed = []
    parts: dict[str, Callable[[], object]] = {
        "publish": lambda: outcomes.extend(tick(house().publisher)),
        "issues": lambda: issues.extend(house().newsroom.tick()),
        "delivery": house().deliverer.sweep,
        "readers": lambda: expire(house().readers),
        "views": _views,
    }
    for name, part in parts.items():
        try:
            part()
        except Exception:
            logger.exception("failed", extra={"part": name})
            failed.append(name)
    for outcome in outcomes:
        logger.info(outcome.state, extra={"key": outcome.key, "path": outcome.path})
    for issue in issues:
        logger.info(issue.state, extra={"newsletter": issue.newsletter, "issue": issue.id})
    metrics.add_metric("Ticks", MetricUnit.Count, 1)
    if failed:
        raise RuntimeError(f"failed: {', '.join(failed)}")
    return {"files": len(outcomes), "issues": len(issues)}


def _views() -> None:
    """What was counted becomes days and totals; days that are over three days old are sealed."""
    done = house().views.tick()
    for wrong in done.wrong:
        logger.error("not counted", extra={"log": wrong})
    if done.sealed:
        logger.info("sealed", extra={"days": done.sealed})
    metrics.add_metric("LogsFound", MetricUnit.Count, done.found)
