"""Which document holds which entry: budgets, and an archive chain without a gap."""

from __future__ import annotations

from itertools import pairwise

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


@unhurried
@given(months)
def test_the_open_part_stands_in_the_subscription_document(by_month: list[list[int]]) -> None:
    everything = [entry for _, entries in filed(by_month) for entry in entries]
    written = {entry for archive in archive_plan(filed(by_month), SETTINGS) for entry in archive.ids}
    count = head_entries([entry.size for entry in reversed(everything)], SETTINGS)
    shown = {entry.id for entry in everything[len(everything) - count :]}
    assert {entry.id for entry in everything} == written | shown


@unhurried
@given(months)
def test_the_chain_of_older_archives_reaches_every_entry(by_month: list[list[int]]) -> None:
    filing = filed(by_month)
    everything = [(month, entry) for month, entries in filing for entry in entries][::-1]
    archives = {archive.name: archive for archive in archive_plan(filing, SETTINGS)}
    count = head_entries([entry.size for _, entry in everything], SETTINGS)
    reached = {entry.id for _, entry in everything[:count]}
    if count < len(everything):
        month, rest = everything[count]
        name = archive_holding(rest.id, month, dict(filing)[month], SETTINGS)
        while name:
            reached |= set(archives[name].ids)
            name = archives[name].older
    assert reached == {entry.id for _, entry in everything}


@unhurried
@given(months)
def test_newer_is_the_way_back(by_month: list[list[int]]) -> None:
    archives = archive_plan(filed(by_month), SETTINGS)
    for before, after in pairwise(archives):
        assert (before.newer, after.older) == (after.name, before.name)


@unhurried
@given(months, st.integers(0, 4))
def test_a_month_alone_is_planned_as_it_is_within_the_whole(by_month: list[list[int]], at: int) -> None:
    filing = filed(by_month)
    whole = archive_plan(filing, SETTINGS)
    alone = filing[at : at + 1]
    last = at >= len(filing) - 1
    names = [archive.name for archive in whole]
    mine = [archive for archive in whole if alone and archive.name.startswith(f"archive/{alone[0][0]}")]
    if mine:
        first = names.index(mine[0].name)
        older, newer = mine[0].older, mine[-1].newer
        assert archive_plan(alone, SETTINGS, older=older, newer=newer, newest=last) == tuple(mine)
        assert older == (names[first - 1] if first else "")


def test_nothing_published_has_no_archive_and_a_month_knows_its_entries() -> None:
    assert archive_plan([], SETTINGS) == ()
    one = [("2026-01", [Sized("a", 1)])]
    assert archive_plan(one, SETTINGS) == ()
    assert archive_plan(one, SETTINGS, newest=False) == (Archive(name="archive/2026-01/", ids=("a",)),)
    with pytest.raises(KeyError):
        archive_holding("b", "2026-01", [Sized("a", 1)], SETTINGS)
