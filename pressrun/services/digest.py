"""A log, digested: rows → days of counts. The one loop that runs for every line ever logged."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from pressrun.domain.views import Day, FeedReads, Reads
from pressrun.parsing.accesslogs.places import place, thing
from pressrun.parsing.accesslogs.rows import Batch, Raw, Row
from pressrun.parsing.agents.verdicts import Verdict, plain, verdict

Salts = Callable[[str], bytes | str]
"""The salt of a day ("2026-11-22"); or the reason why its lines are not counted: "late", "time"."""
Network = IPv4Network | IPv6Network

REMEMBERED: Final = 20_000  # requests, agents and readers that are kept, each; then they are found out anew
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FRESH: Final = frozenset({"200", "304"})
_PROBE: Final = 2  # bytes: players ask for the first two of a recording to see whether ranges are served


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Whose log it is. `name` goes into each token; `base` is the path that the site stands under."""

    name: str
    base: str = ""
    own: tuple[Network, ...] = ()  # where our own visits come from


class _Cell:
    """What happens to requests of one sort: they count for `reason`, or, where it `asks`, for what the agent is."""

    __slots__ = ("asks", "audio", "count", "feed", "partial", "reads", "reason", "sheet")

    def __init__(self, sheet: _Sheet, reason: str) -> None:
        self.sheet = sheet
        self.reason = reason
        self.count = 0
        self.asks = False  # who it was
        self.reads: Reads | None = None
        self.feed: dict[str, FeedReads] | None = None
        self.audio = False
        self.partial = False


class _Who:
    """An agent's verdict, taken apart: the loop below looks at it for every line."""

    __slots__ = ("family", "kind", "name", "subscribers")

    def __init__(self, found: Verdict, name: str) -> None:
        self.kind = found.kind
        self.family = found.family
        self.subscribers = found.subscribers
        self.name = name.encode("utf-8", "replace")  # decoded


class _Sheet:
    """A day under way."""

    __slots__ = ("day", "reasons", "salt", "tokens")

    def __init__(self, salt: bytes | str) -> None:
        self.day = Day()
        self.reasons = self.day.reasons
        self.salt = salt
        self.tokens: dict[tuple[Raw, Raw], int] = {}


@dataclass(slots=True)
class Digest:
    """The counts of one log. What it comes to depends on the log, the salts and the site alone."""

    site: Site
    salts: Salts
    _sheets: dict[str, _Sheet] = field(default_factory=dict)
    _cells: dict[tuple[Raw, Raw, Raw, Raw], _Cell] = field(default_factory=dict)
    _agents: dict[Raw, _Who] = field(default_factory=dict)
    _undated: Day = field(default_factory=Day)
    _own: dict[Raw, bool] = field(default_factory=dict)
    _name: bytes = b""
    lines: int = 0  # that were read

    def __post_init__(self) -> None:
        self._name = self.site.name.encode()

    def read(self, batches: Iterable[Batch]) -> None:
        """Counts every line of the batches."""
        for batch in batches:
            self.lines += len(batch.rows) + batch.reasons.total()
            self._undated.reasons.update(batch.reasons)
            self._rows(batch.rows)

    def days(self, otherwise: str) -> dict[str, Day]:
        """The days, with every line in exactly one of them: what has no date is in the last, or in `otherwise`."""
        for cell in self._cells.values():
            if cell.count:
                cell.sheet.reasons[cell.reason] += cell.count
                cell.count = 0
        days = {name: sheet.day for name, sheet in self._sheets.items() if name}
        nameless = self._sheets.pop("", None)
        if nameless:
            self._undated.merge(nameless.day)
        last = max(days, default=otherwise)
        days.setdefault(last, Day()).merge(self._undated)
        self._undated = Day()
        for day in days.values():
            _tidy(day)
        return days

    def _rows(self, rows: Iterable[Row]) -> None:
        cells, agents, own = self._cells, self._agents, self.site.own
        for day, address, method, path, status, agent, first, last in rows:
            cell = cells.get((day, method, path, status)) or self._cell(day, method, path, status)
            if not cell.asks:
                cell.count += 1
                continue
            sheet = cell.sheet
            if cell.partial and _sent(first, last) <= _PROBE:
                sheet.reasons["range"] += 1
                continue
            if own and self._is_own(address):
                sheet.reasons["self"] += 1
                continue
            who = agents.get(agent) or self._agent(agent)
            if who.kind == "human":
                cell.count += 1
                reads = cell.reads
                if reads is not None:
                    reads.hits += 1
                    token = sheet.tokens.get((address, agent))
                    reads.who.add(self._token(sheet, address, agent, who) if token is None else token)
            elif who.kind == "reader" and (cell.feed is not None or cell.audio):
                self._reader(cell, who, address, agent)
            else:
                sheet.reasons[who.kind] += 1
                if who.kind == "mail" and cell.reason == "asset":
                    sheet.day.opens[who.family] += 1

    def _reader(self, cell: _Cell, who: _Who, address: Raw, agent: Raw) -> None:
        """A feed reader that fetches a feed, or an app that fetches a recording for its listener."""
        token = cell.sheet.tokens.get((address, agent))
        if token is None:
            token = self._token(cell.sheet, address, agent, who)
        if cell.feed is None:
            cell.count += 1
            if cell.reads is not None:
                cell.reads.hits += 1
                cell.reads.who.add(token)
            return
        cell.sheet.reasons["reader"] += 1
        fetched = cell.feed.setdefault(who.family, FeedReads())
        fetched.hits += 1
        fetched.reported = max(fetched.reported, who.subscribers)
        if not who.subscribers:
            fetched.who.add(token)

    def _cell(self, day: Raw, method: Raw, path: Raw, status: Raw) -> _Cell:
        """What comes of such a request, found out once."""
        if len(self._cells) >= REMEMBERED:
            for cell in self._cells.values():
                cell.sheet.reasons[cell.reason] += cell.count
            self._cells.clear()
        cell = self._found(self._sheet(_text(day)), _text(method), _text(path), _text(status))
        self._cells[day, method, path, status] = cell
        return cell

    def _found(self, sheet: _Sheet, method: str, path: str, status: str) -> _Cell:
        if isinstance(sheet.salt, str):
            return _Cell(sheet, sheet.salt)
        if method != "GET":
            return _Cell(sheet, "method")
        where = place(path, self.site.base)
        if where is None:
            return _Cell(sheet, "path")
        what = thing(where)
        if what == "private":
            return _Cell(sheet, "self")
        if status not in _FRESH and not (what == "audio" and status == "206"):
            return _Cell(sheet, "status")
        if what == "audio" and status == "304":
            return _Cell(sheet, "status")
        if what == "asset":
            return _Cell(sheet, "asset")
        cell = _Cell(sheet, "asset" if what == "picture" else what)
        cell.asks = True
        if what == "feed":
            cell.feed = sheet.day.feeds.setdefault(where, {})
        elif what != "picture":
            cell.reads = (sheet.day.audio if what == "audio" else sheet.day.pages).setdefault(where, Reads())
            cell.audio, cell.partial = what == "audio", status == "206"
        return cell

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

    def _agent(self, agent: Raw) -> _Who:
        if len(self._agents) >= REMEMBERED:
            self._agents.clear()
        name = plain(_text(agent))
        found = self._agents[agent] = _Who(verdict(name), name)
        return found

    def _token(self, sheet: _Sheet, address: Raw, agent: Raw, who: _Who) -> int:
        """Eight bytes that stand for a reader on that day, and for nobody on another."""
        if len(sheet.tokens) >= REMEMBERED:
            sheet.tokens.clear()
        where = address if isinstance(address, bytes) else address.encode("utf-8", "replace")
        if b":" in where:
            where = _network(where)
        salt = sheet.salt if isinstance(sheet.salt, bytes) else b""
        text = b"%b|%b|%b" % (self._name, where, who.name)
        token = int.from_bytes(hmac.digest(salt, text, "sha256")[:8], "big")
        sheet.tokens[address, agent] = token
        return token

    def _is_own(self, address: Raw) -> bool:
        known = self._own.get(address)
        if known is None:
            if len(self._own) >= REMEMBERED:
                self._own.clear()
            try:
                parsed = ip_address(_text(address))
            except ValueError:
                known = False
            else:
                mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
                known = any((mapped or parsed) in network for network in self.site.own)
            self._own[address] = known
        return known


def _text(raw: Raw) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "surrogateescape")


def _is_date(day: str) -> bool:
    try:
        return bool(_DAY.fullmatch(day)) and bool(date.fromisoformat(day))
    except ValueError:
        return False


def _network(address: bytes) -> bytes:
    """An IPv6 address as the /64 that its reader was given: it names a device. An IPv4 address within one as itself."""
    try:
        parsed = IPv6Address(address.partition(b"%")[0].decode("ascii"))
    except ValueError:
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped).encode()
    return str(IPv6Network((int(parsed) >> 64 << 64, 64))).encode()


def _sent(first: Raw, last: Raw) -> int:
    """The bytes of an answer in part; many where the log does not say."""
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
    day.reasons = +day.reasons


def network(text: str) -> Network:
    """An address or a network, as settings write it. Raises ValueError."""
    from ipaddress import ip_network

    return ip_network(text, strict=False)
