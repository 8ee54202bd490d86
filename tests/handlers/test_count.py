"""Access logs reach the function through SQS, twice, in any order, and some are no logs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote_plus
from uuid import uuid4

import pytest

from handlers import count
from handlers.house import house
from tests.accesslogs import fields, gz, tabbed
from tests.handlers.conftest import Cloud, Context, sqs_event

EVENTS = Path(__file__).parents[3] / "shared/data/logs/events"
TODAY = f"{datetime.now(UTC):%Y-%m-%d}"


@pytest.fixture
def bucket(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"logs-{uuid4().hex}"
    cloud.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    monkeypatch.setenv("PRESSRUN_LOG_BUCKET", name)
    house.cache_clear()
    return name


def s3_body(*keys: str) -> str:
    records = [{"s3": {"bucket": {"name": "logs"}, "object": {"key": quote_plus(key)}}} for key in keys]
    return json.dumps({"Records": records})


def handle(*bodies: str) -> list[str]:
    """The messages that are to come again."""
    answer = count.handler(sqs_event(bodies), Context())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_logs_are_counted_once_and_their_totals_are_public(cloud: Cloud, bucket: str) -> None:
    """Delivered twice, before and after the tick."""
    cloud.upload("tide.md", b"---\ntitle: Tide\ndate: 2026-01-01\n---\ntext")
    cloud.publish(["tide.md"])
    for number in range(3):
        body = gz(tabbed(fields("/tide/", day=TODAY, ip=f"198.51.100.{number}"), fields("/tide/", day=TODAY)))
        cloud.s3.put_object(Bucket=bucket, Key=f"E1 {number}.gz", Body=body)
    keys = [f"E1 {number}.gz" for number in range(3)]
    assert handle(s3_body(*keys[:2]), s3_body(keys[2]), s3_body(keys[0])) == []
    cloud.tick()
    assert handle(s3_body(*keys)) == []
    cloud.tick()
    popular = json.loads(house().site.get("views/totals/popular.json").body)
    assert [(found["path"], found["views"], found["hits"]) for found in popular["day"]] == [("tide/", 4, 6)]
    assert house().site.head("views/totals/popular.json").cache_control == "public, max-age=60"
    private = {
        found["Key"] for found in cloud.s3.list_objects_v2(Bucket=cloud.content, Prefix="views/")["Contents"]
    }
    assert f"views/day/r1/{TODAY}.json" in private
    assert not [key for key in private if "delta" in key]


def test_a_log_that_cannot_be_read_holds_up_nothing_else(cloud: Cloud, bucket: str) -> None:
    """It alone comes again, and ends among the dead letters."""
    cloud.s3.put_object(Bucket=bucket, Key="good", Body=tabbed(fields(day=TODAY)))
    cloud.s3.put_object(Bucket=bucket, Key="odd", Body=b"#Version: 7\n")
    assert handle(s3_body("odd"), s3_body("good"), "no event", "[]", s3_body("gone")) == ["0", "2", "3"]
    assert len(house().views.counter.book.deltas(1)) == 1


def test_both_kinds_of_events_name_keys() -> None:
    """And S3's test names none."""
    assert count.keys_in(s3_body("a b/c+d.gz")) == ["a b/c+d.gz"]
    assert count.keys_in(json.dumps({"detail": {"object": {"key": "a b"}}})) == ["a b"]
    assert count.keys_in(json.dumps({"Type": "Notification", "Message": s3_body("x")})) == ["x"]
    assert count.keys_in(json.dumps({"Event": "s3:TestEvent"})) == []


@pytest.mark.skipif(not EVENTS.exists(), reason="real events lie beside the repository")
def test_real_events_are_understood() -> None:
    """Of crates.io."""
    found = {path.name: count.keys_in(path.read_text("utf-8")) for path in EVENTS.glob("*.json")}
    assert [len(keys) for _, keys in sorted(found.items())] == [0, 2, 1]
