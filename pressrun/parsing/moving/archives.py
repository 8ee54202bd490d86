"""What an editor points at: a file, a folder, or a zip or tar archive, with its members by name.

Nothing is unpacked to disk. An archive that holds links, paths that lead out of it, or far more than it weighs is
refused as a whole: no system exports such.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from stat import S_ISLNK, S_ISREG
from typing import BinaryIO, Final, NoReturn
from unicodedata import normalize

from pressrun.errors import Invalid

MAX_MEMBERS: Final = 100_000
MAX_UNPACKED: Final = 8 * 2**30
"""Bytes of all members of an archive, unpacked."""
MAX_RATIO: Final = 200
"""What a member, or a whole tar, may weigh unpacked for each byte that it weighs packed …"""
FREE: Final = 10 * 2**20
"""… beyond this many bytes: text can pack as well as that."""
MAX_MEMBER: Final = 256 * 2**20
"""Bytes of a file that is read whole."""
MAX_NAME: Final = 900
_LEFT = {".git", ".hg", ".svn", "node_modules", "__MACOSX", ".sass-cache", ".jekyll-cache", "__pycache__"}


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an export. `name` has forward slashes, accents composed (a Mac takes them apart); `size` in bytes."""

    name: str
    size: int
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """An export, to be read while its context lasts. `name` is what the editor called it.

    `links` are those of a folder: they are not followed.
    """

    name: str
    members: dict[str, Member]
    links: tuple[str, ...] = ()
    single: bool = False  # a file of its own, no folder or archive
    prefix: str = field(default="", compare=False)

    def read(self, name: str) -> bytes:
        """A member's bytes. Raises Invalid where it is too large or damaged."""
        return read(self.members[name], self.place(name))

    def place(self, name: str) -> str:
        """A member as messages name it."""
        return self.name if self.single else f"{self.prefix}{name}"

    def below(self, folder: str) -> Export:
        """The part of it that lies in a folder, with names as seen from there."""
        lead = f"{folder.strip('/')}/" if folder.strip("/") else ""
        if not lead:
            return self
        inside = {
            name.removeprefix(lead): replace(member, name=name.removeprefix(lead))
            for name, member in self.members.items()
            if name.startswith(lead)
        }
        return replace(self, members=inside, prefix=self.prefix + lead)

    def unwrapped(self) -> Export:
        """Without the one folder that all of it lies in, as archives of repositories have it."""
        tops = {name.partition("/")[0] for name in self.members}
        inside = all("/" in name for name in self.members)
        return self.below(tops.pop()) if len(tops) == 1 and inside and not self.single else self


def read(member: Member, place: str) -> bytes:
    """A member's bytes. Raises Invalid where it is too large or damaged."""
    if member.size > MAX_MEMBER:
        size = f"{member.size / 2**20:,.0f} MiB"
        raise Invalid.at(
            place, 0, f"has {size}; {MAX_MEMBER // 2**20} are read", "split it", code="too-large"
        )
    with damage(place), member.open() as stream:
        body = stream.read(MAX_MEMBER + 1)
    if len(body) > MAX_MEMBER:
        raise Invalid.at(place, 0, "is larger than it says", "export it again", code="archive")
    return body


@contextmanager
def damage(name: str) -> Iterator[None]:
    """Tells of a damaged archive as of any wrong file."""
    try:
        yield
    except (zipfile.BadZipFile, zipfile.LargeZipFile, tarfile.TarError, NotImplementedError, EOFError,
            zlib.error, gzip.BadGzipFile, _TooMuchError) as error:  # fmt: skip
        raise Invalid.at(
            name, 0, f"the archive is damaged: {error}", "export it again", code="archive"
        ) from None


@contextmanager
def opened(path: Path) -> Iterator[Export]:
    """The export at a path. Raises Invalid where it is hostile or damaged."""
    with ExitStack() as stack:
        if path.is_dir():
            yield _folder(path)
            return
        with path.open("rb") as file:
            head = file.read(512)
        if head.startswith(b"PK\x03\x04"):
            with damage(path.name):
                archive = stack.enter_context(zipfile.ZipFile(path))
                members = _zipped(path.name, archive)
        elif path.name.lower().endswith((".tar", ".tar.gz", ".tgz")) or head[257:262] == b"ustar":
            with damage(path.name):
                members = _tarred(path, head, stack)
        else:
            yield Export(
                name=path.name,
                members={path.name: Member(path.name, path.stat().st_size, lambda: path.open("rb"))},
                single=True,
            )
            return
        yield Export(name=path.name, members=members, prefix=f"{path.name}/")


def _folder(root: Path) -> Export:
    members: dict[str, Member] = {}
    links = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _LEFT)
        for name in [*folders, *sorted(files)]:
            path = Path(folder) / name
            relative = normalize("NFC", path.relative_to(root).as_posix())
            mode = path.lstat().st_mode
            if S_ISLNK(mode):
                links.append(relative)
            elif S_ISREG(mode):
                members[relative] = Member(relative, path.lstat().st_size, lambda path=path: path.open("rb"))  # type: ignore[misc]
        if len(members) > MAX_MEMBERS:
            _refuse(root.name, f"holds more than {MAX_MEMBERS:,} files")
    return Export(name=root.name, members=dict(sorted(members.items())), links=tuple(links))


def _zipped(name: str, archive: zipfile.ZipFile) -> dict[str, Member]:
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        _refuse(name, f"holds {len(infos):,} files; {MAX_MEMBERS:,} are read")
    if sum(info.file_size for info in infos) > MAX_UNPACKED:
        _refuse(name, f"has more than {MAX_UNPACKED // 2**30} GiB, unpacked")
    members: dict[str, Member] = {}
    for info in infos:
        path = _safe(name, info.filename)
        if S_ISLNK(info.external_attr >> 16):
            _refuse(name, f"holds a link: {info.filename[:80]!r}")
        if info.flag_bits & 1:
            _refuse(name, "is encrypted")
        if info.file_size > FREE and info.file_size > MAX_RATIO * max(1, info.compress_size):
            _refuse(name, f"holds a file that unpacks to {info.file_size:,} bytes: {info.filename[:80]!r}")
        if not info.is_dir() and not _LEFT & {*PurePosixPath(path).parts}:
            opener = lambda info=info: archive.open(info)  # noqa: E731 - one for each member
            _add(name, members, Member(path, info.file_size, opener))  # type: ignore[arg-type]
    return dict(sorted(members.items()))


def _tarred(path: Path, head: bytes, stack: ExitStack) -> dict[str, Member]:
    raw: BinaryIO = stack.enter_context(path.open("rb"))
    if head.startswith(b"\x1f\x8b"):
        raw = stack.enter_context(gzip.GzipFile(fileobj=raw))  # type: ignore[assignment]
    archive = stack.enter_context(tarfile.open(fileobj=_Measured(raw), mode="r:"))  # noqa: SIM115 - the stack closes it
    most = max(FREE, MAX_RATIO * path.stat().st_size)
    members: dict[str, Member] = {}
    total = count = 0
    while (info := archive.next()) is not None:
        count += 1
        total += max(0, info.size)
        if count > MAX_MEMBERS:
            _refuse(path.name, f"holds more than {MAX_MEMBERS:,} files")
        if total > min(most, MAX_UNPACKED) or info.issparse():
            _refuse(path.name, f"unpacks to more than {min(most, MAX_UNPACKED):,} bytes")
        name = _safe(path.name, info.name)
        if info.issym() or info.islnk() or info.isdev():
            _refuse(path.name, f"holds a link or a device: {info.name[:80]!r}")
        if info.isreg() and not _LEFT & {*PurePosixPath(name).parts}:
            opener = lambda info=info: archive.extractfile(info)  # noqa: E731 - one for each member
            _add(path.name, members, Member(name, info.size, opener))  # type: ignore[arg-type]
    return dict(sorted(members.items()))


class _TooMuchError(Exception):
    """A header that wants more memory than any header needs."""


class _Measured(io.RawIOBase):
    """A stream that is never read in one go beyond `MAX_MEMBER`: tar's headers state their own length."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if size > MAX_MEMBER:
            raise _TooMuchError(f"a header of {size:,} bytes")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def _add(archive: str, members: dict[str, Member], member: Member) -> None:
    if member.name in members:
        _refuse(archive, f"holds two files of one name: {member.name[:80]!r}")
    members[member.name] = member


def _safe(archive: str, name: str) -> str:
    """A member's name as a path within the archive. Raises Invalid where it leads out of it."""
    path = normalize("NFC", name.replace("\\", "/")).removeprefix("./")
    parts = path.rstrip("/").split("/")
    if path.startswith("/") or ".." in parts or ":" in parts[0] or "\0" in name:
        _refuse(archive, f"holds a path that leads out of it: {name[:80]!r}")
    if len(path) > MAX_NAME or any(ord(char) < 32 for char in path):
        _refuse(archive, f"holds a file of an impossible name: {name[:80]!r}")
    return "/".join(part for part in parts if part not in {"", "."})


def _refuse(name: str, what: str) -> NoReturn:
    todo = "unpack it yourself, look at what it holds, and name the folder"
    raise Invalid.at(name, 0, f"the archive {what}", todo, code="archive")
