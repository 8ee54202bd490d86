"""The counts of the subscribers' page."""

from __future__ import annotations

from datetime import UTC, datetime

from pressrun.domain.subscribers import Subscriber
from pressrun.services.census import DAYS, census
from pressrun.services.subscribers import Stored, erased

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_everybody_is_counted_once_and_those_who_joined_by_day() -> None:
    ada = Subscriber(
        address="a@x.org", state="active", lists={"letters": "article"}, confirmed="2026-02-28T09:00:00+00:00"
    )
    old = Subscriber(address="b@x.org", state="unsubscribed", confirmed="2020-01-01T00:00:00+00:00")
    people = [Stored(id=str(n), subscriber=one, version=1) for n, one in enumerate([ada, old, erased(old)])]
    found = census(people, NOW)
    assert dict(found.states) == {"active": 1, "unsubscribed": 1, "erased": 1}
    assert dict(found.newsletters) == {"letters": 1}
    assert (len(found.joined), found.joined["2026-02-28"], found.month) == (DAYS, 1, 1)
