"""Feedback: what the mailer's events and bounce messages say, matched against the ledger before it changes anything.

An event counts only for a recipient that the ledger says was sent this issue under this message id, or whose fate is
not known yet. What was heard of a recipient only ever gets worse: delivered, delayed, soft, bounced, complained. The
recipient's entry and the subscriber are written in one transaction, so that an event that comes twice, late or in any
order leaves the same state.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from pressrun.domain.feedback import Event
from pressrun.domain.issues import Issue
from pressrun.domain.subscribers import Subscriber, normalised, subscriber_id
from pressrun.errors import Conflict, Transient
from pressrun.ports import ABSENT, Clock, Drop, Item, Save, Table
from pressrun.services.batches import Batch, Entry
from pressrun.services.deliver import HEARD
from pressrun.services.imprint import Imprints
from pressrun.services.newsroom import Newsroom
from pressrun.services.subscribers import Stored, Subscribers, partition_of

Heard = Literal["", "delivered", "delayed", "soft", "bounced", "complained"]
RANK: Final[dict[str, int]] = {
    heard: rank for rank, heard in enumerate(("", "delivered", "delayed", "soft", "bounced", "complained"))
}
SOFT_LIMIT = 5.0  # soft bounces, each halved in a month, at which an address is taken for dead
HALF_LIFE_DAYS = 30.0
MAX_TRIES = 20
MIN_BOUNCED, MIN_COMPLAINED = 5, 2  # fewer are chance


class Feedback:
    """Takes in events. One instance serves any number of them."""

    def __init__(
        self,
        *,
        table: Table,
        clock: Clock,
        imprints: Imprints,
        newsroom: Newsroom,
        subscribers: Subscribers,
    ) -> None:
        self._table = table
        self._clock = clock
        self._imprints = imprints
        self._newsroom = newsroom
        self._subscribers = subscribers

    def hear(self, event: Event) -> int:
        """Takes an event in; how many recipients it changed something for. Raises Transient."""
        newsletter, issue = event.tags.get("newsletter", ""), event.tags.get("issue", "")
        if not newsletter or not issue:
            return 0
        changed = 0
        for address in event.recipients:
            changed += self._hear_of(event, newsletter, issue, subscriber_id(address), address)
        if event.kind == "send" and event.at:
            self._mark_heard(event.at)
        return changed

    def _mark_heard(self, at: str) -> None:
        """How far the mailer's word on what it sent has come, to the minute; see Deliverer.settle."""
        row = self._table.get(*HEARD)
        moment = datetime.fromisoformat(at).astimezone(UTC)
        if row is None or datetime.fromisoformat(str(row.item["at"])) + timedelta(minutes=1) <= moment:
            with suppress(Conflict):  # others hear the same
                item: Item = {"at": moment.isoformat()}
                expect = row.version if row else ABSENT
                self._table.write([Save(partition=HEARD[0], sort=HEARD[1], item=item, expect=expect)])

    def _hear_of(self, event: Event, newsletter: str, issue: str, identifier: str, address: str) -> bool:
        for _ in range(MAX_TRIES):
            batch = self._newsroom.ledger.holding(newsletter, issue, identifier)
            entry = next((one for one in batch.entries if one.id == identifier), None) if batch else None
            if batch is None or entry is None or not _matches(batch, entry, event, address):
                return False
            after = _heard(entry, event)
            if after == entry:
                return False
            stored = self._subscribers.get(identifier)
            changes: list[Save | Drop] = batch.told(after).changes()
            subscriber = self._judged(stored, entry, after, event)
            if stored is not None and subscriber != stored.subscriber:
                changes.append(
                    Save(
                        partition=partition_of(identifier),
                        sort=identifier,
                        item=subscriber.to_item() if subscriber else {},
                        expect=stored.version,
                    )
                )
            try:
                self._table.write(changes)
            except Conflict:
                continue
            self._after(batch, entry, after)
            return True
        raise Transient("others keep changing this recipient's batch")

    def _judged(self, stored: Stored | None, before: Entry, after: Entry, event: Event) -> Subscriber | None:
        """What the event makes of the subscriber."""
        if stored is None:
            return None
        subscriber = stored.subscriber
        if after.feedback == before.feedback or subscriber.state in {"complained", "suppressed"}:
            return subscriber
        if after.feedback == "complained":
            return replace(subscriber, state="complained", reason=f"complained about {event.tags['issue']}")
        if after.feedback == "bounced" and subscriber.state != "bounced":
            return replace(subscriber, state="bounced", reason=event.reason[:200] or "bounced")
        if after.feedback == "soft":
            count = _decayed(subscriber, self._clock.now()) + 1
            soft = replace(subscriber, soft=round(count, 3), soft_at=self._clock.now().isoformat())
            if count >= SOFT_LIMIT and subscriber.state == "active":
                return replace(soft, state="bounced", reason=f"bounced {SOFT_LIMIT:.0f} times")
            return soft
        return subscriber

    def _after(self, batch: Batch, before: Entry, after: Entry) -> None:
        """Counts bounces and complaints, and pauses the issue where there are too many."""
        if after.feedback == before.feedback or after.feedback not in {"bounced", "complained"}:
            return
        name = f"tally {batch.name}"
        self._table.increment(name, after.feedback)
        issue = self._newsroom.issues.get(batch.newsletter, batch.issue)
        if issue is not None and issue.state in {"planning", "sending"}:
            self._pause_if_too_many(issue, name)

    def _pause_if_too_many(self, issue: Issue, name: str) -> None:
        count = {row.sort: int(str(row.item["n"])) for row in self._table.query(name)}
        sent = max(1, sum(number for sort, number in count.items() if sort.startswith("sent ")))
        settings = self._imprints.current().publication.mail
        for kind, least, limit in (
            ("bounced", MIN_BOUNCED, settings.pause_bounces),
            ("complained", MIN_COMPLAINED, settings.pause_complaints),
        ):
            number = count.get(kind, 0)
            if number >= least and number / sent >= limit:
                share = f"{number} of {sent} recipients {kind}"
                self._newsroom.pause(
                    issue, f"{share}, more than {limit:.2%}; `pressrun issue resume` goes on"
                )
                return


def _matches(batch: Batch, entry: Entry, event: Event, address: str) -> bool:
    """Whether the ledger knows of this mail: sent under this id, or perhaps sent, and the event names its recipient.

    Only the mailer's events and the tokens in our envelopes do; a message in a mailbox may come from anybody.
    """
    if normalised(address) != normalised(entry.address):
        return False
    if entry.state == "sent":
        return not entry.detail or not event.message_id or entry.detail == event.message_id
    handed_over = entry.state == "uncertain" or (entry.state == "pending" and batch.state == "claimed")
    return handed_over and event.tags.get("recipient") == entry.id


def _heard(entry: Entry, event: Event) -> Entry:
    """The entry after the event. Any event shows that it was sent, but that it could not be."""
    if event.kind in {"reject", "rendering"}:
        if entry.state in {"pending", "uncertain"}:
            return replace(entry, state="excluded", detail=f"refused: {event.reason}"[:200])
        return entry
    if entry.state in {"pending", "uncertain"}:
        entry = replace(entry, state="sent", detail=event.message_id)
    heard = _meaning(event)
    return replace(entry, feedback=heard) if RANK[heard] > RANK[entry.feedback] else entry


def _meaning(event: Event) -> Heard:
    if event.kind == "bounce":
        return {"permanent": "bounced", "transient": "soft"}.get(event.bounce_type, "delayed")  # type: ignore[return-value]
    meanings: dict[str, Heard] = {"delivery": "delivered", "complaint": "complained", "delay": "delayed"}
    return meanings.get(event.kind, "")


def _decayed(subscriber: Subscriber, now: datetime) -> float:
    if not subscriber.soft_at:
        return 0.0
    days = (now - datetime.fromisoformat(subscriber.soft_at)).total_seconds() / 86_400
    return float(subscriber.soft * 0.5 ** (max(0.0, days) / HALF_LIFE_DAYS))
