"""What readers find around an article, in a real browser: opened feeds, ways to hand a page on, and more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.browsing import NEEDS_BROWSER, running

pytestmark = NEEDS_BROWSER


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The sample publication, served."""
    sample = Path(__file__).parents[2] / "content"
    with running(r"http\S+:\d+", "serve", sample, "--home", tmp_path_factory.mktemp("home")) as url:
        yield url


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
    mastodon = page.get_by_role("link", name="On Mastodon").get_attribute("href") or ""
    assert mastodon.startswith(
        "https://share.joinmastodon.org/#text=The%20Tide%20Is%20Late%20http%3A%2F%2F127"
    )
    page.get_by_role("button", name="Copy link").click()
    assert page.evaluate("navigator.clipboard.readText()") == f"{address}/the-tide-is-late/"
    assert [url for url in asked if not url.startswith(address)] == []


def test_related_articles_share_tags(page: Page, address: str) -> None:
    """Those beside it in its series are named there already."""
    page.goto(f"{address}/four-blocks-and-a-wave/")
    page.locator(".share").scroll_into_view_if_needed()
    related = page.get_by_role("region", name="Read on").get_by_role("link")
    expect(related.first).to_be_visible()
    found = related.all_text_contents()
    assert 0 < len(found) <= 4
    assert "Four Blocks and a Wave" not in found
    page.goto(f"{address}/the-tide-is-late/")
    page.locator(".share").scroll_into_view_if_needed()
    with page.expect_response("**/tags/tides/more.json"):
        page.reload()
    assert "A Tide Table of Your Own" not in page.locator(".related").text_content()


def test_without_a_script_nothing_is_offered_that_does_not_work(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for path in ("/feeds/", "/the-tide-is-late/"):
        page.goto(address + path)
        expect(page.locator("main")).to_be_visible()
        expect(page.locator("[data-copy]:visible, [data-share]:visible")).to_have_count(0)
    context.close()


def results(page: Page) -> list[str]:
    return page.locator(".hits h2").all_text_contents()


def test_articles_are_found_as_one_types(page: Page, address: str) -> None:
    """Titles before tags before texts, without accents and case, with the number said; nothing asked of others."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.get_by_role("navigation").get_by_role("link", name="Search").click()
    page.get_by_role("searchbox").press_sequentially("TIDÉS")
    expect(page.get_by_role("status")).to_contain_text("articles found")
    expect(page.locator(".hits p:not(.meta)").first).to_be_visible()
    found = results(page)
    assert {"The Tide Is Late", "A Tide Table of Your Own"} == set(found[:2])
    assert len(found) > 2
    expect(page.locator(".hits mark").first).to_have_text("Tide")
    page.get_by_role("searchbox").fill("wasserzeichen papier")
    expect(page.locator(".hits li")).to_have_count(1)
    expect(page.locator(".hits li")).to_have_attribute("lang", "de")
    expect(page.get_by_role("status")).to_have_text("1 article found")
    page.get_by_role("searchbox").fill("das wasserzeichen und the tide")
    expect(page.get_by_role("status")).to_contain_text("Nothing found")
    page.get_by_role("searchbox").fill("the tide and the sea")
    # Before titles that hold no more of it than a "the".
    expect(page.locator(".hits h2").nth(1)).to_have_text("A Tide Table of Your Own")
    page.get_by_role("searchbox").fill("was sich in das wasserzeichen")
    expect(page.get_by_role("status")).to_have_text("1 article found")
    page.get_by_role("searchbox").fill("zzzz")
    expect(page.get_by_role("status")).to_contain_text("Nothing found")
    assert [url for url in asked if not url.startswith(address)] == []


def test_search_goes_by_keyboard_and_by_address(page: Page, address: str) -> None:
    """Browsers come with the words in the address; arrows lead into what was found, Escape back."""
    page.goto(f"{address}/search/?q=liverpool")
    expect(page.locator(".hits a")).to_have_count(1)  # a word of the text alone
    page.get_by_role("searchbox").press("ArrowDown")
    expect(page.locator(".hits a").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("The Tide Is Late")


def test_without_a_script_search_shows_what_lists_everything(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/search/")
    expect(page.get_by_text("Search needs a script")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_count(0)
    expect(page.get_by_role("main").get_by_role("link", name="Archive")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readers_pages_are_accessible(
    browser: Browser, address: str, scheme: Literal["light", "dark"]
) -> None:
    """axe-core finds nothing on what came with series, search and feeds, and nothing scrolls sideways on a phone."""
    axe = pytest.importorskip("axe_core_python.sync_playwright").Axe()
    page = browser.new_page(viewport={"width": 375, "height": 800}, color_scheme=scheme)
    for path in ("/the-tide-is-late/", "/series/", "/series/reading-the-sea/", "/feeds/", "/search/?q=tide"):
        page.goto(address + path)
        if "q=" in path:
            expect(page.locator(".hits p:not(.meta)").first).to_be_visible()
        page.evaluate(axe.axe_script)
        found = page.evaluate("axe.run(document).then((found) => found.violations)")
        wrong = [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]
        assert wrong == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, path
    page.close()
