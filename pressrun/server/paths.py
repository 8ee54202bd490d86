"""Which object a request's path means. Strict: what no link of ours could be is refused, never mended."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from pressrun.domain.urls import page_key

MAX_KEY = 1024  # bytes, S3's limit
_BROKEN = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")


def decode(target: bytes) -> str | None:
    """The path with its percent-encoding undone, once.

    None where it is no path: not absolute, broken percent-encoding, or not UTF-8.
    """
    if not target.startswith(b"/") or _BROKEN.search(target):
        return None
    try:
        return unquote_to_bytes(target).decode("utf-8")
    except UnicodeDecodeError:
        return None


def below(path: str, base: str) -> str | None:
    """`path` seen from the site's root ("" or "hello/"); None where it lies outside or cannot be a key.

    A key has no empty, `.` or `..` part, no backslash and no control character, and at most MAX_KEY bytes: so
    "/" before it never makes the address of another host.
    """
    if not path.startswith(f"{base}/"):
        return None
    relative = path[len(base) + 1 :]
    parts = relative.removesuffix("/").split("/") if relative else []
    if any(part in {"", ".", ".."} for part in parts) or _UNSAFE.search(relative):
        return None
    return relative if len(page_key(relative).encode()) <= MAX_KEY else None
