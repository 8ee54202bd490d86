"""A letter and a recipient, as the bytes of a mail (RFC 5322, RFC 2046)."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from pressrun.domain.letters import Letter, Mailbox, Recipient, envelope, filled, in_html

_POLICY = SMTP.clone(max_line_length=998)
"""Longer than any URL of ours: at the usual 78 the library would write List-Unsubscribe by RFC 2047."""


class Composer:
    """Makes the mails of one letter."""

    def __init__(self, letter: Letter) -> None:
        self._letter = letter

    def message(self, recipient: Recipient, *, message_id: str) -> bytes:
        """The whole mail, lines ended by CRLF. `message_id` has no angle brackets.

        Raises ValueError where the recipient's address cannot be written, or a place's value is missing.
        """
        letter, values = self._letter, recipient.values
        mail = EmailMessage(policy=_POLICY)
        mail["From"] = _mailbox(letter.sender)
        mail["To"] = envelope(recipient.address)
        if letter.reply_to:
            mail["Reply-To"] = _mailbox(letter.reply_to)
        mail["Subject"] = filled(letter.subject, values)
        mail["Date"] = format_datetime(letter.date)
        mail["Message-ID"] = f"<{message_id}>"
        for name, value in letter.headers:
            mail[name] = filled(value, values)
        mail.set_content(filled(letter.text, values), cte="quoted-printable")
        mail.add_alternative(filled(letter.html, values, in_html), subtype="html", cte="quoted-printable")
        return mail.as_bytes()


def _mailbox(mailbox: Mailbox) -> str:
    return formataddr((mailbox.name, envelope(mailbox.address)), charset="utf-8")
