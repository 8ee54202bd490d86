"""What a month has cost until now, of a stack on moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest

from pressrun.adapters.aws.spending import METRICS, spent
from pressrun.errors import Permanent
from tests.handlers.conftest import Cloud
from tests.handlers.test_exchange import Terminal, run  # noqa: F401 - a fixture
from tests.handlers.test_operate import dead  # noqa: F401 - a fixture
from tests.infra.templates import resources

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
STACK = {
    "Table": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        },
    },
    "Queue": {"Type": "AWS::SQS::Queue"},
    "Log": {"Type": "AWS::Logs::LogGroup"},
}


@pytest.fixture
def stack(cloud: Cloud, moto_url: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Its name, and the physical names of what it holds."""
    formation = boto3.client("cloudformation", endpoint_url=moto_url, region_name="eu-west-1")
    name = f"s-{uuid4().hex}"
    formation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": STACK}))
    listed = formation.list_stack_resources(StackName=name)["StackResourceSummaries"]
    yield name, {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed}
    formation.close()


def put(moto_url: str, namespace: str, metric: str, dimensions: dict[str, str], *values: float) -> None:
    """A value a day, from the first on."""
    cloudwatch = boto3.client("cloudwatch", endpoint_url=moto_url, region_name="eu-west-1")
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    for day, value in enumerate(values):
        at = SINCE + timedelta(days=day, hours=5)
        datum: Any = {"MetricName": metric, "Dimensions": named, "Timestamp": at, "Value": value}
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])
    cloudwatch.close()


def test_what_a_stack_used_is_added_up(stack: tuple[str, dict[str, str]], moto_url: str) -> None:
    """Of its own resources alone, since the month began, in the units that are paid for."""
    name, there = stack
    queue, table = there["Queue"].rpartition("/")[2], {"TableName": there["Table"]}
    put(moto_url, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", table, 40, 2)
    put(moto_url, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", {"TableName": "another"}, 1000)
    put(moto_url, "AWS/DynamoDB", "ConsumedReadCapacityUnits", table, 7)
    for metric in ("NumberOfMessagesSent", "NumberOfEmptyReceives"):
        put(moto_url, "AWS/SQS", metric, {"QueueName": queue}, 100, 10)
    put(moto_url, "AWS/Logs", "IncomingBytes", {"LogGroupName": there["Log"]}, 3e9)
    found = spent(name, SINCE, SINCE + timedelta(days=10))
    assert (found.rows, found.row_reads, found.polls, found.ingested) == (42, 7, 220, 3)
    assert found.months == pytest.approx(0.3288, abs=1e-4)
    assert spent(name, SINCE, SINCE + timedelta(hours=20)).rows == 40
    with pytest.raises(Permanent, match="no-such-stack"):
        spent("no-such-stack", SINCE, SINCE + timedelta(days=1))


def test_status_says_what_the_month_has_cost(
    run: Terminal,  # noqa: F811
    dead: dict[str, str],  # noqa: F811
    stack: tuple[str, dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    moto_url: str,
) -> None:
    """An estimate, of which each price can be replaced; and why, where it is not known."""
    assert "costs so far    not known: the stack's name" in run("status", "--target", "aws")
    monkeypatch.setenv("PRESSRUN_STACK", stack[0])
    now = datetime.now(UTC)
    cloudwatch = boto3.client("cloudwatch", endpoint_url=moto_url, region_name="eu-west-1")
    dimensions = [{"Name": "TableName", "Value": stack[1]["Table"]}]
    datum: Any = {"MetricName": "ConsumedWriteCapacityUnits", "Dimensions": dimensions, "Value": 8e6}
    cloudwatch.put_metric_data(Namespace="AWS/DynamoDB", MetricData=[datum | {"Timestamp": now}])
    cloudwatch.close()
    assert "costs so far    about 5.00 US$ this month: DynamoDB 5.00" in run("status", "--target", "aws")
    dear = run("status", "--target", "aws", "--price", "dynamodb.write_million=2", "--format", "json")
    assert {line["service"]: line["price"] for line in json.loads(dear)["costs"]}["DynamoDB"] == 16


def test_every_kind_that_is_asked_for_is_in_the_template() -> None:
    """As the template is after SAM: functions and the API come from its short forms."""
    kinds = {one["Type"] for one in resources().values()}
    kinds |= {"AWS::Lambda::Function"} if "AWS::Serverless::Function" in kinds else set()
    kinds |= {"AWS::ApiGatewayV2::Api"} if "AWS::Serverless::HttpApi" in kinds else set()
    assert {metric.kind for metric in METRICS} | {"AWS::CloudWatch::Alarm"} <= kinds
