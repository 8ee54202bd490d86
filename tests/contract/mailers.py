"""The mailers with a place where their mails arrive, in one shape for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from pressrun.adapters.aws.ses import SesMailer
from pressrun.adapters.local.outbox import Outbox
from pressrun.adapters.local.smtp import SmtpMailer, server_from
from pressrun.domain.letters import Letter, Mailbox, Recipient, place
from pressrun.ports import Clock, Mailer
from tests.fakes import ses as fake_ses
from tests.fakes import smtp as fake_smtp


@dataclass(frozen=True)
class Arrived:
    """A mail as a reader's program shows it; headers in lower case."""

    to: str
    sender: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]


@dataclass
class Line:
    """A mailer, and what arrived through it."""

    mailer: Mailer
    arrived: Callable[[], list[Arrived]]


def letter(**changes: Any) -> Letter:
    """A letter that uses everything."""
    fields: dict[str, Any] = {
        "sender": Mailbox(address="letters@example.org", name="Die Möwe"),
        "reply_to": Mailbox(address="ada@example.org", name="Ada Marsh"),
        "subject": "Größe und Gewicht",
        "text": f"Hello {place('name')},\n\n.a dot\n..two\nleave: {place('unsubscribe')}\n",
        "html": f'<p>Hello {place("name")}</p><a href="{place("unsubscribe")}">leave</a>',
        "date": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "headers": (
            ("List-Id", "<letters.example.org>"),
            ("List-Unsubscribe", f"<{place('unsubscribe')}>, <mailto:leave@example.org>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ),
        "domain": "example.org",
    }
    return Letter(**(fields | changes))


LINK = "https://example.org/api/unsubscribe?t=" + "x" * 120 + "&n=letters"


def recipient(number: int, **values: str) -> Recipient:
    fields = {"name": f"Reader {number}", "unsubscribe": f"{LINK}{number}"} | values
    return Recipient(id=f"{number:032x}", address=f"reader{number}@example.org", values=fields)


def recipients(count: int) -> list[Recipient]:
    return [recipient(number) for number in range(count)]


def parsed(data: bytes) -> Arrived:
    """A mail's bytes, read by the standard library."""
    mail = message_from_bytes(data, policy=default)
    assert isinstance(mail, EmailMessage)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    return Arrived(
        to=str(mail["To"]),
        sender=str(mail["From"]),
        subject=str(mail["Subject"]),
        text=text.get_content().replace("\r\n", "\n").rstrip("\n"),
        html=html.get_content().replace("\r\n", "\n").rstrip("\n"),
        headers={name.lower(): str(value) for name, value in mail.items()},
    )


@contextmanager
def outbox_line(folder: Path, clock: Clock) -> Iterator[Line]:
    outbox = Outbox(folder / "outbox", clock)
    yield Line(outbox, lambda: [parsed(outbox.read(name) or b"") for name in reversed(outbox.names())])


@contextmanager
def smtp_line(*, pipelining: bool) -> Iterator[Line]:
    post = fake_smtp.Post(pipelining=pipelining)
    with fake_smtp.serving(post):
        mailer = SmtpMailer(server_from(f"smtp://127.0.0.1:{post.port}").server)
        yield Line(mailer, lambda: [parsed(taken.data) for taken in post.taken])
        mailer.close()


@contextmanager
def ses_line(client: Any, ses: fake_ses.Ses) -> Iterator[Line]:
    yield Line(
        SesMailer(client, configuration_set="pressrun"), lambda: [_from_ses(mail) for mail in ses.sent]
    )


def _from_ses(mail: fake_ses.Sent) -> Arrived:
    headers = {name.lower(): value for name, value in mail.headers}
    return Arrived(
        to=mail.address,
        sender=str(make_header(decode_header(mail.sender))),
        subject=mail.subject,
        text=mail.text.rstrip("\n"),
        html=mail.html.rstrip("\n"),
        headers=headers | {"reply-to": ", ".join(mail.reply_to)},
    )
