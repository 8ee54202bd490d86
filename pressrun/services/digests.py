"""Digests: what was published since the last one, when their hour has come.

| partition | sort | what |
|---|---|---|
| `news` | instant#article id | when an article was first published |
| `digest <newsletter>` | rhythm | until when articles have been taken into digests |
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pressrun.domain.calendar import boundary
from pressrun.domain.issues import Issue, takes
from pressrun.domain.newsletters import Cadence, Newsletter
from pressrun.domain.publication import Publication
from pressrun.domain.spans import instant
from pressrun.errors import Conflict, Invalid
from pressrun.ports import ABSENT, Clock, Drop, Row, Save, Table
from pressrun.services.imprint import Imprints
from pressrun.services.issues import created
from pressrun.services.letters import Letters

MAX_DIGEST = 50  # articles; of older ones, a digest says how many there are
SETTLED = timedelta(minutes=1)  # in which what is announced is written under the time it was announced at


class Digests:
    """Makes each newsletter's digests, once for each of its hours."""

    def __init__(self, *, table: Table, clock: Clock, imprints: Imprints, letters: Letters) -> None:
        self._table = table
        self._clock = clock
        self._imprints = imprints
        self._letters = letters

    def make(self) -> None:
        """Makes the digests whose time has come since the last look."""
        publication = self._imprints.current().publication
        now = self._clock.now() - SETTLED
        for newsletter in publication.newsletters:
            zone = ZoneInfo(newsletter.timezone or publication.timezone)
            for rhythm in newsletter.rhythms:
                if rhythm in {"daily", "weekly", "monthly"}:
                    self._look(newsletter, rhythm, boundary(newsletter, rhythm, zone, now))

    def _look(self, newsletter: Newsletter, rhythm: Cadence, until: datetime) -> None:
        row = self._table.get(f"digest {newsletter.slug}", rhythm)
        since = str(row.item["until"]) if row else instant(until)
        if row is None or since < instant(until):
            self._make(newsletter, rhythm, row, since, until)

    def resume(self, newsletter: str, rhythm: Cadence, since: str, reason: str) -> Issue | None:
        """Goes on from where another home's digests ended.

        One whose time has passed since waits for a person, with `reason`, and is returned. Can be repeated.
        """
        publication = self._imprints.current().publication
        found = publication.newsletter(newsletter)
        row = self._table.get(f"digest {newsletter}", rhythm)
        if found is not None and rhythm in {"daily", "weekly", "monthly"}:
            zone = ZoneInfo(found.timezone or publication.timezone)
            until = boundary(found, rhythm, zone, self._clock.now())
            if since < instant(until):
                return self._make(found, rhythm, row, since, until, held=reason)
        if row is None:
            self._table.write([Save(partition=f"digest {newsletter}", sort=rhythm, item={"until": since})])
        return None

    def _make(
        self,
        newsletter: Newsletter,
        rhythm: Cadence,
        row: Row | None,
        since: str,
        until: datetime,
        *,
        held: str = "",
    ) -> Issue | None:
        publication = self._imprints.current().publication
        zone = ZoneInfo(newsletter.timezone or publication.timezone)
        news = list(self._table.query("news", low=since, high=instant(until)))
        ids = [one.sort.partition("#")[2] for one in news]
        keys = self._letters.stand(ids, [str(one.item["source"]) for one in news])
        wanted = {
            key: one
            for one, key in zip(ids, keys, strict=True)
            if self._is_news(newsletter, key, since, publication)
        }
        more = max(0, len(wanted) - MAX_DIGEST)
        wanted = dict(list(wanted.items())[more:])
        changes: list[Save | Drop] = [
            Save(
                partition=f"digest {newsletter.slug}",
                sort=rhythm,
                item={"until": instant(until)},
                expect=row.version if row else ABSENT,
            )
        ]
        issue = None
        if wanted:
            day = until.astimezone(zone).date().isoformat()
            issue = Issue(
                id=f"d-{rhythm}-{day}",
                newsletter=newsletter.slug,
                state="waiting" if held else "cooling",
                kind="digest",
                audience=rhythm,
                articles=tuple(wanted),
                ids=tuple(wanted.values()),
                title=self._letters.title(list(wanted)),
                more=more,
                created=instant(self._clock.now()),
                due="" if held else instant(until),
                reason=held,
            )
            changes += created(issue)
        try:
            self._table.write(changes)
        except Conflict:
            return None  # another tick was faster
        return issue

    def _is_news(self, newsletter: Newsletter, key: str, since: str, publication: Publication) -> bool:
        """Whether a digest takes an article. One whose file is broken at this moment is taken: the digest waits."""
        try:
            article = self._letters.article(key, publication)
        except Invalid:
            return True
        if article is None or not takes(newsletter, article):
            return False
        oldest = datetime.fromisoformat(f"{since}+00:00") - timedelta(days=newsletter.max_age_days)
        return article.date >= oldest
