"""What an editor should know of pictures before they are published."""

from __future__ import annotations

from collections.abc import Iterator

from pressrun.domain.pictures import wants_card
from pressrun.domain.problems import Problem
from pressrun.parsing.media import Media
from pressrun.services.pictures import CUT_OFF, NO_SIZE, too_large, unreadable
from pressrun.services.plan import Lookup, Settled, candidates, references

MAX_BYTES = 5_000_000  # of a picture: who opens the file itself, or shows no WebP, loads it whole
SHARED_WIDTH = 600  # pixels: below it networks show a link with a thumbnail, and no large picture


def check_picture(key: str, body: bytes, media: Media) -> Iterator[Problem]:
    """A file by itself: too many pixels or bytes, or too few."""
    yield from too_large(key, media)
    if why := _damage(body, media):
        yield unreadable(key, why)
    if media.type.startswith("image/") and len(body) > MAX_BYTES:
        what = f"has {len(body) / 1e6:.0f} MB"
        yield _warn(key, 0, what, "save it 2,400 pixels wide: no page shows more", "picture-size")


def check_shared(settled: Settled, lookup: Lookup) -> Iterator[Problem]:
    """An article's own picture, where it is too small for networks that show a link to it."""
    parsed = settled.parsed
    if parsed.image is None or wants_card(parsed.image):
        return
    named = [reference for reference in references(parsed) if reference in parsed.image.src]
    files = [lookup(key) for reference in named for key in candidates(parsed.source, reference)]
    for file in files:
        if file and 0 < file.width < SHARED_WIDTH:
            what = f"the picture {file.key} is {file.width} pixels wide; links to the article show it as a thumbnail"
            line = parsed.lines.get("image", 1)
            yield _warn(parsed.source, line, what, "use one of 1,200 pixels", "picture-small")


def _damage(body: bytes, media: Media) -> str:
    """What keeps a picture from being read, as far as its frame shows it; publishing decodes all of it."""
    ends = {
        "image/png": b"IEND" in body,
        "image/jpeg": body.rfind(b"\xff\xd9")
        > body.rfind(b"\xff\xda"),  # end after the last scan, whatever follows
        "image/webp": int.from_bytes(body[4:8], "little") + 8 <= len(body),
    }
    if not ends.get(media.type, True):
        return CUT_OFF
    return "" if media.width or media.type not in ends else NO_SIZE


def _warn(key: str, line: int, what: str, todo: str, code: str) -> Problem:
    return Problem(file=key, line=line, what=what, todo=todo, code=code, severity="warning")
