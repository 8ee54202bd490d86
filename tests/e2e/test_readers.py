"""A reader's story in a real browser without JavaScript, against the real server and its outbox."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import cast

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import NEEDS_BROWSER, running

pytestmark = NEEDS_BROWSER
SAMPLE = Path(__file__).parents[2] / "content"
VIEWS = [(375, "light"), (375, "dark"), (1280, "light"), (1280, "dark")]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def address(tmp_path: Path, home: Path) -> Iterator[str]:
    """The sample publication's settings and one of its articles, served at an address of its own."""
    content = tmp_path / "content"
    content.mkdir()
    for name in ("pressrun.toml", "tides/the-tide-is-late.md", "assets/a-month-of-tides.jpg"):
        (content / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(SAMPLE / name, content / name)
    with running(r"http\S+:\d+", "serve", content, "--home", home) as url:
        yield url


def mail(home: Path, number: int) -> EmailMessage:
    """The mail of this number in the outbox, as soon as it is there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = sorted((home / "outbox").glob("*.eml"))
        if len(found) >= number:
            return cast("EmailMessage", message_from_bytes(found[number - 1].read_bytes(), policy=default))
        time.sleep(0.1)
    raise AssertionError(f"mail {number} did not come")


def link(found: EmailMessage, place: str) -> str:
    """A link in a mail's text."""
    part = found.get_body(("plain",))
    assert part is not None
    match = re.search(rf"http://\S+/api/{place}\?t=\S+", part.get_content())
    assert match is not None
    return match.group()


def fits(page: Page) -> bool:
    """Whether nothing scrolls sideways, and every field has a label."""
    named = "[...document.querySelectorAll('input:not([type=hidden]), select')].every(f => f.labels.length)"
    narrow = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    return bool(page.evaluate(f"{named} && {narrow}"))


def test_a_reader_subscribes_confirms_chooses_and_leaves(browser: Browser, address: str, home: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mailbox")
    page.goto(link(mail(home, 1), "confirm"))
    expect(page.get_by_role("heading", level=1)).to_have_text("One click to go")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed")
    page.goto(link(mail(home, 2), "preferences"))
    page.get_by_label("Slack Water letters").select_option("once a week")
    page.get_by_label("Name").fill("Ada <b>Marsh</b>")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    expect(page.get_by_label("Slack Water letters")).to_have_value("weekly")
    expect(page.get_by_label("Name")).to_have_value("Ada <b>Marsh</b>")
    page.get_by_label("Slack Water letters").select_option("not at all")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Slack Water letters")).to_have_value("")
    page.get_by_text("Forget me").first.click()
    page.get_by_label("Yes, remove everything").check()
    page.get_by_role("button", name="Forget me").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are forgotten")
    logs = "".join(path.read_text() for path in (home / "logs").glob("*"))
    assert "/api/confirm" in logs
    assert "t=" not in logs
    assert "ada@" not in logs


def test_forms_fit_every_screen_and_break_no_policy(browser: Browser, address: str, home: Path) -> None:
    """No page asks for anything elsewhere or runs into its own content security policy."""
    httpx.post(f"{address}/api/subscribe", data={"email": "ada@example.org", "rhythm.letters": "weekly"})
    confirm = link(mail(home, 1), "confirm")
    httpx.post(confirm)
    preferences = link(mail(home, 2), "preferences")
    said: list[str] = []
    for width, scheme in VIEWS:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        for target in (f"{address}/", f"{address}/late/", f"{address}/subscribe/", confirm, preferences):
            response = page.goto(target)
            assert response is not None
            assert response.status == 200, target
            assert fits(page), target
        page.goto(f"{address}/subscribe/")
        page.get_by_label("E-mail address").fill("ada@nowhere")
        page.get_by_role("button", name="Subscribe").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert fits(page)
    assert [line for line in said if "422" not in line] == []


def test_an_issue_arrives_after_its_cooling_off_and_one_click_ends_it(
    browser: Browser, address: str, home: Path, tmp_path: Path
) -> None:
    """Subscribed and confirmed through the outbox page, read there, left by one click; then nothing comes."""
    page = browser.new_page()
    page.goto(f"{address}/subscribe/")
    page.get_by_role("textbox", name="E-mail address").fill("ada@example.org")
    page.get_by_role("main").get_by_role("button").click()
    mail(home, 1)
    page.goto(f"{address}/outbox/")
    page.get_by_role("link", name=re.compile("confirm", re.I)).first.click()
    with page.expect_popup() as opened:
        page.frame_locator("iframe").get_by_role("link", name=re.compile("confirm", re.I)).click()
    opened.value.get_by_role("button").click()
    expect(opened.value.get_by_role("heading", level=1)).to_contain_text("subscribed")
    now = datetime.now(UTC).isoformat()
    settings = tmp_path / "content" / "pressrun.toml"
    settings.write_text(settings.read_text().replace("cooling_minutes = 1 ", "cooling_minutes = 0 "))
    article = tmp_path / "content" / "spring.md"
    article.write_text(f"---\ntitle: Spring tide\ndate: {now}\n---\nWater **high**.\n")
    page.goto(f"{address}/outbox/")
    issue = mail(home, 3)  # after the confirmation and the welcome
    assert issue["Subject"] == "Spring tide" and issue["To"] == "ada@example.org"
    page.goto(f"{address}/outbox/")
    page.get_by_role("link", name=re.compile("Spring tide")).click()
    expect(page.frame_locator("iframe").get_by_role("heading", level=1)).to_have_text("Spring tide")
    one_click = re.search(r"<(http[^>]+)>", issue["List-Unsubscribe"])
    assert one_click is not None and issue["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    answer = httpx.post(one_click[1], data={"List-Unsubscribe": "One-Click"}, follow_redirects=False)
    assert answer.status_code == 200
    article.with_name("neap.md").write_text(f"---\ntitle: Neap tide\ndate: {now}\n---\nWater low.\n")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    deadline = time.monotonic() + 60
    command = [sys.executable, "-c", "from pressrun.cli import main; main()", "issue", "list"]
    command += ["--content", str(tmp_path / "content"), "--home", str(home), "--format", "json"]
    while time.monotonic() < deadline:
        listed = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        if {one["title"]: one["state"] for one in listed}.get("Neap tide") == "sent":
            break
        time.sleep(0.5)
    assert {one["title"]: one["counts"] for one in listed}["Neap tide"] == {}
    assert len(list((home / "outbox").glob("*.eml"))) == 3
