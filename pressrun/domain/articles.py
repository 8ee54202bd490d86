"""Articles: what an author's file says, and what the catalogue makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pressrun.domain.problems import Problem

Scalar = str | int | float | bool | None
Extra = Scalar | list["Extra"] | dict[str, "Extra"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture. `src` may carry marks (see `markup`); sizes are in pixels, 0 where unknown.

    A picture of this site may have variants (see `pictures`): WebP files of these `widths`, named by `mark`, and
    one of the type `plain` ("jpg", "png") for feeds and mails.
    """

    src: str
    alt: str = ""
    width: int = 0
    height: int = 0
    mark: str = ""
    widths: tuple[int, ...] = ()
    plain: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """An audio or video file that comes with an article. `length` in bytes, `duration` in seconds."""

    src: str
    type: str = ""
    length: int = 0
    duration: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedArticle:
    """An author's file, read. Knows nothing of other files: references are still marks in `html`.

    Dates are aware. `date`, `slug` and `id` are absent where the file does not say; the catalogue settles them.
    `summary` is plain text, given by the author or cut from the first paragraph.
    """

    source: str
    title: str
    html: str
    date: datetime | None = None
    updated: datetime | None = None
    publish_at: datetime | None = None
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    series: str = ""
    part: int = 0  # of the series, from 1; 0: its date says where it stands
    summary: str = ""
    slug: str = ""  # the last segment of the address, as the author wrote it
    path: str = ""  # the whole address below the site's root, without slashes at its ends
    id: str = ""
    aliases: tuple[str, ...] = ()  # old addresses, each a path that begins with a slash
    draft: bool = False
    canonical: str = ""
    image: Image | None = None
    audio: Enclosure | None = None
    language: str = ""
    views: int = 0
    words: int = 0
    extra: Mapping[str, Extra] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)  # metadata name → line it stands on
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A published article. `html`, `image.src` and `audio.src` carry no references any more, only `SITE`."""

    id: str  # a tag: URI, the same for ever
    source: str
    path: str  # "hello/": the address below the site's root
    title: str
    html: str
    date: datetime
    updated: datetime
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    series: str = ""
    part: int = 0  # of the series, from 1; 0: its date says where it stands
    summary: str = ""
    language: str = ""
    canonical: str = ""
    image: Image | None = None
    pictures: Mapping[str, Image] = field(
        default_factory=dict
    )  # those with variants, by their `src` in `html`
    card: Image | None = None  # drawn from the title, for who shows a link to the article
    audio: Enclosure | None = None
    views: int = 0  # imported from another system
    words: int = 0
    extra: Mapping[str, Extra] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """An article as lists show it: the index pages, the archive, the sitemap. Small: a list reads many.

    Its repr is what pages show of it: equal ones look the same there.
    """

    id: str
    path: str
    title: str
    date: datetime
    updated: datetime
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    series: str = ""
    part: int = 0  # of the series, from 1; 0: its date says where it stands
    summary: str = ""
    language: str = ""
    image: Image | None = None
    size: int = field(default=0, repr=False)  # bytes of its largest feed fragment
    mark: str = field(default="", repr=False)  # changes with its feed fragment
