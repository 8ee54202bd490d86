"""Which document holds which entry: budgets, and an archive chain without a gap."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pressrun.domain.feeds import (
    HEAD_BYTES,
    Archive,
    Sized,
    archive_holding,
    archive_name,
    archive_parts,
    archive_plan,
    head_entries,
)
from pressrun.domain.publication import FeedSettings

unhurried = settings(deadline=None)
SETTINGS = FeedSettings(entries=4, bytes=HEAD_BYTES + 1_000, max_bytes=HEAD_BYTES + 2_500, min_entries=2)
sizes = st.integers(1, 400) | st.integers(1, 4_000)
months = st.lists(st.lists(sizes, min_size=1, max_size=12), max_size=5)


def filed(by_month: list[list[int]]) -> list[tuple[str, list[Sized]]]:
    """Months from 2026-01 on, their entries oldest first, named "month.number"."""
    return [
        (f"2026-{month:02}", [Sized(f"{month}.{number}", size) for number, size in enumerate(found)])
        for month, found in enumerate(by_month, 1)
    ]


@pytest.mark.parametrize(
    ("newest_first", "expected"),
    [
        ([], 0),
        ([10] * 9, 4),
        ([400, 400, 400], 2),
        ([900, 900, 900], 2),
        ([900, 1_700, 10], 1),
        ([9_000, 10], 1),
    ],
)
def test_a_subscription_document_holds_what_its_budget_lets_in(
    newest_first: list[int], expected: int
) -> None:
    assert head_entries(newest_first, SETTINGS) == expected


def test_parts_are_filled_from_the_oldest_on() -> None:
    found = archive_parts(
        [Sized(name, size) for name, size in zip("abcdefgh", [1] * 5 + [995, 4, 9_999], strict=True)],
        SETTINGS,
    )
    assert found == [("a", "b", "c", "d"), ("e", "f"), ("g",), ("h",)]


def test_the_parts_of_a_month_have_names_that_last() -> None:
    assert [archive_name("2026-11", part) for part in range(3)] == [
        "archive/2026-11/",
        "archive/2026-11-2/",
        "archive/2026-11-3/",
    ]


@unhurried
@given(st.lists(sizes), sizes)
def test_a_newer_entry_changes_no_part_but_the_last(older: list[int], newest: int) -> None:
    entries = [Sized(str(number), size) for number, size in enumerate([*older, newest])]
    before, after = archive_parts(entries[:-1], SETTINGS), archive_parts(entries, SETTINGS)
    assert after[: len(before) - 1] == before[:-1]
    assert len(after) - len(before) in (0, 1)


@unhurried
@given(st.lists(sizes))
def test_a_part_keeps_to_its_budget(given_sizes: list[int]) -> None:
    size_of = {str(number): size for number, size in enumerate(given_sizes)}
    for part in archive_parts([Sized(*found) for found in size_of.items()], SETTINGS):
        assert len(part) <= SETTINGS.entries
        assert len(part) == 1 or sum(size_of[entry] for entry in part) <= SETTINGS.bytes - HEAD_BYTES


def planned(by_month: list[list[int]]) -> tuple[list[Archive], list[tuple[str, Sized]], int]:
    """The archives of all months as they are written one by one; all entries newest first; how many are shown."""
    filing = filed(by_month)
    everything = [(month, entry) for month, entries in filing for entry in entries][::-1]
    count = head_entries([entry.size for _, entry in everything], SETTINGS)
    shown = {entry.id for _, entry in everything[:count]}
    archives: list[Archive] = []
    older = ""
    for month, entries in filing:
        archives += archive_plan(month, entries, SETTINGS, shown=shown, older=older)
        parts = archive_parts(entries, SETTINGS)
        older = archive_name(month, len(parts) - 1) if parts else older
    return archives, everything, count


@unhurried
@given(months)
def test_what_is_not_shown_is_archived(by_month: list[list[int]]) -> None:
    """And nothing is archived whose every entry is shown."""
    archives, everything, count = planned(by_month)
    shown = {entry.id for _, entry in everything[:count]}
    archived = {entry for archive in archives for entry in archive.ids}
    assert {entry.id for _, entry in everything} == archived | shown
    assert all(set(archive.ids) - shown for archive in archives)


@unhurried
@given(months)
def test_the_chain_of_older_archives_reaches_every_entry(by_month: list[list[int]]) -> None:
    """From the subscription document back to the first entry ever published."""
    archives, everything, count = planned(by_month)
    by_name = {archive.name: archive for archive in archives}
    reached = {entry.id for _, entry in everything[:count]}
    if count < len(everything):
        month, rest = everything[count]
        name = archive_holding(rest.id, month, dict(filed(by_month))[month], SETTINGS)
        while name:
            reached |= set(by_name[name].ids)
            name = by_name[name].older
    assert reached == {entry.id for _, entry in everything}


def test_a_month_knows_its_entries() -> None:
    """An entry that is not the month's is an error of the caller."""
    with pytest.raises(KeyError):
        archive_holding("b", "2026-01", [Sized("a", 1)], SETTINGS)
