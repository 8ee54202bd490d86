"""A machine dies at any operation on its way from the commit of an issue to its end; naive variants are caught."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from pressrun.domain.issues import Issue
from pressrun.domain.letters import Handover
from pressrun.domain.subscribers import subscriber_id
from pressrun.errors import Transient
from pressrun.ports import Drop, Save
from pressrun.services import feedback
from pressrun.services.batches import Batch, Entry
from pressrun.services.deliver import Deliverer, Outcome
from pressrun.services.ledger import Ledger
from pressrun.services.subscribers import Subscribers, left
from tests.fakes.office import Office

READERS = 24
LEAVER = "reader3@example.org"
OPERATIONS = {
    "get",
    "get_many",
    "query",
    "write",
    "write_each",
    "increment",
    "send",
    "receive",
    "acknowledge",
    "put",
}


class Killed(BaseException):
    """A machine that dies."""


class Fuse:
    """Counts operations, and kills at one of them: before it has any effect, or after."""

    def __init__(self, at: int = 0, *, after: bool = False, error: bool = False, only: str = "") -> None:
        self.at, self.after, self.error, self.only = at, after, error, only
        self.count = 0

    def wrap(self, part: Any) -> Any:
        """The part, its operations counted."""
        return Fused(part, self)

    def spend(self, name: str, action: Callable[[], Any]) -> Any:
        self.count += not self.only or name == self.only
        if self.count != self.at or (self.only and name != self.only):
            return action()
        failure: BaseException = Transient("no answer") if self.error else Killed()
        if self.after:
            action()
        raise failure


class Fused:
    """A port whose operations burn a fuse."""

    def __init__(self, part: Any, fuse: Fuse) -> None:
        self._part, self._fuse = part, fuse

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)
        if name not in OPERATIONS:
            return method
        full = f"{type(self._part).__name__}.{name}"
        if name == "query":
            return lambda *a, **k: iter(self._fuse.spend(full, lambda: list(method(*a, **k))))
        return lambda *a, **k: self._fuse.spend(full, lambda: method(*a, **k))


def office_with(root: Path, fuse: Fuse) -> Office:
    """Readers, an article, and an issue that is about to be sent; the fuse is in every port from now on."""
    office = Office(root)
    office.readers(READERS)
    office.publish("tides.md")
    deliverer, newsroom, ledger = office.house.deliverer, office.house.newsroom, office.house.newsroom.ledger
    table = fuse.wrap(office.house.table)
    kept = (newsroom.issues, newsroom.letters, newsroom.digests)
    for part in (deliverer, newsroom, *kept, ledger, office.house.pace, office.house.subscribers):
        part._table = table
    deliverer._queue = newsroom._queue = fuse.wrap(office.house.mail_queue)
    newsroom.letters._letters = fuse.wrap(office.house.mail)
    fused = fuse.wrap(office.sink)
    deliverer._mailer = lambda: fused
    return office


def live(office: Office, minutes: int) -> None:
    """Time passes; a machine that dies is started again."""
    for _ in range(minutes):
        office.clock.advance(60)
        for action in (office.house.newsroom.tick, office.house.deliverer.sweep, office.work):
            try:
                action()
            except (Killed, Transient):
                continue


def violations(office: Office, *, had_it: bool) -> list[str]:
    """What must hold and does not, after quiet."""
    issue = office.issue()
    got = Counter(office.sink.addresses())
    states = office.states()
    found = [f"{address} has it {number} times" for address, number in got.items() if number > 1]
    for address in (f"reader{number}@example.org" for number in range(READERS)):
        state = states.get(address, ("", ""))[0]
        if address == LEAVER and not had_it and not state:
            continue  # gone before the shard was planned
        if address == LEAVER and got[address] and not had_it:
            found.append("who left was sent it")
        if state not in {"sent", "excluded", "uncertain"}:
            found.append(f"{address} is {state or 'nowhere'}")
        if state == "sent" and not got[address]:
            found.append(f"{address} is called sent and has nothing")
        if state == "excluded" and got[address]:
            found.append(f"{address} is called excluded and has it")
    if issue.state != "sent":
        found.append(f"the issue is {issue.state}: {issue.reason}")
    return found


def story(root: Path, fuse: Fuse, mutate: Callable[[Office], None] = lambda _: None) -> list[str]:
    """An issue is committed, somebody leaves while it is planned, and it goes out; what was wrong in the end."""
    office = office_with(root, fuse)
    mutate(office)
    live(office, 11)
    readers = Subscribers(office.house.table)  # a reader's own way out burns no fuse
    had_it = LEAVER in office.sink.addresses()
    readers.change(subscriber_id(LEAVER), lambda there: left(there, "letters") if there else None)
    live(office, 75)
    fuse.at = 0  # who looks at it in the end does not die
    return violations(office, had_it=had_it)


def length(root: Path) -> int:
    """How many operations a story has where nothing fails."""
    root.mkdir()
    fuse = Fuse()
    assert story(root, fuse) == []
    return fuse.count


@pytest.mark.parametrize("parts", [6, pytest.param(400, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
@pytest.mark.parametrize(("after", "error"), [(False, False), (True, False), (True, True)])
def test_a_machine_may_die_at_any_operation(tmp_path: Path, parts: int, after: bool, error: bool) -> None:
    """Before it, after it, or without an answer: everybody is accounted for, and nobody has it twice."""
    whole = length(tmp_path / "whole")
    for part in range(parts):
        root = tmp_path / str(part)
        root.mkdir()
        at = 1 + part * whole // parts
        assert story(root, Fuse(at, after=after, error=error)) == [], at


# --- mutants ---------------------------------------------------------------------------------------------------


class CheckpointAtFetch(Ledger):
    """Remembers how far it has read before the batches are written."""

    def plan(self, issue: Issue, shard: int, send: Callable[[list[Batch]], None]) -> int:
        table = self._table

        class Hasty:
            def __getattr__(self, name: str) -> Any:
                return getattr(table, name)

            def write(self, changes: Sequence[Save | Drop]) -> None:
                table.write(changes[:1])
                if changes[1:]:
                    table.write(changes[1:])

        self._table = Hasty()  # type: ignore[assignment]
        try:
            return super().plan(issue, shard, send)
        finally:
            self._table = table


class SendAgain(Ledger):
    """Takes a claim that has run out for one that was never used."""

    def expire(self, batch: Batch) -> Batch | None:
        return self.change(batch, lambda there: replace(there, state="planned", worker="", until=""))


class RecordFirst(Deliverer):
    """Writes that it has sent before it sends."""

    def _send(self, issue: Issue, claimed: Batch, entries: Sequence[Entry]) -> Outcome:
        mailer, kept = self._mailer, claimed
        self._ledger.record(kept, {entry.id: Handover(fate="sent", id="early") for entry in entries})
        letter = self._letter(issue.letter)
        mailer().send(letter, self._addressed(issue, entries, {}))
        self._finish_if_done(issue)
        return "sent"


def with_ledger(kind: type[Ledger]) -> Callable[[Office], None]:
    def mutate(office: Office) -> None:
        old = office.house.newsroom.ledger
        new = kind(old._table, old._subscribers, old._clock)
        office.house.newsroom.ledger = office.house.deliverer._ledger = new

    return mutate


def record_first(office: Office) -> None:
    office.house.deliverer.__class__ = RecordFirst


@pytest.mark.parametrize(
    ("mutate", "operation", "after"),
    [
        pytest.param(with_ledger(CheckpointAtFetch), "SqliteTable.write", True, id="checkpoint at fetch"),
        pytest.param(with_ledger(SendAgain), "Sink.send", True, id="send again"),
        pytest.param(record_first, "Sink.send", False, id="record before send"),
    ],
)
def test_naive_variants_are_caught(
    tmp_path: Path, mutate: Callable[[Office], None], operation: str, after: bool
) -> None:
    """A checkpoint ahead of its batches loses readers, a claim sent again doubles them, an early record lies."""
    for at in range(1, 30):
        caught = []
        for name, variant in (("naive", mutate), ("ours", lambda _: None)):
            root = tmp_path / f"{name} {at}"
            root.mkdir()
            caught.append(story(root, Fuse(at, after=after, only=operation), variant))
        assert caught[1] == []
        if caught[0]:
            return
    pytest.fail("the mutant was not caught")


def test_feedback_that_is_believed_blindly_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notification with a wrong message id must not silence a reader; without the match it does."""
    monkeypatch.setattr(feedback, "_matches", lambda *_: True)
    office = Office(tmp_path)
    identifier = office.reader("ada@example.org")
    office.publish("tides.md")
    office.minutes(12)
    office.hear("complaint", "ada@example.org", message_id="forged")
    there = office.house.subscribers.get(identifier)
    assert there is not None and there.subscriber.state == "complained"


def test_a_message_of_no_kind_reaches_the_dead_letters_and_stops_nobody(tmp_path: Path) -> None:
    """Invariant 16, for the mail queue."""
    office = Office(tmp_path)
    office.readers(3)
    office.publish("tides.md")
    queue = office.house.mail_queue
    queue.send(["not JSON", orjson.dumps({"pressrun": "batch"}).decode()])
    office.minutes(30)
    assert len(office.sink.sent) == 3
    causes = {letter.body: letter.cause for letter in queue.dead()}
    assert "no kind" in causes["not JSON"] and "newsletter" in causes['{"pressrun":"batch"}']
