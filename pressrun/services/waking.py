"""Whose pages are to be made again, since they show something of what has just changed.

Asked after the rows are written. Files of one round are made with what the others' rows are about to say, and need
not come again for it: unless another worker could have read them between two transactions, the one that changed them
and a later one that holds what they were made with. That worker would put back what it had seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from pressrun.domain.urls import claim_of
from pressrun.ports import Table
from pressrun.services.series import files_around, looks_alike, series_around
from pressrun.services.work import Work


def to_wake(table: Table, works: Sequence[Work], again: set[str]) -> set[str]:
    """The files to publish again because of a round, of which `again` have not come to an end."""
    ended = [work for work in works if work.outcome is not None and work.key not in again]
    made = {work.key: work for work in ended if work.composed and not work.is_refused}
    found: set[str] = set()
    for work in ended:
        if work.awaken:
            users = {row.sort for row in table.query(f"uses {work.key}")}
            found |= {key for key in users if not _knew(made.get(key), work)}
        if (
            work.heir_of
        ):  # what referred to it by its former name was made with that, even where it comes along
            found |= {row.sort for row in table.query(f"uses {work.heir_of}")}
        for path in work.released:
            found |= {row.sort for row in table.query(f"waits {claim_of(path)}")}
        if work.stirred:
            near = files_around(table, work.stirred) - {work.key}
            found |= {key for key in near if not (work.composed and _knew(made.get(key), work))}
            if work.composed and not looks_alike(work.series, series_around(table, work.composed)):
                found.add(work.key)
    for work in works:
        if work.entered and (work.is_refused or work.key in again):
            found |= {key for key, other in made.items() if _may_show(other, work)}
    return found


def _knew(other: Work | None, work: Work) -> bool:
    """Whether another file of the round is made with what this one's row says, for whoever reads its own."""
    return (
        other is not None and work.entered is not None and not work.is_refused and 0 < work.turn <= other.turn
    )


def _may_show(other: Work, work: Work) -> bool:
    """Whether it was made with what this one's row was about to say, and does not."""
    if other.settled and work.key in other.settled.source.uses:
        return True
    return bool(other.composed and other.composed.series and work.composed and work.composed.series)
