"""Feeds: entries, their rendered fragments, the documents that hold them, and which document holds which.

An article stands in many feeds, each in three formats. It is rendered once into a `Fragment`; a document is a
head, fragments and a tail. The three fragments share the content, which is by far their largest part.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from pressrun.domain.articles import Enclosure, Image
from pressrun.domain.publication import FeedSettings, Person, Podcast

Format = Literal["rss", "atom", "json"]
FORMATS: tuple[Format, ...] = ("rss", "atom", "json")
FILES: Mapping[Format, str] = {"rss": "feed.xml", "atom": "atom.xml", "json": "feed.json"}
MEDIA_TYPES: Mapping[Format, str] = {
    "rss": "application/rss+xml",
    "atom": "application/atom+xml",
    "json": "application/feed+json",
}

HEAD_BYTES = 4_000
"""Set aside for what stands around the entries of a document. A podcast's with every link takes about 2,700."""

NEVER = datetime(2000, 1, 1, tzinfo=UTC)
"""`Feed.updated` of a feed without entries: Atom demands a date and no writer has a clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An article as feeds show it: URLs absolute, dates aware, `title` and `summary` plain text."""

    id: str  # a tag: URI
    url: str
    title: str
    published: datetime
    updated: datetime
    summary: str = ""
    content: str = ""  # sanitised HTML, every URL in it absolute
    authors: tuple[Person, ...] = ()
    tags: tuple[str, ...] = ()
    tag_scheme: str = ""  # the URL that tags are told apart by, such as the site's list of tags
    image: Image | None = None
    enclosure: Enclosure | None = None
    language: str = ""  # only where it is not the publication's
    season: int = 0
    episode: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """An entry, in each format what precedes and what follows its escaped content. No text is unclean."""

    content: str
    rss: tuple[str, str]
    atom: tuple[str, str]
    json: tuple[str, str]

    def written(self, form: Format) -> bytes:
        """The whole entry as it stands in a document of this format."""
        head, tail = getattr(self, form)
        escape = escape_json if form == "json" else escape_xml
        return b"".join((head.encode(), escape(self.content.encode()), tail.encode()))

    @property
    def size(self) -> int:
        """Bytes of the entry in the format that takes most."""
        content = self.content.encode()
        xml, json = len(escape_xml(content)), len(escape_json(content))
        ends = ((self.rss, xml), (self.atom, xml), (self.json, json))
        return max(len(head.encode()) + size + len(tail.encode()) for (head, tail), size in ends)

    def to_item(self) -> dict[str, str]:
        """A value that JSON and every table can hold."""
        ends = {f"{form}_{at}": end for form in FORMATS for at, end in enumerate(getattr(self, form))}
        return {"content": self.content, **ends}

    @classmethod
    def from_item(cls, item: Mapping[str, str]) -> Fragment:
        """The fragment that `to_item` was called on. Raises KeyError where something is missing."""
        return cls(
            content=item["content"],
            rss=(item["rss_0"], item["rss_1"]),
            atom=(item["atom_0"], item["atom_1"]),
            json=(item["json_0"], item["json_1"]),
        )


def escape_xml(text: bytes) -> bytes:
    """Clean UTF-8 text as lxml writes it between two tags. In bytes, where it takes a third of the time."""
    text = text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    return text.replace(b"\r", b"&#13;")


def escape_json(text: bytes) -> bytes:
    """Clean UTF-8 text as orjson writes it between quotes: no other control character is left in it."""
    text = text.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return text.replace(b"\t", b"\\t").replace(b"\r", b"\\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What a feed document says of itself. Every URL but the stylesheet's is absolute.

    `place`, `current`, `older` and `newer` are folders that end with a slash; each format has its own file in
    them (`FILES`). A subscription document has `older` alone; an archive document (RFC 5005, section 4) has
    `current`, the folder of its subscription document, and is told apart by that.
    """

    id: str  # a tag: URI, the same in a feed's subscription document and its archives
    title: str
    home: str  # the HTML page of what the feed is about, never a feed
    place: str
    updated: datetime = NEVER  # the newest `updated` of the entries in this document
    description: str = ""
    language: str = "en"
    authors: tuple[Person, ...] = ()
    icon: str = ""  # square and small
    logo: str = ""
    copyright: str = ""
    hub: str = ""
    ttl_minutes: int = 0  # 0: not said
    older: str = ""
    newer: str = ""
    current: str = ""
    expired: bool = False  # nothing will ever be added
    podcast: Podcast | None = None  # its `image` is absolute
    # The CSS with which browsers show RSS and Atom, where they are told that these are plain XML: a path, for
    # browsers take a style sheet from the document's own origin alone.
    stylesheet: str = ""

    def url(self, form: Format) -> str:
        """The document's own address in this format."""
        return self.at(self.place, form)

    def at(self, place: str, form: Format) -> str:
        """The address of this format's document in a folder; "" where there is none."""
        return place and place + FILES[form]


class Sized(NamedTuple):
    """An entry and the bytes that it takes: `Fragment.size`."""

    id: str
    size: int


def head_entries(sizes: Iterable[int], settings: FeedSettings) -> int:
    """How many of the newest entries stand in the subscription document; `sizes` are given newest first.

    As many as `settings.entries` and `settings.bytes` let in, but `settings.min_entries` as long as
    `settings.max_bytes` holds, and one in any case (none of none).
    """
    count, total = 0, HEAD_BYTES
    for size in sizes:
        total += size + 1  # a comma in JSON
        limit = settings.bytes if count >= settings.min_entries else settings.max_bytes
        if count and (count >= settings.entries or total > limit):
            break
        count += 1
    return count


def archive_parts(entries: Iterable[Sized], settings: FeedSettings) -> list[tuple[str, ...]]:
    """Packs one month's entries, given oldest first, into archive documents; returns their ids, oldest first.

    Each holds at most `settings.entries` entries and `settings.bytes` bytes; an entry larger than that stands
    alone. A newer entry never changes any part but the last, and the last part of the newest month always
    fits into the subscription document.
    """
    parts: list[tuple[str, ...]] = []
    part: list[str] = []
    total = HEAD_BYTES
    for entry in entries:
        if part and (len(part) >= settings.entries or total + entry.size + 1 > settings.bytes):
            parts.append(tuple(part))
            part, total = [], HEAD_BYTES
        part.append(entry.id)
        total += entry.size + 1
    return [*parts, tuple(part)] if part else parts


def archive_name(month: str, part: int) -> str:
    """The folder of a month's part, counted from 0: "archive/2026-11/", then "archive/2026-11-2/"."""
    return f"archive/{month}-{part + 1}/" if part else f"archive/{month}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An archive document: its folder, its entries oldest first, and the folder of the next older one ("": none)."""

    name: str
    ids: tuple[str, ...]
    older: str = ""


def archive_plan(
    month: str, entries: Iterable[Sized], settings: FeedSettings, *, shown: Container[str], older: str = ""
) -> tuple[Archive, ...]:
    """The archive documents of one month ("2026-11"), whose entries are given oldest first.

    `shown` are the ids that stand in the subscription document: a part all of whose entries do is no archive yet.
    `older` is the last part of the nearest month before. Documents do not name newer ones, so that they stay as
    they are.
    """
    parts = archive_parts(entries, settings)
    names = [older, *(archive_name(month, number) for number in range(len(parts)))]
    return tuple(
        Archive(name=names[number + 1], ids=ids, older=names[number])
        for number, ids in enumerate(parts)
        if ids[0] not in shown
    )


def archive_holding(entry_id: str, month: str, entries: Iterable[Sized], settings: FeedSettings) -> str:
    """The archive folder that holds this entry of this month.

    A subscription document's `older` is this for the newest entry that it has no room for. `entries` are all
    of the month, oldest first. Raises KeyError where the month has no such entry.
    """
    for number, ids in enumerate(archive_parts(entries, settings)):
        if entry_id in ids:
            return archive_name(month, number)
    raise KeyError(entry_id)
