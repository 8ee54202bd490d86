"""The ports in memory: exact about conditions, and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import md5
from itertools import count

import orjson

from pressrun.adapters.rules import (
    encode_changes,
    encode_item,
    lower_keys,
    require_body,
    require_key,
    require_row,
)
from pressrun.errors import Conflict, NotFound, Transient
from pressrun.ports import ABSENT, Blob, Clock, DeadLetter, Depth, Drop, Message, Put, Row, Save, Stat


def ignore(*_: object) -> None:
    """Watches nothing."""


class MemoryStore:
    """Objects in a dict. An etag is a hash of the body, as in S3: it repeats when content does.

    `watch` is called with each key that has just been written or removed.
    """

    def __init__(self, clock: Clock, watch: Callable[[str], None] = ignore) -> None:
        self.objects: dict[str, Blob] = {}
        self._clock = clock
        self._watch = watch

    def get(self, key: str) -> Blob:
        if key not in self.objects:
            raise NotFound(key)
        return self.objects[key]

    def head(self, key: str) -> Blob:
        return replace(self.get(key), body=b"")

    def put(self, put: Put) -> str:
        require_key(put.key)
        there = self.objects.get(put.key)
        if (put.if_absent and there) or (put.if_match and (not there or there.etag != put.if_match)):
            raise Conflict(put.key)
        etag = md5(put.body, usedforsecurity=False).hexdigest()
        self.objects[put.key] = Blob(
            body=put.body,
            etag=etag,
            modified=self._clock.now(),
            content_type=put.content_type,
            cache_control=put.cache_control,
            metadata=lower_keys(put.metadata),
        )
        self._watch(put.key)
        return etag

    def put_many(self, puts: Sequence[Put]) -> list[str | Conflict | Transient]:
        for put in puts:
            require_key(put.key)
        return [self._tried(put) for put in puts]

    def _tried(self, put: Put) -> str | Conflict:
        try:
            return self.put(put)
        except Conflict as conflict:
            return conflict

    def delete(self, key: str) -> None:
        require_key(key)
        if self.objects.pop(key, None):
            self._watch(key)

    def list(self, prefix: str = "") -> Iterator[Stat]:
        for key in sorted(filter(lambda key: key.startswith(prefix), self.objects), key=str.encode):
            blob = self.objects[key]
            yield Stat(key=key, etag=blob.etag, size=len(blob.body), modified=blob.modified)

    def take(self, other: MemoryStore) -> None:
        """Holds what the other one holds."""
        self.objects = {**other.objects}

    def bodies(self) -> Mapping[str, bytes]:
        """Everything that is stored."""
        return {key: blob.body for key, blob in self.objects.items()}


class MemoryTable:
    """Rows in dicts: partition → sort key → (version, JSON)."""

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, tuple[int, bytes]]] = {}

    def get(self, partition: str, sort: str) -> Row | None:
        found = self._partitions.get(partition, {}).get(sort)
        return _row(partition, sort, *found) if found else None

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        return {key: row for key in keys if (row := self.get(*key))}

    def query(
        self,
        partition: str,
        *,
        low: str | None = None,
        high: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Row]:
        rows = self._partitions.get(partition, {})
        sorts = [sort for sort in rows if (low or "") <= sort and (high is None or sort < high)]
        for sort in sorted(sorts, key=str.encode, reverse=descending)[:limit]:
            yield _row(partition, sort, *rows[sort])

    def write(self, changes: Sequence[Save | Drop]) -> None:
        encoded = encode_changes(changes)
        for change in changes:
            if change.expect is not None and change.expect != self._version(change):
                raise Conflict(f"{change.partition}, {change.sort}")
        for change, body in encoded:
            self._apply(change, body)

    def write_each(self, changes: Iterable[Save | Drop]) -> None:
        for change in changes:
            self._apply(change, encode_item(change) if isinstance(change, Save) else b"")

    def increment(self, partition: str, sort: str, *, until: datetime | None = None) -> int:
        require_row(partition, sort)
        row = self.get(partition, sort)
        number = int(str(row.item["n"])) + 1 if row else 1
        self.write([Save(partition=partition, sort=sort, item={"n": number})])
        return number

    def take(self, other: MemoryTable) -> None:
        """Holds what the other one holds."""
        self._partitions = {name: {**rows} for name, rows in other._partitions.items()}

    def scan(self, *, after: tuple[str, str] | None = None) -> Iterator[Row]:
        keys = sorted((partition, sort) for partition, rows in self._partitions.items() for sort in rows)
        for key in keys:
            row = self.get(*key) if after is None or key > after else None
            if row:
                yield row

    def partitions(self) -> list[str]:
        """Those that hold a row."""
        return sorted(name for name, rows in self._partitions.items() if rows)

    def _version(self, change: Save | Drop) -> int:
        return self._partitions.get(change.partition, {}).get(change.sort, (ABSENT, b""))[0]

    def _apply(self, change: Save | Drop, body: bytes) -> None:
        rows = self._partitions.setdefault(change.partition, {})
        if isinstance(change, Save):
            rows[change.sort] = (self._version(change) + 1, body)
        else:
            rows.pop(change.sort, None)


def _row(partition: str, sort: str, version: int, body: bytes) -> Row:
    return Row(partition=partition, sort=sort, item=orjson.loads(body), version=version)


@dataclass(slots=True)
class Letter:
    """A message as the queue keeps it."""

    body: str
    due: float
    receives: int = 0
    receipt: str = ""
    cause: str = ""
    dead: bool = False


class MemoryQueue:
    """Messages in a dict. `shuffle` puts what can be received in an order of its own."""

    def __init__(
        self, clock: Clock, max_receives: int = 5, shuffle: Callable[[list[str]], None] = ignore
    ) -> None:
        self._clock = clock
        self._max = max_receives
        self._shuffle = shuffle
        self._letters: dict[str, Letter] = {}
        self._numbers = count(1)

    def send(self, bodies: Sequence[str], *, delay: int = 0) -> None:
        for body in bodies:
            require_body(body)
        for body in bodies:
            self._letters[str(next(self._numbers))] = Letter(body, self._now() + delay)

    def receive(self, limit: int = 10, *, visibility: int = 60) -> list[Message]:
        self._bury()
        ready = [name for name, letter in self._letters.items() if self._ready(letter)]
        self._shuffle(ready)
        return [self._lease(name, visibility) for name in ready[: min(limit, 10)]]

    def acknowledge(self, message: Message) -> None:
        if self._held(message):
            del self._letters[message.id]

    def release(self, message: Message, *, delay: int = 0, cause: str = "") -> None:
        letter = self._held(message)
        if letter:
            letter.due, letter.cause, letter.receipt = self._now() + delay, cause, ""
            letter.dead = letter.receives >= self._max

    def depth(self) -> Depth:
        self._bury()
        alive = [letter for letter in self._letters.values() if not letter.dead]
        waiting = sum(self._ready(letter) for letter in alive)
        return Depth(waiting=waiting, hidden=len(alive) - waiting, dead=len(self._letters) - len(alive))

    def dead(self) -> Iterator[DeadLetter]:
        self._bury()
        for name, letter in self._letters.items():
            if letter.dead:
                yield DeadLetter(id=name, body=letter.body, cause=letter.cause)

    def redrive(self) -> int:
        dead = [name for name, letter in self._letters.items() if letter.dead]
        for name in dead:
            self._letters[name] = Letter(self._letters[name].body, self._now())
        return len(dead)

    def take(self, other: MemoryQueue) -> None:
        """Holds what the other one holds."""
        self._letters = {name: replace(letter) for name, letter in other._letters.items()}
        self._numbers = count(1000)

    def waiting(self) -> int:
        """Messages that are neither done nor dead."""
        return sum(not letter.dead for letter in self._letters.values())

    def _lease(self, name: str, visibility: int) -> Message:
        letter = self._letters[name]
        letter.due = self._now() + visibility
        letter.receives += 1
        letter.receipt = f"{name}-{letter.receives}-{next(self._numbers)}"
        return Message(id=name, body=letter.body, receipt=letter.receipt, receives=letter.receives)

    def _held(self, message: Message) -> Letter | None:
        letter = self._letters.get(message.id)
        return letter if letter and not letter.dead and letter.receipt == message.receipt else None

    def _ready(self, letter: Letter) -> bool:
        return not letter.dead and letter.due <= self._now()

    def _bury(self) -> None:
        for letter in self._letters.values():
            letter.dead = letter.dead or (self._ready(letter) and letter.receives >= self._max)

    def _now(self) -> float:
        return self._clock.now().timestamp()
