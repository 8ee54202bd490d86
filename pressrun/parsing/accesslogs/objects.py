"""A JSON object in each line: CloudFront's v2 logs (ours too), and Caddy's own."""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import Any

import orjson

from pressrun.parsing.accesslogs.columns import RANGE, WANTED
from pressrun.parsing.accesslogs.rows import NO_DAY, Batch, Row, day_of_seconds

_whole = itemgetter(*WANTED, *RANGE)


class Objects:
    """Fields by name, in any order; a value that is no text, or a field that is not there, spoils its line only."""

    def read(self, lines: bytes) -> Batch:
        """Whole lines."""
        try:
            rows: list[Row] = list(map(_whole, orjson.loads(b"[" + lines[:-1].replace(b"\n", b",") + b"]")))
        except (ValueError, KeyError, TypeError):
            return _one_by_one(lines)
        if len(rows) != lines.count(b"\n") or not _all_text(rows):
            return _one_by_one(lines)
        return Batch(rows)


def _all_text(rows: list[Row]) -> bool:
    return all({*map(type, column)} == {str} for column in zip(*rows, strict=True))


def _one_by_one(lines: bytes) -> Batch:
    rows: list[Row] = []
    reasons: Counter[str] = Counter()
    for line in lines.split(b"\n")[:-1]:
        if not line.strip():
            reasons["blank"] += 1
            continue
        try:
            found = orjson.loads(line)
        except ValueError:
            found = None
        row = _row(found) if isinstance(found, dict) else None
        if row is None:
            reasons["malformed"] += 1
        else:
            rows.append(row)
    return Batch(rows, reasons)


def _row(found: dict[str, Any]) -> Row | None:
    if isinstance(found.get("request"), dict):
        return _caddy(found, found["request"])
    day = found.get("date")
    if day is None and str(found.get("timestamp(ms)")).isdecimal():
        day = day_of_seconds(int(str(found["timestamp(ms)"])[:14]) // 1000)
    row = (day, *(found.get(name) for name in WANTED[1:]), *(found.get(name, "-") for name in RANGE))
    return row if all(isinstance(value, str) for value in row) else None


def _caddy(found: dict[str, Any], request: dict[str, Any]) -> Row | None:
    """https://caddyserver.com/docs/caddyfile/directives/log: `ts` in seconds, or as RFC 3339."""
    time, headers = found.get("ts"), request.get("headers")
    agents = headers.get("User-Agent") if isinstance(headers, dict) else None
    agent = agents[0] if isinstance(agents, list) and agents else ""
    size = found.get("size")
    row = (
        day_of_seconds(int(time)) if isinstance(time, (int, float)) and abs(time) < 1e12 else NO_DAY,
        request.get("client_ip") or request.get("remote_ip"),
        request.get("method"),
        request.get("uri"),
        str(found.get("status")),
        agent,
        "",
        str(size) if isinstance(size, int) else "-",
    )
    return row if all(isinstance(value, str) for value in row) else None  # type: ignore[return-value]
