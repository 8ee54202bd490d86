"""What a front matter block holds, whatever it is written in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time


class Plain(str):
    """Text written without quotes in YAML or a header line: it may stand for a number, a truth or nothing."""

    __slots__ = ()


Value = str | int | float | bool | None | date | datetime | time | list["Value"] | dict[str, "Value"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One metadata field. `line` counts from 1 in the whole file."""

    name: str
    value: Value
    line: int


class BrokenError(ValueError):
    """A block that cannot be read. `line` counts from 1 in the whole file."""

    def __init__(self, line: int, what: str, todo: str, code: str = "front-matter") -> None:
        super().__init__(what)
        self.line, self.what, self.todo, self.code = line, what, todo, code
