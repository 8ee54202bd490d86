"""Series on the local backends: every page of one follows what happens to the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import html

from pressrun.services import renditions, series
from tests.e2e.test_publishing import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def box(desk: Desk, path: str) -> tuple[str, list[str]]:
    """What a page says of its series: where it stands, and the parts; its own without a link."""
    tree = html.fromstring(desk.page(path))
    line = tree.xpath('//p[@class="series-line"]')
    return (line[0].text_content() if line else ""), [
        item.text_content() if item.xpath("a") else f"*{item.text_content()}"
        for item in tree.xpath('//nav[@class="series"]//li')
    ]


def test_parts_know_each_other_in_order(desk: Desk) -> None:
    """Numbered ones by number, then the rest by date; names that differ in case alone are one series."""
    desk.article("a.md", "Late", series="Tides")
    desk.article("b.md", "Second", series="{name: tides, part: 2}")
    desk.article("c.md", "First", series="[Tides]", part="1")
    desk.publish()
    assert box(desk, "a") == ("Part 3 of 3 of Tides", ["First", "Second", "*Late"])
    assert box(desk, "c") == ("Part 1 of 3 of Tides", ["*First", "Second", "Late"])
    beside = html.fromstring(desk.page("b")).xpath('//p[@class="series-beside"]/a/@href')
    assert beside == ["/c/", "/a/"]
    parts = html.fromstring(desk.page("series/tides")).xpath('//ol[@class="series-parts"]//h2')
    assert [part.text_content() for part in parts] == ["First", "Second", "Late"]
    assert "Tides" in desk.page("series")
    assert set(desk.titles("series/tides")) == {"First", "Second", "Late"}


def test_pages_follow_a_new_part_a_new_title_and_a_withdrawal(desk: Desk) -> None:
    desk.article("a.md", "One", series="Tides", part="1")
    desk.article("b.md", "Two", series="Tides", part="2")
    desk.publish()
    desk.article("c.md", "Three", series="Tides", part="3")
    desk.publish()
    assert box(desk, "a") == ("Part 1 of 3 of Tides", ["*One", "Two", "Three"])
    desk.article("c.md", "Drei", series="Tides", part="1", slug="drei")
    desk.publish()
    assert box(desk, "b") == ("Part 3 of 3 of Tides", ["One", "Drei", "*Two"])
    (desk.content / "a.md").unlink()
    desk.publish()
    assert box(desk, "drei") == ("Part 1 of 2 of Tides", ["*Drei", "Two"])
    for key in ("b.md", "c.md"):
        desk.article(key, "Alone")
    desk.publish()
    assert box(desk, "b") == ("", [])
    assert not (desk.site / "series/tides/index.html").exists()
    assert "Tides" not in desk.page("series")


def test_an_edit_that_the_others_do_not_show_leaves_them_alone(desk: Desk) -> None:
    desk.article("a.md", "One", series="Tides")
    desk.article("b.md", "Two", series="Tides")
    desk.publish()
    table = desk.house.table
    before = table.get("source", "b.md")
    desk.article("a.md", "One", "Another text.", series="Tides")
    desk.publish()
    assert "Another text." in desk.page("a")
    assert table.get("source", "b.md") == before


def test_a_long_series_lists_what_is_near(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """And another part costs no more pages than are near it."""
    monkeypatch.setattr(series, "REACH", 2)
    monkeypatch.setattr(renditions, "INDEX_PARTS", 3)
    for day in range(1, 7):
        desk.article(f"p{day}.md", f"P{day}", series="Tides")
    desk.publish()
    assert box(desk, "p1") == ("Part of Tides", ["*P1", "P2", "P3"])
    assert box(desk, "p3") == ("Part of Tides", ["P1", "P2", "*P3", "P4", "P5"])
    assert html.fromstring(desk.page("p3")).xpath('//nav[@class="series"]/ol/@start') == ["1"]
    assert box(desk, "p4") == ("Part of Tides", ["P2", "P3", "*P4", "P5", "P6"])
    assert html.fromstring(desk.page("p4")).xpath('//nav[@class="series"]/ol/@start') == []
    assert "/series/tides/2026/" in desk.page("series/tides")
    assert "P1" in desk.page("series/tides/2026")
    table = desk.house.table
    before = table.get("source", "p3.md")
    desk.article("p7.md", "P7", series="Tides")
    desk.publish()
    assert box(desk, "p5") == ("Part of Tides", ["P3", "P4", "*P5", "P6", "P7"])
    assert table.get("source", "p3.md") == before
