"""What is counted in a day. Days merge: in any order, from any number of logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

from pressrun.domain.crowd import Known, surplus
from pressrun.domain.distinct import Distinct

RULE: Final = 1  # raised whenever the same line would be counted differently
OPEN: Final = timedelta(hours=72)  # after the end of a day: then it is sealed
MOST_SUBSCRIBERS: Final = 100_000  # that a reader's agent may claim; a larger claim is none

# Every line of a log has exactly one of these. What a line is not is found out in this order.
Reason = Literal[
    "header",  # a line of the format itself: #Version, #Fields
    "blank",
    "long",  # longer than any log writes (parsing.accesslogs.blocks.LONGEST)
    "malformed",  # torn, merged, or of another format
    "width",  # more or fewer fields than the header says
    "time",  # no date, or one in the future
    "late",  # its day is sealed
    "method",  # not GET
    "path",  # no address of a site: `..`, control characters, not UTF-8
    "status",  # redirects, errors, answers that never left
    "range",  # two bytes or fewer of a recording: a player's probe
    "self",  # our own visits
    "reader",  # a feed reader
    "mail",  # a mail service's machine
    "bot",
    "asset",  # a stylesheet, a picture, a script
    "audio",
    "feed",  # fetched by a person's browser
    "page",
    "surplus",  # a page or recording at an address that nobody published, beyond those that are told apart (crowd)
]


@dataclass(slots=True)
class Reads:
    """How often something was fetched, and by how many."""

    hits: int = 0
    who: Distinct = field(default_factory=Distinct)


@dataclass(slots=True)
class FeedReads:
    """A feed's fetches by the readers of one family. `reported`: the most subscribers that one of them claimed."""

    hits: int = 0
    reported: int = 0
    who: Distinct = field(default_factory=Distinct)


@dataclass(slots=True)
class Day:
    """A day's counts, while readers are still told apart. Paths are canonical: "", "hello/", "feed.xml"."""

    reasons: Counter[str] = field(default_factory=Counter)
    pages: dict[str, Reads] = field(default_factory=dict)
    audio: dict[str, Reads] = field(default_factory=dict)
    feeds: dict[str, dict[str, FeedReads]] = field(default_factory=dict)  # path → family
    opens: Counter[str] = field(default_factory=Counter)  # pictures fetched by a mail service's machine

    @property
    def lines(self) -> int:
        """How many lines were read."""
        return sum(self.reasons.values())

    @property
    def addresses(self) -> int:
        """How many are told apart."""
        return len(self.pages) + len(self.audio) + len(self.feeds)

    def merge(self, other: Day) -> None:
        """Adds the counts of another part of the same day."""
        self.reasons.update(other.reasons)
        self.opens.update(other.opens)
        for mine, theirs in ((self.pages, other.pages), (self.audio, other.audio)):
            for path, reads in theirs.items():
                kept = mine.setdefault(path, Reads())
                kept.hits += reads.hits
                kept.who.merge(reads.who)
        for path, families in other.feeds.items():
            for family, fetched in families.items():
                known = self.feeds.setdefault(path, {}).setdefault(family, FeedReads())
                known.hits += fetched.hits
                known.reported = max(known.reported, fetched.reported)
                known.who.merge(fetched.who)

    def stored(self) -> dict[str, Any]:
        """As JSON holds it: the same for the same counts, however they came together."""
        return {
            "reasons": dict(sorted(self.reasons.items())),
            "pages": {path: [reads.hits, reads.who.stored()] for path, reads in sorted(self.pages.items())},
            "audio": {path: [reads.hits, reads.who.stored()] for path, reads in sorted(self.audio.items())},
            "feeds": {
                path: {name: [f.hits, f.reported, f.who.stored()] for name, f in sorted(families.items())}
                for path, families in sorted(self.feeds.items())
            },
            "opens": dict(sorted(self.opens.items())),
        }

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Day:
        """What `stored` was called on."""
        return cls(
            reasons=Counter(stored["reasons"]),
            pages={path: Reads(hits, Distinct.of(who)) for path, (hits, who) in stored["pages"].items()},
            audio={path: Reads(hits, Distinct.of(who)) for path, (hits, who) in stored["audio"].items()},
            feeds={
                path: {name: FeedReads(h, r, Distinct.of(who)) for name, (h, r, who) in families.items()}
                for path, families in stored["feeds"].items()
            },
            opens=Counter(stored["opens"]),
        )

    def figures(self) -> Figures:
        """The day as it is published and, once sealed, kept: nobody can be told apart in it."""
        return Figures(
            reasons=Counter(self.reasons),
            pages={path: _figure(reads) for path, reads in self.pages.items()},
            audio={path: _figure(reads) for path, reads in self.audio.items()},
            feeds={
                path: {name: _subscribers(found) for name, found in families.items()}
                for path, families in self.feeds.items()
            },
            opens=Counter(self.opens),
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """`count` different readers and `hits` fetches; `approximate`: the count is an estimate."""

    count: int = 0
    hits: int = 0
    approximate: bool = False

    def plus(self, other: Figure) -> Figure:
        """The sum."""
        return Figure(self.count + other.count, self.hits + other.hits, self.approximate or other.approximate)


NONE: Final = Figure()
Figured = dict[str, Figure]


@dataclass(slots=True)
class Figures:
    """A day in numbers alone, or several days' sum."""

    reasons: Counter[str] = field(default_factory=Counter)
    pages: Figured = field(default_factory=dict)
    audio: Figured = field(default_factory=dict)
    feeds: dict[str, Figured] = field(default_factory=dict)  # path → family → subscribers
    opens: Counter[str] = field(default_factory=Counter)

    @property
    def addresses(self) -> int:
        """How many are told apart."""
        return len(self.pages) + len(self.audio) + len(self.feeds)

    @property
    def lines(self) -> int:
        """How many lines were read."""
        return sum(self.reasons.values())

    def add(self, other: Figures) -> None:
        """Adds another day. Subscribers are no sum: the later day's stand."""
        self.reasons.update(other.reasons)
        self.opens.update(other.opens)
        for mine, theirs in ((self.pages, other.pages), (self.audio, other.audio)):
            for path, figure in theirs.items():
                mine[path] = mine.get(path, NONE).plus(figure)
        self.feeds |= other.feeds

    def stored(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "reasons": dict(sorted(self.reasons.items())),
            "pages": _stored(self.pages),
            "audio": _stored(self.audio),
            "feeds": {path: _stored(families) for path, families in sorted(self.feeds.items())},
            "opens": dict(sorted(self.opens.items())),
        }

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Figures:
        """What `stored` was called on."""
        return cls(
            reasons=Counter(stored["reasons"]),
            pages=_figured(stored["pages"]),
            audio=_figured(stored["audio"]),
            feeds={path: _figured(families) for path, families in stored["feeds"].items()},
            opens=Counter(stored["opens"]),
        )


def bound(counts: Day | Figures, known: Callable[[], Known], most: int) -> None:
    """Leaves out addresses that are not known, beyond `most`. Their reads become "surplus".

    `known` is asked only where there are many. Fetches by feed readers stay what they are: no feed has them.
    """
    if counts.addresses <= most:
        return
    for path in surplus([*counts.pages, *counts.audio, *counts.feeds], known(), most):
        counts.feeds.pop(path, None)
        reason, found = ("page", counts.pages) if path in counts.pages else ("audio", counts.audio)
        left_out = found.pop(path, None)
        if left_out:
            counts.reasons["surplus"] += left_out.hits
            counts.reasons[reason] -= left_out.hits
            if not counts.reasons[reason]:
                del counts.reasons[reason]


def seals_at(day: str) -> datetime:
    """When a day ("2026-11-22") is sealed."""
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(days=1) + OPEN


def _figure(reads: Reads) -> Figure:
    return Figure(reads.who.count(), reads.hits, reads.who.approximate)


def _subscribers(reads: FeedReads) -> Figure:
    """What the readers report; where none does, how many different ones came: some of them share an address."""
    if reads.reported:
        return Figure(reads.reported, reads.hits)
    return Figure(reads.who.count(), reads.hits, approximate=True)


def _stored(figures: Figured) -> dict[str, list[int]]:
    return {path: [f.count, f.hits, int(f.approximate)] for path, f in sorted(figures.items())}


def _figured(stored: dict[str, list[int]]) -> Figured:
    return {path: Figure(count, hits, bool(rough)) for path, (count, hits, rough) in stored.items()}
