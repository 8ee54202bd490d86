"""Renders what lists articles: indexes, feeds, archives, and the directory of all of them.

Each collection has a revision, bumped after the rows that it shows are written and read before they are queried.
Every object carries the revision that it was rendered from, and its write is conditional on the object that was
there: a write with an older revision is refused. What would be written unchanged is not written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pressrun.domain.articles import Card
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
from pressrun.domain.listings import ArchiveListing, Listing, MonthCount, Period, TermCount, YearCount
from pressrun.domain.listings import Collection as Listed
from pressrun.domain.spans import DIRECTORY, SITE, Span, parse_span
from pressrun.domain.urls import href
from pressrun.errors import Conflict, NotFound, Transient
from pressrun.ports import MAX_WRITE, Blob, Drop, ObjectStore, Put, Row, Save, Table
from pressrun.rendering import directory, pages
from pressrun.rendering.feeds import RENDERERS
from pressrun.rendering.sitemap import MEDIA_TYPE as SITEMAP_TYPE
from pressrun.rendering.sitemap import render_sitemap
from pressrun.services.catalogue import Catalogue, Collection, bumped, in_chunks
from pressrun.services.entries import feed_for, person_called
from pressrun.services.imprint import Imprint
from pressrun.services.plan import digest, zone_of

INDEX_CARDS = 40  # on the page of a tag or an author; older ones are in its years
SMALL_YEAR = 100  # articles that a year's own page shows; a larger year has a page for each month
MAX_ROUNDS = 200
HTML = "text/html; charset=utf-8"


Wave = Callable[[list[str], frozenset[str]], set[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """What a collection consists of now. `follow` names collections that show something that has changed here."""

    objects: dict[str, tuple[bytes, str, str]] = field(
        default_factory=dict
    )  # key → body, content type, cache control
    rows: list[Save | Drop] = field(default_factory=list)
    follow: frozenset[str] = frozenset()


class Renderer:
    """Brings collections up to date. `ping` is told the feeds that changed, where the publication has a hub."""

    def __init__(
        self,
        *,
        site: ObjectStore,
        table: Table,
        imprint: Imprint,
        ping: Callable[[str, Sequence[str]], None],
    ) -> None:
        self.site = site
        self.table = table
        self.imprint = imprint
        self.publication = imprint.publication
        self.zone = zone_of(imprint.publication)
        self.ping = ping
        self.catalogue = Catalogue(table)
        self._newest: dict[tuple[str, int], list[Card]] = {}
        self._spans: dict[str, list[Card]] = {}
        ttl = self.publication.feed.ttl_minutes * 60
        self._feed_cache = f"public, max-age={ttl}"
        self._page_cache = "public, max-age=60"

    # --- revisions ------------------------------------------------------------------------------------------

    def bring_up(self, names: Iterable[str], *, suspect: bool = False) -> None:
        """Marks the collections as changed and renders them, and whatever follows from that.

        `suspect`: what is stored may not be what the catalogue says, so everything is written.
        """
        todo = set(names)
        self.bump(todo, suspect=suspect)
        self.render(todo)

    def bump(self, names: Iterable[str], *, suspect: bool = False) -> None:
        """Marks collections as changed."""
        pending = sorted(names)
        for _ in range(MAX_ROUNDS):
            if not pending:
                return
            states = self.catalogue.collections(pending)
            saves = [bumped(_distrusted(state) if suspect else state).save() for state in states.values()]
            pending = self._save(saves)
        raise Transient("collections are being changed by others over and over")

    def render(self, names: Iterable[str], wave_of: Wave | None = None) -> None:
        """Renders collections and what follows from them, spans first, the directory last.

        `wave_of` does as `wave` does; several workers may share it.
        """
        todo = set(names)
        render_wave = wave_of or self.wave
        for _ in range(MAX_ROUNDS):
            if not todo:
                return
            rank = min(map(_rank, todo))
            wave = {name for name in todo if _rank(name) == rank}
            todo = (todo - wave) | render_wave(sorted(wave), frozenset(wave))
        raise Transient("collections are being rendered by others over and over")

    def _save(self, saves: list[Save]) -> list[str]:
        """Writes collection rows, together where that goes; the names of those that others changed."""
        lost: list[str] = []
        for chunk in in_chunks(saves, MAX_WRITE):
            try:
                self.table.write(chunk)
            except Conflict:
                for save in chunk:
                    try:
                        self.table.write([save])
                    except Conflict:
                        lost.append(save.sort)
        return lost

    def wave(self, names: list[str], within: frozenset[str]) -> set[str]:
        """Renders collections of one rank; the names that are to be rendered again, or because of these.

        `within` is the whole rank that is being rendered, where `names` are a part of it: no rendition depends on
        another of its rank, so none follows from one.
        """
        self._newest.clear()
        self._spans.clear()
        states = self.catalogue.collections(names)
        renditions = {name: self._rendition(name) for name in names}
        rows = [row for rendition in renditions.values() for row in rendition.rows]
        if rows:
            self.table.write_each(rows)
        follow = set().union(*(rendition.follow for rendition in renditions.values())) - within
        if follow:
            self.bump(follow)
        done, wrote = self._put(states, renditions)
        again = self._record(states, done)
        if self.publication.feed.hub:
            self._tell_hub(wrote)
        return follow | again

    def _record(self, before: dict[str, Collection], done: dict[str, Collection]) -> set[str]:
        """Saves how far the collections have been rendered; the names of those that are to be rendered again.

        Where others have only bumped a collection meanwhile, what was written still counts, and they will render it.
        Where others have rendered it too, their writes and ours may have crossed: it is rendered again, all of it.
        """
        again: set[str] = set()
        lost = self._save([state.save() for state in done.values()])
        for _ in range(MAX_ROUNDS):
            if not lost:
                return again
            current = self.catalogue.collections(lost)
            saves: list[Save] = []
            for name, state in current.items():
                if (state.rendered, state.objects) == (before[name].rendered, before[name].objects):
                    saves.append(replace(done[name], revision=state.revision, version=state.version).save())
                else:
                    again.add(name)
            if again:
                self.bump(again & set(lost), suspect=True)
            lost = self._save(saves)
        raise Transient("collections are being changed by others over and over")

    def _put(
        self, states: dict[str, Collection], renditions: dict[str, Rendition]
    ) -> tuple[dict[str, Collection], list[str]]:
        """Writes what changed; the rows to save, and the keys written."""
        puts: list[Put] = []
        owner: dict[str, str] = {}
        marks: dict[str, dict[str, tuple[str, str]]] = {}
        for name, rendition in renditions.items():
            state = states[name]
            marks[name] = {}
            for key, (body, content_type, cache_control) in rendition.objects.items():
                mark = digest(body)
                etag, stored = state.objects.get(key, ("", ""))
                if stored == mark:
                    marks[name][key] = (etag, mark)
                    continue
                put = Put(
                    key=key,
                    body=body,
                    content_type=content_type,
                    cache_control=cache_control,
                    metadata=self._metadata(key, state.revision),
                )
                puts.append(replace(put, if_match=etag) if etag else replace(put, if_absent=True))
                owner[key] = name
            for key in set(state.objects) - set(rendition.objects):
                self.site.delete(key)
        for put, result in zip(puts, self.site.put_many(puts), strict=True):
            if isinstance(result, Transient):
                raise result
            etag = result if isinstance(result, str) else self._contest(put)
            if etag:
                marks[owner[put.key]][put.key] = (etag, digest(put.body))
        theme = self.imprint.fingerprint
        done = {
            name: replace(states[name], rendered=states[name].revision, theme=theme, objects=objects)
            for name, objects in marks.items()
        }
        return done, [put.key for put in puts]

    def _contest(self, put: Put) -> str:
        """A put whose condition did not hold: written again, unless what is there is newer. Its etag, or ""."""
        revision = int(put.metadata["revision"])
        for _ in range(MAX_ROUNDS):
            stored = self._stored(put.key)
            if stored and int(stored.metadata.get("revision", "0")) > revision:
                return stored.etag
            again = (
                replace(put, if_match=stored.etag, if_absent=False)
                if stored
                else replace(put, if_match=None, if_absent=True)
            )
            try:
                return self.site.put(again)
            except Conflict:
                continue
        raise Transient(f"{put.key} is being written by others over and over")

    def _stored(self, key: str) -> Blob | None:
        try:
            return self.site.head(key)
        except NotFound:
            return None

    def _metadata(self, key: str, revision: int) -> dict[str, str]:
        metadata = {"revision": str(revision)}
        hub = self.publication.feed.hub
        if hub and key.rpartition("/")[2] in _FEED_FILES:
            metadata["link"] = f'<{hub}>; rel="hub", <{self.publication.url}/{key}>; rel="self"'
        return metadata

    def _tell_hub(self, keys: list[str]) -> None:
        feeds = [
            key for key in keys if key.rpartition("/")[2] in _FEED_FILES and not key.startswith("archive/")
        ]
        if feeds:
            self.ping(self.publication.feed.hub, [f"{self.publication.url}/{key}" for key in feeds])

    # --- what a collection consists of ----------------------------------------------------------------------

    def _rendition(self, name: str) -> Rendition:
        if name == DIRECTORY:
            return self._directory()
        span = parse_span(name)
        if span is None:
            return self._site() if name == SITE else self._term(name)
        if span.month:
            return self._month(span)
        return self._site_year(span) if span.collection == SITE else self._term_year(span)

    def _head(self, collection: str, limit: int) -> list[Card]:
        found = self._newest.get((collection, limit))
        if found is None:
            found = self._newest[collection, limit] = self.catalogue.cards(collection, limit=limit)
        return found

    def _fragments(self, cards: Sequence[Card]) -> list[Fragment]:
        """The cards' fragments, in their order; a card whose entry is just being withdrawn has none."""
        rows = self.table.get_many([("entry", card.id) for card in cards])
        found = [rows.get(("entry", card.id)) for card in cards]
        return [Fragment.from_item(row.item) for row in found if row is not None]  # type: ignore[arg-type]

    def _feeds(self, folder: str, feed: Feed, cards: Sequence[Card]) -> dict[str, tuple[bytes, str, str]]:
        """A feed document in every format."""
        if cards:
            feed = replace(feed, updated=max(card.updated for card in cards))
        fragments = self._fragments(cards)
        return {
            f"{folder}{RENDERERS[form].file}": (
                RENDERERS[form].render(feed, fragments),
                f"{RENDERERS[form].media_type}; charset=utf-8",
                self._feed_cache,
            )
            for form in FORMATS
        }

    def _page(self, body: bytes) -> tuple[bytes, str, str]:
        return body, HTML, self._page_cache

    def _site(self) -> Rendition:
        settings = self.publication.feed
        shown = self.publication.home_articles
        cards = self._head(SITE, max(shown, settings.entries) + 1)
        older = self._period(SITE, cards[shown]) if len(cards) > shown else None
        objects = {
            "index.html": self._page(
                pages.index_page(self.imprint.theme, Listing(cards=cards[:shown], older=older))
            )
        }
        count = head_entries([card.size for card in cards[: settings.entries]], settings)
        feed = feed_for(Listed(), self.publication)
        if len(cards) > count:
            rest = cards[count]
            month = self._month_of(rest)
            sized = [Sized(card.id, card.size) for card in self._cards_in(month)]
            feed = replace(
                feed, older=f"{self.publication.url}/{archive_holding(rest.id, month.label, sized, settings)}"
            )
        objects |= self._feeds("", feed, cards[:count])
        return Rendition(objects=objects)

    def _term(self, name: str) -> Rendition:
        kind, _, slug = name.partition("/")
        settings = self.publication.feed
        cards = self._head(name, max(INDEX_CARDS, settings.entries) + 1)
        row = self.table.get(f"terms {kind}", slug)
        years = [int(found.sort) for found in self.table.query(f"spans {name}")]
        if not cards:
            drops = [Drop(partition=f"terms {kind}", sort=slug)] if row else []
            return Rendition(
                rows=[*drops], follow=frozenset([DIRECTORY] if row else []) | {f"{name}/{y}" for y in years}
            )
        title = _spelling(cards[0], kind, slug)
        of = Listed(kind="tag" if kind == "tags" else "author", name=title, slug=slug)
        rest = cards[INDEX_CARDS] if len(cards) > INDEX_CARDS else None
        older = Period(year=self._local(rest).year) if rest else None
        person = person_called(slug, self.publication) if kind == "authors" else None
        page = pages.index_page(
            self.imprint.theme, Listing(of=of, cards=cards[:INDEX_CARDS], older=older, person=person)
        )
        count = head_entries([card.size for card in cards[: settings.entries]], settings)
        objects = {f"{name}/index.html": self._page(page)}
        objects |= self._feeds(f"{name}/", feed_for(of, self.publication, person), cards[:count])
        # A year has its own page where some article of it is not on this one.
        cutoff = older.year if older else 0
        wrong = {f"{name}/{year}" for year in years if year > cutoff}
        if older and older.year not in years:
            wrong.add(f"{name}/{older.year}")
        rows = []
        if row is None or row.item != {"title": title}:
            rows = [Save(partition=f"terms {kind}", sort=slug, item={"title": title})]
            wrong.add(DIRECTORY)
        return Rendition(objects=objects, rows=[*rows], follow=frozenset(wrong))

    def _term_year(self, span: Span) -> Rendition:
        kind, _, slug = span.collection.partition("/")
        cards = self._cards_in(span)
        rest = self._head(span.collection, max(INDEX_CARDS, self.publication.feed.entries) + 1)[INDEX_CARDS:]
        cutoff = self._local(rest[0]).year if rest else 0
        row = self.table.get(f"spans {span.collection}", span.label)
        neighbours = {f"{span.collection}/{p.year}" for p in self._neighbours(span) if p}
        if not cards or span.year > cutoff:
            drops = [Drop(partition=f"spans {span.collection}", sort=span.label)] if row else []
            return Rendition(rows=[*drops], follow=frozenset(neighbours if row else ()))
        newer, older = self._neighbours(span)
        title = _spelling(cards[-1], kind, slug)
        listing = ArchiveListing(
            of=Listed(kind="tag" if kind == "tags" else "author", name=title, slug=slug),
            period=Period(year=span.year),
            cards=cards[::-1],
            newer=newer if newer and newer.year <= cutoff else None,
            older=older,
        )
        page = self._page(pages.archive_page(self.imprint.theme, listing))
        saves = [] if row else [Save(partition=f"spans {span.collection}", sort=span.label, item={})]
        return Rendition(
            objects={f"{span.path}index.html": page},
            rows=[*saves],
            follow=frozenset(neighbours if not row else ()),
        )

    def _site_year(self, span: Span) -> Rendition:
        low, high = span.bounds(self.zone)
        cards = self.catalogue.cards(SITE, low=low, high=high, limit=SMALL_YEAR + 1)
        small = len(cards) <= SMALL_YEAR
        row = self.table.get("spans site", span.label)
        item = {"small": small}
        newer, older = self._neighbours(span)
        months = [
            found.sort
            for found in self.table.query("spans site", low=f"{span.label}-", high=f"{span.label}.")
        ]
        beside = {f"site/{p.path.rstrip('/').replace('/', '-')}" for p in (newer, older) if p}
        if not cards:
            drops = [Drop(partition="spans site", sort=span.label)] if row else []
            return Rendition(rows=[*drops], follow=frozenset(beside | {SITE, DIRECTORY} if row else ()))
        listing = ArchiveListing(
            period=Period(year=span.year),
            cards=cards if small else (),
            months=()
            if small
            else [MonthCount(month=int(label[-2:]), articles=0) for label in reversed(months)],
            newer=newer,
            older=older,
        )
        follow: set[str] = set()
        saves: list[Save | Drop] = []
        if row is None or row.item != item:
            saves = [Save(partition="spans site", sort=span.label, item={"small": small})]
            follow = beside | {SITE, DIRECTORY} | {f"site/{label}" for label in months}
        page = self._page(pages.archive_page(self.imprint.theme, listing))
        return Rendition(objects={f"{span.path}index.html": page}, rows=saves, follow=frozenset(follow))

    def _month(self, span: Span) -> Rendition:
        cards = self._cards_in(span)
        settings = self.publication.feed
        row = self.table.get("spans site", span.label)
        low, high = span.bounds(self.zone)
        before = self.catalogue.cards(SITE, high=low, limit=1)
        after = self.catalogue.cards(SITE, low=high, newest_first=False, limit=1)
        beside = {self._month_of(card).name for card in (*before, *after)}
        year = Span(SITE, span.year).name
        if not cards:
            drops = [Drop(partition="spans site", sort=span.label)] if row else []
            return Rendition(rows=[*drops], follow=frozenset(beside | {SITE, DIRECTORY, year} if row else ()))
        parts = archive_parts(_sized(cards), settings)
        objects = self._archive_feeds(span, cards, before, newest=not after)
        sitemap = render_sitemap((self.publication.url + href(card.path), card.updated) for card in cards)
        objects[f"sitemap-{span.label}.xml"] = (sitemap, SITEMAP_TYPE, self._page_cache)
        if not self._small(span.year):
            newer, older = self._neighbours(span)
            period = Period(year=span.year, month=span.month)
            listing = ArchiveListing(period=period, cards=cards[::-1], newer=newer, older=older)
            objects[f"{span.path}index.html"] = self._page(pages.archive_page(self.imprint.theme, listing))
        follow: set[str] = set()
        saves: list[Save | Drop] = []
        if row is None or row.item != {"parts": len(parts)}:
            saves = [Save(partition="spans site", sort=span.label, item={"parts": len(parts)})]
            follow = beside | {SITE}
            if row is None:
                follow |= {DIRECTORY, year}
        return Rendition(objects=objects, rows=saves, follow=frozenset(follow))

    def _archive_feeds(
        self, span: Span, cards: list[Card], before: list[Card], *, newest: bool
    ) -> dict[str, tuple[bytes, str, str]]:
        """The month's archive documents (RFC 5005, section 4); without links to newer ones they stay as they are."""
        settings = self.publication.feed
        url = self.publication.url
        older = ""
        if before:
            month = self._month_of(before[0])
            older = archive_name(month.label, len(archive_parts(_sized(self._cards_in(month)), settings)) - 1)
        by_id = {card.id: card for card in cards}
        objects: dict[str, tuple[bytes, str, str]] = {}
        for archive in archive_plan([(span.label, _sized(cards))], settings, older=older, newest=newest):
            feed = replace(
                feed_for(Listed(), self.publication),
                place=f"{url}/{archive.name}",
                older=f"{url}/{archive.older}" if archive.older else "",
                current=f"{url}/",
            )
            objects |= self._feeds(
                archive.name, feed, [by_id[entry_id] for entry_id in reversed(archive.ids)]
            )
        return objects

    def _directory(self) -> Rendition:
        spans = [row.sort for row in self.table.query("spans site", descending=True)]
        small = {row.sort for row in self.table.query("spans site") if row.item.get("small")}
        years = [
            YearCount(
                year=int(label),
                months=[MonthCount(month=int(s[5:]), articles=0) for s in spans if s.startswith(f"{label}-")],
                small=label in small,
            )
            for label in spans
            if "-" not in label
        ]
        months = [label for label in reversed(spans) if "-" in label]
        tags = [_term_count("tag", row) for row in self.table.query("terms tags")]
        authors = [_term_count("author", row) for row in self.table.query("terms authors")]
        own = self.catalogue.sources(["robots.txt", "favicon.svg"])
        feeds = [
            ("", [feed_for(Listed(), self.publication)]),
            (
                self.imprint.theme.words.text("nav.tags"),
                [feed_for(term.of, self.publication) for term in tags],
            ),
            (
                self.imprint.theme.words.text("nav.authors"),
                [feed_for(term.of, self.publication) for term in authors],
            ),
        ]
        rendered = directory.render(
            self.imprint.theme, years=years, months=months, tags=tags, authors=authors, feeds=feeds
        )
        objects = {
            key: (body, content_type, cache_control)
            for key, body, content_type, cache_control in rendered
            if key not in own
        }
        return Rendition(objects=objects)

    # --- time -----------------------------------------------------------------------------------------------

    def _cards_in(self, span: Span) -> list[Card]:
        """The cards of a span, oldest first."""
        found = self._spans.get(span.name)
        if found is None:
            low, high = span.bounds(self.zone)
            found = self.catalogue.cards(span.collection, low=low, high=high, newest_first=False)
            self._spans[span.name] = found
        return found

    def _local(self, card: Card) -> datetime:
        try:
            return card.date.astimezone(self.zone)
        except OverflowError:
            return card.date.replace(tzinfo=UTC)

    def _month_of(self, card: Card) -> Span:
        local = self._local(card)
        return Span(SITE, local.year, local.month)

    def _small(self, year: int) -> bool:
        low, high = Span(SITE, year).bounds(self.zone)
        return len(list(self.table.query("in site", low=low, high=high, limit=SMALL_YEAR + 1))) <= SMALL_YEAR

    def _period(self, collection: str, card: Card) -> Period:
        """The archive page that shows this card."""
        local = self._local(card)
        if collection == SITE and not self._small(local.year):
            return Period(year=local.year, month=local.month)
        return Period(year=local.year)

    def _neighbours(self, span: Span) -> tuple[Period | None, Period | None]:
        """The archive pages that hold the next newer and the next older article."""
        low, high = span.bounds(self.zone)
        newer = self.catalogue.cards(span.collection, low=high, newest_first=False, limit=1)
        older = self.catalogue.cards(span.collection, high=low, limit=1)
        found = [self._period(span.collection, cards[0]) if cards else None for cards in (newer, older)]
        return found[0], found[1]


_FEED_FILES = frozenset(RENDERERS[form].file for form in FORMATS)


def _sized(cards: Sequence[Card]) -> list[Sized]:
    return [Sized(card.id, card.size) for card in cards]


def _rank(name: str) -> int:
    """Months before years, which list them; terms, the site, and the directory of all."""
    if name == DIRECTORY:
        return 4
    if span := parse_span(name):
        return 0 if span.month else 1
    return 3 if name == SITE else 2


def _distrusted(state: Collection) -> Collection:
    return replace(state, objects={key: (etag, "") for key, (etag, _) in state.objects.items()})


def _spelling(card: Card, kind: str, slug: str) -> str:
    """A tag or author as the newest article spells it."""
    from pressrun.domain.slugs import slugify

    names = card.tags if kind == "tags" else card.authors
    return next((name for name in names if slugify(name) == slug), slug)


def _term_count(kind: str, row: Row) -> TermCount:
    title = str(row.item["title"])
    of = Listed(kind="tag" if kind == "tag" else "author", name=title, slug=row.sort)
    return TermCount(of=of, articles=0)
