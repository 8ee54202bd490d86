"""Etags by content of files that have not changed since they were read, so that listing a site reads no file twice."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from pressrun.adapters.local.database import Database

SETTLED: Final = 2_000_000_000
"""Nanoseconds that a file must have stood still for: within one tick of a coarse clock another write would not show."""

Mark = tuple[int, int, int, int]


def _mark(stat: os.stat_result) -> Mark:
    """What changes with every write: nobody can set ctime back, whatever an editor does to the rest."""
    return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size


class EtagIndex:
    """The etags of a folder's files, as they were when the folder was last listed."""

    def __init__(self, path: Path) -> None:
        self._database = Database(
            path,
            [
                "CREATE TABLE IF NOT EXISTS etags (key TEXT PRIMARY KEY, inode INTEGER, mtime INTEGER,"
                " ctime INTEGER, size INTEGER, etag TEXT) WITHOUT ROWID"
            ],
            durable=False,
        )

    def look(self) -> Look:
        """One look at the whole folder."""
        rows = self._database.read("SELECT key, inode, mtime, ctime, size, etag FROM etags")
        return Look(self._database, {key: (etag, (*mark,)) for key, *mark, etag in rows})

    def close(self) -> None:
        """Closes the index; it opens again when it is used."""
        self._database.close()


class Look:
    """Remembers what is found while a folder is listed."""

    def __init__(self, database: Database, known: dict[str, tuple[str, Mark]]) -> None:
        self._database = database
        self._known = known
        self._found: list[tuple[object, ...]] = []
        self._began = time.time_ns()

    def etag(self, key: str, stat: os.stat_result) -> str | None:
        """The etag of a file in this state, where it is known."""
        etag, mark = self._known.get(key, ("", None))
        if mark != _mark(stat):
            return None
        del self._known[key]
        return etag

    def learn(self, key: str, stat: os.stat_result, etag: str) -> None:
        """A file was read in this state."""
        if max(stat.st_mtime_ns, stat.st_ctime_ns) + SETTLED < self._began:
            self._found.append((key, *_mark(stat), etag))

    def keep(self) -> None:
        """At the end: what was learned; and what is left of what was known has changed, or is gone."""
        if not self._found and not self._known:
            return
        with self._database.transaction() as rows:
            rows.executemany("DELETE FROM etags WHERE key = ?", [(key,) for key in self._known])
            rows.executemany("INSERT OR REPLACE INTO etags VALUES (?, ?, ?, ?, ?, ?)", self._found)
