"""Earlier versions of files, as files: `<root>/<key>/<when>-<digest>`."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from pressrun.errors import Conflict, NotFound
from pressrun.ports import Clock, ObjectStore, Put, Version

MOST: Final = 100  # versions of a file; the oldest go
_NAME: Final = re.compile(r"(\d{8}T\d{12}Z)-[0-9a-f]{16}")
_FORM: Final = "%Y%m%dT%H%M%S%fZ"


class VersionFolder:
    """Keeps what it is shown. A version that has the bytes of the newest one is not kept again."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def keep(self, key: str, body: bytes) -> None:
        """Keeps these bytes as the newest version."""
        digest = sha256(body).hexdigest()[:16]
        there = self.list(key)
        if there and there[0].id.endswith(digest):
            return
        name = f"{self._clock.now().astimezone(UTC).strftime(_FORM)}-{digest}"
        with suppress(Conflict):  # the same was kept at the same moment
            put = Put(key=f"{key}/{name}", body=body, content_type="application/octet-stream", if_absent=True)
            self._store.put(put)
        for old in there[MOST - 1 :]:
            self._store.delete(f"{key}/{old.id}")

    def list(self, key: str) -> list[Version]:
        """What is kept of a file, the newest first."""
        found = []
        for stat in self._store.list(f"{key}/"):
            name = stat.key.removeprefix(f"{key}/")
            if match := _NAME.fullmatch(name):
                at = datetime.strptime(match[1], _FORM).replace(tzinfo=UTC)
                found.append(Version(id=name, at=at, size=stat.size))
        return found[::-1]

    def get(self, key: str, identifier: str) -> bytes:
        """The bytes of a version. Raises NotFound."""
        if not _NAME.fullmatch(identifier):
            raise NotFound(f"{key} has no version {identifier[:60]!r}")
        return self._store.get(f"{key}/{identifier}").body
