"""Dates as authors write them. Every result is aware; what could be read in two ways is refused."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

_MONTHS = {
    name: number
    for number, names in enumerate(
        ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
         "september sep sept", "october oct", "november nov", "december dec"), 1)
    for name in names.split()
}  # fmt: skip
_ZONES = {"z": 0, "utc": 0, "gmt": 0, "ut": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7,
          "mdt": -6, "pst": -8, "pdt": -7}  # fmt: skip
_TIME = (
    r"(?:(?:[ T]|,\s|\sat\s)\s*(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"\s*(?P<ampm>[ap]\.?m\.?)?\s*(?P<zone>[+-]\d{2}:?\d{2}|[+-]\d{2}|[a-z]{1,4})?)?"
)
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_SHAPES = tuple(
    re.compile(shape + _TIME, re.I)
    for shape in (
        r"(?P<y>\d{4})(?P<sep>[-/.])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})",
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
        _WEEKDAY + r"(?P<month>[a-z]+)\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})",
        _WEEKDAY + r"(?P<d>\d{1,2})(?:st|nd|rd|th|\.)?[\s-]+(?P<month>[a-z]+)\.?,?[\s-]+(?P<y>\d{4})",
    )
)
_TWO_WAYS = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{2}|\d{4})\b")
_FILE_PREFIX = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[-_ T]|$)")
_FOLDERS = re.compile(r"(?:^|/)(\d{4})/(\d{1,2})/(\d{1,2})(?=/|$)")


class DateError(ValueError):
    """Not a date. `what` is wrong with it, and what `todo`."""

    def __init__(self, what: str, todo: str = "write it as 2024-05-31 or 2024-05-31 09:30 +02:00") -> None:
        super().__init__(what)
        self.what, self.todo = what, todo


def parse_date(text: str, zone: tzinfo) -> datetime:
    """The moment that `text` names; without an offset of its own it is in `zone`. Raises `DateError`."""
    cleaned = " ".join(text.split())
    for shape in _SHAPES:
        if match := shape.fullmatch(cleaned):
            return _moment(match.groupdict(), cleaned, zone)
    if two := _TWO_WAYS.match(cleaned):
        raise DateError(
            f"`{_short(text)}` can be read in two ways",
            f"write the year first: {_year_first(two[1], two[2], two[3])}",
        )
    raise DateError(f"`{_short(text)}` is not a date")


def from_native(value: datetime | date, zone: tzinfo) -> datetime:
    """A TOML date or datetime, made aware."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return _in_calendar(moment if moment.tzinfo else moment.replace(tzinfo=zone), str(value))


def from_path(path: str, zone: tzinfo) -> datetime | None:
    """The date in a path or file name: `posts/2024-05-31-title.md`, `2024/05/31/title`."""
    found = _FILE_PREFIX.match(path.rpartition("/")[2]) or _FOLDERS.search(path)
    if found is None:
        return None
    try:
        return _in_calendar(datetime(*(int(part) for part in found.groups()), tzinfo=zone), path)  # type: ignore[arg-type, misc]
    except ValueError:
        return None


def without_date(name: str) -> str:
    """A file name without its date prefix, unless there is nothing else in it."""
    found = _FILE_PREFIX.match(name)
    return name[found.end() :] or name if found else name


def _moment(parts: dict[str, str | None], text: str, zone: tzinfo) -> datetime:
    month = parts.get("m") or _MONTHS.get((parts.get("month") or "").lower())
    if month is None:
        raise DateError(
            f"`{_short(text)}` is not a date: no month is called `{_short(parts.get('month') or '')}`"
        )
    hour = int(parts["h"] or 0)
    if parts["ampm"]:
        if not 1 <= hour <= 12:
            raise DateError(f"`{_short(text)}` is not a time of day")
        hour = hour % 12 + (12 if parts["ampm"][0] in "pP" else 0)
    try:
        moment = datetime(
            int(parts["y"] or 0), int(month), int(parts["d"] or 0),
            hour, int(parts["mi"] or 0), int(parts["s"] or 0), int((parts["f"] or "0").ljust(6, "0")[:6]),
            tzinfo=_zone(parts["zone"], text, zone),
        )  # fmt: skip
    except ValueError:
        raise DateError(f"`{_short(text)}` is no day or time of the calendar") from None
    return _in_calendar(moment, text)


def _zone(text: str | None, whole: str, default: tzinfo) -> tzinfo:
    if not text:
        return default
    if text[0] in "+-":
        digits = text[1:].replace(":", "").ljust(4, "0")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        if int(digits[2:]) > 59 or offset > timedelta(hours=15):
            raise DateError(f"`{_short(whole)}` has an offset that no time zone has")
        return timezone(-offset if text[0] == "-" else offset) if offset else UTC
    if (hours := _ZONES.get(text.lower())) is None:
        raise DateError(f"`{_short(whole)}` names a time zone by letters", "write its offset, such as +02:00")
    return timezone(timedelta(hours=hours)) if hours else UTC


def _in_calendar(moment: datetime, text: str) -> datetime:
    """Refuses the ends of the calendar, where a change of time zone would overflow."""
    if not 1000 <= moment.year <= 9998:
        raise DateError(f"the year of `{_short(text)}` is outside of 1000 to 9998")
    return moment


def _year_first(first: str, second: str, year: str) -> str:
    full = year if len(year) == 4 else f"20{year}"
    readings = [
        f"{full}-{int(m):02}-{int(d):02}" for d, m in ((first, second), (second, first)) if int(m) <= 12
    ]
    return " or ".join(dict.fromkeys(readings)) or f"{full}-05-31"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
