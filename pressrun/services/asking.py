"""Messages of our own: files to be published again, collections to be rendered, redirects to be made anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from pressrun.domain.pictures import may_be_picture
from pressrun.domain.spans import DIRECTORY, SITE
from pressrun.ports import Queue, Save, Table
from pressrun.services.imprint import is_setting

REQUEST = 50  # keys in one message
_NOTICES = ("site", "notices")


def ask_for_all(table: Table, queue: Queue) -> None:
    """Asks for everything to be published again, in pieces that several workers can share."""
    keys = [row.sort for row in table.query("source")]
    keys += [row.sort for row in table.query("refused") if not is_setting(row.sort)]
    ask(queue, dict.fromkeys(keys))
    names = [row.sort for row in table.query("collection")] or [SITE, DIRECTORY]
    pieces = [names[start : start + REQUEST] for start in range(0, len(names), REQUEST)]
    queue.send([_request(collections=piece) for piece in pieces])


def ask_for_notices(table: Table, queue: Queue, fingerprint: str) -> None:
    """Asks for redirects and tombstones to be made anew, unless they were with the settings and templates in force.

    They belong to no file that would be published again: some have outlived theirs.
    """
    row = table.get(*_NOTICES)
    if row is not None and row.item["theme"] == fingerprint:
        return
    paths = [str(row.item["path"]) for row in table.query("path") if row.item["kind"] != "article"]
    pieces = [paths[start : start + REQUEST] for start in range(0, len(paths), REQUEST)]
    if pieces:
        queue.send([_request(paths=piece) for piece in pieces])
    table.write([Save(partition=_NOTICES[0], sort=_NOTICES[1], item={"theme": fingerprint})])


def ask(queue: Queue, keys: Iterable[str], *, force: bool = False) -> None:
    """Sends keys to be published, as few messages as hold them; a picture is one alone, since it takes seconds."""
    wanted = list(keys)
    others = [key for key in wanted if not may_be_picture(key)]
    pieces = [[key] for key in wanted if may_be_picture(key)]
    pieces += [others[start : start + REQUEST] for start in range(0, len(others), REQUEST)]
    if pieces:
        queue.send([_request(keys=piece, force=force) for piece in pieces])


def _request(
    *,
    keys: Sequence[str] = (),
    collections: Sequence[str] = (),
    paths: Sequence[str] = (),
    force: bool = False,
) -> str:
    asked = {"keys": list(keys), "collections": list(collections), "paths": list(paths)}
    return orjson.dumps({"pressrun": "publish", **asked, "force": force}).decode()
