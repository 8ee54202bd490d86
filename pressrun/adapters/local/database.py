"""One SQLite file, safe for threads, several processes and forks."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

from pressrun.errors import Permanent, PressrunError, Transient

PATIENCE: Final = 30.0
"""Seconds that a writer waits for another process's transaction before it gives up as Transient."""

_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_INTERRUPT,
}


class Database:
    """A connection in WAL mode, opened at first use and shared by threads under a lock.

    `durable` syncs at every commit; without it a power failure may take the last commits, and a killed
    process never does. The connection is closed before a fork and both sides open their own: a connection
    carried over a fork loses its file locks without noticing. A closed database opens again when it is used.
    """

    def __init__(self, path: Path, schema: Sequence[str], *, durable: bool) -> None:
        self._path = path
        self._schema = tuple(schema)
        self._synchronous = "FULL" if durable else "NORMAL"
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        _databases.add(self)

    def read(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query. Raises Transient, Permanent."""
        with self._lock, _translated(self._path):
            return self._open().execute(sql, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Committed at the end, rolled back on any error. Raises Transient, Permanent."""
        with self._lock, _translated(self._path):
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Closes the connection, if one is open."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if (
                not self._path.exists()
            ):  # it holds addresses: for its owner alone, and its journal takes after it
                with suppress(OSError):
                    os.close(os.open(self._path, os.O_CREAT | os.O_EXCL, 0o600))
            connection = sqlite3.connect(
                self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        _enter_wal(connection)
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        connection.execute("PRAGMA cache_size=-32768")
        connection.execute("BEGIN IMMEDIATE")
        for statement in self._schema:
            connection.execute(statement)
        connection.execute("COMMIT")

    def hold(self) -> None:
        """Before a fork: waits for running transactions, keeps new ones out, closes the connection."""
        self._lock.acquire()
        self.close()

    def resume(self) -> None:
        """After a fork, on both sides."""
        self._lock.release()


def _enter_wal(connection: sqlite3.Connection) -> None:
    """The change to WAL ignores the busy timeout where two processes open a new file at once."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        kind: type[PressrunError] = Transient if code is not None and code & 0xFF in _PASSING else Permanent
        raise kind(f"{path}: {error}") from error


_databases: WeakSet[Database] = WeakSet()
_held: list[Database] = []


def _before_fork() -> None:
    _held.extend(_databases)
    for database in _held:
        database.hold()


def _after_fork() -> None:
    while _held:
        _held.pop().resume()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
