"""Delivery: what a worker does with a message of the mail queue, and what the tick finds left undone.

Messages are hints. Whoever handles one reads the issue and the batch as they are now: a message that comes twice, late
or never changes nothing but when things happen. What no message speaks of any more is found in the `todo` rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

import orjson

from pressrun.domain.issues import Issue
from pressrun.domain.letters import LINKS, Handover, Letter, Recipient
from pressrun.domain.links import reader_link
from pressrun.errors import Conflict, Permanent, Transient
from pressrun.ports import ABSENT, Clock, Item, Mailer, Queue, Save, Table
from pressrun.services.batches import Batch, Entry
from pressrun.services.imprint import Imprints
from pressrun.services.ledger import LEASE, Ledger, refused_now
from pressrun.services.newsroom import Newsroom
from pressrun.services.pace import Pace
from pressrun.services.subscribers import Subscribers
from pressrun.services.tokens import Tokens

MAX_BACKOFF = 240  # seconds; less than SWEEP_EVERY, lest the sweep ask a second time
THROTTLED = 5.0  # seconds that everybody waits when the account says that we are too fast
EXHAUSTED = 3600.0  # seconds between goes when the day's quota is used up
SWEEP_EVERY = timedelta(minutes=5)
GRACE = timedelta(minutes=15)  # in which the mailer's events come; SES's take seconds
HEARD = ("pace", "heard")  # the row that says how far its events have come
RECORD_TRIES = 5

Outcome = Literal["sent", "nothing", "later"]


class Deliverer:
    """Plans and sends committed issues. One instance serves any number of messages, one at a time."""

    def __init__(
        self,
        *,
        table: Table,
        queue: Queue,
        clock: Clock,
        imprints: Imprints,
        newsroom: Newsroom,
        subscribers: Subscribers,
        tokens: Tokens,
        pace: Pace,
        mailer: Callable[[], Mailer],
        nonce: Callable[[], str],
    ) -> None:
        self._table = table
        self._queue = queue
        self._clock = clock
        self._imprints = imprints
        self._newsroom = newsroom
        self._ledger: Ledger = newsroom.ledger
        self._subscribers = subscribers
        self._tokens = tokens
        self._pace = pace
        self._mailer = mailer
        self._nonce = nonce
        self._letter = lru_cache(maxsize=8)(self._read_letter)

    # --- messages ---------------------------------------------------------------------------------------------

    def plan(self, newsletter: str, identifier: str, shards: Sequence[int]) -> None:
        """Writes the audience of some shards. Raises Transient."""
        for shard in shards:
            issue = self._newsroom.issues.get(newsletter, identifier)
            if issue is None or issue.state not in {"planning", "sending"}:
                return
            self._ledger.plan(issue, shard, self._ask)
        issue = self._newsroom.issues.get(newsletter, identifier)
        if issue is not None and issue.state == "planning" and not self._ledger.planned(issue):
            self._finish_if_done(self._newsroom.planned(issue))

    def _ask(self, batches: Sequence[Batch], delay: int = 0) -> None:
        bodies = [
            orjson.dumps(
                {
                    "pressrun": "batch",
                    "newsletter": batch.newsletter,
                    "issue": batch.issue,
                    "shard": batch.shard,
                    "first": batch.first,
                }
            ).decode()
            for batch in batches
        ]
        if bodies:
            self._queue.send(bodies, delay=delay)

    def deliver(self, newsletter: str, identifier: str, shard: int, first: str) -> Outcome:
        """Sends a batch, if it is to be sent now. Raises Transient where the message is to come again."""
        issue = self._newsroom.issues.get(newsletter, identifier)
        batch = self._ledger.get(newsletter, identifier, shard, first)
        if issue is None or batch is None or batch.state in {"recorded", "uncertain"}:
            return "nothing"
        if issue.state == "cancelled":
            self._ledger.exclude(batch, "cancelled")
            return "nothing"
        if issue.state not in {"planning", "sending"}:
            return "nothing"  # paused: resuming asks again
        if batch.state == "claimed":
            self._ledger.expire(batch)
            return "nothing"
        settings = self._imprints.current().publication.mail
        allowance = self._pace.take(len(batch.pending), settings)
        if allowance.delay:
            self._ask([batch], allowance.delay)
            return "later"
        claimed = self._ledger.claim(batch, self._nonce())
        if claimed is None:
            return "nothing"
        return self._send(issue, claimed, claimed.pending[: allowance.number])

    def _send(self, issue: Issue, claimed: Batch, entries: Sequence[Entry]) -> Outcome:
        """Re-checks everybody, hands over, records."""
        letter = self._letter(issue.letter)
        results: dict[str, Handover | str] = {}
        states = self._subscribers.get_many([entry.id for entry in entries])
        ready: list[Entry] = []
        for entry in entries:
            reason = refused_now(states.get(entry.id), issue.newsletter)
            if reason:
                results[entry.id] = reason
            else:
                ready.append(entry)
        recipients = self._addressed(issue, ready, {i: s.name for i, s in states.items()})
        tags = {"newsletter": issue.newsletter, "issue": issue.id}
        try:
            handed = self._mailer().send(letter, recipients, tags=tags) if recipients else []
        except Permanent as error:
            self._newsroom.pause(issue, f"the mailer refuses: {error}"[:300])
            handed = [Handover(fate="throttled", reason=str(error)) for _ in recipients]
        results |= {entry.id: result for entry, result in zip(ready, handed, strict=True)}
        recorded = self._recorded(claimed, results)
        if recorded is None:
            return "nothing"  # the claim was lost; who took it from us has made the rest uncertain
        self._after(issue, recorded, handed)
        return "sent"

    def _recorded(self, claimed: Batch, results: Mapping[str, Handover | str]) -> Batch | None:
        """The record, tried for a while: without it these recipients will be uncertain."""
        for left in range(RECORD_TRIES - 1, -1, -1):
            try:
                return self._ledger.record(claimed, results)
            except Transient:
                if not left:
                    raise
        return None  # pragma: no cover - the loop returns or raises

    def _after(self, issue: Issue, recorded: Batch, handed: Sequence[Handover]) -> None:
        fates = {result.fate for result in handed}
        if "quota" in fates:
            self._pace.hold(EXHAUSTED, "the day's quota is used up")
        elif "throttled" in fates:
            self._pace.hold(THROTTLED, "the account says that this is too fast")
        sent = sum(result.fate == "sent" for result in handed)
        self._table.increment(f"tally {recorded.name}", "batches")
        self._count_sent(recorded, sent)
        if recorded.state == "planned":
            tries = max((entry.tries for entry in recorded.pending), default=0)
            self._ask([recorded], min(MAX_BACKOFF, 15 * 2**tries))
        else:
            self._finish_if_done(issue)

    def _count_sent(self, batch: Batch, number: int) -> None:
        """What the share of bounces is measured against; a row for each shard, so that workers seldom meet."""
        partition, sort = f"tally {batch.name}", f"sent {batch.shard:02x}"
        for _ in range(RECORD_TRIES):
            row = self._table.get(partition, sort)
            before = int(str(row.item["n"])) if row else 0
            expect = row.version if row else ABSENT
            try:
                self._table.write(
                    [Save(partition=partition, sort=sort, item={"n": before + number}, expect=expect)]
                )
            except Conflict:
                continue
            return

    def _finish_if_done(self, issue: Issue) -> None:
        if next(self._ledger.todo(issue, limit=1), None) is None:
            there = self._newsroom.issues.get(issue.newsletter, issue.id)
            if there is not None and (
                there.state == "sending" or (there.state == "cancelled" and there.open)
            ):
                self._newsroom.finish(there)

    def _addressed(self, issue: Issue, entries: Sequence[Entry], names: Mapping[str, str]) -> list[Recipient]:
        """Each recipient with the values that are theirs alone."""
        url = self._imprints.current().publication.url
        leave = self._tokens.maker("unsubscribe", issue.newsletter)
        prefer = self._tokens.maker("preferences", issue.newsletter)
        bounce = self._tokens.bounce_maker(f"{issue.newsletter}/{issue.id}")
        return [
            Recipient(
                id=entry.id,
                address=entry.address,
                values={
                    "unsubscribe": reader_link(url, "unsubscribe", leave(entry.id)),
                    "preferences": reader_link(url, "preferences", prefer(entry.id)),
                    "address": entry.address,
                    "name": names.get(entry.id, ""),
                    "verp": bounce(entry.id),
                },
            )
            for entry in entries
        ]

    def _read_letter(self, key: str) -> Letter:
        return self._newsroom.letters.at(key)

    # --- what is left undone ------------------------------------------------------------------------------------

    def ask_again(self, newsletter: str, identifier: str) -> None:
        """Asks for every batch that is open; claims that have run out become uncertain, a cancelled issue's rest
        is excluded."""
        issue = self._newsroom.issues.get(newsletter, identifier)
        if issue is None or not issue.open or issue.state == "paused":
            return
        if issue.state == "planning":
            self._newsroom.ask_to_plan(issue, self._ledger.planned(issue))
        asked: list[Batch] = []
        for shard, first in list(self._ledger.todo(issue)):
            batch = self._ledger.get(newsletter, identifier, shard, first)
            if batch is None:
                continue
            if batch.state == "claimed":
                self._ledger.expire(batch)
            elif issue.state == "cancelled":
                self._ledger.exclude(batch, "cancelled")
            else:
                asked.append(batch)
        for start in range(0, len(asked), 100):
            self._ask(asked[start : start + 100])
        if issue.state == "planning" and not self._ledger.planned(issue):
            issue = self._newsroom.planned(issue)
        self._finish_if_done(issue)

    def settle(self, issue: Issue) -> int:
        """Uncertain recipients whom the mailer would have told of by now were not sent it, and are sent it; how many.

        A mailer with events tells of each mail that it has taken. Where it has told of one that it took after a lost
        claim began, and GRACE has gone by since that claim ran out, its silence on all of the batch means that it
        never got the call. Where it told of one of them, or has no events, they stay uncertain until a person's word.
        """
        row = self._table.get(*HEARD)
        if row is None:
            return 0
        heard, now = _at(str(row.item["at"])), self._clock.now()

        def silent(batch: Batch) -> bool:
            if not batch.until or any(entry.state == "sent" for entry in batch.entries):
                return False  # the mailer knows of the call: what it does not tell of is not to be guessed
            return heard > _at(batch.until) - LEASE and now > _at(batch.until) + GRACE

        why = "the mailer's events do not know of it"
        return self._newsroom.resolve(issue, resend=True, why=why, only=silent)

    def sweep(self) -> None:
        """What the tick does: issues that have come to a stand, though nothing holds them up, are asked for again."""
        now = self._clock.now()
        for issue in list(self._newsroom.issues.under_way()):
            if issue.state == "paused":
                continue
            self.settle(issue)
            if issue.finished:
                continue
            name = f"tally {issue.newsletter}/{issue.id}"
            rows = self._table.get_many([(name, "swept"), (name, "batches")])
            progress = rows[name, "batches"].item["n"] if (name, "batches") in rows else 0
            last = rows.get((name, "swept"))
            if last is not None and now - _at(str(last.item["at"])) < SWEEP_EVERY:
                self._finish_if_done(issue)
                continue
            if last is not None and last.item["n"] == progress and not self._pace.held():
                self.ask_again(issue.newsletter, issue.id)
            mark: Item = {"at": now.isoformat(), "n": progress}
            self._table.write_each([Save(partition=name, sort="swept", item=mark)])


def trial(mailer: Mailer, letter: Letter, address: str, identifier: str) -> Handover:
    """Sends a letter to one address for a look: its links lead to the site and do nothing, and nothing is recorded."""
    values = dict.fromkeys(LINKS, "https://example.invalid/")
    recipient = Recipient(
        id=identifier, address=address, values={**values, "address": address, "name": "", "verp": "test"}
    )
    (result,) = mailer.send(replace(letter, subject=f"[Test] {letter.subject}"), [recipient])
    return result


def _at(moment: str) -> datetime:
    """An ISO 8601 time; the beginning of time where there is none."""
    found = datetime.fromisoformat(moment or "1970-01-01T00:00:00+00:00")
    return found if found.tzinfo else datetime.fromisoformat(f"{moment}+00:00")
