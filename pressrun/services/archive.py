"""A whole publication in one zip file, which moves between backends.

| member | what |
|---|---|
| `pressrun.json` | format, version, id, when and of what it was made; the first member |
| `rows/00001.jsonl` … | the Table: `[partition, sort, item]` on each line |
| `objects/<store>/<key>` | the bytes of an object |
| `index/<store>/00001.jsonl` … | an object on each line: key, digest, etag, media type, caching, metadata |
| `manifest.json` | how much there is, digests of rows and indexes; the last member: without it the file is cut off |

Rows come first and what they refer to after them, so that a backup of a publication at work refers to nothing that is
not in it. A site's copy of a content file is kept once. Memory holds one object and one piece of rows at a time, and
about a kilobyte for each object.
"""

from __future__ import annotations

import secrets
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import chain
from typing import IO, Any, Final

import orjson

from pressrun import __version__
from pressrun.errors import NotFound, Permanent
from pressrun.ports import Blob, Item, ObjectStore, Stat, Table
from pressrun.services.limits import PARTITION as LIMITS

FORMAT: Final = "pressrun-backup"
VERSION: Final = 1
STORES: Final = ("content", "site", "errors", "mail", "views")
PASSING: Final = frozenset({LIMITS, "pace", "restore"})
"""Partitions that belong to a machine or an account and not to the publication."""
PIECE: Final = 4_000_000  # bytes of rows or index in a member
EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_SMALL: Final = ("image/", "audio/", "video/", "application/zip", "application/gzip")  # compressed already

Told = Callable[[str, int], None]


@dataclass(slots=True)
class Contents:
    """How much an archive holds."""

    rows: int = 0
    objects: dict[str, int] = field(default_factory=dict)
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An object in an archive. `member` holds its bytes: its own, or those of the content file that it is a copy of."""

    key: str
    sha: str
    etag: str  # where the backup was made
    member: str
    content_type: str
    cache_control: str
    metadata: Mapping[str, str]


class Writer:
    """Writes one archive."""

    def __init__(self, stream: IO[bytes], head: Mapping[str, Any]) -> None:
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        self._digests: dict[str, str] = {}
        self._content: dict[str, str] = {}  # digests of content files, by key
        self.contents = Contents()
        known = {"format": FORMAT, "version": VERSION, "id": secrets.token_hex(16), "by": __version__}
        self._member("pressrun.json", orjson.dumps({**known, **head}))

    def rows(self, table: Table, told: Told) -> None:
        """All rows, but those of PASSING."""

        def lines() -> Iterator[bytes]:
            for row in table.scan():
                if row.partition not in PASSING:
                    self.contents.rows += 1
                    yield orjson.dumps([row.partition, row.sort, row.item])
                    told("rows", self.contents.rows)

        self._pieces("rows", lines())

    def objects(self, name: str, store: ObjectStore, told: Told) -> None:
        """All objects of a store."""

        def lines() -> Iterator[bytes]:
            for stat in _listed(name, store):
                try:
                    blob = store.get(stat.key)
                except NotFound:
                    continue  # removed since it was listed
                self.contents.objects[name] = self.contents.objects.get(name, 0) + 1
                self.contents.bytes += len(blob.body)
                yield orjson.dumps(self._object(name, stat.key, blob))
                told(name, self.contents.objects[name])

        self._pieces(f"index/{name}", lines())

    def _object(self, name: str, key: str, blob: Blob) -> dict[str, Any]:
        digest = sha256(blob.body).hexdigest()
        member = f"objects/{name}/{key}"
        if name == "site" and self._content.get(key) == digest:
            member = f"objects/content/{key}"
        else:
            packed = zipfile.ZIP_STORED if blob.content_type.startswith(_SMALL) else zipfile.ZIP_DEFLATED
            self._write(member, blob.body, packed)
        if name == "content":
            self._content[key] = digest
        found = {
            "key": key,
            "sha": digest,
            "etag": blob.etag,
            "member": member,
            "content_type": blob.content_type,
            "cache_control": blob.cache_control,
            "metadata": dict(blob.metadata) if name == "site" else {},
        }
        return {name: value for name, value in found.items() if value}

    def _pieces(self, name: str, lines: Iterable[bytes]) -> None:
        number, size = 1, 0
        piece: list[bytes] = []
        for line in chain(lines, [b""]):
            if piece and (not line or size + len(line) > PIECE):
                self._member(f"{name}/{number:05}.jsonl", b"\n".join(piece))
                number, piece, size = number + 1, [], 0
            piece.append(line)
            size += len(line)

    def _member(self, name: str, body: bytes) -> None:
        self._digests[name] = sha256(body).hexdigest()
        self._write(name, body, zipfile.ZIP_DEFLATED)

    def _write(self, name: str, body: bytes, packed: int) -> None:
        member = zipfile.ZipInfo(name, EPOCH)
        member.compress_type = packed
        member.external_attr = 0o600 << 16
        self._zip.writestr(member, body)

    def close(self) -> None:
        """Writes the manifest, which makes it whole."""
        contents = self.contents
        manifest = {"rows": contents.rows, "objects": contents.objects, "bytes": contents.bytes}
        self._member("manifest.json", orjson.dumps({**manifest, "digests": self._digests}))
        self._zip.close()

    def abandon(self) -> None:
        """Leaves it cut off."""
        self._zip.close()


def _listed(name: str, store: ObjectStore) -> Iterator[Stat]:
    if name != "views":
        return store.list()
    # A delta that is folded while we look is then in both, which counts it once; after the days it would be in neither.
    return chain(store.list("delta/"), (stat for stat in store.list() if not stat.key.startswith("delta/")))


def write(
    stream: IO[bytes],
    *,
    table: Table,
    stores: Mapping[str, ObjectStore],
    made: datetime,
    url: str,
    told: Told,
) -> Contents:
    """Writes a backup. Raises Transient; what was written is then cut off, and is refused by `Archive`."""
    writer = Writer(stream, {"made": made.isoformat(), "url": url})
    try:
        writer.rows(table, told)
        for name in STORES:
            writer.objects(name, stores[name], told)
    except BaseException:
        writer.abandon()
        raise
    writer.close()
    return writer.contents


class Archive:
    """An archive, read. Raises Permanent where it is none, is cut off, or is of a later format."""

    def __init__(self, stream: IO[bytes]) -> None:
        try:
            self._zip = zipfile.ZipFile(stream)
            self._names = self._zip.namelist()
            self.head: dict[str, Any] = orjson.loads(self._zip.read("pressrun.json"))
            if self.head.get("format") != FORMAT:
                raise Permanent("this is no backup of Pressrun")
            if self.head["version"] > VERSION:
                raise Permanent(
                    f"this backup is of format {self.head['version']}, which Pressrun {self.head['by']} wrote; "
                    f"{__version__} reads up to {VERSION}: install the later one"
                )
            self._manifest: dict[str, Any] = orjson.loads(self._zip.read("manifest.json"))
        except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, ValueError, NotImplementedError) as error:
            raise Permanent(f"this is no backup of Pressrun, or it is cut off: {error}") from None
        self.id = str(self.head["id"])
        objects: dict[str, int] = self._manifest["objects"]
        self.contents = Contents(self._manifest["rows"], objects, self._manifest["bytes"])

    def verify(self, told: Told) -> None:
        """Reads all of it. Raises Permanent where a byte is not what was written."""
        wanted: dict[str, str] = self._manifest["digests"]
        for name, digest in wanted.items():
            if sha256(self._read(name)).hexdigest() != digest:
                raise Permanent(f"{name} in this backup is damaged; nothing was restored")
        counts: dict[str, int] = {}
        for store in STORES:
            for number, entry in enumerate(self.entries(store), 1):
                if sha256(self._read(entry.member)).hexdigest() != entry.sha:
                    raise Permanent(f"{entry.member} in this backup is damaged; nothing was restored")
                counts[store] = number
                told("checked", sum(counts.values()))
        rows = sum(1 for _ in self.rows())
        if counts != self.contents.objects or rows != self.contents.rows:
            raise Permanent("this backup does not hold what its manifest says; nothing was restored")

    def rows(self) -> Iterator[tuple[str, str, Item]]:
        """Every row: partition, sort key and item."""
        for name in self._names:
            if name.startswith("rows/"):
                for line in self._read(name).splitlines():
                    partition, sort, item = orjson.loads(line)
                    yield partition, sort, item

    def entries(self, store: str) -> Iterator[Entry]:
        """The objects of a store."""
        for name in self._names:
            if name.startswith(f"index/{store}/"):
                for line in self._read(name).splitlines():
                    found: dict[str, Any] = orjson.loads(line)
                    yield Entry(
                        key=found["key"],
                        sha=found["sha"],
                        etag=found["etag"],
                        member=found["member"],
                        content_type=found.get("content_type", ""),
                        cache_control=found.get("cache_control", ""),
                        metadata=found.get("metadata", {}),
                    )

    def body(self, entry: Entry) -> bytes:
        """An object's bytes."""
        return self._read(entry.member)

    def _read(self, name: str) -> bytes:
        try:
            return self._zip.read(name)
        except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, OSError, ValueError) as error:
            raise Permanent(f"{name} in this backup cannot be read: {error}") from None

    def close(self) -> None:
        """Lets go of the file, which is its opener's to close."""
        self._zip.close()
