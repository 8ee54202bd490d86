"""An author's file read: bytes in, an article or every problem found out."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from pressrun.domain.articles import ParsedArticle
from pressrun.domain.publication import Publication
from pressrun.errors import Invalid
from pressrun.parsing import frontmatter, html_source, markdown, metadata, plaintext
from pressrun.parsing.dates import from_path
from pressrun.parsing.encoding import decode, legal
from pressrun.parsing.fields import Fields
from pressrun.parsing.findings import Findings
from pressrun.parsing.finish import Source, finish, take_title
from pressrun.parsing.highlight import highlight
from pressrun.parsing.keys import default_slug, kind_of
from pressrun.parsing.prose import count_words, first_paragraph
from pressrun.parsing.sanitise import sanitise
from pressrun.parsing.values import BrokenError, Entry


def parse_article(key: str, data: bytes, publication: Publication) -> ParsedArticle:
    """The article in a file. Raises `Invalid` with all problems that keep it from being published."""
    findings = Findings(key)
    text = decode(key, data)
    kind = kind_of(key)
    try:
        parts = frontmatter.split(text, headers=kind != "html")
    except BrokenError as error:
        raise Invalid.at(key, error.line, error.what, error.todo, code=error.code) from None
    zone = _zone(publication.timezone)
    body = _Body(parts.body, parts.body_line)
    fields = Fields(parts.entries, zone, findings)
    try:
        html, fields = _render(kind, body, fields, publication)
    except BrokenError as error:
        findings.error(error.line, error.what, error.todo, error.code)
        html = ""
    return _article(kind, html, body, fields, escaped="&#" in text)


@dataclass(frozen=True, slots=True)
class _Body:
    text: str
    line: int


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _render(kind: str, body: _Body, fields: Fields, publication: Publication) -> tuple[str, Fields]:
    """Safe HTML of the body, and the fields with those that the body itself gives."""
    if kind == "markdown":
        smart = fields.truth("smart", default=publication.smart_punctuation)
        html, raw = markdown.render(body.text, smart=smart, first_line=body.line)
        if raw:
            html_source.check_nesting(html, body.text, body.line)
            html = sanitise(html)
        return html, fields
    if kind == "html":
        page = html_source.read(body.text, body.line)
        return sanitise(page.html), _with(fields, page.entries)
    text = plaintext.read(body.text, body.line, titled=fields.first("title") is not None)
    return text.html, _with(fields, text.entries)


def _with(fields: Fields, entries: list[Entry]) -> Fields:
    """What the body says of itself counts where front matter is silent."""
    return fields.with_defaults(entries) if entries else fields


def _article(kind: str, html: str, body: _Body, fields: Fields, *, escaped: bool) -> ParsedArticle:
    findings, zone = fields.findings, fields.zone
    key = findings.file
    if escaped:  # character references can bring in what decoding kept out
        html = legal(html)
    html, title = take_title(html, fields.title()) if "<h1" in html else (html, fields.title())
    if not title and not findings.errors:
        findings.error(1, "the article has no title", _TITLE_TODO[kind], "title-missing")
    words, opening = count_words(html), first_paragraph(html)
    html = finish(html, Source(body.text, body.line, findings), alt_is_optional=kind == "html")
    publish_at = fields.moment("publish_at")
    date = fields.moment("date") or publish_at
    path, aliases = metadata.addresses(fields, default_slug(key), date or _dated("", key, zone))
    for entry in fields.named("expirydate", "unpublishdate"):
        todo = "withdraw the article then: remove the file, or write draft: true"
        findings.warn(entry.line, f"{entry.name} takes nothing down here", todo, "expiry")
    series, part = metadata.series(fields)
    article = ParsedArticle(
        source=key,
        title=legal(title),
        html=highlight(html),
        date=date or _dated(path, key, zone),
        updated=fields.moment("updated"),
        publish_at=publish_at,
        authors=fields.names("authors"),
        tags=fields.names("tags"),
        series=legal(series),
        part=part,
        summary=fields.text("summary") or opening,
        slug=metadata.slug(fields),
        path=path,
        id=fields.text("id", limit=200),
        aliases=aliases,
        draft=metadata.draft(fields),
        canonical=metadata.canonical(fields),
        image=metadata.image(fields),
        audio=metadata.audio(fields),
        language=metadata.language(fields),
        views=fields.number("views"),
        words=words,
        extra=fields.extra,
        lines=fields.lines,
        warnings=tuple(findings.warnings),
    )
    findings.raise_errors()
    return article


_TITLE_TODO = {
    "markdown": "write title: … at the top, or # Title",
    "html": "write <title>…</title> in its head, or an <h1>",
    "text": "write it on the first line",
}


def _dated(path: str, key: str, zone: tzinfo) -> datetime | None:
    return (
        (from_path(path, zone) if path else None)
        or from_path(key, zone)
        or from_path(posixpath.dirname(key), zone)
    )
