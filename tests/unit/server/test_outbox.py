"""The outbox's pages: what they show, to whom, and what a mail in them cannot do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from pressrun.adapters.local.outbox import Outbox
from pressrun.ports import Clock
from pressrun.server import AccessLog, SiteApp
from pressrun.server.outbox import OutboxPages
from tests.contract.mailers import letter, recipient

Get = Callable[..., httpx.Response]


@pytest.fixture
def outbox(tmp_path: Path, clock: Clock) -> Outbox:
    return Outbox(tmp_path / "outbox", clock)


@pytest.fixture
def get(make_app: Callable[..., SiteApp], outbox: Outbox, tmp_path: Path, clock: Clock) -> Get:
    import asyncio

    def ask(
        path: str,
        *,
        peer: str = "127.0.0.1",
        host: str = "localhost:8000",
        method: str = "GET",
        base: str = "",
    ) -> httpx.Response:
        log = AccessLog(tmp_path / "logs", clock)
        app = make_app(outbox=OutboxPages(outbox), log=log, base=base)

        async def talk() -> httpx.Response:
            transport = httpx.ASGITransport(app, client=(peer, 1))  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
                return await client.request(method, path)

        return asyncio.run(talk())

    return ask


def test_mails_are_listed_the_newest_first(get: Get, outbox: Outbox) -> None:
    assert "No mail yet" in get("/outbox/").text
    for number in (1, 2):
        outbox.send(letter(subject=f"<Letter> {number}"), [recipient(number)])
    page = get("/outbox/").text
    assert page.index("&lt;Letter&gt; 2") < page.index("&lt;Letter&gt; 1")
    assert "reader2@example.org" in page
    assert get("/outbox").headers["location"] == "/outbox/"


def test_a_mail_is_shown_with_its_text_headers_and_source(get: Get, outbox: Outbox) -> None:
    outbox.send(letter(html="<html><head></head><body><script>x</script></body></html>"), [recipient(1)])
    [name] = outbox.names()
    page = get(f"/outbox/{name}/")
    assert "Hello Reader 1" in page.text
    assert "List-Unsubscribe-Post" in page.text
    assert '<a href="https://example.org/api/unsubscribe?t=' in page.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    assert "<script>" not in page.text
    assert get(f"/outbox/{name}/source").content == outbox.read(name)
    assert get(f"/outbox/{name}").headers["location"] == f"/outbox/{name}/"


def test_a_mails_html_runs_nothing_and_opens_links_beside_it(get: Get, outbox: Outbox) -> None:
    outbox.send(letter(html="<html><head><title>x</title></head><body>y</body></html>"), [recipient(1)])
    html = get(f"/outbox/{outbox.names()[0]}/html")
    assert '<head><base target="_blank"><title>' in html.text
    policy = html.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox;")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy


def test_no_page_of_it_needs_what_its_policy_forbids(get: Get, outbox: Outbox) -> None:
    outbox.send(letter(), [recipient(1)])
    for path in ("/outbox/", f"/outbox/{outbox.names()[0]}/"):
        page = get(path)
        assert "default-src 'none'; style-src 'self'" in page.headers["content-security-policy"]
        assert " style=" not in page.text
        assert "<style" not in page.text
    assert get("/outbox/style.css").headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    "path", ["..%2fhome", "../catalogue.db", "%2e%2e/x", ".hidden.eml/", "x.eml/source", "x/y/z"]
)
def test_only_mails_are_shown(get: Get, outbox: Outbox, path: str) -> None:
    outbox.send(letter(), [recipient(1)])
    (outbox._folder / ".hidden.eml").write_bytes(b"x")
    assert get(f"/outbox/{path}").status_code == 404


@pytest.mark.parametrize(
    ("peer", "host", "status"),
    [
        ("127.0.0.1", "127.0.0.1:8000", 200),
        ("::1", "[::1]:8000", 200),
        ("192.0.2.1", "localhost", 404),
        ("127.0.0.1", "evil.example", 404),  # a page elsewhere whose name now leads here
    ],
)
def test_only_this_machine_sees_it(get: Get, peer: str, host: str, status: int) -> None:
    assert get("/outbox/", peer=peer, host=host).status_code == status


def test_it_is_no_part_of_the_site(get: Get, outbox: Outbox, tmp_path: Path) -> None:
    """It stands under the site's path, takes no changes, and is in no log."""
    assert get("/blog/outbox/", base="/blog").status_code == 200
    assert get("/outbox/", method="POST").status_code == 405
    assert not [path for path in (tmp_path / "logs").glob("**/*") if path.is_file() and path.stat().st_size]
    get("/hello/")
    assert [path for path in (tmp_path / "logs").glob("**/*") if path.is_file() and path.stat().st_size]
