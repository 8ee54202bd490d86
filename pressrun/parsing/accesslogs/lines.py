"""Logs of web servers, a line for each request: the Combined Log Format, and S3's server access logs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from pressrun.parsing.accesslogs.rows import Batch, Extent, utc_day

_QUOTED = rb'"((?:[^"\\\n]|\\.)*)"'
COMBINED: Final = re.compile(
    rb"^(\S+) \S+ [^\[\n]*?\[([^\]\n]{20,30})\] "  # address, identity, user, time
    rb'"([A-Za-z_-]+) ([^\s"]+)(?: [^"\n]*)?" (\d{3}) (\d+|-)'  # request, status, bytes
    rb"(?: " + _QUOTED + rb"(?: " + _QUOTED + rb")?)?[^\n]*$",
    re.M,
)
# S3 does not escape quotes: what a client sends as Referer or User-Agent can look like fields. So the line is read
# from its left, where no client writes, and the first block of numbers after the request is the status.
S3: Final = re.compile(
    rb"^\S+ \S+ \[([^\]\n]{20,30})\] (\S+) \S+ \S+ "  # owner, bucket, time, address, requester, request's id
    rb'(\w+)\.(\w+)\.(\w+) (\S+) "[^\n]*?" '  # operation, key, request
    rb"(\d{3}|-) \S+ (\d+|-) (?:\d+|-) (?:\d+|-) (?:\d+|-)"  # status, error, bytes, size, two times
    rb'(?: "([^"\n]*)"(?: "([^"\n]*)")?)?[^\n]*$',
    re.M,
)
_ESCAPE = re.compile(rb'\\(["\\])')


class Combined:
    """The Combined Log Format of nginx, Apache and Caddy's `format`; the Common one lacks the agent."""

    def read(self, lines: bytes) -> Iterator[Batch]:
        """Whole lines."""
        found = COMBINED.findall(lines)
        columns = zip(*found, strict=True) if found else [()] * 8
        addresses, times, methods, targets, statuses, sizes, _, named = columns

        def extent(number: int) -> Extent:
            return b"", sizes[number]

        agents = [_ESCAPE.sub(rb"\1", agent) if b"\\" in agent else agent for agent in named]
        days = list(map(utc_day, times))
        yield Batch(days, methods, targets, statuses, addresses, agents, extent, _others(lines, len(found)))


class S3Log:
    """S3's server access logs, of 17 to 26 fields and whatever comes to be added."""

    def read(self, lines: bytes) -> Iterator[Batch]:
        """Whole lines."""
        found = S3.findall(lines)
        times, addresses, _, methods, kinds, keys, statuses, sizes, _, agents = (
            zip(*found, strict=True) if found else [()] * 10
        )

        def extent(number: int) -> Extent:
            return b"", sizes[number]

        asked = [
            method if kind == b"OBJECT" else method + b"." + kind
            for method, kind in zip(methods, kinds, strict=True)
        ]
        paths = [b"/" + key for key in keys]
        days = list(map(utc_day, times))
        yield Batch(days, asked, paths, statuses, addresses, agents, extent, _others(lines, len(found)))


def _others(lines: bytes, requests: int) -> Counter[str]:
    """Reasons for the lines that are no requests."""
    missing = lines.count(b"\n") - requests
    reasons: Counter[str] = Counter()
    if missing:
        blank = sum(not line.strip() for line in lines.split(b"\n")[:-1])
        reasons.update({"blank": blank, "malformed": missing - blank})
    return +reasons
