"""Reach: views, delivered mails and feed subscribers in one figure, which says how sure it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pressrun.domain.views import Figure, Figures
from pressrun.services.catalogue import Source
from pressrun.services.count import Log
from pressrun.services.reach import Mailed, Reach, feed_subscribers
from pressrun.services.report import History
from tests.accesslogs import FEEDLY, fields, tabbed
from tests.fakes.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def told(office: Office) -> History:
    return office.house.history()


def test_mail_views_and_feeds_make_one_figure(office: Office) -> None:
    """What bounced is not in it, once that is known."""
    office.publish("tides.md", views="100")
    (path,) = told(office).reads
    assert told(office).reach(path) == Reach(views=100, mailed=Mailed(), subscribers=0)
    office.readers(4)
    office.minutes(12)
    log = tabbed(fields(f"/{path}"), fields("/feed.xml", agent=FEEDLY.format(87)))
    office.house.views.counter.count(Log(name="l", etag="e", modified=office.clock.now(), chunks=[log]))
    office.house.views.tick()
    reach = told(office).reach(path)
    assert (reach.figure, reach.least, reach.approximate) == (101 + 4 + 87, 101, True)
    assert office.hear("bounce", "reader1@example.org", bounce_type="permanent")
    office.clock.advance(61)
    assert told(office).reach(path).mailed == Mailed(delivered=3, bounced=1)


def test_a_digest_carries_its_articles(office: Office) -> None:
    """An issue that is not committed carries nothing."""
    office.publish("tides.md")
    office.publish("moon.md")
    office.reader("ada@example.org", rhythm="daily")
    assert told(office).carriers == {}
    office.minutes(60 * 24, step=30)
    kinds = [{issue.kind for issue in issues} for issues in told(office).carriers.values()]
    assert kinds == [{"article", "digest"}, {"article", "digest"}]
    assert [told(office).reach(path).mailed.delivered for path in told(office).reads] == [1, 1]


def test_an_article_that_was_moved_keeps_its_mail(office: Office) -> None:
    office.reader("ada@example.org")
    office.publish("tides.md")
    office.minutes(12)
    (office.folder / "tides.md").rename(office.folder / "moved.md")
    office.publish()
    (path,) = told(office).reads
    assert told(office).reach(path).mailed.delivered == 1


def test_feed_subscribers_are_those_of_its_feeds_in_its_week() -> None:
    """Each reader's highest number of the week, of each feed that carried it."""
    source = Source(
        key="a.md",
        etag="",
        sha="",
        state="published",
        sort="2026-03-01T08:00:00#a",
        collections=("site", "tags/sea"),
    )
    days = {
        "2026-02-28": Figures(feeds={"feed.xml": {"Feedly": Figure(900)}}),
        "2026-03-01": Figures(feeds={"feed.xml": {"Feedly": Figure(80), "Miniflux": Figure(2)}}),
        "2026-03-07": Figures(
            feeds={"feed.xml": {"Feedly": Figure(87)}, "tags/sea/atom.xml": {"Feedly": Figure(3)}}
        ),
        "2026-03-06": Figures(feeds={"tags/moon/feed.xml": {"Feedly": Figure(50)}}),
        "2026-03-08": Figures(feeds={"feed.xml": {"Feedly": Figure(900)}}),
    }
    assert feed_subscribers(days, source) == 87 + 2 + 3
    assert feed_subscribers({}, source) == 0


def test_views_alone_are_exact_unless_they_are_estimated() -> None:
    assert not Reach(views=3, mailed=Mailed(bounced=1), subscribers=0).approximate
    assert Reach(views=3, mailed=Mailed(), subscribers=0, estimated=True).approximate
    assert Reach(views=3, mailed=Mailed(uncertain=1), subscribers=0).approximate
