"""Issues as rows: found by newsletter, by the time that they are due, and as long as they are not finished.

| partition | sort | what |
|---|---|---|
| `issue <newsletter>` | issue id | an Issue |
| `issues due` | instant#newsletter#id | an issue to be committed then |
| `issues open` | newsletter#id | an issue that is committed and not finished |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from pressrun.domain.issues import Issue, IssueState
from pressrun.domain.spans import instant
from pressrun.errors import Conflict, NotFound, Transient
from pressrun.ports import ABSENT, Drop, Row, Save, Table

MAX_TRIES = 20


class Issues:
    """Finds issues and changes them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, newsletter: str, identifier: str) -> Issue | None:
        """An issue as it is now."""
        row = self._table.get(f"issue {newsletter}", identifier)
        return _issue(newsletter, row) if row else None

    def of(self, newsletter: str) -> Iterator[Issue]:
        """All issues of a newsletter, in no certain order."""
        for row in self._table.query(f"issue {newsletter}"):
            yield _issue(newsletter, row)

    def under_way(self) -> Iterator[Issue]:
        """Issues that are committed and not finished."""
        for row in self._table.query("issues open"):
            newsletter, _, identifier = row.sort.partition("#")
            issue = self.get(newsletter, identifier)
            if issue is not None:
                yield issue

    def change(self, issue: Issue, decide: Callable[[Issue], Issue], *states: IssueState) -> Issue:
        """Applies `decide` to the issue as it is now, if it is in one of `states`; the issue as it is then."""
        for _ in range(MAX_TRIES):
            row = self._table.get(f"issue {issue.newsletter}", issue.id)
            if row is None:
                raise NotFound(f"there is no issue {issue.id} of {issue.newsletter}")
            there = _issue(issue.newsletter, row)
            if states and there.state not in states:
                return there
            after = decide(there)
            if after == there:
                return there
            changes: list[Save | Drop] = [
                Save(
                    partition=f"issue {issue.newsletter}",
                    sort=issue.id,
                    item=after.to_item(),
                    expect=row.version,
                )
            ]
            if there.due and there.due != after.due:
                changes.append(Drop(partition="issues due", sort=_due(there)))
            if after.due and after.state == "cooling":
                changes.append(Save(partition="issues due", sort=_due(after), item={}))
            if there.open != after.open:
                name = f"{issue.newsletter}#{issue.id}"
                changes.append(
                    Save(partition="issues open", sort=name, item={})
                    if after.open
                    else Drop(partition="issues open", sort=name)
                )
            try:
                self._table.write(changes)
            except Conflict:
                continue
            return after
        raise Transient(f"others keep changing {issue.id}")

    def due(self, now: datetime) -> Iterator[tuple[Issue, datetime]]:
        """Issues whose time has come, and when that was. Rows that an issue left behind are removed."""
        for row in list(self._table.query("issues due", high=f"{instant(now)}~")):
            due, newsletter, identifier = row.sort.split("#", 2)
            issue = self.get(newsletter, identifier)
            if issue is None or issue.state != "cooling" or issue.due != due:
                self._table.write_each([Drop(partition="issues due", sort=row.sort)])
            else:
                yield issue, datetime.fromisoformat(f"{due}+00:00")


def created(issue: Issue) -> list[Save | Drop]:
    """What makes a new issue, on condition that there is none of its name."""
    changes: list[Save | Drop] = [
        Save(partition=f"issue {issue.newsletter}", sort=issue.id, item=issue.to_item(), expect=ABSENT)
    ]
    if issue.state == "cooling":
        changes.append(Save(partition="issues due", sort=_due(issue), item={}))
    return changes


def _due(issue: Issue) -> str:
    return f"{issue.due}#{issue.newsletter}#{issue.id}"


def _issue(newsletter: str, row: Row) -> Issue:
    item: Any = row.item
    return Issue.from_item(newsletter, row.sort, item)
