"""The contract of Table, for every backend."""

from __future__ import annotations

import os
import random
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pressrun.adapters.aws.dynamodb import DynamoTable
from pressrun.adapters.local.sqlite import SqliteTable
from pressrun.errors import Conflict, Permanent
from pressrun.ports import ABSENT, MAX_ITEM, MAX_WRITE, Drop, Item, Save, Table

Together = Callable[[int, Callable[[int], Any]], list[Any]]
Race = Callable[..., list[str]]
Worker = Callable[..., subprocess.Popen[str]]


@pytest.fixture(params=["SQLite", "DynamoDB"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    made: SqliteTable | DynamoTable
    if request.param == "SQLite":
        made = SqliteTable(tmp_path / "rows.db", durable=False)
    else:
        made = DynamoTable(request.getfixturevalue("dynamodb"), request.getfixturevalue("dynamo_name"))
    yield made
    made.close()


def save(sort: str, item: Item | None = None, expect: int | None = None, partition: str = "p") -> Save:
    return Save(partition=partition, sort=sort, item={"x": sort} if item is None else item, expect=expect)


def drop(sort: str, expect: int | None = None) -> Drop:
    return Drop(partition="p", sort=sort, expect=expect)


def noise(seed: int, length: int) -> str:
    """Text that compression hardly makes smaller."""
    return b64encode(random.Random(seed).randbytes(length)).decode()[:length]


def version(table: Table, sort: str) -> int:
    row = table.get("p", sort)
    return row.version if row else ABSENT


# --- rows ---


def test_an_item_comes_back_as_it_was_saved(table: Table) -> None:
    item: Item = {
        "text": "Größe \0 漢字 🦊 \u2028",
        "empty": "",
        "none": None,
        "numbers": [0, -1, 2**53, 2**63 - 1, 0.1, 1e-300, 1.0],
        "flags": [True, False],
        "nested": {"": {"a b": [[], {}]}},
    }
    table.write([save("s", item)])
    row = table.get("p", "s")
    assert row is not None
    assert (row.partition, row.sort, row.item, row.version) == ("p", "s", item, 1)
    assert [type(number) for number in row.item["numbers"]] == [int] * 4 + [float] * 3  # type: ignore[union-attr]


def test_nothing_of_the_old_item_is_left(table: Table) -> None:
    items: list[Item] = [
        {"n": 1},
        {"x": 1},
        {"x": "y" * 9_000},
        {"x": 2},
        {"n": 2},
        {"x": "y" * 9_000},
        {"n": 3},
        {},
    ]
    for item in items:
        table.write([save("s", item)])
        row = table.get("p", "s")
        assert row is not None
        assert row.item == item


def test_what_is_not_there_is_none(table: Table) -> None:
    table.write([save("s")])
    assert table.get("p", "other") is None
    assert table.get("other", "s") is None
    assert table.get("", "s") is None
    assert table.get("p", "\ud800") is None
    assert table.get("p", "s" * 5000) is None
    assert list(table.query("other")) == []


@pytest.mark.parametrize("size", [3_000, 5_000, 100_000, MAX_ITEM])
@pytest.mark.parametrize("kind", ["noise", "prose"])
def test_items_of_any_size_up_to_the_limit_fit(table: Table, size: int, kind: str) -> None:
    room = size - len('{"t":""}')
    text = "la " * (room // 3) + "!" * (room % 3) if kind == "prose" else noise(1, room)
    table.write([save("s" * 1000, {"t": text}, partition="p" * 2000)])
    row = table.get("p" * 2000, "s" * 1000)
    assert row is not None
    assert row.item == {"t": text}


@pytest.mark.parametrize(
    "change",
    [
        save("s", {"t": "x" * MAX_ITEM}),
        save("s", {"t": "é" * (MAX_ITEM // 2)}),
        save("s", {"t": "\ud800"}),
        save("s", {"t": 2**70}),
        save("s", {"t": object()}),  # type: ignore[dict-item]
        save(""),
        save("s", partition=""),
        save("\ud800"),
        save("s" * 1024),
        save("s", partition="p" * 2049),
    ],
    ids=[
        "large",
        "large in bytes",
        "surrogate",
        "huge",
        "object",
        "no sort",
        "no partition",
        "key",
        "long",
        "longer",
    ],
)
def test_what_cannot_be_stored_is_refused_for_good(table: Table, change: Save) -> None:
    with pytest.raises(Permanent):
        table.write([change])
    with pytest.raises(Permanent):
        table.write([save("first"), change])
    with pytest.raises(Permanent):
        table.write_each([change])
    assert list(table.query("p")) == []


# --- versions ---


def test_a_version_grows_with_each_save(table: Table) -> None:
    for expected in (1, 2, 3):
        table.write([save("s", {"n": expected, "m": 1})])
        assert version(table, "s") == expected
    table.write([save("s", {"k": 4}, expect=3), save("t")])
    assert version(table, "s") == 4
    table.write_each([save("s")])
    assert version(table, "s") == 5


def test_a_row_that_was_dropped_begins_again(table: Table) -> None:
    table.write([save("s")])
    table.write([save("s")])
    table.write([drop("s")])
    assert version(table, "s") == ABSENT
    table.write([save("s", expect=ABSENT)])
    assert version(table, "s") == 1


@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a transaction"])
@pytest.mark.parametrize(
    ("stored", "change"),
    [
        (0, save("s", expect=1)),
        (2, save("s", expect=ABSENT)),
        (2, save("s", expect=1)),
        (2, save("s", expect=3)),
        (0, drop("s", expect=1)),
        (2, drop("s", expect=ABSENT)),
        (2, drop("s", expect=1)),
    ],
)
def test_a_condition_that_does_not_hold_conflicts(
    table: Table, stored: int, change: Save | Drop, together: bool
) -> None:
    for _ in range(stored):
        table.write([save("s", {"old": True})])
    with pytest.raises(Conflict):
        table.write([save("other"), change] if together else [change])
    assert version(table, "s") == stored
    assert table.get("p", "other") is None
    assert stored == 0 or [row.item for row in table.query("p")] == [{"old": True}]


@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a transaction"])
def test_a_condition_that_holds_writes(table: Table, together: bool) -> None:
    more = [save("other")] if together else []
    table.write([save("s", expect=ABSENT), *more])
    table.write([save("s", {"new": 1}, expect=1), *more])
    row = table.get("p", "s")
    assert row is not None
    assert (row.item, row.version) == ({"new": 1}, 2)
    table.write([drop("s", expect=2), *more])
    table.write([drop("s", expect=ABSENT), *more])
    table.write([drop("s"), *more])
    assert table.get("p", "s") is None


# --- transactions ---


def test_a_full_transaction_is_written_as_a_whole(table: Table) -> None:
    table.write([save(f"{number:03}") for number in range(MAX_WRITE)])
    changes: list[Save | Drop] = [
        save(f"{number:03}", {"new": number}, expect=1) for number in range(MAX_WRITE - 2)
    ]
    table.write([*changes, drop("098", expect=1), drop("099")])
    rows = list(table.query("p"))
    assert [row.item for row in rows] == [{"new": number} for number in range(MAX_WRITE - 2)]
    assert {row.version for row in rows} == {2}


@pytest.mark.parametrize("place", [0, 57, 99])
def test_one_condition_that_fails_undoes_all(table: Table, place: int) -> None:
    table.write([save("there")])
    changes: list[Save | Drop] = [save(f"{number:03}") for number in range(MAX_WRITE - 1)]
    changes.insert(place, save("there", expect=ABSENT))
    with pytest.raises(Conflict):
        table.write(changes)
    assert [row.sort for row in table.query("p")] == ["there"]


def test_no_write_is_too_large_or_names_a_row_twice(table: Table) -> None:
    with pytest.raises(Permanent, match="at most 100"):
        table.write([save(str(number)) for number in range(MAX_WRITE + 1)])
    with pytest.raises(Permanent, match="twice"):
        table.write([save("s"), drop("s")])
    with pytest.raises(Permanent, match="use several"):
        table.write([save(str(number), {"t": "x" * 300_000}) for number in range(14)])
    table.write([])
    assert list(table.query("p")) == []


# --- queries ---

SORTS = ["A", "a", "a\0", "a!", "aa", "b", "e\u0301", "z", "é", "\uff5e", "\U0001f98a"]


def test_a_query_orders_by_the_bytes_of_the_sort_key(table: Table) -> None:
    table.write_each([save(sort) for sort in reversed(SORTS)])
    table.write([save("a", partition="p2"), save("a", partition="P")])
    assert sorted(SORTS, key=str.encode) == SORTS
    assert [row.sort for row in table.query("p")] == SORTS
    assert [row.sort for row in table.query("p", descending=True)] == SORTS[::-1]


@pytest.mark.parametrize("limit", [None, 0, 1, 3, 100])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("low", "high"),
    [
        (None, None),
        ("a", None),
        (None, "b"),
        ("a", "b"),
        ("a\0", "z"),
        ("", "a"),
        ("aa0", "é"),
        ("b", "b"),
        ("z", "a"),
        ("0", ""),
        ("zz", "\U0001f98b"),
        ("\uff5e", "\U0001f98a"),
    ],
)
def test_a_query_gives_a_range(
    request: pytest.FixtureRequest, low: str | None, high: str | None, descending: bool, limit: int | None
) -> None:
    for table in request.getfixturevalue("filled"):
        expected = [sort for sort in SORTS if (low or "") <= sort and (high is None or sort < high)]
        expected = (expected[::-1] if descending else expected)[:limit]
        rows = table.query("p", low=low, high=high, descending=descending, limit=limit)
        assert [row.sort for row in rows] == expected


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, dynamodb: Any) -> Iterator[list[Table]]:
    name = "filled"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    tables: list[SqliteTable | DynamoTable] = [
        SqliteTable(tmp_path_factory.mktemp("filled") / "rows.db"),
        DynamoTable(dynamodb, name),
    ]
    for table in tables:
        table.write_each([save(sort) for sort in SORTS])
    yield list(tables)
    for table in tables:
        table.close()


@pytest.mark.parametrize("descending", [False, True])
def test_a_query_goes_on_after_a_row(table: Table, descending: bool) -> None:
    table.write_each([save(sort) for sort in SORTS])
    seen: list[str] = []
    low = high = None
    while page := [row.sort for row in table.query("p", low=low, high=high, descending=descending, limit=2)]:
        seen += page
        low, high = (None, page[-1]) if descending else (page[-1] + "\0", None)
    assert seen == (SORTS[::-1] if descending else SORTS)


@pytest.mark.parametrize("descending", [False, True])
def test_a_query_goes_on_after_a_page_of_the_backend(table: Table, descending: bool) -> None:
    """1 MB in DynamoDB; noise, which does not get smaller when it is compressed."""
    table.write_each([save(f"{n:02}", {"t": noise(n, 150_000)}) for n in range(12)])
    sorts = [f"{n:02}" for n in range(12)]
    assert [row.sort for row in table.query("p", descending=descending)] == sorts[:: -1 if descending else 1]
    found = [row.sort for row in table.query("p", low="01", high="10", limit=7, descending=descending)]
    assert found == (sorts[9:2:-1] if descending else sorts[1:8])


@pytest.mark.parametrize("table", ["SQLite"], indirect=True)
def test_a_query_goes_on_after_hundreds_of_rows(table: Table) -> None:
    table.write_each([save(f"{n:04}", {}) for n in range(1_100)])
    assert [row.sort for row in table.query("p")] == [f"{n:04}" for n in range(1_100)]
    assert [row.sort for row in table.query("p", descending=True, limit=700)][-1] == "0400"


def test_rows_can_be_dropped_while_they_are_queried(table: Table) -> None:
    table.write_each([save(f"{n:03}") for n in range(30)])
    for row in table.query("p"):
        table.write([drop(row.sort)])
    assert list(table.query("p")) == []


# --- scans ---


def test_a_scan_gives_every_row_of_every_partition_once(table: Table) -> None:
    wanted = {(partition, sort) for partition in ("p", "q é", "r/1") for sort in SORTS}
    table.write_each([save(sort, {"of": partition}, partition=partition) for partition, sort in wanted])
    table.increment("counter", "c")
    rows = list(table.scan())
    assert len(rows) == len(wanted) + 1
    assert {(row.partition, row.sort): row.item for row in rows} == {
        **{(partition, sort): {"of": partition} for partition, sort in wanted},
        ("counter", "c"): {"n": 1},
    }


def test_a_scan_goes_on_after_a_row_and_a_page_of_the_backend(table: Table) -> None:
    """1 MB in DynamoDB, hundreds of rows in SQLite."""
    table.write_each([save(f"{n:02}", {"t": noise(n, 150_000)}, partition=f"p{n}") for n in range(9)])
    table.write_each([save(f"{n:04}") for n in range(600)])
    rows = [(row.partition, row.sort) for row in table.scan()]
    assert len(set(rows)) == len(rows) == 609
    for place in (0, 300, 607, 608):
        assert [(row.partition, row.sort) for row in table.scan(after=rows[place])] == rows[place + 1 :]


def test_an_empty_table_has_nothing_to_scan(table: Table) -> None:
    assert list(table.scan()) == []


# --- many ---


def test_get_many_gives_what_exists(table: Table) -> None:
    table.write_each([save(f"{n:03}", {"n": n, "m": 0}) for n in range(0, 250, 2)])
    keys = [("p", f"{n:03}") for n in range(250)]
    found = table.get_many([*keys, *keys[:50], ("", "x"), ("p", "\ud800"), ("q", "000")])
    assert list(range(0, 250, 2)) == sorted(int(sort) for _, sort in found)
    assert all(
        row.item == {"n": int(key[1]), "m": 0} and (row.partition, row.sort) == key
        for key, row in found.items()
    )
    assert table.get_many([]) == {}


def test_write_each_saves_and_drops(table: Table) -> None:
    table.write_each(save(f"{n:04}") for n in range(50))
    table.write_each([*(drop(f"{n:04}") for n in range(25)), *(save(f"{n:04}") for n in range(25, 75))])
    assert [(row.sort, row.version) for row in table.query("p")] == [
        (f"{n:04}", 2 if n < 50 else 1) for n in range(25, 75)
    ]


# --- counters ---


def test_a_counter_counts_from_nothing(table: Table) -> None:
    assert [table.increment("p", "c") for _ in range(3)] == [1, 2, 3]
    row = table.get("p", "c")
    assert row is not None
    assert row.item == {"n": 3}
    assert [each.item for each in table.query("p")] == [{"n": 3}]
    assert table.get_many([("p", "c")])["p", "c"] == row


def test_a_counter_can_be_set_and_goes_on(table: Table) -> None:
    table.increment("p", "c")
    table.write([save("c", {"n": 41})])
    assert table.increment("p", "c") == 42
    assert version(table, "c") == 3


def test_a_counter_that_ends_counts_like_any_other(table: Table) -> None:
    """And is an ordinary row once something else is put into its place."""
    later = datetime.now(UTC) + timedelta(days=1)
    assert [table.increment("p", "c", until=later) for _ in range(2)] == [1, 2]
    assert table.increment("p", "c") == 3
    assert [row.item for row in table.scan()] == [{"n": 3}]
    table.write([save("c", {"n": 41})])
    assert [row.item for row in table.query("p")] == [{"n": 41}]


def test_a_counter_counts_each_of_many_at_once(table: Table, together: Together) -> None:
    numbers = together(6, lambda _: [table.increment("p", "c") for _ in range(20)])
    assert sorted(number for each in numbers for number in each) == list(range(1, 121))


# --- together ---


@pytest.mark.parametrize("more", [[], ["other"]], ids=["alone", "in a transaction"])
def test_no_update_by_compare_and_swap_is_lost(table: Table, together: Together, more: list[str]) -> None:
    table.write([save("s", {"total": 0})])

    def add(number: int) -> None:
        for _ in range(8):
            while True:
                row = table.get("p", "s")
                assert row is not None
                item: Item = {"total": int(str(row.item["total"])) + 1}
                try:
                    table.write([save("s", item, expect=row.version), *map(save, more)])
                except Conflict:
                    continue
                break

    together(6, add)
    row = table.get("p", "s")
    assert row is not None
    assert (row.item, row.version) == ({"total": 48}, 49)


def test_of_many_who_create_a_row_one_wins(table: Table, together: Together) -> None:
    def create(number: int) -> int:
        won = 0
        for race in range(15):
            try:
                table.write([save(str(race), {"by": number}, expect=ABSENT)])
            except Conflict:
                continue
            won += 1
        return won

    assert sum(together(6, create)) == 15


# --- SQLite only: other processes ---


def test_no_update_of_another_process_is_lost(tmp_path: Path, race: Race) -> None:
    path = tmp_path / "rows.db"
    with SqliteTable(path) as table:
        table.write([save("s", {"total": 0})])
        race(*[("add_to_row", path, 60)] * 3, *[("count_up", path, 400)] * 3)
        assert table.increment("p", "c") == 1201
        row = table.get("p", "s")
    assert row is not None
    assert (row.item, row.version) == ({"total": 180}, 181)


def test_a_killed_writer_leaves_whole_transactions(tmp_path: Path, worker: Worker) -> None:
    path = tmp_path / "rows.db"
    with SqliteTable(path) as table:
        for _ in range(4):
            process = worker("save_for_ever", path)
            assert process.stdout
            for _ in range(20):
                acknowledged = int(process.stdout.readline())
            process.kill()
            process.wait()
            left, right = table.query("p")
            assert left.item == right.item
            assert int(str(left.item["round"])) >= acknowledged


def test_a_forked_process_goes_on_with_the_table(tmp_path: Path) -> None:
    with SqliteTable(tmp_path / "rows.db") as table:
        table.write([save("before")])
        ready, go = os.pipe()
        child = os.fork()
        if child == 0:
            os.read(ready, 1)
            table.write([save("child")])
            os._exit(0)
        table.write([save("parent")])
        table.close()  # which empties and removes the log of a connection that the child may not have kept
        os.write(go, b"!")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        os.close(ready)
        os.close(go)
        assert [row.sort for row in table.query("p")] == ["before", "child", "parent"]
