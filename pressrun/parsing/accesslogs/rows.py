"""What all formats have in common: a row for each request, and a reason for each line that is none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol

Raw = str | bytes
Row = tuple[Raw, Raw, Raw, Raw, Raw, Raw, Raw, Raw]
"""day, address, method, path, status, agent, first, last, as the log writes them: encoded still.

`day` is an ISO date in UTC, or no date at all. `first` and `last` are the bytes of a range; where `first` is empty,
`last` is how many bytes were sent; "-" where the log does not say.
"""
NO_DAY: Final = "-"
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_STAMP = re.compile(rb"(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d)(?::\d\d)? ([+-])(\d\d)(\d\d)")


@dataclass(slots=True)
class Batch:
    """The lines of a block: every one is either a row or in `reasons`."""

    rows: Sequence[Row] = ()
    reasons: Counter[str] = field(default_factory=Counter)


class Reader(Protocol):
    """A format."""

    def read(self, lines: bytes) -> Batch:
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
