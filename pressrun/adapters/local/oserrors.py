"""The operating system's errors, as ours."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pressrun.errors import NotFound, Permanent, Transient

_REFUSED = {
    errno.ENAMETOOLONG: "a part of the key is too long for a file's name; shorten it",
    errno.ENOTDIR: "a part of the key is a file where a folder is needed; rename one of them",
    errno.EEXIST: "a part of the key is a file where a folder is needed; rename one of them",
    errno.EISDIR: "there is a folder of this name; rename one of them",
    errno.ENOTEMPTY: "there is a folder of this name; rename one of them",
    errno.EACCES: "permission denied; make the folder writable",
    errno.EPERM: "permission denied; make the folder writable",
    errno.EROFS: "the file system is read-only",
    errno.EXDEV: "this folder is on another file system than the store's root",
    errno.EILSEQ: "the file system does not take this name",
}


def translation(key: str, error: OSError) -> Transient | Permanent:
    """What a failed write means: a refusal, or something that may pass (a full disk, too many open files)."""
    what = _REFUSED.get(error.errno or 0)
    found: Transient | Permanent = Permanent(f"{key}: {what}") if what else Transient(f"{key}: {error}")
    found.__cause__ = error
    return found


@contextmanager
def translated(key: str) -> Iterator[None]:
    """For reads: what cannot be there is NotFound, all else as in `translation`."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EISDIR, errno.ELOOP}:
            raise NotFound(key) from None
        raise translation(key, error) from error
