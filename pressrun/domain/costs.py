"""What a publication costs on AWS in a month.

All prices can be replaced. What an event costs is reckoned from what the functions do, on the high side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pressrun.domain.issues import BATCH

MINUTES: Final = 60 * 24 * 365 / 12  # in a month, each with a tick
LIST_PRICES: Final[Mapping[str, float]] = {
    "ses.thousand": 0.10,  # mails
    "cloudfront.gb": 0.085,
    "cloudfront.million": 1.00,  # requests
    "cloudfront.free_gb": 1000,
    "cloudfront.free_million": 10,
    "cloudfront.function_million": 0.10,  # runs of a CloudFront function
    "cloudfront.function_free_million": 2,
    "s3.gb": 0.023,
    "s3.put_thousand": 0.005,  # writes and listings
    "s3.get_thousand": 0.0004,
    "lambda.million": 0.20,  # calls
    "lambda.gbs": 0.0000133334,  # gigabyte-seconds on arm64
    "lambda.free_million": 1,
    "lambda.free_gbs": 400_000,
    "dynamodb.write_million": 0.625,
    "dynamodb.read_million": 0.125,
    "dynamodb.gb": 0.25,
    "dynamodb.backup_gb": 0.20,  # point-in-time recovery
    "dynamodb.free_gb": 25,
    "sqs.million": 0.40,
    "sqs.free_million": 1,
    "api.million": 1.00,
    "cloudwatch.alarm": 0.10,
    "cloudwatch.free_alarms": 10,
    "cloudwatch.metric": 0.30,
    "cloudwatch.free_metrics": 10,
    "cloudwatch.log_gb": 0.50,
    "cloudwatch.free_log_gb": 5,
}
"""US dollars, list prices of us-east-1 as remembered in November 2026: check them against AWS's own pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A month's work."""

    subscribers: int = 1_000
    issues: float = 4.0
    views: int = 10_000  # of articles, by people
    articles: int = 100  # that there are
    uploads: int = 30  # new, changed and deleted files
    page_kb: int = 60  # sent for a view, compressed, with its pictures
    feed_requests: int = 100_000
    alarms: int = 17
    metrics: int = 8  # custom ones that are written all the time


@dataclass(frozen=True, slots=True)
class Line:
    """One service: its price, and the largest quantities behind it."""

    service: str
    price: float
    why: str


def estimate(usage: Usage, prices: Mapping[str, float], *, free: bool = True) -> list[Line]:
    """A month's bill by service. `free`: take off what every account has free of charge, month after month."""

    def over(name: str, quantity: float) -> float:
        return max(0.0, quantity - (prices[name] if free else 0.0))

    mails = usage.subscribers * usage.issues
    batches = mails / BATCH
    requests = (
        usage.views * 2 + usage.feed_requests
    )  # a page, and what of its files is not cached by its reader
    traffic = (
        usage.views * usage.page_kb + usage.feed_requests * 5
    ) / 1e6  # most feed requests are answered 304
    logs = min(requests / 20, MINUTES)  # files of log lines: few lines each on a quiet site
    writes = usage.uploads * 25 + logs * 2 + MINUTES / 5 + usage.issues
    listings = MINUTES * 2
    reads = requests / 20 + usage.uploads * 15 + logs * 3
    calls = MINUTES + usage.uploads * 2 + batches * 1.2 + logs / 5 + mails / 10 + usage.subscribers * 0.1
    seconds = MINUTES * 0.5 + usage.uploads * 3 + batches * 1.5 + logs * 0.3 + mails * 0.02
    rows = usage.uploads * 60 + batches * 40 + mails * 2 + MINUTES
    row_reads = MINUTES * 12 + usage.uploads * 100 + mails * 3
    stored = usage.articles * 1.0e-3 + requests * 3e-7 * 1.5  # a megabyte each; thirty days of logs
    table = usage.articles * 2e-5 + usage.subscribers * 1e-6 + mails * 2e-7
    polls = 4 * 15 * MINUTES + calls * 2  # five long polls of 20 seconds for each of four queues
    ingested = calls * 1e-6
    return [
        Line("SES", mails / 1e3 * prices["ses.thousand"], f"{mails:,.0f} mails"),
        Line(
            "CloudFront",
            over("cloudfront.free_gb", traffic) * prices["cloudfront.gb"]
            + over("cloudfront.free_million", requests / 1e6) * prices["cloudfront.million"]
            + over("cloudfront.function_free_million", requests / 1e6)
            * prices["cloudfront.function_million"],
            f"{requests:,.0f} requests, {traffic:,.1f} GB",
        ),
        Line(
            "S3",
            stored * prices["s3.gb"]
            + (writes + listings) / 1e3 * prices["s3.put_thousand"]
            + reads / 1e3 * prices["s3.get_thousand"],
            f"{stored:,.2f} GB, {writes + listings:,.0f} writes and listings",
        ),
        Line(
            "Lambda",
            over("lambda.free_million", calls / 1e6) * prices["lambda.million"]
            + over("lambda.free_gbs", seconds) * prices["lambda.gbs"],
            f"{calls:,.0f} calls, {seconds:,.0f} GB-seconds",
        ),
        Line(
            "DynamoDB",
            rows / 1e6 * prices["dynamodb.write_million"]
            + row_reads / 1e6 * prices["dynamodb.read_million"]
            + over("dynamodb.free_gb", table) * prices["dynamodb.gb"]
            + table * prices["dynamodb.backup_gb"],
            f"{rows:,.0f} writes, {row_reads:,.0f} reads",
        ),
        Line("SQS", over("sqs.free_million", polls / 1e6) * prices["sqs.million"], f"{polls:,.0f} requests"),
        Line(
            "API",
            usage.subscribers * 0.1 / 1e6 * prices["api.million"],
            "subscribing and leaving",
        ),
        Line(
            "CloudWatch",
            over("cloudwatch.free_alarms", usage.alarms) * prices["cloudwatch.alarm"]
            + over("cloudwatch.free_metrics", usage.metrics) * prices["cloudwatch.metric"]
            + over("cloudwatch.free_log_gb", ingested) * prices["cloudwatch.log_gb"],
            f"{usage.alarms} alarms, {usage.metrics} metrics",
        ),
    ]
