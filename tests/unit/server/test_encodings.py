"""gzip: for whom, of what, and under which ETag (RFC 9110, 8.4 and 12.5.3)."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from pressrun.server.encodings import GzipCache, accepts_gzip

Send = Callable[..., object]


@pytest.mark.parametrize(
    ("field", "accepted"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("*", True),
        ("gzip;q=0.001", True),
        ("gzip ; q=0.5", True),
        ("identity;q=0.5, gzip;q=0.5", True),
        ("", False),
        ("identity", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("gzip;q=0.2, identity;q=0.9", False),
        ("gzip;q=2", False),
        ("gzip;q=-1", False),
        ("gzip;q=", False),
        ("gzip;level=9", False),
        ("notgzip", False),
    ],
)
def test_who_takes_gzip(field: str, accepted: bool) -> None:
    assert accepts_gzip(field) is accepted


def test_text_is_compressed_for_those_who_take_it(send: Send) -> None:
    plain, packed = send(b"/hello/"), send(b"/hello/", accept_encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body)
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"


def test_each_encoding_has_its_own_strong_etag(send: Send) -> None:
    plain, packed = send(b"/hello/").headers["etag"], send(b"/hello/", accept_encoding="gzip").headers["etag"]
    assert packed == f'{plain[:-1]}-gz"' != plain
    assert plain.startswith('"')
    assert send(b"/hello/", accept_encoding="gzip", if_none_match=plain).status == 200
    assert send(b"/hello/", accept_encoding="gzip", if_none_match=packed).status == 304
    assert send(b"/hello/", if_none_match=packed).status == 200


def test_compressed_bytes_are_the_same_at_any_time(exact: Callable[..., Send], clock: object) -> None:
    first = exact()(b"/hello/", accept_encoding="gzip").body
    clock.advance(100_000)
    assert exact()(b"/hello/", accept_encoding="gzip").body == first
    assert first[4:8] == bytes(4)


@pytest.mark.parametrize("path", [b"/talk.mp3", b"/hello/picture.png"])
def test_what_is_compressed_already_is_left_alone(send: Send, path: bytes) -> None:
    headers = send(path, accept_encoding="gzip").headers
    assert not {"content-encoding", "vary"} & set(headers)


def test_what_is_short_is_left_alone_and_still_varies(send: Send) -> None:
    headers = send(b"/short.txt", accept_encoding="gzip").headers
    assert "content-encoding" not in headers
    assert headers["vary"] == "Accept-Encoding"


def test_compressed_text_is_sent_whole(send: Send) -> None:
    packed = send(b"/hello/", accept_encoding="gzip", range="bytes=0-9")
    plain = send(b"/hello/", range="bytes=0-9")
    assert (packed.status, plain.status) == (200, 206)
    assert "accept-ranges" not in packed.headers


def test_an_edit_is_never_answered_from_memory(send: Send, site: object) -> None:
    from pressrun.ports import Put

    send(b"/hello/", accept_encoding="gzip")
    site.put(Put(key="hello/index.html", body=b"<p>new</p>" * 100, content_type="text/html; charset=utf-8"))
    assert gzip.decompress(send(b"/hello/", accept_encoding="gzip").body) == b"<p>new</p>" * 100


def test_memory_is_bounded_and_keeps_what_is_used() -> None:
    cache = GzipCache(limit=1000)
    bodies = {f"e{number}": bytes([number]) * 1000 for number in range(100)}
    first = cache.compress("e0", bodies["e0"])
    for etag, body in bodies.items():
        assert gzip.decompress(cache.compress(etag, body)) == body
        assert cache.compress("e0", bodies["e0"]) is first
    assert 0 < cache.size <= 1000


def test_what_is_larger_than_the_memory_is_not_kept() -> None:
    cache = GzipCache(limit=10)
    assert gzip.decompress(cache.compress("e", b"body" * 100)) == b"body" * 100
    assert cache.size == 0
