"""What every Mailer promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pressrun.domain.letters import Recipient, place
from pressrun.ports import MAX_RECIPIENTS, Clock
from tests.contract.conftest import aws_client
from tests.contract.mailers import LINK, Line, letter, outbox_line, recipient, recipients, ses_line, smtp_line
from tests.fakes import ses as fake_ses


@pytest.fixture(params=["outbox", "smtp", "smtp without pipelining", "ses"])
def line(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Line]:
    with ExitStack() as stack:
        if request.param == "outbox":
            yield stack.enter_context(outbox_line(tmp_path, clock))
        elif request.param == "ses":
            ses = stack.enter_context(fake_ses.serving(fake_ses.Ses()))
            client = stack.enter_context(aws_client("sesv2", ses.url))
            yield stack.enter_context(ses_line(client, ses))
        else:
            yield stack.enter_context(smtp_line(pipelining=request.param == "smtp"))


def test_each_recipient_gets_one_mail_with_values_of_their_own(line: Line) -> None:
    handed = line.mailer.send(letter(), recipients(3), tags={"issue": "a-1"})
    assert [result.fate for result in handed] == ["sent"] * 3
    assert len({result.id for result in handed}) == 3
    arrived = line.arrived()
    assert [mail.to for mail in arrived] == [f"reader{number}@example.org" for number in range(3)]
    for number, mail in enumerate(arrived):
        assert mail.subject == "Größe und Gewicht"
        assert "Die Möwe" in mail.sender
        assert "<letters@example.org>" in mail.sender
        assert mail.text == f"Hello Reader {number},\n\n.a dot\n..two\nleave: {LINK}{number}"
        href = f"{LINK}{number}".replace("&", "&amp;")
        assert mail.html == f'<p>Hello Reader {number}</p><a href="{href}">leave</a>'


def test_headers_arrive_as_they_are(line: Line) -> None:
    """A client ignores List-Unsubscribe written by RFC 2047, which is what the standard library makes of it."""
    line.mailer.send(letter(), [recipient(7)])
    [mail] = line.arrived()
    assert mail.headers["list-unsubscribe"] == f"<{LINK}7>, <mailto:leave@example.org>"
    assert mail.headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert mail.headers["list-id"] == "<letters.example.org>"
    assert "ada@example.org" in mail.headers["reply-to"]


@pytest.mark.parametrize(
    "name",
    [
        "{{7*7}}",
        "{{t_unsubscribe}}",
        "{{{x}}}",
        "<b>Ada</b> & \"Co\" 'x'",
        "\\{{name}}",
        "\\1\\g<0>",
        "Ada ✨ 李",
        "{%x%}",
    ],
)
def test_what_subscribers_write_is_inert(line: Line, name: str) -> None:
    line.mailer.send(letter(), [recipient(1, name=name)])
    [mail] = line.arrived()
    assert mail.text.startswith(f"Hello {name},\n")
    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = escaped.replace('"', "&quot;").replace("'", "&#x27;")
    assert (
        mail.html.replace("&#39;", "&#x27;").replace("&#34;", "&quot;").startswith(f"<p>Hello {escaped}</p>")
    )


@pytest.mark.parametrize(
    "name", ["a\r\nBcc: all@example.org", "a\u2028b", "\x00", "\u202egnp.exe", "\ufdd4address\ufdd5"]
)
def test_controls_in_values_become_spaces(line: Line, name: str) -> None:
    line.mailer.send(letter(), [recipient(1, name=name)])
    [mail] = line.arrived()
    first = mail.text.partition("\n")[0]
    assert first.isprintable()
    assert first.endswith(",")
    assert "bcc" not in mail.headers


@pytest.mark.parametrize(
    "content",
    [
        "{{name}} {{{x}}} {{#if a}}b{{/if}} }} { } {{ {",
        "@media(x){a{color:red}}",
        "C:\\{new} \\{{x}} \\\\",
        "{" + place("name") + "}",
        "\\" + place("name") + "\\",
        "{{" + place("name") + "}}" + place("name") + place("name"),
        "=3D =\n=20 a=\n.\n",
        "From here\n>From there\nlong " + "x" * 3000 + "\n",
        "tab\there  two spaces  \nnbsp\u00a0 🏝 e\u0301",
    ],
)
def test_content_comes_out_unchanged(line: Line, content: str) -> None:
    """Braces and backslashes mean something to templates, dots, equals signs and long lines to mail."""
    html = f"<pre>{content}</pre>"
    subject = f"S {content.splitlines()[0][:60]}".replace(
        place("name"), ""
    )  # a name never stands in a header
    line.mailer.send(letter(text=content, html=html, subject=subject), [recipient(1)])
    [mail] = line.arrived()
    expected = content.replace(place("name"), "Reader 1")
    assert mail.text == expected.rstrip("\n")
    assert mail.html == f"<pre>{expected}</pre>"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@example.org\r\nBcc: all@example.org",
        "a@example.org> SIZE=1\r\nRCPT TO:<b@example.org",
        "a b@example.org",
        "ädä@example.org",
        "a@exämple.org",
        "a@example.org,b@example.org",
        "a@-example.org",
        "x" * 65 + "@example.org",
    ],
)
def test_one_bad_address_never_stops_the_rest(line: Line, address: str) -> None:
    good = recipients(2)
    handed = line.mailer.send(letter(), [good[0], replace(good[0], id="f" * 32, address=address), good[1]])
    assert [result.fate for result in handed] == ["sent", "refused", "sent"]
    assert handed[1].reason
    assert [mail.to for mail in line.arrived()] == ["reader0@example.org", "reader1@example.org"]


def test_a_recipient_without_a_value_is_refused(line: Line) -> None:
    """Nobody is sent a mail whose unsubscribe link is missing."""
    bare = Recipient(id="0", address="bare@example.org", values={"name": "x"})
    handed = line.mailer.send(letter(), [bare, recipient(1)])
    assert [result.fate for result in handed] == ["refused", "sent"]
    assert [mail.to for mail in line.arrived()] == ["reader1@example.org"]


def test_at_most_so_many_recipients_are_taken(line: Line) -> None:
    assert {result.fate for result in line.mailer.send(letter(), recipients(MAX_RECIPIENTS))} == {"sent"}
    with pytest.raises(ValueError, match="51"):
        line.mailer.send(letter(), recipients(MAX_RECIPIENTS + 1))
    assert len(line.arrived()) == MAX_RECIPIENTS
    assert line.mailer.send(letter(), []) == []


def test_several_threads_may_send_at_once(line: Line, together: Callable[..., list[Any]]) -> None:
    def send(number: int) -> list[str]:
        group = [recipient(number * 100 + each) for each in range(10)]
        return [result.id for _ in range(2) for result in line.mailer.send(letter(), group)]

    identifiers = [each for found in together(6, send) for each in found]
    assert len(set(identifiers)) == 120
    to = Counter(mail.to for mail in line.arrived())
    assert set(to.values()) == {2}
    assert len(to) == 60


def test_a_closed_mailer_can_be_used_again(line: Line) -> None:
    for _ in range(2):
        assert [result.fate for result in line.mailer.send(letter(), recipients(1))] == ["sent"]
        line.mailer.close()


def test_the_quota_is_known(line: Line) -> None:
    quota = line.mailer.quota()
    assert quota.per_second >= 0
    assert quota.per_day == 0 or quota.sent_today <= quota.per_day
