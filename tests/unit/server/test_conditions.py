"""Conditional and partial requests (RFC 9110, 13 and 14)."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

Ask = Callable[..., httpx.Response]

BEFORE = "Sun, 01 Feb 2026 08:29:59 GMT"
WRITTEN = "Sun, 01 Feb 2026 08:30:00 GMT"
AFTER = "Sun, 01 Feb 2026 08:30:01 GMT"


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({}, 200),
        ({"if_none_match": "{etag}"}, 304),
        ({"if_none_match": "W/{etag}"}, 304),
        ({"if_none_match": '"other", {etag}'}, 304),
        ({"if_none_match": '"a,b" ,, W/"c",{etag} , "d"'}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": " * "}, 304),
        ({"if_none_match": '"other"'}, 200),
        ({"if_none_match": ""}, 200),
        ({"if_none_match": "no quotes"}, 200),
        ({"if_none_match": '"open'}, 200),
        ({"if_none_match": "," * 60_000 + " " * 5_000 + "x"}, 200),
        ({"if_modified_since": BEFORE}, 200),
        ({"if_modified_since": WRITTEN}, 304),
        ({"if_modified_since": AFTER}, 304),
        ({"if_modified_since": "Sunday, 01-Feb-26 08:30:00 GMT"}, 304),
        ({"if_modified_since": "Sun Feb  1 08:30:00 2026"}, 304),
        ({"if_modified_since": "Sun, 01 Feb 2026 09:30:00 +0100"}, 304),
        ({"if_modified_since": "yesterday"}, 200),
        ({"if_modified_since": ""}, 200),
        ({"if_modified_since": "9" * 9_000}, 200),
        ({"if_modified_since": "Sun, 99 Feb 2026 08:30:00 GMT"}, 200),
        ({"if_none_match": '"other"', "if_modified_since": AFTER}, 200),
        ({"if_none_match": "{etag}", "if_modified_since": BEFORE}, 304),
        ({"if_match": "{etag}"}, 200),
        ({"if_match": "*"}, 200),
        ({"if_match": 'W/"w", {etag}'}, 200),
        ({"if_match": "W/{etag}"}, 412),
        ({"if_match": '"other"'}, 412),
        ({"if_match": "{etag}", "if_none_match": "{etag}"}, 304),
        ({"if_unmodified_since": BEFORE}, 412),
        ({"if_unmodified_since": WRITTEN}, 200),
        ({"if_unmodified_since": "yesterday"}, 200),
        ({"if_match": "{etag}", "if_unmodified_since": BEFORE}, 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions(ask: Ask, dated: str, conditions: dict[str, str], status: int, method: str) -> None:
    etag = ask(dated).headers["etag"]
    answer = ask(dated, method, **{name: value.replace("{etag}", etag) for name, value in conditions.items()})
    assert answer.status_code == status


def test_not_modified_carries_what_a_cache_updates_and_no_body(ask: Ask) -> None:
    whole = ask("/feed.xml")
    answer = ask("/feed.xml", if_none_match=whole.headers["etag"])
    assert (answer.status_code, answer.content) == (304, b"")
    for name in ("etag", "cache-control", "vary", "last-modified", "link", "access-control-allow-origin"):
        assert answer.headers[name] == whole.headers[name]
    assert not {"content-length", "content-type", "content-encoding"} & set(answer.headers)


@pytest.mark.parametrize(("path", "status"), [("/nothing/", 404), ("/gone/", 410), ("/old/", 301)])
def test_a_condition_is_for_what_would_succeed(ask: Ask, path: str, status: int) -> None:
    assert ask(path, if_none_match="*").status_code == status
    assert ask(path, if_match='"other"').status_code == status
    assert ask(path, range="bytes=0-1").status_code == status


def test_another_upload_of_the_same_bytes_is_not_modified(ask: Ask, site: object) -> None:
    etag = ask("/feed.xml").headers["etag"]
    site.delete("404.html")
    assert ask("/feed.xml", if_none_match=etag).status_code == 304


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("bytes=0-3", (206, b"0123", "bytes 0-3/10")),
        ("bytes=4-", (206, b"456789", "bytes 4-9/10")),
        ("bytes=9-9", (206, b"9", "bytes 9-9/10")),
        ("bytes=5-500", (206, b"56789", "bytes 5-9/10")),
        ("bytes=-3", (206, b"789", "bytes 7-9/10")),
        ("bytes=-500", (206, b"0123456789", "bytes 0-9/10")),
        ("Bytes = 0-0", (206, b"0", "bytes 0-0/10")),
        ("bytes=10-", (416, None, "bytes */10")),
        ("bytes=10-12", (416, None, "bytes */10")),
        ("bytes=-0", (416, None, "bytes */10")),
        ("bytes=3-1", (200, b"0123456789", None)),
        ("bytes=-", (200, b"0123456789", None)),
        ("bytes=a-b", (200, b"0123456789", None)),
        ("bytes=0-1,4-5", (200, b"0123456789", None)),
        ("bytes=0-1-2", (200, b"0123456789", None)),
        ("bytes=+1-2", (200, b"0123456789", None)),
        ("bytes=٣-٤", (200, b"0123456789", None)),
        ("bytes=" + "9" * 9_000 + "-", (200, b"0123456789", None)),
        ("bytes=" + " " * 60_000, (200, b"0123456789", None)),
        ("lines=0-1", (200, b"0123456789", None)),
        ("", (200, b"0123456789", None)),
    ],
)
def test_ranges(send: Ask, dated: str, wanted: str, expected: tuple[int, bytes | None, str | None]) -> None:
    status, body, extent = expected
    reply = send(dated.encode(), range=wanted.encode().decode("latin-1"))
    assert (reply.status, reply.headers.get("content-range")) == (status, extent)
    assert body is None or reply.body == body
    assert int(reply.headers["content-length"]) == len(reply.body)


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("{etag}", 206),
        ("W/{etag}", 200),
        ('"other"', 200),
        (WRITTEN, 206),
        (BEFORE, 200),
        (AFTER, 200),
        ("yesterday", 200),
    ],
)
def test_a_part_is_sent_of_the_same_version_alone(ask: Ask, dated: str, condition: str, status: int) -> None:
    etag = ask(dated).headers["etag"]
    answer = ask(dated, range="bytes=2-4", if_range=condition.replace("{etag}", etag))
    assert (answer.status_code, answer.content) == (status, b"234" if status == 206 else b"0123456789")


def test_a_date_within_the_second_of_the_change_is_no_proof(ask: Ask, dated: str, clock: object) -> None:
    clock.advance((WRITTEN_AT - clock.now().timestamp()) + 0.5)
    assert ask(dated, range="bytes=2-4", if_range=WRITTEN).status_code == 200


def test_a_part_is_sent_only_where_the_conditions_hold(ask: Ask, dated: str) -> None:
    etag = ask(dated).headers["etag"]
    assert ask(dated, range="bytes=2-4", if_none_match=etag).status_code == 304
    assert ask(dated, range="bytes=2-4", if_match='"other"').status_code == 412


def test_head_knows_no_ranges(ask: Ask, dated: str) -> None:
    answer = ask(dated, "HEAD", range="bytes=2-4")
    assert (answer.status_code, answer.headers["content-length"]) == (200, "10")
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(("wanted", "status"), [("bytes=0-", 416), ("bytes=-5", 200), ("bytes=-0", 416)])
def test_nothing_has_no_parts(ask: Ask, wanted: str, status: int) -> None:
    assert ask("/empty.mp3", range=wanted).status_code == status


def test_the_parts_of_a_recording_make_the_whole(ask: Ask) -> None:
    size = int(ask("/talk.mp3", "HEAD").headers["content-length"])
    parts = [ask("/talk.mp3", range=f"bytes={at}-{at + 999}").content for at in range(0, size, 1000)]
    assert b"".join(parts) == ask("/talk.mp3").content


def test_no_change_lies_in_the_future(ask: Ask, clock: object) -> None:
    clock.advance(-86_400 * 3000)
    answer = ask("/hello/")
    assert answer.headers["last-modified"] == "Wed, 13 Dec 2017 12:00:00 GMT"


WRITTEN_AT = 1769934600.0
