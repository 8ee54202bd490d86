"""The access log, in CloudFront's standard logging v2 JSON format: what is counted on AWS is counted here."""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

from pressrun.ports import Clock
from pressrun.server.messages import Request

LONGEST: Final = 4096  # characters of a field; a longer one is cut
# What CloudFront encodes in a field: controls, space, everything beyond ASCII, and these.
_SPECIAL = r"""\x00-\x20\x7f-\U0010ffff"'<>#\[\]\\^`{|}~"""
_IN_HEADER = re.compile(f"[%{_SPECIAL}]")
_IN_TARGET = re.compile(f"%(?![0-9A-Fa-f]{{2}})|[{_SPECIAL}]")  # a target is encoded already
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and what was sent for it: bytes, heads included; when it came, was begun and was answered."""

    request: Request
    status: int
    received: int
    sent: int
    content_type: str
    content_length: str
    content_range: str
    came: datetime
    began: datetime
    ended: datetime


class AccessLog:
    """Appends a line for each exchange to `folder/YYYY-MM-DD-HH.jsonl`, named by the UTC hour it ended in.

    A line is one write to a file opened for appending: whole in the file when `write` returns, and never
    mixed with another, of whatever process. No cookie is written. A field that a client controls cannot look
    like another field or line. A disk that is full loses lines and fails no request.
    """

    def __init__(
        self, folder: Path, clock: Clock, nonce: Callable[[], str] = lambda: secrets.token_urlsafe(39)
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._nonce = nonce
        self._lock = threading.Lock()
        self._torn = False

    def now(self) -> datetime:
        """The time that an exchange is measured in."""
        return self._clock.now()

    def write(self, exchange: Exchange) -> None:
        """Appends the line."""
        line = orjson.dumps(_fields(exchange, self._nonce())) + b"\n"
        name = f"{exchange.ended.astimezone(UTC):%Y-%m-%d-%H}.jsonl"
        with self._lock, suppress(OSError):
            self._append(self._folder / name, line)

    def _append(self, path: Path, line: bytes) -> None:
        """A line that the disk took only in part is ended before the next begins."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o640)
        except FileNotFoundError:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, flags, 0o640)
        try:
            whole = b"\n" + line if self._torn else line
            self._torn = os.write(descriptor, whole) != len(whole)
        finally:
            os.close(descriptor)


def _fields(exchange: Exchange, identity: str) -> dict[str, str]:
    """The line's fields, named and ordered as CloudFront does; "-" where there is nothing to say."""
    request = exchange.request
    result = "Error" if exchange.status >= 400 or not exchange.status else "Miss"
    first, last = _range(exchange)
    ended = exchange.ended.astimezone(UTC)
    return {
        "date": f"{ended:%Y-%m-%d}",
        "time": f"{ended:%H:%M:%S}",
        "x-edge-location": "LOCAL",
        "sc-bytes": str(exchange.sent),
        "c-ip": request.peer or "-",
        "cs-method": _header(request.method),
        "cs(Host)": _header(request.header("host")),
        "cs-uri-stem": _target(request.target.decode("latin-1")),
        "sc-status": f"{exchange.status:03}",
        "cs(Referer)": _header(request.header("referer")),
        "cs(User-Agent)": _header(request.header("user-agent")),
        "cs-uri-query": _target(request.query),
        "cs(Cookie)": "-",
        "x-edge-result-type": result,
        "x-edge-request-id": identity,
        "x-host-header": _header(request.header("host")),
        "cs-protocol": request.scheme,
        "cs-bytes": str(exchange.received),
        "time-taken": _seconds(exchange.came, exchange.ended),
        "x-forwarded-for": _header(request.header("x-forwarded-for")),
        "ssl-protocol": "-",
        "ssl-cipher": "-",
        "x-edge-response-result-type": result,
        "cs-protocol-version": f"HTTP/{request.version}",
        "fle-status": "-",
        "fle-encrypted-fields": "-",
        "c-port": str(request.port),
        "time-to-first-byte": _seconds(exchange.came, exchange.began),
        "x-edge-detailed-result-type": result,
        "sc-content-type": exchange.content_type.partition(";")[0] or "-",
        "sc-content-len": exchange.content_length or "-",
        "sc-range-start": first,
        "sc-range-end": last,
        "c-country": "-",
    }


def _range(exchange: Exchange) -> tuple[str, str]:
    found = _CONTENT_RANGE.match(exchange.content_range)
    return (found.group(1), found.group(2)) if found else ("-", "-")


def _seconds(start: datetime, end: datetime) -> str:
    return f"{max(0.0, (end - start).total_seconds()):.3f}"


def _header(text: str) -> str:
    """A header's value, which arrives as Latin-1 (RFC 9110, 5.5)."""
    return _IN_HEADER.sub(_percent, text[:LONGEST]) or "-"


def _target(text: str) -> str:
    return _IN_TARGET.sub(_percent, text[:LONGEST]) or "-"


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found.group().encode("latin-1", "replace"))
