"""Reach: how often an article came before somebody, by whichever way, and how sure that number is.

An article's reach is the sum of

- its **views** by people, those included that it brought along,
- the **mails** with it that were delivered: handed over, and not come back. Opening a mail is no view, so no mail is
  counted among the views;
- the **subscribers of the feeds** that carried it: of the site's, its tags' and its authors', the most in the week from
  its date on that each reader reported, or that came.

Nobody is followed, so who got the mail and also opened the page is in it twice. The sum holds where nobody came by two
of the ways; the largest of the three where the same people came by all. Uncertain mails, feeds in weeks that were not
counted, and readers that say nothing of their subscribers would come on top.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from pressrun.domain.issues import Issue
from pressrun.domain.views import Figures
from pressrun.ports import Clock
from pressrun.services.catalogue import Source
from pressrun.services.newsroom import Newsroom

WEEK: Final = timedelta(days=7)  # in which a feed's subscribers are shown a new entry
SETTLED: Final = timedelta(days=14)  # after which no bounce comes any more
FRESH: Final = timedelta(minutes=1)  # how long the tally of a younger issue is believed
MEANING: Final = (
    "Reach is how often an article came before somebody: views by people, delivered mails (opening one is no view) and "
    "the subscribers of the feeds that carried it in the week from its date. Nobody is followed, so who came by two of "
    "these ways is in it twice, and feed subscribers are an estimate: the number is marked with ≈ where it is more "
    "than a count of views."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailed:
    """Mails that carried an article. `uncertain`: a machine died with them, and nobody knows."""

    delivered: int = 0
    bounced: int = 0
    uncertain: int = 0

    def plus(self, other: Mailed) -> Mailed:
        """The sum."""
        return Mailed(
            delivered=self.delivered + other.delivered,
            bounced=self.bounced + other.bounced,
            uncertain=self.uncertain + other.uncertain,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """An article's, and what it is made of. `estimated`: the views are an estimate."""

    views: int
    mailed: Mailed
    subscribers: int
    estimated: bool = False

    @property
    def figure(self) -> int:
        """The one number: all ways together."""
        return self.views + self.mailed.delivered + self.subscribers

    @property
    def least(self) -> int:
        """What it is if the same people came by every way."""
        return max(self.views, self.mailed.delivered, self.subscribers)

    @property
    def approximate(self) -> bool:
        """Whether the number is anything but a plain count of views."""
        return self.estimated or bool(self.mailed.delivered + self.mailed.uncertain + self.subscribers)


@dataclass(slots=True)
class Mailings:
    """What became of the issues that carried an article. Tallies of issues that are long finished are kept."""

    newsroom: Newsroom
    clock: Clock
    _known: dict[tuple[str, str], tuple[datetime, Mailed]] = field(default_factory=dict)

    def carriers(self) -> Mapping[str, list[Issue]]:
        """The issues that were committed, by their articles' ids, or by their files where they have no more."""
        found: dict[str, list[Issue]] = {}
        for issue in self.newsroom.every():
            for name in (issue.ids or issue.articles) if issue.frozen else ():
                found.setdefault(name, []).append(issue)
        return found

    def of(self, issues: list[Issue]) -> Mailed:
        """The mail of these issues together. Reads the ledger: 50 recipients a row."""
        total = Mailed()
        for issue in issues:
            total = total.plus(self._tally(issue))
        return total

    def _tally(self, issue: Issue) -> Mailed:
        now, name = self.clock.now(), (issue.newsletter, issue.id)
        if name in self._known:
            made, mailed = self._known[name]
            old = issue.finished and made - datetime.fromisoformat(issue.finished) > SETTLED
            if (old and not issue.open) or now - made < FRESH:
                return mailed
        tally = self.newsroom.ledger.tally(issue)
        bounced = tally.feedback["bounced"] + tally.feedback["soft"]
        mailed = Mailed(
            delivered=max(0, tally.states["sent"] - bounced),
            bounced=bounced,
            uncertain=tally.states["uncertain"],
        )
        self._known[name] = (now, mailed)
        return mailed


def feed_subscribers(days: Mapping[str, Figures], source: Source) -> int:
    """Of the feeds that carried an article, in the week from its date on; 0 where that week was not counted."""
    try:
        first = date.fromisoformat(source.sort[:10])
        last = first + WEEK
    except (ValueError, OverflowError):
        return 0
    folders = {"" if name == "site" else f"{name}/" for name in source.collections}
    most: dict[tuple[str, str], int] = {}
    for name, figures in days.items():
        if not first.isoformat() <= name < last.isoformat():
            continue
        for path, families in figures.feeds.items():
            if path.rpartition("/")[0] + "/" * ("/" in path) in folders:
                for family, figure in families.items():
                    most[path, family] = max(most.get((path, family), 0), figure.count)
    return sum(most.values())
