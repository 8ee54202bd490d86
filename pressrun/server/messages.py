"""A request as the rest reads it, and an answer before it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

Scope = MutableMapping[str, Any]
Header = tuple[str, str]

_AUTHORITY = re.compile(rb"https?://[^/?#]*", re.I)
_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The head of a request. Header names are lower case; repeated ones are joined (RFC 9110, 5.2).

    `target` is the path as it was sent, percent-encoded, without the query.
    """

    method: str
    target: bytes
    query: str
    headers: Mapping[str, str]
    scheme: str
    version: str
    peer: str
    port: int

    def header(self, name: str) -> str:
        """The header's value, or "" where it was not sent."""
        return self.headers.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole response. Content-Length is left to whoever sends it."""

    status: int
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first header of that name, or ""."""
        return next((value for known, value in self.headers if known.lower() == name), "")


def read_request(scope: Scope, *, behind_proxy: bool) -> Request:
    """The request that an ASGI scope describes.

    Behind a proxy, the reader's address is the last one in X-Forwarded-For and the scheme the one in
    X-Forwarded-Proto: what our own proxy wrote. Otherwise anybody can send these headers: they are ignored.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    client = scope.get("client") or ("", 0)
    peer, scheme = str(client[0]), str(scope.get("scheme", "http"))
    if behind_proxy:
        peer = _address(headers.get("x-forwarded-for", "").rpartition(",")[2]) or peer
        forwarded = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        scheme = forwarded if forwarded in {"http", "https"} else scheme
    return Request(
        method=scope["method"],
        target=_origin_form(scope.get("raw_path") or quote(scope["path"]).encode()),
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        scheme=scheme,
        version=str(scope.get("http_version", "1.1")),
        peer=peer,
        port=int(client[1] or 0),
    )


def _origin_form(target: bytes) -> bytes:
    """The path of a target that a client may send as a whole URL (RFC 9112, 3.2.2)."""
    authority = _AUTHORITY.match(target)
    return (target[authority.end() :] or b"/") if authority else target


def _address(text: str) -> str:
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        return ""


def encoded(headers: Iterable[Header]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI sends them. What no header can hold, line breaks above all, is percent-encoded."""
    return [(name.lower().encode("ascii"), quote(value, safe=_PRINTABLE).encode()) for name, value in headers]
