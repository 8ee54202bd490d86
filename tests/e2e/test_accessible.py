"""axe-core on the page types that no other test looks at: lists, notices, what mails' links open, mails, figures."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.browsing import NEEDS_BROWSER, running

pytestmark = [
    *NEEDS_BROWSER,
    pytest.mark.slow,
]  # half a minute: the pages most looked at are in the other files
SAMPLE = Path(__file__).parents[2] / "content"
LISTS = (
    "/",
    "/archive/",
    "/archive/2026/",
    "/tags/",
    "/tags/tides/",
    "/authors/",
    "/authors/ines-falk/",
    "/popular/",
    "/readers/",
    "/subscribe/",
    "/was-das-papier-fuer-sich-behaelt/",
    "/stats/",
    "/outbox/",
)
# Mails are tables, without the landmarks of a page.
RUN_MAIL = """axe.run(document, { rules: { region: { enabled: false }, "landmark-one-main": { enabled: false } } })
  .then((found) => found.violations)"""
RUN = "axe.run(document, { iframes: false }).then((found) => found.violations)"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("accessible")


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """The sample publication, one of its articles withdrawn."""
    content = home / "content"
    shutil.copytree(SAMPLE, content)
    with running(r"http\S+:\d+", "serve", content, "--home", home) as url:
        (content / "charts/what-a-chart-leaves-out.md").unlink()
        yield url


@pytest.fixture(scope="module")
def mailed(address: str, home: Path) -> list[str]:
    """The pages that a reader's mails lead to, and the mails in the outbox."""
    httpx.post(f"{address}/api/subscribe", data={"email": "ada@example.org", "rhythm.letters": "article"})
    confirm = link(home, 1, "confirm")
    httpx.post(confirm)
    preferences = link(home, 2, "preferences")
    created = pressrun(home, "issue", "create", "letters", "tides/the-tide-is-late.md")
    issue = re.search(r"m-\d{4}-\d\d-\d\d-\w+", created)
    assert issue is not None
    pressrun(home, "issue", "send", issue[0], "--yes")
    leave = link(home, 3, "unsubscribe")
    names = [f"{address}/outbox/{path.name}/" for path in (home / "outbox").glob("*.eml")]
    assert [httpx.get(name).status_code for name in names] == [200] * 3
    return [confirm, preferences, leave, *names]


def pressrun(home: Path, *arguments: str) -> str:
    """What a command says of this publication."""
    command = [sys.executable, "-c", "from pressrun.cli import main; main()", *arguments]
    command += ["--content", str(home / "content"), "--home", str(home)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def link(home: Path, number: int, place: str) -> str:
    """A link in the text of the mail of this number, as soon as it is there."""
    for _ in range(600):
        found = sorted((home / "outbox").glob("*.eml"))
        if len(found) >= number:
            part = message_from_bytes(found[number - 1].read_bytes(), policy=default).get_body(("plain",))
            assert part is not None
            match = re.search(rf"http://\S+/api/{place}\?t=\S+", part.get_content())
            assert match is not None
            return match[0]
        time.sleep(0.1)
    raise AssertionError(f"mail {number} did not come")


def wrong_with(page: Page, axe_script: str, run: str = RUN) -> list[object]:
    page.evaluate(axe_script)
    found = page.evaluate(run)
    wrong: list[object] = [
        (one["id"], node["html"][-150:], node["failureSummary"]) for one in found for node in one["nodes"]
    ]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        wrong.append("it scrolls sideways")
    return wrong


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_other_page_is_accessible(
    browser: Browser, address: str, mailed: list[str], scheme: Literal["light", "dark"]
) -> None:
    """axe-core finds nothing, and nothing scrolls sideways on a phone."""
    axe = pytest.importorskip("axe_core_python.sync_playwright").Axe()
    page = browser.new_page(viewport={"width": 375, "height": 800}, color_scheme=scheme)
    gone = f"{address}/what-a-chart-leaves-out/"
    for _ in range(100):
        if httpx.get(gone).status_code == 410:
            break
        time.sleep(0.1)
    found = {}
    pages = {address + path: 200 for path in LISTS} | dict.fromkeys(mailed, 200)
    pages |= {gone: 410, f"{address}/no-such-page/": 404, f"{address}/api/confirm?t=broken": 410}
    for url, status in pages.items():
        response = page.goto(url)
        assert response is not None
        assert response.status == status, url
        if wrong := wrong_with(page, axe.axe_script):
            found[url] = wrong
        if "/outbox/" in url and not url.endswith("/outbox/"):
            page.goto("about:blank")  # the outbox shows it under a policy that runs nothing
            page.set_content(httpx.get(f"{url}html").text)
            if wrong := wrong_with(page, axe.axe_script, RUN_MAIL):
                found[f"{url}html"] = wrong
    assert found == {}
    page.close()
