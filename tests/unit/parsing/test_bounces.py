"""Bounce messages as mail servers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.domain.feedback import BounceType
from pressrun.parsing.bounces import bounce_from

TOKEN = "0123456789abcdef" * 3 + "42"
ID = f"{'a1' * 16}.letters.a-1@example.org"


def dsn(
    *,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 user unknown",
    to: str = "bounces@example.org",
    message_id: str = ID,
    returned: str = "message/rfc822",
) -> bytes:
    return f"""\
From: MAILER-DAEMON@mx.example.net
To: {to}
Date: Sun, 1 Mar 2026 13:00:00 +0100
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Arrival-Date: Sun, 1 Mar 2026 12:59:00 +0100

Final-Recipient: rfc822; forwarded@example.net
Action: {action}
Status: {status}
Diagnostic-Code: {diagnostic}

--b
Content-Type: {returned}

Message-ID: <{message_id}>
To: ada@example.org
Subject: Letters

--b--
""".replace("\n", "\r\n").encode()


def test_a_bounce_names_the_mail_and_its_recipient() -> None:
    """The recipient is the one we mailed to, wherever it was forwarded."""
    event = bounce_from(dsn())
    assert event
    assert (event.kind, event.bounce_type, event.recipients) == ("bounce", "permanent", ("ada@example.org",))
    assert (event.message_id, event.tags) == (ID, {"newsletter": "letters", "issue": "a-1"})
    assert event.at == "2026-03-01T12:00:00+00:00"
    assert "user unknown" in event.reason


def test_the_head_of_the_mail_is_enough() -> None:
    event = bounce_from(dsn(returned="text/rfc822-headers"))
    assert event
    assert (event.message_id, event.recipients) == (ID, ("ada@example.org",))


@pytest.mark.parametrize("to", [f"bounces+{TOKEN}@example.org", f"<bounces={TOKEN.upper()}@EXAMPLE.ORG>"])
def test_an_address_of_its_own_names_the_recipient(to: str) -> None:
    event = bounce_from(dsn(to=to, message_id="rewritten@relay.example.net"))
    assert event
    assert event.tags == {"verp": TOKEN}


@pytest.mark.parametrize(
    ("status", "diagnostic", "kind"),
    [
        ("5.1.1", "", "permanent"),
        ("5.1.10", "", "permanent"),
        ("5.2.1", "", "permanent"),
        ("5.0.0", "smtp; 550 5.1.1 no such user", "permanent"),
        ("5.0.0", "smtp; 550 User unknown", "permanent"),
        ("5.0.0", "smtp; 550 rejected", "undetermined"),
        ("5.7.1", "smtp; 550 5.7.1 looks like spam", "undetermined"),
        ("5.1.8", "smtp; 550 bad sender", "undetermined"),
        ("5.2.2", "smtp; 552 mailbox full", "transient"),
        ("5.4.4", "", "transient"),
        ("4.4.7", "smtp; delivery time expired", "transient"),
        ("", "", "undetermined"),
    ],
)
def test_only_a_dead_address_is_permanent(status: str, diagnostic: str, kind: BounceType) -> None:
    """A mail that was refused for its content, or a full mailbox, says nothing of the address."""
    event = bounce_from(dsn(status=status, diagnostic=diagnostic))
    assert event
    assert event.bounce_type == kind


@pytest.mark.parametrize(
    ("action", "kind"), [("delayed", "delay"), ("delivered", "delivery"), ("FAILED", "bounce")]
)
def test_delays_and_deliveries_are_no_bounces(action: str, kind: str) -> None:
    event = bounce_from(dsn(action=action))
    assert event
    assert event.kind == kind


def test_a_complaint_is_read() -> None:
    """RFC 5965, as feedback loops send it."""
    message = dsn().replace(b"message/delivery-status", b"message/feedback-report")
    message = message.replace(b"Reporting-MTA: dns; mx.example.net", b"Feedback-Type: abuse")
    event = bounce_from(message)
    assert event
    assert (event.kind, event.message_id, event.recipients) == ("complaint", ID, ("ada@example.org",))


def test_a_server_that_writes_prose_may_name_the_recipient() -> None:
    message = (
        b"X-Failed-Recipients: ada@example.org\r\nTo: b@example.org\r\n\r\n550 5.1.1 Unrouteable address\r\n"
    )
    event = bounce_from(message)
    assert event
    assert (event.bounce_type, event.recipients) == ("permanent", ("ada@example.org",))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"Subject: I am away until Monday\r\nAuto-Submitted: auto-replied\r\n\r\n5.1.1 user unknown\r\n",
        dsn(action="relayed"),
    ],
)
def test_other_mail_is_passed_over(message: bytes) -> None:
    assert bounce_from(message) is None


@given(st.data())
def test_a_damaged_bounce_raises_nothing(data: st.DataObject) -> None:
    message = bytearray(dsn())
    for _ in range(data.draw(st.integers(0, 8))):
        at = data.draw(st.integers(0, len(message) - 1))
        message[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=12))
    bounce_from(bytes(message))
