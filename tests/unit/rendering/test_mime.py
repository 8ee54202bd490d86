"""Letters as bytes: what leaves the house, header by header and line by line."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP, default
from email.utils import format_datetime
from hashlib import sha256
from html import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pressrun.domain.letters import Letter, Mailbox, Recipient, filled, in_html, place
from pressrun.errors import Permanent
from pressrun.rendering.mime import Composer

DATE = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEAVE = "https://example.org/api/unsubscribe?t=" + "x" * 90
VALUES = {
    "unsubscribe": LEAVE,
    "preferences": "https://example.org/p?a=1&b=2",
    "confirm": "https://example.org/c",
    "name": "Zoë <b>",
    "address": "reader@example.org",
}
LETTER = Letter(
    sender=Mailbox(address="post@example.org", name="The Harbour"),
    reply_to=Mailbox(address="desk@example.org"),
    subject="A tide",
    text=f"Hello {place('name')}.\n{place('unsubscribe')}\n",
    html=f'<p>Hello {place("name")}. <a href="{place("preferences")}">Settings</a></p>\n',
    date=DATE,
    headers=(
        (
            "List-Unsubscribe",
            f"<{place('unsubscribe')}>, <mailto:leave@example.org?subject=unsubscribe%20weekly>",
        ),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ),
)
READER = Recipient(id="1", address="reader@example.org", values=VALUES)
WHOLE = SMTP.clone(max_line_length=998)
QUOTED = SMTP.clone(max_line_length=76)


def standard(letter: Letter, recipient: Recipient) -> bytes:
    """What the standard library makes of the same letter for one recipient."""
    mail = EmailMessage(policy=WHOLE)
    mail["From"] = (
        f"{letter.sender.name} <{letter.sender.address}>" if letter.sender.name else letter.sender.address
    )
    mail["To"] = recipient.address
    if letter.reply_to:
        mail["Reply-To"] = letter.reply_to.address
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(letter.date)
    mail["Message-ID"] = "<id@example.org>"
    for name, value in letter.headers:
        mail[name] = filled(value, recipient.values)
    mail["MIME-Version"] = "1.0"
    boundary = "=_" + sha256(f"{letter.text}\0{letter.html}".encode()).hexdigest()[:32]
    mail["Content-Type"] = f'multipart/alternative; boundary="{boundary}"'
    for kind, body in (
        ("plain", filled(letter.text, recipient.values)),
        ("html", filled(letter.html, recipient.values, in_html)),
    ):
        part = MIMEPart(policy=QUOTED)
        part.set_content(body, subtype=kind, cte="quoted-printable")
        mail.attach(part)
    return mail.as_bytes()


def composed(letter: Letter = LETTER, recipient: Recipient = READER) -> bytes:
    return Composer(letter).message(recipient, message_id="id@example.org")


PROSE = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufdd4\ufdd5")
    | st.sampled_from("=\n\r \t.é€"),
    max_size=200,
)
LINE = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Cn"]), min_size=1, max_size=60
)
PLACES = st.sampled_from([place(name) for name in VALUES])
BODY = st.lists(PROSE | PLACES | st.just("\n") | st.integers(0, 160).map("x".__mul__), max_size=12).map(
    "".join
)
URLS = st.text(st.sampled_from("abcXYZ0123-_.~/=&%+"), max_size=150).map("https://example.org/".__add__)


@example(letters=("x", "", f"\n{place('name')}\n"), readers=[(LEAVE, LEAVE, "")])
@example(
    letters=("x", f"one\n{place('name')}", place("name")), readers=[(LEAVE, LEAVE, ""), (LEAVE, LEAVE, "n")]
)
@given(
    letters=st.builds(lambda subject, text, html: (subject.strip() or "x", text, html), LINE, BODY, BODY),
    readers=st.lists(st.tuples(URLS, URLS, PROSE), min_size=1, max_size=4),
)
def test_the_bytes_are_those_of_the_standard_library(
    letters: tuple[str, str, str], readers: list[tuple[str, str, str]]
) -> None:
    subject, text, html = letters
    letter = Letter(
        sender=LETTER.sender, subject=subject, text=text, html=html, date=DATE, headers=LETTER.headers
    )
    composer = Composer(letter)
    for leave, settings, name in readers:
        values = {**VALUES, "unsubscribe": leave, "preferences": settings, "name": name}
        recipient = Recipient(id="1", address="reader@example.org", values=values)
        made = composer.message(recipient, message_id="id@example.org")
        assert made == standard(letter, recipient)
        assert max(map(len, made.split(b"\r\n"))) <= 998


def test_a_letter_as_it_leaves_the_house() -> None:
    """The golden bytes: RFC 8058's headers are neither folded nor encoded, however long the link."""
    boundary = "=_" + sha256(f"{LETTER.text}\0{LETTER.html}".encode()).hexdigest()[:32]
    assert composed().decode() == "\r\n".join([
        "From: The Harbour <post@example.org>",
        "To: reader@example.org",
        "Reply-To: desk@example.org",
        "Subject: A tide",
        "Date: Sun, 01 Mar 2026 12:00:00 +0000",
        "Message-ID: <id@example.org>",
        f"List-Unsubscribe: <{LEAVE}>, <mailto:leave@example.org?subject=unsubscribe%20weekly>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
        "",
        f"--{boundary}",
        'Content-Type: text/plain; charset="utf-8"',
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "Hello Zo=C3=AB <b>.",
        f"https://example.org/api/unsubscribe?t=3D{'x' * 35}=",
        "x" * 55,
        "",
        f"--{boundary}",
        'Content-Type: text/html; charset="utf-8"',
        "Content-Transfer-Encoding: quoted-printable",
        "",
        '<p>Hello Zo=C3=AB &lt;b&gt;. <a href=3D"https://example.org/p?a=3D1&amp;b=',
        '=3D2">Settings</a></p>',
        "",
        f"--{boundary}--",
        "",
    ])  # fmt: skip


def test_a_mail_reads_back_as_it_was_written() -> None:
    mail = message_from_bytes(composed(), policy=default)
    text, html = mail.iter_parts()
    assert [part.get_content_type() for part in (text, html)] == ["text/plain", "text/html"]
    assert text.get_content().replace("\r\n", "\n") == f"Hello Zoë <b>.\n{LEAVE}\n"
    assert (
        html.get_content().replace("\r\n", "\n")
        == f'<p>Hello Zoë &lt;b&gt;. <a href="{escape(VALUES["preferences"])}">Settings</a></p>\n'
    )
    for name in ("From", "To", "Subject", "Date", "Message-ID"):
        assert len(mail.get_all(name)) == 1


@pytest.mark.parametrize(
    "name", ["Zoë", 'Zoë, «the» "Harbour" <x@y.example>', "Plain, with a comma", 'Say "hello"', "日本語" * 20]
)
def test_a_display_name_stays_one_mailbox(name: str) -> None:
    letter = Letter(
        sender=Mailbox(address="post@example.org", name=name), subject="x", text="", html="", date=DATE
    )
    made = composed(letter)
    assert made.isascii()
    addresses = message_from_bytes(made, policy=default)["From"].addresses
    assert [(a.display_name, a.addr_spec) for a in addresses] == [(name, "post@example.org")]


@pytest.mark.parametrize(
    "char", ["\r", "\n", "\0", "\x0b", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\ud800"]
)
def test_what_could_end_or_disguise_a_header_is_refused(char: str) -> None:
    evil = f"A tide{char}Bcc: all@example.org"
    base = {"text": "", "html": "", "date": DATE}
    sender = LETTER.sender
    for letter in (
        Letter(sender=sender, subject=evil, **base),
        Letter(sender=Mailbox(address=sender.address, name=evil), subject="x", **base),
        Letter(sender=Mailbox(address=f"a{char}@example.org"), subject="x", **base),
        Letter(sender=sender, subject="x", headers=(("X-Note", evil),), **base),
        Letter(sender=sender, subject="x", headers=((f"X{char}", "y"),), **base),
        Letter(sender=sender, subject="x", text="\ud800", html="", date=DATE),
    ):
        with pytest.raises(Permanent):
            Composer(letter)


@pytest.mark.parametrize("name", ["Bcc", "to", "Content-Type", "Two words", "X:"])
def test_a_letter_brings_no_header_that_is_ours(name: str) -> None:
    with pytest.raises(Permanent, match="cannot bring the header"):
        Composer(
            Letter(sender=LETTER.sender, subject="x", text="", html="", date=DATE, headers=((name, "y"),))
        )


def test_what_a_subscriber_wrote_never_stands_in_a_header() -> None:
    letter = Letter(sender=LETTER.sender, subject=f"Dear {place('name')}", text="", html="", date=DATE)
    with pytest.raises(Permanent, match="a subscriber wrote"):
        Composer(letter)


@pytest.mark.parametrize(
    "link",
    [
        "https://example.org/a b",
        'https://example.org/"',
        "https://example.org/<x>",
        "https://example.org/é",
        "https://example.org/\r\nBcc: x@example.org",
        "https://example.org/=?utf-8?q?x?=",
        "javascript:alert(1)",
        "",
        "https://example.org/" + "x" * 1000,
    ],
)
def test_a_link_that_would_not_stay_one_is_refused_for_its_recipient(link: str) -> None:
    with pytest.raises(ValueError, match=r"URL in ASCII|too long"):
        composed(recipient=Recipient(id="1", address="a@example.org", values={**VALUES, "unsubscribe": link}))


@pytest.mark.parametrize(
    "address", ["jörg@example.org", "a@exämple.org", "a@b\r\nBcc: c@d", "nobody", "a b@c.example"]
)
def test_an_address_that_smtp_cannot_carry_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        composed(recipient=Recipient(id="1", address=address, values=VALUES))


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(ValueError, match="no value for the place 'name'"):
        composed(recipient=Recipient(id="1", address="a@example.org", values={"unsubscribe": LEAVE}))


def test_a_later_date_can_be_given() -> None:
    made = Composer(LETTER).message(READER, message_id="a@b", date=datetime(2026, 3, 2, tzinfo=UTC))
    assert message_from_bytes(made)["Date"] == "Mon, 02 Mar 2026 00:00:00 +0000"


def test_names_of_many_lengths_take_no_more_memory() -> None:
    composer = Composer(LETTER)
    for length in range(2_000):
        reader = Recipient(id="1", address="a@example.org", values={**VALUES, "name": "n" * length})
        assert b"n" * min(length, 60) in composer.message(reader, message_id="a@b")
    assert len(composer._layouts) <= 256
