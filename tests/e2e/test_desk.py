"""An editor's first days at the desk, in headless Chromium against the real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from pressrun import bootstrap
from pressrun.domain.subscribers import Subscriber, subscriber_id
from tests.e2e.browsing import NEEDS_BROWSER, running

pytestmark = NEEDS_BROWSER
SETTINGS = """
title = "The Tide Table"
[[authors]]
name = "Ada Marsh"
[[newsletters]]
slug = "letters"
name = "Letters"
sender = "letters@example.org"
postal_address = "1 Quay Street, Lisbon"
cooling_minutes = 10
"""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
PAGES = ("", "write", "issues", "subscribers", "reach", "health")


def article(title: str, body: str = "It rises.", *, minutes: int = 1) -> str:
    """An article dated a while ago, so that its issue cools off."""
    date = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="seconds")
    return f"---\ntitle: {title}\ndate: {date}\n---\n{body}\n"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    folder = tmp_path / "content"
    folder.mkdir()
    (folder / "pressrun.toml").write_text(SETTINGS)
    (folder / "tide.md").write_text("---\ntitle: The tide\ndate: 2026-01-01\n---\nIt rises.\n")
    house = bootstrap.local(folder, tmp_path / "home")
    for name in ("ada", "grace"):
        reader = Subscriber(
            address=f"{name}@example.org",
            state="active",
            lists={"letters": "article"},
            created="2026-01-01T00:00:00+00:00",
            confirmed="2026-01-01T00:00:00+00:00",
        )
        house.subscribers.change(subscriber_id(reader.address), lambda _, reader=reader: reader)  # type: ignore[misc]
    house.close()
    return folder


@pytest.fixture
def address(content: Path, tmp_path: Path) -> Iterator[str]:
    """`pressrun desk` as an editor starts it; the address that it prints."""
    found = r"http\S+/desk/\?token=\S+"
    with running(found, "desk", content, "--home", tmp_path / "home", "--no-open") as url:
        yield url


@pytest.fixture
def said() -> list[str]:
    """What the browser complains of: blocked by a policy, failed, thrown."""
    return []


@pytest.fixture
def page(browser: Browser, address: str, said: list[str]) -> Page:
    """The desk, opened with the printed address."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("Articles")
    return page


def go(page: Page, path: str) -> None:
    """Opens a page of the desk."""
    page.goto(f"{page.url.partition('/desk/')[0]}/desk/{path}")


def row(page: Page, key: str) -> Any:
    """A file's row among the uploads or the articles."""
    return page.locator(f'.piece[data-key="{key}"]').first


def test_an_upload_is_published_and_a_broken_file_says_where(
    page: Page, said: list[str], tmp_path: Path
) -> None:
    page.get_by_label("Into the folder").fill("posts")
    page.get_by_label("Files", exact=True).set_input_files(
        [
            {"name": "moon.md", "mimeType": "", "buffer": article("The moon").encode()},
            {"name": "broken.md", "mimeType": "", "buffer": b"---\ntitle: x\ndate: 31/02/2026\n---\n"},
        ]
    )
    expect(row(page, "posts/moon.md")).to_contain_text("published")
    expect(row(page, "posts/broken.md")).to_contain_text("posts/broken.md:3")
    expect(row(page, "posts/broken.md")).to_contain_text("write the year first")
    with page.expect_popup() as popup:
        row(page, "posts/moon.md").get_by_role("link", name="/moon/").click()
    expect(popup.value.get_by_role("heading", level=1)).to_have_text("The moon")
    assert said == []
    log = "".join(path.read_text() for path in (tmp_path / "home/logs").iterdir())
    assert "/moon/" in log
    assert "desk" not in log  # neither its requests nor where a reader of the site came from


def test_a_dropped_file_replaces_another_only_on_a_word(page: Page, content: Path) -> None:
    page.evaluate(
        """() => {
            const dropped = new DataTransfer();
            const text = "---\\ntitle: Another tide\\ndate: 2026-01-01\\n---\\nIt falls.\\n";
            dropped.items.add(new File([text], "tide.md"));
            const event = { dataTransfer: dropped, bubbles: true, cancelable: true };
            document.body.dispatchEvent(new DragEvent("drop", event));
        }"""
    )
    expect(row(page, "tide.md")).to_contain_text("There is a file of this name")
    assert "It rises." in (content / "tide.md").read_text()
    page.get_by_role("button", name="Replace it").click()
    expect(row(page, "tide.md")).to_contain_text("published")
    assert "It falls." in (content / "tide.md").read_text()
    go(page, "articles/one?key=tide.md")
    page.get_by_role("link", name="Compare with now").last.click()
    expect(page.locator(".diff .gone")).to_contain_text(["The tide", "It rises."])
    page.get_by_role("button", name="Go back to this version").click()
    expect(page.get_by_role("status").first).to_contain_text("is what it was")
    assert "It rises." in (content / "tide.md").read_text()


def test_an_article_is_withdrawn_and_restored(page: Page, content: Path) -> None:
    go(page, "articles/one?key=tide.md")
    page.get_by_role("button", name="Withdraw").click()
    expect(row(page, "tide.md")).to_contain_text("withdrawn")
    assert not (content / "tide.md").exists()
    row(page, "tide.md").get_by_role("link").first.click()
    page.get_by_role("button", name="Restore").click()
    expect(row(page, "tide.md")).to_contain_text("published")


def test_writing_shows_page_feed_and_mail_and_what_is_wrong(
    page: Page, content: Path, said: list[str]
) -> None:
    page.get_by_role("link", name="Write an article").click()
    text = page.get_by_role("textbox", name="Text")
    text.fill("---\ntitle: The moon\ndate: soon\n---\nIt *pulls*.\n")
    expect(page.locator("#findings")).to_contain_text("line 3")
    expect(page.locator("#gutter .error")).to_have_text("3")
    page.locator("#findings").get_by_role("button", name="line 3").click()
    assert page.evaluate("document.activeElement.id") == "text"
    text.fill(article("The moon", "It *pulls*."))
    for title in ("Page", "Feed entry", "Mail"):
        expect(page.frame_locator(f'iframe[title="{title}"]').locator("em")).to_have_text("pulls")
    text.press("Control+End")
    text.evaluate(
        """(text, pixel) => {
            const bytes = Uint8Array.from(atob(pixel), (one) => one.charCodeAt(0));
            const pasted = new DataTransfer();
            pasted.items.add(new File([bytes], "moon.png", { type: "image/png" }));
            text.dispatchEvent(new ClipboardEvent("paste", { clipboardData: pasted, bubbles: true, cancelable: true }));
        }""",
        PIXEL,
    )
    expect(text).to_have_value(re.compile(r"!\[\]\(moon\.png\)"))
    assert (content / "moon.png").is_file()
    expect(page.frame_locator('iframe[title="Page"]').locator('img[src$="/moon.png"]')).to_have_count(1)
    expect(page.locator("#findings")).not_to_contain_text("is not in the content")
    page.get_by_role("button", name="Save as a draft").click()
    expect(page.get_by_role("status").first).to_contain_text("saved as a draft")
    assert "draft: true" in (content / "the-moon.md").read_text()
    page.get_by_role("button", name="Publish").click()
    expect(row(page, "the-moon.md")).to_contain_text("published")
    assert said == []


def test_an_issue_is_stopped_tested_and_sent(page: Page, content: Path, tmp_path: Path) -> None:
    (content / "moon.md").write_text(article("The moon"))
    for _ in range(100):
        go(page, "issues")
        if page.locator(".countdown").count():
            break
        page.wait_for_timeout(200)
    expect(page.locator(".countdown")).to_contain_text(re.compile(r"goes out in \d+:\d\d"))
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("status").first).to_contain_text("is waiting: stopped by an editor")
    expect(page.frame_locator('iframe[title="Phone"]').get_by_text("It rises.", exact=True)).to_be_visible()
    page.get_by_label("Send a test to").fill("me@example.org")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("status").first).to_contain_text("on its way to me@example.org")
    page.get_by_text("Send now…").click()
    page.get_by_role("button", name="Send to 2 readers").click()
    expect(page.get_by_text("What became of it")).to_be_visible()
    expect(page.locator(".state").first).to_have_text("sent")
    page.get_by_label("What became of one reader's").fill("ada@example.org")
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_text("ada@example.org: sent")).to_be_visible()
    assert len(list((tmp_path / "home/outbox").glob("*.eml"))) == 3


def test_a_reader_is_found_and_suppressed(page: Page) -> None:
    go(page, "subscribers")
    page.get_by_label("Address").fill("Ada@Example.org")
    page.get_by_role("button", name="Look").click()
    expect(page.locator("#reader")).to_contain_text("active")
    page.get_by_text("Suppress…").click()
    page.get_by_label("Why; it is kept").fill("asked by phone")
    page.get_by_role("button", name="Suppress Ada@Example.org").click()
    expect(page.locator("#reader")).to_contain_text("suppressed")
    expect(page.locator("#reader")).to_contain_text("asked by phone")


def test_a_list_is_looked_at_before_it_is_taken_in(page: Page) -> None:
    go(page, "subscribers")
    rows = b"Email,Status\nlinus@example.org,active\nnobody,active\nada@example.org,unsubscribed\n"
    page.get_by_label("A CSV file or a zip").set_input_files(
        {"name": "list.csv", "mimeType": "", "buffer": rows}
    )
    page.get_by_role("button", name="See what would happen").click()
    expect(page.get_by_text("Nothing has been written yet")).to_be_visible()
    expect(page.locator(".problems")).to_contain_text("list.csv:3")
    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_text("The list is taken in")).to_be_visible()
    go(page, "subscribers?address=ada@example.org")
    expect(page.locator("#reader")).to_contain_text("unsubscribed")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as CSV").click()
    assert "linus@example.org" in download.value.path().read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible(
    browser: Browser, address: str, content: Path, scheme: Literal["light", "dark"]
) -> None:
    """axe-core finds nothing, nothing scrolls sideways at phone width, and no policy is run into."""
    axe = pytest.importorskip("axe_core_python.sync_playwright").Axe()
    run = "axe.run(document, { iframes: false }).then((found) => found.violations)"
    (content / "broken.md").write_text("---\ntitle: x\ndate: 31/02/2026\n---\n")
    (content / "moon.md").write_text(article("The moon"))
    page = browser.new_page(viewport={"width": 375, "height": 800}, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(address)
    for _ in range(100):
        go(page, "issues")
        if page.locator(".countdown").count():
            break
        page.wait_for_timeout(200)
    issue = page.locator(".piece-title").first.get_attribute("href")
    assert issue is not None
    more = ("articles/one?key=moon.md", "articles/one?key=broken.md", "write?key=tide.md", "write?key=broken.md",
            "subscribers?address=ada@example.org", issue.partition("/desk/")[2])  # fmt: skip
    for path in (*PAGES, *more):
        go(page, path)
        page.evaluate(axe.axe_script)
        found = page.evaluate(run)
        wrong = [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]
        assert wrong == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, path
    assert complaints == []


def test_the_desk_works_by_keyboard_and_tells_what_a_number_means(page: Page) -> None:
    go(page, "subscribers")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.define summary')"):
            break
    expect(page.get_by_text("Mail goes to them, and to nobody else.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Mail goes to them, and to nobody else.")).to_be_hidden()


def test_without_the_script_files_are_uploaded_and_texts_saved(
    browser: Browser, address: str, content: Path
) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address)
    page.get_by_label("Files", exact=True).set_input_files(
        {"name": "moon.md", "mimeType": "text/markdown", "buffer": article("The moon").encode()}
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("status").first).to_contain_text("Uploaded: moon.md")
    go(page, "write?key=tide.md")
    page.get_by_role("textbox", name="Text").fill("---\ntitle: The tide\ndate: soon\n---\nIt falls.")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#findings")).to_contain_text("line 3")
    assert "It rises." in (content / "tide.md").read_text()
