"""The catalogue: what is published, as rows of the Table. Plain code over the port, the same on every backend.

| partition | sort | what |
|---|---|---|
| `source` | key of the file | what its last reconciliation made of it: state, identity, memberships |
| `refused` | key of the file | why the file as it is now cannot be published |
| `path` | address, folded | who stands there: an article, an alias, or what is left of one (moved, gone) |
| `id` | article id | which source holds it, and until its row says so, which one held it before |
| `in <collection>` | instant#id | the card of a member |
| `parts <series>` | place in it | the card of a part |
| `entry` | article id | its feed fragment |
| `words` | article id | the words of its text, for search |
| `uses <key>` | key of the file | a file that refers to <key> |
| `waits <name>` | key of the file | a refused file that wants <name>: an address, or `id <id>` |
| `due` | instant#key | a file to be published then; a picture whose former variants are to go |
| `collection` | name | revision, the revision rendered, the objects written |
| `spans <collection>` | `2026`, `2026-11` | a span that has an archive page |
| `terms <kind>` | slug | a tag, author or series with at least one article |
| `attempt` | instant#nonce | a batch that has begun and not finished |
| `site` | `publication` | the settings and templates in force |
| `site` | `edge` | the month where the site's feed ends, and the archives begin |
| `site` | `swept` | when every file was last looked at |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pressrun.domain.articles import Card, Image
from pressrun.domain.problems import Problem
from pressrun.domain.spans import SERIES, spans_of
from pressrun.ports import ABSENT, Drop, Item, Row, Save, Table

SourceState = Literal["published", "draft", "scheduled", "asset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What the last reconciliation made of a file. For an asset only the first and the last block count."""

    key: str
    etag: str
    sha: str
    state: SourceState
    theme: str = ""
    version: int = ABSENT

    id: str = ""
    given_id: bool = False
    path: str = ""
    title: str = ""
    first_seen: str = ""  # ISO 8601: the date of an article that states none
    sort: str = ""
    collections: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    card: str = ""  # digests of what was derived from the file
    entry: str = ""
    page: str = ""
    place: str = ""  # in its series
    told: str = ""  # changes with what the other parts of its series show of it
    drawn: str = ""  # what its card was drawn from; "" where it has none
    due: str = ""
    views: int = 0  # imported from another system

    type: str = ""
    width: int = 0
    height: int = 0
    size: int = 0
    duration: int = 0
    mark: str = ""  # of a picture's variants: see domain/pictures.py
    widths: tuple[int, ...] = ()
    plain: str = ""

    @property
    def live(self) -> bool:
        """Whether readers see an article of this file."""
        return self.state == "published"

    @property
    def places(self) -> set[tuple[str, str]]:
        """The rows (partition, sort) that its card stands in."""
        found = {(f"in {name}", self.sort) for name in self.collections}
        parts = {(f"parts {name}", self.place) for name in self.collections if name.startswith(f"{SERIES}/")}
        return found | parts

    def spans(self, zone: ZoneInfo) -> set[str]:
        """The months and years of its collections that it stands in."""
        return set(spans_of(self.collections, self.sort, zone))

    def item(self) -> Item:
        """As stored; empty fields are left out."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name in _SOURCE_FIELDS
            if (value := getattr(self, name))
        }


_SOURCE_FIELDS = tuple(name for name in Source.__dataclass_fields__ if name not in {"key", "version"})
_TUPLES = frozenset({"collections", "aliases", "former", "uses", "widths"})


def source_of(row: Row) -> Source:
    """A `source` row, read."""
    fields: dict[str, Any] = {n: tuple(v) if n in _TUPLES else v for n, v in row.item.items()}  # type: ignore[arg-type]
    return Source(key=row.sort, version=row.version, **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """How far a collection has been rendered. `objects` maps each key to (etag, mark): equal marks,
    equal bytes."""

    name: str
    revision: int = 0
    rendered: int = 0
    theme: str = ""
    objects: dict[str, tuple[str, str]] = field(default_factory=dict)
    version: int = ABSENT

    def save(self) -> Save:
        """The write that replaces the row as it was read."""
        item: Item = {
            "revision": self.revision,
            "rendered": self.rendered,
            "theme": self.theme,
            "objects": {key: list(value) for key, value in self.objects.items()},
        }
        return Save(partition="collection", sort=self.name, item=item, expect=self.version)


def collection_of(name: str, row: Row | None) -> Collection:
    """A `collection` row, read; a fresh one where there is none."""
    if row is None:
        return Collection(name=name)
    item: Any = row.item
    return Collection(
        name=name,
        revision=item["revision"],
        rendered=item["rendered"],
        theme=item["theme"],
        objects={key: (etag, digest) for key, (etag, digest) in item["objects"].items()},
        version=row.version,
    )


def card_item(card: Card) -> Item:
    """A card as stored in its collections."""
    item: Item = {
        "id": card.id,
        "path": card.path,
        "title": card.title,
        "date": card.date.isoformat(),
        "size": card.size,
        "mark": card.mark,
    }
    if card.updated != card.date:
        item["updated"] = card.updated.isoformat()
    if card.authors:
        item["authors"] = list(card.authors)
    if card.tags:
        item["tags"] = list(card.tags)
    if card.series:
        item["series"] = [card.series, card.part]
    if card.summary:
        item["summary"] = card.summary
    if card.language:
        item["language"] = card.language
    if card.image:
        item["image"] = _image_item(card.image)
    return item


def _image_item(image: Image) -> list[Any]:
    known = [image.src, image.alt, image.width, image.height]
    return [*known, image.mark, list(image.widths), image.plain] if image.mark else known


def _image_of(known: list[Any]) -> Image:
    src, alt, width, height, mark, widths, plain = (*known, "", (), "")[:7]
    return Image(src=src, alt=alt, width=width, height=height, mark=mark, widths=tuple(widths), plain=plain)


def card_of(row: Row) -> Card:
    """A member of a collection, read."""
    item: Any = row.item
    date = datetime.fromisoformat(item["date"])
    image = item.get("image")
    series, part = item.get("series", ("", 0))
    return Card(
        id=item["id"],
        path=item["path"],
        title=item["title"],
        date=date,
        updated=datetime.fromisoformat(item["updated"]) if "updated" in item else date,
        authors=tuple(item.get("authors", ())),
        tags=tuple(item.get("tags", ())),
        series=series,
        part=part,
        summary=item.get("summary", ""),
        language=item.get("language", ""),
        image=_image_of(image) if image else None,
        size=item["size"],
        mark=item["mark"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a file as it is now cannot be published."""

    key: str
    etag: str
    problems: tuple[Problem, ...]
    waits: tuple[str, ...] = ()
    told: bool = False

    def item(self) -> Item:
        """As stored."""
        problems: list[Any] = [asdict(problem) for problem in self.problems]
        return {"etag": self.etag, "problems": problems, "waits": list(self.waits)}


def refusal_of(row: Row) -> Refusal:
    """A `refused` row, read."""
    item: Any = row.item
    problems = tuple(Problem(**problem) for problem in item["problems"])
    return Refusal(key=row.sort, etag=item["etag"], problems=problems, waits=tuple(item.get("waits", ())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A batch under way. Whoever finds it long after `begun` does its work again, and then drops it."""

    sort: str
    keys: tuple[str, ...]
    collections: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def save(self) -> Save:
        """The write that announces it."""
        item: Item = {
            "keys": list(self.keys),
            "collections": list(self.collections),
            "paths": list(self.paths),
        }
        return Save(partition="attempt", sort=self.sort, item=item)

    def drop(self) -> Drop:
        """The write that ends it."""
        return Drop(partition="attempt", sort=self.sort)


def attempt_of(row: Row) -> Attempt:
    """An `attempt` row, read."""
    item: Any = row.item
    return Attempt(
        sort=row.sort,
        keys=tuple(item["keys"]),
        collections=tuple(item["collections"]),
        paths=tuple(item["paths"]),
    )


class Catalogue:
    """Reads of the catalogue that several services share."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def sources(self, keys: Iterable[str]) -> dict[str, Source]:
        """The files among `keys` that the catalogue knows."""
        rows = self.table.get_many([("source", key) for key in keys])
        return {sort: source_of(row) for (_, sort), row in rows.items()}

    def all_sources(self) -> Iterable[Source]:
        """Every file that the catalogue knows, by key."""
        return map(source_of, self.table.query("source"))

    def refusals(self) -> list[Refusal]:
        """Every file that is refused as it is now."""
        return [refusal_of(row) for row in self.table.query("refused")]

    def cards(
        self,
        collection: str,
        *,
        low: str | None = None,
        high: str | None = None,
        newest_first: bool = True,
        limit: int | None = None,
    ) -> list[Card]:
        """Members of a collection in order of time, between two sort keys."""
        rows = self.table.query(f"in {collection}", low=low, high=high, descending=newest_first, limit=limit)
        return [card_of(row) for row in rows]

    def collections(self, names: Iterable[str]) -> dict[str, Collection]:
        """The state of each collection, fresh where nothing is stored."""
        wanted = list(names)
        rows = self.table.get_many([("collection", name) for name in wanted])
        return {name: collection_of(name, rows.get(("collection", name))) for name in wanted}


def bumped(state: Collection) -> Collection:
    """The state after one more change to what the collection shows."""
    return replace(state, revision=state.revision + 1)


def in_chunks(changes: Sequence[Save | Drop], size: int) -> Iterable[Sequence[Save | Drop]]:
    """`changes` in pieces of at most `size`."""
    return (changes[start : start + size] for start in range(0, len(changes), size))
