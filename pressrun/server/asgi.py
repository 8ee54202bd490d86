"""What an ASGI server hands over and takes (ASGI 3): bodies of requests, answers, its own life."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from pressrun.server.messages import Answer, Header, Request, encoded

CHUNK: Final = 262_144  # bytes handed over at once; a reader who leaves ends the transfer after this many

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class TooLarge(Exception):  # noqa: N818 - a condition that the caller answers
    """A body is larger than what is taken."""


async def read_body(receive: Receive, most: int) -> bytes:
    """The whole body. Raises TooLarge as soon as it has more than `most` bytes."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            raise TooLarge
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return bytes(body)


async def start(send: Send, status: int, headers: Iterable[Header]) -> None:
    """Begins an answer whose body follows."""
    await send({"type": "http.response.start", "status": status, "headers": encoded(headers)})


async def hand_over(request: Request, answer: Answer, send: Send) -> None:
    """Sends a whole answer; of one to HEAD the head alone."""
    body = answer.body
    if answer.status in {204, 304}:  # these have no body and no length of one (RFC 9110, 6.4.1)
        await start(send, answer.status, answer.headers)
    else:
        await start(send, answer.status, [*answer.headers, ("Content-Length", str(len(body)))])
    if request.method == "HEAD":
        body = b""
    for first in range(0, max(len(body), 1), CHUNK):
        part = body[first : first + CHUNK]
        await send({"type": "http.response.body", "body": part, "more_body": first + CHUNK < len(body)})


async def live_through(receive: Receive, send: Send, end: Callable[[], None]) -> None:
    """Follows the server's life; calls `end` before it stops."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            end()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
