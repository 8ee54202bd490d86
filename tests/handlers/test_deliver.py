"""The newsletter's whole way through the functions: subscribe, confirm, an issue, its bounce, on stand-ins for AWS."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import pytest

from handlers import api, deliver, feedback, tick
from handlers.house import house
from tests.fakes.ses import Ses, as_eventbridge, as_sns, serving
from tests.handlers.conftest import Cloud, Context, sqs_event
from tests.readers import event

SETTINGS = """
url = "https://tides.example"
[[newsletters]]
slug = "letters"
name = "Letters"
sender = "letters@tides.example"
postal_address = "1 Quay Street"
cooling_minutes = 0
"""


@pytest.fixture
def ses(cloud: Cloud, sqs: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ses]:
    """A publication on AWS whose mail goes to a strict stand-in for SES."""
    with serving(Ses(max_send_rate=100.0)) as account:
        monkeypatch.setenv(
            "PRESSRUN_MAIL_QUEUE_URL", sqs.create_queue(QueueName=f"m-{uuid4().hex}")["QueueUrl"]
        )
        monkeypatch.setenv("PRESSRUN_SES_CONFIGURATION_SET", "pressrun")
        monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", account.url)
        house.cache_clear()
        api.api.cache_clear()
        yield account
        api.api.cache_clear()


def work() -> None:
    """Hands the mail queue's messages to the function until none is left."""
    queue = house().mail_queue
    while messages := queue.receive(10, visibility=60):
        answer = deliver.handler(sqs_event([message.body for message in messages]), Context())
        assert answer == {"batchItemFailures": []}
        for message in messages:
            queue.acknowledge(message)


def post(path: str, **fields: str) -> int:
    found = event("POST", path, urlencode(fields), cloudfront_viewer_address="198.51.100.10:4711")
    return int(api.handler(found, Context())["statusCode"])


def link(text: str, place: str) -> str:
    found = re.search(rf"https://tides\.example(/api/{place}\?t=\S+)", text)
    assert found is not None, text
    return found[1]


def test_a_reader_subscribes_gets_an_issue_and_bounces(cloud: Cloud, ses: Ses) -> None:
    """Each step by the function that does it; a reader who left gets nothing."""
    cloud.upload("pressrun.toml", SETTINGS.encode())
    cloud.publish(["pressrun.toml"])
    for name in ("ada", "bob", "eve"):
        assert post("/api/subscribe", email=f"{name}@example.org", **{"rhythm.letters": "article"}) < 400
    work()
    assert sorted(ses.addresses) == ["ada@example.org", "bob@example.org", "eve@example.org"]
    for mail in list(ses.sent):
        way = urlsplit(link(mail.text, "confirm"))
        assert api.handler(event("GET", f"{way.path}?{way.query}"), Context())["statusCode"] == 200
        assert post(f"{way.path}?{way.query}") < 400
    work()
    welcomed = len(ses.sent)
    now = datetime.now(UTC).isoformat()
    cloud.upload("tides.md", f"---\ntitle: Tides\ndate: {now}\n---\nHigh **water**.".encode())
    cloud.publish(["tides.md"])
    assert tick.handler({}, Context())["issues"] == 1
    leaver = next(mail for mail in ses.sent if mail.address == "eve@example.org")
    assert leaver.tags == {} or "issue" not in leaver.tags
    token = house().tokens.make("unsubscribe", house().subscribers.find("eve@example.org").id, "letters")  # type: ignore[union-attr]
    assert post(f"/api/unsubscribe?t={token}", **{"List-Unsubscribe": "One-Click"}) == 200
    ses.bouncing.add("bob@example.org")
    work()
    issue = ses.sent[welcomed:]
    assert sorted(mail.address for mail in issue) == ["ada@example.org", "bob@example.org"]
    assert {mail.subject for mail in issue} == {"Tides"}
    shapes = [as_sns, as_eventbridge, json.dumps]
    bodies = [shapes[number % 3](found) for number, found in enumerate(ses.events)]
    assert feedback.handler(sqs_event([*bodies, *bodies]), Context()) == {"batchItemFailures": []}
    states = {name: house().subscribers.find(f"{name}@example.org") for name in ("ada", "bob", "eve")}
    assert {name: there.subscriber.state for name, there in states.items() if there} == {
        "ada": "active",
        "bob": "bounced",
        "eve": "unsubscribed",
    }
    (sent,) = house().newsroom.issues.of("letters")
    assert sent.state == "sent" and sent.counts["sent"] == 2


def test_a_wrong_message_comes_again_alone(cloud: Cloud, ses: Ses) -> None:
    """The others of its batch are done."""
    cloud.upload("pressrun.toml", SETTINGS.encode())
    bodies = [
        "nonsense",
        json.dumps({"pressrun": "batch"}),
        json.dumps({"pressrun": "again", "newsletter": "x", "issue": "y"}),
    ]
    assert deliver.handler(sqs_event(bodies), Context()) == {
        "batchItemFailures": [{"itemIdentifier": "0"}, {"itemIdentifier": "1"}]
    }
    assert feedback.handler(sqs_event(["nonsense", "{}"]), Context()) == {
        "batchItemFailures": [{"itemIdentifier": "0"}, {"itemIdentifier": "1"}]
    }
