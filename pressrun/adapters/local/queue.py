"""A Queue in an SQLite file."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pressrun.adapters.local.database import Database
from pressrun.adapters.rules import require_body
from pressrun.ports import Clock, DeadLetter, Depth, Message

MAX_RECEIVE: Final = 10
PAGE: Final = 200  # dead letters that are read at a time

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL,"
    " body TEXT NOT NULL, due REAL NOT NULL, receives INTEGER NOT NULL DEFAULT 0, receipt TEXT,"
    " cause TEXT NOT NULL DEFAULT '', dead INTEGER NOT NULL DEFAULT 0)",
    "CREATE INDEX IF NOT EXISTS messages_due ON messages (queue, dead, due, id)",
)


class SqliteQueue:
    """The messages of one queue; a file can hold several queues, told apart by name.

    A message that was received `max_receives` times is dead: at once where it is released, else when its
    last lease has run out and somebody looks. As with SQS, a receipt counts until the message is received
    again: who finishes late but before that is still heard.
    """

    def __init__(self, path: Path, name: str, clock: Clock, max_receives: int = 5) -> None:
        self._database = Database(path, _SCHEMA, durable=True)
        self._name = name
        self._clock = clock
        self._max_receives = max_receives

    def __enter__(self) -> SqliteQueue:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; it opens again when it is used."""
        self._database.close()

    def send(self, bodies: Sequence[str], *, delay: int = 0) -> None:
        """Accepts all of the messages or none. Raises Transient, Permanent."""
        for body in bodies:
            require_body(body)
        due = self._now() + delay
        with self._database.transaction() as rows:
            rows.executemany(
                "INSERT INTO messages (queue, body, due) VALUES (?, ?, ?)",
                [(self._name, body, due) for body in bodies],
            )

    def receive(self, limit: int = 10, *, visibility: int = 60) -> list[Message]:
        """Up to `limit` messages, those first that have waited longest. An empty queue costs one read."""
        now = self._now()
        if not self._database.read(
            "SELECT 1 FROM messages WHERE queue = ? AND dead = 0 AND due <= ? LIMIT 1", (self._name, now)
        ):
            return []
        with self._database.transaction() as rows:
            self._bury(rows, now)
            found = rows.execute(
                "SELECT id, body, receives + 1 FROM messages"
                " WHERE queue = ? AND dead = 0 AND due <= ? ORDER BY due, id LIMIT ?",
                (self._name, now, min(limit, MAX_RECEIVE)),
            ).fetchall()
            messages = [
                Message(id=str(number), body=body, receipt=secrets.token_hex(8), receives=receives)
                for number, body, receives in found
            ]
            rows.executemany(
                "UPDATE messages SET receives = ?, receipt = ?, due = ? WHERE id = ?",
                [(taken.receives, taken.receipt, now + visibility, int(taken.id)) for taken in messages],
            )
        return messages

    def acknowledge(self, message: Message) -> None:
        """Done with it. Nothing happens where the message was received again since."""
        with self._database.transaction() as rows:
            rows.execute(
                "DELETE FROM messages WHERE id = ? AND receipt = ?", (int(message.id), message.receipt)
            )

    def release(self, message: Message, *, delay: int = 0, cause: str = "") -> None:
        """Not done. Nothing happens where the message was received again since."""
        with self._database.transaction() as rows:
            rows.execute(
                "UPDATE messages SET due = ?, cause = ?, dead = receives >= ?, receipt = NULL"
                " WHERE id = ? AND receipt = ?",
                (self._now() + delay, cause, self._max_receives, int(message.id), message.receipt),
            )

    def depth(self) -> Depth:
        """How much there is. What nobody has looked for yet since its last lease ran out counts as dead."""
        now = self._now()
        [(waiting, hidden, dead)] = self._database.read(
            "SELECT total(NOT gone AND due <= ?), total(NOT gone AND due > ?), total(gone) FROM (SELECT due,"
            " dead OR (due <= ? AND receives >= ?) AS gone FROM messages WHERE queue = ?)",
            (now, now, now, self._max_receives, self._name),
        )
        return Depth(waiting=int(waiting), hidden=int(hidden), dead=int(dead))

    def dead(self) -> Iterator[DeadLetter]:
        """The dead letters, oldest first; looking does not remove them."""
        with self._database.transaction() as rows:
            self._bury(rows, self._now())
        last = 0
        while True:
            page = self._database.read(
                "SELECT id, body, cause FROM messages"
                " WHERE queue = ? AND dead = 1 AND id > ? ORDER BY id LIMIT ?",
                (self._name, last, PAGE),
            )
            for number, body, cause in page:
                yield DeadLetter(id=str(number), body=body, cause=cause)
            if len(page) < PAGE:
                return
            last = page[-1][0]

    def redrive(self) -> int:
        """Sends all dead letters again with their receives at zero; returns how many."""
        with self._database.transaction() as rows:
            return rows.execute(
                "UPDATE messages SET dead = 0, receives = 0, due = ?, receipt = NULL, cause = ''"
                " WHERE queue = ? AND dead = 1",
                (self._now(), self._name),
            ).rowcount

    def _bury(self, rows: sqlite3.Connection, now: float) -> None:
        rows.execute(
            "UPDATE messages SET dead = 1, receipt = NULL"
            " WHERE queue = ? AND dead = 0 AND due <= ? AND receives >= ?",
            (self._name, now, self._max_receives),
        )

    def _now(self) -> float:
        return self._clock.now().timestamp()
