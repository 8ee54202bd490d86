"""A batch of an issue's recipients: how it stands in its row, and what becomes of it. Decisions alone, no writes.

| partition | sort | what |
|---|---|---|
| `batch <newsletter>/<issue> <shard>` | id of its first recipient | up to 50 recipients, each with its own state |
| `todo <newsletter>/<issue>` | shard/id | a batch that is neither recorded nor uncertain |
| `uncertain <newsletter>/<issue>` | shard/id | a batch that holds recipients whose fate is not known |

A batch is in exactly one of planned, claimed, recorded, uncertain. Who must not act on it as it is decides None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pressrun.domain.issues import BatchState, RecipientState
from pressrun.domain.letters import Handover
from pressrun.ports import ABSENT, Drop, Item, Row, Save

GIVE_UP = 360  # goes at a recipient that the mailer did not take: a day of them, lest an outage lose anybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One recipient in a batch. `detail`: the mailer's id of a sent one, the reason of an excluded one.

    `feedback` is the worst that was heard of it: "", "delivered", "delayed", "soft", "bounced", "complained".
    """

    id: str
    address: str
    state: RecipientState = "pending"
    detail: str = ""
    feedback: str = ""
    tries: int = 0

    def to_list(self) -> list[Any]:
        """As stored: a million of these are."""
        return [self.id, self.address, self.state, self.detail, self.feedback, self.tries]

    @classmethod
    def from_list(cls, parts: Sequence[Any]) -> Entry:
        """The entry that `to_list` was called on."""
        identifier, address, state, detail, feedback, tries = parts
        return cls(id=identifier, address=address, state=state, detail=detail, feedback=feedback, tries=tries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch as it stands in its row."""

    newsletter: str
    issue: str
    shard: int
    first: str
    entries: tuple[Entry, ...]
    state: BatchState = "planned"
    worker: str = ""
    until: str = ""  # ISO 8601: when the claim runs out; of an uncertain one, when the lost claim did
    version: int = ABSENT

    @property
    def key(self) -> str:
        """Names it within its issue."""
        return f"{self.shard:02x}/{self.first}"

    @property
    def name(self) -> str:
        """The issue's name, as partitions have it."""
        return f"{self.newsletter}/{self.issue}"

    @property
    def pending(self) -> tuple[Entry, ...]:
        """Those that nothing is recorded of."""
        return tuple(entry for entry in self.entries if entry.state == "pending")

    def save(self) -> Save:
        """The write that replaces the row as it was read."""
        item: Item = {"state": self.state, "entries": [entry.to_list() for entry in self.entries]}
        if self.until:
            item |= {"worker": self.worker, "until": self.until}
        return Save(
            partition=f"batch {self.name} {self.shard:02x}", sort=self.first, item=item, expect=self.version
        )

    def changes(self) -> list[Save | Drop]:
        """The write, and those that keep `todo` and `uncertain` in step with it."""
        doubtful = any(entry.state == "uncertain" for entry in self.entries)
        todo, uncertain = f"todo {self.name}", f"uncertain {self.name}"
        open_ = self.state in {"planned", "claimed"}
        return [
            self.save(),
            _present(todo, self.key, there=open_),
            _present(uncertain, self.key, there=doubtful and not open_),
        ]

    def after(self, change: Callable[[Entry], Entry]) -> Batch:
        """The batch that nobody claims any more, with its entries changed.

        It is planned as long as one of them is pending, and then uncertain or recorded.
        """
        entries = tuple(map(change, self.entries))
        found = {entry.state for entry in entries}
        state: BatchState = (
            "planned" if "pending" in found else "uncertain" if "uncertain" in found else "recorded"
        )
        until = self.until if state == "uncertain" else ""
        return replace(self, entries=entries, state=state, worker="", until=until)

    def told(self, entry: Entry) -> Batch:
        """The batch with what feedback says of one entry. A claim on it stands; the last uncertain one settles it."""
        entries = tuple(entry if one.id == entry.id else one for one in self.entries)
        settled = self.state == "uncertain" and all(one.state != "uncertain" for one in entries)
        return replace(self, entries=entries, state="recorded" if settled else self.state)


def _present(partition: str, sort: str, *, there: bool) -> Save | Drop:
    return Save(partition=partition, sort=sort, item={}) if there else Drop(partition=partition, sort=sort)


def batch_of(newsletter: str, issue: str, shard: int, row: Row) -> Batch:
    """A `batch` row, read."""
    item: Any = row.item
    return Batch(
        newsletter=newsletter,
        issue=issue,
        shard=shard,
        first=row.sort,
        entries=tuple(Entry.from_list(parts) for parts in item["entries"]),
        state=item["state"],
        worker=item.get("worker", ""),
        until=item.get("until", ""),
        version=row.version,
    )


def recorded(there: Batch, worker: str, results: Mapping[str, Handover | str]) -> Batch | None:
    """What became of recipients, by id: a Handover, or the reason why one was excluded. None: the claim was lost."""
    if there.worker != worker or there.state != "claimed":
        return None
    return there.after(lambda entry: _recorded(entry, results.get(entry.id)))


def _recorded(entry: Entry, result: Handover | str | None) -> Entry:
    if result is None or entry.state != "pending":
        return entry
    if isinstance(result, str):
        return replace(entry, state="excluded", detail=result)
    if result.fate == "sent":
        return replace(entry, state="sent", detail=result.id)
    if result.fate == "refused":
        return replace(entry, state="excluded", detail=f"refused: {result.reason}"[:200])
    if result.fate == "unknown":
        return replace(entry, state="uncertain", detail=result.reason[:200])
    if result.fate == "later" and entry.tries + 1 >= GIVE_UP:
        return replace(entry, state="excluded", detail=f"given up: {result.reason}"[:200])
    return replace(entry, tries=entry.tries + (result.fate == "later"))


def expired(there: Batch, now: datetime) -> Batch | None:
    """A claim that has run out: those that nothing is known of are uncertain. None where it has not."""
    if there.state != "claimed" or datetime.fromisoformat(there.until) > now:
        return None
    return there.after(_pending_to("uncertain", "the worker that had it died"))


def excluded(there: Batch, reason: str) -> Batch | None:
    """All that are pending in a batch that nobody has claimed are excluded."""
    return there.after(_pending_to("excluded", reason)) if there.state == "planned" else None


def resolved(there: Batch, *, resend: bool, why: str) -> Batch | None:
    """A word on the uncertain: they count as sent, or are sent again; `why` is kept with them."""
    state: RecipientState = "pending" if resend else "sent"

    def settled(entry: Entry) -> Entry:
        return replace(entry, state=state, detail=why, tries=0) if entry.state == "uncertain" else entry

    return there.after(settled) if there.state == "uncertain" else None


def disowned(there: Batch) -> Batch | None:
    """After a restore: what was in hand then may have been sent, and no event will tell us. A person decides."""
    if there.state == "claimed":
        there = there.after(_pending_to("uncertain", "in hand when the backup was made"))
    elif there.state != "uncertain":
        return None
    return replace(there, until="")


def forgotten(there: Batch, identifier: str) -> Batch:
    """A recipient's address goes; that there was one, and what became of them, stays."""
    entries = tuple(replace(one, address="") if one.id == identifier else one for one in there.entries)
    return replace(there, entries=entries)


def _pending_to(state: RecipientState, detail: str) -> Callable[[Entry], Entry]:
    return lambda entry: replace(entry, state=state, detail=detail) if entry.state == "pending" else entry
