"""What the pages that list articles show. Plain values: services fill them, `rendering.pages` prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from pressrun.domain.articles import Card
from pressrun.domain.publication import Person
from pressrun.domain.slugs import slugify

Kind = Literal["site", "tag", "author", "series"]
FOLDERS: Mapping[Kind, str] = MappingProxyType(
    {"site": "archive", "tag": "tags", "author": "authors", "series": "series"}
)

OPML_PATH = "/feeds.opml"


MORE_FILE = "more.json"  # a tag's newest articles, for pages that name related ones


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Period:
    """A year, or one month of it. `month` counts from 1; 0 stands for the whole year."""

    year: int
    month: int = 0

    @property
    def path(self) -> str:
        """The end of its archive page's address: "2025/", "2025/11/"."""
        return f"{self.year:04d}/{self.month:02d}/" if self.month else f"{self.year:04d}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """Articles that belong together: the whole site, a tag's, an author's, a series. Each has an index and feeds."""

    kind: Kind = "site"
    name: str = ""  # as authors write it; empty for the site
    slug: str = ""

    @classmethod
    def tag(cls, name: str) -> Collection:
        """The tag that is spelled so."""
        return cls(kind="tag", name=name, slug=slugify(name))

    @classmethod
    def author(cls, name: str) -> Collection:
        """The author who is spelled so."""
        return cls(kind="author", name=name, slug=slugify(name))

    @classmethod
    def series(cls, name: str) -> Collection:
        """The series that is spelled so."""
        return cls(kind="series", name=name, slug=slugify(name))

    @property
    def path(self) -> str:
        """The address of its index below the site's root: "/", "/tags/bees/", "/authors/ada/"."""
        return "/" if self.kind == "site" else f"/{FOLDERS[self.kind]}/{self.slug}/"

    def archive(self, period: Period) -> str:
        """The address of a year or month of it: "/archive/2025/", "/tags/bees/2025/"."""
        return f"{'/archive/' if self.kind == 'site' else self.path}{period.path}"


SITE = Collection()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The index of a collection: its newest articles, and where the next older ones are filed."""

    of: Collection = SITE
    cards: Sequence[Card] = ()  # newest first
    older: Period | None = None  # the archive page with the newest article that is not shown here
    person: Person | None = None  # the author, where the publication's settings describe one


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series as a part of it shows it: those that stand near it. Of a long one, some figures are not known."""

    of: Collection
    parts: Sequence[Card]  # in their order
    at: int  # which of `parts` shows it
    number: int = 0  # of that part, from 1; 0: not known
    total: int = 0  # of all parts; 0: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveYear:
    """A year, its months newest first. Where it is `small` its own page shows every article, and its
    months are places on that page (`/archive/2025/#m11`); else each month has a page."""

    year: int
    months: Sequence[int] = ()
    small: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveListing:
    """A page of an archive: all articles of a month or of a small year, or the months of a large year."""

    period: Period
    of: Collection = SITE
    cards: Sequence[Card] = ()  # newest first; empty where `months` are listed instead
    months: Sequence[int] = ()  # newest first; only for a large year
    newer: Period | None = None
    older: Period | None = None
