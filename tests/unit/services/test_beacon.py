"""Views that pages report themselves: the same rule as for logs, once each, from our own pages alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pressrun.bootstrap import AWS_NAMES, aws
from pressrun.domain.views import RULE, Figures
from pressrun.errors import Transient
from pressrun.http import MAX_VIEW, Api
from pressrun.ports import Put
from pressrun.services.count import Log, ViewCounter
from pressrun.services.digest import Site as Counted
from pressrun.services.limits import Ceilings, Limits
from pressrun.services.sweep import bring_in_line
from tests.accesslogs import CHROME, FEEDLY, FIREFOX, GOOGLEBOT, fields, tabbed
from tests.conftest import FrozenClock
from tests.readers import SETTINGS, Reading, event

VIEWER = {"x_forwarded_for": "203.0.113.9"}
ON = '[views]\nbeacon = true\nown = ["192.0.2.0/24"]\n'


class Site(Reading):
    """A publication of one article whose pages report that they are read."""

    def __init__(self, folder: Path, clock: FrozenClock, views: str = ON) -> None:
        super().__init__(folder, clock, SETTINGS + views)
        article = b"---\ntitle: Tide\ndate: 2026-01-01\naliases: [/old/]\n---\ntext"
        self.house.content.put(Put(key="tide.md", body=article, content_type="text/markdown"))
        bring_in_line(self.house.publisher)
        self.api = Api(self.readers, beacon=lambda: self.house.beacon)

    def report(self, path: str = "/tide/", *, agent: str = CHROME, **more: str) -> int:
        """The status of the answer."""
        given = {"sec_fetch_site": "same-origin", "user_agent": agent, **VIEWER, **more}
        answer = self.api.answer(event("POST", "/api/view", f"path={path}", **given))  # type: ignore[arg-type]
        assert answer["headers"]["Cache-Control"] == "no-store"
        return int(answer["statusCode"])

    def day(self, name: str = "2026-03-01") -> Figures:
        self.house.views.counter.fold()
        page = self.house.views.counter.book.day(RULE, name)
        return page.numbers() if page else Figures()


@pytest.fixture
def site(tmp_path: Path, clock: FrozenClock) -> Iterator[Site]:
    site = Site(tmp_path, clock)
    yield site
    site.close()


def test_a_reader_is_one_view_a_day_however_often_they_report(site: Site) -> None:
    """An alias counts for its article; the next day is another."""
    sent = [site.report(), site.report("/tide"), site.report("/old/"), site.report(agent=FIREFOX)]
    assert sent == [204] * 4
    figure = site.day().pages["tide/"]
    assert (figure.count, figure.hits) == (2, 4)
    site.clock.advance(86_400)
    site.report()
    assert site.day("2026-03-02").pages["tide/"].count == 1


def test_a_reader_of_a_log_and_of_the_beacon_is_the_same(site: Site) -> None:
    """Where both are counted against all advice, a view is still one."""
    site.report()
    log = tabbed(fields("/tide/", ip="203.0.113.9", agent=CHROME))
    site.house.views.counter.count(Log(name="l", etag="e", modified=site.clock.now(), chunks=[log]))
    assert site.day().pages["tide/"].count == 1


def test_machines_and_our_own_people_are_no_views(site: Site) -> None:
    """Each report has one reason, as each line of a log."""
    for agent in (GOOGLEBOT, FEEDLY.format(87), ""):
        assert site.report(agent=agent) == 204
    assert site.report(x_forwarded_for="192.0.2.9") == 204
    assert site.day().pages == {}
    assert dict(site.day().reasons) == {"bot": 2, "reader": 1, "self": 1}


def test_only_published_articles_are_counted(site: Site) -> None:
    """No list, no file, nothing that an address could be twisted into."""
    paths = ("/", "/moon/", "/tide/../tide/", "/feed.xml", "tide/", "", "%00", "/tide/x.mp3")
    assert {path: site.report(path) for path in paths} == dict.fromkeys(paths, 404)
    assert site.day().lines == 0


def test_only_our_own_pages_report(site: Site) -> None:
    """The browser says whose page asks; where it says nothing of that, it names the origin."""
    for said, origin, status in (
        ("cross-site", "", 403),
        ("same-site", "https://tide.example", 403),
        ("", "https://evil.example", 403),
        ("", "null", 403),
        ("", "", 403),
        ("", "https://tide.example", 204),
    ):
        assert site.report(sec_fetch_site=said, origin=origin) == status


def test_reports_are_bounded(site: Site) -> None:
    """By size, and by network; the next hour is a new one."""
    assert site.report("/" + "x" * MAX_VIEW) == 413
    beacon = site.house.beacon
    assert beacon is not None
    few = Limits(site.house.table, site.clock, lambda: b"key", Ceilings(views=3, all_views=5))
    site.api = Api(site.readers, beacon=lambda: replace(beacon, limits=few))
    assert [site.report(x_forwarded_for=f"203.0.113.{n}") for n in range(4)] == [204, 204, 204, 429]
    assert [site.report(x_forwarded_for=f"203.0.{n}.1") for n in range(3)] == [204, 204, 429]
    site.clock.advance(3600)
    assert site.report() == 204


def test_neither_address_nor_agent_is_stored(site: Site, tmp_path: Path) -> None:
    """Nor the path of a reader from one day to the next."""
    site.report(agent="Mozilla/5.0 (Windows NT 10.0) Chrome/142.0 Unmistakable/7")
    site.house.views.tick()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"tide/" in kept
    assert b"203.0.113" not in kept
    assert b"Unmistakable" not in kept


def test_it_is_off_unless_it_is_wanted(tmp_path: Path, clock: FrozenClock) -> None:
    """And pages say nothing of it."""
    site = Site(tmp_path, clock, "")
    assert site.report() == 404
    assert b"data-beacon" not in site.house.site.get("tide/index.html").body
    site.close()


def test_it_does_nothing_where_logs_are_counted(site: Site) -> None:
    """The page's report is answered all the same."""
    assert b'data-beacon="/api/view"' in site.house.site.get("tide/index.html").body
    site.api = Api(site.readers)
    assert site.report() == 204
    assert site.day().lines == 0


def test_a_publication_below_a_path_reports_there(tmp_path: Path, clock: FrozenClock) -> None:
    site = Site(tmp_path, clock, ON)
    settings = (SETTINGS + ON).replace("//tide.example", "//tide.example/blog").encode()
    site.house.content.put(Put(key="pressrun.toml", body=settings, content_type=""))
    bring_in_line(site.house.publisher)
    assert b'data-beacon="/blog/api/view"' in site.house.site.get("tide/index.html").body
    assert [site.report("/blog/tide/"), site.report("/tide/")] == [204, 404]
    assert site.day().pages["tide/"].count == 1
    site.close()


def test_a_store_that_fails_is_said(site: Site) -> None:
    """The page does not ask again; nothing is half counted."""

    class Full(ViewCounter):
        def count(self, log: Log) -> bool:
            raise Transient(f"{log.name}: no space")

    beacon = site.house.beacon
    assert beacon is not None
    full = Full(
        store=beacon.counter.book.store, logs=None, place="", clock=site.clock, site=lambda: Counted(name="s")
    )
    site.api = Api(site.readers, beacon=lambda: replace(beacon, counter=full))
    assert site.report() == 503
    assert json.loads(site.api.answer(event("GET", "/api/view"))["body"])["status"] == "wrong_method"


def test_on_aws_a_bucket_of_logs_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    names = {name: "https://sqs.example/q" if "URL" in name else "n" for name in AWS_NAMES}
    with closing(aws(names)) as without, closing(aws({**names, "PRESSRUN_LOG_BUCKET": "logs"})) as having:
        assert without.beacon is not None
        assert having.beacon is None
