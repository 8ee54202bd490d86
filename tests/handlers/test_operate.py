"""`pressrun status` and `redrive` on AWS, with all four queues."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.handlers.conftest import Cloud, eventbridge
from tests.handlers.test_exchange import Terminal, run  # noqa: F401 - a fixture


@pytest.fixture
def dead(sqs: Any, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Each queue's dead letters, named as `deploy` names them."""
    found = {}
    for name in ("", "MAIL_", "FEEDBACK_", "COUNT_"):
        found[name] = sqs.create_queue(QueueName=f"d-{uuid4().hex}")["QueueUrl"]
        monkeypatch.setenv(f"PRESSRUN_{name}DEAD_QUEUE_URL", found[name])
        if name:
            url = sqs.create_queue(QueueName=f"q-{uuid4().hex}")["QueueUrl"]
            monkeypatch.setenv(f"PRESSRUN_{name}QUEUE_URL", url)
    monkeypatch.setenv("PRESSRUN_MAILER", "smtp")
    monkeypatch.setenv("PRESSRUN_SMTP_URL", "smtp://127.0.0.1:9")
    return found


def test_all_four_queues_are_told_of(run: Terminal, dead: dict[str, str], cloud: Cloud, sqs: Any) -> None:  # noqa: F811
    cloud.upload("a.md", b"---\ntitle: A\ndate: 2026-01-01\n---\ntext")
    cloud.publish(["a.md"])
    cloud.tick()
    cloud.drain()
    said = run("status", "--target", "aws")
    for name in ("publish", "mail", "feedback", "count"):
        assert f"queue {name:<9} 0 waiting, 0 in hand" in said
    assert "last sweep      just now" in said
    sqs.send_message(QueueUrl=dead["COUNT_"], MessageBody="{}")
    assert "1 dead letter: pressrun redrive count" in run("status", "--target", "aws", code=1)


@pytest.mark.slow
def test_a_dead_letter_is_named_by_its_file_and_sent_again(
    run: Terminal,  # noqa: F811
    dead: dict[str, str],
    cloud: Cloud,
    sqs: Any,
) -> None:
    """And no address that a message of a reader's holds is printed."""
    sqs.send_message(QueueUrl=dead[""], MessageBody=eventbridge("posts/a.md"))
    asked = json.dumps({"pressrun": "subscribe", "address": "ada@example.org"})
    sqs.send_message(QueueUrl=dead["MAIL_"], MessageBody=asked)
    said = run("redrive", "--target", "aws")
    assert "content/posts/a.md" in said
    assert "no cause was kept" in said
    assert "ada@" not in said
    assert "1 message sent again." in run("redrive", "publish", "--yes", "--target", "aws")
    assert "no dead letters" in run("redrive", "publish", "--target", "aws")
    assert "1 waiting" in run("status", "--target", "aws", code=1)
