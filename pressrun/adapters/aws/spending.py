"""What a stack has used since a moment, as far as CloudWatch's own metrics know it; none of the calls costs anything.

GetMetricStatistics is free for a million calls a month, and this makes some sixty; GetMetricData, which would need two,
is not (https://aws.amazon.com/cloudwatch/pricing/). No function of the stack reads this, and no role allows it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import boto3

from pressrun.adapters.aws.errors import translated
from pressrun.domain.costs import MONTH, Quantities

DAY: Final = 86_400
EDGE: Final = "us-east-1"  # where CloudFront's metrics are
THREADS: Final = 8


class Metric(NamedTuple):
    """A metric of every resource of a kind, and what it adds to: `quantity` += value * `scale`."""

    kind: str
    namespace: str
    dimension: str
    name: str
    quantity: str
    scale: float = 1
    statistic: str = "Sum"
    more: Mapping[str, str] = {}


METRICS: Final = (
    Metric("AWS::Lambda::Function", "AWS/Lambda", "FunctionName", "Invocations", "calls"),
    # In milliseconds, times the function's gigabytes.
    Metric("AWS::Lambda::Function", "AWS/Lambda", "FunctionName", "Duration", "seconds", 1e-3),
    Metric("AWS::DynamoDB::Table", "AWS/DynamoDB", "TableName", "ConsumedReadCapacityUnits", "row_reads"),
    Metric("AWS::DynamoDB::Table", "AWS/DynamoDB", "TableName", "ConsumedWriteCapacityUnits", "rows"),
    *(
        Metric("AWS::SQS::Queue", "AWS/SQS", "QueueName", name, "polls")
        for name in (
            *("NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted"),
            "NumberOfEmptyReceives",
        )
    ),
    Metric(
        *("AWS::S3::Bucket", "AWS/S3", "BucketName", "BucketSizeBytes", "stored"),
        scale=1e-9 / (MONTH / timedelta(days=1)),  # one value a day
        statistic="Average",
        more={"StorageType": "StandardStorage"},
    ),
    Metric("AWS::ApiGatewayV2::Api", "AWS/ApiGateway", "ApiId", "Count", "asked"),
    Metric("AWS::Logs::LogGroup", "AWS/Logs", "LogGroupName", "IncomingBytes", "ingested", 1e-9),
    *(
        Metric(
            "AWS::CloudFront::Distribution",
            *("AWS/CloudFront", "DistributionId", name, quantity),
            scale=scale,
            more={"Region": "Global"},
        )
        for name, quantity, scale in (("Requests", "requests", 1), ("BytesDownloaded", "traffic", 1e-9))
    ),
)


def spent(stack: str, since: datetime, until: datetime) -> Quantities:
    """What the stack's resources have used. Raises Transient, Permanent: a role may allow to publish and not this.

    Of the table's size it knows the present one alone. Mails are not among it: SES counts for the whole account.
    """
    session = boto3.session.Session()
    months = (until - since) / MONTH
    with translated(stack):
        found = _resources(session.client("cloudformation"), stack)
        functions, tables = session.client("lambda"), session.client("dynamodb")
        memory = {
            name: functions.get_function_configuration(FunctionName=name)["MemorySize"] / 1024
            for name in found["AWS::Lambda::Function"]
        }
        kept = sum(
            tables.describe_table(TableName=name)["Table"].get("TableSizeBytes", 0)
            for name in found["AWS::DynamoDB::Table"]
        )
        here = session.client("cloudwatch")
        edge = session.client("cloudwatch", region_name=EDGE)
        custom = here.get_paginator("list_metrics").paginate(Namespace="Pressrun")

        def read(asked: tuple[Metric, str]) -> tuple[str, float]:
            metric, name = asked
            dimensions = {metric.dimension: name, **metric.more}
            answer = (edge if metric.kind.startswith("AWS::CloudFront") else here).get_metric_statistics(
                Namespace=metric.namespace,
                MetricName=metric.name,
                Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
                StartTime=since,
                EndTime=until + timedelta(minutes=1),
                Period=DAY,
                Statistics=[metric.statistic],
            )
            value = sum(point[metric.statistic] for point in answer["Datapoints"])
            return metric.quantity, value * metric.scale * (memory[name] if metric.name == "Duration" else 1)

        total: Counter[str] = Counter()
        with ThreadPoolExecutor(THREADS) as pool:
            for quantity, value in pool.map(read, [(m, name) for m in METRICS for name in found[m.kind]]):
                total[quantity] += value  # type: ignore[assignment]
        return Quantities(
            **total,
            table=kept / 1e9 * months,
            alarms=len(found["AWS::CloudWatch::Alarm"]) * months,
            metrics=sum(len(page["Metrics"]) for page in custom) * months,
            months=months,
        )


def _resources(formation: Any, stack: str) -> dict[str, list[str]]:
    """The physical names of what the stack holds, by kind; a queue's is the last part of its address."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for page in formation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for one in page["StackResourceSummaries"]:
            name = one.get("PhysicalResourceId", "")
            kind = one["ResourceType"]
            found[kind].append(name.rpartition("/")[2] if kind == "AWS::SQS::Queue" else name)
    return found
