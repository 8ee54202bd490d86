"""What an editor does to files from the desk: upload, save, withdraw, restore, go back to an earlier version.

Nothing is lost: whatever is replaced is kept as a version first, and what is withdrawn is moved aside. Publishing is
not done here: whoever watches the content finds the change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from typing import Literal

from pressrun.domain.uploads import MAX_UPLOAD, upload_problem
from pressrun.errors import Conflict, Invalid, NotFound, Permanent
from pressrun.parsing.keys import is_article
from pressrun.parsing.media import sniff
from pressrun.parsing.retouch import with_field
from pressrun.ports import Blob, ObjectStore, Put, Stat, Version, Versions

MAX_KEPT = 5_000_000  # bytes: larger files are replaced without a version on one's own machine
MAX_DIFF = 400_000  # characters of both sides

Written = Literal["written", "unchanged", "there"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What became of a write. `there`: something else stands under the key, with this etag; nothing was written."""

    state: Written
    etag: str


class Editing:
    """Changes files of the content."""

    def __init__(self, content: ObjectStore, aside: ObjectStore, versions: Versions) -> None:
        self._content = content
        self._aside = aside
        self._versions = versions

    def read(self, key: str) -> Blob | None:
        """The file as it is now."""
        if upload_problem(key):
            return None
        try:
            return self._content.get(key)
        except NotFound:
            return None

    def write(self, key: str, body: bytes, *, replacing: str | None = None) -> Saved:
        """Writes a file. `replacing`: the etag of what may be replaced; None: nothing.

        Raises Invalid where the path or the size is wrong.
        """
        if problem := upload_problem(key):
            raise Invalid.at(key[:200], 0, f"cannot be stored: {problem}", "rename it", code="path")
        if len(body) > MAX_UPLOAD:
            what = f"has {len(body):,} bytes; the desk takes {MAX_UPLOAD:,}"
            raise Invalid.at(key, 0, what, "put it into the content folder or bucket itself", code="size")
        there = self.read(key)
        if there is not None and there.body == body:
            return Saved(state="unchanged", etag=there.etag)
        if there is not None and there.etag != replacing:
            return Saved(state="there", etag=there.etag)
        if there is not None:
            self.keep(key, there.body)
        put = Put(
            key=key,
            body=body,
            content_type=sniff(body, key).type,
            if_match=there.etag if there else None,
            if_absent=there is None,
        )
        try:
            etag = self._content.put(put)
        except Conflict:
            now = self.read(key)
            return Saved(state="there", etag=now.etag if now else "")
        self.keep(key, body)
        return Saved(state="written", etag=etag)

    def keep(self, key: str, body: bytes) -> None:
        """Keeps the bytes as a version, unless they are too many."""
        if len(body) <= MAX_KEPT:
            self._versions.keep(key, body)

    # --- away and back --------------------------------------------------------------------------------------

    def withdraw(self, key: str) -> None:
        """Moves a file aside. Raises NotFound, Permanent where it is the only file there is."""
        blob = self.read(key)
        if blob is None:
            raise NotFound(f"there is no file {key}")
        if all(stat.key == key for stat in self._content.list()):
            raise Permanent(
                "this is the only file; an empty folder withdraws nothing, so add another file first"
            )
        self.keep(key, blob.body)
        self._aside.put(Put(key=key, body=blob.body, content_type="application/octet-stream"))
        self._content.delete(key)

    def restore(self, key: str) -> None:
        """Moves a withdrawn file back. Raises NotFound; Conflict where another file stands there."""
        if upload_problem(key):
            raise NotFound(f"{key[:200]} was not withdrawn")
        blob = self._aside.get(key)
        kind = sniff(blob.body, key).type
        try:
            self._content.put(Put(key=key, body=blob.body, content_type=kind, if_absent=True))
        except Conflict:
            raise Conflict(f"{key} is there again; withdraw or rename that one first") from None
        self._aside.delete(key)

    def withdrawn(self) -> list[Stat]:
        """The files that were moved aside."""
        return list(self._aside.list())

    # --- versions -------------------------------------------------------------------------------------------

    def versions(self, key: str) -> list[Version]:
        """What is kept of a file, the newest first."""
        return [] if upload_problem(key) else self._versions.list(key)

    def version(self, key: str, identifier: str) -> bytes:
        """The bytes of a version. Raises NotFound."""
        return self._versions.get(key, identifier)

    def go_back(self, key: str, identifier: str) -> Saved:
        """Writes a version as the file's newest one. Raises NotFound."""
        there = self.read(key)
        return self.write(key, self.version(key, identifier), replacing=there.etag if there else None)

    def keep_now(self, keys: Iterable[str]) -> None:
        """Keeps articles as they are now, where that is not kept yet."""
        for key in keys:
            blob = self.read(key) if is_article(key) else None
            if blob is not None:
                self.keep(key, blob.body)

    def catch_up(self) -> None:
        """Keeps every article that was changed since it was last kept."""
        for stat in self._content.list():
            if stat.size > MAX_KEPT or not is_article(stat.key):
                continue
            kept = self._versions.list(stat.key)
            if not kept or kept[0].at < stat.modified:
                self.keep_now([stat.key])

    # --- fields ---------------------------------------------------------------------------------------------

    def schedule(self, key: str, at: datetime | None) -> Saved:
        """Writes `publish_at` into an article, and takes `draft` out; None takes both out. Raises NotFound."""
        blob = self.read(key)
        if blob is None:
            raise NotFound(f"there is no file {key}")
        text = _decoded(key, blob.body)
        text = with_field(text, "draft", None)
        value = at.isoformat(sep=" ", timespec="minutes") if at else None
        return self.write(key, with_field(text, "publish_at", value).encode(), replacing=blob.etag)


def as_draft(text: str, *, draft: bool) -> str:
    """The text of an article with or without `draft: true`."""
    return with_field(text, "draft", "true" if draft else None)


def difference(before: bytes, after: bytes) -> list[tuple[str, str]] | None:
    """Lines that differ, with three around them, each with "+", "-", " " or "@"; None where they are no texts."""
    try:
        old, new = before.decode("utf-8"), after.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if len(old) + len(new) > MAX_DIFF:
        return None
    return list(_marked(old.splitlines(), new.splitlines()))


def _marked(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(unified_diff(old, new, lineterm="")):
        if number >= 2:
            yield line[0], line[1:] if line[0] != "@" else line


def _decoded(key: str, body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid.at(key, 0, "is not UTF-8", "save it as UTF-8", code="encoding") from None
