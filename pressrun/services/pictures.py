"""The variants of pictures on the site: made when a picture's bytes have changed, and removed when nobody shows them.

They are written before the catalogue names them, and pages name only what the catalogue does. When a picture is
replaced, pages that show the former variants are rendered again soon after; the variants stay for GRACE and go when
the picture is due.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from pressrun.domain.caching import ASSET_CACHE, FOREVER
from pressrun.domain.pictures import MAX_PIXELS, folder_of
from pressrun.domain.problems import Problem
from pressrun.domain.publication import ImageSettings
from pressrun.errors import NotFound
from pressrun.parsing.media import Media
from pressrun.ports import Clock, ObjectStore, Put
from pressrun.rendering.pictures import RECIPE, UnreadableError, encode
from pressrun.services.catalogue import Source

GRACE = timedelta(hours=2)
"""Longer than a page is cached and than a batch that died is left alone."""


def recipe_of(settings: ImageSettings) -> str:
    """Changes with how pictures are published."""
    return f"{RECIPE} placed" if settings.location else f"{RECIPE} unplaced"


def made_before(source: Any, settings: ImageSettings) -> bool:
    """Whether a picture's row (an item) was written under other settings, or by a version that did otherwise."""
    picture = source["state"] == "asset" and source.get("type") in MAX_PIXELS
    return picture and source.get("theme") != recipe_of(settings)


def variants_of(source: Source) -> set[str]:
    """The keys of the variants that a row names."""
    folder = folder_of(source.key)
    names = {f"{folder}{source.mark}-{width}.webp" for width in source.widths}
    return names | ({f"{folder}plain.{source.plain}"} if source.plain else set())


def too_large(key: str, media: Media) -> list[Problem]:
    """Why no picture of this size is published; empty where it may be."""
    limit = MAX_PIXELS.get(media.type, 0)
    pixels = media.width * media.height
    if pixels <= limit or not limit:
        return []
    what = f"has {pixels / 1e6:.0f} million pixels ({media.width} x {media.height})"
    todo = f"save it with {limit // 1_000_000} million pixels at most"
    return [Problem(file=key, line=0, what=what, todo=todo, code="pixels")]


CUT_OFF = "it is cut off"
NO_SIZE = "it does not say its size"


def unreadable(key: str, why: str) -> Problem:
    """What the author of a damaged picture is told."""
    what = f"cannot be read as a picture ({why}), and is published as it is, in one size"
    todo = "open it in a picture editor, and save it again"
    return Problem(file=key, line=0, what=what[:300], todo=todo, code="picture", severity="warning")


@dataclass(slots=True, kw_only=True)
class Plan:
    """What is to be written for a picture, and its row with what is known of its variants then."""

    source: Source
    puts: list[Put] = field(default_factory=list)
    problem: str = ""  # why there are no variants, where there should be


class Pictures:
    """Variants of the pictures of one site."""

    def __init__(self, site: ObjectStore, clock: Clock) -> None:
        self._site = site
        self._clock = clock

    def plan(self, body: bytes, media: Media, new: Source, old: Source | None, *, suspect: bool) -> Plan:
        """What `new` needs, made of `body`. `old` is the file's row as it is.

        `suspect`: do not trust that what it names is there.
        """
        if media.type not in MAX_PIXELS:
            return Plan(source=self._due(new, old, suspect=suspect))
        if media.animated:
            return Plan(source=self._due(new, old, suspect=suspect))
        if not media.width:
            return Plan(source=self._due(new, old, suspect=suspect), problem=NO_SIZE)
        mark = sha256(f"{RECIPE} {new.sha}".encode()).hexdigest()[:12]
        if old and old.mark == mark:
            known = replace(new, mark=mark, widths=old.widths, plain=old.plain)
            if not suspect or self._stands(known):
                return Plan(source=self._due(known, old, suspect=suspect))
        try:
            made = encode(body, media.type, media.width, media.height)
        except UnreadableError as error:
            return Plan(source=self._due(new, old, suspect=suspect), problem=str(error))
        new = replace(new, mark=mark, widths=tuple(made.webp), plain=made.suffix)
        folder = folder_of(new.key)
        puts = [
            Put(
                key=f"{folder}{mark}-{width}.webp",
                body=file,
                content_type="image/webp",
                cache_control=FOREVER,
            )
            for width, file in made.webp.items()
        ]
        if made.suffix:
            kind = "image/png" if made.suffix == "png" else "image/jpeg"
            puts.append(
                Put(
                    key=f"{folder}plain.{made.suffix}",
                    body=made.plain,
                    content_type=kind,
                    cache_control=ASSET_CACHE,
                    metadata={"mark": mark},
                )
            )
        return Plan(source=self._due(new, old, suspect=suspect), puts=puts)

    def remove(self, key: str) -> None:
        """Takes away everything that was ever made of a file."""
        for name in self._listed(key):
            self._site.delete(name)

    def _due(self, new: Source, old: Source | None, *, suspect: bool) -> Source:
        """The row with the moment at which former variants go. Where that has come, they do."""
        now = self._clock.now()
        due = old.due if old else ""
        if due and due <= now.isoformat():
            for name in self._strays(new):
                self._site.delete(name)
            return new
        replaced = old is not None and bool(old.mark) and old.mark != new.mark
        if not due and (replaced or (suspect and self._strays(new))):
            due = (now + GRACE).replace(microsecond=0).isoformat()
        return replace(new, due=due)

    def _stands(self, source: Source) -> bool:
        """Whether every variant that a row names is on the site."""
        there = set(self._listed(source.key))
        if not variants_of(source) <= there:
            return False
        if not source.plain:
            return True
        try:
            stored = self._site.head(f"{folder_of(source.key)}plain.{source.plain}")
        except NotFound:
            return False
        return stored.metadata.get("mark") == source.mark

    def _strays(self, source: Source) -> list[str]:
        wanted = variants_of(source)
        return [name for name in self._listed(source.key) if name not in wanted]

    def _listed(self, key: str) -> list[str]:
        folder = folder_of(key)
        return [stat.key for stat in self._site.list(folder) if "/" not in stat.key.removeprefix(folder)]
