"""A publication's backends, and the services over them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from pressrun.ports import Clock, LogFolder, Mailer, ObjectStore, Queue, Table, nobody
from pressrun.services.imprint import Imprints

if TYPE_CHECKING:
    from pressrun.domain.issues import Issue, News
    from pressrun.domain.letters import Letter
    from pressrun.domain.subscribers import Subscriber
    from pressrun.services.beacon import Beacon
    from pressrun.services.count import ViewCounter
    from pressrun.services.deliver import Deliverer
    from pressrun.services.digest import Site
    from pressrun.services.feedback import Feedback
    from pressrun.services.forecast import Forecast
    from pressrun.services.limits import Limits
    from pressrun.services.newsroom import Newsroom
    from pressrun.services.pace import Pace
    from pressrun.services.post import Post
    from pressrun.services.publish import Publisher
    from pressrun.services.reach import Mailings
    from pressrun.services.readers import Readers
    from pressrun.services.report import History
    from pressrun.services.subscribers import Subscribers
    from pressrun.services.tokens import Tokens
    from pressrun.services.viewing import Views


def nonce() -> str:
    """A short random name."""
    return secrets.token_hex(6)


@dataclass(frozen=True, kw_only=True)
class House:
    """A publication's backends, and the services over them: the same ones everywhere.

    A service is made when it is first asked for, and only then are the modules imported that it needs: a function
    that sends mail does not pay for what publishes pages.
    """

    content: ObjectStore
    site: ObjectStore
    reports: ObjectStore
    table: Table
    queue: Queue
    mail: ObjectStore  # frozen letters; private
    mail_queue: Queue
    # Made at its first use and kept; raises Permanent where settings are missing.
    mailer: Callable[[], Mailer]
    counts: ObjectStore  # what is counted, and the salts; private
    clock: Clock
    overrides: dict[str, str]
    logs: ObjectStore | None = None  # a bucket whose logs are counted
    log_place: str = ""
    folder: LogFolder | None = None  # the local server's own logs
    others: Mapping[str, Queue] = field(default_factory=dict)
    close: Callable[[], None] = nobody
    notify: Callable[[str, str], None] = nobody
    ping: Callable[[str, Sequence[str]], None] = nobody

    @property
    def queues(self) -> Mapping[str, Queue]:
        """All that there are, by what is in them."""
        return {"publish": self.queue, "mail": self.mail_queue, **self.others}

    @cached_property
    def imprints(self) -> Imprints:
        return Imprints(self.content, self.table, self.overrides)

    @cached_property
    def subscribers(self) -> Subscribers:
        from pressrun.services.subscribers import Subscribers

        return Subscribers(self.table)

    @cached_property
    def tokens(self) -> Tokens:
        from pressrun.services.tokens import Tokens

        return Tokens(self.table, self.clock)

    @cached_property
    def limits(self) -> Limits:
        from pressrun.services.limits import Limits

        return Limits(self.table, self.clock, lambda: self.tokens.secret("limits"))

    @cached_property
    def newsroom(self) -> Newsroom:
        from pressrun.services.digests import Digests
        from pressrun.services.issues import Issues
        from pressrun.services.ledger import Ledger
        from pressrun.services.letters import Letters
        from pressrun.services.newsroom import Newsroom

        letters = Letters(
            content=self.content,
            letters=self.mail,
            table=self.table,
            clock=self.clock,
            imprints=self.imprints,
        )
        return Newsroom(
            table=self.table,
            queue=self.mail_queue,
            clock=self.clock,
            imprints=self.imprints,
            ledger=Ledger(self.table, self.subscribers, self.clock),
            issues=Issues(self.table),
            letters=letters,
            digests=Digests(table=self.table, clock=self.clock, imprints=self.imprints, letters=letters),
            nonce=nonce,
        )

    @cached_property
    def publisher(self) -> Publisher:
        from pressrun.services.publish import Publisher

        return Publisher(
            content=self.content,
            site=self.site,
            reports=self.reports,
            table=self.table,
            queue=self.queue,
            clock=self.clock,
            nonce=nonce,
            imprints=self.imprints,
            notify=self.notify,
            ping=self.ping,
            announce=self._announce,
        )

    def _announce(self, news: Sequence[News]) -> None:
        """The newsroom is made where there is something to tell it."""
        if news:
            self.newsroom.announce(news)

    @cached_property
    def pace(self) -> Pace:
        from pressrun.services.pace import Pace

        return Pace(self.table, self.clock, lambda: self.mailer().quota())

    def forecast(self, issue: Issue, letter: Letter) -> Forecast:
        """What sending an issue would mean, whose mail is `letter`. Reads every subscriber."""
        from pressrun.services.forecast import forecast

        publication = self.imprints.current().publication
        return forecast(
            issue,
            letter,
            publication=publication,
            subscribers=self.subscribers,
            site=self.site,
            quota=self.pace.quota(publication.mail),
        )

    @cached_property
    def deliverer(self) -> Deliverer:
        from pressrun.services.deliver import Deliverer

        return Deliverer(
            table=self.table,
            queue=self.mail_queue,
            clock=self.clock,
            imprints=self.imprints,
            newsroom=self.newsroom,
            subscribers=self.subscribers,
            tokens=self.tokens,
            pace=self.pace,
            mailer=self.mailer,
            nonce=nonce,
        )

    @cached_property
    def feedback(self) -> Feedback:
        from pressrun.services.feedback import Feedback

        return Feedback(
            table=self.table,
            clock=self.clock,
            imprints=self.imprints,
            newsroom=self.newsroom,
            subscribers=self.subscribers,
        )

    @cached_property
    def readers(self) -> Readers:
        from pressrun.services.readers import Readers

        return Readers(
            table=self.table,
            queue=self.mail_queue,
            clock=self.clock,
            imprints=self.imprints,
            subscribers=self.subscribers,
            tokens=self.tokens,
            limits=self.limits,
            mailer=self.mailer,
            nonce=nonce,
            forget=self.erase,
        )

    def erase(self, identifier: str) -> Subscriber | None:
        """Forgets a subscriber for good, in the record of what was sent, too; what is kept, None where there is none.

        Can be repeated. Few requests erase: the others do not pay for the newsroom's modules.
        """
        from pressrun.services.subscribers import erased

        kept = self.subscribers.change(identifier, lambda before: erased(before) if before else None)
        self.newsroom.forget(identifier)
        return kept

    @cached_property
    def post(self) -> Post:
        from pressrun.services.post import Post

        return Post(self.deliverer, {"subscribe": self._subscribe})

    def _subscribe(self, body: dict[str, Any]) -> None:
        from pressrun.services.subscribe import handle_subscription

        handle_subscription(self.readers, body)

    @cached_property
    def counter(self) -> ViewCounter:
        from pressrun.services.count import ViewCounter

        return ViewCounter(
            store=self.counts,
            logs=self.logs,
            place=self.log_place,
            clock=self.clock,
            site=lambda: _counted(self.imprints),
        )

    @cached_property
    def views(self) -> Views:
        from pressrun.services.segments import Segments
        from pressrun.services.totals import Totals
        from pressrun.services.viewing import Views

        return Views(
            counter=self.counter,
            totals=Totals(
                book=self.counter.book,
                site=self.site,
                table=self.table,
                clock=self.clock,
                imprints=self.imprints,
            ),
            clock=self.clock,
            segments=Segments(self.counter, self.folder) if self.folder else None,
            keep=lambda: self.imprints.current().publication.views.keep_logs_days,
        )

    @cached_property
    def mailings(self) -> Mailings:
        from pressrun.services.reach import Mailings

        return Mailings(self.newsroom, self.clock)

    def history(self) -> History:
        """What was read, day by day, as it stands now: commands, statistics and desk show the same."""
        from pressrun.services.report import history

        return history(self.views.counter.book, self.table, self.clock.now(), self.mailings)

    @cached_property
    def beacon(self) -> Beacon | None:
        """None where a bucket of logs is counted."""
        if self.logs:
            return None
        from pressrun.services.beacon import Beacon

        return Beacon(
            counter=self.counter,
            table=self.table,
            imprints=self.imprints,
            limits=self.limits,
            clock=self.clock,
            nonce=partial(secrets.token_hex, 16),
        )


def _counted(imprints: Imprints) -> Site:
    from pressrun.services.digest import Site
    from pressrun.services.visitors import network

    publication = imprints.current().publication
    own = tuple(network(text) for text in publication.views.own)
    return Site(name=publication.authority, base=publication.base, own=own)
