"""The site as an ASGI application: what uvicorn runs, and what a test calls without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from pressrun.domain.urls import href
from pressrun.errors import PressrunError
from pressrun.http import Api
from pressrun.parsing.requests import MAX_BODY
from pressrun.ports import Clock, ObjectStore
from pressrun.server.accesslog import AccessLog, Exchange
from pressrun.server.api import answer as api_answer
from pressrun.server.api import failed, is_api
from pressrun.server.asgi import Receive, Send, TooLarge, hand_over, live_through, read_body, start
from pressrun.server.desk import DeskPages
from pressrun.server.messages import Answer, Request, Scope, read_request
from pressrun.server.outbox import OutboxPages
from pressrun.server.policies import security
from pressrun.server.reload import EVENTS, FOLDER, HEARTBEAT, Reloads
from pressrun.server.site import PLAIN, Site
from pressrun.server.stats import StatsPages


class SiteApp:
    """Serves a site's objects (ASGI 3), reading only.

    `base`: the path that the site stands under, "" or "/blog"; may be set anew while serving. `live`: pages
    reload when `changed` is called. `log`: where requests are written, those of the reload script left out.
    `behind_proxy`: believe the last X-Forwarded-For and X-Forwarded-Proto, which our own proxy set. `api`: what
    answers below `/api/`; its requests are logged without who asked and what for.
    `outbox`, `stats`, `desk`: pages of the machine's own user, which are no part of the site and never logged.
    """

    def __init__(
        self,
        site: ObjectStore,
        *,
        base: str,
        live: bool,
        log: AccessLog | None,
        clock: Clock,
        behind_proxy: bool = False,
        api: Api | None = None,
        heartbeat: float = HEARTBEAT,
        outbox: OutboxPages | None = None,
        stats: StatsPages | None = None,
        desk: DeskPages | None = None,
    ) -> None:
        self._site = Site(site, base=base, live=live, clock=clock)
        self._live = live
        self._log = log
        self._behind_proxy = behind_proxy
        self._api = api
        self._reloads = Reloads(heartbeat)
        self._desk = desk
        self._private = [pages for pages in (outbox, stats) if pages]

    @property
    def base(self) -> str:
        """The path that the site stands under."""
        return self._site.base

    @base.setter
    def base(self, base: str) -> None:
        self._site.base = base

    @property
    def open_pages(self) -> int:
        """How many pages listen for changes."""
        return len(self._reloads)

    def changed(self, files: Iterable[str] = ()) -> None:
        """Lets open pages see whether they have changed; `files`: keys of changed pictures and the like.

        May be called from any thread, and returns at once.
        """
        self._reloads.changed(self.base + href(key) for key in files)

    def close(self) -> None:
        """Ends the streams of open pages, which would keep a server from stopping. From any thread."""
        self._reloads.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or follows the server's life."""
        if scope["type"] == "lifespan":
            await live_through(receive, send, self.close)
        elif scope["type"] == "http":
            await self._answer(read_request(scope, behind_proxy=self._behind_proxy), receive, send)
        else:
            raise ValueError(f"a {scope['type']} connection is not served")

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        ours = request.target.startswith(f"{self.base}/{FOLDER}".encode())
        if self._live and request.method == "GET" and request.target == f"{self.base}/{EVENTS}".encode():
            await start(send, 200, [*_STREAM, *security(request.scheme)])
            await self._reloads.serve(receive, send)
        elif self._desk and self._desk.covers(request.target, self.base):
            await hand_over(request, await self._desk.serve(request, self.base, receive), send)
        elif pages := next((p for p in self._private if p.covers(request.target, self.base)), None):
            try:
                answer = await asyncio.to_thread(pages.answer, request, self.base)
            except PressrunError:
                answer = _unavailable(request)
            await hand_over(request, answer, send)
        elif self._log is None or ours:
            await self._respond(request, receive, send)
        else:
            await self._respond_logged(request, receive, send, self._log)

    async def _respond(self, request: Request, receive: Receive, send: Send) -> None:
        if self._api is not None and is_api(request, self.base):
            answer = await self._ask(self._api, request, receive)
        else:
            try:
                answer = await asyncio.to_thread(self._site.answer, request)
            except PressrunError:
                answer = _unavailable(request)
        await hand_over(request, answer, send)

    async def _ask(self, api: Api, request: Request, receive: Receive) -> Answer:
        try:
            body = await read_body(receive, MAX_BODY)
        except TooLarge:
            return failed(request, 413)
        return await asyncio.to_thread(api_answer, api, request, body)

    async def _respond_logged(self, request: Request, receive: Receive, send: Send, log: AccessLog) -> None:
        came = began = log.now()
        status, size = 500, 0  # what the server answers where this fails
        headers: dict[bytes, bytes] = {}

        async def counted(message: Scope) -> None:
            nonlocal began, status, size, headers
            if message["type"] == "http.response.start":
                began, status, headers = log.now(), message["status"], dict(message["headers"])
                size += sum(len(name) + len(value) + 4 for name, value in message["headers"]) + 19
            else:
                size += len(message["body"])
            await send(message)

        try:
            await self._respond(request, receive, counted)
        finally:
            secret = self._api is not None and is_api(request, self.base)
            exchange = Exchange(
                request=discreet(request) if secret else request,
                status=status,
                received=_weight(request),
                sent=size,
                content_type=headers.get(b"content-type", b"").decode("latin-1"),
                content_length=headers.get(b"content-length", b"").decode("latin-1"),
                content_range=headers.get(b"content-range", b"").decode("latin-1"),
                came=came,
                began=began,
                ended=log.now(),
            )
            log.write(exchange)


_STREAM = [
    ("Content-Type", "text/event-stream"),
    ("Cache-Control", "no-store"),
    ("X-Accel-Buffering", "no"),  # nginx would hold events back
]


def _unavailable(request: Request) -> Answer:
    """The store could not answer now."""
    headers = [("Content-Type", PLAIN), ("Cache-Control", "no-store"), ("Retry-After", "1")]
    return Answer(status=503, headers=[*headers, *security(request.scheme)], body=b"Try again in a moment.\n")


def discreet(request: Request) -> Request:
    """A request of the API as it is logged: without who asked, and without tokens, which its query holds."""
    hidden = {"referer", "x-forwarded-for"}
    headers = {name: value for name, value in request.headers.items() if name not in hidden}
    return replace(request, query="", headers=headers, peer="", port=0)


def _weight(request: Request) -> int:
    """Bytes of the request's head, as a client would have sent it."""
    line = len(request.method) + len(request.target) + len(request.query) + 12
    return line + sum(len(name) + len(value) + 4 for name, value in request.headers.items())
