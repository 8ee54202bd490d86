"""What sending an issue would mean, before it is sent: to whom, at what price, how long it takes, and what is wrong."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from html import unescape
from re import compile as pattern
from urllib.parse import unquote, urlsplit

from pressrun.domain.issues import Issue
from pressrun.domain.letters import PLACE, Letter, Quota
from pressrun.domain.publication import Publication
from pressrun.domain.urls import page_key
from pressrun.errors import NotFound
from pressrun.ports import ObjectStore
from pressrun.rendering.mail import html_bytes
from pressrun.rendering.maillint import findings
from pressrun.services.ledger import passed_over
from pressrun.services.subscribers import Subscribers

CLIPPED = 102_000  # bytes of HTML at which Gmail hides the rest
_LINK = pattern(r'(?:href|src)="([^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`price` in the account's currency; `minutes` at the account's rate, 0 where it has none; `days` under its daily
    cap. `dead_links` lead to places of this site where nothing stands."""

    recipients: int
    passed_over: dict[str, int]
    price: float
    minutes: float
    days: int
    html_bytes: int
    clipped: bool
    dead_links: tuple[str, ...] = ()
    shortened: int = 0  # bytes that the mail in full would have, where it holds a summary instead
    findings: tuple[str, ...] = ()

    @property
    def takes(self) -> str:
        """How long sending takes, in words."""
        days = f", over {self.days} days" if self.days > 1 else ""
        if not self.minutes:
            return f"as fast as the mailer takes it{days}"
        hours, minutes = divmod(round(self.minutes), 60)
        if hours:
            return f"about {hours} h {minutes} min{days}"
        return (f"about {minutes} minutes" if minutes > 1 else "about a minute") + days


def forecast(
    issue: Issue,
    letter: Letter,
    *,
    publication: Publication,
    subscribers: Subscribers,
    site: ObjectStore,
    quota: Quota,
) -> Forecast:
    """Reads every subscriber once and changes nothing."""
    recipients = 0
    passed: Counter[str] = Counter()
    for stored in subscribers.everyone():
        reason = passed_over(stored.subscriber, issue)
        if reason is None:
            recipients += 1
        elif reason:
            passed[reason] += 1
    size = html_bytes(letter)
    left = max(0, quota.per_day - quota.sent_today)
    days = 1 + math.ceil(max(0, recipients - left) / quota.per_day) if quota.per_day and recipients else 1
    return Forecast(
        recipients=recipients,
        passed_over=dict(passed),
        price=round(recipients / 1000 * publication.mail.price_per_thousand, 2),
        minutes=round(recipients / quota.per_second / 60, 1) if quota.per_second else 0.0,
        days=days,
        html_bytes=size,
        clipped=size > CLIPPED,
        dead_links=dead_links(letter, publication, site),
        shortened=letter.shortened,
        findings=findings(letter),
    )


def dead_links(letter: Letter, publication: Publication, site: ObjectStore) -> tuple[str, ...]:
    """Links and pictures of this site that lead nowhere. Links to other sites are not followed."""
    dead = []
    for link in dict.fromkeys(unescape(found) for found in _LINK.findall(letter.html)):
        if PLACE.search(link) or not f"{link}/".startswith(f"{publication.url}/"):
            continue
        path = unquote(urlsplit(link.removeprefix(publication.url)).path).lstrip("/")
        if path.startswith("api/"):
            continue
        try:
            site.head(page_key(path) if not path or path.endswith("/") else path)
        except NotFound:
            dead.append(link)
    return tuple(dead)
