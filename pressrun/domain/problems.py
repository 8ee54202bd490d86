"""What is wrong with an author's file, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding. An `error` keeps the file from being published; a `warning` does not."""

    file: str
    line: int  # counts from 1; 0 stands for the file as a whole
    what: str
    todo: str
    code: str = "invalid"
    severity: Severity = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}; {self.todo}"
