"""What a plain file cannot carry: content type, cache control and metadata."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from pressrun.adapters.local.database import Database


class Headers(NamedTuple):
    """What an object is served with, besides its body."""

    content_type: str
    cache_control: str = ""


Implies = Callable[[str], Headers]
"""The headers that a key alone implies."""

TYPES: Final[Mapping[str, str]] = {
    "atom": "application/atom+xml; charset=utf-8",
    "avif": "image/avif",
    "css": "text/css; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "gif": "image/gif",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "pdf": "application/pdf",
    "png": "image/png",
    "rss": "application/rss+xml; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webp": "image/webp",
    "woff2": "font/woff2",
    "xml": "application/xml; charset=utf-8",
}
"""Content types by the key's suffix; other keys imply `application/octet-stream`."""


def by_suffix(key: str) -> Headers:
    """The content type of the key's suffix and no cache control."""
    return Headers(TYPES.get(key.rpartition(".")[2].lower(), "application/octet-stream"))


State = tuple[int, int, int]


def state(stat: os.stat_result) -> State:
    """What tells one version of a file from another: inode, modification time in ns, size."""
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


class HeaderIndex:
    """Rows for the few files whose headers their keys do not imply, each tied to one state of its file.

    A row is committed before its file is renamed into place, and the row of the file that it replaces stays
    until the next write. So a reader finds the row that belongs to the very bytes it read, whatever moment
    a crash chose; a file edited by hand matches no row and has the headers that its key implies.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(
            path,
            [
                "CREATE TABLE IF NOT EXISTS headers (key TEXT, inode INTEGER, mtime INTEGER, size INTEGER,"
                " content_type TEXT, cache_control TEXT, metadata BLOB,"
                " PRIMARY KEY (key, inode, mtime, size)) WITHOUT ROWID"
            ],
            durable=False,
        )

    def find(self, key: str, at: State) -> tuple[Headers, dict[str, str]] | None:
        """The headers and metadata that were kept for the file in this state."""
        rows = self._database.read(
            "SELECT content_type, cache_control, metadata FROM headers"
            " WHERE key = ? AND inode = ? AND mtime = ? AND size = ?",
            (key, *at),
        )
        if not rows:
            return None
        content_type, cache_control, metadata = rows[0]
        return Headers(content_type, cache_control), orjson.loads(metadata)

    def has(self, key: str) -> bool:
        """Whether any state of the file has a row."""
        return bool(self._database.read("SELECT 1 FROM headers WHERE key = ? LIMIT 1", (key,)))

    def keep(
        self, key: str, at: State, headers: Headers, metadata: dict[str, str], *, before: State | None
    ) -> None:
        """Adds a row for a state to come; of the others only the one of the state `before` stays."""
        with self._database.transaction() as rows:
            rows.execute(
                "DELETE FROM headers WHERE key = ? AND (inode, mtime, size) IS NOT (?, ?, ?)",
                (key, *(before or (None, None, None))),
            )
            rows.execute(
                "INSERT INTO headers VALUES (?, ?, ?, ?, ?, ?, ?)",
                (key, *at, *headers, orjson.dumps(metadata)),
            )

    def forget(self, key: str) -> None:
        """Removes all rows of a file."""
        with self._database.transaction() as rows:
            rows.execute("DELETE FROM headers WHERE key = ?", (key,))

    def close(self) -> None:
        """Closes the index; it opens again when it is used."""
        self._database.close()
