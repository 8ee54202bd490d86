"""Names of files that come from somebody's machine."""

from __future__ import annotations

import unicodedata

from pressrun.domain.urls import MAX_PATH_BYTES, MAX_SEGMENT_BYTES

MAX_UPLOAD = 64 * 2**20
"""Bytes of a file that the desk takes; larger ones go into the folder or the bucket itself."""


def upload_key(name: str) -> str:
    """The key that a file's path stands for: NFC (macOS decomposes), without leading `./`."""
    return unicodedata.normalize("NFC", name).strip().removeprefix("./")


def upload_problem(key: str) -> str | None:
    """Why nothing can be stored under `key`, or None. Strict: a path is refused, never mended."""
    parts = key.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        return "a path has no empty, `.` or `..` parts, and does not begin with a slash"
    if "\\" in key or any(
        ord(char) < 32 or 127 <= ord(char) < 160 or 0xD800 <= ord(char) < 0xE000 for char in key
    ):
        return "a path holds no backslashes and no control characters"
    if any(part.startswith(".") for part in parts):
        return "hidden files are left out"
    if len(key.encode()) > MAX_PATH_BYTES or any(len(part.encode()) > MAX_SEGMENT_BYTES for part in parts):
        return f"a path has at most {MAX_PATH_BYTES} bytes, and {MAX_SEGMENT_BYTES} in a part"
    return None
