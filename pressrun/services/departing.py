"""Hands a publication over to another place: its articles with all that only the catalogue knows, and its letters."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from pressrun.domain.issues import Issue
from pressrun.domain.letters import LINKS, Recipient
from pressrun.domain.publication import Publication
from pressrun.errors import Invalid, NotFound
from pressrun.parsing import frontmatter
from pressrun.parsing.encoding import decode
from pressrun.parsing.moving.folders import amended
from pressrun.parsing.source import parse_article
from pressrun.parsing.values import BrokenError
from pressrun.ports import ObjectStore, Table
from pressrun.rendering.mime import Composer
from pressrun.services.catalogue import Catalogue, Source
from pressrun.services.newsroom import Newsroom

NEUTRAL = "reader@example.invalid"
"""Whom exported letters are written to: nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A file of the content folder as it leaves. `note`: why it is as it was, where it should not be."""

    key: str
    body: bytes
    article: bool = False
    note: str = ""


def leaving(content: ObjectStore, table: Table, publication: Publication) -> Iterator[Leaving]:
    """Every file; articles state their id, date, address, former addresses, tags and authors themselves."""
    known = {source.key: source for source in Catalogue(table).all_sources()}
    for stat in content.list():
        try:
            body = content.get(stat.key).body
        except NotFound:
            continue
        source = known.get(stat.key)
        if source is None or source.state == "asset":
            yield Leaving(key=stat.key, body=body)
            continue
        try:
            text = stated(stat.key, body, source, publication)
        except (Invalid, BrokenError) as error:
            why = str(error.problems[0]) if isinstance(error, Invalid) else str(error)
            yield Leaving(key=stat.key, body=body, article=True, note=why)
        else:
            yield Leaving(key=stat.key, body=text.encode(), article=True)


def stated(key: str, body: bytes, source: Source, publication: Publication) -> str:
    """An article's file with front matter that needs no catalogue. What it says itself stays as it is."""
    parsed = parse_article(key, body, publication)
    text = decode(key, body)
    suffix = posixpath.splitext(key)[1].lower()
    html = suffix in {".html", ".htm"}
    frontmatter.split(text, headers=not html)
    added: dict[str, object] = {"id": source.id}
    if "title" not in parsed.lines and not html and suffix != ".txt":  # the first line of a text is its title
        added["title"] = parsed.title
    if "date" not in parsed.lines and "publish_at" not in parsed.lines:
        date = parsed.date or datetime.fromisoformat(source.first_seen)
        added["date"] = date.isoformat()
    if parsed.path != source.path.rstrip("/"):
        added["path"] = source.path.rstrip("/")
    former = [f"/{path}" for path in source.former]
    if fresh := [
        path for path in former if path.rstrip("/") not in {one.rstrip("/") for one in parsed.aliases}
    ]:
        added["aliases"] = [*parsed.aliases, *fresh]
    if not parsed.authors and publication.authors:
        added["authors"] = [publication.authors[0].name]
    return amended(text, added, headers=not html)


def letters(newsroom: Newsroom, issues: Iterable[Issue], url: str) -> Iterator[bytes]:
    """What was sent, the oldest first, as mails of an mbox file (RFC 4155, mboxrd): their links lead to the site."""
    sent = [issue for issue in issues if issue.letter and issue.state in {"sent", "sending", "paused"}]
    for issue in sorted(sent, key=lambda issue: (issue.frozen, issue.id)):
        try:
            letter = newsroom.letters.at(issue.letter)
        except NotFound:
            continue
        values = {**dict.fromkeys(LINKS, f"{url}/"), "address": NEUTRAL, "name": "", "verp": "export"}
        number = sha256(f"{issue.newsletter}/{issue.id}".encode()).hexdigest()[:32]
        mail = Composer(letter).message(
            Recipient(id="export", address=NEUTRAL, values=values),
            message_id=f"{number}.{issue.newsletter}.{issue.id}@{letter.domain}",
        )
        stamp = letter.date.strftime("%a %b %d %H:%M:%S %Y")
        lines = re.sub(rb"^(>*From )", rb">\1", mail.replace(b"\r\n", b"\n"), flags=re.M)
        yield f"From {letter.sender.address} {stamp}\n".encode() + lines.rstrip(b"\n") + b"\n\n"
