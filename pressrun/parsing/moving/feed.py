"""A feed's file: RSS, Atom (feedparser) or JSON Feed. What it no longer shows cannot be had from it."""

from __future__ import annotations

import io
import re
from calendar import timegm
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

import feedparser
import orjson

from pressrun.errors import Invalid
from pressrun.parsing.encoding import legal
from pressrun.parsing.moving.archives import Export
from pressrun.parsing.moving.model import Hints, Item, Missed, Options, Place, Post, Skipped, moment, text_of
from pressrun.parsing.moving.pictures import carried, homeward, path_of, rewritten
from pressrun.parsing.moving.xml import items as xml_items

_SUFFIXES = (".xml", ".rss", ".atom", ".rdf", ".json")
_ENTRIES = frozenset({"item", "entry"})
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")


def feed(export: Export, options: Options) -> Iterator[Item]:
    """Entries with their ids, so that readers who follow the old feed see nothing twice."""
    names = [*export.members] if export.single else [
        name for name in export.members if name.lower().endswith(_SUFFIXES)
    ]  # fmt: skip
    found = False
    for name in names:
        body, place = export.read(name), export.place(name)
        if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            parsed = _json(body, place, options, must=export.single)
        else:
            parsed = _xml(body, place, options, must=export.single)
        if parsed is not None:
            found = True
            yield from parsed
    if not found:
        what = "no file in it is an RSS, Atom or JSON feed"
        raise Invalid.at(export.name, 0, what, "save the feed's address to a file", code="feed")


def _xml(body: bytes, place: str, options: Options, *, must: bool) -> Iterator[Item] | None:
    """Checked as XML first: no document type, no entities, nothing to fetch."""
    lines = [line for _, line in xml_items(io.BytesIO(body), place, _ENTRIES)]
    parsed: Any = feedparser.parse(io.BytesIO(body), sanitize_html=False)
    if not parsed.version:
        if must:
            raise Invalid.at(
                place, 1, "this is no RSS or Atom feed", "save the feed's address to a file", code="feed"
            )
        return None
    return _entries(parsed, lines, place, options)


def _entries(parsed: Any, lines: list[int], place: str, options: Options) -> Iterator[Item]:
    channel = parsed.feed
    yield Hints(
        title=legal(channel.get("title", "")),
        url=options.url or _site(channel.get("link", "")),
        description=legal(channel.get("subtitle", "")),
        language=legal(channel.get("language", "")),
    )
    paths = {path_of(entry.get("link", "")) for entry in parsed.entries}
    site = options.url or _site(channel.get("link", ""))
    for number, entry in enumerate(parsed.entries):
        line = lines[number] if number < len(lines) else 0
        where = Place(file=place, line=line, name=legal(entry.get("title", "")))
        contents = [one for one in entry.get("content", []) if one.get("value")]
        whole = next(
            (one for one in contents if "html" in one.get("type", "")), contents[0] if contents else None
        )
        summary = entry.get("summary", "")
        text, plain = (whole["value"], whole.get("type") == "text/plain") if whole else (summary, False)
        audio = next((one.get("href", "") for one in entry.get("enclosures", [])
                      if str(one.get("type", "")).startswith("audio/")), "")  # fmt: skip
        authors = [one.get("name", "") for one in entry.get("authors", [])]
        yield from _post(
            where,
            title=entry.get("title", ""),
            html=f"<p>{escape(text)}</p>"
            if plain
            else rewritten(text, lambda url: homeward(url, site, paths)),
            whole=whole is not None,
            date=_time(entry.get("published_parsed") or dict.get(entry, "updated_parsed")),
            updated=_time(dict.get(entry, "updated_parsed")),
            authors=[name for name in authors if name] or [entry.get("author", "")],
            tags=[str(one.get("term") or "") for one in entry.get("tags", [])],
            summary=re.sub(r"<[^<>]*>", " ", summary) if whole else "",
            link=entry.get("link", ""),
            identifier=entry.get("id", "") or entry.get("link", ""),
            audio=audio,
        )


def _json(body: bytes, place: str, options: Options, *, must: bool) -> Iterator[Item] | None:
    try:
        data = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        if must:
            what = f"this is not JSON: {error.msg}"
            raise Invalid.at(place, error.lineno, what, "save it again", code="feed") from None
        return None
    if not isinstance(data, dict) or "jsonfeed.org" not in str(data.get("version")):
        if must:
            raise Invalid.at(
                place, 1, "this is no JSON Feed", "save the feed's address to a file", code="feed"
            )
        return None
    return _json_entries(data, place, options)


def _json_entries(data: Mapping[str, Any], place: str, options: Options) -> Iterator[Item]:
    yield Hints(
        title=text_of(data, "title"),
        url=options.url or _site(text_of(data, "home_page_url")),
        description=text_of(data, "description"),
        language=text_of(data, "language"),
    )
    paths = {path_of(text_of(item, "url")) for item in _dicts(data.get("items"))}
    site = options.url or _site(text_of(data, "home_page_url"))
    for item in _dicts(data.get("items")):
        html, text = text_of(item, "content_html"), text_of(item, "content_text")
        paragraphs = "".join(
            f"<p>{escape(part)}</p>\n" for part in re.split(r"\n\s*\n", text) if part.strip()
        )
        people = [*_dicts(item.get("authors")), *_dicts([item.get("author")])]
        tags = item.get("tags")
        yield from _post(
            Place(file=place, name=text_of(item, "title", "id")),
            title=text_of(item, "title"),
            html=rewritten(html, lambda url: homeward(url, site, paths)) or paragraphs or text_of(item, "summary"),
            whole=bool(html or paragraphs),
            date=moment(item.get("date_published")),
            updated=moment(item.get("date_modified")),
            authors=[text_of(one, "name") for one in people],
            tags=[one for one in tags if isinstance(one, str)] if isinstance(tags, list) else [],
            summary=text_of(item, "summary"),
            link=text_of(item, "url"),
            identifier=text_of(item, "id", "url"),
            audio=next((text_of(one, "url") for one in _dicts(item.get("attachments"))
                        if text_of(one, "mime_type").startswith("audio/")), ""),
            image=text_of(item, "image", "banner_image"),
        )  # fmt: skip


def _post(
    place: Place,
    *,
    title: str,
    html: str,
    whole: bool,
    date: datetime | None,
    updated: datetime | None,
    authors: list[str],
    tags: list[str],
    summary: str,
    link: str,
    identifier: str,
    audio: str,
    image: str = "",
) -> Iterator[Item]:
    if not html.strip() and not audio:
        yield Skipped(place=place, reason="has no text")
        return
    if not whole:
        yield Missed(
            place=place, what="the feed holds its summary alone", todo="bring its text from the old site"
        )
    body, missed = carried(html, place)
    yield from missed
    path = path_of(link)
    yield Post(
        place=place,
        title=legal(title),
        body=body,
        date=date,
        updated=updated if updated != date else None,
        authors=tuple(dict.fromkeys(legal(name) for name in authors if name)),
        tags=tuple(dict.fromkeys(legal(tag) for tag in tags if tag)),
        summary=" ".join(legal(summary).split()),
        slug=re.sub(r"\.(?:html?|xhtml|php|aspx?|jsp|cgi)$", "", path.rpartition("/")[2]),
        old=_old(link, path),
        id=legal(identifier) if _URI.fullmatch(identifier) and len(identifier) <= 200 else "",
        audio=audio,
        image=image,
    )


def _old(link: str, path: str) -> str:
    return f"/{path}" + ("/" if link.partition("?")[0].endswith("/") else "") if path else ""


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _time(parsed: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC) if parsed else None
    except (ValueError, TypeError, OverflowError):
        return None


def _site(link: str) -> str:
    return legal(link).rstrip("/") if link.startswith(("http://", "https://")) else ""
