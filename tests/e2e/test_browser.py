"""The reader's and the editor's story in a real browser, against the real server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.accesslogs import CHROME
from tests.e2e.browsing import NEEDS_BROWSER, PATIENCE, running

pytestmark = NEEDS_BROWSER
ARTICLE = "---\ntitle: {title}\ndate: 2026-01-01\ntags: [sea]\n{more}---\n{body}\n"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    folder = tmp_path / "content"
    folder.mkdir()
    (folder / "tide.md").write_text(ARTICLE.format(title="The tide", more="", body="It rises."))
    return folder


@pytest.fixture
def address(content: Path, tmp_path: Path) -> Iterator[str]:
    """`pressrun serve` as an editor starts it."""
    with serving(content, tmp_path / "home") as url:
        yield url


@contextmanager
def serving(content: Path, home: Path, *options: str) -> Iterator[str]:
    """The address of a server of its own."""
    with running(r"http\S+:\d+", "serve", content, "--home", home, *options) as url:
        yield url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


def test_an_open_page_follows_upload_edit_retitle_and_withdrawal(
    page: Page, address: str, content: Path
) -> None:
    """Nothing is reloaded by hand."""
    page.goto(address)
    expect(page.get_by_role("link", name="The tide")).to_be_visible()
    (content / "moon.md").write_text(ARTICLE.format(title="The moon", more="", body="It pulls."))
    expect(page.get_by_role("link", name="The moon")).to_be_visible()
    page.goto(f"{address}/moon/")
    expect(page.get_by_text("It pulls.")).to_be_visible()
    (content / "moon.md").write_text(ARTICLE.format(title="The moon", more="", body="It pulls the sea."))
    expect(page.get_by_text("It pulls the sea.")).to_be_visible()
    (content / "moon.md").write_text(ARTICLE.format(title="Our moon", more="", body="It pulls the sea."))
    expect(page.get_by_role("heading", level=1)).to_have_text("Our moon")
    (content / "moon.md").unlink()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Our moon")
    page.goto(address)
    expect(page.get_by_role("link", name="Our moon")).to_have_count(0)


def test_pages_need_no_script_and_break_no_policy(page: Page, address: str) -> None:
    """No page asks for anything from elsewhere, nor runs into its own content security policy."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in (
        "/",
        "/tide/",
        "/tags/",
        "/tags/sea/",
        "/authors/",
        "/archive/",
        "/archive/2026/",
        "/feeds/",
        "/popular/",
    ):
        response = page.goto(address + path)
        assert response is not None
        assert response.status == 200
        expect(page.get_by_role("main")).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert said == []
    assert [url for url in asked if not re.match(re.escape(address), url)] == []


def test_no_page_scrolls_sideways(page: Page, address: str, content: Path) -> None:
    """Long words, wide tables and long lines of code stay within the page at every width."""
    wide = f"{'x' * 300}\n\n| {' | '.join(['a wide column'] * 12)} |\n|{'---|' * 12}\n\n```\n{'y' * 400}\n```"
    (content / "wide.md").write_text(ARTICLE.format(title="W" * 120, more="", body=wide))
    page.goto(address)
    expect(page.get_by_role("link", name="W" * 120).first).to_be_visible()
    for width in (375, 768, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        for path in ("/", "/wide/", "/tags/sea/"):
            page.goto(address + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_skip_link_comes_first_and_leads_to_the_article(page: Page, address: str) -> None:
    """Whoever reads by keyboard passes the navigation with one key."""
    page.goto(f"{address}/tide/")
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.getAttribute('href')")
    assert focused.startswith("#")
    assert page.locator(focused).count() == 1


def test_a_page_shows_how_often_it_was_read(page: Page, address: str, content: Path) -> None:
    """A second after it was, with the count that it brought along. A headless browser says so, and is a bot."""
    clear_of_midnight()
    browser = page.context.browser
    assert browser is not None
    page = browser.new_page(user_agent=CHROME)
    page.set_default_timeout(60_000)
    (content / "moon.md").write_text(ARTICLE.format(title="The moon", more="views: 1204\n", body="It pulls."))
    expect_page(page, f"{address}/moon/", "It pulls.")
    come_to_show(page, f"{address}/moon/", "article header", "1,205 views")
    come_to_show(page, f"{address}/popular/", "main li:has-text('The moon')", "1,205 views")


def test_a_page_reports_that_it_was_read_where_there_is_no_log(
    page: Page, content: Path, tmp_path: Path
) -> None:
    """Once a day for a reader; a headless browser, which says so, is a bot here, too."""
    clear_of_midnight()
    (content / "pressrun.toml").write_text("[views]\nbeacon = true\n")
    (content / "moon.md").write_text(ARTICLE.format(title="The moon", more="views: 1204\n", body="It pulls."))
    with serving(content, tmp_path / "home", "--no-log") as address:
        with page.expect_response("**/api/view") as answer:
            page.goto(f"{address}/moon/")
        assert answer.value.status == 204
        assert page.context.browser is not None
        reader = page.context.browser.new_page(user_agent=CHROME)
        come_to_show(reader, f"{address}/moon/", "article header", "1,205 views")
        come_to_show(reader, f"{address}/popular/", "main li:has-text('The moon')", "1,205 views")
        assert not (tmp_path / "home" / "logs").exists()


def come_to_show(page: Page, url: str, where: str, text: str) -> None:
    """Opens a page over and over until it shows a number: the totals are written one after the other."""
    deadline = time.monotonic() + 120
    while True:
        page.goto(url)
        try:
            expect(page.locator(where).last).to_contain_text(text, timeout=2_000)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        else:
            return


def clear_of_midnight() -> None:
    """Waits where the day is about to end: a reader of two days is two views."""
    left = 86_400 - time.time() % 86_400
    if left < 200:
        time.sleep(left + 1)


def expect_page(page: Page, url: str, text: str) -> None:
    """Opens a page that is about to be published."""
    for _ in range(80):
        page.goto(url)
        if page.get_by_text(text).count():
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"{url} never came")
