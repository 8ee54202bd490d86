"""What a publication costs on AWS in a month.

All prices can be replaced. What an event costs is reckoned from what the functions do, on the high side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pressrun.domain.issues import BATCH

MONTH: Final = timedelta(days=365 / 12)
MINUTES: Final = MONTH / timedelta(minutes=1)  # in a month, each with a tick
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantities:
    """What is paid for. What is kept or stands is counted in months: two gigabytes for half a month are one."""

    mails: float = 0
    requests: float = 0  # at the edge
    traffic: float = 0  # gigabytes from the edge
    stored: float = 0  # gigabytes in buckets
    puts: float = 0  # writes and listings of objects
    gets: float = 0
    calls: float = 0  # of functions
    seconds: float = 0  # of functions, times their gigabytes
    rows: float = 0  # written
    row_reads: float = 0
    table: float = 0  # gigabytes
    polls: float = 0  # requests to queues
    asked: float = 0  # of the API
    alarms: float = 0
    metrics: float = 0
    ingested: float = 0  # gigabytes of functions' logs
    months: float = 1  # that this is of


def estimate(usage: Usage, prices: Mapping[str, float], *, free: bool = True) -> list[Line]:
    """A month's bill by service. `free`: take off what every account has free of charge, month after month."""
    mails = usage.subscribers * usage.issues
    batches = mails / BATCH
    requests = (
        usage.views * 2 + usage.feed_requests
    )  # a page, and what of its files is not cached by its reader
    logs = min(requests / 20, MINUTES)  # files of log lines: few lines each on a quiet site
    calls = MINUTES + usage.uploads * 2 + batches * 1.2 + logs / 5 + mails / 10 + usage.subscribers * 0.1
    month = Quantities(
        mails=mails,
        requests=requests,
        traffic=(usage.views * usage.page_kb + usage.feed_requests * 5)
        / 1e6,  # most feed requests are answered 304
        stored=usage.articles * 1.0e-3 + requests * 3e-7 * 1.5,  # a megabyte each; thirty days of logs
        puts=usage.uploads * 25 + logs * 2 + MINUTES / 5 + usage.issues + MINUTES * 2,
        gets=requests / 20 + usage.uploads * 15 + logs * 3,
        calls=calls,
        seconds=MINUTES * 0.5 + usage.uploads * 3 + batches * 1.5 + logs * 0.3 + mails * 0.02,
        rows=usage.uploads * 60 + batches * 40 + mails * 2 + MINUTES,
        row_reads=MINUTES * 12 + usage.uploads * 100 + mails * 3,
        table=usage.articles * 2e-5 + usage.subscribers * 1e-6 + mails * 2e-7,
        polls=4 * 15 * MINUTES + calls * 2,  # five long polls of 20 seconds for each of four queues
        asked=usage.subscribers * 0.1,  # subscribing and leaving
        alarms=usage.alarms,
        metrics=usage.metrics,
        ingested=calls * 1e-6,
    )
    return bill(month, prices, free=free)


def bill(used: Quantities, prices: Mapping[str, float], *, free: bool = True) -> list[Line]:
    """What it costs, by service. What is free is free for an account and a month; here nobody else uses it."""

    def over(name: str, quantity: float, share: float = 1) -> float:
        return max(0.0, quantity - (prices[name] * share if free else 0.0))

    runs = used.requests * 2  # of a function at the request, and of one at the response
    return [
        Line("SES", used.mails / 1e3 * prices["ses.thousand"], f"{used.mails:,.0f} mails"),
        Line(
            "CloudFront",
            over("cloudfront.free_gb", used.traffic) * prices["cloudfront.gb"]
            + over("cloudfront.free_million", used.requests / 1e6) * prices["cloudfront.million"]
            + over("cloudfront.function_free_million", runs / 1e6) * prices["cloudfront.function_million"],
            f"{used.requests:,.0f} requests, {used.traffic:,.1f} GB",
        ),
        Line(
            "S3",
            used.stored * prices["s3.gb"]
            + used.puts / 1e3 * prices["s3.put_thousand"]
            + used.gets / 1e3 * prices["s3.get_thousand"],
            f"{used.stored:,.2f} GB"
            + (f", {used.puts:,.0f} writes and listings" if used.puts else ", requests not counted"),
        ),
        Line(
            "Lambda",
            over("lambda.free_million", used.calls / 1e6) * prices["lambda.million"]
            + over("lambda.free_gbs", used.seconds) * prices["lambda.gbs"],
            f"{used.calls:,.0f} calls, {used.seconds:,.0f} GB-seconds",
        ),
        Line(
            "DynamoDB",
            used.rows / 1e6 * prices["dynamodb.write_million"]
            + used.row_reads / 1e6 * prices["dynamodb.read_million"]
            + over("dynamodb.free_gb", used.table, used.months) * prices["dynamodb.gb"]
            + used.table * prices["dynamodb.backup_gb"],
            f"{used.rows:,.0f} writes, {used.row_reads:,.0f} reads",
        ),
        Line(
            "SQS",
            over("sqs.free_million", used.polls / 1e6) * prices["sqs.million"],
            f"{used.polls:,.0f} requests",
        ),
        Line("API", used.asked / 1e6 * prices["api.million"], f"{used.asked:,.0f} requests"),
        Line(
            "CloudWatch",
            over("cloudwatch.free_alarms", used.alarms, used.months) * prices["cloudwatch.alarm"]
            + over("cloudwatch.free_metrics", used.metrics, used.months) * prices["cloudwatch.metric"]
            + over("cloudwatch.free_log_gb", used.ingested) * prices["cloudwatch.log_gb"],
            f"{used.alarms / used.months:.0f} alarms, {used.metrics / used.months:.0f} metrics",
        ),
    ]
