"""The contract of ObjectStore, for every backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from pressrun.adapters.aws.s3 import S3Store
from pressrun.adapters.local.files import FileStore
from pressrun.errors import Conflict, NotFound
from pressrun.ports import ObjectStore, Put

BACKENDS = ["files", "files by stat", "S3", "S3 with prefix"]
Together = Callable[[int, Callable[[int], Any]], list[Any]]


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    made: FileStore | S3Store
    if request.param.startswith("files"):
        made = FileStore(
            tmp_path / "site",
            tmp_path / "index.db",
            etags="stat" if request.param == "files by stat" else "content",
        )
    else:
        prefix = "site" if request.param == "S3 with prefix" else ""
        made = S3Store(request.getfixturevalue("s3"), request.getfixturevalue("bucket"), prefix)
    yield made
    made.close()


def text(key: str, body: bytes = b"x", **more: Any) -> Put:
    return Put(key=key, body=body, content_type="text/plain", **more)


def test_an_object_comes_back_as_it_was_put(store: ObjectStore) -> None:
    body = bytes(range(256)) * 40
    metadata = {"Revision": "17", "title": "Größe 100% – 漢字 🦊"}
    store.put(
        Put(key="a/b.bin", body=body, content_type="image/x", cache_control="no-cache", metadata=metadata)
    )

    blob = store.get("a/b.bin")

    assert body == blob.body
    assert (blob.content_type, blob.cache_control) == ("image/x", "no-cache")
    assert blob.metadata == {"revision": "17", "title": "Größe 100% – 漢字 🦊"}
    assert abs(datetime.now(UTC) - blob.modified) < timedelta(minutes=5)


@pytest.mark.parametrize(
    "body", [b"", b"\0", b"\r\n" * 3, b"m" * 3_000_000], ids=["none", "nul", "crlf", "3 MB"]
)
def test_any_bytes_are_a_body(store: ObjectStore, body: bytes) -> None:
    store.put(text("k", body))
    assert body == store.get("k").body
    assert [len(body)] == [stat.size for stat in store.list()]


def test_head_is_the_object_without_its_body(store: ObjectStore) -> None:
    store.put(text("k", b"body", metadata={"a": "b"}, cache_control="max-age=5"))
    head, blob = store.head("k"), store.get("k")
    assert head.body == b""
    assert (blob.etag, blob.metadata, blob.content_type) == (head.etag, head.metadata, head.content_type)
    assert head.cache_control == "max-age=5"


def test_what_is_not_there_is_not_found(store: ObjectStore) -> None:
    for read in (store.get, store.head):
        with pytest.raises(NotFound):
            read("none/such")
    store.delete("none/such")


@pytest.mark.parametrize(
    "key",
    ["", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/.b", ".a", "a\\b", "a\0b", "a\ud800", "é" * 513],
)
def test_what_is_no_key_is_never_found_nor_written(store: ObjectStore, key: str) -> None:
    with pytest.raises(NotFound):
        store.get(key)
    with pytest.raises(NotFound):
        store.head(key)
    with pytest.raises(ValueError, match="is no key"):
        store.put(text(key))
    with pytest.raises(ValueError, match="is no key"):
        store.put_many([text("good"), text(key)])
    with pytest.raises(ValueError, match="is no key"):
        store.delete(key)
    assert list(store.list()) == []


def test_a_deleted_object_is_gone(store: ObjectStore) -> None:
    store.put(text("a/b", metadata={"x": "1"}))
    store.delete("a/b")
    with pytest.raises(NotFound):
        store.get("a/b")
    store.put(text("a/b"))
    assert store.get("a/b").metadata == {}


def test_a_new_put_replaces_body_headers_and_metadata(store: ObjectStore) -> None:
    store.put(Put(key="k.html", body=b"old", content_type="text/x", cache_control="a", metadata={"x": "1"}))
    store.put(Put(key="k.html", body=b"new", content_type="text/html; charset=utf-8"))
    blob = store.get("k.html")
    assert (blob.body, blob.content_type, blob.cache_control) == (b"new", "text/html; charset=utf-8", "")
    assert blob.metadata == {}


def test_every_way_of_reading_gives_one_etag(store: ObjectStore) -> None:
    first = store.put(text("k", b"1", metadata={"x": "1"}))
    second = store.put(text("k", b"2", metadata={"x": "1"}))
    assert first != second
    assert {second} == {store.get("k").etag, store.head("k").etag, next(store.list()).etag}
    assert '"' not in second


def test_if_absent_writes_once(store: ObjectStore) -> None:
    store.put(text("k", b"first", if_absent=True))
    with pytest.raises(Conflict):
        store.put(text("k", b"second", if_absent=True))
    assert store.get("k").body == b"first"


def test_if_match_refuses_an_older_etag(store: ObjectStore) -> None:
    old = store.put(text("k", b"1"))
    new = store.put(text("k", b"2", if_match=old))
    with pytest.raises(Conflict):
        store.put(text("k", b"3", if_match=old, metadata={"rev": "3"}))
    blob = store.get("k")
    assert (b"2", new, {}) == (blob.body, blob.etag, blob.metadata)


def test_if_match_conflicts_where_nothing_is_stored(store: ObjectStore) -> None:
    etag = store.put(text("k"))
    store.delete("k")
    with pytest.raises(Conflict):
        store.put(text("k", if_match=etag))
    assert list(store.list()) == []


def test_many_puts_stand_each_on_its_own(store: ObjectStore) -> None:
    store.put(text("taken"))
    puts = [text(f"n/{number}", b"%d" % number) for number in range(150)]
    puts.insert(70, text("taken", if_absent=True))

    results = store.put_many(puts)

    assert [place for place, result in enumerate(results) if isinstance(result, Conflict)] == [70]
    assert all(
        store.get(put.key).etag == result
        for put, result in zip(puts, results, strict=True)
        if put.key != "taken"
    )
    assert store.put_many([]) == []


def test_list_orders_by_the_bytes_of_the_key(store: ObjectStore) -> None:
    keys = [
        "a!",
        "a.txt",
        "a/0",
        "a/b/c",
        "a/b-c",
        "a0",
        "Z",
        "z",
        "é",
        "e\u0301",
        "\uff5e",
        "\U0001f98a",
        "漢/字",
    ]
    store.put_many([text(key) for key in keys])
    assert sorted(keys, key=str.encode) == [stat.key for stat in store.list()]
    assert store.get("\U0001f98a").body == b"x"


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("a", ["a.txt", "a/1", "a/12", "a/b/3", "ab/4"]),
        ("a/", ["a/1", "a/12", "a/b/3"]),
        ("a/1", ["a/1", "a/12"]),
        ("a/b/", ["a/b/3"]),
        ("a/b/3/", []),
        ("none/", []),
        ("a//", []),
        ("../", []),
        (".", []),
    ],
)
def test_list_takes_any_prefix(store: ObjectStore, prefix: str, found: list[str]) -> None:
    store.put_many([text(key) for key in ("a.txt", "a/1", "a/12", "a/b/3", "ab/4", "b")])
    assert found == [stat.key for stat in store.list(prefix)]


@pytest.mark.parametrize("store", BACKENDS[:3], indirect=True)
def test_list_goes_on_after_a_thousand(store: ObjectStore) -> None:
    keys = [f"n/{number:05}" for number in range(1_003)]
    store.put_many([text(key) for key in keys])
    assert keys == [stat.key for stat in store.list("n/")]


# --- together ---


@pytest.fixture(params=[*BACKENDS[:3], "SeaweedFS"])
def contended(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    made: FileStore | S3Store
    if request.param == "S3":
        made = S3Store(request.getfixturevalue("s3"), request.getfixturevalue("bucket"))
        yield made
    elif request.param == "SeaweedFS":
        client = boto3.client(
            "s3",
            endpoint_url=request.getfixturevalue("seaweed_url"),
            region_name="eu-west-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"total_max_attempts": 3, "mode": "standard"}),
        )
        made = S3Store(client, "ready", uuid4().hex)
        yield made
        client.close()
    else:
        made = FileStore(tmp_path / "site", etags="stat" if request.param == "files by stat" else "content")
        yield made
    made.close()


def test_no_update_by_compare_and_swap_is_lost(contended: ObjectStore, together: Together) -> None:
    contended.put(text("counter.txt", b"0000"))

    def add(_: int) -> None:
        for _ in range(8):
            while True:
                blob = contended.get("counter.txt")
                try:
                    contended.put(text("counter.txt", b"%04d" % (int(blob.body) + 1), if_match=blob.etag))
                except Conflict:
                    continue
                break

    together(6, add)
    assert contended.get("counter.txt").body == b"0048"


def test_of_many_who_create_an_object_one_wins(contended: ObjectStore, together: Together) -> None:
    def create(number: int) -> list[int]:
        won = []
        for race in range(10):
            try:
                contended.put(text(f"race/{race}", b"%d" % number, if_absent=True))
            except Conflict:
                continue
            won.append(race)
        return won

    winners = together(6, create)
    assert list(range(10)) == sorted(race for won in winners for race in won)
    for number, won in enumerate(winners):
        assert all(contended.get(f"race/{race}").body == b"%d" % number for race in won)


@pytest.mark.parametrize("backend", ["files", "S3"])
def test_a_reader_sees_an_object_whole(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path, together: Together
) -> None:
    store: FileStore | S3Store = (
        FileStore(tmp_path / "site", tmp_path / "index.db")
        if backend == "files"
        else S3Store(request.getfixturevalue("s3"), request.getfixturevalue("bucket"))
    )
    store.put(text("k", b"0" * 5000))
    turns = 600 if backend == "files" else 40

    def write_or_read(number: int) -> None:
        for turn in range(turns):
            if number == 0:
                digit = str(turn % 10)
                metadata = {"digit": digit} if turn % 6 else {}
                store.put(text("k", digit.encode() * (5000 + turn), metadata=metadata))
            else:
                blob = store.get("k")
                assert set(blob.body.decode()) == {blob.metadata.get("digit") or str(len(blob.body) % 10)}
                assert bool(blob.metadata) == bool((len(blob.body) - 5000) % 6)

    together(3, write_or_read)
    store.close()
