"""Open pages reload when they change: a script in each page, and a stream of events that it listens to."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Final

import orjson

from pressrun.ports import Blob
from pressrun.server.asgi import Receive, Send

FOLDER: Final = "_pressrun/"
SCRIPT: Final = f"{FOLDER}reload.js"
EVENTS: Final = f"{FOLDER}events"
HEARTBEAT: Final = 15.0  # seconds; proxies and browsers give up silent streams after 30 and more
MOST_FILES: Final = 100  # named in an event; of more, pages learn by their ETags alone


@cache
def _source() -> tuple[bytes, str]:
    body = (Path(__file__).parent / "reload.js").read_bytes()
    return body, hashlib.sha256(body).hexdigest()[:32]


def script(now: datetime) -> Blob:
    """The script as an object of the site."""
    body, etag = _source()
    return Blob(body=body, etag=etag, modified=now, content_type="text/javascript; charset=utf-8")


class _Stream:
    """One open page's events, waiting to be sent; None ends the stream."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.events: asyncio.Queue[bytes | None] = asyncio.Queue()

    def offer(self, event: bytes | None) -> None:
        """Adds an event, from any thread."""
        with suppress(RuntimeError):  # the loop is closed, and the stream with it
            self.loop.call_soon_threadsafe(self.events.put_nowait, event)


class Reloads:
    """The streams of all open pages. `changed` and `close` may be called from any thread."""

    def __init__(self, heartbeat: float = HEARTBEAT) -> None:
        self._heartbeat = heartbeat
        self._streams: set[_Stream] = set()
        self._generation = 0
        self._closed = False
        self._lock = Lock()

    def __len__(self) -> int:
        """How many pages are open."""
        return len(self._streams)

    def changed(self, addresses: Iterable[str] = ()) -> None:
        """Tells every open page to see whether it has changed, or shows one of these files."""
        files = sorted(addresses)[:MOST_FILES]
        with self._lock:
            self._generation += 1
            data = orjson.dumps({"generation": self._generation, "files": files})
            for stream in self._streams:
                stream.offer(b"data: " + data + b"\n\n")

    def close(self) -> None:
        """Ends all streams, and each that is opened later."""
        with self._lock:
            self._closed = True
            for stream in self._streams:
                stream.offer(None)

    async def serve(self, receive: Receive, send: Send) -> None:
        """The body of one stream: events and heartbeats until the reader goes or `close` is called."""
        stream = _Stream()
        with self._lock:
            if self._closed:
                stream.offer(None)
            self._streams.add(stream)
        gone = asyncio.ensure_future(_disconnected(receive))
        gone.add_done_callback(lambda _: stream.offer(None))
        try:
            await _write(send, b"retry: 1000\n\n")
            while (event := await self._next(stream)) is not None:
                await _write(send, event)
        finally:
            with self._lock:
                self._streams.discard(stream)
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next(self, stream: _Stream) -> bytes | None:
        try:
            return await asyncio.wait_for(stream.events.get(), self._heartbeat)
        except TimeoutError:
            return b": still here\n\n"


async def _write(send: Send, event: bytes) -> None:
    await send({"type": "http.response.body", "body": event, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
