"""Totals: what pages, the API and the popular list read, in the site's own store under `views/totals/`.

| object | what |
|---|---|
| `articles-<h>.json` | each article's views, all days together; `<h>` is the first hex digit of its path's SHA-256 |
| `popular.json`, `/popular/` | the most read articles of the day, the week (7 days), the month (30) and of all time |
| `days.json` | each of the last 30 days: views, hits, subscribers, machine opens, lines |
| `feeds.json` | each feed's subscribers by reader, of the last day that is whole |
| `reasons.json` | the last 30 days' lines by reason |

Everything is worked out anew from the days and written where its bytes changed. An object carries the number of lines
that it was made from: a slower writer's older numbers give way to newer ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import orjson

from pressrun.domain.crowd import Known
from pressrun.domain.feeds import FILES
from pressrun.domain.urls import claim_of
from pressrun.domain.views import NONE, Figure, Figured, Figures
from pressrun.errors import Conflict, NotFound, Transient
from pressrun.ports import Clock, ObjectStore, Put, Table
from pressrun.rendering.pages import Popular, popular_page
from pressrun.services.catalogue import Catalogue, Source
from pressrun.services.daybook import Daybook
from pressrun.services.imprint import Imprints

FOLDER: Final = "views/totals/"
CACHE: Final = "public, max-age=60"
WINDOWS: Final = {"day": 1, "week": 7, "month": 30}
RECENT: Final = 30  # days
LISTED: Final = 20  # articles in a popular list
MAX_ROUNDS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An article and how often it was read. `counted` here, `imported` from where it stood before."""

    path: str
    title: str
    language: str = ""
    counted: Figure = NONE
    imported: int = 0

    @property
    def views(self) -> int:
        """All of them."""
        return self.counted.count + self.imported

    def item(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "title": self.title,
            "views": self.views,
            "counted": self.counted.count,
            "imported": self.imported,
            "hits": self.counted.hits,
            "approximate": self.counted.approximate,
        }


class Articles:
    """Which article stands, or stood, at an address that was read."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._catalogue = Catalogue(table)
        self._known: dict[str, Source] = {}
        self.addresses = Known()

    def all(self) -> list[Source]:
        """Learns every article, and every other address that there is."""
        live: list[Source] = []
        files: list[str] = []
        collections: set[str] = set()
        for source in self._catalogue.all_sources():
            if source.live:
                live.append(source)
                collections.update(source.collections)
            elif source.state == "asset":
                files.append(source.key)
        for source in live:
            for path in (*source.former, *source.aliases):
                self._known.setdefault(claim_of(path), source)
                files.append(path)
        self._known |= {claim_of(source.path): source for source in live}
        folders = {"" if name == "site" else f"{name}/" for name in collections}
        feeds = (f"{folder}{name}" for folder in folders for name in FILES.values())
        self.addresses = Known([*files, *folders, *feeds, *(source.path for source in live)])
        return live

    def learn(self, paths: Iterable[str]) -> None:
        """Learns who stands at these addresses: two reads of the table for any number."""
        rows = self._table.get_many([("path", claim_of(path)) for path in paths])
        holders = {claim: str(row.item["source"]) for (_, claim), row in rows.items()}
        sources = self._catalogue.sources({*holders.values()})
        for claim, holder in holders.items():
            source = sources.get(holder)
            if source and source.live:
                self._known[claim] = source

    def learn_whole(self, paths: Iterable[str]) -> None:
        """Learns who stands at these addresses, and at every other that they have or had: all of their reads."""
        learned: set[str] = set()
        wanted = {claim_of(path) for path in paths}
        while wanted:
            self.learn(wanted)
            learned |= wanted
            sources = set(self._known.values())
            wanted = {claim_of(p) for one in sources for p in (one.path, *one.former, *one.aliases)} - learned

    def at(self, path: str) -> Source | None:
        """The article, among those that were learned."""
        return self._known.get(claim_of(path))

    def read(self, figures: Figured) -> dict[str, Read]:
        """By the articles' present paths; several addresses of one are one."""
        found: dict[str, Read] = {}
        for path, figure in figures.items():
            source = self.at(path)
            if source is not None:
                known = found.get(source.path) or read_of(source)
                found[source.path] = replace(known, counted=known.counted.plus(figure))
        return found


def read_of(source: Source) -> Read:
    """An article that has not been read yet."""
    return Read(path=source.path, title=source.title, imported=source.views)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Days in numbers. `whole` is the sum of all; `recent` has the last RECENT days, oldest first."""

    whole: Figures
    recent: Mapping[str, Figures]
    revision: str


class Totals:
    """Works the totals out and writes them."""

    def __init__(
        self, *, book: Daybook, site: ObjectStore, table: Table, clock: Clock, imprints: Imprints
    ) -> None:
        self._book = book
        self._site = site
        self._table = table
        self._clock = clock
        self._imprints = imprints
        self._days: dict[str, tuple[str, Figures]] = {}
        self._written: dict[str, str] = {}

    def state(self) -> State:
        """The days as they are now."""
        rule = self._book.current()
        total = self._book.sum(rule)  # before the days: one that is sealed meanwhile is counted once
        whole = Figures()
        whole.add(total.figures)
        since = first_of(self._clock.now(), RECENT)
        recent = {}
        for name, etag in self._book.days(rule).items():
            if name in total.days and name < since:
                continue
            figures = self._day(rule, name, etag)
            if name >= since:
                recent[name] = figures
            if name not in total.days:
                whole.add(figures)
        self._days = {name: found for name, found in self._days.items() if name in recent}
        return State(whole=whole, recent=recent, revision=f"{rule:04}.{whole.lines:015}")

    def _day(self, rule: int, name: str, etag: str) -> Figures:
        """A day, read again only where it has changed."""
        mark = f"{rule} {etag}"
        known = self._days.get(name)
        if known is None or known[0] != mark:
            page = self._book.day(rule, name)
            known = self._days[name] = (mark, page.numbers() if page else Figures())
        return known[1]

    def refresh(self, *, full: bool) -> None:
        """Brings all totals in line with the days.

        Without `full` only what recent days have touched: an article that nobody read this month keeps its entry.
        Raises Transient; the call can be repeated.
        """
        state = self.state()
        articles = Articles(self._table)
        if full:
            self._written.clear()
            entries = {source.path: read_of(source) for source in articles.all()}
            self._book.set_known(articles.addresses)
        else:
            articles.learn_whole({path for day in state.recent.values() for path in day.pages})
            entries = {}
        entries |= articles.read(state.whole.pages)
        self._articles(entries, state, full=full)
        self._popular(articles, entries, state, full=full)
        self._put("days.json", {"days": {n: _day_item(d, articles) for n, d in state.recent.items()}}, state)
        self._put("feeds.json", {"feeds": _feeds(state.recent)}, state)
        reasons = {name: reasons_of(day, articles) for name, day in state.recent.items()}
        self._put("reasons.json", {"days": reasons}, state)

    def _articles(self, entries: Mapping[str, Read], state: State, *, full: bool) -> None:
        sheets: dict[str, dict[str, Any]] = {digit: {} for digit in "0123456789abcdef"} if full else {}
        for path, read in sorted(entries.items()):
            sheets.setdefault(bucket(path), {})[path] = read.item()
        for digit, sheet in sheets.items():
            name = f"articles-{digit}.json"
            known = {} if full else self._stored(name).get("articles", {})
            self._put(name, {"articles": dict(sorted({**known, **sheet}.items()))}, state)

    def _popular(self, articles: Articles, entries: Mapping[str, Read], state: State, *, full: bool) -> None:
        lists: dict[str, list[Read]] = {}
        today = self._clock.now()
        for name, days in WINDOWS.items():
            since = first_of(today, days)
            window = Figures()
            for day, figures in state.recent.items():
                if day >= since:
                    window.add(figures)
            lists[name] = _most(replace(read, imported=0) for read in articles.read(window.pages).values())
        known = {} if full else self._stored("popular.json")
        before = {
            item["path"]: Read(
                path=item["path"],
                title=item["title"],
                counted=Figure(item["counted"], item["hits"], item["approximate"]),
                imported=item["imported"],
            )
            for item in known.get("all", ())
        }
        lists["all"] = _most({**before, **entries}.values())
        body = {
            name: [{"path": read.path, "url": self._url(read.path), **read.item()} for read in found]
            for name, found in lists.items()
        }
        self._put("popular.json", body, state)
        page = popular_page(
            self._imprints.current().theme, {name: _rows(found) for name, found in lists.items()}
        )
        self._write("popular/index.html", page, "text/html; charset=utf-8", state.revision)

    def _url(self, path: str) -> str:
        return self._imprints.current().theme.href(f"/{path}")

    def _stored(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = orjson.loads(self._site.get(FOLDER + name).body)
        except NotFound:
            return {}
        return found

    def _put(self, name: str, body: Mapping[str, Any], state: State) -> None:
        data = orjson.dumps({"rule": int(state.revision[:4]), **body})
        self._write(FOLDER + name, data, "application/json", state.revision)

    def _write(self, key: str, body: bytes, content_type: str, revision: str) -> None:
        mark = sha256(body).hexdigest()
        if self._written.get(key) == mark:
            return
        put = Put(
            key=key,
            body=body,
            content_type=content_type,
            cache_control=CACHE,
            metadata={"revision": revision},
        )
        for _ in range(MAX_ROUNDS):
            try:
                there = self._site.get(key)
            except NotFound:
                there = None
            if there and there.metadata.get("revision", "") > revision:
                return  # made from more lines than these
            if there is None or there.body != body:
                try:
                    self._site.put(
                        replace(put, if_match=there.etag if there else None, if_absent=there is None)
                    )
                except Conflict:
                    continue
            self._written[key] = mark
            return
        raise Transient(f"{key} is being written by others over and over")


def bucket(path: str) -> str:
    """Which of the sixteen `articles-<h>.json` an article is in."""
    return sha256(path.encode()).hexdigest()[0]


def first_of(now: datetime, days: int) -> str:
    """The first of the last so many days (UTC), of which today is one."""
    return f"{now.astimezone(UTC) - timedelta(days=days - 1):%Y-%m-%d}"


def reasons_of(day: Figures, articles: Articles) -> dict[str, int]:
    """A day's lines by reason, with pages told apart: `article`, and `page` for all others."""
    hits = sum(figure.hits for path, figure in day.pages.items() if articles.at(path))
    found = Counter(day.reasons)
    found["article"] += hits
    found["page"] -= hits
    return {name: found[name] for name in sorted(found) if found[name]}


def subscribers(days: Mapping[str, Figures]) -> dict[str, Figured]:
    """Each feed's subscribers by reader: of the last two days the higher number, since today is not over."""
    found: dict[str, Figured] = {}
    for name in sorted(days)[-2:]:
        for path, families in days[name].feeds.items():
            known = found.setdefault(path, {})
            for family, figure in families.items():
                if figure.count >= known.get(family, NONE).count:
                    known[family] = figure
    return found


def _feeds(days: Mapping[str, Figures]) -> dict[str, Any]:
    return {
        path: {
            name: {"subscribers": figure.count, "approximate": figure.approximate}
            for name, figure in sorted(families.items())
        }
        for path, families in sorted(subscribers(days).items())
    }


def _day_item(day: Figures, articles: Articles) -> dict[str, int]:
    read = [figure for path, figure in day.pages.items() if articles.at(path)]
    return {
        "views": sum(figure.count for figure in read),
        "hits": sum(figure.hits for figure in read),
        "subscribers": sum(f.count for families in day.feeds.values() for f in families.values()),
        "opens": day.opens.total(),
        "lines": day.lines,
    }


def _most(reads: Iterable[Read]) -> list[Read]:
    found = sorted((read for read in reads if read.views), key=lambda read: (-read.views, read.path))
    return found[:LISTED]


def _rows(reads: Iterable[Read]) -> list[Popular]:
    return [
        Popular(url=f"/{read.path}", title=read.title, views=read.views, approximate=read.counted.approximate)
        for read in reads
    ]
