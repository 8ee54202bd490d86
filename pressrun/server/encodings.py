"""gzip: for what, for whom, and from memory where it was made before (RFC 9110, 8.4 and 12.5.3)."""

from __future__ import annotations

import gzip
import re
from collections import OrderedDict
from threading import Lock
from typing import Final

SMALLEST: Final = 512  # bytes; below, the headers outweigh what is saved
LARGEST: Final = 16_000_000  # bytes; above, a reader would wait for it
KEPT: Final = 32_000_000  # bytes of compressed bodies

_COMPRESSIBLE = re.compile(
    r"text/.*|application/(?:json|xml|javascript|.*\+(?:json|xml))|image/svg\+xml|image/x-icon|font/[ot]tf"
)
_QUALITY = re.compile(r"q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.I)


def is_compressible(content_type: str) -> bool:
    """Whether gzip makes such content smaller: text, and what is text by another name."""
    return _COMPRESSIBLE.fullmatch(content_type.partition(";")[0].strip().lower()) is not None


def accepts_gzip(field: str) -> bool:
    """Whether Accept-Encoding allows gzip and does not prefer to have none. What is malformed is ignored."""
    weights: dict[str, float] = {}
    for member in field.lower().split(","):
        coding, semicolon, parameter = (part.strip() for part in member.partition(";"))
        quality = _QUALITY.fullmatch(parameter) if semicolon else None
        if coding and (quality or not semicolon):
            weights[coding] = float(quality.group(1)) if quality else 1.0
    weight = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return weight > 0 and weight >= weights.get("identity", 0.0)


class GzipCache:
    """Compressed bodies, the least used forgotten first, at most `limit` bytes. Safe from every thread.

    The same body gives the same bytes at any time: no clock is written into them.
    """

    def __init__(self, limit: int = KEPT) -> None:
        self._limit = limit
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def compress(self, etag: str, body: bytes) -> bytes:
        """`body` compressed; `etag` stands for it, and is never used for another."""
        with self._lock:
            kept = self._bodies.get(etag)
            if kept is not None:
                self._bodies.move_to_end(etag)
                return kept
        made = gzip.compress(body, 6, mtime=0)
        with self._lock:
            if etag not in self._bodies:
                self._bodies[etag] = made
                self._size += len(made)
            while self._size > self._limit:
                self._size -= len(self._bodies.popitem(last=False)[1])
        return made

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._size
