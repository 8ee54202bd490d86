"""Addresses: what each means, what is refused, and where a redirect may lead."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from pressrun.server.paths import below

Ask = Callable[..., httpx.Response]


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/", "Home"),
        ("/index.html", "Home"),
        ("/hello/", "Hello"),
        ("/hello/index.html", "Hello"),
        ("/hello/?utm=1", "Hello"),
        ("/gr%C3%BC%C3%9Fe/", "Hello"),
        ("/%68ello/", "Hello"),
        ("/nothing/", "Missing"),
        ("/nothing", "Missing"),
        ("/hello/nothing.png", "Missing"),
        ("/HELLO/", "Missing"),
    ],
)
def test_an_address_shows_its_page_or_the_missing_one(ask: Ask, path: str, title: str) -> None:
    answer = ask(path)
    assert f"<title>{title}</title>" in answer.text
    assert answer.status_code == (404 if title == "Missing" else 200)


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/hello", "/hello/"),
        ("/hello?a=1&b=%20", "/hello/?a=1&b=%20"),
        ("/gr%C3%BC%C3%9Fe", "/gr%C3%BC%C3%9Fe/"),
        ("/old/", "/hello/"),
    ],
)
def test_a_page_is_found_at_its_own_address_alone(ask: Ask, path: str, location: str) -> None:
    answer = ask(path)
    assert (answer.status_code, answer.headers["location"]) == (301, location)


@pytest.mark.parametrize(
    "target",
    [
        b"//evil.test/hello",
        b"//evil.test/..",
        b"/%2fevil.test",
        b"/%2Fhello",
        b"//hello",
        b"/hello//",
        b"/\\evil.test",
        b"/%5cevil.test",
        b"/hello/../hello",
        b"/../site/index.html",
        b"/%2e%2e/objects.db",
        b"/%2e%2e%2fobjects.db",
        b"/..%5cobjects.db",
        b"/./hello",
        b"/hello%00",
        b"/%00",
        b"/hello%0d%0aX-Evil:%201",
        b"/.tmp/x",
        b"/%252e%252e/objects.db",
        b"/" + b"a" * 1100 + b"/",
        b"/" + b"%41" * 1300,
        b"/" + b"a/" * 30_000,
    ],
)
def test_a_hostile_address_is_missing_and_leads_nowhere(send: Ask, target: bytes) -> None:
    reply = send(target)
    assert reply.status == 404
    assert "location" not in reply.headers
    assert b"Missing" in reply.body


@pytest.mark.parametrize(
    "target", [b"/%", b"/%zz", b"/hello%4", b"/%ff", b"/%c3%28", b"/%ed%a0%80", b"hello", b"*"]
)
def test_a_broken_address_is_a_bad_request(send: Ask, target: bytes) -> None:
    assert send(target).status == 400


@pytest.mark.parametrize(
    ("path", "relative"),
    [
        ("/blog/", ""),
        ("/blog/a", "a"),
        ("/blog/a/b/", "a/b/"),
        ("/blog/a..b/...", "a..b/..."),
        ("/blog", None),
        ("/blogs/a", None),
        ("/blog//a", None),
        ("/blog/a//", None),
        ("/blog/../a", None),
        ("/blog/a/..", None),
        ("/blog/./a", None),
        ("/blog/a\\b", None),
        ("/blog/a\x00b", None),
        ("/blog/a\nb", None),
        ("/blog/a\x85b", None),
        ("/blog/" + "ü" * 512, "ü" * 512),
        ("/blog/" + "ü" * 513, None),
    ],
)
def test_what_can_be_a_key(path: str, relative: str | None) -> None:
    assert below(path, "/blog") == relative


def test_an_absolute_target_is_taken_for_its_path(send: Ask) -> None:
    assert send(b"http://other.test/hello/").status == 200
    assert send(b"http://other.test/hello").headers["location"] == "/hello/"
    assert send(b"http://other.test").status == 200


def test_no_line_break_reaches_a_header(send: Ask) -> None:
    reply = send(b"/hello?a\r\nX-Evil: 1")
    assert reply.headers["location"] == "/hello/?a%0D%0AX-Evil: 1"


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/", 302, "/blog/"),
        ("/?a=1", 302, "/blog/?a=1"),
        ("/blog", 302, "/blog/"),
        ("/blog/", 200, None),
        ("/blog/hello", 301, "/blog/hello/"),
        ("/blog/hello/", 200, None),
        ("/hello/", 404, None),
        ("/blogger/", 404, None),
        ("/blogshello/", 404, None),
        ("/blog/blog/", 404, None),
    ],
)
def test_a_site_below_a_path(
    serving: Callable[..., Ask], path: str, status: int, location: str | None
) -> None:
    answer = serving(base="/blog")(path)
    assert (answer.status_code, answer.headers.get("location")) == (status, location)


def test_a_site_may_stand_below_a_path_that_needs_encoding(serving: Callable[..., Ask]) -> None:
    ask = serving(base="/bl%C3%B6g")
    assert ask("/blög/hello/").status_code == 200
    assert ask("/").headers["location"] == "/bl%C3%B6g/"


def test_a_withdrawn_page_is_gone(ask: Ask) -> None:
    answer = ask("/gone/", if_none_match="*")
    assert (answer.status_code, answer.text) == (410, "<p>withdrawn</p>")


def test_without_a_missing_page_a_plain_text_says_so(ask: Ask, site: object) -> None:
    site.delete("404.html")
    answer = ask("/nothing/")
    assert (answer.status_code, answer.text) == (404, "Not found\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_nothing_can_be_changed(ask: Ask, method: str) -> None:
    answer = ask("/hello/", method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_reading_changes_nothing(ask: Ask, site: object) -> None:
    before = list(site.list())
    for path in ("/", "/hello", "/nothing/", "/gone/", "/old/", "/talk.mp3"):
        for method in ("GET", "HEAD", "OPTIONS", "POST"):
            ask(path, method)
    assert list(site.list()) == before


@pytest.mark.parametrize(
    "path", ["/", "/hello/", "/talk.mp3", "/nothing/", "/gone/", "/old/", "/hello", "/feed.xml"]
)
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_head_has_the_headers_of_get_and_no_body(send: Ask, path: str, encoding: str) -> None:
    get = send(path.encode(), accept_encoding=encoding)
    head = send(path.encode(), "HEAD", accept_encoding=encoding)
    assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")
    assert int(head.headers["content-length"]) == len(get.body) > 0
