"""What sending would mean: days under a daily cap, minutes at a rate, links of the mail that lead nowhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pressrun.domain.letters import Letter, Quota
from pressrun.services.forecast import Forecast, forecast
from tests.fakes.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    office.readers(12)
    office.reader("gone@example.org", state="unsubscribed")
    office.reader("back@example.org", state="bounced")
    office.publish("tides.md")
    return office


def cast(office: Office, quota: Quota, letter: Letter | None = None) -> Forecast:
    return forecast(
        office.issue(),
        letter or office.house.newsroom.letters.current(office.issue()),
        publication=office.house.imprints.current().publication,
        subscribers=office.house.subscribers,
        site=office.house.site,
        quota=quota,
    )


@pytest.mark.parametrize(
    ("quota", "days", "takes"),
    [
        (Quota(), 1, "as fast as the mailer takes it"),
        (Quota(per_day=12), 1, "as fast as the mailer takes it"),
        (Quota(per_day=12, sent_today=1), 2, "as fast as the mailer takes it, over 2 days"),
        (Quota(per_day=5, sent_today=3), 3, "as fast as the mailer takes it, over 3 days"),  # 2, 5 and 5
        (
            Quota(per_day=5, sent_today=9),
            4,
            "as fast as the mailer takes it, over 4 days",
        ),  # none, 5, 5 and 2
        (Quota(per_second=1), 1, "about a minute"),
        (Quota(per_second=0.1), 1, "about 2 minutes"),
        (Quota(per_second=0.003), 1, "about 1 h 7 min"),
    ],
)
def test_how_long_it_takes(office: Office, quota: Quota, days: int, takes: str) -> None:
    """What was sent today counts against today's cap, and what is left then goes by whole days."""
    found = cast(office, quota)
    assert (found.recipients, found.days, found.takes) == (12, days, takes)
    assert found.passed_over == {"unsubscribed": 1, "bounced": 1}


def test_links_of_the_site_that_lead_nowhere(office: Office) -> None:
    """Readers' own pages are answered by the API, and those of other sites are not looked at."""
    url = "https://tides.example"
    links = ("/tides/", "/tides/?a=1#b", "/none/", "/none/", "/api/reader?x=1", "", "/a%20b.gif")
    places = [f"{url}{link}" for link in links] + [f"{url}.evil.example/none/", "https://other.example/"]
    html = "".join(f'<a href="{place}">x</a>' for place in places) + f'<img src="{url}/gone.png" alt="">'
    letter = replace(office.house.newsroom.letters.current(office.issue()), html=html)
    found = cast(office, Quota(), letter).dead_links
    assert found == (f"{url}/none/", f"{url}/a%20b.gif", f"{url}/gone.png")
