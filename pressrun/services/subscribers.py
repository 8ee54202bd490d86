"""The subscribers: rows of the Table, and everything that changes them.

| partition | sort | what |
|---|---|---|
| `reader <shard>` | subscriber id | a Subscriber; the shard is two hex digits |
| `secrets` | `tokens` | the keys that sign links |

Each change reads a row, decides, and writes on condition of its version; a decision is a pure function of the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pressrun.domain.subscribers import SHARDS, Consent, Subscriber, shard_of, subscriber_id
from pressrun.errors import Conflict, Transient
from pressrun.ports import ABSENT, Row, Save, Table

MAX_TRIES = 20

Change = Callable[[Subscriber | None], Subscriber | None]
"""Decides what becomes of a subscriber (None: there is none yet); None: nothing is to be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A subscriber and the row it stands in."""

    id: str
    subscriber: Subscriber
    version: int


def partition_of(identifier: str) -> str:
    """Where a subscriber's row stands."""
    return partition(shard_of(identifier))


def partition(shard: int) -> str:
    """The partition of a shard."""
    return f"reader {shard:02x}"


def stored(row: Row) -> Stored:
    """A row, read."""
    item: Any = row.item
    return Stored(id=row.sort, subscriber=Subscriber.from_item(item), version=row.version)


class Subscribers:
    """Reads and changes subscribers."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, identifier: str) -> Stored | None:
        """The subscriber of this id."""
        row = self._table.get(partition_of(identifier), identifier)
        return stored(row) if row else None

    def find(self, address: str) -> Stored | None:
        """The subscriber with this address, however it is spelt."""
        return self.get(subscriber_id(address))

    def get_many(self, identifiers: Sequence[str]) -> dict[str, Subscriber]:
        """The subscribers that exist, by id."""
        keys = [(partition_of(identifier), identifier) for identifier in identifiers]
        rows = self._table.get_many(keys)
        return {sort: stored(row).subscriber for (_, sort), row in rows.items()}

    def change(self, identifier: str, decide: Change) -> Subscriber | None:
        """Applies `decide` to the row as it is now, again where somebody else was faster; what stands there then.

        Raises Transient where others keep being faster.
        """
        for _ in range(MAX_TRIES):
            there = self.get(identifier)
            before = there.subscriber if there else None
            after = decide(before)
            if after is None or after == before:
                return before
            change = Save(
                partition=partition_of(identifier),
                sort=identifier,
                item=after.to_item(),
                expect=there.version if there else ABSENT,
            )
            try:
                self._table.write([change])
            except Conflict:
                continue
            return after
        raise Transient("others keep changing this subscriber")

    def walk(self, shard: int, *, after: str = "", limit: int | None = None) -> Iterator[Stored]:
        """A shard's subscribers in the order of their ids, those above `after`."""
        low = f"{after}\0" if after else None
        for row in self._table.query(partition(shard), low=low, limit=limit):
            yield stored(row)

    def everyone(self) -> Iterator[Stored]:
        """All subscribers, shard by shard."""
        for shard in range(SHARDS):
            yield from self.walk(shard)


def erased(subscriber: Subscriber) -> Subscriber:
    """What is kept of somebody who asked to be forgotten: that no import may bring them back."""
    return Subscriber(address="", state="suppressed", reason="erased", created=subscriber.created[:10])


def left(subscriber: Subscriber, newsletter: str = "") -> Subscriber:
    """The subscriber without a newsletter, or without any (""); "unsubscribed" once nothing remains."""
    lists = {slug: rhythm for slug, rhythm in subscriber.lists.items() if newsletter and slug != newsletter}
    wanted = {slug: rhythm for slug, rhythm in subscriber.wanted.items() if newsletter and slug != newsletter}
    state = subscriber.state
    if (state == "active" and not lists) or (state == "pending" and not wanted):
        state = "unsubscribed"
    return replace(
        subscriber, lists=lists, wanted=wanted, state=state, nonce="" if not wanted else subscriber.nonce
    )


def removed(subscriber: Subscriber, newsletter: str, at: str) -> Subscriber:
    """As `left`, on an editor's word, which is kept; as it is where there is nothing to leave."""
    names = {*subscriber.lists, *subscriber.wanted}
    if not names or (newsletter and newsletter not in names):
        return subscriber
    gone = (newsletter,) if newsletter else tuple(sorted(names))
    consent = Consent(at=at, how="removed by hand", newsletters=gone)
    return replace(left(subscriber, newsletter), consents=(*subscriber.consents, consent))


def suppressed(subscriber: Subscriber, reason: str, at: str) -> Subscriber:
    """Never mailed again, on an editor's word, which is kept."""
    if subscriber.state == "suppressed":
        return subscriber
    return replace(
        subscriber,
        state="suppressed",
        lists={},
        wanted={},
        nonce="",
        reason=reason,
        created=subscriber.created or at,
        consents=(*subscriber.consents, Consent(at=at, how="suppressed by hand")),
    )
