"""A real blog of 349 posts: nothing is refused, every feed is whole, and the order of uploads does not matter."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import feedparser
import pytest
from lxml import etree

from pressrun import bootstrap
from pressrun.services.sweep import Report, bring_in_line, drain

REAL = Path(__file__).parents[3] / "shared/data/content/rust-blog"
DATA = Path(__file__).parents[1] / "data"
pytestmark = pytest.mark.skipif(not REAL.exists(), reason="the real blog lies beside the repository")
URL = "http://127.0.0.1:8000/"


@pytest.fixture(scope="module", params=[4, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])
def published(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Report]]:
    """A folder with posts, of which one in four is all that a short run reads, and their site; what was reported."""
    root = tmp_path_factory.mktemp("blog")
    for number, path in enumerate(sorted(path for path in REAL.rglob("*") if path.is_file())):
        if path.suffix != ".md" or number % request.param == 0:
            there = root / "content" / path.relative_to(REAL)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(path.read_bytes())
    house = bootstrap.local(root / "content", root, {}, durable=False)
    yield root, bring_in_line(house.publisher)
    house.close()


def posts(root: Path) -> int:
    return len(list((root / "content").rglob("*.md")))


def test_every_post_is_published(published: tuple[Path, Report]) -> None:
    """None is refused, and each has its page."""
    root, report = published
    found = [outcome for outcome in report.outcomes if outcome.kind == "article"]
    assert len(found) == posts(root) > 80
    assert report.of("refused") == []
    assert all((root / "site" / outcome.path / "index.html").exists() for outcome in found)


@pytest.mark.parametrize("form", ["feed.xml", "atom.xml", "feed.json"])
def test_the_archives_reach_every_entry_once(published: tuple[Path, Report], form: str) -> None:
    """From the subscription document back to 2014; no document is over its budget."""
    site = published[0] / "site"
    seen: dict[str, set[str]] = {}
    place: str | None = form
    while place:
        data = (site / place).read_bytes()
        if form == "feed.json":
            feed = json.loads(data)
            ids, older = [item["id"] for item in feed["items"]], feed.get("next_url")
        else:
            parsed = feedparser.parse(data)
            assert not parsed.bozo
            ids = [entry.id for entry in parsed.entries]
            older = next((link.href for link in parsed.feed.links if link.rel == "prev-archive"), None)
        assert len(ids) == len(set(ids))
        assert len(ids) == 1 or len(data) <= 250_000
        seen[place] = set(ids)
        place = older.removeprefix(URL) if older else None
    assert len(set().union(*seen.values())) == posts(published[0])


def test_every_atom_document_is_valid(published: tuple[Path, Report]) -> None:
    """Of the site, of each author, and of the archives [RFC 4287, appendix B]."""
    site = published[0] / "site"
    schema = etree.RelaxNG(etree.parse(DATA / "atom.rng"))
    documents = sorted(site.rglob("atom.xml"))
    assert len(documents) > 20
    assert [str(path) for path in documents if not schema.validate(etree.parse(path))] == []


def test_no_feed_names_a_page_that_is_missing(published: tuple[Path, Report]) -> None:
    """Every link of every entry leads somewhere."""
    site = published[0] / "site"
    for path in site.rglob("feed.json"):
        for item in json.loads(path.read_bytes())["items"]:
            assert (site / item["url"].removeprefix(URL) / "index.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_order_of_uploads_does_not_matter(
    published: tuple[Path, Report], tmp_path: Path, seed: int
) -> None:
    """Eight at a time, in random order, some of them twice: the same bytes."""
    site = published[0] / "site"
    house = bootstrap.local(published[0] / "content", tmp_path, {}, durable=False)
    keys = [stat.key for stat in house.content.list()]
    dice = random.Random(seed)
    keys += dice.sample(keys, len(keys) // 10)
    dice.shuffle(keys)
    for start in range(0, len(keys), 8):
        house.publisher.publish(keys[start : start + 8])
    drain(house.publisher)
    house.close()
    found, wanted = (
        {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "site", site)
    )
    assert sorted(found) == sorted(wanted)
    assert [key for key in wanted if found[key] != wanted[key]] == []
