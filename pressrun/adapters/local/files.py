"""An ObjectStore over a folder of plain files, which any web server can serve."""

# The hot path of a publish: pathlib costs more here than the system calls.
# ruff: noqa: PTH103, PTH105, PTH106, PTH108, PTH112, PTH116

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

from pressrun.adapters.local.etags import EtagIndex
from pressrun.adapters.local.folder import TRIES, Etags, Folder, content_etag, modified, stat_etag
from pressrun.adapters.local.headers import HeaderIndex, Headers, Implies, by_suffix, state
from pressrun.adapters.local.oserrors import translated, translation
from pressrun.adapters.rules import lower_keys, require_key
from pressrun.errors import Conflict, NotFound, Permanent, Transient
from pressrun.ports import Blob, Put, Stat

STAGING: Final = ".tmp"
STALE: Final = 86_400  # seconds after which a file in STAGING belongs to a process that died
BATCH: Final = 64  # files written before the lock is taken once to move them into place

Results = list[str | Conflict | Transient]
Result = str | Conflict | Transient | Permanent
Staged = tuple[str, str]  # the path of a file that is still to be moved, and its etag by content


class FileStore:
    """The files under `root`; hidden ones are left alone.

    Callers may rely on this:

    - A reader sees a file and its headers whole, old or new, also after a kill at any moment. Nothing is
      synced to the disk: after a power failure the newest files may be missing, and are to be written again.
    - Conditions hold across threads and processes that write through a FileStore: writers take turns by a
      lock on the root folder itself. An editor that saves a file takes no part in it.
    - With etags="content" an etag is a hash of the bytes, and `list` reads every file, but for those that it has
      read before where there is an index. With etags="stat" it is made of modification time, size and inode, and
      `list` reads none: for folders that people edit.
    - `index` is an SQLite file that keeps what the key does not imply (HeaderIndex) and etags of files that stand
      still (EtagIndex); `implies` gives the rest. Without an index content type and cache control are the implied
      ones, and metadata is refused.
    - Links to folders are not followed, links to files only within `root`.
    - A file and a folder cannot have one name: unlike in S3, `a` and `a/b` exclude each other (Permanent).
    """

    def __init__(
        self, root: Path, index: Path | None = None, *, etags: Etags = "content", implies: Implies = by_suffix
    ) -> None:
        self._folder = Folder(root, etags)
        self._index = HeaderIndex(index) if index else None
        self._etags = EtagIndex(index) if index and etags == "content" else None
        self._implies = implies
        self._staging = self._folder.path(STAGING)
        self._names = count()
        self._made: set[str] = set()  # folders known to exist and to be no links
        self._swept = False

    def get(self, key: str) -> Blob:
        """The object. Raises NotFound, Transient."""
        return self._blob(key, with_body=True)

    def head(self, key: str) -> Blob:
        """The object without its body. Raises NotFound, Transient."""
        return self._blob(key, with_body=False)

    def _blob(self, key: str, *, with_body: bool) -> Blob:
        for _ in range(TRIES):
            if with_body or not self._folder.by_stat:
                body, stat = self._folder.load(key)
            else:
                body, stat = b"", self._folder.look(key)
            kept = self._index.find(key, state(stat)) if self._index else None
            if kept is None and self._index and not self._unchanged(key, stat):
                continue  # replaced while we looked, and its row with it
            headers, metadata = kept or (self._implies(key), {})
            return Blob(
                body=body if with_body else b"",
                etag=stat_etag(stat) if self._folder.by_stat else content_etag(body),
                modified=modified(stat),
                content_type=headers.content_type,
                cache_control=headers.cache_control,
                metadata=metadata,
            )
        raise Transient(f"{key} is being changed all the time")

    def _unchanged(self, key: str, stat: os.stat_result) -> bool:
        try:
            return state(self._folder.look(key)) == state(stat)
        except NotFound:
            return False

    def list(self, prefix: str = "") -> Iterator[Stat]:
        """All objects whose key begins with `prefix`, ordered by the key's UTF-8 bytes. Raises Transient."""
        if self._etags is None or prefix:
            yield from self._folder.walk(prefix)
            return
        look = self._etags.look()
        yield from self._folder.walk(prefix, look)
        look.keep()

    def put(self, put: Put) -> str:
        """Writes atomically; returns the new etag.

        Raises Conflict, Transient; Permanent where the file system refuses; ValueError where the key is none.
        """
        [result] = self.put_many([put])
        if isinstance(result, str):
            return result
        raise result

    def put_many(self, puts: Sequence[Put]) -> Results:
        """Each put on its own. A Permanent failure is raised when all others are done."""
        for put in puts:
            require_key(put.key)
        results: Results = []
        refused: Permanent | None = None
        for start in range(0, len(puts), BATCH):
            for result in self._put_batch(puts[start : start + BATCH]):
                if isinstance(result, Permanent):
                    refused = refused or result
                else:
                    results.append(result)
        if refused:
            raise refused
        return results

    def _put_batch(self, puts: Sequence[Put]) -> Sequence[Result]:
        staged = [self._stage(put) for put in puts]
        try:
            with self._locked():
                return [
                    self._settle(put, *file) if isinstance(file, tuple) else file
                    for put, file in zip(puts, staged, strict=True)
                ]
        finally:
            for file in staged:
                if isinstance(file, tuple):
                    with suppress(OSError):
                        os.unlink(file[0])

    def _stage(self, put: Put) -> Staged | Transient | Permanent:
        """Writes the body to one side, from where a rename can move it into place."""
        if put.metadata and not self._index:
            return Permanent(f"{put.key}: this folder keeps no metadata; give the store an index")
        path = f"{self._staging}/{os.getpid()}-{next(self._names)}-{secrets.token_hex(4)}"
        try:
            self._write(path, put.body)
        except OSError as error:
            with suppress(OSError):
                os.unlink(path)
            return translation(put.key, error)
        return path, "" if self._folder.by_stat else content_etag(put.body)

    def _write(self, path: str, body: bytes) -> None:
        self._sweep()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o666)
        except FileNotFoundError:
            os.makedirs(self._staging, exist_ok=True)
            descriptor = os.open(path, flags, 0o666)
        try:
            rest = memoryview(body)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)

    def _settle(self, put: Put, path: str, etag: str) -> Result:
        """Under the lock: checks the condition and moves the file into place, its headers first."""
        try:
            if not self._holds(put):
                return Conflict(f"{put.key} is not as expected; read it again")
            indexed = self._index is not None and self._index.has(put.key)
            kept = self._index is not None and self._is_special(put)
            if self._folder.by_stat or indexed or kept:
                old, new = self._order(put.key, path)
                etag = stat_etag(new) if self._folder.by_stat else etag
                if self._index and kept:
                    headers = Headers(put.content_type, put.cache_control)
                    metadata = lower_keys(put.metadata)
                    before = state(old) if old else None
                    self._index.keep(put.key, state(new), headers, metadata, before=before)
            self._move(path, put.key)
            if self._index and indexed and not kept:
                self._index.forget(put.key)
        except OSError as error:
            return translation(put.key, error)
        except (Transient, Permanent) as error:
            return error
        return etag

    def _holds(self, put: Put) -> bool:
        if put.if_absent:
            return self._folder.etag(put.key) is None
        return put.if_match is None or self._folder.etag(put.key) == put.if_match

    def _is_special(self, put: Put) -> bool:
        return bool(put.metadata) or (put.content_type, put.cache_control) != self._implies(put.key)

    def _order(self, key: str, path: str) -> tuple[os.stat_result | None, os.stat_result]:
        """Gives the new file a later time than the old one has; returns the state of both.

        Inodes are used again at once and clocks are coarse: without this two versions could look the same.
        """
        new = os.stat(path)
        try:
            old = os.lstat(self._folder.path(key))
        except (FileNotFoundError, NotADirectoryError):
            return None, new
        if new.st_mtime_ns <= old.st_mtime_ns:
            os.utime(path, ns=(old.st_mtime_ns + 1, old.st_mtime_ns + 1))
            new = os.stat(path)
        return old, new

    def _move(self, path: str, key: str) -> None:
        folder = key.rpartition("/")[0]
        for _ in range(TRIES):
            if folder not in self._made:
                if self._folder.behind_link(f"{folder}/"):
                    raise Permanent(f"{folder} is a link or behind one; put a folder there")
                os.makedirs(self._folder.path(folder), exist_ok=True)
                self._made.add(folder)
            try:
                os.replace(path, self._folder.path(key))
            except FileNotFoundError:  # the folder was removed since
                self._made.discard(folder)
            else:
                return
        raise Transient(f"{key}: its folder is being removed all the time")

    def delete(self, key: str) -> None:
        """Removes the file and the folders that it leaves empty. Raises Transient; ValueError for no key."""
        require_key(key)
        if not os.path.isdir(self._folder.root):
            return
        with translated(key), self._locked():
            path = self._folder.path(key)
            if self._folder.behind_link(key) or os.path.isdir(path):
                return
            with suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(path)
            if self._index and self._index.has(key):
                self._index.forget(key)
            self._prune(key.rpartition("/")[0])

    def _prune(self, folder: str) -> None:
        while folder:
            try:
                os.rmdir(self._folder.path(folder))
            except OSError:
                return
            self._made.discard(folder)
            folder = folder.rpartition("/")[0]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among all writers to this folder, in every thread and process."""
        descriptor = self._lock()
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing alone would not do: a fork may have a copy
            os.close(descriptor)

    def _lock(self) -> int:
        root = self._folder.root
        while True:
            try:
                descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                os.makedirs(root, exist_ok=True)
                continue
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(root)):
                    return descriptor
            os.close(descriptor)  # the folder was replaced while we waited

    def _sweep(self) -> None:
        """Once: removes what killed writers left behind."""
        if self._swept:
            return
        self._swept = True
        with suppress(FileNotFoundError), os.scandir(self._staging) as entries:
            for entry in entries:
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > STALE:
                    os.unlink(entry.path)

    def close(self) -> None:
        """Closes the index; the store opens it again when it is used."""
        for index in (self._index, self._etags):
            if index:
                index.close()
        with suppress(OSError):
            os.rmdir(self._staging)
