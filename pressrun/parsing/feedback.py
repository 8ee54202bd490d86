"""SES's events, as they come over SQS: raw, in an SNS notification, or in EventBridge's envelope."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any, Final

import orjson

from pressrun.domain.feedback import BounceType, Event, Kind

# The kind of each event type, the object that holds its details, and the list of recipients in it.
_KINDS: Final[Mapping[str, tuple[Kind, str, str]]] = {
    "Send": ("send", "send", ""),
    "Delivery": ("delivery", "delivery", "recipients"),
    "Bounce": ("bounce", "bounce", "bouncedRecipients"),
    "Complaint": ("complaint", "complaint", "complainedRecipients"),
    "Reject": ("reject", "reject", ""),
    "DeliveryDelay": ("delay", "deliveryDelay", "delayedRecipients"),
    "Rendering Failure": ("rendering", "failure", ""),
}
_TYPES: Final[Mapping[str, BounceType]] = {"Permanent": "permanent", "Transient": "transient"}


def event_from(body: str | bytes) -> Event | None:
    """The event that a message holds; None where it is of a kind that says nothing of delivery (Open, Click, one that
    SES has yet to invent, a notification that SNS sends about itself).

    Fields that are not known are passed over. Raises ValueError where it is no event at all. A signature is not looked
    at: only SNS and EventBridge can write to the queue.
    """
    found = _object(_json(body), "the message")
    if found.get("Type") in {"SubscriptionConfirmation", "UnsubscribeConfirmation"}:
        return None
    if found.get("Type") == "Notification":
        if not isinstance(found.get("Message"), str):
            raise ValueError("the notification has no Message")
        if found["Message"].startswith("Successfully validated SNS topic"):  # SES, when the topic is set up
            return None
        found = _object(_json(found["Message"]), "the notification's Message")
    if "detail-type" in found:
        found = _object(found.get("detail"), "detail")
    name = found.get("eventType") or found.get("notificationType")  # the latter without event publishing
    if not isinstance(name, str):
        raise ValueError("there is no eventType: this is no event of SES")  # noqa: TRY004
    return _event(name, found) if name in _KINDS else None


def _event(name: str, found: Mapping[str, Any]) -> Event | None:
    kind, part, listed = _KINDS[name]
    mail = _object(found.get("mail"), "mail")
    detail = _object(found.get(part, {}), part)
    if kind == "complaint" and detail.get("complaintFeedbackType") == "not-spam":  # the opposite of one
        return None
    entries = (
        _list(detail.get(listed), listed)
        if listed in detail
        else _list(mail.get("destination"), "destination")
    )
    return Event(
        kind=kind,
        recipients=tuple(dict.fromkeys(_address(entry) for entry in entries)),
        message_id=_text(mail.get("messageId"), "messageId"),
        tags=_tags(_object(mail.get("tags", {}), "tags")),
        bounce_type=_TYPES.get(str(detail.get("bounceType")), "undetermined") if kind == "bounce" else "",
        reason=_reason(detail, entries),
        at=str(detail.get("timestamp") or mail.get("timestamp") or ""),
    )


def _tags(tags: Mapping[str, Any]) -> dict[str, str]:
    """Our own tags; those of SES have a colon in their names."""
    return {
        name: str(values[0])
        for name, values in tags.items()
        if ":" not in name and isinstance(values, list) and values
    }


def _reason(detail: Mapping[str, Any], entries: list[Any]) -> str:
    """What there is to tell an editor, in a line."""
    first = entries[0] if entries and isinstance(entries[0], dict) else {}
    parts = [
        detail.get("bounceSubType"),
        detail.get("complaintFeedbackType"),
        detail.get("delayType"),
        detail.get("reason"),
        detail.get("errorMessage"),
        first.get("status"),
        first.get("diagnosticCode"),
    ]
    return " ".join(" ".join(part.split()) for part in parts if isinstance(part, str))[:500]


def _address(entry: Any) -> str:
    """An address, or an object with one; a display name is left out."""
    text = _text(entry.get("emailAddress") if isinstance(entry, dict) else entry, "emailAddress")
    return parseaddr(text)[1] or text


def _json(body: str | bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"this is no JSON: {error}") from None


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no object")  # noqa: TRY004 - what is wrong is the message, not a type of ours
    return value


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list")  # noqa: TRY004
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")  # noqa: TRY004
    return value
