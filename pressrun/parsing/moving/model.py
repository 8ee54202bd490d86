"""What an export holds, whichever system it is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Protocol

from pressrun.parsing.dates import DateError, parse_date
from pressrun.parsing.encoding import legal
from pressrun.parsing.moving.archives import Export, Member


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something stands in an export. `line` counts from 1; 0 where the format has no lines to speak of."""

    file: str
    line: int = 0
    name: str = ""  # what it is called there, for people


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """An article that is written anew. `old` is its address there, a path; `folder` where it is to be put.

    `files` are those that its text or picture refers to by their keys.
    """

    place: Place
    title: str
    body: str
    form: Literal["html", "md", "txt"] = "html"
    folder: str = "posts"
    date: datetime | None = None
    updated: datetime | None = None
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    summary: str = ""
    slug: str = ""
    old: str = ""
    older: tuple[str, ...] = ()  # addresses that led to it already there
    id: str = ""
    draft: bool = False
    canonical: str = ""
    image: str = ""
    image_alt: str = ""
    audio: str = ""
    language: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An article whose file is kept, but for what was added to its front matter."""

    place: Place
    key: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file to be copied."""

    place: Place
    key: str
    member: Member


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Something that is left behind as a whole, and why."""

    place: Place
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Something of an article that cannot be carried over, and what can be done."""

    place: Place
    what: str
    todo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What the export says of the publication."""

    title: str = ""
    url: str = ""
    description: str = ""
    language: str = ""
    timezone: str = ""
    authors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """A list of subscribers, as `services.importing` reads it."""

    member: Member


Item = Post | Page | File | Skipped | Missed | Hints | Readers


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the export may not say. `url` is the old site's address, without a slash at its end."""

    url: str = ""


class Importer(Protocol):
    """Reads an export. Raises Invalid where it is none, is damaged or hostile."""

    def __call__(self, export: Export, options: Options, /) -> Iterator[Item]: ...


def moment(value: object) -> datetime | None:
    """A date as exports write it: ISO 8601, RFC 5322, or milliseconds since 1970. None where it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value / 1000 if abs(value) > 10**11 else value, UTC)
        except (OverflowError, OSError, ValueError):
            return None
    text = value.strip() if isinstance(value, str) else ""
    if not text or text.startswith("0000"):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            return parse_date(text, UTC)
        except DateError:
            return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found if 1000 <= found.year <= 9998 else None


def text_of(row: Mapping[str, object], *names: str) -> str:
    """The first of these fields that is text and not empty, or a number."""
    for name in names:
        value = row.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip():
            return legal(value.strip())
    return ""
