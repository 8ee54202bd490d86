"""Conditional and partial requests: what a client has, and which part it wants (RFC 9110, 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Literal

Verdict = Literal["proceed", "not modified", "failed"]
Span = tuple[int, int]

# Possessive: no header, however long, is looked at twice.
_TAG = re.compile(r'[\s,]*+((?:W/)?"[\x21\x23-\x7e\x80-\xff]*+")\s*+(?:,|$)')
_RANGE = re.compile(r"bytes\s*+=[\s,]*+([0-9]{0,18}+)\s*+-\s*+([0-9]{0,18}+)[\s,]*+", re.I)
_LONGEST_DATE = 64


def http_date(moment: datetime) -> str:
    """`moment` as HTTP writes it, in whole seconds."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def verdict(headers: Mapping[str, str], etag: str, modified: datetime) -> Verdict:
    """What the request's conditions say of a GET or HEAD on this representation (RFC 9110, 13.2.2).

    `etag` with its quotes. A date that is none is ignored, and every date is where there are tags.
    """
    if "if-match" in headers:
        if not _matches(headers["if-match"], etag, weakly=False):
            return "failed"
    elif "if-unmodified-since" in headers:
        since = _date(headers["if-unmodified-since"])
        if since and _seconds(modified) > _seconds(since):
            return "failed"
    if "if-none-match" in headers:
        return "not modified" if _matches(headers["if-none-match"], etag, weakly=True) else "proceed"
    since = _date(headers.get("if-modified-since", ""))
    return "not modified" if since and _seconds(modified) <= _seconds(since) else "proceed"


def wanted_span(
    headers: Mapping[str, str], etag: str, modified: datetime, now: datetime, size: int
) -> Span | Literal["all", "unsatisfiable"]:
    """The bytes that a GET asks for, as first and last position (RFC 9110, 14.2).

    "all" where it asks for no range, for several (14.2 allows it, and no player does), for one in a form that
    we do not know, or for one of another version (If-Range, 13.1.5).
    """
    found = _RANGE.fullmatch(headers.get("range", "").strip())
    if not found or not any(found.groups()) or not _still(headers.get("if-range", ""), etag, modified, now):
        return "all"
    first, last = found.groups()
    if first and last and int(last) < int(first):
        return "all"
    if not first:
        return _suffix(int(last), size)
    if int(first) >= size:
        return "unsatisfiable"
    return int(first), min(int(last), size - 1) if last else size - 1


def _suffix(length: int, size: int) -> Span | Literal["all", "unsatisfiable"]:
    if length == 0:
        return "unsatisfiable"
    return (max(0, size - length), size - 1) if size else "all"


def _matches(field: str, etag: str, *, weakly: bool) -> bool:
    if field.strip() == "*":
        return True
    tags, at = [], 0
    while found := _TAG.match(field, at):
        tags.append(found.group(1))
        at = found.end()
    return etag in ([tag.removeprefix("W/") for tag in tags] if weakly else tags)


def _still(condition: str, etag: str, modified: datetime, now: datetime) -> bool:
    """Whether If-Range holds; a date only where nothing can change any more within its second (8.8.2.2)."""
    if not condition:
        return True
    if '"' in condition:
        return condition.strip() == etag
    date = _date(condition)
    return (
        date is not None and _seconds(date) == _seconds(modified) and now - modified >= timedelta(seconds=1)
    )


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text[:_LONGEST_DATE])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _seconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
