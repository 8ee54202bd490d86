"""Collections of articles, and the calendar spans that their archives are cut into.

A collection is named `site`, `tags/<slug>`, `authors/<slug>` or `series/<slug>`; its spans are `site/2026` and
`site/2026-11` (the site has years and months), `tags/rust/2026` (tags, authors and series have years). One more,
`directory`, holds what lists the others: the lists of tags, authors and series, the archive's contents, the feeds page,
the sitemap's index.

An archive page depends on its span's articles alone. So an upload touches a handful of spans, however long the
archive is, and the same articles give the same pages in whatever order they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

DIRECTORY = "directory"
SITE = "site"
SERIES = "series"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A year (`month` 0) or a month of a collection."""

    collection: str
    year: int
    month: int = 0

    @property
    def name(self) -> str:
        """What the catalogue knows it by: `site/2026-11`."""
        return f"{self.collection}/{self.label}"

    @property
    def label(self) -> str:
        """`2026` or `2026-11`; sorts by time."""
        return f"{self.year:04}-{self.month:02}" if self.month else f"{self.year:04}"

    @property
    def path(self) -> str:
        """The address of its archive page."""
        base = "archive" if self.collection == SITE else self.collection
        return f"{base}/{self.year:04}/{self.month:02}/" if self.month else f"{base}/{self.year:04}/"

    def bounds(self, zone: ZoneInfo) -> tuple[str, str]:
        """The sort keys `low <= sort < high` of its articles."""
        start = datetime(self.year, self.month or 1, 1, tzinfo=zone)
        following = self.month + 1 if self.month else 13
        end_year, end_month = (self.year + 1, 1) if following > 12 else (self.year, following)
        if end_year > 9999:
            return instant(start), "~"
        return instant(start), instant(datetime(end_year, end_month, 1, tzinfo=zone))


def parse_span(name: str) -> Span | None:
    """The span that a name stands for; None for a whole collection."""
    collection, _, label = name.rpartition("/")
    year, _, month = label.partition("-")
    if collection == SITE and year.isdigit():
        return Span(SITE, int(year), int(month or 0))
    if collection.count("/") == 1 and len(label) == 4 and label.isdigit():
        return Span(collection, int(year))
    return None


def instant(moment: datetime) -> str:
    """A moment as sort keys begin: UTC, to the second, in an order that text comparison keeps."""
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:  # the first or last hours of the calendar
        utc = moment.replace(tzinfo=UTC)
    return utc.replace(tzinfo=None, microsecond=0).isoformat()


def sort_key(date: datetime, article_id: str) -> str:
    """Where an article stands in its collections; ties are broken by its id."""
    return f"{instant(date)}#{article_id}"


def memberships(tags: tuple[str, ...], authors: tuple[str, ...], series: str = "") -> list[str]:
    """The collections that an article belongs to; `tags`, `authors` and `series` are slugs."""
    terms = [*(f"tags/{slug}" for slug in tags), *(f"authors/{slug}" for slug in authors)]
    return [SITE, *terms, *([f"{SERIES}/{series}"] if series else [])]


@lru_cache(maxsize=256)  # asked for several times while an article is published
def spans_of(collections: tuple[str, ...], sort: str, zone: ZoneInfo) -> tuple[str, ...]:
    """The names of the spans in which an article with this sort key stands; the last is its month of the site."""
    moment = datetime.fromisoformat(sort.partition("#")[0]).replace(tzinfo=UTC)
    try:
        local = moment.astimezone(zone)
    except OverflowError:
        local = moment
    names = [Span(collection, local.year).name for collection in collections]
    return (*names, Span(SITE, local.year, local.month).name)
