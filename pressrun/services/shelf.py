"""The articles as an editor sees them: each file with what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pressrun.domain.problems import Problem
from pressrun.errors import NotFound
from pressrun.parsing.keys import is_article, is_left_alone
from pressrun.ports import ObjectStore, Row, Stat, Table
from pressrun.services.catalogue import refusal_of, source_of
from pressrun.services.imprint import is_setting

Standing = Literal["published", "draft", "scheduled", "refused", "uploaded", "withdrawn", "file", "settings"]
STANDINGS: tuple[Standing, ...] = ("published", "scheduled", "draft", "refused", "uploaded", "withdrawn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A file of the content. `uploaded`: it is there, and nobody has looked at it yet.

    `path` is where readers find it, also while a newer version of it is refused ("" where they do not).
    """

    key: str
    standing: Standing
    title: str = ""
    path: str = ""
    due: str = ""
    modified: datetime
    order: str = ""  # the newest article sorts last
    problems: tuple[Problem, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether nothing more is to be waited for."""
        return self.standing != "uploaded"


def pieces(content: ObjectStore, table: Table, aside: ObjectStore) -> list[Piece]:
    """Every article, the newest first, and whatever else is refused. Three listings."""
    sources = {row.sort: row for row in table.query("source")}
    refused = {row.sort: row for row in table.query("refused")}
    stats = [stat for stat in content.list() if _is_shown(stat.key, sources, refused)]
    found = [_piece(stat, sources.get(stat.key), refused.get(stat.key)) for stat in stats]
    found += [
        Piece(
            key=stat.key,
            standing="withdrawn",
            title=stat.key.rpartition("/")[2],
            modified=stat.modified,
        )
        for stat in aside.list()
    ]
    return sorted(found, key=lambda piece: (piece.order or "9", piece.modified), reverse=True)


def pieces_at(content: ObjectStore, table: Table, keys: Iterable[str]) -> list[Piece]:
    """Some files, whatever they are, in the order of `keys`; those that are gone are left out."""
    wanted = list(keys)
    rows = table.get_many([(kind, key) for kind in ("source", "refused") for key in wanted])
    found = []
    for key in wanted:
        try:
            blob = content.head(key)
        except NotFound:
            continue
        stat = Stat(key=key, etag=blob.etag, size=0, modified=blob.modified)
        found.append(_piece(stat, rows.get(("source", key)), rows.get(("refused", key))))
    return found


def _is_shown(key: str, sources: dict[str, Row], refused: dict[str, Row]) -> bool:
    if key in refused:
        return True
    row = sources.get(key)
    return row.item["state"] != "asset" if row else is_article(key) and not is_setting(key)


def _piece(stat: Stat, row: Row | None, refusal: Row | None) -> Piece:
    source = source_of(row) if row else None
    known = refusal_of(refusal) if refusal else None
    title, path = (source.title, source.path if source.live else "") if source else ("", "")
    standing: Standing = "uploaded"
    if is_setting(stat.key):
        standing = "refused" if known else "settings"
    elif is_left_alone(stat.key):
        standing = "draft"
    elif known and known.etag == stat.etag:
        standing = "refused"
    elif source and source.etag == stat.etag and not known:
        standing = "file" if source.state == "asset" else source.state
    return Piece(
        key=stat.key,
        standing=standing,
        title=title or stat.key.rpartition("/")[2],
        path=stat.key if standing == "file" else path if source and source.state != "asset" else "",
        due=source.due if source and standing == "scheduled" else "",
        modified=stat.modified,
        order=source.sort if source else "",
        problems=known.problems if known and standing == "refused" else (),
    )
