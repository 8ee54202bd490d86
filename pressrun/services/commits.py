"""Rows of many files: each file's all or none of them, and as many files to a transaction as it takes."""

from __future__ import annotations

from collections.abc import Sequence

from pressrun.errors import Conflict, Permanent
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
        together, after = _parted(distinct(changes))
        try:
            if together:
                self.table.write(together)
        except Conflict:
            if len(group) == 1:
                return {group[0][0].key}
            return set().union(*(self._write([part]) for part in group))
        except Permanent:  # too many bytes for one transaction
            if len(group) == 1:
                raise
            return set().union(*(self._write([part]) for part in group))
        self.table.write_each(after)
        self._turn += 1
        for work, _ in group:
            work.turn = self._turn
        return set()


def _parted(changes: list[Save | Drop]) -> tuple[list[Save | Drop], list[Save | Drop]]:
    """What one transaction takes, and what can follow it: word of links that an article has no longer.

    An article may refer to any number of files. Where somebody dies in between, one is looked at in vain.
    """
    if len(changes) <= MAX_WRITE:
        return changes, []
    hints = [change for change in changes if change.partition.startswith("uses ")]
    return [change for change in changes if not change.partition.startswith("uses ")], hints
