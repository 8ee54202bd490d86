"""Series: what the page of a part shows of the others, and whose pages change with it.

A page lists the parts that stand `REACH` before and after its own, as the catalogue has them when it is rendered.
Whoever changes what others show of a part (its title, address, place, or that it is there) asks, after its own rows
are written, for those within reach to be published again; and for the part itself, where others have written rows
meanwhile (`services/waking.py`). Whatever changed a page's list last was within its reach when it was looked for, so
no list stays behind, and an edit costs at most four times `REACH` pages however long the series is; most cost none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from pressrun.domain.articles import Article, Card
from pressrun.domain.listings import Collection, Series
from pressrun.domain.slugs import slugify
from pressrun.domain.spans import SERIES, sort_key
from pressrun.ports import Row, Table
from pressrun.services.catalogue import Source, card_of
from pressrun.services.plan import digest

REACH = 24  # so a series of up to 25 parts is listed whole
Spot = tuple[str, str]  # a series and a place in it


def series_around(table: Table, article: Article, beside: Sequence[Article] = ()) -> Series | None:
    """The series that an article is about to be a part of, with the article as it will be, and those `beside` it."""
    if not article.series:
        return None
    of = Collection.series(article.series)
    own = _card(article)
    coming = {one.id: _card(one) for one in (*beside, article)}
    parts = [card for card in coming.values() if card.series and slugify(card.series) == of.slug]
    name, place = f"{SERIES}/{of.slug}", place_of(own)

    def nearest(rows: Iterable[Row], among: Iterable[Card], *, back: bool) -> list[Card]:
        there = [card_of(row) for row in rows if row.item["id"] not in coming]
        return sorted([*there, *among], key=place_of, reverse=back)[: REACH + 1]

    room = REACH + 1 + len(coming)
    before = table.query(f"parts {name}", high=place, descending=True, limit=room)
    ahead = nearest(before, [part for part in parts if place_of(part) < place], back=True)
    after = table.query(f"parts {name}", low=place, limit=room)
    behind = nearest(after, [part for part in parts if place_of(part) > place], back=False)
    number = len(ahead) + 1 if len(ahead) <= REACH else 0
    total = number + len(behind) if number and len(behind) <= REACH else 0
    ahead, behind = ahead[:REACH], behind[:REACH]
    return Series(of=of, parts=[*ahead[::-1], own, *behind], at=len(ahead), number=number, total=total)


def looks_alike(one: Series | None, two: Series | None) -> bool:
    """Whether a part's page shows the same of its series."""
    return _as_shown(one) == _as_shown(two)


def _as_shown(series: Series | None) -> object:
    if series is None:
        return None
    shown = [(part.id, part.title, part.path, part.language) for part in series.parts]
    return series.of, series.at, series.number, series.total, shown


def place_of(card: Card) -> str:
    """Where a part stands in its series: those that have a number by it, and then the rest by date."""
    return f"{card.part or 99_999:05}#{sort_key(card.date, card.id)}"


def told(card: Card) -> str:
    """Changes with what the other parts' pages show of this one; "" where it is no part."""
    return digest(orjson.dumps([card.title, card.path, card.language])) if card.series else ""


def stirred(old: Source | None, new: Source, *, suspect: bool) -> set[Spot]:
    """The spots that parts show something else at, where an article is published."""
    before = (spots_of(old), old.told) if old and old.live else (set(), "")
    now = (spots_of(new), new.told)
    return before[0] | now[0] if before != now or suspect else set()


def spots_of(source: Source) -> set[Spot]:
    """Where an article stands in its series."""
    return {(name, source.place) for name in series_among(source.collections)}


def series_among(collections: Iterable[str]) -> set[str]:
    """The series among collections; not their years."""
    return {name for name in collections if name.startswith(f"{SERIES}/") and name.count("/") == 1}


def files_around(table: Table, spots: Iterable[Spot]) -> set[str]:
    """The files whose pages show what stands at these spots."""
    ids: set[str] = set()
    for name, place in sorted(spots):
        near = [*table.query(f"parts {name}", high=place, descending=True, limit=REACH + 1)]
        near += table.query(f"parts {name}", low=place, limit=REACH + 2)
        ids |= {str(row.item["id"]) for row in near}
    return _files(table, ids)


def files_of(table: Table, collections: Iterable[str]) -> set[str]:
    """The files of every part of the series among these collections."""
    names = series_among(collections)
    return _files(table, {str(row.item["id"]) for name in names for row in table.query(f"parts {name}")})


def _files(table: Table, ids: set[str]) -> set[str]:
    rows = table.get_many([("id", one) for one in sorted(ids)]) if ids else {}
    return {str(row.item["source"]) for row in rows.values()}


def _card(article: Article) -> Card:
    """As much of a card as parts show of each other."""
    return Card(
        id=article.id,
        path=article.path,
        title=article.title,
        date=article.date,
        updated=article.updated,
        series=article.series,
        part=article.part,
        language=article.language,
    )
