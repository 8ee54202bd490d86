"""What an author is told of a wrong file survives whoever dies while telling it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pressrun.adapters.local.files import FileStore
from pressrun.adapters.local.sqlite import SqliteTable
from pressrun.domain.problems import Problem
from pressrun.errors import Invalid
from pressrun.ports import Put
from pressrun.services.refusals import Refusals

WRONG = Problem(file="a.md", line=3, what="is wrong", todo="mend it", code="wrong")


class Desk:
    """Refusals on real backends, and what editors were told."""

    def __init__(self, root: Path) -> None:
        self.table = SqliteTable(root / "catalogue.db")
        self.reports = FileStore(root / "errors")
        self.told: list[str] = []
        self.refusals = Refusals(self.table, self.reports, lambda subject, _: self.told.append(subject))

    def refuse(self) -> None:
        self.refusals.refuse("a.md", "1", [WRONG], self.table.get("refused", "a.md"))

    def reported(self) -> list[str]:
        return [stat.key for stat in self.reports.list()]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.table.close()
    desk.reports.close()


def test_a_report_that_was_lost_is_written_again_and_nobody_told_twice(desk: Desk) -> None:
    """Who took it back died before the row was gone; or who refused, before it was written."""
    desk.refuse()
    desk.refusals.untell("a.md")
    assert desk.reported() == []
    desk.refuse()
    assert desk.reported() == ["a.md.json"]
    assert desk.told == ["Refused: a.md"]


def test_settings_that_are_right_take_back_what_was_said_of_files_and_variables(desk: Desk) -> None:
    """A variable is no file of the content: nothing lists it, and it is found by its mark. Articles stay refused."""
    desk.refuse()
    wrong = [
        Problem(file=name, line=0, what="is wrong", todo="mend it")
        for name in ("pressrun.toml", "$PRESSRUN_URL")
    ]
    desk.refusals.refuse_settings(Invalid(wrong))
    assert sorted(desk.reported()) == ["$PRESSRUN_URL.json", "a.md.json", "pressrun.toml.json"]
    desk.refusals.accept_settings(["pressrun.toml"])
    assert desk.reported() == ["a.md.json"]
    assert [row.sort for row in desk.table.query("refused")] == ["a.md"]


def test_a_refusal_that_stands_writes_nothing(desk: Desk) -> None:
    """Looked at again and again, as long as the file is wrong."""
    desk.refuse()
    row, stat = desk.table.get("refused", "a.md"), desk.reports.head("a.md.json")
    desk.refuse()
    assert (desk.table.get("refused", "a.md"), desk.reports.head("a.md.json")) == (row, stat)


class Dying(FileStore):
    """A store whose machine dies before a write."""

    def put(self, put: Put) -> str:
        raise KeyboardInterrupt


def test_whoever_dies_before_the_report_leaves_the_row(desk: Desk, tmp_path: Path) -> None:
    """Else there could be a report and no row, which nobody would ever take back."""
    refusals = Refusals(desk.table, Dying(tmp_path / "errors"), lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        refusals.refuse("a.md", "1", [WRONG], None)
    assert desk.table.get("refused", "a.md") is not None
    desk.refuse()
    assert desk.reported() == ["a.md.json"]
