"""The tables in what an editor uploads: a CSV file, or a zip archive of some, as Mailchimp and Substack export."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from stat import S_ISLNK
from typing import Final

from pressrun.errors import Invalid
from pressrun.parsing.csvfile import Open

MAX_MEMBERS: Final = 10_000  # of an archive: Substack's hold every post
MAX_TABLES: Final = 100
MAX_UNPACKED: Final = 4 * 2**30
"""Bytes of all tables of an archive, unpacked."""
_MAGIC = b"PK\x03\x04"
_SUFFIXES = {".csv", ".tsv", ".txt"}


@dataclass(frozen=True, slots=True)
class Source:
    """A table. `size` in bytes, as it is read."""

    name: str
    size: int
    open: Open


@contextmanager
def sources(name: str, size: int, opened: Open) -> Iterator[list[Source]]:
    """The tables of a file, to be read while the context lasts.

    Raises Invalid for an archive that is damaged, encrypted, too large, or that holds links or paths which lead out
    of it: no service exports such.
    """
    with opened() as stream:
        if stream.read(4) != _MAGIC:
            yield [Source(name, size, opened)]
            return
        with damage(name):
            archive = zipfile.ZipFile(stream)
        with archive:
            yield [_source(archive, member) for member in _tables(name, archive)]


@contextmanager
def damage(name: str) -> Iterator[None]:
    """Tells of a damaged archive as of any wrong file."""
    try:
        yield
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise Invalid.at(
            name, 0, f"the archive is damaged: {error}", "export it again", code="archive"
        ) from None


def _source(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Source:
    return Source(member.filename, member.file_size, lambda: archive.open(member))  # type: ignore[arg-type, return-value]


def _tables(name: str, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise _refused(name, f"holds {len(members):,} files; {MAX_MEMBERS:,} are read")
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise _refused(name, f"holds a path that leads out of it: {member.filename[:80]!r}")
        if S_ISLNK(member.external_attr >> 16):
            raise _refused(name, f"holds a link: {member.filename[:80]!r}")
    tables = [member for member in members if _is_table(member)]
    if any(member.flag_bits & 1 for member in tables):
        raise _refused(name, "is encrypted")
    if not tables or len(tables) > MAX_TABLES:
        raise _refused(name, f"holds {len(tables)} CSV files; 1 to {MAX_TABLES} are read")
    if sum(member.file_size for member in tables) > MAX_UNPACKED:
        raise _refused(name, f"has more than {MAX_UNPACKED // 2**30} GiB, unpacked")
    return tables


def _is_table(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not member.is_dir() and not hidden and path.suffix.lower() in _SUFFIXES


def _refused(name: str, what: str) -> Invalid:
    return Invalid.at(name, 0, f"the archive {what}", "unpack it and import its CSV files", code="archive")
