"""Letters: a mail composed once for all its recipients, with places where each recipient's own values go.

A place stands in `text`, `html`, `subject` or a header's value as ``⟨OPEN⟩name⟨CLOSE⟩``. The marks are Unicode
noncharacters, as in `markup`: parsing strips them from every input, so that a mark is always ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from html import escape
from typing import Any, Literal

OPEN = "\ufdd4"
CLOSE = "\ufdd5"
PLACE = re.compile(f"{OPEN}([a-z_]+){CLOSE}")
"""Finds each place; group 1 is its name."""

LINKS = ("unsubscribe", "preferences", "confirm")
"""Places whose values are URLs of our own: ASCII, without quotes, angle brackets or spaces."""
FIELDS = ("address", "name")
"""Places whose values a subscriber wrote: escaped in HTML, without line breaks and controls in text; never in
a header."""


def place(name: str) -> str:
    """The mark of a place."""
    return f"{OPEN}{name}{CLOSE}"


_UNSEEN = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


def in_text(value: str) -> str:
    """A place's value as plain text takes it: on one line, without controls, bidi overrides and marks of ours."""
    return _UNSEEN.sub(" ", value)


def header_problem(value: str) -> str | None:
    """What a header's value must not hold, in words, or None: line breaks, controls, bidi overrides, marks of ours.

    A tab is white space there (RFC 5322, section 2.2.2), and may stay. The standard library refuses CR and LF alone.
    A lone surrogate cannot be written at all.
    """
    found = _UNSEEN.search(value.replace("\t", " ")) or _SURROGATE.search(value)
    return f"the character U+{ord(found[0][0]):04X}" if found else None


def in_html(value: str) -> str:
    """A place's value as HTML takes it, in text and in quoted attributes."""
    return escape(in_text(value))


def filled(template: str, values: Mapping[str, str], write: Callable[[str], str] = in_text) -> str:
    """`template` with each place's value as `write` writes it. Raises ValueError where a value is missing."""
    try:
        return PLACE.sub(lambda found: write(values[found[1]]), template)
    except KeyError as error:
        raise ValueError(f"there is no value for the place {error}") from None


# RFC 5321, section 4.1.2, without quoted local parts and address literals; its limits are in 4.5.3.1.
_WIRE = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
)


def envelope(address: str) -> str:
    """The address, where SMTP can carry it as it is: the last look before it is written into a command or header.

    Whether it is a good address was judged when it was taken in (`parsing.address`). Raises ValueError.
    """
    if not address.isascii():
        raise ValueError("the address is not ASCII, which needs SMTPUTF8")
    if not _WIRE.fullmatch(address):
        raise ValueError("this is no address that mail can be sent to")
    return address


_MESSAGE_ID = re.compile(r"[0-9a-f]{32}\.([\w-]+)\.([\w-]+)@[^@\s]+", re.ASCII)


def issue_mark(tags: Mapping[str, str]) -> str:
    """What a Message-ID of ours has between its random part and its domain, so that a bounce is found again."""
    newsletter, issue = tags.get("newsletter", ""), tags.get("issue", "")
    return f".{newsletter}.{issue}" if newsletter and issue else ""


def read_message_id(identifier: str) -> dict[str, str]:
    """The tags "newsletter" and "issue" of a mail, from its Message-ID; empty where it is none of ours."""
    found = _MESSAGE_ID.fullmatch(identifier)
    return {"newsletter": found[1], "issue": found[2]} if found else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """A name and an address, as From and Reply-To show them."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is sent. `headers` are those beside From, To, Reply-To, Subject, Date, Message-ID and MIME's own.

    The HTML is final: its CSS is inlined. No header's value holds a line break or a control character.
    """

    sender: Mailbox
    subject: str
    text: str
    html: str
    date: datetime
    reply_to: Mailbox | None = None
    headers: tuple[tuple[str, str], ...] = ()
    domain: str = "localhost"  # the right-hand side of Message-IDs
    shortened: int = (
        0  # bytes the HTML would have had where it holds summaries instead, for Gmail's clipping; 0: whole
    )
    return_path: str = ""  # the envelope's sender; empty: `sender`'s; may hold the place "verp"

    def to_item(self) -> dict[str, Any]:
        """A value that JSON can hold."""
        return {**asdict(self), "date": self.date.isoformat()}

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Letter:
        """The letter that `to_item` was called on."""
        fields = {
            "sender": Mailbox(**item["sender"]),
            "reply_to": Mailbox(**item["reply_to"]) if item["reply_to"] else None,
            "headers": tuple((name, value) for name, value in item["headers"]),
            "date": datetime.fromisoformat(item["date"]),
        }
        return cls(**{**item, **fields})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who it goes to. `values` has one for each place of the letter, raw: whoever composes escapes them."""

    id: str
    address: str
    values: Mapping[str, str] = field(default_factory=dict)


Fate = Literal["sent", "refused", "later", "throttled", "quota", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What became of one recipient's mail.

    `sent`: the mailer has taken it, under `id`. `refused`: it never will. `later`: it did not now, for this
    recipient. `throttled`: it did not, since we are too fast. `quota`: it did not, since the day's quota is used up.
    For all of these it is certain; `unknown` is not: the answer was lost.
    """

    fate: Fate
    id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What the account allows. 0 stands for no limit."""

    per_second: float = 0.0
    per_day: int = 0
    sent_today: int = 0  # in the last 24 hours


def shown_mail(letter: Letter) -> str:
    """The HTML of a letter with its places filled for a look."""
    return PLACE.sub("#", letter.html)


def in_scheme(html: str, scheme: str) -> str:
    """A mail as programs in "light" or "dark" show it, whatever this machine prefers; "": as this machine does."""
    if scheme not in {"light", "dark"}:
        return html
    return _DARK.sub("@media all" if scheme == "dark" else "@media not all", html)


_DARK = re.compile(r"@media\s*\(\s*prefers-color-scheme:\s*dark\s*\)")
