"""Which of a picture's sizes a real browser loads."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e.browsing import NEEDS_BROWSER, PATIENCE, running
from tests.pictures import photo

pytestmark = NEEDS_BROWSER
BODY = "![A wall](wall.jpg)\n\n" + "Text.\n\n" * 400 + "![Far below](below.jpg)\n"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("content")
    (folder / "walk.md").write_text(f"---\ntitle: A walk\ndate: 2026-01-01\n---\n{BODY}")
    for name in ("wall.jpg", "below.jpg"):
        (folder / name).write_bytes(photo(2000, 1200))
    with running(r"http\S+:\d+", "serve", folder, "--home", tmp_path_factory.mktemp("home")) as url:
        yield url


@pytest.mark.parametrize(("width", "ratio", "expected"), [(390, 1, "480"), (390, 2, "800"), (1400, 1, "800")])
def test_a_browser_loads_the_size_that_it_shows(
    browser: Browser, address: str, width: int, ratio: int, expected: str
) -> None:
    """A phone does not load what a desk's screen does, and what is far below waits; nothing moves meanwhile."""
    context = browser.new_context(viewport={"width": width, "height": 800}, device_scale_factor=ratio)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/walk/", wait_until="networkidle")
    wall = [url for url in asked if "wall.jpg" in url]
    assert [re.findall(r"-(\d+)\.webp$", url) for url in wall] == [[expected]]
    assert not [url for url in asked if "below.jpg" in url]
    box = page.get_by_alt_text("A wall").bounding_box()
    assert box
    assert box["width"] / box["height"] == pytest.approx(2000 / 1200, rel=0.01)
    context.close()
