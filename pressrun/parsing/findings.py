"""Collects what is wrong with one file, so that its author hears everything at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from pressrun.domain.problems import Problem
from pressrun.errors import Invalid


@dataclass(slots=True)
class Findings:
    file: str
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def error(self, line: int, what: str, todo: str, code: str) -> None:
        self.errors.append(Problem(file=self.file, line=line, what=what, todo=todo, code=code))

    def warn(self, line: int, what: str, todo: str, code: str) -> None:
        self.warnings.append(
            Problem(file=self.file, line=line, what=what, todo=todo, code=code, severity="warning")
        )

    def raise_errors(self) -> None:
        if self.errors:
            raise Invalid(sorted(self.errors, key=lambda problem: problem.line))
