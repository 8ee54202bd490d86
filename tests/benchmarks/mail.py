"""Mails composed for many recipients: joined from pieces, and by the standard library one after the other."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime
from importlib.util import find_spec
from typing import Any

from pressrun.domain.articles import Article
from pressrun.domain.letters import Letter, Recipient, filled, in_html
from pressrun.domain.newsletters import Newsletter
from pressrun.domain.publication import Publication
from pressrun.parsing.source import parse_article
from pressrun.rendering import mail
from pressrun.rendering.mime import Composer
from pressrun.rendering.theme import Theme
from tests.benchmarks import corpus
from tests.benchmarks.measure import print_table, say, spread

NOTE = (
    "One 800-word article to many recipients, each with links of their own: CPU of this process, one core. Both ways\n"
    "make the same bytes (a test compares them). The inlining is of one letter's HTML, which is done once an issue."
)
_DATE = datetime(2026, 3, 1, tzinfo=UTC)
_WHOLE, _QUOTED = SMTP.clone(max_line_length=998), SMTP.clone(max_line_length=76)


def measure(count: int, rounds: int) -> dict[str, Any]:
    """Messages a second: `count` of them joined, a two-hundredth of that by the standard library."""
    say("mail")
    theme, newsletter, article = _issue()
    letter = mail.article_letter(theme, newsletter, article, date=_DATE)
    size = len(Composer(letter).message(next(_readers(1)), message_id="1@example.org"))
    ours = [_rate(Composer(letter).message, count) for _ in range(rounds)]
    before = _peak()
    _rate(Composer(letter).message, 4 * count)
    grown = _peak() - before
    library = [
        _rate(lambda reader, message_id: _standard(letter, reader, message_id), count // 200)
        for _ in range(rounds)
    ]
    rows = [
        ["joined from pieces", spread(ours, "{:,.0f}"), f"{size:,}"],
        ["EmailMessage for each", spread(library, "{:,.0f}"), f"{size:,}"],
    ]
    print_table("Messages composed a second and core", ["way", "a second", "bytes each"], rows)
    print(f"  peak memory grew by {grown / 1024:,.1f} MiB over {4 * count:,} more")
    made = [
        _milliseconds(lambda: mail.article_letter(theme, newsletter, article, date=_DATE)) for _ in range(5)
    ]
    inlining = {"a letter in full (templates, fitting, text, inlining)": made} | _inliners(theme, letter)
    print_table("Once an issue", ["part", "ms"], [[name, spread(ms)] for name, ms in inlining.items()])
    return {"joined": ours, "library": library, "bytes": size, "grown_kib": grown, "once": inlining}


def _issue() -> tuple[Theme, Newsletter, Article]:
    theme = Theme(Publication(title="Bench", url="https://example.org"))
    newsletter = Newsletter(slug="weekly", name="Weekly", sender="post@example.org", postal_address="1 Quay")
    parsed = parse_article("post.md", corpus.post(1).text().encode(), theme.publication)
    article = Article(
        id="x",
        source="post.md",
        path="post/",
        title=parsed.title,
        html=parsed.html,
        date=_DATE,
        updated=_DATE,
    )
    return theme, newsletter, article


def _readers(count: int) -> Iterator[Recipient]:
    for number in range(count):
        token = f"{number:022x}.weekly.{number:08x}.{'s' * 43}"
        links = {
            name: f"https://example.org/api/{name}?token={token}" for name in ("unsubscribe", "preferences")
        }
        yield Recipient(id=str(number), address=f"reader{number:08}@mail.example", values=links)


def _rate(compose: Callable[..., bytes], count: int) -> float:
    """Messages a second; the recipients are made beforehand, a thousand at a time."""
    taken, done = 0.0, 0
    readers = _readers(count)
    while batch := [reader for reader, _ in zip(readers, range(1_000), strict=False)]:
        before = time.process_time()
        for reader in batch:
            compose(reader, message_id="0123456789abcdef@example.org")
        taken += time.process_time() - before
        done += len(batch)
    return done / taken


def _standard(letter: Letter, reader: Recipient, message_id: str) -> bytes:
    made = EmailMessage(policy=_WHOLE)
    made["From"] = f"{letter.sender.name} <{letter.sender.address}>"
    made["To"] = reader.address
    made["Subject"] = letter.subject
    made["Date"] = format_datetime(letter.date)
    made["Message-ID"] = f"<{message_id}>"
    for name, value in letter.headers:
        made[name] = filled(value, reader.values)
    made["MIME-Version"] = "1.0"
    made["Content-Type"] = 'multipart/alternative; boundary="=_x"'
    for kind, body in (
        ("plain", filled(letter.text, reader.values)),
        ("html", filled(letter.html, reader.values, in_html)),
    ):
        part = MIMEPart(policy=_QUOTED)
        part.set_content(body, subtype=kind, cte="quoted-printable")
        made.attach(part)
    return made.as_bytes()


def _inliners(theme: Theme, letter: Letter) -> dict[str, list[float]]:
    from css_inline import CSSInliner

    styled = letter.html.replace("</head>", f"<style>{theme.source('email/style.css')}</style></head>")
    inliner = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
    found = {"css-inline": [_milliseconds(lambda: inliner.inline(styled)) for _ in range(5)]}
    if find_spec("premailer"):
        from importlib import import_module

        premailer: Any = import_module("premailer")
        found["premailer"] = [_milliseconds(lambda: premailer.transform(styled)) for _ in range(3)]
    return found


def _milliseconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return (time.process_time() - before) * 1000


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
