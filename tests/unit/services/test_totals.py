"""What readers see: totals of articles, lists of the most read, the same numbers everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from pressrun import bootstrap
from pressrun.errors import NotFound
from pressrun.house import House
from pressrun.services.count import Log, ViewCounter
from pressrun.services.sweep import bring_in_line
from pressrun.services.totals import Totals, bucket
from pressrun.services.viewing import Views
from tests.accesslogs import FEEDLY, FIREFOX, GMAIL, GOOGLEBOT, fields, tabbed
from tests.conftest import FrozenClock

ARTICLE = "---\ntitle: {title}\ndate: 2026-01-01\n{more}---\ntext\n"


@dataclass
class Press:
    """A publication of two articles, and its counter on a clock that a test moves."""

    house: House
    views: Views
    clock: FrozenClock
    content: Path
    logs: int = 0

    def read(self, *requests: dict[str, str]) -> None:
        self.logs += 1
        log = Log(name=f"log {self.logs}", etag="e", modified=self.clock.now(), chunks=[tabbed(*requests)])
        self.views.counter.count(log)
        self.views.tick()

    def total(self, path: str) -> dict[str, Any] | None:
        found: dict[str, Any] = self.json(f"articles-{bucket(path)}.json")["articles"]
        return found.get(path)

    def json(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.house.site.get(f"views/totals/{name}").body)
        return found

    def write(self, name: str, title: str, more: str = "") -> None:
        (self.content / name).write_text(ARTICLE.format(title=title, more=more))
        bring_in_line(self.house.publisher)


@pytest.fixture
def press(tmp_path: Path, clock: FrozenClock) -> Iterator[Press]:
    content = tmp_path / "content"
    content.mkdir()
    house = bootstrap.local(content, tmp_path / "home", {})
    counter = ViewCounter(
        store=house.views.counter.book.store,
        logs=None,
        place="",
        clock=clock,
        site=house.views.counter._site,
    )
    totals = Totals(
        book=counter.book, site=house.site, table=house.table, clock=clock, imprints=house.imprints
    )
    found = Press(house, Views(counter=counter, totals=totals, clock=clock), clock, content)
    found.write("tide.md", "The tide", "aliases: [/old/tide, /2019/tide.html]\ntags: [sea]\n")
    (content / "a b.mp3").write_bytes(b"ID3\x04\0\0\0\0\0\0")
    found.write("moon.md", "The moon", "views: 1204\n")
    found.views.tick()
    yield found
    house.close()


def test_an_article_has_its_views_and_those_it_brought_along(press: Press) -> None:
    """An address that leads to it counts for it; other pages are nobody's."""
    assert press.total("moon/") == {
        "title": "The moon", "views": 1204, "counted": 0, "imported": 1204, "hits": 0, "approximate": False
    }  # fmt: skip
    press.read(
        fields("/tide/"),
        fields("/old/tide/"),
        fields("/moon/"),
        fields("/moon/"),
        fields("/moon/", agent=GOOGLEBOT),
        fields("/"),
        fields("/nowhere/"),
    )
    tide, moon = press.total("tide/"), press.total("moon/")
    assert tide is not None
    assert moon is not None
    assert (tide["views"], tide["hits"]) == (2, 2)
    assert (moon["views"], moon["counted"], moon["hits"]) == (1205, 1, 2)
    assert press.total("nowhere/") is None
    reasons = press.json("reasons.json")["days"]["2026-03-01"]
    assert reasons == {"article": 4, "bot": 1, "header": 2, "page": 2}
    known = press.views.counter.book.known()
    ours = ["", "tide/", "moon/", "old/tide/", "2019/tide.html", "feed.xml", "tags/sea/", "tags/sea/atom.xml"]
    ours.append("a b.mp3")
    assert [path in known for path in [*ours, "nowhere/"]] == [True] * len(ours) + [False]


def test_numbers_outlive_their_days(press: Press) -> None:
    """Sealed, and months later; the lists of a day and a week forget, that of all time does not."""
    press.read(fields("/tide/"), fields("/tide/", agent=FIREFOX))
    press.clock.advance(40 * 86_400)
    press.views.tick()
    press.read(fields("/moon/", day=f"{press.clock.now():%Y-%m-%d}"))
    tide = press.total("tide/")
    assert tide is not None
    assert tide["views"] == 2
    popular = press.json("popular.json")
    assert [found["path"] for found in popular["month"]] == ["moon/"]
    assert [(found["path"], found["views"]) for found in popular["all"]] == [("moon/", 1205), ("tide/", 2)]


def test_the_popular_page_says_what_the_json_says(press: Press) -> None:
    """For readers without scripts, too."""
    press.read(fields("/tide/"))
    page = press.house.site.get("popular/index.html").body.decode()
    assert page.index("The moon") > page.index("The tide")
    assert "1,204 views" in page
    assert '<a href="/tide/">The tide</a> <span class="count">1 view</span>' in page


def test_an_article_that_moves_takes_its_views_along(press: Press) -> None:
    """Under its new title and address."""
    press.read(fields("/tide/"))
    press.write("tide.md", "The ebb", "slug: ebb\n")
    press.clock.advance(3700)
    press.read(fields("/ebb/"))
    ebb = press.total("ebb/")
    assert ebb is not None
    assert (ebb["title"], ebb["views"]) == ("The ebb", 2)
    assert press.total("tide/") is None
    press.clock.advance(40 * 86_400)  # nobody asks for the old address any more
    press.views.tick()
    press.read(fields("/ebb/", day=f"{press.clock.now():%Y-%m-%d}"))
    later = press.total("ebb/")
    assert later is not None
    assert later["views"] == 3
    assert [found["views"] for found in press.json("popular.json")["all"]] == [1204, 3]


def test_a_withdrawn_article_is_in_no_list(press: Press) -> None:
    """Its numbers are kept, and come back with it."""
    press.read(fields("/tide/"))
    text = (press.content / "tide.md").read_text()
    (press.content / "tide.md").unlink()
    bring_in_line(press.house.publisher)
    press.clock.advance(3700)
    press.views.tick()
    assert [found["path"] for found in press.json("popular.json")["all"]] == ["moon/"]
    (press.content / "tide.md").write_text(text)
    bring_in_line(press.house.publisher)
    press.clock.advance(3700)
    press.views.tick()
    assert [found["path"] for found in press.json("popular.json")["day"]] == ["tide/"]


def test_subscribers_and_opens_stand_beside_views(press: Press) -> None:
    """Never among them."""
    press.read(
        fields("/feed.xml", agent=FEEDLY.format(87)),
        fields("/feed.xml", day="2026-02-28", agent=FEEDLY.format(90)),
    )
    press.read(fields("/tide.png", agent=GMAIL))
    assert press.json("feeds.json")["feeds"] == {
        "feed.xml": {"Feedly": {"subscribers": 90, "approximate": False}}
    }
    day = press.json("days.json")["days"]["2026-03-01"]
    assert day == {"views": 0, "hits": 0, "subscribers": 87, "opens": 1, "lines": 6}


def test_older_numbers_never_replace_newer_ones(press: Press) -> None:
    """A writer that was slow gives way."""
    slow = Totals(
        book=press.views.counter.book,
        site=press.house.site,
        table=press.house.table,
        clock=press.clock,
        imprints=press.house.imprints,
    )
    before = slow.state()
    press.read(fields("/tide/"))
    slow.state = lambda: before  # type: ignore[method-assign]
    slow.refresh(full=True)
    tide = press.total("tide/")
    assert tide is not None
    assert tide["views"] == 1


def test_what_is_lost_is_written_again_within_the_hour(press: Press) -> None:
    """The site can always be made anew."""
    press.read(fields("/tide/"))
    press.house.site.delete("views/totals/popular.json")
    press.clock.advance(3700)
    press.views.tick()
    assert press.json("popular.json")["day"]


def test_nothing_is_written_where_nothing_has_changed(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet minute costs no write."""
    press.read(fields("/tide/"))
    puts: list[str] = []
    monkeypatch.setattr(type(press.house.site), "put", lambda _, put: puts.append(put.key))
    press.views.tick()
    press.views.totals.refresh(full=True)
    assert puts == []


def test_tokens_are_in_nothing_that_is_public(press: Press) -> None:
    """Counts alone."""
    press.read(fields("/tide/", ip="203.0.113.99"))
    for stat in press.house.site.list("views/"):
        body = press.house.site.get(stat.key).body
        assert b'"set"' not in body
        assert b"203.0.113" not in body


def test_a_day_is_sealed_by_the_tick(press: Press) -> None:
    """And its salt destroyed."""
    press.read(fields("/tide/"))
    press.clock.time = datetime(2026, 3, 5, 0, 1, tzinfo=UTC)
    assert press.views.tick().sealed == ["2026-03-01"]
    with pytest.raises(NotFound):
        press.views.counter.book.store.get("salt/2026-03-01.json")
