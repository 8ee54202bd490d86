"""A publication on stand-ins for S3, DynamoDB and SQS, reached through the environment as a function reaches them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus
from uuid import uuid4

import pytest

from handlers import publish, tick
from handlers.house import house
from tests.contract.conftest import (  # noqa: F401 - fixtures
    bucket,
    dynamo_name,
    dynamodb,
    moto_url,
    s3,
    sqs,
)


class Context:
    """What Lambda tells a function of itself."""

    function_name = "publish"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:000000000000:function:publish"
    aws_request_id = "00000000-0000-0000-0000-000000000000"


def eventbridge(key: str) -> str:
    """An object event as EventBridge hands it on."""
    detail = {
        "bucket": {"name": "content"},
        "object": {"key": f"content/{key}", "size": 1},
        "reason": "PutObject",
    }
    return json.dumps({"version": "0", "source": "aws.s3", "detail-type": "Object Created", "detail": detail})


def s3_notification(*keys: str) -> str:
    """An object event as S3 sends it itself: keys form-encoded."""
    records = [
        {
            "eventSource": "aws:s3",
            "s3": {"bucket": {"name": "content"}, "object": {"key": quote_plus(f"content/{key}")}},
        }
        for key in keys
    ]
    return json.dumps({"Records": records})


def sqs_event(bodies: Sequence[str]) -> dict[str, Any]:
    """A batch as Lambda gets it from SQS."""
    records = [{"messageId": str(n), "body": body, "eventSource": "aws:sqs"} for n, body in enumerate(bodies)]
    return {"Records": records}


@dataclass
class Cloud:
    """The content bucket's editor, and the functions behind it."""

    s3: Any
    content: str
    site: str
    random: random.Random

    def upload(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.content, Key=f"content/{key}", Body=body)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.content, Key=f"content/{key}")

    def handle(self, bodies: Sequence[str]) -> list[str]:
        """Calls the function as Lambda would; the messages that are to come again."""
        answer = publish.handler(sqs_event(bodies), Context())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def publish(self, keys: Sequence[str], *, at_once: int = 8) -> None:
        """Events in random order, some of them twice, in either shape; then the functions' own messages."""
        keys = [*keys, *self.random.sample(list(keys), len(keys) // 10)]
        self.random.shuffle(keys)
        for start in range(0, len(keys), at_once):
            shape = self.random.choice([eventbridge, s3_notification])
            assert self.handle([shape(key) for key in keys[start : start + at_once]]) == []
        self.drain()

    def drain(self) -> None:
        """Hands the publishing queue's messages to the function until none is left."""
        queue = house().queue
        while messages := queue.receive(10, visibility=60):
            assert self.handle([message.body for message in messages]) == []
            for message in messages:
                queue.acknowledge(message)

    def tick(self) -> int:
        """A minute's tick."""
        return tick.handler({}, Context())["files"]

    def objects(self) -> dict[str, bytes]:
        """The site as it lies in S3."""
        return {stat.key: house().site.get(stat.key).body for stat in house().site.list()}


@pytest.fixture
def cloud(
    monkeypatch: pytest.MonkeyPatch,
    moto_url: str,  # noqa: F811
    s3: Any,  # noqa: F811
    sqs: Any,  # noqa: F811
    dynamo_name: str,  # noqa: F811
) -> Iterator[Cloud]:
    names = [f"b-{uuid4().hex}" for _ in range(2)]
    for name in names:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    environment = {
        "AWS_ENDPOINT_URL": moto_url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "PRESSRUN_CONTENT_BUCKET": names[0],
        "PRESSRUN_SITE_BUCKET": names[1],
        "PRESSRUN_TABLE": dynamo_name,
        "PRESSRUN_QUEUE_URL": sqs.create_queue(QueueName=f"q-{uuid4().hex}")["QueueUrl"],
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    house.cache_clear()
    yield Cloud(s3, *names, random.Random(7))
    house().close()
    house.cache_clear()
