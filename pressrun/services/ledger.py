"""The ledger: who gets an issue, and what became of each of them.

| partition | sort | what |
|---|---|---|
| `plan <newsletter>/<issue>` | shard | how far the shard's audience has been written into batches |
| `batch …`, `todo …`, `uncertain …` | | the batches: see `batches.py` |

Whoever sends a batch claims it by a conditional write
under a name of its own and for a limited time, and records under that name alone: a worker that lost its claim cannot
record. A claim that has run out may have been sent; its recipients are then uncertain, and are never sent again
without a person's word. Batches are ordered by their recipients' ids, so that one query finds a recipient's batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from pressrun.domain.issues import BATCH, Issue
from pressrun.domain.letters import Handover
from pressrun.domain.subscribers import SHARDS, Subscriber, shard_of
from pressrun.errors import Conflict, Transient
from pressrun.ports import ABSENT, Clock, Drop, Item, Save, Table
from pressrun.services.batches import (
    Batch,
    Entry,
    batch_of,
    disowned,
    excluded,
    expired,
    forgotten,
    recorded,
    resolved,
)
from pressrun.services.subscribers import Subscribers

LEASE = timedelta(minutes=6)  # longer than any call to a mailer takes; a claim older than this is lost
BATCHES_A_WRITE = 40  # each takes two changes, beside the plan's own: a transaction takes 100
MAX_TRIES = 20


@dataclass(slots=True, kw_only=True)
class Tally:
    """Recipients of an issue, counted."""

    states: Counter[str] = field(default_factory=Counter)  # audience, pending, sent, excluded, uncertain
    reasons: Counter[str] = field(default_factory=Counter)  # of the excluded
    feedback: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)  # on the list, not in the audience: by state
    planned: bool = False  # whether every shard's audience is written

    def counts(self) -> dict[str, int]:
        """One flat mapping, as an issue keeps it."""
        return {
            **self.states,
            **{f"excluded: {reason}": number for reason, number in self.reasons.items()},
            **{f"passed over: {reason}": number for reason, number in self.passed_over.items()},
        }


class Ledger:
    """Plans, claims and records batches."""

    def __init__(self, table: Table, subscribers: Subscribers, clock: Clock) -> None:
        self._table = table
        self._subscribers = subscribers
        self._clock = clock

    # --- planning --------------------------------------------------------------------------------------------

    def plan(self, issue: Issue, shard: int, send: Callable[[list[Batch]], None]) -> int:
        """Writes a shard's audience into batches, from where an earlier go ended; the recipients written.

        `send` is told of each group of batches after it is written. Raises Transient where another worker plans the
        same shard at the same time.
        """
        total = 0
        partition = f"plan {issue.newsletter}/{issue.id}"
        row = self._table.get(partition, f"{shard:02x}")
        while row is None or not row.item.get("done"):
            item: Any = row.item if row else {"after": "", "recipients": 0, "passed": {}}
            passed = Counter({str(state): int(n) for state, n in item["passed"].items()})
            entries, after, done = self._audience(issue, shard, str(item["after"]), passed)
            batches = [
                Batch(
                    newsletter=issue.newsletter,
                    issue=issue.id,
                    shard=shard,
                    first=entries[start].id,
                    entries=tuple(entries[start : start + BATCH]),
                )
                for start in range(0, len(entries), BATCH)
            ]
            fresh: Item = {
                "after": after,
                "recipients": int(item["recipients"]) + len(entries),
                "passed": dict(passed),
                "done": done,
            }
            changes: list[Save | Drop] = [
                Save(
                    partition=partition,
                    sort=f"{shard:02x}",
                    item=fresh,
                    expect=row.version if row else ABSENT,
                )
            ]
            for batch in batches:
                changes += batch.changes()[:2]
            try:
                self._table.write(changes)
            except Conflict:
                raise Transient(f"another worker plans shard {shard:02x} of {issue.id}") from None
            send(batches)
            total += len(entries)
            row = self._table.get(partition, f"{shard:02x}")
        return total

    def _audience(
        self, issue: Issue, shard: int, after: str, passed: Counter[str]
    ) -> tuple[list[Entry], str, bool]:
        """The next recipients of a shard, as many as one write holds; where they end; whether that is the end."""
        wanted = BATCH * BATCHES_A_WRITE
        entries: list[Entry] = []
        for stored in self._subscribers.walk(shard, after=after):
            after = stored.id
            reason = passed_over(stored.subscriber, issue)
            if reason is None:
                entries.append(Entry(id=stored.id, address=stored.subscriber.address))
                if len(entries) == wanted:
                    return entries, after, False
            elif reason:
                passed[reason] += 1
        return entries, after, True

    def planned(self, issue: Issue) -> list[int]:
        """The shards whose audience is not written in full yet."""
        rows = {row.sort: row.item for row in self._table.query(f"plan {issue.newsletter}/{issue.id}")}
        return [shard for shard in range(SHARDS) if not rows.get(f"{shard:02x}", {}).get("done")]

    # --- batches ----------------------------------------------------------------------------------------------

    def get(self, newsletter: str, issue: str, shard: int, first: str) -> Batch | None:
        """A batch, read."""
        row = self._table.get(f"batch {newsletter}/{issue} {shard:02x}", first)
        return batch_of(newsletter, issue, shard, row) if row else None

    def holding(self, newsletter: str, issue: str, recipient: str) -> Batch | None:
        """The batch that a recipient is in."""
        shard = shard_of(recipient)
        rows = self._table.query(
            f"batch {newsletter}/{issue} {shard:02x}", high=f"{recipient}\0", descending=True, limit=1
        )
        for row in rows:
            batch = batch_of(newsletter, issue, shard, row)
            if any(entry.id == recipient for entry in batch.entries):
                return batch
        return None

    def claim(self, batch: Batch, worker: str) -> Batch | None:
        """The batch under a claim of this worker; None where somebody else was faster."""
        until = (self._clock.now() + LEASE).isoformat()
        claimed = replace(batch, state="claimed", worker=worker, until=until)
        try:
            self._table.write([claimed.save()])
        except Conflict:
            return None
        return replace(claimed, version=batch.version + 1)

    def change(self, batch: Batch, decide: Callable[[Batch], Batch | None]) -> Batch | None:
        """Applies `decide` to the batch as it was read a moment ago, and anew where somebody has changed it since.

        None where it decides against it. Raises Transient where others keep being faster.
        """
        there: Batch | None = batch
        for _ in range(MAX_TRIES):
            after = decide(there) if there else None
            if there is None or after is None:
                return None
            if after == there:
                return there
            try:
                self._table.write(after.changes())
            except Conflict:
                there = self.get(batch.newsletter, batch.issue, batch.shard, batch.first)
                continue
            return replace(after, version=there.version + 1)
        raise Transient("others keep changing this batch")

    def record(self, claimed: Batch, results: Mapping[str, Handover | str]) -> Batch | None:
        """Writes what became of recipients, by id: a Handover, or the reason why one was excluded.

        None where the claim was lost; nothing is written then. What feedback has said meanwhile stays.
        """
        return self.change(claimed, lambda there: recorded(there, claimed.worker, results))

    def expire(self, batch: Batch) -> Batch | None:
        """A claim that has run out: those that nothing is known of become uncertain. None where it has not."""
        now = self._clock.now()
        return self.change(batch, lambda there: expired(there, now))

    def exclude(self, batch: Batch, reason: str) -> Batch | None:
        """All that are pending in a batch that nobody has claimed are excluded."""
        return self.change(batch, lambda there: excluded(there, reason))

    def forget(self, batch: Batch, identifier: str) -> Batch | None:
        """A recipient's address goes; that there was one, and what became of them, stays."""
        return self.change(batch, lambda there: forgotten(there, identifier))

    def resolve(self, batch: Batch, *, resend: bool, why: str) -> Batch | None:
        """A word on the uncertain: they count as sent, or are sent again; `why` is kept with them."""
        return self.change(batch, lambda there: resolved(there, resend=resend, why=why))

    def disown(self, issue: Issue) -> None:
        """After a restore: what was in hand then may have been sent, and no event will tell us. A person decides."""
        for shard, first in [*self.todo(issue), *self.uncertain(issue)]:
            batch = self.get(issue.newsletter, issue.id, shard, first)
            if batch is not None:
                self.change(batch, disowned)

    # --- what there is -------------------------------------------------------------------------------------------

    def todo(self, issue: Issue, limit: int | None = None) -> Iterator[tuple[int, str]]:
        """Batches that are open, as (shard, first)."""
        return self._keys(f"todo {issue.newsletter}/{issue.id}", limit)

    def uncertain(self, issue: Issue) -> Iterator[tuple[int, str]]:
        """Batches with uncertain recipients, as (shard, first)."""
        return self._keys(f"uncertain {issue.newsletter}/{issue.id}", None)

    def unsure(self, issue: Issue) -> Iterator[Entry]:
        """The uncertain recipients of an issue. Reads the batches that hold some, and no other."""
        for shard, first in self.uncertain(issue):
            batch = self.get(issue.newsletter, issue.id, shard, first)
            yield from (entry for entry in (batch.entries if batch else ()) if entry.state == "uncertain")

    def _keys(self, partition: str, limit: int | None) -> Iterator[tuple[int, str]]:
        for row in self._table.query(partition, limit=limit):
            shard, _, first = row.sort.partition("/")
            yield int(shard, 16), first

    def batches(self, issue: Issue) -> Iterator[Batch]:
        """Every batch of an issue, shard by shard."""
        for shard in range(SHARDS):
            for row in self._table.query(f"batch {issue.newsletter}/{issue.id} {shard:02x}"):
                yield batch_of(issue.newsletter, issue.id, shard, row)

    def tally(self, issue: Issue) -> Tally:
        """Everybody, counted. Reads every batch: 20,000 for a million recipients."""
        tally = Tally()
        plans, tally.planned = self._plans(issue)
        for plan in plans:
            tally.passed_over.update({str(k): int(v) for k, v in plan["passed"].items()})
        for batch in self.batches(issue):
            for entry in batch.entries:
                tally.states["audience"] += 1
                tally.states[entry.state] += 1
                if entry.state == "excluded":
                    tally.reasons[entry.detail.partition(":")[0]] += 1
                if entry.feedback:
                    tally.feedback[entry.feedback] += 1
        return tally

    def _plans(self, issue: Issue) -> tuple[list[dict[str, Any]], bool]:
        """How far each shard that was begun is planned, and whether all are planned in full."""
        plans: list[Any] = [row.item for row in self._table.query(f"plan {issue.newsletter}/{issue.id}")]
        return plans, len(plans) == SHARDS and all(plan.get("done") for plan in plans)

    def progress(self, issue: Issue) -> tuple[int, int, bool]:
        """Recipients written so far, about how many of them are done with, and whether all are written.

        Reads no batch: 64 rows, and one for each batch that is open.
        """
        plans, planned = self._plans(issue)
        shards = [int(plan["recipients"]) for plan in plans]
        whole, batches = sum(shards), sum(-(-recipients // BATCH) for recipients in shards)
        waiting = sum(1 for _ in self.todo(issue))
        return whole, whole * max(0, batches - waiting) // batches if batches else 0, planned


def passed_over(subscriber: Subscriber, issue: Issue) -> str | None:
    """Why somebody is not in an issue's audience; None where they are, "" where it was never meant for them."""
    rhythm = subscriber.lists.get(issue.newsletter)
    if rhythm is None or (issue.kind != "manual" and rhythm != issue.audience):
        return ""
    if subscriber.state != "active":
        return subscriber.state
    if issue.frozen and subscriber.confirmed > issue.frozen:
        return ""  # joined after it was committed
    return None


def refused_now(subscriber: Subscriber | None, newsletter: str) -> str:
    """Why nothing may be sent to somebody at this moment; "" where it may."""
    if subscriber is None:
        return "gone"
    if subscriber.state != "active":
        return subscriber.state
    return "" if newsletter in subscriber.lists else "unsubscribed"
