"""What all formats have in common: columns of requests, and a reason for each line that is none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol

Raw = str | bytes
Extent = tuple[Raw, Raw]
"""first, last: the bytes of a range; where `first` is empty, `last` is how many bytes were sent; "-" where the log
does not say."""
NO_DAY: Final = "-"
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_STAMP = re.compile(rb"(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d)(?::\d\d)? ([+-])(\d\d)(\d\d)")


def _no_extent(_: int) -> Extent:
    return "-", "-"


@dataclass(slots=True)
class Batch:
    """The lines of a block: every one is either a request or in `reasons`.

    In columns of the same length, as the log writes them: encoded still. So whoever counts goes over them without a
    step of Python for each line. Few requests are for parts of something: `extent` is asked for one by its number.
    """

    days: Sequence[Raw] = ()  # ISO dates in UTC, or no dates at all
    methods: Sequence[Raw] = ()
    paths: Sequence[Raw] = ()
    statuses: Sequence[Raw] = ()
    addresses: Sequence[Raw] = ()
    agents: Sequence[Raw] = ()
    extent: Callable[[int], Extent] = _no_extent
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def lines(self) -> int:
        """How many lines these are."""
        return len(self.days) + self.reasons.total()


class Reader(Protocol):
    """A format."""

    def read(self, lines: bytes) -> Iterator[Batch]:
        """Whole lines, each ended by a newline."""
        ...


def utc_day(stamp: bytes) -> str:
    """The UTC date of "22/Nov/2026:23:59:59 +0100"; NO_DAY where it is none."""
    return _utc_day(stamp[:17] + stamp[20:])  # the second does not matter


@lru_cache(4096)
def _utc_day(minute: bytes) -> str:
    found = _STAMP.fullmatch(minute)
    if found is None or found[2].decode() not in _MONTHS:
        return NO_DAY
    day, year, hour, minutes = (int(found[n]) for n in (1, 3, 4, 5))
    offset = timedelta(hours=int(found[7]), minutes=int(found[8]))
    try:
        local = datetime(year, _MONTHS[found[2].decode()], day, hour, minutes, tzinfo=UTC)
        moment = local - offset if found[6] == b"+" else local + offset
    except (ValueError, OverflowError):
        return NO_DAY
    return moment.date().isoformat()


@lru_cache(4096)
def day_of_seconds(seconds: int) -> str:
    """The UTC date of a Unix time; NO_DAY where that is beyond the calendar."""
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return NO_DAY
