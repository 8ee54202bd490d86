"""The ports, with every operation counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson

from pressrun.errors import Conflict, Transient
from pressrun.ports import Blob, Drop, Message, ObjectStore, Put, Queue, Row, Save, Stat, Table

Counts = Counter[str]


class CountedStore:
    """An ObjectStore; a put of many counts as so many puts."""

    def __init__(self, store: ObjectStore, counts: Counts) -> None:
        self._store = store
        self._counts = counts

    def get(self, key: str) -> Blob:
        self._counts["get"] += 1
        blob = self._store.get(key)
        self._counts["bytes read"] += len(blob.body)
        return blob

    def head(self, key: str) -> Blob:
        self._counts["head"] += 1
        return self._store.head(key)

    def put(self, put: Put) -> str:
        return self._one(put, self._store.put(put))

    def put_many(self, puts: Sequence[Put]) -> list[str | Conflict | Transient]:
        return [self._one(put, done) for put, done in zip(puts, self._store.put_many(puts), strict=True)]

    def _one(self, put: Put, done: Any) -> Any:
        self._counts["put"] += 1
        self._counts["bytes put"] += len(put.body)
        return done

    def delete(self, key: str) -> None:
        self._counts["delete"] += 1
        self._store.delete(key)

    def list(self, prefix: str = "") -> Iterator[Stat]:
        self._counts["list"] += 1
        return self._store.list(prefix)


class CountedTable:
    """A Table; a query counts once, and its rows as they are read."""

    def __init__(self, table: Table, counts: Counts) -> None:
        self._table = table
        self._counts = counts

    def _read(self, row: Row) -> Row:
        self._counts["rows read"] += 1
        return row

    def get(self, partition: str, sort: str) -> Row | None:
        self._counts["table get"] += 1
        row = self._table.get(partition, sort)
        return row and self._read(row)

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        self._counts["table get many"] += 1
        return {key: self._read(row) for key, row in self._table.get_many(keys).items()}

    def query(self, partition: str, **how: Any) -> Iterator[Row]:
        self._counts["table query"] += 1
        return map(self._read, self._table.query(partition, **how))

    def write(self, changes: Sequence[Save | Drop]) -> None:
        self._counts["table write"] += 1
        self._table.write([self._written(change) for change in changes])

    def write_each(self, changes: Iterable[Save | Drop]) -> None:
        self._counts["table write"] += 1
        self._table.write_each([self._written(change) for change in changes])

    def _written(self, change: Save | Drop) -> Save | Drop:
        self._counts["rows written"] += 1
        if isinstance(change, Save):
            self._counts["row bytes"] += len(orjson.dumps(change.item))
        return change

    def increment(self, partition: str, sort: str, *, until: datetime | None = None) -> int:
        self._counts["table write"] += 1
        return self._table.increment(partition, sort, until=until)


class CountedQueue:
    """A Queue of which sending is counted."""

    def __init__(self, queue: Queue, counts: Counts) -> None:
        self._queue = queue
        self._counts = counts

    def send(self, bodies: Sequence[str], *, delay: int = 0) -> None:
        if bodies:
            self._counts["messages"] += len(bodies)
        self._queue.send(bodies, delay=delay)

    def receive(self, limit: int = 10, *, visibility: int = 60) -> list[Message]:
        return self._queue.receive(limit, visibility=visibility)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)
