"""A JSON object in each line: CloudFront's v2 logs (ours too), and Caddy's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import orjson

from pressrun.parsing.accesslogs.columns import RANGE, WANTED
from pressrun.parsing.accesslogs.rows import NO_DAY, Batch, Extent, day_of_seconds

Found = dict[str, Any]


class Objects:
    """Fields by name, in any order; a value that is no text, or a field that is not there, spoils its line only."""

    def read(self, lines: bytes) -> Iterator[Batch]:
        """Whole lines."""
        try:
            found: list[Found] = orjson.loads(b"[" + lines[:-1].replace(b"\n", b",") + b"]")
            batch = _batch(found)
        except (ValueError, KeyError, TypeError):
            batch = None
        if batch is None or len(found) != lines.count(b"\n"):
            reasons: Counter[str] = Counter()
            batch = _batch(_one_by_one(lines, reasons)) or Batch()
            batch.reasons = reasons
        yield batch


def _batch(found: list[Found]) -> Batch | None:
    """None where a value is no text. Raises KeyError, TypeError where one is missing."""
    columns = [list(map(itemgetter(name), found)) for name in WANTED]
    if any({*map(type, column)} - {str} for column in columns):
        return None

    def extent(number: int) -> Extent:
        first, last = (str(found[number].get(name, "-")) for name in RANGE)
        return first, last

    days, methods, paths, statuses, addresses, agents = columns
    return Batch(days, methods, paths, statuses, addresses, agents, extent)


def _one_by_one(lines: bytes, reasons: Counter[str]) -> list[Found]:
    kept = []
    for line in lines.split(b"\n")[:-1]:
        if not line.strip():
            reasons["blank"] += 1
            continue
        try:
            found = orjson.loads(line)
        except ValueError:
            found = None
        named = _named(found) if isinstance(found, dict) else None
        if named is None:
            reasons["malformed"] += 1
        else:
            kept.append(named)
    return kept


def _named(found: Found) -> Found | None:
    """The fields under CloudFront's names, all of them text."""
    named = _caddy(found, found["request"]) if isinstance(found.get("request"), dict) else found
    if "date" not in named and str(named.get("timestamp(ms)")).isdecimal():
        named["date"] = day_of_seconds(int(str(named["timestamp(ms)"])[:14]) // 1000)
    return named if all(isinstance(named.get(name), str) for name in WANTED) else None


def _caddy(found: Found, request: Found) -> Found:
    """https://caddyserver.com/docs/caddyfile/directives/log: `ts` in seconds, or as RFC 3339."""
    headers = request.get("headers")
    agents = headers.get("User-Agent") if isinstance(headers, dict) else None
    return {
        "date": _day(found.get("ts")),
        "c-ip": request.get("client_ip") or request.get("remote_ip"),
        "cs-method": request.get("method"),
        "cs-uri-stem": request.get("uri"),
        "sc-status": str(found.get("status")),
        "cs(User-Agent)": agents[0] if isinstance(agents, list) and agents else "",
        RANGE[0]: "",
        RANGE[1]: found.get("size"),
    }


def _day(time: Any) -> str:
    if isinstance(time, (int, float)) and abs(time) < 1e12:
        return day_of_seconds(int(time))
    try:
        return datetime.fromisoformat(time).astimezone(UTC).date().isoformat()
    except (ValueError, TypeError, OverflowError):
        return NO_DAY
