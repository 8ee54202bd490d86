"""What becomes of a batch: pure decisions, each state and each word on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pressrun.domain.letters import Handover
from pressrun.ports import Save
from pressrun.services.batches import (
    GIVE_UP,
    Batch,
    Entry,
    disowned,
    excluded,
    expired,
    forgotten,
    recorded,
    resolved,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
UNTIL = (NOW + timedelta(minutes=5)).isoformat()
ANN = Entry(id="ann", address="ann@example.org")
BEA = Entry(id="bea", address="bea@example.org")
LOST = replace(BEA, state="uncertain", detail="the worker that had it died")
PLANNED = Batch(newsletter="letters", issue="a-1", shard=10, first="ann", entries=(ANN, BEA))
CLAIMED = replace(PLANNED, state="claimed", worker="w1", until=UNTIL)
DOUBTFUL = replace(PLANNED, state="uncertain", until=UNTIL, entries=(replace(ANN, state="sent"), LOST))


def kept(batch: Batch) -> dict[str, bool]:
    """In which lists of batches it stands."""
    return {
        change.partition.split()[0]: isinstance(change, Save)
        for change in batch.changes()
        if change.partition.startswith(("todo", "uncertain"))
    }


@pytest.mark.parametrize(
    ("handover", "state", "detail", "tries"),
    [
        (Handover(fate="sent", id="m-1"), "sent", "m-1", 0),
        (Handover(fate="refused", reason="no such user"), "excluded", "refused: no such user", 0),
        (Handover(fate="unknown", reason="cut off"), "uncertain", "cut off", 0),
        (Handover(fate="later", reason="busy"), "pending", "", 1),
        (Handover(fate="throttled", reason="slow"), "pending", "", 0),
        ("unsubscribed", "excluded", "unsubscribed", 0),
    ],
)
def test_what_the_mailer_says_is_recorded(handover, state, detail, tries) -> None:
    """Of those that it says it of; the others wait on."""
    after = recorded(CLAIMED, "w1", {"ann": handover})
    assert after is not None
    ann, bea = after.entries
    assert (ann.state, ann.detail, ann.tries) == (state, detail, tries)
    assert bea == BEA


def test_who_lost_the_claim_records_nothing() -> None:
    """Another worker has it, or nobody."""
    assert recorded(CLAIMED, "w2", {"ann": Handover(fate="sent", id="m-1")}) is None
    assert recorded(replace(CLAIMED, state="planned"), "w1", {}) is None


def test_a_recipient_is_given_up_after_a_day_of_goes_and_not_before() -> None:
    """The last go is the one that makes the number full."""
    later = {"ann": Handover(fate="later", reason="busy")}
    before = replace(CLAIMED, entries=(replace(ANN, tries=GIVE_UP - 2), BEA))
    once = recorded(before, "w1", later)
    assert once is not None and once.entries[0].state == "pending"
    twice = recorded(replace(CLAIMED, entries=once.entries), "w1", later)
    assert twice is not None and twice.entries[0].state == "excluded"
    assert twice.entries[0].detail == "given up: busy"


def test_a_batch_with_somebody_left_to_send_to_is_planned_whoever_is_in_doubt() -> None:
    """And stands in one list only: what is still to be sent is not a person's to resolve."""
    after = recorded(CLAIMED, "w1", {"ann": Handover(fate="unknown", reason="cut off")})
    assert after is not None
    assert (after.state, after.worker, after.until) == ("planned", "", "")
    assert kept(after) == {"todo": True, "uncertain": False}
    done = recorded(replace(after, state="claimed", worker="w2", until=UNTIL), "w2", {"bea": "unsubscribed"})
    assert done is not None
    assert (done.state, done.until) == ("uncertain", UNTIL)
    assert kept(done) == {"todo": False, "uncertain": True}


def test_all_settled_is_recorded() -> None:
    """And stands in no list."""
    after = recorded(CLAIMED, "w1", {"ann": Handover(fate="sent", id="m-1"), "bea": "unsubscribed"})
    assert after is not None
    assert (after.state, after.until) == ("recorded", "")
    assert kept(after) == {"todo": False, "uncertain": False}


def test_a_claim_expires_at_its_time() -> None:
    """Those of whom nothing is known are in doubt then; `until` stays, for feedback that is still to come."""
    assert expired(CLAIMED, NOW) is None
    assert expired(PLANNED, NOW + timedelta(days=1)) is None
    after = expired(CLAIMED, NOW + timedelta(minutes=5))
    assert after is not None
    assert (after.state, after.until, after.worker) == ("uncertain", UNTIL, "")
    assert {entry.state for entry in after.entries} == {"uncertain"}


def test_the_last_one_in_doubt_of_whom_feedback_tells_settles_the_batch() -> None:
    """And no earlier one; a claim stands whatever is told."""
    both = replace(DOUBTFUL, entries=(replace(ANN, state="uncertain"), LOST))
    first = both.told(replace(ANN, state="sent", feedback="delivered"))
    assert first.state == "uncertain"
    assert first.entries[0].feedback == "delivered"
    assert first.told(replace(LOST, state="sent", feedback="delivered")).state == "recorded"
    claimed = CLAIMED.told(replace(ANN, state="sent", feedback="delivered"))
    assert (claimed.state, claimed.worker, claimed.until) == ("claimed", "w1", UNTIL)


@pytest.mark.parametrize(
    ("resend", "state", "batch"), [(True, "pending", "planned"), (False, "sent", "recorded")]
)
def test_a_word_on_those_in_doubt(resend, state, batch) -> None:
    """They were sent, or are sent again from the first go; nobody else is touched."""
    after = resolved(replace(DOUBTFUL, entries=(ANN, replace(LOST, tries=3))), resend=resend, why="a call")
    assert after is not None
    assert after.entries == (ANN, replace(BEA, state=state, detail="a call"))
    settled = resolved(DOUBTFUL, resend=resend, why="a call")
    assert settled is not None and settled.state == batch
    assert resolved(CLAIMED, resend=resend, why="a call") is None


def test_what_nobody_has_in_hand_can_be_excluded() -> None:
    """A claimed batch is its worker's; who is settled stays as they are."""
    after = excluded(replace(PLANNED, entries=(replace(ANN, state="sent"), BEA)), "cancelled")
    assert after is not None
    assert [(entry.state, entry.detail) for entry in after.entries] == [
        ("sent", ""),
        ("excluded", "cancelled"),
    ]
    assert after.state == "recorded"
    assert excluded(CLAIMED, "cancelled") is None


def test_after_a_restore_a_person_decides_on_what_was_in_hand() -> None:
    """No event of it will come any more, so that nothing waits for one: `until` goes."""
    for before in (CLAIMED, DOUBTFUL):
        after = disowned(before)
        assert after is not None
        assert (after.state, after.until, after.worker) == ("uncertain", "", "")
        assert all(entry.state in {"sent", "uncertain"} for entry in after.entries)
    assert disowned(PLANNED) is None
    assert disowned(replace(PLANNED, state="recorded")) is None


def test_an_erased_reader_leaves_an_entry_without_an_address() -> None:
    """What became of it stays, and so do the others."""
    after = forgotten(DOUBTFUL, "bea")
    assert after.entries == (DOUBTFUL.entries[0], replace(LOST, address=""))
    assert (after.state, after.until) == (DOUBTFUL.state, DOUBTFUL.until)


def test_a_batch_is_written_against_the_version_that_was_read() -> None:
    """So that of two workers one is told that the other was faster."""
    assert [change.expect for change in replace(CLAIMED, version=7).changes()[:1]] == [7]
