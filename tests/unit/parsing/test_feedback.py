"""SES's events, in each of the shapes that they come in."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.domain.feedback import Event
from pressrun.parsing.feedback import event_from
from tests.fakes.ses import as_eventbridge, as_sns


def ses_event(kind: str, part: str, **detail: Any) -> dict[str, Any]:
    return {
        "eventType": kind,
        "mail": {
            "timestamp": "2026-03-01T12:00:00.000Z",
            "messageId": "0102-1",
            "destination": ["Ada <ada@example.org>"],
            "tags": {"issue": ["a-1"], "newsletter": ["letters"], "ses:from-domain": ["example.org"]},
        },
        part: detail,
    }


BOUNCE = ses_event(
    "Bounce",
    "bounce",
    bounceType="Permanent",
    bounceSubType="General",
    bouncedRecipients=[
        {"emailAddress": "ada@example.org", "status": "5.1.1", "diagnosticCode": "smtp; 550\nunknown"},
        {"emailAddress": "bob@example.org"},
    ],
    timestamp="2026-03-01T12:00:09.000Z",
    unheardOf={"x": 1},
)


@pytest.mark.parametrize("wrap", [json.dumps, as_sns, as_eventbridge])
def test_an_event_is_read_from_each_envelope(wrap: Callable[[Any], str]) -> None:
    assert event_from(wrap(BOUNCE)) == Event(
        kind="bounce",
        recipients=("ada@example.org", "bob@example.org"),
        message_id="0102-1",
        tags={"issue": "a-1", "newsletter": "letters"},
        bounce_type="permanent",
        reason="General 5.1.1 smtp; 550 unknown",
        at="2026-03-01T12:00:09.000Z",
    )


@pytest.mark.parametrize(
    ("event", "kind", "recipients"),
    [
        (ses_event("Send", "send"), "send", ("ada@example.org",)),
        (ses_event("Delivery", "delivery", recipients=["bob@example.org"]), "delivery", ("bob@example.org",)),
        (ses_event("Reject", "reject", reason="Bad content"), "reject", ("ada@example.org",)),
        (
            ses_event("Rendering Failure", "failure", errorMessage="no name"),
            "rendering",
            ("ada@example.org",),
        ),
        (
            ses_event(
                "DeliveryDelay", "deliveryDelay", delayedRecipients=[{"emailAddress": "bob@example.org"}]
            ),
            "delay",
            ("bob@example.org",),
        ),
        (
            ses_event("Complaint", "complaint", complainedRecipients=[{"emailAddress": "bob@example.org"}]),
            "complaint",
            ("bob@example.org",),
        ),
    ],
)
def test_each_kind_names_its_recipients(
    event: dict[str, Any], kind: str, recipients: tuple[str, ...]
) -> None:
    found = event_from(json.dumps(event))
    assert found
    assert (found.kind, found.recipients, found.bounce_type) == (kind, recipients, "")


@pytest.mark.parametrize(
    ("word", "kind"),
    [("Transient", "transient"), ("Undetermined", "undetermined"), ("Novel", "undetermined")],
)
def test_only_what_ses_calls_permanent_is(word: str, kind: str) -> None:
    found = event_from(json.dumps(BOUNCE | {"bounce": BOUNCE["bounce"] | {"bounceType": word}}))
    assert found
    assert found.bounce_type == kind


@pytest.mark.parametrize(
    "event",
    [
        ses_event("Open", "open"),
        ses_event("Click", "click"),
        ses_event("Invented Tomorrow", "x"),
        ses_event("Complaint", "complaint", complaintFeedbackType="not-spam"),
        {"Type": "SubscriptionConfirmation", "SubscribeURL": "x"},
        {
            "Type": "Notification",
            "Message": "Successfully validated SNS topic for Amazon SES event publishing.",
        },
    ],
)
def test_what_says_nothing_of_delivery_is_passed_over(event: dict[str, Any]) -> None:
    assert event_from(json.dumps(event)) is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"Type": "Notification"}',
        '{"Type": "Notification", "Message": "no json"}',
        '{"detail-type": "Email Sent", "detail": []}',
        '{"eventType": "Bounce"}',
        '{"eventType": "Bounce", "mail": {"messageId": 1, "destination": []}, "bounce": {}}',
        '{"eventType": "Bounce", "mail": {"messageId": "1", "destination": "a"}, "bounce": {}}',
        '{"eventType": "Bounce", "mail": {"messageId": "1", "destination": [{}]}, "bounce": {}}',
    ],
)
def test_what_is_no_event_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        event_from(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(["mail", "bounce", "eventType"]), JSON)
def test_nothing_but_an_event_or_a_refusal_comes_of_odd_values(name: str, value: Any) -> None:
    with suppress(ValueError):
        event_from(json.dumps(BOUNCE | {name: value}))
