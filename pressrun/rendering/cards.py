"""Social cards: an article's title on the publication's colour, as a PNG for who shows a link to it.

The type is Source Serif Pro Semibold (SIL Open Font License, `fonts/OFL.txt`): Latin, Greek and Cyrillic. For a title
in another script the publication's name stands alone, since boxes would stand for its letters; emoji and other signs
are left out.
"""

from __future__ import annotations

import io
import unicodedata
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from pressrun.domain.pictures import CARD_SIZE

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

RECIPE = "1"
"""Changes with anything that changes the bytes made here."""
_FONT = Path(__file__).parent / "fonts" / "SourceSerifPro-Semibold.ttf"
_SIZES = (92, 80, 70, 61, 54)  # pixels: the first at which the title fits
_NAME = 36
_MARGIN = 80
_TOP, _BOTTOM = 72, 470  # of the title
_RULE = 505
_SHADES = 15  # between the colour and the letters: what four bits a pixel hold
_SIGNS = frozenset({"So", "Sk", "Cf", "Cs", "Co", "Cn"})


def card_mark(title: str, name: str, colour: str) -> str:
    """Changes with what a card shows."""
    return sha256("\n".join((RECIPE, title, name, colour)).encode("utf-8", "replace")).hexdigest()[:12]


def draw_card(title: str, name: str, colour: str) -> bytes:
    """A card of CARD_SIZE with an article's title and the publication's name; `colour` as "#a3124a"."""
    from PIL import Image, ImageDraw

    image = Image.new("L", CARD_SIZE, 0)
    draw = ImageDraw.Draw(image)
    width = CARD_SIZE[0] - 2 * _MARGIN
    shown, below = _drawable(title), _wrapped(_drawable(name), _NAME, width)
    _draw_title(draw, shown or _drawable(name), width)
    draw.rectangle((_MARGIN, _RULE, _MARGIN + 96, _RULE + 5), fill=255)
    if shown and below:
        text = below[0] if len(below) == 1 else _cut(below[0], _NAME, width)
        draw.text((_MARGIN, _RULE + 34), text, fill=255, font=_font(_NAME))
    shades = image.point([round(value * _SHADES / 255) for value in range(256)])
    shades.putpalette(_ramp(colour))
    written = io.BytesIO()
    shades.save(written, "PNG", bits=4, compress_level=1)  # level 6 takes twice the time for a quarter less
    return written.getvalue()


def _draw_title(draw: ImageDraw, title: str, width: int) -> None:
    for size in _SIZES:
        lines, height = _wrapped(title, size, width), round(size * 1.14)
        room = (_BOTTOM - _TOP) // height
        if len(lines) <= room:
            break
    else:
        lines = [*lines[: room - 1], _cut(lines[room - 1], size, width)]
    for number, line in enumerate(lines):
        draw.text((_MARGIN, _TOP + number * height), line, fill=255, font=_font(size))


def _wrapped(text: str, size: int, width: int) -> list[str]:
    """The text in lines of at most `width` pixels; a word that is longer is broken."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if _length(longer, size) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        while _length(word, size) > width:
            at = max(n for n in range(1, len(word)) if n == 1 or _length(word[:n], size) <= width)
            lines.append(word[:at])
            word = word[at:]  # noqa: PLW2901
        line = word
    return [*lines, line] if line else lines


def _cut(line: str, size: int, width: int) -> str:
    while line and _length(f"{line}…", size) > width:
        line = line[:-1]
    return f"{line.rstrip()}…"


def _length(text: str, size: int) -> float:
    return _font(size).getlength(text)


def _drawable(text: str) -> str:
    """The text without signs that the font lacks; nothing, where it lacks a letter."""
    text = unicodedata.normalize("NFC", " ".join(text.split()))[:300]
    kept = [char for char in text if _has(char) or unicodedata.category(char) not in _SIGNS]
    kept = [char for char in kept if char not in "\ufe0e\ufe0f"]
    return " ".join("".join(kept).split()) if all(map(_has, kept)) else ""


@lru_cache(maxsize=4096)
def _has(char: str) -> bool:
    if char.isspace():
        return True
    if unicodedata.combining(char) or unicodedata.bidirectional(char) in {"R", "AL"}:
        return False
    return bytes(_font(_NAME).getmask(char)) != _missing()


@cache
def _missing() -> bytes:
    """What the font draws for what it does not have."""
    return bytes(_font(_NAME).getmask("\U0010fffd"))


@cache
def _font(size: int) -> FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(str(_FONT), size, layout_engine=ImageFont.Layout.BASIC)


def _ramp(colour: str) -> bytes:
    """Shades from the colour to white, or to near black where the colour is light (WCAG 2.2, relative luminance)."""
    ground = bytes.fromhex(colour.removeprefix("#"))
    linear = [
        (value / 255 / 12.92 if value < 11 else ((value / 255 + 0.055) / 1.055) ** 2.4) for value in ground
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    letters = bytes((255, 255, 255)) if luminance < 0.2 else bytes((23, 21, 26))
    return bytes(
        round(one + (other - one) * shade / _SHADES)
        for shade in range(_SHADES + 1)
        for one, other in zip(ground, letters, strict=True)
    )
