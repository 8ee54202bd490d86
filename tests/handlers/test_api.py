"""The readers' function: events as a function URL and an HTTP API send them, over stand-ins for AWS."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from handlers import api
from handlers.house import house
from tests.handlers.conftest import Cloud, Context
from tests.readers import ADA, SETTINGS, event


@pytest.fixture
def cloud_with_newsletters(cloud: Cloud, sqs: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    queue = sqs.create_queue(QueueName=f"m-{uuid4().hex}")["QueueUrl"]
    monkeypatch.setenv("PRESSRUN_MAIL_QUEUE_URL", queue)
    house.cache_clear()
    api.api.cache_clear()
    cloud.upload("pressrun.toml", SETTINGS.encode())
    yield cloud
    api.api.cache_clear()


def call(found: dict[str, Any]) -> dict[str, Any]:
    return api.handler(found, Context())


def http_api(found: dict[str, Any], stage: str) -> dict[str, Any]:
    """The same request as an HTTP API's stage hands it on."""
    context = {**found["requestContext"], "stage": stage, "apiId": "xyz", "routeKey": "ANY /{proxy+}"}
    path = found["rawPath"] if stage == "$default" else f"/{stage}{found['rawPath']}"
    context["http"] = {**context["http"], "path": path}
    return {**found, "rawPath": path, "requestContext": context, "routeKey": "ANY /{proxy+}"}


def test_an_application_is_queued_once_accepted(cloud_with_newsletters: Cloud) -> None:
    """From a function URL, whose body may come in base64; what is accepted is in the queue by then."""
    form = urlencode({"email": ADA, "rhythm.letters": "weekly"})
    plain = event("POST", "/api/subscribe", form, cloudfront_viewer_address="198.51.100.10:4711")
    packed = {**plain, "body": base64.b64encode(form.encode()).decode(), "isBase64Encoded": True}
    for found in (plain, packed, http_api(plain, "$default")):
        answer = call(found)
        assert answer["statusCode"] == 202, answer
        assert answer["headers"]["Cache-Control"] == "no-store"
        (message,) = house().mail_queue.receive()
        assert json.loads(message.body)["address"] == ADA
        house().mail_queue.acknowledge(message)
    assert house().subscribers.find(ADA) is None


def test_a_page_and_a_wrong_address_are_answered(cloud_with_newsletters: Cloud) -> None:
    page = call(event("GET", "/api/unsubscribe?t=x", accept="text/html"))
    assert page["statusCode"] == 410
    assert "<h1" in page["body"]
    assert call(event("GET", "/api/nothing"))["statusCode"] == 404


def test_what_fails_is_logged_without_what_was_asked(
    cloud_with_newsletters: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(event("GET", "/api/openapi.json"))["statusCode"] == 200
    token = house().tokens.make("preferences", "ab" * 16)
    log = io.StringIO()
    monkeypatch.setattr(api.logger.registered_handler, "stream", log)
    monkeypatch.setattr(type(house().table), "get", lambda *_: 1 / 0)
    canary = {"cloudfront_viewer_address": "203.0.113.77:1"}
    answers = [
        call(event("GET", f"/api/preferences?t={token}", accept="text/html", **canary)),
        call(event("POST", "/api/subscribe", urlencode({"email": "canary@example.org"}), **canary)),
    ]
    assert [answer["statusCode"] for answer in answers] == [500, 500]
    logged = log.getvalue()
    assert "ZeroDivisionError" in logged
    for secret in ("canary", "203.0.113.77", token, token.split(".")[0]):
        assert secret not in logged
