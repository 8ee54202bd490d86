"""Messages of our own: files to be published again, collections to be rendered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from pressrun.domain.pictures import may_be_picture
from pressrun.domain.spans import DIRECTORY, SITE
from pressrun.ports import Queue, Table
from pressrun.services.imprint import is_setting

REQUEST = 50  # keys in one message


def ask_for_all(table: Table, queue: Queue) -> None:
    """Asks for everything to be published again, in pieces that several workers can share."""
    keys = [row.sort for row in table.query("source")]
    keys += [row.sort for row in table.query("refused") if not is_setting(row.sort)]
    ask(queue, dict.fromkeys(keys))
    names = [row.sort for row in table.query("collection")] or [SITE, DIRECTORY]
    pieces = [names[start : start + REQUEST] for start in range(0, len(names), REQUEST)]
    queue.send([_request(collections=piece) for piece in pieces])


def ask(queue: Queue, keys: Iterable[str], *, force: bool = False) -> None:
    """Sends keys to be published, as few messages as hold them; a picture is one alone, since it takes seconds."""
    wanted = list(keys)
    others = [key for key in wanted if not may_be_picture(key)]
    pieces = [[key] for key in wanted if may_be_picture(key)]
    pieces += [others[start : start + REQUEST] for start in range(0, len(others), REQUEST)]
    if pieces:
        queue.send([_request(keys=piece, force=force) for piece in pieces])


def _request(*, keys: Sequence[str] = (), collections: Sequence[str] = (), force: bool = False) -> str:
    body = {"pressrun": "publish", "keys": list(keys), "collections": list(collections), "force": force}
    return orjson.dumps(body).decode()
