"""Articles from their files, and mails from articles: what is read or shown again after it was published.

Imported where a mail is made or a text is looked at: parsing and rendering cost a function half of its start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import unescape

from pressrun.domain.articles import Article
from pressrun.domain.issues import Issue
from pressrun.domain.letters import Letter, place
from pressrun.domain.newsletters import Newsletter
from pressrun.domain.publication import Publication
from pressrun.parsing.source import parse_article
from pressrun.ports import Table
from pressrun.rendering import mail
from pressrun.services.catalogue import Source, source_of
from pressrun.services.imprint import Imprint
from pressrun.services.plan import Settled, compose, settle


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A file read as its article, whether or not that is published. `known`: the files that it refers to, by key."""

    settled: Settled
    article: Article
    known: dict[str, Source]


def read_article(
    key: str, body: bytes, *, publication: Publication, table: Table, now: datetime, old: Source | None
) -> Reading:
    """The article that a file's bytes are, with what the catalogue knows of it (`old`). Raises Invalid."""
    settled = settle(
        parse_article(key, body, publication),
        etag="",
        sha="",
        old=old if old and old.state != "asset" else None,
        imprint_mark="",
        publication=publication,
        now=now,
    )
    rows = table.get_many([("source", name) for name in settled.source.uses])
    known = {sort: source_of(found) for (_, sort), found in rows.items()}
    return Reading(settled=settled, article=compose(settled, publication, known.get), known=known)


def letter_for(
    imprint: Imprint, newsletter: Newsletter, issue: Issue, articles: Sequence[Article], now: datetime
) -> Letter:
    """The mail of an issue. Raises Invalid."""
    if issue.kind == "correction":
        return mail.correction_letter(imprint.theme, newsletter, articles[0], note=issue.note, date=now)
    if issue.kind == "digest" or len(articles) > 1:
        return mail.digest_letter(imprint.theme, newsletter, articles, more=issue.more, date=now)
    return mail.article_letter(imprint.theme, newsletter, articles[0], date=now)


def lacking(letter: Letter, newsletter: Newsletter) -> str:
    """What the law asks for and a publication's own template has dropped; "" where nothing is."""
    leave = place("unsubscribe")
    if leave not in letter.html or leave not in letter.text:
        return "the link to unsubscribe"
    words = newsletter.postal_address.split()
    for part in (letter.text, unescape(letter.html)):
        if any(word not in part for word in words):
            return "the postal address"
    return ""
