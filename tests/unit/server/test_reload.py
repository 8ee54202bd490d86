"""Open pages learn that they changed, whoever opened them and however many they are."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pressrun.ports import Put
from pressrun.server import SiteApp

Ask = Callable[..., httpx.Response]
Scope = Callable[..., dict[str, Any]]
PATIENCE = 60.0


class Tab:
    """An open page's stream, read as the server sends it."""

    def __init__(self, app: SiteApp, scope: dict[str, Any]) -> None:
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self.received: asyncio.Queue[Any] = asyncio.Queue()
        self.received.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self.task = asyncio.ensure_future(app(scope, self.received.get, self.sent.put))

    async def read(self) -> Any:
        return await asyncio.wait_for(self.sent.get(), PATIENCE)

    async def begin(self) -> Any:
        head, hello = await self.read(), await self.read()
        assert (head["status"], hello["body"]) == (200, b"retry: 1000\n\n")
        return dict(head["headers"])

    async def leave(self) -> None:
        self.received.put_nowait({"type": "http.disconnect"})
        await asyncio.wait_for(self.task, PATIENCE)


@pytest.fixture
def live(make_app: Callable[..., SiteApp]) -> SiteApp:
    return make_app(live=True)


def event(message: Any) -> Any:
    assert re.fullmatch(rb"data: [^\n]*\n\n", message["body"])
    return json.loads(message["body"][6:])


def test_every_open_page_is_told_from_another_thread(live: SiteApp, scope: Scope) -> None:
    async def run() -> None:
        tabs = [Tab(live, scope(b"/_pressrun/events")) for _ in range(20)]
        assert [(await tab.begin())[b"content-type"] for tab in tabs] == [b"text/event-stream"] * 20
        threading.Thread(target=live.changed, args=(["hello/grüße.png"],)).start()
        for tab in tabs:
            assert event(await tab.read()) == {"generation": 1, "files": ["/hello/gr%C3%BC%C3%9Fe.png"]}
            await tab.leave()

    asyncio.run(run(), debug=True)  # refuses what is not safe from another thread


def test_changes_come_one_after_the_other(live: SiteApp, scope: Scope) -> None:
    async def run() -> None:
        tab = Tab(live, scope(b"/_pressrun/events"))
        await tab.begin()
        for _ in range(3):
            live.changed()
        assert [event(await tab.read())["generation"] for _ in range(3)] == [1, 2, 3]
        await tab.leave()

    asyncio.run(run())


def test_a_page_that_left_is_forgotten(live: SiteApp, scope: Scope) -> None:
    async def run() -> None:
        tab = Tab(live, scope(b"/_pressrun/events"))
        await tab.begin()
        assert live.open_pages == 1
        await tab.leave()
        assert live.open_pages == 0
        live.changed()
        assert [(await tab.read())["more_body"], tab.sent.empty()] == [False, True]

    asyncio.run(run())
    live.changed()


def test_a_quiet_stream_shows_that_it_lives(make_app: Callable[..., SiteApp], scope: Scope) -> None:
    async def run() -> None:
        tab = Tab(make_app(live=True, heartbeat=0.001), scope(b"/_pressrun/events"))
        await tab.begin()
        assert (await tab.read())["body"].startswith(b":")
        await tab.leave()

    asyncio.run(run())


@pytest.mark.parametrize("way", ["close", "lifespan"])
def test_streams_end_when_the_server_stops(live: SiteApp, scope: Scope, way: str) -> None:
    async def run() -> None:
        tabs = [Tab(live, scope(b"/_pressrun/events")) for _ in range(5)]
        for tab in tabs:
            await tab.begin()
        await stop(live, way)
        late = Tab(live, scope(b"/_pressrun/events"))
        for tab in (*tabs, late):
            await asyncio.wait_for(tab.task, PATIENCE)

    asyncio.run(run())


async def stop(app: SiteApp, way: str) -> None:
    if way == "close":
        await asyncio.to_thread(app.close)
        return
    steps: asyncio.Queue[Any] = asyncio.Queue()
    answers: asyncio.Queue[Any] = asyncio.Queue()
    for step in ("startup", "shutdown"):
        steps.put_nowait({"type": f"lifespan.{step}"})
    await app({"type": "lifespan"}, steps.get, answers.put)
    assert [answers.get_nowait()["type"] for _ in range(2)] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_a_page_carries_the_script_and_its_own_version(serving: Callable[..., Ask]) -> None:
    answer = serving(live=True, base="/blog")("/blog/hello/")
    tag = re.search(r'<script src="(.*?)" data-version="(.*?)" defer></script>\n</body></html>$', answer.text)
    assert tag
    assert (tag[1], f'"{tag[2]}"') == ("/blog/_pressrun/reload.js", answer.headers["etag"])
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("path", ["/nothing/", "/hello/"])
def test_a_page_and_head_agree_on_the_version(serving: Callable[..., Ask], path: str) -> None:
    ask = serving(live=True)
    for encoding in ("identity", "gzip"):
        page = ask(path, accept_encoding=encoding)
        head = ask(path, "HEAD", accept_encoding=encoding)
        version = re.search('data-version="(.*?)"', page.text)[1]
        assert head.headers["etag"].strip('"').removesuffix("-gz") == version


def test_a_live_page_is_another_version_of_the_page(serving: Callable[..., Ask]) -> None:
    live, plain = serving(live=True), serving()
    etags = {
        ask("/hello/", accept_encoding=e).headers["etag"] for ask in (live, plain) for e in ("br", "gzip")
    }
    assert len(etags) == 4
    assert live("/hello/", if_none_match=plain("/hello/").headers["etag"]).status_code == 200
    assert live("/hello/", if_none_match=live("/hello/").headers["etag"]).status_code == 304


def test_the_script_stands_before_the_last_end_of_body(serving: Callable[..., Ask], site: Any) -> None:
    body = b"<body><pre></body></pre></BODY ></html>"
    site.put(Put(key="index.html", body=body, content_type="text/html; charset=utf-8"))
    head, _, tail = serving(live=True)("/").text.partition("<script")
    assert (head, tail.partition("</script>\n")[2]) == ("<body><pre></body></pre>", "</BODY ></html>")


@pytest.mark.parametrize("path", ["/feed.xml", "/talk.mp3", "/drawing.svg", "/short.txt"])
def test_nothing_but_pages_is_touched(serving: Callable[..., Ask], path: str) -> None:
    assert serving(live=True)(path).content == serving()(path).content


def test_uploaded_html_is_not_touched(serving: Callable[..., Ask], site: Any) -> None:
    policy = {"content-security-policy": "sandbox"}
    site.put(Put(key="a.html", body=b"<body></body>", content_type="text/html", metadata=policy))
    assert serving(live=True)("/a.html").content == b"<body></body>"


def test_the_script_is_served_where_it_is_wanted(serving: Callable[..., Ask]) -> None:
    live = serving(live=True)("/_pressrun/reload.js")
    assert (live.status_code, live.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert "EventSource" in live.text
    assert serving()("/_pressrun/reload.js").status_code == 404
    assert serving()("/_pressrun/events").status_code == 404
    assert serving()("/hello/").text.count("<script") == 0


def test_a_new_base_is_in_force_at_once(make_app: Callable[..., SiteApp], scope: Scope) -> None:
    async def run() -> None:
        app = make_app(live=True)
        app.base = "/blog"
        tab = Tab(app, scope(b"/blog/_pressrun/events"))
        await tab.begin()
        app.changed(["a.png"])
        assert event(await tab.read())["files"] == ["/blog/a.png"]
        await tab.leave()

    asyncio.run(run())
