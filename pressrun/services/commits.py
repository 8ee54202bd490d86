"""Rows of many files: each file's all or none of them, and as many files to a transaction as it takes."""

from __future__ import annotations

from collections.abc import Sequence

from pressrun.errors import Conflict
from pressrun.ports import MAX_WRITE, Drop, Save, Table
from pressrun.services.work import Work, distinct

Wanted = tuple[Work, list[Save | Drop]]


class Commits:
    """Writes them, and says of each file in which transaction."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._turn = 0

    def write(self, wanted: Sequence[Wanted]) -> set[str]:
        """Each file's changes or none of them, many files to a transaction; the keys whose changes conflict."""
        groups: list[list[Wanted]] = [[]]
        size = 0
        for work, changes in wanted:
            if changes and size + len(changes) > MAX_WRITE and groups[-1]:
                groups.append([])
                size = 0
            if changes:
                groups[-1].append((work, changes))
                size += len(changes)
        return set().union(*(self._write(group) for group in groups))

    def _write(self, group: list[Wanted]) -> set[str]:
        changes = [change for _, changes in group for change in changes]
        rows = {(change.partition, change.sort) for change in changes}
        if len(group) > 1 and len(rows) < sum(len(distinct(part)) for _, part in group):
            return set().union(
                *(self._write([part]) for part in group)
            )  # two files want one row: one after the other
        try:
            if changes:
                self.table.write(distinct(changes))
        except Conflict:
            if len(group) == 1:
                return {group[0][0].key}
            return set().union(*(self._write([part]) for part in group))
        self._turn += 1
        for work, _ in group:
            work.turn = self._turn
        return set()
