"""JSON Feed 1.1, by orjson."""

from __future__ import annotations

from typing import Any

import orjson

from pressrun.domain.feeds import Feed
from pressrun.rendering.feed_items import Item, address, language_tag, line, people

_COMMENT = (
    "This is a feed: the newest articles for feed readers. "
    "To subscribe, copy its address from the address bar into your reader."
)


def json_feed(feed: Feed) -> dict[str, Any]:
    """The document without its entries; `items` comes last and is empty."""
    said = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": line(feed.title) or feed.home,
        "home_page_url": address(feed.home),
        "feed_url": address(feed.url("json")),
        "description": line(feed.description),
        "user_comment": _COMMENT,
        "next_url": address(feed.at(feed.older, "json")),
        "icon": address(feed.logo),
        "favicon": address(feed.icon),
        "authors": _authors(people(feed.authors)),
        "language": language_tag(feed.language),
        "expired": feed.expired,
        "hubs": [{"type": "WebSub", "url": address(feed.hub)}] if feed.hub else [],
    }
    return {**_without_blanks(said), "items": []}


def json_item(item: Item, content: str) -> dict[str, Any]:
    """An entry; `content` is HTML."""
    said = {
        "id": item.id,
        "url": item.url,
        "title": item.title,
        "summary": item.summary,
        "image": item.image,
        "date_published": item.published,
        "date_modified": item.updated,
        "authors": _authors(item.authors),
        "tags": item.tags,
        "language": item.language,
        "attachments": [_attachment(item)] if item.file else [],
    }
    return {**_without_blanks(said), "content_html": content}


def dumped(value: dict[str, Any]) -> str:
    """The JSON text of a document or an entry."""
    return orjson.dumps(value).decode()


def _attachment(item: Item) -> dict[str, Any]:
    return _without_blanks(
        {
            "url": item.file,
            "mime_type": item.file_type,
            "size_in_bytes": int(item.file_bytes),
            "duration_in_seconds": int(item.duration or 0),
        }
    )


def _authors(persons: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [_without_blanks({"name": name, "url": url}) for name, url in persons]


def _without_blanks(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value}
