"""What a page costs a reader with a phone, as Chromium counts it: bytes, requests, and how far things move."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route

from tests.e2e.browsing import NEEDS_BROWSER, running

pytestmark = NEEDS_BROWSER
SAMPLE = Path(__file__).parents[2] / "content"
PICTURES = re.compile(r"\.(webp|jpg|png|svg)$")
SHIFTS = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const one of list.getEntries()) sum += one.value; })
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 300);
})"""


@dataclass
class Cost:
    """A page's: kB over the wire, of which text; requests; cumulative layout shift."""

    total: float
    text: float
    requests: int
    shift: float


# kB in all, kB without pictures, requests: a quarter above what was measured. The pictures are the sample's.
BUDGETS = {
    "/": (200, 18, 18),
    "/a-tide-table-of-your-own/": (95, 30, 17),
    "/archive/": (15, 15, 9),
    "/tags/tides/": (75, 15, 11),
    "/feeds/": (18, 18, 10),
    "/search/": (20, 20, 10),
    "/subscribe/": (15, 15, 9),
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    content = tmp_path_factory.mktemp("site") / "content"
    shutil.copytree(SAMPLE, content)
    with running(r"http\S+:\d+", "serve", content, "--home", content.parent / "home") as url:
        yield url


def cost_of(browser: Browser, url: str) -> Cost:
    """A first visit, with nothing in the cache, scrolled to its end so that lazy pictures count."""
    page = browser.new_context(viewport={"width": 390, "height": 800}, device_scale_factor=2).new_page()
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    kinds: dict[str, str] = {}
    sizes: dict[str, float] = {}
    network.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))
    network.on(
        "Network.loadingFinished",
        lambda event: sizes.update({event["requestId"]: event["encodedDataLength"] / 1000}),
    )
    late: list[Route] = []
    released = False

    def hold(route: Route) -> None:
        """Pictures come after the text has been laid out, as on a slow line."""
        if released:
            route.continue_()
        else:
            late.append(route)

    page.route(PICTURES, hold)
    response = page.goto(url, wait_until="domcontentloaded")
    assert response is not None and response.ok
    page.wait_for_timeout(100)
    released = True
    for route in late:
        route.continue_()
    page.wait_for_load_state("load")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    shift = page.evaluate(SHIFTS)
    page.context.close()
    text = sum(size for one, size in sizes.items() if kinds.get(one) not in {"Image", "Media"})
    return Cost(total=sum(sizes.values()), text=text, requests=len(kinds), shift=shift)


@pytest.mark.parametrize("path", BUDGETS)
def test_a_page_keeps_to_its_budget(browser: Browser, address: str, path: str) -> None:
    total, text, requests = BUDGETS[path]
    cost = cost_of(browser, f"{address}{path}")
    assert cost.shift < 0.1, cost
    assert (cost.total <= total, cost.text <= text, cost.requests <= requests) == (True, True, True), cost
