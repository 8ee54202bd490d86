"""What follows an application: one mail an hour at most, whatever is asked, repeated or lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from pressrun.adapters.local.outbox import Outbox
from pressrun.domain.letters import Fate, Handover, Letter, Quota, Recipient
from pressrun.errors import Permanent, PressrunError, Transient
from pressrun.services.subscribe import expire, handle_subscription
from tests.conftest import FrozenClock
from tests.readers import ADA, Reading, token_in

HOUR = 3600


class Moody:
    """An outbox that answers as it is told; `lost` sends and says that it does not know."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.fates: list[Fate | BaseException] = []

    def send(
        self, letter: Letter, recipients: Sequence[Recipient], *, tags: Mapping[str, str] | None = None
    ) -> list[Handover]:
        fate = self.fates.pop(0) if self.fates else "sent"
        if isinstance(fate, BaseException):
            raise fate
        if fate in {"sent", "unknown"}:
            self.outbox.send(letter, recipients, tags=tags)
        return [Handover(fate=fate) for _ in recipients]

    def quota(self) -> Quota:
        return Quota()

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def mailer(tmp_path: Path, clock: FrozenClock) -> Moody:
    return Moody(Outbox(tmp_path / "outbox", clock))


@pytest.fixture
def moody(tmp_path: Path, clock: FrozenClock, mailer: Moody) -> Iterator[Reading]:
    reading = Reading(tmp_path, clock, mailer=mailer)
    yield reading
    reading.close()


def queued(reading: Reading) -> dict[str, Any]:
    """The one message in the mail queue, taken out."""
    (message,) = reading.house.mail_queue.receive()
    reading.house.mail_queue.acknowledge(message)
    body: dict[str, Any] = orjson.loads(message.body)
    return body


def test_however_often_the_form_is_sent_one_confirmation_goes_out_an_hour(
    reading: Reading, clock: FrozenClock
) -> None:
    for spelling in (ADA, "ADA@example.org", " ada@EXAMPLE.org"):
        reading.apply(spelling)
        reading.work()
    assert len(reading.mails()) == 1
    clock.advance(HOUR - 1)
    reading.apply()
    reading.work()
    assert len(reading.mails()) == 1
    clock.advance(1)
    reading.apply()
    reading.work()
    assert len(reading.mails()) == 2
    assert reading.readers.confirm(token_in(reading.mails()[1], "confirm")) is not None


def test_a_second_application_does_not_change_what_the_first_mail_confirms(reading: Reading) -> None:
    """Somebody else might have sent it."""
    reading.apply(name="Ada", rhythms={"letters": "article"})
    reading.work()
    reading.apply(name="Eve", rhythms={"charts": "monthly"})
    reading.work()
    confirmed = reading.readers.confirm(token_in(reading.mails()[0], "confirm"))
    assert confirmed is not None
    assert (confirmed.name, confirmed.lists) == ("Ada", {"letters": "article"})


def test_a_subscriber_who_asks_again_is_told_so_once_an_hour_and_changes_nothing(
    reading: Reading, clock: FrozenClock
) -> None:
    reading.subscribed()
    clock.advance(HOUR)
    before, sent = reading.reader(), len(reading.mails())
    for _ in range(3):
        reading.apply(name="Eve", rhythms={"charts": "monthly"}, language="fr")
        reading.work()
    assert len(reading.mails()) == sent + 1
    assert token_in(reading.mails()[-1], "preferences")
    after = reading.reader()
    assert replace(after, mailed=before.mailed, claim=before.claim) == before


def test_a_message_that_comes_twice_sends_one_mail(reading: Reading, clock: FrozenClock) -> None:
    """Whenever the second comes: at once, an hour later, or after the reader has confirmed."""
    reading.apply()
    body = queued(reading)
    handle_subscription(reading.readers, body)
    handle_subscription(reading.readers, body)
    clock.advance(HOUR + 1)
    handle_subscription(reading.readers, body)
    assert len(reading.mails()) == 1
    reading.readers.confirm(token_in(reading.mails()[0], "confirm"))
    welcome = queued(reading)
    handle_subscription(reading.readers, body)
    handle_subscription(reading.readers, welcome)
    handle_subscription(reading.readers, welcome)
    assert len(reading.mails()) == 2
    assert reading.house.mail_queue.receive() == []


def test_a_mail_that_surely_did_not_leave_is_sent_when_its_message_comes_again(
    moody: Reading, mailer: Moody
) -> None:
    moody.apply()
    body = queued(moody)
    for fate in ("later", "throttled", "quota", Permanent("no such sender"), OSError("the disk is full")):
        mailer.fates = [fate]  # type: ignore[list-item]
        with pytest.raises((PressrunError, OSError)):
            handle_subscription(moody.readers, body)
    handle_subscription(moody.readers, body)
    assert len(moody.mails()) == 1
    assert moody.readers.confirm(token_in(moody.mails()[0], "confirm")) is not None
    welcome = queued(moody)
    mailer.fates = ["throttled"]
    with pytest.raises(Transient):
        handle_subscription(moody.readers, welcome)
    handle_subscription(moody.readers, welcome)
    assert len(moody.mails()) == 2


def test_where_nobody_knows_whether_a_mail_left_the_next_goes_after_an_hour(
    moody: Reading, mailer: Moody, clock: FrozenClock
) -> None:
    mailer.fates = ["unknown"]
    moody.apply()
    moody.work()
    sent = []
    for _ in range(8):
        clock.advance(900)
        moody.work()
        sent.append(len(moody.mails()))
    assert sent == [1, 1, 1, 2, 2, 2, 2, 2]
    assert moody.readers.confirm(token_in(moody.mails()[0], "confirm")) is not None


def test_a_worker_that_died_after_its_claim_delays_the_mail_and_loses_nothing(
    moody: Reading, mailer: Moody, clock: FrozenClock
) -> None:
    class Killed(BaseException):
        """The process ends here."""

    moody.apply()
    body = queued(moody)
    mailer.fates = [Killed()]  # type: ignore[list-item]
    with pytest.raises(Killed):
        handle_subscription(moody.readers, body)
    handle_subscription(moody.readers, body)
    moody.work()
    assert moody.mails() == []
    for _ in range(5):
        clock.advance(900)
        moody.work()
    assert len(moody.mails()) == 1


def test_an_address_that_the_mailer_refuses_is_not_tried_again(moody: Reading, mailer: Moody) -> None:
    mailer.fates = ["refused"]
    moody.apply()
    moody.work()
    assert moody.reader().state == "pending"
    assert moody.house.mail_queue.receive() == []


def test_who_does_not_confirm_is_forgotten(reading: Reading, clock: FrozenClock) -> None:
    reading.apply()
    reading.work()
    clock.advance(48 * HOUR - 1)
    assert expire(reading.readers) == 0
    clock.advance(2)
    assert expire(reading.readers) == 1
    assert reading.find() is None
    assert "ada@" not in str(reading.rows())


def test_who_asked_again_is_given_the_whole_time(reading: Reading, clock: FrozenClock) -> None:
    reading.apply()
    reading.work()
    clock.advance(47 * HOUR)
    reading.apply()
    reading.work()
    clock.advance(2 * HOUR)
    assert expire(reading.readers) == 0
    assert reading.readers.confirm(token_in(reading.mails()[1], "confirm")) is not None
    clock.advance(72 * HOUR)
    assert expire(reading.readers) == 0
    assert reading.reader().state == "active"


def test_who_had_left_and_does_not_confirm_has_left_still(reading: Reading, clock: FrozenClock) -> None:
    reading.subscribed()
    reading.readers.unsubscribe(reading.token("unsubscribe"), how="page")
    clock.advance(HOUR)
    reading.apply()
    reading.work()
    assert reading.reader().state == "pending"
    clock.advance(48 * HOUR + 1)
    assert expire(reading.readers) == 1
    assert (reading.reader().state, reading.reader().wanted) == ("unsubscribed", {})
    assert len(reading.reader().consents) == 4


def test_a_message_that_lay_too_long_or_asks_for_what_is_gone_sends_nothing(
    reading: Reading, clock: FrozenClock
) -> None:
    reading.apply()
    body = queued(reading)
    handle_subscription(reading.readers, {**body, "wanted": {"gone": "weekly"}})
    clock.advance(48 * HOUR + 1)
    handle_subscription(reading.readers, body)
    assert reading.mails() == []
    assert reading.find() is None


def test_nothing_is_written_to_a_reader_who_left_between_confirmation_and_welcome(reading: Reading) -> None:
    reading.apply()
    reading.work()
    reading.readers.confirm(token_in(reading.mails()[0], "confirm"))
    reading.readers.unsubscribe(reading.token("unsubscribe"), how="one-click")
    reading.work()
    assert len(reading.mails()) == 1


def test_an_application_that_was_overtaken_by_leaving_sends_nothing(
    reading: Reading, clock: FrozenClock
) -> None:
    reading.subscribed()
    clock.advance(2 * HOUR)
    reading.apply()
    clock.advance(1)
    reading.readers.unsubscribe(reading.token("unsubscribe"), how="one-click")
    before, sent = reading.reader(), len(reading.mails())
    reading.work()
    assert reading.reader() == before
    assert len(reading.mails()) == sent
    clock.advance(1)
    reading.apply()
    reading.work()
    assert len(reading.mails()) == sent + 1


def test_a_robot_is_answered_like_a_reader_and_queues_nothing(reading: Reading) -> None:
    assert reading.apply(trap="https://spam.example") == reading.apply("eve@example.org")
    assert [orjson.loads(m.body)["address"] for m in reading.house.mail_queue.receive()] == [
        "eve@example.org"
    ]


def test_limits_hold_for_networks_and_silently_for_addresses(reading: Reading) -> None:
    replies = [reading.apply(client=f"203.0.{n}.1").state for n in range(8)]
    assert replies == ["accepted"] * 8
    assert len(reading.house.mail_queue.receive()) == 5
    replies = [reading.apply(f"reader{n}@example.org", client="198.51.100.9").state for n in range(62)]
    assert replies == ["accepted"] * 60 + ["limited"] * 2


def test_known_and_unknown_addresses_cost_the_same_reads_and_writes(
    tmp_path: Path, clock: FrozenClock
) -> None:
    """The answer depends on no row of a reader, and so does the time that it takes."""
    reading = Reading(tmp_path, clock)
    reading.subscribed()
    calls: list[tuple[str, str]] = []

    class Watched:
        def __init__(self, table: Any) -> None:
            self.table = table

        def __getattr__(self, name: str) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                calls.append((name, str(args[0]) if name != "write" else "write"))
                return getattr(self.table, name)(*args, **kwargs)

            return call

    table: Any = Watched(reading.house.table)
    watched = replace(
        reading.readers,
        table=table,
        subscribers=type(reading.house.subscribers)(table),
        limits=type(reading.readers.limits)(table, clock, lambda: b"key"),
    )
    made = []
    for address in (ADA, "nobody@example.org"):
        calls.clear()
        from pressrun.services.readers import Application

        reply = watched.apply(Application(email=address, rhythms={"letters": "article"}), "203.0.113.5")
        made.append((reply, list(calls)))
    assert made[0] == made[1]
    assert not any("reader" in where for _, where in made[0][1])
    reading.close()
