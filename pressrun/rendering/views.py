"""Values of the domain as templates print them: with addresses of this site, in the publication's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from html import unescape
from re import compile as pattern
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote

from markupsafe import escape

from pressrun.domain.articles import Card, Enclosure, Image
from pressrun.domain.listings import Collection, Period, Series
from pressrun.domain.markup import SITE, on_page
from pressrun.domain.pictures import LEAD, sizes_for, srcset
from pressrun.domain.publication import NavLink

if TYPE_CHECKING:
    from pressrun.rendering.theme import Link, Theme

# Free ones whose source is open and that follow nobody, by the word for where they run.
FEED_READERS = MappingProxyType(
    {
        "feeds.on_phone": (
            NavLink(title="NetNewsWire (iOS)", url="https://netnewswire.com/"),
            NavLink(title="Feeder (Android)", url="https://github.com/spacecowboy/Feeder"),
        ),
        "feeds.on_computer": (
            NavLink(title="Thunderbird", url="https://www.thunderbird.net/"),
            NavLink(title="NetNewsWire (Mac)", url="https://netnewswire.com/"),
        ),
        "feeds.on_server": (
            NavLink(title="FreshRSS", url="https://freshrss.org/"),
            NavLink(title="Miniflux", url="https://miniflux.app/"),
        ),
    }
)
_TAG = pattern(r"<[^>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A card as lists print it."""

    url: str
    title: str
    date: datetime
    authors: Sequence[str]
    tag: Link | None
    summary: str
    language: str  # where it is not the publication's
    direction: str
    image: Picture | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image of the site as templates print it. `srcset` has its WebP variants; empty: none."""

    src: str
    alt: str
    width: int
    height: int
    srcset: str = ""
    sizes: str = ""  # where it stands above an article


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A series on the page of one of its parts. Of a long one `number`, `total` and `first` may be 0: not known."""

    name: str
    url: str
    parts: Sequence[Entry]
    at: int  # which of them shows it, from 0
    number: int  # of that one, from 1
    total: int
    first: int  # the number of the first of `parts`
    previous: Entry | None
    next: Entry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """An enclosure as its player prints it."""

    src: str
    video: bool
    duration: str
    size: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Articles under the heading of their month; without one on the month's own page."""

    id: str
    title: str
    cards: Sequence[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A link to a month."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """A year of the archive's contents."""

    title: str
    url: str
    months: Sequence[Month]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedAddress:
    """A feed as the feeds page names it; `absolute` is what a reader is given."""

    name: str
    type: str
    url: str
    absolute: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What an article is handed on by: its absolute address, a mail that holds it, and Mastodon's own page.

    `mastodon` asks the reader for their server. What is handed on stands behind the #, which no server is told.
    """

    url: str
    title: str
    mail: str
    mastodon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFeeds:
    """A tag or an author, and its feeds."""

    name: str
    feeds: Sequence[FeedAddress]


def entry(theme: Theme, card: Card) -> Entry:
    """A card. Its image is an ornament beside the title, so it has no text of its own."""
    language = theme.foreign(card.language)
    picture = pictured(theme, card.image)
    return Entry(
        url=theme.href(f"/{card.path}"),
        title=card.title,
        date=card.date,
        authors=card.authors,
        tag=theme.tag(card.tags[0]) if card.tags else None,
        summary=card.summary,
        language=language,
        direction=theme.direction(language),
        image=replace(picture, alt="") if picture else None,
    )


def series(theme: Theme, found: Series) -> Parts:
    """A series on the page of one of its parts."""
    at, parts = found.at, [entry(theme, card) for card in found.parts]
    return Parts(
        name=found.of.name,
        url=theme.href(found.of.path),
        parts=parts,
        at=at,
        number=found.number,
        total=found.total,
        first=found.number - at if found.number else 0,
        previous=parts[at - 1] if at > 0 else None,
        next=parts[at + 1] if at < len(parts) - 1 else None,
    )


def groups(theme: Theme, period: Period, cards: Sequence[Card]) -> list[Group]:
    """The cards by month, in their order."""
    months: dict[int, list[Entry]] = {}
    for card in cards:
        months.setdefault(0 if period.month else theme.local(card.date).month, []).append(entry(theme, card))
    return [
        Group(
            id=f"m{month:02}" if month else "",
            title=theme.day(date(period.year, month, 1), "month name") if month else "",
            cards=entries,
        )
        for month, entries in months.items()
    ]


def month(theme: Theme, of: Collection, year: int, number: int, *, small: bool) -> Month:
    """A link to a month: a place on the page of a small year, else a page."""
    place = f"{of.archive(Period(year=year))}#m{number:02}"
    page = of.archive(Period(year=year, month=number))
    name = theme.day(date(year, number, 1), "month name")
    return Month(title=name, url=place if small else page)


def period_title(theme: Theme, period: Period) -> str:
    """ "2025" or "November 2025"."""
    if period.month:
        return theme.day(date(period.year, period.month, 1), "month")
    return str(period.year)


def period_link(theme: Theme, of: Collection, period: Period | None) -> NavLink | None:
    """A link to a page of the archive."""
    return NavLink(title=period_title(theme, period), url=of.archive(period)) if period else None


def feed_addresses(theme: Theme, of: Collection) -> list[FeedAddress]:
    """The feeds of a collection, RSS first."""
    return [
        FeedAddress(name=feed.name, type=feed.type, url=feed.url, absolute=theme.origin + feed.url)
        for feed in theme.feeds(of)
    ]


def collection_feeds(theme: Theme, of: Collection) -> CollectionFeeds:
    """A tag or an author, and its feeds."""
    return CollectionFeeds(name=of.name, feeds=feed_addresses(theme, of))


def address(theme: Theme, marked: str) -> str:
    """Where an image or a recording is; nothing where that is neither on this site nor http(s)."""
    return on_page(marked, theme.base) if marked.startswith((SITE, "https://", "http://")) else ""


def pictured(theme: Theme, image: Image | None) -> Picture | None:
    """An image; None where there is none that can be shown."""
    src = address(theme, image.src) if image else ""
    if image is None or not src:
        return None
    return Picture(
        src=src,
        alt=image.alt,
        width=image.width,
        height=image.height,
        srcset=srcset(image, lambda url: on_page(url, theme.base)),
        sizes=sizes_for(image, LEAD),
    )


def lead(theme: Theme, image: Image | None, html: str) -> Picture | None:
    """The article's image, unless its text shows it."""
    picture = pictured(theme, image)
    return None if picture is None or str(escape(picture.src)) in html else picture


def media(theme: Theme, enclosure: Enclosure | None) -> Media | None:
    """The player, where there is something to play."""
    src = address(theme, enclosure.src) if enclosure else ""
    if enclosure is None or not src:
        return None
    minutes, seconds = divmod(enclosure.duration, 60)
    hours, minutes = divmod(minutes, 60)
    duration = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return Media(
        src=src,
        video=enclosure.type.startswith("video/"),
        duration=duration if enclosure.duration else "",
        size=theme.words.size(enclosure.length) if enclosure.length else "",
    )


def share(title: str, url: str) -> Share:
    """Ways to hand a page on: RFC 6068 for the mail, https://blog.joinmastodon.org/2026/03/a-new-share-button."""
    return Share(
        url=url,
        title=title,
        mail=f"mailto:?subject={quote(title, safe='')}&body={quote(url, safe='')}",
        mastodon=f"https://share.joinmastodon.org/#text={quote(f'{title} {url}', safe='')}",
    )


def standfirst(summary: str, html: str) -> str:
    """The summary, unless it was cut from the text that follows: nobody wants to read it twice."""
    start = summary[:60].rstrip("….")
    if start in html[:2000]:
        return ""
    wanted = "".join(start.split())
    for room in (400, 2000):  # nearly always the first few words tell
        opening = "".join(unescape(_TAG.sub("", html[:room])).split())
        if opening.startswith(wanted):
            return ""
    return summary
