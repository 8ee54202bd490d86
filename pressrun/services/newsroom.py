"""The newsroom: issues from their creation to the moment when they are committed, and what editors do with them.

| partition | sort | what |
|---|---|---|
| `announced` | article id | that its first publication has been taken notice of |
| `news` | instant#article id | when an article was first published, for digests |
| `issue <newsletter>` | issue id | an Issue |
| `issues due` | instant#newsletter#id | an issue to be committed then |
| `issues open` | newsletter#id | an issue that is committed and not finished |
| `digest <newsletter>` | rhythm | until when articles have been taken into digests |

An article's first publication makes its issue in one conditional transaction, so that it is made once, whatever events
come. Until it is committed an issue holds no content: it is composed from the articles as they are then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from pressrun.domain.articles import Article
from pressrun.domain.calendar import boundary
from pressrun.domain.issues import (
    OPEN_STATES,
    UNDER_WAY,
    Issue,
    IssueState,
    News,
    article_issue_id,
    wants_mail,
)
from pressrun.domain.letters import Letter
from pressrun.domain.newsletters import Cadence, Newsletter
from pressrun.domain.slugs import slugify
from pressrun.domain.spans import instant
from pressrun.domain.subscribers import SHARDS
from pressrun.errors import Conflict, Invalid, NotFound, Permanent, Transient
from pressrun.ports import ABSENT, Clock, Drop, ObjectStore, Put, Queue, Row, Save, Table
from pressrun.services.catalogue import source_of
from pressrun.services.imprint import Imprints
from pressrun.services.ledger import Batch, Ledger

MAX_TRIES = 20
SHARDS_A_MESSAGE = 8
MAX_DIGEST = 50  # articles; of older ones, a digest says how many there are
SETTLED = timedelta(minutes=1)  # in which what is announced is written under the time it was announced at


class Newsroom:
    """Makes issues, commits those that are due, and does what editors say."""

    def __init__(
        self,
        *,
        content: ObjectStore,
        letters: ObjectStore,
        table: Table,
        queue: Queue,
        clock: Clock,
        imprints: Imprints,
        ledger: Ledger,
        nonce: Callable[[], str],
    ) -> None:
        self._content = content
        self._letters = letters
        self._table = table
        self._queue = queue
        self._clock = clock
        self._imprints = imprints
        self._nonce = nonce
        self.ledger = ledger

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
            if "article" not in newsletter.rhythms or not _belongs(newsletter, news.tags, news.authors):
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
            changes += self._created(issue)
        return changes

    def _created(self, issue: Issue) -> list[Save | Drop]:
        changes: list[Save | Drop] = [
            Save(partition=f"issue {issue.newsletter}", sort=issue.id, item=issue.to_item(), expect=ABSENT)
        ]
        if issue.state == "cooling":
            changes.append(Save(partition="issues due", sort=_due(issue), item={}))
        return changes

    def create(
        self,
        newsletter: Newsletter,
        articles: Sequence[str],
        *,
        kind: str = "manual",
        note: str = "",
    ) -> Issue:
        """An issue by hand, waiting for its word: of articles (source keys), or the correction of one.

        A correction goes to who gets each article, or else to everybody at the newsletter's own rhythm. Raises Invalid
        or NotFound where one of the articles is not published.
        """
        for key in articles:
            if self.article(key) is None:
                raise NotFound(f"{key} is not published")
        prefix = {"correction": "c", "manual": "m"}[kind]
        issue = Issue(
            id=f"{prefix}-{instant(self._clock.now())[:10]}-{self._nonce()}",
            newsletter=newsletter.slug,
            state="waiting",
            kind="correction" if kind == "correction" else "manual",
            audience="article"
            if kind == "correction" and "article" in newsletter.rhythms
            else newsletter.cadence,
            articles=tuple(articles),
            title=self._title(articles),
            created=instant(self._clock.now()),
            note=note,
            reason="made by hand",
        )
        self._table.write(self._created(issue))
        return issue

    def _title(self, articles: Sequence[str]) -> str:
        row = self._table.get("source", articles[0])
        title = str(row.item.get("title", "")) if row else articles[0]
        return title if len(articles) == 1 else f"{title} and {len(articles) - 1} more"

    def digests(self) -> None:
        """Makes the digests whose time has come since the last look."""
        publication = self._imprints.current().publication
        now = self._clock.now() - SETTLED
        for newsletter in publication.newsletters:
            zone = ZoneInfo(newsletter.timezone or publication.timezone)
            for rhythm in newsletter.rhythms:
                if rhythm in {"daily", "weekly", "monthly"}:
                    self._digest(newsletter, rhythm, boundary(newsletter, rhythm, zone, now))

    def _digest(self, newsletter: Newsletter, rhythm: Cadence, until: datetime) -> None:
        row = self._table.get(f"digest {newsletter.slug}", rhythm)
        since = str(row.item["until"]) if row else instant(until)
        if row is None or since < instant(until):
            self._make_digest(newsletter, rhythm, row, since, until)

    def resume_digest(self, newsletter: str, rhythm: Cadence, since: str, reason: str) -> Issue | None:
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
                return self._make_digest(found, rhythm, row, since, until, held=reason)
        if row is None:
            self._table.write([Save(partition=f"digest {newsletter}", sort=rhythm, item={"until": since})])
        return None

    def _make_digest(
        self,
        newsletter: Newsletter,
        rhythm: Cadence,
        row: Row | None,
        since: str,
        until: datetime,
        *,
        held: str = "",
    ) -> Issue | None:
        zone = ZoneInfo(newsletter.timezone or self._imprints.current().publication.timezone)
        news = list(self._table.query("news", low=since, high=instant(until)))
        ids = [one.sort.partition("#")[2] for one in news]
        keys = self._stand(ids, [str(one.item["source"]) for one in news])
        wanted = {
            key: one for one, key in zip(ids, keys, strict=True) if self._is_news(newsletter, key, since)
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
                title=self._title(list(wanted)),
                more=more,
                created=instant(self._clock.now()),
                due="" if held else instant(until),
                reason=held,
            )
            changes += self._created(issue)
        try:
            self._table.write(changes)
        except Conflict:
            return None  # another tick was faster
        return issue

    def _is_news(self, newsletter: Newsletter, key: str, since: str) -> bool:
        """Whether a digest takes an article. One whose file is broken at this moment is taken: the digest waits."""
        try:
            article = self.article(key)
        except Invalid:
            return True
        if article is None or not _takes(newsletter, article):
            return False
        oldest = datetime.fromisoformat(f"{since}+00:00") - timedelta(days=newsletter.max_age_days)
        return article.date >= oldest

    def _stand(self, ids: Sequence[str], keys: Sequence[str]) -> list[str]:
        """Where articles stand by now: their files may have been moved since `keys` were written down."""
        rows = self._table.get_many([("id", one) for one in ids])
        found = [rows.get(("id", one)) for one in ids]
        return [str(row.item["source"]) if row else key for row, key in zip(found, keys, strict=True)]

    # --- the clock ---------------------------------------------------------------------------------------------

    def tick(self) -> list[Issue]:
        """Makes digests and commits what is due; what was found far too late waits for a person."""
        self.digests()
        now = self._clock.now()
        settings = self._imprints.current().publication.mail
        done = []
        for row in list(self._table.query("issues due", high=f"{instant(now)}~")):
            due, newsletter, identifier = row.sort.split("#", 2)
            issue = self.get(newsletter, identifier)
            if issue is None or issue.state != "cooling" or issue.due != due:
                self._table.write_each([Drop(partition="issues due", sort=row.sort)])
                continue
            late = now - datetime.fromisoformat(f"{due}+00:00")
            if late > timedelta(hours=settings.late_hours):
                hours = int(late.total_seconds() // 3600)
                done.append(self._hold(issue, f"was due {hours} hours ago"))
            else:
                done.append(self.commit(issue))
        return done

    def _hold(self, issue: Issue, reason: str) -> Issue:
        return self._change(
            issue, lambda there: replace(there, state="waiting", due="", reason=reason), "cooling"
        )

    def commit(self, issue: Issue) -> Issue:
        """Freezes content and audience. Waits for a person where the content cannot be composed."""
        imprint = self._imprints.current()
        newsletter = imprint.publication.newsletter(issue.newsletter)
        if newsletter is None:
            return self._hold_any(
                issue, f"the newsletter {issue.newsletter!r} is not in the settings any more"
            )
        if not newsletter.postal_address:
            return self._hold_any(issue, "the newsletter has no `postal_address`, which the law asks for")
        try:
            letter = self.letter(issue)
        except (NotFound, Invalid, Permanent) as error:
            return self._hold_any(issue, str(error)[:500])
        from pressrun.services.composing import lacking

        if lost := lacking(letter, newsletter):
            return self._hold_any(issue, f"the mail's template leaves out {lost}; put it back")
        key = self._freeze(issue, letter)
        frozen = self._clock.now().isoformat()

        def committed(there: Issue) -> Issue:
            return replace(
                there, state="planning", due="", reason="", frozen=frozen, subject=letter.subject, letter=key
            )

        after = self._change(issue, committed, *OPEN_STATES)
        if after.state == "planning":
            self.ask_to_plan(after, range(SHARDS))
        return after

    def _hold_any(self, issue: Issue, reason: str) -> Issue:
        return self._change(
            issue, lambda there: replace(there, state="waiting", due="", reason=reason), *OPEN_STATES
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

    def _freeze(self, issue: Issue, letter: Letter) -> str:
        """Writes the letter under its digest, once: what is there is never changed."""
        body = orjson.dumps(letter.to_item(), option=orjson.OPT_INDENT_2)
        key = f"{issue.newsletter}/{issue.id}/letter-{sha256(body).hexdigest()[:16]}.json"
        with suppress(Conflict):  # the same letter was frozen before
            self._letters.put(Put(key=key, body=body, content_type="application/json", if_absent=True))
        return key

    # --- content -------------------------------------------------------------------------------------------------

    def article(self, key: str) -> Article | None:
        """A published article as its file is now; None where none is. Raises Invalid where the file is wrong."""
        publication = self._imprints.current().publication
        row = self._table.get("source", key)
        source = source_of(row) if row else None
        if source is None or not source.live:
            return None
        try:
            blob = self._content.get(key)
        except NotFound:
            return None
        from pressrun.services.composing import read_article

        now = self._clock.now()
        found = read_article(key, blob.body, publication=publication, table=self._table, now=now, old=source)
        return found.article if found.settled.source.state == "published" else None

    def letter(self, issue: Issue) -> Letter:
        """The issue's mail as it would be now. Raises NotFound where its articles are gone, Invalid, Permanent."""
        imprint = self._imprints.current()
        newsletter = imprint.publication.newsletter(issue.newsletter)
        if newsletter is None:
            raise Permanent(f"the newsletter {issue.newsletter!r} is not in the settings any more")
        keys = self._stand(issue.ids, issue.articles) if issue.ids else issue.articles
        articles = [article for key in keys if (article := self.article(key)) is not None]
        if issue.kind in {"article", "digest"}:
            articles = [article for article in articles if _takes(newsletter, article)]
        if not articles:
            raise NotFound("none of its articles is published any more, or is for this newsletter")
        from pressrun.services.composing import letter_for

        return letter_for(imprint, newsletter, issue, articles, self._clock.now())

    def frozen_letter(self, issue: Issue) -> Letter:
        """The letter that a committed issue sends. Raises NotFound."""
        return self.letter_at(issue.letter)

    def letter_at(self, key: str) -> Letter:
        """A frozen letter. Raises NotFound."""
        return Letter.from_item(orjson.loads(self._letters.get(key).body))

    # --- issues ----------------------------------------------------------------------------------------------------

    def get(self, newsletter: str, identifier: str) -> Issue | None:
        """An issue as it is now."""
        row = self._table.get(f"issue {newsletter}", identifier)
        return _issue(newsletter, row) if row else None

    def issues(self, newsletter: str) -> Iterator[Issue]:
        """All issues of a newsletter, in no certain order."""
        for row in self._table.query(f"issue {newsletter}"):
            yield _issue(newsletter, row)

    def under_way(self) -> Iterator[Issue]:
        """Issues that are committed and not finished."""
        for row in self._table.query("issues open"):
            newsletter, _, identifier = row.sort.partition("#")
            issue = self.get(newsletter, identifier)
            if issue is not None:
                yield issue

    def _change(self, issue: Issue, decide: Callable[[Issue], Issue], *states: IssueState) -> Issue:
        """Applies `decide` to the issue as it is now, if it is in one of `states`; the issue as it is then."""
        for _ in range(MAX_TRIES):
            row = self._table.get(f"issue {issue.newsletter}", issue.id)
            if row is None:
                raise NotFound(f"there is no issue {issue.id} of {issue.newsletter}")
            there = _issue(issue.newsletter, row)
            if states and there.state not in states:
                return there
            after = decide(there)
            if after == there:
                return there
            changes: list[Save | Drop] = [
                Save(
                    partition=f"issue {issue.newsletter}",
                    sort=issue.id,
                    item=after.to_item(),
                    expect=row.version,
                )
            ]
            if there.due and there.due != after.due:
                changes.append(Drop(partition="issues due", sort=_due(there)))
            if after.due and after.state == "cooling":
                changes.append(Save(partition="issues due", sort=_due(after), item={}))
            if there.open != after.open:
                name = f"{issue.newsletter}#{issue.id}"
                changes.append(
                    Save(partition="issues open", sort=name, item={})
                    if after.open
                    else Drop(partition="issues open", sort=name)
                )
            try:
                self._table.write(changes)
            except Conflict:
                continue
            return after
        raise Transient(f"others keep changing {issue.id}")

    # --- what editors do ----------------------------------------------------------------------------------------

    def schedule(self, issue: Issue, at: datetime) -> Issue:
        """It is sent at `at`."""
        due = instant(at)
        return self._change(
            issue, lambda there: replace(there, state="cooling", due=due, reason=""), *OPEN_STATES
        )

    def send_now(self, issue: Issue) -> Issue:
        """It is committed at once."""
        return self.commit(issue)

    def pause(self, issue: Issue, reason: str) -> Issue:
        """Nothing more of it goes out, within the batch that a worker has in hand."""

        def paused(there: Issue) -> Issue:
            return replace(there, state="paused", resumes=there.state, reason=reason, due="")

        return self._change(issue, paused, "planning", "sending")

    def stop(self, issue: Issue, reason: str) -> Issue:
        """An issue that is cooling off waits for a person."""
        return self._hold(issue, reason)

    def resume(self, issue: Issue) -> Issue:
        """A paused issue goes on where it was."""

        def resumed(there: Issue) -> Issue:
            return replace(
                there,
                state="planning" if there.resumes == "planning" else "sending",
                resumes="",
                reason="",
            )

        after = self._change(issue, resumed, "paused")
        self._ask_again(after)
        return after

    def cancel(self, issue: Issue, reason: str) -> Issue:
        """It is not sent; where some of it went out already, the rest is not."""
        after = self._change(
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
            self._change(issue, lambda there: replace(there, state="sending", finished="", counts={}), "sent")
            self._ask_again(issue)
        elif number:
            self.recount(issue)
        return number

    def forget(self, identifier: str) -> None:
        """Takes the address of somebody who was erased out of the record of every issue; what became of it stays."""
        for newsletter in self._imprints.current().publication.newsletters:
            for issue in list(self.issues(newsletter.slug)):
                batch = self.ledger.holding(newsletter.slug, issue.id, identifier)
                if batch is not None:
                    self.ledger.forget(batch, identifier)

    def _ask_again(self, issue: Issue) -> None:
        """A message that asks for all of an issue's open batches."""
        body = {"pressrun": "again", "newsletter": issue.newsletter, "issue": issue.id}
        self._queue.send([orjson.dumps(body).decode()])

    def planned(self, issue: Issue) -> Issue:
        """Its whole audience is written."""
        return self._change(issue, lambda there: replace(there, state="sending"), "planning")

    def finish(self, issue: Issue) -> Issue:
        """Every batch is recorded or uncertain: the counts are kept with it."""
        counts = self.ledger.tally(issue).counts()
        finished = self._clock.now().isoformat()

        def done(there: Issue) -> Issue:
            state: IssueState = "cancelled" if there.state == "cancelled" else "sent"
            return replace(there, state=state, counts=counts, finished=finished)

        return self._change(issue, done, "sending", "cancelled")

    def recount(self, issue: Issue) -> Issue:
        """The counts of a finished issue, after uncertain recipients were settled."""
        counts = self.ledger.tally(issue).counts()
        return self._change(issue, lambda there: replace(there, counts=counts), "sent", "cancelled")


def _announced(news: News, at: str) -> Save:
    return Save(partition="announced", sort=news.id, item={"at": at, "source": news.key})


def _belongs(newsletter: Newsletter, tags: Sequence[str], authors: Sequence[str]) -> bool:
    """Whether the newsletter's filters let an article through."""
    for wanted, has in ((newsletter.tags, tags), (newsletter.authors, authors)):
        if wanted and not {slugify(name) for name in wanted} & {slugify(name) for name in has}:
            return False
    return True


def _takes(newsletter: Newsletter, article: Article) -> bool:
    """Whether the newsletter mails an article, as its file is now."""
    return wants_mail(article) and _belongs(newsletter, article.tags, article.authors)


def _due(issue: Issue) -> str:
    return f"{issue.due}#{issue.newsletter}#{issue.id}"


def _issue(newsletter: str, row: Row) -> Issue:
    item: Any = row.item
    return Issue.from_item(newsletter, row.sort, item)
