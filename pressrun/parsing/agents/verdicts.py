"""Agents, classified. A verdict takes about 0.1 ms: callers keep the verdict of each distinct agent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote

import orjson
import re2

from pressrun.domain.views import MOST_SUBSCRIBERS

Kind = Literal["self", "reader", "mail", "bot", "human"]
OURS: Final = "Pressrun"  # how our own requests begin to introduce themselves
LONGEST: Final = 2048  # characters of an agent that are looked at
_FOLDER = Path(__file__).parent
_ESCAPED = re.compile(r"\\x([0-9A-Fa-f]{2})")
_REPORTED = re.compile(r"\b(\d{1,18}) +(?:subscriber|reader)s?\b")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`family` of a feed reader or mail service, and the subscribers that a reader of an allowed family reports."""

    kind: Kind
    family: str = ""
    subscribers: int = 0


def plain(agent: str) -> str:
    """The agent as it was sent: CloudFront percent-encodes it, some agents do so themselves, old logs write `\\x20`."""
    text = agent[: LONGEST * 3]
    if "\\x" in text:
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    for _ in range(2):
        if "%" not in text:
            break
        text = unquote(text, errors="replace")
    return text[:LONGEST]


def verdict(agent: str) -> Verdict:
    """Who a decoded agent is. Feed readers are looked for before bots: nearly every list of bots has them."""
    if agent.strip() in {"", "-"}:
        return Verdict("bot")
    if agent.startswith(OURS):
        return Verdict("self")
    data = agent.encode("utf-8", "replace")
    found = _readers()[0].Match(data)
    if found:
        family, kind = _readers()[1][min(found)]
        return (
            Verdict("mail", family) if kind == "mail" else Verdict("reader", family, _reported(kind, agent))
        )
    return Verdict("bot" if _bots().search(data) else "human")


def _reported(kind: str, agent: str) -> int:
    claimed = _REPORTED.search(agent) if kind == "reports" else None
    number = int(claimed[1]) if claimed else 0
    return number if number <= MOST_SUBSCRIBERS else 0


def _options() -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.never_capture = True
    return options


@cache
def _bots() -> Any:
    """All patterns as one automaton: linear time, whatever an agent looks like."""
    patterns = orjson.loads((_FOLDER / "bots.json").read_bytes())
    return re2.compile("|".join(f"(?:{pattern})" for pattern in patterns), _options())


@cache
def _readers() -> tuple[Any, list[tuple[str, str]]]:
    """Patterns in their order, the first that is found wins; and of each the family and kind."""
    patterns = re2.Set.SearchSet(_options())
    families = []
    for line in (_FOLDER / "readers.tsv").read_text("utf-8").splitlines()[1:]:
        family, pattern, kind = line.split("\t")
        patterns.Add(pattern)
        families.append((family, kind))
    patterns.Compile()
    return patterns, families
