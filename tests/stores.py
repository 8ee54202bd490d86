"""An ObjectStore in memory, and one that fails as real ones do."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import md5

from pressrun.errors import Conflict, NotFound, Transient
from pressrun.ports import Blob, Put, Stat


@dataclass
class MemoryStore:
    """The port's promises over a dict."""

    objects: dict[str, Blob] = field(default_factory=dict)
    now: Callable[[], datetime] = lambda: datetime(2026, 3, 1, 12, tzinfo=UTC)

    def get(self, key: str) -> Blob:
        if key not in self.objects:
            raise NotFound(key)
        return self.objects[key]

    def head(self, key: str) -> Blob:
        return self.get(key)

    def put(self, put: Put) -> str:
        there = self.objects.get(put.key)
        if (put.if_absent and there) or (
            put.if_match is not None and (there is None or there.etag != put.if_match)
        ):
            raise Conflict(put.key)
        etag = md5(put.body, usedforsecurity=False).hexdigest()
        self.objects[put.key] = Blob(
            body=put.body,
            etag=etag,
            modified=self.now(),
            content_type=put.content_type,
            cache_control=put.cache_control,
            metadata=dict(put.metadata),
        )
        return etag

    def put_many(self, puts: Sequence[Put]) -> list[str | Conflict | Transient]:
        return [self.put(put) for put in puts]

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def list(self, prefix: str = "") -> Iterator[Stat]:
        for key, blob in sorted(self.objects.items()):
            if key.startswith(prefix):
                yield Stat(key=key, etag=blob.etag, size=len(blob.body), modified=blob.modified)


class Crash(BaseException):
    """The process is gone; nothing catches it."""


@dataclass
class FaultyStore:
    """A worker's way to a store: each operation may fail, be applied and yet fail, or be the worker's last.

    `pause` is called before each operation: a scheduler lets other workers go first.
    """

    store: MemoryStore
    random: random.Random
    rate: float = 0.15
    pause: Callable[[], None] = lambda: None

    def _around(self, operation: Callable[[], object]) -> object:
        self.pause()
        fate = self.random.random()
        if fate >= self.rate:
            return operation()
        match self.random.choice(["error", "applied", "crash before", "crash after"]):
            case "error":
                raise Transient("no answer")
            case "applied":
                operation()
                raise Transient("the answer was lost")
            case "crash before":
                raise Crash
            case _:
                operation()
                raise Crash

    def get(self, key: str) -> Blob:
        return self._around(lambda: self.store.get(key))  # type: ignore[return-value]

    def head(self, key: str) -> Blob:
        return self.get(key)

    def put(self, put: Put) -> str:
        return self._around(lambda: self.store.put(put))  # type: ignore[return-value]

    def put_many(self, puts: Sequence[Put]) -> list[str | Conflict | Transient]:
        return [self.put(put) for put in puts]

    def delete(self, key: str) -> None:
        self._around(lambda: self.store.delete(key))

    def list(self, prefix: str = "") -> Iterator[Stat]:
        return iter(self._around(lambda: list(self.store.list(prefix))))  # type: ignore[call-overload]
