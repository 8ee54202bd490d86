"""Delivery: everybody in the audience ends sent, excluded or uncertain, and nobody is sent anything twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pressrun.domain.letters import Handover, Quota
from pressrun.domain.subscribers import subscriber_id
from pressrun.errors import Permanent
from pressrun.services.subscribers import left
from tests.fakes.office import SETTINGS, Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


class Killed(BaseException):
    """A machine that dies."""


def fates(office: Office, address: str, *fates: str) -> None:
    office.sink.fates[address] = [Handover(fate=fate, reason="said so") for fate in fates]  # type: ignore[arg-type]


def test_everybody_who_reads_it_gets_it_once(office: Office) -> None:
    """And nobody else: not the unconfirmed, the gone, the bounced, nor readers of another rhythm."""
    addresses = office.readers(130)
    for number, state in enumerate(("pending", "unsubscribed", "bounced", "complained", "suppressed")):
        office.reader(f"not{number}@example.org", state=state)  # type: ignore[arg-type]
    office.reader("weekly@example.org", rhythm="weekly")
    office.publish("tides.md")
    office.minutes(15)
    assert sorted(office.sink.addresses()) == sorted(addresses)
    issue = office.issue()
    assert issue.state == "sent" and issue.counts["sent"] == issue.counts["audience"] == 130
    assert issue.counts["passed over: bounced"] == 1


def test_messages_that_come_twice_and_late_send_nothing_more(office: Office) -> None:
    """A message is a hint."""
    office.readers(120)
    office.publish("tides.md")
    office.minutes(15)
    for batch in office.house.newsroom.ledger.batches(office.issue()):
        office.house.deliverer.deliver("letters", office.issue().id, batch.shard, batch.first)
    office.house.deliverer.plan("letters", office.issue().id, list(range(64)))
    office.work()
    assert max(Counter(office.sink.addresses()).values()) == 1 and len(office.sink.sent) == 120


def test_the_audience_is_who_was_there_when_it_was_committed(office: Office) -> None:
    """Who joins a moment later gets the next one."""
    office.reader("early@example.org")
    office.publish("tides.md")
    office.house.newsroom.commit(office.issue())
    office.clock.advance(1)
    office.reader("late@example.org")
    office.work()
    assert office.sink.addresses() == ["early@example.org"]


def test_who_leaves_after_the_commit_is_not_sent_anything(office: Office) -> None:
    """Each recipient's state is read before each hand-over (invariant 8)."""
    office.reader("stays@example.org")
    leaver = office.reader("leaves@example.org")
    office.publish("tides.md")
    issue = office.house.newsroom.commit(office.issue())
    office.house.deliverer.plan("letters", issue.id, list(range(64)))
    office.house.subscribers.change(leaver, lambda there: left(there, "letters") if there else None)
    office.work()
    assert office.sink.addresses() == ["stays@example.org"]
    assert office.states()["leaves@example.org"] == ("excluded", "unsubscribed")


def test_a_worker_that_dies_while_sending_leaves_them_uncertain(office: Office) -> None:
    """Nobody is sent it again without a person's word."""
    office.reader("ada@example.org")
    office.sink.fates["ada@example.org"] = [Killed()]
    office.publish("tides.md")
    office.clock.advance(600)
    office.house.newsroom.tick()
    with pytest.raises(Killed):
        office.work()
    office.minutes(30)
    assert office.states()["ada@example.org"][0] == "uncertain"
    assert office.sink.sent == []
    assert office.issue().counts == {"audience": 1, "uncertain": 1}
    office.house.newsroom.resolve(office.issue(), resend=True)
    office.minutes(2)
    assert office.sink.addresses() == ["ada@example.org"]
    assert office.issue().state == "sent" and office.issue().counts == {"audience": 1, "sent": 1}


def test_uncertain_ones_can_be_taken_for_sent(office: Office) -> None:
    """Then they are never sent it again."""
    office.reader("ada@example.org")
    fates(office, "ada@example.org", "unknown")
    office.publish("tides.md")
    office.minutes(12)
    assert office.issue().counts == {"audience": 1, "uncertain": 1}
    office.house.newsroom.resolve(office.issue(), resend=False)
    office.minutes(12)
    assert office.issue().counts == {"audience": 1, "sent": 1} and len(office.sink.sent) == 1


def test_a_word_on_nobody_leaves_a_sent_issue_sent(office: Office) -> None:
    """Its counts, too, and when it was finished."""
    office.reader("ada@example.org")
    office.publish("tides.md")
    office.minutes(12)
    before = office.issue()
    assert before.state == "sent" and before.counts["sent"] == 1
    assert office.house.newsroom.resolve(before, resend=True) == 0
    assert office.issue() == before


def test_an_issue_that_is_paused_before_its_audience_is_written_is_sent_to_all(office: Office) -> None:
    """It goes on with the plan; as one that is being sent, it would be done with those who were written by then."""
    addresses = office.readers(70)
    office.publish("tides.md")
    issue = office.house.newsroom.commit(office.issue())
    office.house.deliverer.plan("letters", issue.id, list(range(8)))
    office.house.newsroom.pause(office.issue(), "wait")
    office.minutes(5)
    assert office.sink.sent == []
    assert office.house.newsroom.resume(office.issue()).state == "planning"
    office.minutes(30)
    assert sorted(office.sink.addresses()) == sorted(addresses)
    assert office.issue().counts["sent"] == 70


def test_an_event_settles_the_uncertain(office: Office) -> None:
    """The mailer's own word that it was sent."""
    office.reader("ada@example.org")
    fates(office, "ada@example.org", "unknown")
    office.publish("tides.md")
    office.minutes(12)
    assert (
        office.hear("bounce", "ada@example.org", bounce_type="permanent", recipient="") == 0
    )  # from anybody
    assert office.hear("send", "ada@example.org", message_id="ses-1") == 1
    assert office.states()["ada@example.org"] == ("sent", "ses-1")
    assert list(office.house.newsroom.ledger.uncertain(office.issue())) == []


def test_silence_of_a_mailer_that_speaks_means_not_sent(office: Office) -> None:
    """It told of what it took later, and had time: who died had not handed over. Then they are sent it, once."""
    for name in ("ada", "eve"):
        office.reader(f"{name}@example.org")
    office.sink.fates["ada@example.org"] = [Killed()]
    office.publish("tides.md")
    office.clock.advance(600)
    office.house.newsroom.tick()
    with pytest.raises(Killed):
        office.work()
    office.minutes(20)
    assert office.states()["ada@example.org"][0] == "uncertain"
    office.minutes(40)
    assert (
        office.states()["ada@example.org"][0] == "uncertain"
    )  # silence of one that never speaks means nothing
    office.hear("send", "eve@example.org", at=office.clock.now().isoformat())
    office.minutes(5)
    assert office.states()["ada@example.org"][0] == "sent"
    assert Counter(office.sink.addresses()) == {"ada@example.org": 1, "eve@example.org": 1}


def test_a_lost_claim_cannot_record(office: Office) -> None:
    """Invariant 12: a worker that was taken for dead has no say any more."""
    office.reader("ada@example.org")
    office.publish("tides.md")
    ledger = office.house.newsroom.ledger
    office.house.newsroom.commit(office.issue())
    office.house.deliverer.plan("letters", office.issue().id, list(range(64)))
    (batch,) = ledger.batches(office.issue())
    claimed = ledger.claim(batch, "slow")
    assert claimed is not None and ledger.claim(batch, "other") is None
    office.clock.advance(3600)
    assert ledger.expire(claimed) is not None
    assert (
        ledger.record(claimed, {entry.id: Handover(fate="sent", id="x") for entry in claimed.entries}) is None
    )
    assert office.states()["ada@example.org"][0] == "uncertain"


def test_a_bad_address_stops_nobody_else(office: Office) -> None:
    """It is excluded, with the server's reason."""
    office.readers(60)
    fates(office, "reader7@example.org", "refused")
    office.publish("tides.md")
    office.minutes(12)
    assert office.states()["reader7@example.org"] == ("excluded", "refused: said so")
    assert office.issue().counts["sent"] == 59


def test_what_did_not_go_now_goes_later_and_is_given_up_at_last(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each recipient on its own."""
    monkeypatch.setattr("pressrun.services.batches.GIVE_UP", 8)  # goes instead of a day of them
    office.reader("once@example.org")
    office.reader("never@example.org")
    fates(office, "once@example.org", "later")
    fates(office, "never@example.org", *["later"] * 20)
    office.publish("tides.md")
    office.minutes(120)
    assert office.states()["once@example.org"][0] == "sent"
    assert office.states()["never@example.org"] == ("excluded", "given up: said so")
    assert office.issue().state == "sent"


def test_a_mailer_that_is_down_for_hours_loses_nobody(tmp_path: Path) -> None:
    """Mail goes when it is back."""
    office = Office(tmp_path, SETTINGS.replace('choices = ["daily", "weekly"]', ""))
    office.readers(3)
    office.sink.closed = Handover(fate="later", reason="cannot be reached")
    office.publish("tides.md")
    office.minutes(12 * 60, step=5)
    assert office.issue().state == "sending"
    office.sink.closed = None
    office.minutes(30, step=5)
    assert office.issue().counts == {"audience": 3, "sent": 3}


def test_too_fast_is_no_failure(office: Office) -> None:
    """Everybody waits a moment, and nobody's tries are used up."""
    office.readers(100)
    office.sink.closed = Handover(fate="throttled")
    office.publish("tides.md")
    office.minutes(60, step=5)
    assert office.issue().state == "sending"
    office.sink.closed = None
    office.minutes(30, step=2)
    assert office.issue().counts == {"audience": 100, "sent": 100}


def test_the_rate_is_the_accounts(office: Office) -> None:
    """All workers share one bucket: in a minute no more goes out than a minute's worth and one second's burst."""
    office.readers(200)
    office.sink.allowed = Quota(per_second=2)
    office.publish("tides.md")
    office.house.newsroom.commit(office.issue())
    seen = []
    for _ in range(4):
        before = len(office.sink.sent)
        for _ in range(60):
            office.clock.advance(1)
            office.work()
        seen.append(len(office.sink.sent) - before)
    assert max(seen) <= 2 * 60 + 50 and len(office.sink.sent) == 200


def test_the_daily_cap_spills_over_to_the_next_day(tmp_path: Path) -> None:
    """The rest waits; nothing is given up."""
    office = Office(tmp_path, SETTINGS + "\n[mail]\nmax_per_day = 100\n")
    office.readers(150)
    office.publish("tides.md")
    office.minutes(8 * 60, step=120)
    assert len(office.sink.sent) <= 100 and office.issue().state == "sending"
    office.minutes(8 * 60, step=120)
    assert len(office.sink.sent) == 150 and office.issue().state == "sent"


def test_a_cap_below_a_batch_sends_what_it_allows(tmp_path: Path) -> None:
    """Every day as many as it allows, not none for ever."""
    office = Office(tmp_path, SETTINGS + "\n[mail]\nmax_per_day = 3\n")
    same = [
        f"reader{n}@example.org"
        for n in range(2000)
        if subscriber_id(f"reader{n}@example.org").startswith("07")
    ]
    for address in same[:7]:
        office.reader(address)
    office.publish("tides.md")
    office.minutes(3 * 24 * 60, step=60)
    assert sorted(office.sink.addresses()) == sorted(same[:7])


def test_an_erased_readers_address_leaves_the_record(office: Office) -> None:
    """What became of a recipient stays, not who it was."""
    identifier = office.reader("ada@example.org")
    office.publish("tides.md")
    office.minutes(12)
    office.house.newsroom.forget(identifier)
    assert office.states() == {"": ("sent", "id-1")}


def test_a_newsletter_that_the_settings_lack_by_now_is_looked_after_until_it_is_sent(office: Office) -> None:
    """Its issue is seen, and forgets who is erased."""
    identifier = office.reader("ada@example.org")
    office.sink.closed = Handover(fate="later")
    office.publish("tides.md")
    office.minutes(12)
    issue = office.issue()
    (office.folder / "pressrun.toml").write_text('title = "The Tide Table"\n')
    office.publish()
    newsroom = office.house.newsroom
    assert [one.id for one in newsroom.every()] == [issue.id]
    office.house.erase(identifier)
    assert [entry.address for batch in newsroom.ledger.batches(issue) for entry in batch.entries] == [""]


def test_silence_on_a_part_of_a_batch_proves_nothing(office: Office) -> None:
    """Where the mailer told of one of a batch it knows of all: who is missing stays uncertain."""
    pair = [f"r{n}@example.org" for n in range(3000) if subscriber_id(f"r{n}@example.org").startswith("0a")][
        :2
    ]
    for address in pair:
        office.reader(address)
        fates(office, address, "unknown")
    office.publish("tides.md")
    office.minutes(12)
    office.hear("send", pair[0], message_id="ses-1", at=office.clock.now().isoformat())
    office.minutes(60)
    assert office.states()[pair[1]][0] == "uncertain" and len(office.sink.sent) == 2


def test_a_used_up_quota_holds_everybody(office: Office) -> None:
    """As the account says it, for an hour at a time."""
    office.readers(60)
    office.sink.closed = Handover(fate="quota")
    office.publish("tides.md")
    office.minutes(30)
    office.sink.closed = None
    office.minutes(20)
    assert office.sink.sent == []
    office.minutes(60)
    assert len(office.sink.sent) == 60


def test_a_pause_holds_within_a_batch_and_resuming_goes_on(office: Office) -> None:
    """What was not handed over stays."""
    office.readers(200)
    office.publish("tides.md")
    issue = office.house.newsroom.commit(office.issue())
    office.house.deliverer.plan("letters", issue.id, list(range(64)))
    batches = list(office.house.newsroom.ledger.batches(issue))
    office.house.deliverer.deliver("letters", issue.id, batches[0].shard, batches[0].first)
    sent = len(office.sink.sent)
    office.house.newsroom.pause(office.issue(), "wait")
    office.minutes(30)
    assert len(office.sink.sent) == sent
    office.house.newsroom.resume(office.issue())
    office.minutes(2)
    assert len(office.sink.sent) == 200 and office.issue().state == "sent"


def test_a_cancelled_issue_accounts_for_everybody(office: Office) -> None:
    """Who had it, had it; the rest is excluded, with the reason."""
    office.readers(100)
    office.publish("tides.md")
    issue = office.house.newsroom.commit(office.issue())
    office.house.deliverer.plan("letters", issue.id, list(range(64)))
    first = next(office.house.newsroom.ledger.batches(issue))
    office.house.deliverer.deliver("letters", issue.id, first.shard, first.first)
    office.house.newsroom.cancel(office.issue(), "wrong")
    office.minutes(10)
    counts = office.issue().counts
    assert counts["sent"] + counts["excluded: cancelled"] == counts["audience"] == 100
    assert counts["sent"] == len(office.sink.sent) == len(first.entries)
    assert list(office.house.newsroom.issues.under_way()) == []


def test_a_paused_issue_that_is_cancelled_is_accounted_for_at_once(office: Office) -> None:
    """Its messages were answered while it stood still: they are sent again, and nobody waits for the tick."""
    office.readers(60)
    office.publish("tides.md")
    office.house.newsroom.commit(office.issue())
    issue = office.issue()
    office.house.deliverer.plan("letters", issue.id, list(range(64)))
    office.house.newsroom.pause(office.issue(), "wait")
    office.work()
    office.house.newsroom.cancel(office.issue(), "wrong")
    office.work()
    counts = office.house.newsroom.ledger.tally(office.issue()).counts()
    assert counts == {"audience": 60, "excluded": 60, "excluded: cancelled": 60}


def test_a_mailer_that_refuses_everything_pauses_the_issue(office: Office) -> None:
    """Wrong credentials: nothing is lost, and the reason is said."""
    office.readers(3)
    office.sink.fates = {f"reader{n}@example.org": [Permanent("wrong password")] for n in range(3)}
    office.publish("tides.md")
    office.minutes(12)
    assert office.issue().state == "paused" and "wrong password" in office.issue().reason
    office.sink.fates = {}
    office.house.newsroom.resume(office.issue())
    office.minutes(10)
    assert len(office.sink.sent) == 3


def test_lost_messages_are_found_again(office: Office) -> None:
    """Planning and batches go on, though every message was lost."""
    office.readers(120)
    office.publish("tides.md")
    office.house.newsroom.commit(office.issue())
    drop(office)
    office.minutes(12)
    drop(office)
    office.minutes(40)
    assert len(office.sink.sent) == 120 and office.issue().state == "sent"


def drop(office: Office) -> None:
    """Every message of the queue is lost."""
    queue = office.house.mail_queue
    while messages := queue.receive(10):
        for message in messages:
            queue.acknowledge(message)


def test_planning_goes_on_where_it_was_killed(office: Office) -> None:
    """Nobody is planned twice, nobody left out."""
    office.readers(300)
    office.publish("tides.md")
    issue = office.house.newsroom.commit(office.issue())
    ledger = office.house.newsroom.ledger

    def die(batches: object) -> None:
        raise Killed

    for shard in range(0, 64, 2):
        with pytest.raises(Killed):
            ledger.plan(issue, shard, die)
    drop(office)
    office.minutes(40)
    assert sorted(office.sink.addresses()) == sorted(f"reader{n}@example.org" for n in range(300))


@pytest.mark.parametrize(
    ("kind", "fields", "state"),
    [
        ("bounce", {"bounce_type": "permanent"}, "bounced"),
        ("bounce", {"bounce_type": "transient"}, "active"),
        ("bounce", {"bounce_type": "undetermined"}, "active"),
        ("complaint", {}, "complained"),
        ("delivery", {}, "active"),
        ("delay", {}, "active"),
    ],
)
def test_feedback_changes_whom_we_write_to(
    office: Office, kind: str, fields: dict[str, str], state: str
) -> None:
    """A permanent bounce and a complaint end it at once, nothing else does alone; twice is as once."""
    identifier = office.reader("ada@example.org")
    office.publish("tides.md")
    office.minutes(12)
    office.hear(kind, "ada@example.org", **fields)
    after = office.house.subscribers.get(identifier)
    office.hear(kind, "ADA@example.org", message_id=office.sink.sent[0][0], **fields)
    assert office.house.subscribers.get(identifier) == after
    assert after is not None and after.subscriber.state == state


def test_soft_bounces_count_and_fade(office: Office) -> None:
    """Five in a row end it; five over years do not."""
    identifier = office.reader("ada@example.org")
    for number in range(5):
        office.publish(f"a{number}.md")
        office.minutes(12)
        issue = next(issue for issue in office.issues() if issue.title == f"A{number}")
        office.house.feedback.hear(replace_event(office, issue.id, office.sink.sent[-1][0]))
    there = office.house.subscribers.get(identifier)
    assert there is not None and there.subscriber.state == "active" and there.subscriber.soft > 4.9
    office.publish("last.md")
    office.minutes(12)
    issue = next(issue for issue in office.issues() if issue.title == "Last")
    office.house.feedback.hear(replace_event(office, issue.id, office.sink.sent[-1][0]))
    there = office.house.subscribers.get(identifier)
    assert there is not None and there.subscriber.state == "bounced"


def replace_event(office: Office, issue: str, message_id: str):  # type: ignore[no-untyped-def]
    from pressrun.domain.feedback import Event

    return Event(
        kind="bounce",
        recipients=("ada@example.org",),
        message_id=message_id,
        tags={"newsletter": "letters", "issue": issue},
        bounce_type="transient",
    )


def test_feedback_in_any_order_leaves_the_same(tmp_path: Path) -> None:
    """The worst that was heard counts (invariant 15)."""
    ends = set()
    for number, order in enumerate(
        (("delivery", "complaint", "bounce"), ("complaint", "bounce", "delivery"))
    ):
        (tmp_path / str(number)).mkdir()
        office = Office(tmp_path / str(number))
        identifier = office.reader("ada@example.org")
        office.publish("tides.md")
        office.minutes(12)
        for kind in order:
            office.hear(kind, "ada@example.org", bounce_type="permanent" if kind == "bounce" else "")
        there = office.house.subscribers.get(identifier)
        assert there is not None
        (batch,) = office.house.newsroom.ledger.batches(office.issue())
        ends.add((there.subscriber.state, batch.entries[0].feedback))
    assert ends == {("complained", "complained")}


@pytest.mark.parametrize("change", ["id", "address", "issue", "stranger"])
def test_feedback_that_does_not_match_the_ledger_does_nothing(office: Office, change: str) -> None:
    """Anybody can write a notification."""
    identifier = office.reader("ada@example.org")
    office.reader("eve@example.org", state="unsubscribed")
    office.publish("tides.md")
    office.minutes(12)
    event = replace_event(office, office.issue().id, office.sink.sent[0][0])
    event = replace(event, bounce_type="permanent")
    if change == "id":
        event = replace(event, message_id="another")
    elif change == "address":
        event = replace(event, recipients=("eve@example.org",))
    elif change == "issue":
        event = replace(event, tags={"newsletter": "letters", "issue": "other"})
    else:
        event = replace(event, recipients=("stranger@example.org",))
    assert office.house.feedback.hear(event) == 0
    there = office.house.subscribers.get(identifier)
    assert there is not None and there.subscriber.state == "active"


def test_too_many_bounces_pause_the_issue(office: Office) -> None:
    """By itself, and it says so."""
    office.readers(400)
    office.sink.allowed = Quota(per_second=1)
    office.publish("tides.md")
    office.house.newsroom.commit(office.issue())
    for _ in range(60):
        office.clock.advance(1)
        office.work()
    for address in office.sink.addresses()[:10]:
        office.hear("bounce", address, bounce_type="permanent")
    assert office.issue().state == "paused" and "bounced" in office.issue().reason


def test_each_recipient_has_links_of_their_own(office: Office) -> None:
    """Signed for them, this newsletter and the purpose."""
    ids = {office.reader(f"r{n}@example.org"): f"r{n}@example.org" for n in range(3)}
    office.publish("tides.md")
    office.minutes(12)
    for _, _, recipient in office.sink.sent:
        token = recipient.values["unsubscribe"].partition("t=")[2]
        claim = office.house.tokens.read("unsubscribe", token)
        assert (
            claim is not None and ids[claim.subscriber] == recipient.address and claim.newsletter == "letters"
        )
        assert office.house.tokens.read("preferences", token) is None
