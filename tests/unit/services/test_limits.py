"""Rate limits: per address, network, domain and in all; nobody can be read from what is counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pressrun.adapters.local.sqlite import SqliteTable
from pressrun.services.limits import PARTITION, Ceilings, Limits, network_of
from tests.conftest import FrozenClock


@pytest.fixture
def table(tmp_path: Path) -> Iterator[SqliteTable]:
    table = SqliteTable(tmp_path / "catalogue.db")
    yield table
    table.close()


def limits(table: SqliteTable, clock: FrozenClock, **ceilings: int) -> Limits:
    return Limits(table, clock, lambda: b"key", Ceilings(**ceilings))


def test_a_network_has_its_share_and_gets_it_back_with_the_next_window(
    table: SqliteTable, clock: FrozenClock
) -> None:
    counted = limits(table, clock, network=2)
    assert [counted.network(f"198.51.100.{n}") for n in range(3)] == [True, True, False]
    assert counted.network("198.51.101.1")
    clock.advance(3600)
    assert counted.network("198.51.100.1")


def test_addresses_domains_and_everybody_have_their_share(table: SqliteTable, clock: FrozenClock) -> None:
    counted = limits(table, clock, address=1, domain=1, everybody=2)
    assert [counted.address("a"), counted.address("a"), counted.address("b")] == [True, False, True]
    assert [counted.domain(x) for x in ("a@x.org", "b@X.org", "b@y.org")] == [True, False, True]
    assert [counted.network(f"10.0.{n}.1") for n in range(3)] == [True, True, False]


def test_who_is_refused_counts_for_nobody_else(table: SqliteTable, clock: FrozenClock) -> None:
    """One network alone cannot use up what all have together."""
    counted = limits(table, clock, network=1, everybody=3)
    for _ in range(10):
        counted.network("198.51.100.1")
    assert counted.network("203.0.113.1")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("198.51.100.1", "198.51.100.254", True),
        ("198.51.100.1", "198.51.101.1", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:198.51.100.1", "198.51.100.7", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("", "no address", True),
    ],
)
def test_a_network_is_a_24_or_a_64(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) == same


def test_no_row_tells_who_was_counted_and_old_ones_are_removed(
    table: SqliteTable, clock: FrozenClock
) -> None:
    counted = limits(table, clock)
    for _ in range(2):
        counted.network("198.51.100.1")
        counted.domain("ada@example.org")
        clock.advance(3600)
    rows = list(table.query(PARTITION))
    assert len({row.sort.split()[1] for row in rows}) == len(rows) == 6
    assert not any("198.51" in row.sort or "example" in row.sort for row in rows)
    assert counted.sweep() == 3
    assert counted.sweep() == 0
    clock.advance(7200)
    assert counted.sweep() == 3
