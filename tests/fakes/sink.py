"""A fast mail server that keeps nothing but who got a mail: one line of LOG for each, on the disk before it answers.

`python -m tests.fakes.sink [--port N] [--log FILE] [--latency MS]` prints its port, and runs until it is ended. A line
is the recipient, a tab, and the mail's Message-ID. Without a log it only counts.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
from pathlib import Path

_MESSAGE_ID = re.compile(rb"^message-id:\s*<?([^>\r\n]*)", re.I | re.M)
_ADDRESS = re.compile(rb"<([^>]*)>")


class Sink(asyncio.Protocol):
    """One connection, with pipelining (RFC 2920)."""

    def __init__(self, log: int | None, latency: float) -> None:
        self._log = log
        self._latency = latency
        self._buffer = bytearray()
        self._content = False
        self._recipient = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink.test ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers = b""
        while True:
            if self._content:
                end = self._buffer.find(b"\r\n.\r\n")
                if end < 0:
                    break
                self._keep(bytes(self._buffer[: min(end, 8192)]))
                del self._buffer[: end + 5]
                self._content = False
                answers += b"250 2.0.0 Ok\r\n"
            else:
                end = self._buffer.find(b"\r\n")
                if end < 0:
                    break
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 2]
                answers += self._answer(line)
        if answers:
            self._say(answers)

    def _say(self, answers: bytes) -> None:
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, answers)
        else:
            self._transport.write(answers)

    def _answer(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"EHLO":
            return b"250-sink.test\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250 8BITMIME\r\n"
        if verb == b"RCPT":
            found = _ADDRESS.search(line)
            self._recipient = found[1] if found else b""
        if verb == b"DATA":
            self._content = True
            # The content's end is looked for after a line break: an empty mail begins with its end.
            return b"354 Go on\r\n"
        if verb == b"QUIT":
            asyncio.get_running_loop().call_soon(self._transport.close)
            return b"221 Bye\r\n"
        return b"250 Ok\r\n"

    def _keep(self, head: bytes) -> None:
        if self._log is None:
            return
        found = _MESSAGE_ID.search(head)
        os.write(self._log, self._recipient + b"\t" + (found[1] if found else b"") + b"\n")
        os.fsync(self._log)


async def serve(port: int, log: Path | None, latency: float) -> None:
    """Serves for ever."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if log else None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(descriptor, latency), "127.0.0.1", port)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds before each answer")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.log, arguments.latency / 1000))
