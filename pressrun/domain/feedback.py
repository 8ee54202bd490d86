"""Feedback on mail that was sent: what a mailer's events and bounce messages say, in one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["send", "delivery", "bounce", "complaint", "reject", "delay", "rendering"]
BounceType = Literal["", "permanent", "transient", "undetermined"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened to one mail, for one or several of its recipients (addresses).

    `tags` are those that it was sent with: "newsletter", "issue", "recipient". `message_id` is the mailer's; empty
    where a bounce message does not give it.
    """

    kind: Kind
    recipients: tuple[str, ...]
    message_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    bounce_type: BounceType = ""
    reason: str = ""
    at: str = ""  # ISO 8601
