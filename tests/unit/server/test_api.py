"""The API behind the local server: the router's answers, bounded bodies, and logs that tell nobody's secrets."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pressrun.http import Api
from pressrun.parsing.requests import MAX_BODY
from pressrun.ports import Put
from pressrun.server import AccessLog, SiteApp
from tests.conftest import FrozenClock
from tests.readers import Reading

CANARY = "canary.4711@example.org"
CLIENT = "203.0.113.77"


@pytest.fixture
def app(reading: Reading, clock: FrozenClock, tmp_path: Path) -> SiteApp:
    page = Put(key="index.html", body=b"<p>home</p>", content_type="text/html; charset=utf-8")
    reading.house.site.put(page)
    log = AccessLog(tmp_path / "logs", clock)
    return SiteApp(reading.house.site, base="", live=False, log=log, clock=clock, api=reading.api)


@pytest.fixture
def ask(app: SiteApp) -> Iterator[Any]:
    def request(method: str, target: str, **more: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=app, client=(CLIENT, 4711))
            async with httpx.AsyncClient(transport=transport, base_url="http://tide.example") as client:
                return await client.request(method, target, **more)

        return asyncio.run(go())

    return request


def lines(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for path in sorted(folder.glob("*")) for line in path.read_text().splitlines()]


def test_site_and_api_are_served_side_by_side(ask: Any) -> None:
    assert ask("GET", "/").text == "<p>home</p>"
    assert ask("POST", "/").status_code == 405
    reply = ask("POST", "/api/subscribe", data={"email": CANARY, "rhythm.letters": "weekly"})
    assert (reply.status_code, reply.json()["status"]) == (202, "thanks")
    assert reply.headers["content-length"] == str(len(reply.content))
    head = ask("HEAD", "/api/openapi.json")
    assert (head.status_code, head.content) == (200, b"")


def test_a_body_is_read_no_further_than_it_may_be_long(app: SiteApp) -> None:
    """Whatever Content-Length says, or where there is none."""
    received = 0

    async def receive() -> dict[str, Any]:
        nonlocal received
        received += 1
        return {"type": "http.request", "body": b"x" * 10_000, "more_body": True}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/subscribe", "headers": [], "client": (CLIENT, 1)}
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 413
    assert received == MAX_BODY // 10_000 + 1


def test_a_reader_cannot_say_that_they_are_somebody_else(reading: Reading, ask: Any) -> None:
    """Without a proxy of ours, forwarded addresses are anybody's word: one client has one client's share."""
    for n in range(61):
        headers = {"X-Forwarded-For": f"10.{n}.0.1", "CloudFront-Viewer-Address": f"10.{n}.0.1:1"}
        reply = ask("POST", "/api/subscribe", data={"email": f"r{n}@example.org"}, headers=headers)
    assert reply.status_code == 429


def test_no_log_tells_address_client_or_token(
    reading: Reading,
    ask: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Over the whole way of a reader, answers that fail included."""
    caplog.set_level(logging.DEBUG)
    tokens = []
    ask("POST", "/api/subscribe", data={"email": CANARY, "rhythm.letters": "weekly"})
    reading.work()
    for purpose in ("confirm", "preferences", "unsubscribe", "export"):
        token = reading.token(purpose, address=CANARY)
        tokens.append(token)
        referer = {"Referer": f"http://tide.example/api/{purpose}?t={token}"}
        for method in ("GET", "POST", "PUT"):
            for target in (f"/api/{purpose}?t={token}", f"/api/{purpose}?t={token}x&email={CANARY}"):
                ask(method, target, data={"token": token} if method == "POST" else None, headers=referer)
    monkeypatch.setattr(type(reading.house.table), "get", lambda *_: 1 / 0)
    assert ask("GET", f"/api/preferences?t={tokens[1]}").status_code == 500
    printed = capsys.readouterr()
    kept = "".join(path.read_text() for path in (tmp_path / "logs").glob("*"))
    assert "ZeroDivisionError" in printed.err
    said = [record.getMessage() for record in caplog.records if record.name != "httpx"]  # the test's client
    logged = "".join([kept, printed.out, printed.err, *said])
    assert len(lines(tmp_path / "logs")) == 26
    for secret in (CANARY, "canary", CLIENT, *tokens, *(token.split(".")[-1] for token in tokens)):
        assert secret not in logged
    assert all(line["cs-uri-query"] == "-" for line in lines(tmp_path / "logs"))


def test_answers_do_not_mix_when_many_ask_at_once(reading: Reading) -> None:
    """Powertools keeps the event that is answered in one place for a whole process."""
    other = Api(reading.readers)
    failures: list[object] = []

    def hammer(api: Api, path: str, status: int) -> None:
        from tests.readers import event

        for _ in range(60):
            found = api.answer(event("GET", path))["statusCode"]
            if found != status:
                failures.append((path, found))

    jobs = [("/api/openapi.json", 200), ("/api/confirm?t=x", 410), ("/api/nothing", 404)] * 2
    threads = [
        threading.Thread(target=hammer, args=((reading.api, other)[n % 2], *job))
        for n, job in enumerate(jobs)
    ]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert failures == []
