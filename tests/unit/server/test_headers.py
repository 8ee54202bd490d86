"""What browsers and other sites are told they may do with what is served."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from pressrun.ports import Put

Ask = Callable[..., httpx.Response]


@pytest.mark.parametrize("path", ["/", "/hello", "/nothing/", "/gone/", "/old/", "/talk.mp3", "/feed.xml"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_every_answer_confines_the_browser(ask: Ask, path: str, method: str) -> None:
    headers = ask(path, method).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["script-src"] == policy["style-src"] == policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert "camera=()" in headers["permissions-policy"]


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_upload_that_could_run_has_a_policy_of_its_own(serving: Callable[..., Ask], encoding: str) -> None:
    for live in (False, True):
        answer = serving(live=live)("/drawing.svg", accept_encoding=encoding)
        assert answer.headers.get_list("content-security-policy") == ["default-src 'none'"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_tls_is_asked_for_only_where_it_is_used(serving: Callable[..., Ask]) -> None:
    believing, doubting = serving(behind_proxy=True), serving()
    assert "strict-transport-security" not in doubting("/hello/", x_forwarded_proto="https").headers
    assert "strict-transport-security" not in believing("/hello/", x_forwarded_proto="http").headers
    assert "max-age=" in believing("/hello/", x_forwarded_proto="https").headers["strict-transport-security"]


@pytest.mark.parametrize(
    ("kind", "shared"),
    [
        ("application/rss+xml; charset=utf-8", True),
        ("application/atom+xml", True),
        ("application/feed+json", True),
        ("text/x-opml; charset=utf-8", True),
        ("text/html; charset=utf-8", False),
        ("image/png", False),
    ],
)
def test_readers_in_a_browser_may_fetch_feeds(ask: Ask, site: object, kind: str, shared: bool) -> None:
    site.put(Put(key="x.xml", body=b"x", content_type=kind))
    assert ask("/x.xml").headers.get("access-control-allow-origin") == ("*" if shared else None)
    preflight = ask("/x.xml", "OPTIONS", access_control_request_method="GET")
    assert preflight.status_code == 204
    assert ("If-None-Match" in preflight.headers.get("access-control-allow-headers", "")) is shared


def test_a_feed_that_a_browser_opens_is_plain_xml(ask: Ask, site: object) -> None:
    """It is shown in its style sheet; feed readers and scripts get it as a feed, and caches tell them apart."""
    opened, fetched = (ask("/feed.xml", sec_fetch_dest=dest) for dest in ("document", "empty"))
    assert opened.headers["content-type"] == "application/xml; charset=utf-8"
    assert (
        fetched.headers["content-type"] == ask("/feed.xml").headers["content-type"] == "application/rss+xml"
    )
    assert opened.headers["vary"] == fetched.headers["vary"] == "Accept-Encoding, Sec-Fetch-Dest"
    assert opened.headers["etag"] == fetched.headers["etag"]
    assert ask("/hello/", sec_fetch_dest="document").headers["vary"] == "Accept-Encoding"


def test_options_name_the_methods(send: Ask) -> None:
    assert send(b"*", "OPTIONS").headers["allow"] == "GET, HEAD, OPTIONS"
    assert send(b"/%zz", "OPTIONS").status == 204


def test_a_feed_names_its_hub(ask: Ask) -> None:
    assert ask("/feed.xml").headers["link"] == '<https://hub>; rel="hub"'
    assert "link" not in ask("/hello/").headers


def test_metadata_cannot_add_a_header(send: Ask, site: object) -> None:
    site.put(Put(key="a.txt", body=b"x", content_type="text/plain", metadata={"link": "<a>\r\nX-Evil: ü"}))
    reply = send(b"/a.txt")
    assert reply.headers["link"] == "<a>%0D%0AX-Evil: %C3%BC"
    assert "x-evil" not in reply.headers


@pytest.mark.parametrize(
    ("stored", "served"),
    [
        ("text/plain", "text/plain; charset=utf-8"),
        ("text/html; charset=utf-8", "text/html; charset=utf-8"),
        ("text/css; Charset=UTF-8", "text/css; Charset=UTF-8"),
        ("audio/mpeg", "audio/mpeg"),
        ("application/feed+json", "application/feed+json"),
        ("", "application/octet-stream"),
    ],
)
def test_the_media_type_is_the_stored_one(ask: Ask, site: object, stored: str, served: str) -> None:
    site.put(Put(key="x.bin", body=b"x", content_type=stored))
    assert ask("/x.bin").headers["content-type"] == served


def test_browsers_keep_what_the_publisher_allows(serving: Callable[..., Ask], site: object) -> None:
    style = Put(key="s.css", body=b"x", content_type="text/css", cache_control="max-age=9, immutable")
    site.put(style)
    ask, live = serving(), serving(live=True)
    for path in ("/hello/", "/feed.xml", "/talk.mp3", "/gone/", "/old/"):
        assert ask(path).headers["cache-control"] == "public, max-age=60"
        assert live(path).headers["cache-control"] == "no-cache"
    assert live("/s.css").headers["cache-control"] == "max-age=9, immutable"
    assert live("/hello").headers["cache-control"] == ask("/nothing/").headers["cache-control"] == "no-cache"


def test_a_store_that_cannot_answer_is_no_missing_page(serving: Callable[..., Ask], clock: object) -> None:
    answer = serving(site=Unreachable())("/hello/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


class Unreachable:
    """A store that is away."""

    def get(self, key: str) -> object:
        from pressrun.errors import Transient

        raise Transient(key)
