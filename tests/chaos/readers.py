"""What readers see: every feed at every moment, and the whole site once all is quiet."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import feedparser
from lxml import etree

from tests.chaos.chaos import Violation
from tests.chaos.fakes import MemoryStore

FEEDS = ("feed.xml", "atom.xml", "feed.json")
_VARIANT = re.compile(r"\bderived/(?:files|cards)/[^\s\",?]+")
ATOM = "{http://www.w3.org/2005/Atom}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An article as a feed shows it."""

    id: str
    title: str
    path: str


@dataclass(frozen=True, slots=True)
class Document:
    """A feed document in one format. `older`: the key of the document that it goes on in."""

    entries: tuple[Entry, ...]
    older: str = ""


def key_of(url: str) -> str:
    """The object that a URL of the site is served from."""
    path = unquote(urlsplit(url).path).removeprefix("/")
    return f"{path}index.html" if path == "" or path.endswith("/") else path


def read(key: str, body: bytes) -> Document:
    """A stored feed. Raises Violation where it is not well-formed."""
    try:
        return _json(json.loads(body)) if key.endswith(".json") else _xml(etree.fromstring(body))
    except (ValueError, KeyError, etree.XMLSyntaxError) as error:
        raise Violation(f"{key} is no feed: {error}") from error


def _json(feed: dict[str, Any]) -> Document:
    entries = tuple(Entry(item["id"], item["title"], key_of(item["url"])) for item in feed["items"])
    return Document(entries, key_of(feed["next_url"]) if "next_url" in feed else "")


def _xml(root: etree._Element) -> Document:
    older = [link.get("href", "") for link in root.iter(f"{ATOM}link") if link.get("rel") == "prev-archive"]
    if root.tag == "rss":
        found = [
            (item.findtext("guid"), item.findtext("title"), item.findtext("link"))
            for item in root.iter("item")
        ]
    else:
        found = [
            (
                item.findtext(f"{ATOM}id"),
                item.findtext(f"{ATOM}title"),
                next(
                    (
                        link.get("href")
                        for link in item.findall(f"{ATOM}link")
                        if link.get("rel") == "alternate"
                    ),
                    None,
                ),
            )
            for item in root.iter(f"{ATOM}entry")
        ]
    if any(None in parts for parts in found):
        raise ValueError(f"an entry lacks something: {found}")
    entries = tuple(Entry(str(id), str(title), key_of(str(url))) for id, title, url in found)
    return Document(entries, key_of(older[0]) if older else "")


class Observer:
    """Sees every write to the site, as a reader might at that moment (invariant 2).

    No feed refers to a page that is missing. No feed is overwritten by one that refers to a page that is gone (410):
    that would be older news. Two moments are let pass, and mended by whoever caused them: a slow withdrawal meets an
    article that has just come back byte for byte, so that its etag is the old one; a slow renderer meets no feed at
    all, because the last article has just left it.
    """

    def __init__(self) -> None:
        self.site: MemoryStore | None = None
        self._shown: dict[str, frozenset[str]] = {}  # feed → the pages that it refers to

    def take(self, other: Observer) -> None:
        """Has seen what the other one has."""
        self._shown = {**other._shown}

    def __call__(self, key: str) -> None:
        assert self.site is not None
        stored = self.site.objects.get(key)
        if stored is not None and stored.content_type.startswith("text/html"):
            self._variants(key, stored.body)
        if key.rpartition("/")[2] in FEEDS:
            known = self._shown.pop(key, None)
            if key in self.site.objects:
                self._shown[key] = self._pages(key, self.site.objects[key].body, fresh=known is None)
        elif key not in self.site.objects:
            for feed, pages in self._shown.items():
                if key in pages:
                    raise Violation(f"{feed} refers to {key}, which has just been removed")

    def _variants(self, page: str, body: bytes) -> None:
        """What a page offers of a picture is there, as long as the picture itself is."""
        assert self.site is not None
        for name in set(_VARIANT.findall(body.decode())):
            source = name.removeprefix("derived/files/").rpartition("/")[0]
            if name not in self.site.objects and source in self.site.objects:
                raise Violation(f"{page} offers {name}, which is missing")

    def _pages(self, feed: str, body: bytes, *, fresh: bool) -> frozenset[str]:
        assert self.site is not None
        entries = read(feed, body).entries
        if len({entry.id for entry in entries}) < len(entries):
            raise Violation(f"{feed} shows an entry twice: {[entry.id for entry in entries]}")
        for entry in entries:
            page = self.site.objects.get(entry.path)
            if page is None or (not fresh and page.metadata.get("status") == "410"):
                raise Violation(f"{feed} refers to {entry.path}, which is missing")
        return frozenset(entry.path for entry in entries)


def subscribed(site: MemoryStore, folder: str) -> list[Entry]:
    """The entries of a folder's feeds, newest first; all formats agree, and feedparser with them."""
    documents = {}
    for name in FEEDS:
        key = f"{folder}{name}"
        if key not in site.objects:
            documents[name] = None
            continue
        body = site.objects[key].body
        documents[name] = read(key, body).entries
        if not name.endswith(".json"):
            parsed = feedparser.parse(body)
            if parsed.bozo or [entry.id for entry in parsed.entries] != [e.id for e in documents[name] or ()]:
                raise Violation(f"feedparser reads {key} otherwise: {parsed.get('bozo_exception')}")
    if len(set(documents.values())) > 1:
        raise Violation(f"the formats of {folder!r} do not agree: {documents}")
    return list(documents["feed.json"] or ())


def archived(site: MemoryStore, name: str) -> set[Entry]:
    """All that a reader finds who follows the archives of the site's feed to their end."""
    found: set[Entry] = set()
    key, seen = name, set()
    while key:
        if key in seen or key not in site.objects:
            raise Violation(f"the archives lead to {key}, seen or missing")
        seen.add(key)
        document = read(key, site.objects[key].body)
        found |= set(document.entries)
        key = document.older
    return found
