"""A site of real files, and two ways to ask for them: as a browser does, and byte by byte."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from pressrun.adapters.local.files import FileStore
from pressrun.ports import Clock, ObjectStore, Put
from pressrun.server import AccessLog, SiteApp

HTML = "text/html; charset=utf-8"
PAGE = b"<!doctype html><title>Hello</title><body><p>" + b"An article. " * 100 + b"</p></body></html>"
WRITTEN = datetime(2026, 2, 1, 8, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Reply:
    """A response as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Ask = Callable[..., httpx.Response]
Send = Callable[..., Reply]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FileStore]:
    """A page, its picture, a recording, a feed, and what withdrawn and moved articles leave behind."""
    store = FileStore(tmp_path / "site", tmp_path / "objects.db")
    noise = bytes(range(256)) * 40
    for key, body, kind, more in [
        ("index.html", PAGE.replace(b"Hello", b"Home"), HTML, {}),
        ("404.html", PAGE.replace(b"Hello", b"Missing"), HTML, {}),
        ("hello/index.html", PAGE, HTML, {}),
        ("hello/picture.png", noise, "image/png", {}),
        ("talk.mp3", noise, "audio/mpeg", {}),
        ("short.txt", b"short", "text/plain", {}),
        ("empty.mp3", b"", "audio/mpeg", {}),
        ("grüße/index.html", PAGE, HTML, {}),
        ("feed.xml", b"<rss>" + b"x" * 900, "application/rss+xml", {"link": '<https://hub>; rel="hub"'}),
        ("gone/index.html", b"<p>withdrawn</p>", HTML, {"status": "410"}),
        ("old/index.html", b"<p>moved</p>", HTML, {"status": "301", "location": "/hello/"}),
        ("drawing.svg", b"<svg/>", "image/svg+xml", {"content-security-policy": "default-src 'none'"}),
    ]:
        store.put(
            Put(key=key, body=body, content_type=kind, cache_control="public, max-age=60", metadata=more)
        )
    yield store
    store.close()


@pytest.fixture
def dated(site: FileStore, tmp_path: Path) -> str:
    """A file that was written at WRITTEN."""
    (tmp_path / "site/dated.mp3").write_bytes(b"0123456789")
    os.utime(tmp_path / "site/dated.mp3", (WRITTEN.timestamp(), WRITTEN.timestamp()))
    return "/dated.mp3"


@pytest.fixture
def make_app(site: ObjectStore, clock: Clock) -> Callable[..., SiteApp]:
    def make(site: ObjectStore = site, **settings: Any) -> SiteApp:
        return SiteApp(site, **({"base": "", "live": False, "log": None, "clock": clock} | settings))

    return make


@pytest.fixture
def serving(make_app: Callable[..., SiteApp]) -> Callable[..., Ask]:
    """Ways to ask a site with these settings as a browser does."""
    return lambda **settings: _asking(make_app(**settings))


@pytest.fixture
def ask(serving: Callable[..., Ask]) -> Ask:
    return serving()


@pytest.fixture
def exact(make_app: Callable[..., SiteApp]) -> Callable[..., Send]:
    """Ways to ask a site with these settings byte by byte."""
    return lambda **settings: _sending(make_app(**settings))


@pytest.fixture
def send(exact: Callable[..., Send]) -> Send:
    return exact()


@pytest.fixture
def scope() -> Callable[..., dict[str, Any]]:
    return _scope


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "logs"


@pytest.fixture
def log(logs: Path, clock: Clock) -> AccessLog:
    return AccessLog(logs, clock)


def _asking(app: SiteApp) -> Ask:
    """Requests as httpx makes them, without Accept-Encoding unless named. `_` in names of headers is `-`."""

    def ask(path: str, method: str = "GET", **headers: str) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://site.test") as client:
                client.headers["accept-encoding"] = "identity"
                return await client.request(method, path, headers=_dashed(headers))

        return asyncio.run(run())

    return ask


def _sending(app: SiteApp) -> Send:
    """Requests with exactly this target, and replies as they are sent."""

    def send(target: bytes, method: str = "GET", **headers: str) -> Reply:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def keep(message: Any) -> None:
            sent.append(message)

        asyncio.run(app(_scope(target, method, _dashed(headers)), receive, keep))
        head = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Reply(sent[0]["status"], head, b"".join(message["body"] for message in sent[1:]))

    return send


def _scope(target: bytes, method: str = "GET", headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    path, _, query = target.partition(b"?")
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "headers": [
            (name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()
        ],
        "client": ("192.0.2.7", 40000),
        "server": ("site.test", 80),
    }


def _dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
