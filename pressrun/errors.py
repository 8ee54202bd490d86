"""The few errors that callers act on. Each is raised once and acted on once."""

from __future__ import annotations

from collections.abc import Sequence

from pressrun.domain.problems import Problem


class PressrunError(Exception):
    """The root of all errors that Pressrun raises on purpose."""


class NotFound(PressrunError):
    """Nothing is stored under this key."""


class Conflict(PressrunError):
    """A condition did not hold: somebody else wrote first. Read again and decide anew."""


class Transient(PressrunError):
    """The backend could not answer now; the same call may succeed later. It may also have been applied."""


class Permanent(PressrunError):
    """The backend refused and would refuse again."""


class Invalid(PressrunError):
    """An author's file is wrong. Carries every problem found, each with file, line and what to do."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)

    @classmethod
    def at(cls, file: str, line: int, what: str, todo: str, *, code: str = "invalid") -> Invalid:
        """The common case: one problem. `line` counts from 1; 0 stands for the file as a whole."""
        return cls([Problem(file=file, line=line, what=what, todo=todo, code=code)])
