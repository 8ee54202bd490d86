"""What a collection consists of: its index page and feeds, its archive, or the directory of all collections."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import TypeVar

from pressrun.domain.articles import Card
from pressrun.domain.caching import PAGE_CACHE
from pressrun.domain.feeds import (
    FORMATS,
    Feed,
    Fragment,
    Sized,
    archive_holding,
    archive_name,
    archive_parts,
    archive_plan,
    head_entries,
)
from pressrun.domain.listings import (
    FOLDERS,
    MORE_FILE,
    ArchiveListing,
    ArchiveYear,
    Kind,
    Listing,
    Period,
)
from pressrun.domain.listings import Collection as Listed
from pressrun.domain.slugs import slugify
from pressrun.domain.spans import DIRECTORY, SERIES, SITE, Span, parse_span
from pressrun.domain.urls import href
from pressrun.errors import Transient
from pressrun.ports import Drop, Item, Row, Save, Table
from pressrun.rendering import directory, pages, search
from pressrun.rendering.feeds import RENDERERS
from pressrun.rendering.sitemap import MEDIA_TYPE as SITEMAP_TYPE
from pressrun.rendering.sitemap import render_sitemap
from pressrun.rendering.theme import Theme
from pressrun.services.catalogue import Catalogue
from pressrun.services.entries import feed_for, person_called
from pressrun.services.imprint import Imprint
from pressrun.services.plan import digest, zone_of
from pressrun.services.series import place_of

INDEX_CARDS = 40  # on the page of a tag or an author; older ones are in its years
INDEX_PARTS = 200  # on the page of a series: its newest
RELATED = 24  # articles of a tag that others with it may name as related
SMALL_YEAR = 100  # articles that a year's own page shows; a larger year has a page for each month
L = TypeVar("L", Listing, ArchiveListing)
HTML = "text/html; charset=utf-8"
EDGE = ("site", "edge")  # the month where the site's feed ended when it was last rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An object to be. Equal marks mean equal bytes, so that what is stored already need not be rendered."""

    mark: str
    body: Callable[[], bytes]
    content_type: str
    cache_control: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """A collection's objects by key, and the catalogue rows that say it exists.

    `follow` names the collections that show something which has changed here.
    """

    objects: dict[str, Made] = field(default_factory=dict)
    rows: Sequence[Save | Drop] = ()
    follow: frozenset[str] = frozenset()


class Renditions:
    """Reads the catalogue once for a number of collections; make a new one to see later changes."""

    def __init__(self, table: Table, imprint: Imprint) -> None:
        self._table = table
        self._catalogue = Catalogue(table)
        self._theme = imprint.theme
        self._publication = imprint.publication
        self._settings = imprint.publication.feed
        self._zone = zone_of(imprint.publication)
        self._newest: dict[str, list[Card]] = {}
        self._spans: dict[str, list[Card]] = {}

    def of(self, name: str) -> Rendition:
        """The collection as it is to be now; without objects where it has no articles."""
        if name == DIRECTORY:
            return self._directory()
        span = parse_span(name)
        if span is None:
            return self._site() if name == SITE else self._term(name)
        if span.month:
            return self._month(span)
        return self._site_year(span) if span.collection == SITE else self._term_year(span)

    def overflow(self) -> set[str]:
        """Months that have to write archive documents, or to take some back, because of what the site's feed shows.

        They are rendered before the feed that leads to them. Only months between the one where the feed ended when
        it was last rendered and the one where it ends now can be wrong.
        """
        edge, partly = self._edge()
        row = self._table.get(*EDGE)
        since = str(row.item["month"]) if row else ""
        wrong = set()
        for span in self._table.query(f"spans {SITE}", low=min(edge, since)):
            if "-" not in span.sort:
                continue
            wanted = span.item["parts"] if span.sort < edge else partly if span.sort == edge else 0
            if span.item["written"] != wanted:
                wrong.add(f"{SITE}/{span.sort}")
        return wrong

    def _edge(self) -> tuple[str, int]:
        """The month of the newest article that the site's feed has no room for, and how many parts of it that fills.

        Where there is none, the month of its oldest article, and 0.
        """
        cards, count = self._subscribed()
        if len(cards) == count:
            return (self._month_of(cards[-1]).label, 0) if cards else ("", 0)
        month = self._month_of(cards[count])
        parts = archive_parts(_sized(self._cards_in(month)), self._settings)
        for number, ids in enumerate(parts, start=1):
            if cards[count].id in ids:
                return month.label, number
        raise Transient(f"{cards[count].id} left {month.label} while that was read")

    # --- the site, tags and authors -----------------------------------------------------------------------

    def _site(self) -> Rendition:
        cards, count = self._subscribed()
        shown = self._publication.home_articles
        older = self._period(SITE, cards[shown]) if len(cards) > shown else None
        listing = Listing(cards=cards[:shown], older=older)
        feed = feed_for(Listed(), self._publication)
        if len(cards) > count:
            rest = cards[count]
            month = self._month_of(rest)
            try:
                holder = archive_holding(rest.id, month.label, _sized(self._cards_in(month)), self._settings)
            except KeyError as error:
                raise Transient(f"{rest.id} left {month.label} while that was read") from error
            feed = replace(feed, older=f"{self._publication.url}/{holder}")
        home = self._page(pages.index_page, listing)
        edge: Item = {"month": self._edge()[0]}
        row = self._table.get(*EDGE)
        return Rendition(
            objects={"index.html": home, **self._feeds("", feed, cards[:count])},
            rows=[Save(partition=EDGE[0], sort=EDGE[1], item=edge)]
            if row is None or row.item != edge
            else [],
        )

    def _subscribed(self) -> tuple[list[Card], int]:
        """The site's newest cards, and how many of them its feeds hold."""
        cards = self._head(SITE)
        sizes = [card.size for card in cards[: self._settings.entries]]
        return cards, head_entries(sizes, self._settings)

    def _term(self, name: str) -> Rendition:
        kind, _, slug = name.partition("/")
        cards = self._head(name)
        row = self._table.get(f"terms {kind}", slug)
        years = [int(found.sort) for found in self._table.query(f"spans {name}")]
        if not cards:
            drops = [Drop(partition=f"terms {kind}", sort=slug)] if row else []
            listed = [DIRECTORY] if row else []
            return Rendition(rows=drops, follow=frozenset([*listed, *(f"{name}/{year}" for year in years)]))
        of = _listed(kind, slug, cards[0])
        room = _room(name)
        older = Period(year=self._local(cards[room]).year) if len(cards) > room else None
        person = person_called(slug, self._publication) if kind == "authors" else None
        shown = sorted(cards[:room], key=place_of) if kind == SERIES else cards[:room]
        listing = Listing(of=of, cards=shown, older=older, person=person)
        count = head_entries([card.size for card in cards[: self._settings.entries]], self._settings)
        # A year has its own page where some article of it is not on this one.
        cutoff = older.year if older else 0
        follow = {f"{name}/{year}" for year in years if year > cutoff}
        if older and older.year not in years:
            follow.add(f"{name}/{older.year}")
        title: Item = {"title": of.name}
        if row is None or row.item != title:
            follow.add(DIRECTORY)
        more = {}
        if kind == "tags":
            related = search.render_more(self._theme, cards[:RELATED])
            more = {f"{name}/{MORE_FILE}": _made(related, search.MEDIA_TYPE, PAGE_CACHE)}
        return Rendition(
            objects={
                **more,
                f"{name}/index.html": self._page(pages.index_page, listing),
                **self._feeds(f"{name}/", feed_for(of, self._publication, person), cards[:count]),
            },
            rows=[Save(partition=f"terms {kind}", sort=slug, item=title)] if DIRECTORY in follow else [],
            follow=frozenset(follow),
        )

    def _feeds(self, folder: str, feed: Feed, cards: Sequence[Card]) -> dict[str, Made]:
        """A feed document in every format; rendered only where an entry or something about the feed has changed."""
        if cards:
            feed = replace(feed, updated=max(card.updated for card in cards))
        told = [self._theme.fingerprint, repr(feed), *(f"{card.id} {card.mark}" for card in cards)]
        mark = digest("\n".join(told).encode())
        cached = f"public, max-age={self._settings.ttl_minutes * 60}"

        @cache
        def fragments() -> list[Fragment]:
            return self._fragments(cards)

        def body(form: str) -> Callable[[], bytes]:
            return lambda: RENDERERS[form].render(feed, fragments())  # type: ignore[index]

        return {
            f"{folder}{RENDERERS[form].file}": Made(
                mark=mark,
                body=body(form),
                content_type=f"{RENDERERS[form].media_type}; charset=utf-8",
                cache_control=cached,
            )
            for form in FORMATS
        }

    def _fragments(self, cards: Sequence[Card]) -> list[Fragment]:
        """The cards' fragments, in their order; a card whose entry is just being withdrawn has none."""
        rows = self._table.get_many([("entry", card.id) for card in cards])
        found = [rows.get(("entry", card.id)) for card in cards]
        return [Fragment.from_item(row.item) for row in found if row is not None]  # type: ignore[arg-type]

    def _page(self, render: Callable[[Theme, L], bytes], listing: L) -> Made:
        """A page of cards; rendered only where something that it shows has changed."""
        told = f"{self._theme.fingerprint} {render.__name__} {listing!r}"
        return Made(
            mark=digest(told.encode()),
            body=lambda: render(self._theme, listing),
            content_type=HTML,
            cache_control=PAGE_CACHE,
        )

    # --- archives -----------------------------------------------------------------------------------------

    def _term_year(self, span: Span) -> Rendition:
        kind, _, slug = span.collection.partition("/")
        cards = self._cards_in(span)
        rest = self._head(span.collection)[_room(span.collection) :]
        cutoff = self._local(rest[0]).year if rest else 0
        partition = f"spans {span.collection}"
        row = self._table.get(partition, span.label)
        newer, older = self._neighbours(span)
        beside = frozenset(f"{span.collection}/{period.year}" for period in (newer, older) if period)
        if not cards or span.year > cutoff:
            drops = [Drop(partition=partition, sort=span.label)] if row else []
            return Rendition(rows=drops, follow=beside if row else frozenset())
        listing = ArchiveListing(
            of=_listed(kind, slug, cards[-1]),
            period=Period(year=span.year),
            cards=cards[::-1],
            newer=newer if newer and newer.year <= cutoff else None,
            older=older,
        )
        return Rendition(
            objects={f"{span.path}index.html": self._page(pages.archive_page, listing)},
            rows=[] if row else [Save(partition=partition, sort=span.label, item={})],
            follow=frozenset() if row else beside,
        )

    def _site_year(self, span: Span) -> Rendition:
        low, high = span.bounds(self._zone)
        cards = self._catalogue.cards(SITE, low=low, high=high, limit=SMALL_YEAR + 1)
        small: Item = {"small": len(cards) <= SMALL_YEAR}
        partition = f"spans {SITE}"
        row = self._table.get(partition, span.label)
        newer, older = self._neighbours(span)
        months = [
            found.sort for found in self._table.query(partition, low=f"{span.label}-", high=f"{span.label}.")
        ]
        shown_by = {SITE, DIRECTORY, *(_span_of(period) for period in (newer, older) if period)}
        if not cards:
            drops = [Drop(partition=partition, sort=span.label)] if row else []
            return Rendition(rows=drops, follow=frozenset(shown_by if row else ()))
        listing = ArchiveListing(
            period=Period(year=span.year),
            cards=cards if small["small"] else (),
            months=() if small["small"] else [int(label[-2:]) for label in reversed(months)],
            newer=newer,
            older=older,
        )
        changed = row is None or row.item != small
        return Rendition(
            objects={f"{span.path}index.html": self._page(pages.archive_page, listing)},
            rows=[Save(partition=partition, sort=span.label, item=small)] if changed else [],
            follow=frozenset(shown_by | {f"{SITE}/{label}" for label in months} if changed else ()),
        )

    def _month(self, span: Span) -> Rendition:
        cards = self._cards_in(span)
        partition = f"spans {SITE}"
        row = self._table.get(partition, span.label)
        low, high = span.bounds(self._zone)
        before = self._catalogue.cards(SITE, high=low, limit=1)
        after = self._catalogue.cards(SITE, low=high, newest_first=False, limit=1)
        beside = {self._month_of(card).name for card in (*before, *after)}
        year = Span(SITE, span.year).name
        if not cards:
            drops = [Drop(partition=partition, sort=span.label)] if row else []
            return Rendition(rows=drops, follow=frozenset(beside | {SITE, DIRECTORY, year} if row else ()))
        objects, written = self._archive_feeds(span, cards, before)
        sitemap = render_sitemap((self._publication.url + href(card.path), card.updated) for card in cards)
        objects[f"sitemap-{span.label}.xml"] = _made(sitemap, SITEMAP_TYPE, PAGE_CACHE)
        titles = search.render_titles(self._theme, cards)
        objects[f"search/{span.label}.json"] = _made(titles, search.MEDIA_TYPE, PAGE_CACHE)
        objects[f"search/{span.label}.text.json"] = self._texts(cards)
        if not self._small(span.year):
            newer, older = self._neighbours(span)
            period = Period(year=span.year, month=span.month)
            listing = ArchiveListing(period=period, cards=cards[::-1], newer=newer, older=older)
            objects[f"{span.path}index.html"] = self._page(pages.archive_page, listing)
        item: Item = {"parts": len(archive_parts(_sized(cards), self._settings)), "written": written}
        follow: set[str] = set()
        if row is None or row.item["parts"] != item["parts"]:
            follow = beside | {SITE} | ({DIRECTORY, year} if row is None else set())
        return Rendition(
            objects=objects,
            rows=[Save(partition=partition, sort=span.label, item=item)]
            if row is None or row.item != item
            else [],
            follow=frozenset(follow),
        )

    def _texts(self, cards: Sequence[Card]) -> Made:
        """What the month's articles are found by; their words are read only where an article has changed."""
        told = "\n".join(
            [
                self._theme.fingerprint,
                *(f"{card.id} {card.mark} {card.language} {card.summary!r}" for card in cards),
            ]
        )

        def body() -> bytes:
            rows = self._table.get_many([("words", card.id) for card in cards])
            return search.render_texts(
                self._theme, cards, {sort: str(row.item["text"]) for (_, sort), row in rows.items()}
            )

        return Made(
            mark=digest(told.encode()), body=body, content_type=search.MEDIA_TYPE, cache_control=PAGE_CACHE
        )

    def _archive_feeds(
        self, span: Span, cards: list[Card], before: list[Card]
    ) -> tuple[dict[str, Made], int]:
        """The month's archive documents (RFC 5005, section 4), and of how many parts they are."""
        url = self._publication.url
        head, count = self._subscribed()
        older = ""
        if before:
            month = self._month_of(before[0])
            older = archive_name(
                month.label, len(archive_parts(_sized(self._cards_in(month)), self._settings)) - 1
            )
        plan = archive_plan(
            span.label, _sized(cards), self._settings, shown={card.id for card in head[:count]}, older=older
        )
        by_id = {card.id: card for card in cards}
        objects: dict[str, Made] = {}
        for archive in plan:
            feed = replace(
                feed_for(Listed(), self._publication),
                place=f"{url}/{archive.name}",
                older=f"{url}/{archive.older}" if archive.older else "",
                current=f"{url}/",
            )
            objects |= self._feeds(
                archive.name, feed, [by_id[entry_id] for entry_id in reversed(archive.ids)]
            )
        return objects, len(plan)

    # --- the directory ------------------------------------------------------------------------------------

    def _directory(self) -> Rendition:
        rows = list(self._table.query(f"spans {SITE}"))
        months = [row.sort for row in rows if "-" in row.sort]
        years = [
            ArchiveYear(
                year=int(row.sort),
                months=[int(label[5:]) for label in months[::-1] if label.startswith(f"{row.sort}-")],
                small=bool(row.item["small"]),
            )
            for row in reversed(rows)
            if "-" not in row.sort
        ]
        tags = [_term("tag", row) for row in self._table.query("terms tags")]
        authors = [_term("author", row) for row in self._table.query("terms authors")]
        series = [_term("series", row) for row in self._table.query("terms series")]
        feeds = [
            ("", [feed_for(Listed(), self._publication)]),
            (self._theme.words.text("nav.tags"), [feed_for(term, self._publication) for term in tags]),
            (
                self._theme.words.text("nav.authors"),
                [feed_for(term, self._publication) for term in authors],
            ),
            (self._theme.words.text("nav.series"), [feed_for(term, self._publication) for term in series]),
        ]
        own = self._catalogue.sources(["robots.txt", "favicon.svg"])
        rendered = directory.render(
            self._theme, years=years, months=months, tags=tags, authors=authors, series=series, feeds=feeds
        )
        return Rendition(
            objects={key: _made(body, kind, cached) for key, body, kind, cached in rendered if key not in own}
        )

    # --- time ---------------------------------------------------------------------------------------------

    def _head(self, collection: str) -> list[Card]:
        """The newest cards: as many as any page or feed of a collection shows, and one more."""
        found = self._newest.get(collection)
        if found is None:
            limit = 1 + max(_room(collection), self._publication.home_articles, self._settings.entries)
            found = self._newest[collection] = self._catalogue.cards(collection, limit=limit)
        return found

    def _cards_in(self, span: Span) -> list[Card]:
        """The cards of a span, oldest first."""
        found = self._spans.get(span.name)
        if found is None:
            low, high = span.bounds(self._zone)
            found = self._catalogue.cards(span.collection, low=low, high=high, newest_first=False)
            self._spans[span.name] = found
        return found

    def _local(self, card: Card) -> datetime:
        try:
            return card.date.astimezone(self._zone)
        except OverflowError:
            return card.date.replace(tzinfo=UTC)

    def _month_of(self, card: Card) -> Span:
        local = self._local(card)
        return Span(SITE, local.year, local.month)

    def _small(self, year: int) -> bool:
        low, high = Span(SITE, year).bounds(self._zone)
        return (
            len(list(self._table.query(f"in {SITE}", low=low, high=high, limit=SMALL_YEAR + 1))) <= SMALL_YEAR
        )

    def _period(self, collection: str, card: Card) -> Period:
        """The archive page that shows this card."""
        local = self._local(card)
        if collection == SITE and not self._small(local.year):
            return Period(year=local.year, month=local.month)
        return Period(year=local.year)

    def _neighbours(self, span: Span) -> tuple[Period | None, Period | None]:
        """The archive pages that hold the next newer and the next older article."""
        low, high = span.bounds(self._zone)
        newer = self._catalogue.cards(span.collection, low=high, newest_first=False, limit=1)
        older = self._catalogue.cards(span.collection, high=low, limit=1)
        found = [self._period(span.collection, cards[0]) if cards else None for cards in (newer, older)]
        return found[0], found[1]


def _made(body: bytes, content_type: str, cache_control: str) -> Made:
    return Made(mark=digest(body), body=lambda: body, content_type=content_type, cache_control=cache_control)


def _sized(cards: Sequence[Card]) -> list[Sized]:
    return [Sized(card.id, card.size) for card in cards]


def _span_of(period: Period) -> str:
    return f"{SITE}/{period.path.rstrip('/').replace('/', '-')}"


def _listed(kind: str, slug: str, card: Card) -> Listed:
    """A tag, author or series, spelled as the newest article spells it."""
    names = {"tags": card.tags, "authors": card.authors, "series": (card.series,)}[kind]
    name = next((name for name in names if slugify(name) == slug), slug)
    return Listed(kind=_KINDS[kind], name=name, slug=slug)


def _term(kind: Kind, row: Row) -> Listed:
    return Listed(kind=kind, name=str(row.item["title"]), slug=row.sort)


def _room(collection: str) -> int:
    """How many articles the index of a collection shows."""
    return INDEX_PARTS if collection.startswith(f"{SERIES}/") else INDEX_CARDS


_KINDS: Mapping[str, Kind] = {folder: kind for kind, folder in FOLDERS.items()}
