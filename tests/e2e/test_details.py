"""What readers find around an article, in a real browser: opened feeds, ways to hand a page on, and more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.browsing import NEEDS_BROWSER, chromium, running

pytestmark = NEEDS_BROWSER


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The sample publication, served."""
    sample = Path(__file__).parents[2] / "content"
    with running(r"http\S+:\d+", "serve", sample, "--home", tmp_path_factory.mktemp("home")) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.mark.parametrize("name", ["feed.xml", "atom.xml", "tags/tides/feed.xml"])
def test_an_opened_feed_can_be_read(page: Page, address: str, name: str) -> None:
    """Titles and dates in the feed's style sheet, and no tags; nothing scrolls sideways."""
    page.goto(f"{address}/{name}")
    title = page.locator("item > title, entry > title").first
    expect(title).to_be_visible()
    expect(title).to_have_css("font-weight", "700")
    expect(page.locator("category").first).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    said = page.evaluate("getComputedStyle(document.documentElement, '::before').content")
    assert f"{address}/feeds/" in said


def test_a_feeds_address_is_copied(page: Page, address: str) -> None:
    page.goto(f"{address}/feeds/")
    page.get_by_role("button", name="Copy the address: RSS").click()
    assert page.evaluate("navigator.clipboard.readText()") == f"{address}/feed.xml"
    expect(page.get_by_role("status")).to_have_text("Copied")


def test_an_article_is_handed_on(page: Page, address: str) -> None:
    """By mail without a script; by copying with one; and nothing is asked of anybody else."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/the-tide-is-late/")
    mail = page.get_by_role("link", name="By mail", exact=True).first.get_attribute("href") or ""
    assert mail.startswith("mailto:?subject=The%20Tide%20Is%20Late&body=http%3A%2F%2F127.0.0.1")
    page.get_by_role("button", name="Copy link").click()
    assert page.evaluate("navigator.clipboard.readText()") == f"{address}/the-tide-is-late/"
    assert [url for url in asked if not url.startswith(address)] == []


def test_without_a_script_nothing_is_offered_that_does_not_work(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for path in ("/feeds/", "/the-tide-is-late/"):
        page.goto(address + path)
        expect(page.locator("main")).to_be_visible()
        expect(page.locator("[data-copy]:visible, [data-share]:visible")).to_have_count(0)
    context.close()
