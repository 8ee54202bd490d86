"""Bounce messages from a mailbox (RFC 3464), and complaints in the form of RFC 5965, as events.

A mail's Message-ID says which issue it belongs to (`domain.letters.read_message_id`), and an address that bounces go
to may hold a token for each recipient (VERP). Without one of the two, a bounce cannot be matched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from pressrun.domain.feedback import BounceType, Event, Kind
from pressrun.domain.letters import read_message_id

MAX_MESSAGE = 10_000_000
"""Bytes of a message that is looked at; a bounce has a few thousand."""

_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_TOKEN = re.compile(r"(?<![0-9a-z])[0-9a-f]{50}(?=@)", re.I)
_NOBODY = re.compile(
    r"user unknown|unknown (?:user|recipient|local)|no such (?:user|recipient|mailbox|person)|does ?n[o']t exist|"
    r"not exist|mailbox (?:unavailable|not found|disabled)|recipient (?:rejected|not found)|account (?:is )?disabled|"
    r"invalid recipient|no mailbox",
    re.I,
)
_ACTIONS: dict[str, Kind] = {"failed": "bounce", "delayed": "delay", "delivered": "delivery"}


def bounce_from(message: bytes) -> Event | None:
    """What a message says became of a mail of ours; None where it says nothing of the kind, as an absence note does.

    `tags` hold "newsletter" and "issue" where the returned mail's Message-ID tells them, and "verp", the token in the
    address that the message came to, where there is one.
    """
    mail = message_from_bytes(message[:MAX_MESSAGE])
    returned = _returned(mail)
    report = _reported(mail) or _complained(mail) or _told(mail)
    if report is None:
        return None
    kind, status, reason, addresses = report
    identifier = _header(returned, "Message-ID").strip(" <>\r\n\t") if returned else ""
    # Ours have one recipient, and a forwarded mail bounces for another address than we sent it to.
    to = [address for _, address in getaddresses([_header(returned, "To")])] if returned else []
    tags = read_message_id(identifier)
    token = _token(mail)
    if token:
        tags = {**tags, "verp": token}
    return Event(
        kind=kind,
        recipients=tuple(dict.fromkeys(address for address in to or addresses if address)),
        message_id=identifier,
        tags=tags,
        bounce_type=_bounce_type(status, reason) if kind == "bounce" else "",
        reason=reason[:500],
        at=_at(mail),
    )


_Report = tuple[Kind, str, str, list[str]]  # what happened, its status code, the reason, addresses


def _reported(mail: Message) -> _Report | None:
    """From a delivery status (RFC 3464, section 2.3): its first recipient that has an action of interest."""
    for part in mail.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for group in _groups(part):
            action = _header(group, "Action").split("(")[0].strip().lower()
            if action in _ACTIONS:
                diagnostic = _header(group, "Diagnostic-Code").partition(";")[2].strip()
                addresses = [
                    _typed(_header(group, name)) for name in ("Original-Recipient", "Final-Recipient")
                ]
                status = _first_status(_header(group, "Status"), diagnostic)
                return (
                    _ACTIONS[action],
                    status,
                    f"{status} {diagnostic}".strip(),
                    [a for a in addresses if a][:1],
                )
    return None


def _groups(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (group for group in payload if isinstance(group, Message))


def _complained(mail: Message) -> _Report | None:
    """From a provider's feedback loop."""
    for part in mail.walk():
        if part.get_content_type() == "message/feedback-report":
            for group in _groups(part):
                kind = _header(group, "Feedback-Type").strip().lower()
                if kind in {"abuse", "fraud"}:
                    return "complaint", "", kind, [_header(group, "Original-Rcpt-To").strip("<> ")]
    return None


def _told(mail: Message) -> _Report | None:
    """From mail servers that write no status part but name the recipients in a header (Exim, qmail's heirs)."""
    failed = _header(mail, "X-Failed-Recipients")
    if not failed:
        return None
    text = " ".join(_text(mail).split())
    return "bounce", _first_status(text[:5_000]), text[:300], [a for _, a in getaddresses([failed])]


def _bounce_type(status: str, reason: str) -> BounceType:
    """What the address is worth. A mail that was refused for what it says, or for who sent it, says nothing of that.

    RFC 3463: 5.1 is about the address (5.1.7 and 5.1.8 about the sender's), 5.2.1 a mailbox that is closed. A full
    mailbox, a large mail and a network's trouble may pass.
    """
    found = _STATUS.fullmatch(status)
    if found is None or found[1] == "2":
        return "permanent" if _NOBODY.search(reason) else "undetermined"
    if found[1] == "4":
        return "transient"
    subject, detail = found[2], found[3]
    if (subject == "1" and detail not in {"7", "8"}) or (subject, detail) == ("2", "1"):
        return "permanent"
    if subject in {"2", "3", "4", "6"}:
        return "transient"
    return "permanent" if subject in {"0", "5"} and _NOBODY.search(reason) else "undetermined"


def _first_status(*texts: str) -> str:
    """The first status code that says more than that it failed; else the first."""
    codes = [found[0] for text in texts for found in _STATUS.finditer(text)]
    return next((code for code in codes if not code.endswith(".0.0")), codes[0] if codes else "")


def _returned(mail: Message) -> Message | None:
    """The mail that came back, or its head."""
    for part in mail.walk():
        if part.get_content_type() == "message/rfc822":
            return next(_groups(part), None)
        if part.get_content_type() == "text/rfc822-headers":
            return message_from_bytes(_bytes(part))
    return None


def _token(mail: Message) -> str:
    for name in ("Delivered-To", "X-Original-To", "Envelope-To", "To"):
        for value in mail.get_all(name, []):
            if found := _TOKEN.search(str(value)):
                return found[0].lower()
    return ""


def _typed(value: str) -> str:
    """The address in "rfc822; a@example.org"."""
    return value.rpartition(";")[2].strip().strip("<>")


def _at(mail: Message) -> str:
    try:
        at = parsedate_to_datetime(_header(mail, "Date"))
    except (TypeError, ValueError):
        return ""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def _text(mail: Message) -> str:
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            return _bytes(part).decode("utf-8", "replace")
    return ""


def _bytes(part: Message) -> bytes:
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _header(mail: Message | None, name: str) -> str:
    return "" if mail is None else str(mail.get(name, "")).replace("\r", " ").replace("\n", " ").strip()
