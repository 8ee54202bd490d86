"""The history of views, day by day: what the command line and the pages of statistics show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pressrun.domain.issues import Issue
from pressrun.domain.views import NONE, Figure, Figured, Figures
from pressrun.ports import Table
from pressrun.services.daybook import Daybook, read_pages
from pressrun.services.reach import Mailed, Mailings, Reach, feed_subscribers
from pressrun.services.totals import Articles, Read, first_of, read_of, reasons_of, subscribers


@dataclass(slots=True)
class History:
    """All days, oldest first, and the articles that were published when it was made."""

    days: Mapping[str, Figures]
    articles: Articles
    reads: dict[str, Read] = field(default_factory=dict)
    mailings: Mailings | None = None
    carriers: Mapping[str, list[Issue]] = field(default_factory=dict)
    now: datetime = field(kw_only=True)

    def most(self, days: int = 0) -> list[Read]:
        """The most read articles of the last so many days (UTC), today's with them; of all time, with what they
        brought along, for 0.
        """
        if not days:
            found = list(self.reads.values())
        else:
            window = Figures()
            since = first_of(self.now, days)
            for name, figures in self.days.items():
                if name >= since:
                    window.add(figures)
            found = [
                Read(path=read.path, title=read.title, counted=read.counted)
                for read in self.articles.read(window.pages).values()
            ]
        return sorted((read for read in found if read.views), key=lambda read: (-read.views, read.path))

    def foremost(self) -> list[Read]:
        """The most read articles of all time, then those that nobody has read here, which mail or feeds may carry."""
        read = self.most()
        seen = {one.path for one in read}
        return [*read, *sorted((r for p, r in self.reads.items() if p not in seen), key=lambda r: r.path)]

    def of(self, path: str) -> dict[str, Figure]:
        """An article day by day."""
        found = {}
        for name, figures in self.days.items():
            mine = [f for p, f in figures.pages.items() if (s := self.articles.at(p)) and s.path == path]
            if mine:
                total = NONE
                for figure in mine:
                    total = total.plus(figure)
                found[name] = total
        return found

    def reach(self, path: str) -> Reach:
        """How often an article came before somebody, by whichever way. Reads the tallies of its issues."""
        read, source, mailed = self.reads[path], self.articles.at(path), Mailed()
        if source and self.mailings:
            by_id = self.carriers.get(source.id, [])
            by_file = [issue for issue in self.carriers.get(source.key, []) if not issue.ids]
            mailed = self.mailings.of([*by_id, *by_file])
        return Reach(
            views=read.views,
            mailed=mailed,
            subscribers=feed_subscribers(self.days, source) if source else 0,
            estimated=read.counted.approximate,
        )

    def views(self) -> dict[str, Figure]:
        """All articles together, day by day."""
        found = {}
        for name, figures in self.days.items():
            total = NONE
            for path, figure in figures.pages.items():
                if self.articles.at(path):
                    total = total.plus(figure)
            found[name] = total
        return found

    def subscribers(self) -> dict[str, Figured]:
        """Each feed's subscribers by reader, as they are now."""
        return subscribers(self.days)

    def subscribed(self) -> dict[str, int]:
        """The subscribers of all feeds, day by day."""
        return {
            name: sum(figure.count for families in figures.feeds.values() for figure in families.values())
            for name, figures in self.days.items()
        }

    def opens(self) -> dict[str, int]:
        """Pictures that mail services' machines have fetched, day by day."""
        return {name: figures.opens.total() for name, figures in self.days.items()}

    def reasons(self) -> Counter[str]:
        """All lines by reason."""
        found: Counter[str] = Counter()
        for figures in self.days.values():
            found.update(reasons_of(figures, self.articles))
        return found


def history(book: Daybook, table: Table, now: datetime, mailings: Mailings | None = None) -> History:
    """Reads every day: a second for ten years on one's own machine. Without `mailings` no mail is known of."""
    days = dict(read_pages(book, book.current()))
    articles = Articles(table)
    reads = {source.path: read_of(source) for source in articles.all()}
    whole = Figures()
    for figures in days.values():
        whole.add(figures)
    reads |= articles.read(whole.pages)
    carriers = mailings.carriers() if mailings else {}
    return History(days=days, articles=articles, reads=reads, mailings=mailings, carriers=carriers, now=now)
