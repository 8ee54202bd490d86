"""A log, digested: rows → days of counts. The one loop that runs for every line ever logged."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from itertools import compress, count
from operator import attrgetter
from typing import Final

from pressrun.domain import crowd
from pressrun.domain.crowd import Known
from pressrun.domain.views import Day, FeedReads, Reads, bound
from pressrun.parsing.accesslogs.places import place, thing
from pressrun.parsing.accesslogs.rows import Batch, Extent, Raw
from pressrun.services.visitors import Memory, Network, Who, seen_from, signer, text, within

Salts = Callable[[str], bytes | str]
"""The salt of a day ("2026-11-22"), 32 bytes; or the reason why its lines are not counted: "late", "time"."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FRESH: Final = frozenset({"200", "304"})
_PROBE: Final = 2  # bytes: players ask for the first two of a recording to see whether ranges are served
_asks = attrgetter("asks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Whose log it is. `name` goes into each token; `base` is the path that the site stands under."""

    name: str
    base: str = ""
    own: tuple[Network, ...] = ()  # where our own visits come from


class _Cell:
    """What happens to requests of one sort: they count for `reason`, or, where it `asks`, for what the agent is."""

    __slots__ = ("asks", "audio", "feed", "partial", "people", "reads", "reason", "sheet")

    def __init__(self, sheet: _Sheet, reason: str) -> None:
        self.sheet = sheet
        self.reason = reason
        self.asks = False  # who it was
        self.reads: Reads | None = None
        self.feed: dict[str, FeedReads] | None = None
        self.audio = False
        self.partial = False
        self.people: list[int] = []  # tokens of the batch under way


class _Sheet:
    """A day under way."""

    __slots__ = ("cells", "day", "limit", "reasons", "room", "salt", "sign")

    def __init__(self, salt: bytes | str) -> None:
        self.day = Day()
        self.reasons = self.day.reasons
        self.salt = salt
        self.sign = signer(salt if isinstance(salt, bytes) else b"")
        self.cells: dict[str, _Cell] = {}  # of requests that count for a reason alone
        self.room = crowd.MOST  # addresses until it is looked how many are known
        self.limit: int | None = None  # the highest rank that an address may have that is not known


@dataclass(slots=True)
class Digest:
    """The counts of one log. What it comes to depends on the log, the salts and the site alone.

    Where a log has very many addresses, also on which of them the site knows: see domain.crowd.
    """

    site: Site
    salts: Salts
    known: Callable[[], Known] = Known
    _sheets: dict[str, _Sheet] = field(default_factory=dict)
    _cells: Memory[tuple[Raw, Raw, Raw, Raw], _Cell] = field(default_factory=Memory)
    _agents: Memory[Raw, Who] = field(default_factory=Memory)
    _tokens: Memory[tuple[Raw, Raw], int] = field(default_factory=Memory)  # of the day last looked at
    _tokens_of: _Sheet | None = None
    _own: Memory[Raw, bool] = field(default_factory=Memory)
    _undated: Day = field(default_factory=Day)
    _name: bytes = b""
    lines: int = 0  # that were read

    def __post_init__(self) -> None:
        self._name = self.site.name.encode()
        self.known = cache(self.known)

    def read(self, batches: Iterable[Batch]) -> None:
        """Counts every line of the batches."""
        for batch in batches:
            self.lines += batch.lines
            self._undated.reasons.update(batch.reasons)
            self._count(batch)
            for sheet in self._sheets.values():
                if sheet.day.addresses > sheet.room:
                    self._bound(sheet)

    def days(self, otherwise: str) -> dict[str, Day]:
        """The days, with every line in exactly one of them: what has no date is in the last, or in `otherwise`."""
        days = {name: sheet.day for name, sheet in self._sheets.items() if name}
        nameless = self._sheets.pop("", None)
        if nameless:
            self._undated.merge(nameless.day)
        last = max(days, default=otherwise)
        days.setdefault(last, Day()).merge(self._undated)
        self._undated = Day()
        for day in days.values():
            _tidy(day)
            bound(day, self.known, crowd.MOST)
            day.reasons = +day.reasons
        return days

    def _bound(self, sheet: _Sheet) -> None:
        """Leaves out what is left out in the end anyway, so that no log takes more memory than others do.

        A page that only bots have fetched is no address yet, and takes nobody's place.
        """
        day = sheet.day
        _tidy(day)
        before = day.addresses
        bound(day, self.known, crowd.MOST)
        if day.addresses < before:
            left = (path for found in (day.pages, day.audio, day.feeds) for path in found)
            sheet.limit = max(crowd.rank(path) for path in left if path not in self.known())
        sheet.room = day.addresses + crowd.MOST // 4
        self._cells.clear()  # they hold what is left out

    def _count(self, batch: Batch) -> None:
        """Requests of the same sort are counted together; only those that ask are looked at one by one."""
        requests = (batch.days, batch.methods, batch.paths, batch.statuses)
        cells = [
            self._cell(*(column[number] for column in requests)) if cell is None else cell
            for number, cell in enumerate(map(self._cells.get, zip(*requests, strict=True)))
        ]
        asking = []
        for cell, lines in Counter(cells).items():
            if cell.asks:
                asking.append(cell)
            else:
                cell.sheet.reasons[cell.reason] += lines
        if asking:
            self._visits(cells, batch)
        for cell in asking:
            _settle(cell)

    def _visits(self, cells: list[_Cell], batch: Batch) -> None:
        agents, own = self._agents, self.site.own
        rows = zip(cells, batch.addresses, batch.agents, count())
        for cell, address, agent, number in compress(rows, map(_asks, cells)):
            if cell.partial and _sent(batch.extent(number)) <= _PROBE:
                cell.sheet.reasons["range"] += 1
                continue
            if own and self._is_own(address):
                cell.sheet.reasons["self"] += 1
                continue
            who = agents.get(agent) or self._agent(agent)
            # A reader that asks for a recording fetches it for its listener.
            if who.kind == "human" or (who.kind == "reader" and cell.audio):
                if cell.reads is None:
                    cell.sheet.reasons[cell.reason] += 1
                else:
                    cell.people.append(self._token(cell.sheet, address, who))
            else:
                cell.sheet.reasons[who.kind] += 1
                if who.kind == "reader" and cell.feed is not None:
                    self._subscribed(cell.feed.setdefault(who.family, FeedReads()), cell.sheet, address, who)
                elif who.kind == "mail" and cell.reason == "asset":
                    cell.sheet.day.opens[who.family] += 1

    def _subscribed(self, fetched: FeedReads, sheet: _Sheet, address: Raw, who: Who) -> None:
        fetched.hits += 1
        fetched.reported = max(fetched.reported, who.subscribers)
        if not who.subscribers:
            fetched.who.add(self._token(sheet, address, who))

    def _cell(self, day: Raw, method: Raw, path: Raw, status: Raw) -> _Cell:
        """What comes of such a request, found out once."""
        cell = self._cells.get((day, method, path, status))
        if cell is None:
            cell = self._found(self._sheet(text(day)), text(method), text(path), text(status))
            size = len(day) + len(method) + len(path) + len(status)
            self._cells.keep((day, method, path, status), cell, size)
        return cell

    def _found(self, sheet: _Sheet, method: str, path: str, status: str) -> _Cell:
        if isinstance(sheet.salt, str):
            return _plain(sheet, sheet.salt)
        if method != "GET":
            return _plain(sheet, "method")
        where = place(path, self.site.base)
        if where is None:
            return _plain(sheet, "path")
        what = thing(where)
        if what == "private":
            return _plain(sheet, "self")
        if status not in _FRESH and not (what == "audio" and status == "206"):
            return _plain(sheet, "status")
        if what == "audio" and status == "304":
            return _plain(sheet, "status")
        if what == "asset":
            return _plain(sheet, "asset")
        cell = _Cell(sheet, "asset" if what == "picture" else what)
        cell.asks = True
        cell.audio, cell.partial = what == "audio", status == "206"
        if what != "picture" and self._is_surplus(sheet, where):
            cell.reason = what if what == "feed" else "surplus"
        elif what == "feed":
            cell.feed = sheet.day.feeds.setdefault(where, {})
        elif what != "picture":
            cell.reads = (sheet.day.audio if what == "audio" else sheet.day.pages).setdefault(where, Reads())
        return cell

    def _is_surplus(self, sheet: _Sheet, where: str) -> bool:
        return sheet.limit is not None and crowd.rank(where) > sheet.limit and where not in self.known()

    def _sheet(self, day: str) -> _Sheet:
        name = day if _is_date(day) else ""
        if name and name not in self._sheets:
            salt = self.salts(name)
            if salt != "time":
                self._sheets[name] = _Sheet(salt)
        if name not in self._sheets:
            name = ""  # no day, or one to come
            self._sheets.setdefault(name, _Sheet("time"))
        return self._sheets[name]

    def _agent(self, agent: Raw) -> Who:
        who = Who(agent)
        self._agents.keep(agent, who, 2 * len(agent))
        return who

    def _token(self, sheet: _Sheet, address: Raw, who: Who) -> int:
        """Eight bytes that stand for a reader on that day, and for nobody on another."""
        if self._tokens_of is not sheet:
            self._tokens, self._tokens_of = Memory(), sheet
        token = self._tokens.get((address, who.agent))
        if token is None:
            message = b"%b|%b|%b" % (self._name, seen_from(address), who.name)
            token = int.from_bytes(sheet.sign(message)[:8], "big")
            self._tokens.keep((address, who.agent), token, len(address))  # one agent for all that have it
        return token

    def _is_own(self, address: Raw) -> bool:
        known = self._own.get(address)
        if known is None:
            known = within(address, self.site.own)
            self._own.keep(address, known, len(address))
        return known


def _plain(sheet: _Sheet, reason: str) -> _Cell:
    """Requests that count for their reason alone, whoever sends them."""
    return sheet.cells.setdefault(reason, _Cell(sheet, reason))


def _settle(cell: _Cell) -> None:
    """The people of a batch are counted."""
    people, cell.people = cell.people, []
    if people and cell.reads is not None:
        cell.sheet.reasons[cell.reason] += len(people)
        cell.reads.hits += len(people)
        cell.reads.who.update(people)


def _is_date(day: str) -> bool:
    try:
        return bool(_DAY.fullmatch(day)) and bool(date.fromisoformat(day))
    except ValueError:
        return False


def _sent(extent: Extent) -> int:
    """The bytes of an answer in part; many where the log does not say."""
    first, last = extent
    try:
        if not first:
            return int(last)
        return int(last) - int(first) + 1
    except ValueError:
        return 1 << 30


def _tidy(day: Day) -> None:
    """Leaves out what nothing was counted for: a page that only bots have fetched."""
    for path in [path for path, reads in day.pages.items() if not reads.hits]:
        del day.pages[path]
    for path in [path for path, reads in day.audio.items() if not reads.hits]:
        del day.audio[path]
    for path in [path for path, families in day.feeds.items() if not families]:
        del day.feeds[path]
