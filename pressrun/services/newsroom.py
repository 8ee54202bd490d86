"""The newsroom: issues from their creation to the moment when they are committed, and what editors do with them.

| partition | sort | what |
|---|---|---|
| `announced` | article id | that its first publication has been taken notice of |
| `news` | instant#article id | when an article was first published, for digests |

An article's first publication makes its issue in one conditional transaction, so that it is made once, whatever events
come. `issues.py` holds what was made, `digests.py` makes digests, `letters.py` composes: until it is committed an issue
holds no content, but is made of the articles as they are then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

import orjson

from pressrun.domain.issues import (
    OPEN_STATES,
    UNDER_WAY,
    Issue,
    IssueState,
    News,
    article_issue_id,
    belongs,
    takes,
)
from pressrun.domain.newsletters import Newsletter
from pressrun.domain.spans import instant
from pressrun.domain.subscribers import SHARDS
from pressrun.errors import Conflict, Invalid, NotFound, Permanent
from pressrun.ports import ABSENT, Clock, Drop, Queue, Save, Table
from pressrun.services.batches import Batch
from pressrun.services.digests import Digests
from pressrun.services.imprint import Imprints
from pressrun.services.issues import Issues, created
from pressrun.services.ledger import Ledger
from pressrun.services.letters import Letters

SHARDS_A_MESSAGE = 8


class Newsroom:
    """Makes issues, commits those that are due, and does what editors say."""

    def __init__(
        self,
        *,
        table: Table,
        queue: Queue,
        clock: Clock,
        imprints: Imprints,
        ledger: Ledger,
        issues: Issues,
        letters: Letters,
        digests: Digests,
        nonce: Callable[[], str],
    ) -> None:
        self._table = table
        self._queue = queue
        self._clock = clock
        self._imprints = imprints
        self._nonce = nonce
        self.ledger = ledger
        self.issues = issues
        self.letters = letters
        self.digests = digests

    # --- where issues come from -------------------------------------------------------------------------------

    def announce(self, news: Sequence[News]) -> None:
        """Articles have been published; those that never were before make their issues. Can be repeated.

        Without newsletters it is taken down all the same: what stood on the site before a newsletter was declared is no
        news, however often its publication is done again.
        """
        if not news:
            return
        known = self._table.get_many([("announced", one.id) for one in news])
        fresh = [one for one in news if ("announced", one.id) not in known]
        if not self._imprints.current().publication.newsletters:
            self._table.write_each(_announced(one, instant(self._clock.now())) for one in fresh)
            return
        for one in fresh:
            try:
                self._table.write(self._first_publication(one))
            except Conflict:
                continue  # somebody else has announced it

    def _first_publication(self, news: News) -> list[Save | Drop]:
        now = self._clock.now()
        at = instant(now)
        changes: list[Save | Drop] = [
            replace(_announced(news, at), expect=ABSENT),
            Save(partition="news", sort=f"{at}#{news.id}", item={"source": news.key}),
        ]
        for newsletter in self._imprints.current().publication.newsletters:
            if "article" not in newsletter.rhythms or not belongs(newsletter, news.tags, news.authors):
                continue
            age = now - news.date
            old = age > timedelta(days=newsletter.max_age_days)
            issue = Issue(
                id=article_issue_id(news.id),
                newsletter=newsletter.slug,
                state="waiting" if old else "cooling",
                articles=(news.key,),
                ids=(news.id,),
                title=news.title,
                created=at,
                due="" if old else instant(now + timedelta(minutes=newsletter.cooling_minutes)),
                reason=f"the article is dated {age.days} days ago" if old else "",
            )
            changes += created(issue)
        return changes

    def create(
        self,
        newsletter: Newsletter,
        articles: Sequence[str],
        *,
        kind: Literal["manual", "correction"] = "manual",
        note: str = "",
    ) -> Issue:
        """An issue by hand, waiting for its word: of articles (source keys), or the correction of one.

        A correction goes to who gets each article, or else to everybody at the newsletter's own rhythm. Raises Invalid
        or NotFound where one of the articles is not published.
        """
        for key in articles:
            if self.letters.article(key) is None:
                raise NotFound(f"{key} is not published")
        now = instant(self._clock.now())
        each = kind == "correction" and "article" in newsletter.rhythms
        issue = Issue(
            id=f"{kind[0]}-{now[:10]}-{self._nonce()}",
            newsletter=newsletter.slug,
            state="waiting",
            kind=kind,
            audience="article" if each else newsletter.cadence,
            articles=tuple(articles),
            title=self.letters.title(articles),
            created=now,
            note=note,
            reason="made by hand",
        )
        self._table.write(created(issue))
        return issue

    def unmailed(self, key: str) -> list[Newsletter]:
        """Newsletters that mail each article and would take this one, and have no issue of it.

        Its first publication was before they took it (by its tags, say), and what stood on the site is no news.
        """
        try:
            article = self.letters.article(key)
        except Invalid:
            return []
        if article is None or self._table.get("announced", article.id) is None:
            return []
        found = [
            one
            for one in self._imprints.current().publication.newsletters
            if "article" in one.rhythms and takes(one, article)
        ]
        return [
            one
            for one in found
            if not any(article.id in made.ids or key in made.articles for made in self.issues.of(one.slug))
        ]

    # --- the clock ---------------------------------------------------------------------------------------------

    def tick(self) -> list[Issue]:
        """Makes digests and commits what is due; what was found far too late waits for a person."""
        self.digests.make()
        now = self._clock.now()
        settings = self._imprints.current().publication.mail
        done = []
        for issue, due in self.issues.due(now):
            late = now - due
            if late > timedelta(hours=settings.late_hours):
                hours = int(late.total_seconds() // 3600)
                done.append(self.stop(issue, f"was due {hours} hours ago"))
            else:
                done.append(self.commit(issue))
        return done

    def commit(self, issue: Issue) -> Issue:
        """Freezes content and audience. Waits for a person where the content cannot be composed."""
        imprint = self._imprints.current()
        newsletter = imprint.publication.newsletter(issue.newsletter)
        if newsletter is None:
            what = f"the newsletter {issue.newsletter!r} is not in the settings any more"
            return self._hold(issue, what, *OPEN_STATES)
        if not newsletter.postal_address:
            what = "the newsletter has no `postal_address`, which the law asks for"
            return self._hold(issue, what, *OPEN_STATES)
        try:
            letter = self.letters.of(issue)
        except (NotFound, Invalid, Permanent) as error:
            return self._hold(issue, str(error)[:500], *OPEN_STATES)
        from pressrun.services.composing import lacking

        if lost := lacking(letter, newsletter):
            what = f"the mail's template leaves out {lost}; put it back"
            return self._hold(issue, what, *OPEN_STATES)
        key = self.letters.freeze(issue, letter)
        frozen = self._clock.now().isoformat()

        def committed(there: Issue) -> Issue:
            return replace(
                there, state="planning", due="", reason="", frozen=frozen, subject=letter.subject, letter=key
            )

        after = self.issues.change(issue, committed, *OPEN_STATES)
        if after.state == "planning":
            self.ask_to_plan(after, range(SHARDS))
        return after

    def _hold(self, issue: Issue, reason: str, *states: IssueState) -> Issue:
        return self.issues.change(
            issue, lambda there: replace(there, state="waiting", due="", reason=reason), *states
        )

    def ask_to_plan(self, issue: Issue, shards: Iterable[int]) -> None:
        """Messages that ask for shards to be planned."""
        wanted = list(shards)
        self._queue.send(
            [
                orjson.dumps(
                    {
                        "pressrun": "plan",
                        "newsletter": issue.newsletter,
                        "issue": issue.id,
                        "shards": wanted[start : start + SHARDS_A_MESSAGE],
                    }
                ).decode()
                for start in range(0, len(wanted), SHARDS_A_MESSAGE)
            ]
        )

    # --- what editors do ----------------------------------------------------------------------------------------

    def schedule(self, issue: Issue, at: datetime) -> Issue:
        """It is sent at `at`."""
        due = instant(at)
        return self.issues.change(
            issue, lambda there: replace(there, state="cooling", due=due, reason=""), *OPEN_STATES
        )

    def pause(self, issue: Issue, reason: str) -> Issue:
        """Nothing more of it goes out, within the batch that a worker has in hand."""

        def paused(there: Issue) -> Issue:
            return replace(there, state="paused", resumes=there.state, reason=reason, due="")

        return self.issues.change(issue, paused, "planning", "sending")

    def stop(self, issue: Issue, reason: str) -> Issue:
        """An issue that is cooling off waits for a person."""
        return self._hold(issue, reason, "cooling")

    def resume(self, issue: Issue) -> Issue:
        """A paused issue goes on where it was."""

        def resumed(there: Issue) -> Issue:
            state: IssueState = "planning" if there.resumes == "planning" else "sending"
            return replace(there, state=state, resumes="", reason="")

        after = self.issues.change(issue, resumed, "paused")
        self._ask_again(after)
        return after

    def cancel(self, issue: Issue, reason: str) -> Issue:
        """It is not sent; where some of it went out already, the rest is not."""
        after = self.issues.change(
            issue,
            lambda there: replace(there, state="cancelled", due="", reason=reason),
            *OPEN_STATES,
            *UNDER_WAY,
        )
        self._ask_again(after)
        return after

    def resolve(
        self,
        issue: Issue,
        *,
        resend: bool,
        why: str = "a person's word",
        only: Callable[[Batch], bool] = lambda batch: True,  # noqa: ARG005
    ) -> int:
        """A word on recipients whose fate is not known: they were sent, or are sent again; how many there were."""
        number = 0
        for shard, first in list(self.ledger.uncertain(issue)):
            batch = self.ledger.get(issue.newsletter, issue.id, shard, first)
            if batch is None or not only(batch):
                continue
            number += sum(entry.state == "uncertain" for entry in batch.entries)
            self.ledger.resolve(batch, resend=resend, why=why)
        if resend and number:
            self.issues.change(
                issue, lambda there: replace(there, state="sending", finished="", counts={}), "sent"
            )
            self._ask_again(issue)
        elif number:
            self.recount(issue)
        return number

    def every(self) -> Iterator[Issue]:
        """All issues. Those of a newsletter that the settings lack by now are there as long as they are being sent."""
        slugs = [newsletter.slug for newsletter in self._imprints.current().publication.newsletters]
        for slug in slugs:
            yield from self.issues.of(slug)
        yield from (issue for issue in self.issues.under_way() if issue.newsletter not in slugs)

    def forget(self, identifier: str) -> None:
        """Takes the address of somebody who was erased out of the record of every issue; what became of it stays."""
        for issue in list(self.every()):
            batch = self.ledger.holding(issue.newsletter, issue.id, identifier)
            if batch is not None:
                self.ledger.forget(batch, identifier)

    def _ask_again(self, issue: Issue) -> None:
        """A message that asks for all of an issue's open batches."""
        body = {"pressrun": "again", "newsletter": issue.newsletter, "issue": issue.id}
        self._queue.send([orjson.dumps(body).decode()])

    def planned(self, issue: Issue) -> Issue:
        """Its whole audience is written."""
        return self.issues.change(issue, lambda there: replace(there, state="sending"), "planning")

    def finish(self, issue: Issue) -> Issue:
        """Every batch is recorded or uncertain: the counts are kept with it."""
        counts = self.ledger.tally(issue).counts()
        finished = self._clock.now().isoformat()

        def done(there: Issue) -> Issue:
            state: IssueState = "cancelled" if there.state == "cancelled" else "sent"
            return replace(there, state=state, counts=counts, finished=finished)

        return self.issues.change(issue, done, "sending", "cancelled")

    def recount(self, issue: Issue) -> Issue:
        """The counts of a finished issue, after uncertain recipients were settled."""
        counts = self.ledger.tally(issue).counts()
        return self.issues.change(issue, lambda there: replace(there, counts=counts), "sent", "cancelled")


def _announced(news: News, at: str) -> Save:
    return Save(partition="announced", sort=news.id, item={"at": at, "source": news.key})
