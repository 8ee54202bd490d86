"""Pictures in several sizes: which there are, where they stand, and the HTML that offers them.

A picture's variants stand below `derived/files/<its key>/`. Each variant's name holds the mark of the picture's
bytes, so that it never changes and may be kept for ever; `plain.jpg` (or .png), which feeds and mails show, has an
address of its own that stays when the picture is replaced: mails that were sent go on showing it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import sha256

from pressrun.domain.articles import Image
from pressrun.domain.markup import SITE

FOLDER = "derived/files"
MAX_PIXELS = {"image/jpeg": 64_000_000, "image/png": 64_000_000, "image/webp": 32_000_000}
"""What is published of each type that variants are made of. A telephone's largest pictures have 50 million; decoded the
largest PNG takes 640 MiB, the largest WebP 520, the largest JPEG 90, since it is decoded at an eighth of its size."""
WIDTHS = (480, 800, 1200, 1600)  # pixels
PLAIN_WIDTH = 1200  # twice the width of a mail
PLAIN_BYTES = 300_000  # a picture of more is not put into feeds and mails as it is
COLUMN = 660  # CSS pixels: the widest that a picture is shown in the text (`--measure` in style.css)
LEAD = 928  # and above it (`--wide`)
CARD_SIZE = (1200, 630)  # pixels: what Facebook, LinkedIn, Mastodon and X ask for

_NAME = re.compile(r"\.(jpe?g|png|webp)$", re.I)
_IMAGE = re.compile(r'<picture\b.*?</picture>|<img src="([^"]*)"([^>]*)>', re.S)
_SIZE = re.compile(r' (width|height)="(\d+)"')
_SHOWN = r"(?:<img [^>]*>|<picture\b(?:(?!</picture>).)*</picture>)"
_IN_TEXT = re.compile(rf"(<p>|\n)?(<a [^>]*>{_SHOWN}</a>|{_SHOWN})(?=(\n|</p>|<br)?)", re.S)


def may_be_picture(key: str) -> bool:
    """Whether a file is one that variants are made of, by its name alone."""
    return bool(_NAME.search(key))


def widths_for(width: int) -> tuple[int, ...]:
    """The widths to make of a picture: each step well below its own, and its own up to the largest step."""
    steps = [step for step in WIDTHS if step < width * 0.9]
    return (*steps, width) if width <= WIDTHS[-1] else (*steps,)


def shrunk(width: int, height: int, to: int) -> tuple[int, int]:
    """The size at a width of `to` pixels at most."""
    return (width, height) if width <= to else (to, max(1, round(height * to / width)))


def folder_of(key: str) -> str:
    """What the keys of a picture's variants begin with."""
    return f"{FOLDER}/{key}/"


def card_key(path: str) -> str:
    """Where the card of the article at `path` ("hello/") stands."""
    return f"derived/cards/{sha256(path.encode()).hexdigest()[:24]}.png"


def variants(image: Image) -> list[tuple[str, int]]:
    """The WebP files of a picture of this site and their widths in pixels; none where it has none."""
    place = _beside(image)
    return [(f"{place}/{image.mark}-{width}.webp", width) for width in image.widths]


def fallback(image: Image) -> Image:
    """The picture as everybody can show it: JPEG, PNG or GIF; at most PLAIN_WIDTH wide where it was made so."""
    if not image.plain:
        return image
    width, height = shrunk(image.width, image.height, PLAIN_WIDTH)
    return Image(src=f"{_beside(image)}/plain.{image.plain}", alt=image.alt, width=width, height=height)


def _beside(image: Image) -> str:
    return f"{SITE}/{FOLDER}{image.src.removeprefix(SITE)}"


def wants_card(image: Image | None) -> bool:
    """Whether an article with this image is shown with a card of its title: networks draw no SVG."""
    return image is None or image.src.partition("?")[0].lower().endswith((".svg", ".svgz"))


def sizes_for(image: Image, column: int) -> str:
    """The `sizes` of a picture that fills a column, but is never enlarged."""
    shown = min(image.width, column)
    return f"(min-width: {shown + 40}px) {shown}px, 100vw"


def srcset(image: Image, place: Callable[[str], str]) -> str:
    """The variants of a picture with their widths; `place` turns an address into what the document writes."""
    return ", ".join(f"{place(url)} {width}w" for url, width in variants(image))


def responsive(html: str, pictures: Mapping[str, Image], *, lead: bool) -> str:
    """An article's HTML with each picture in all its sizes, addresses as marked as before.

    `pictures` by their `src` as it stands in the HTML. What the author wrote as `<picture>` or with a `srcset` stays.
    The first picture is wanted at once, unless there is a `lead` above it. What has a line of its own is marked, for
    style sheets see no text: a picture between words is to stay there.
    """
    first = not lead

    def offered(tag: re.Match[str]) -> str:
        nonlocal first
        urgent, first = first, False
        image = pictures.get(tag[1] or "")
        if tag[1] is None or " srcset=" in tag[2]:
            return tag[0]
        rest = tag[2].replace(' loading="lazy"', "")
        rest += ' fetchpriority="high"' if urgent else ' loading="lazy"'
        shown = f'<img src="{tag[1]}"{rest}>'
        if image is None or not image.widths:
            return shown
        given = dict(_SIZE.findall(tag[2])).get("width")
        sizes = sizes_for(image, min(COLUMN, int(given))) if given else sizes_for(image, COLUMN)
        auto = "" if urgent else "auto, "  # browsers that know it look at the layout themselves
        candidates = srcset(image, str).replace("&", "&amp;")
        source = f'<source type="image/webp" srcset="{candidates}" sizes="{auto}{sizes}">'
        return f"<picture>{source}{shown}</picture>"

    return _IN_TEXT.sub(_alone, _IMAGE.sub(offered, html)) if "<img " in html else html


def _alone(found: re.Match[str]) -> str:
    before, picture, after = found.groups()
    return f'{before}<span class="picture">{picture}</span>' if before and after else found[0]


def plain(html: str, pictures: Mapping[str, Image]) -> str:
    """An article's HTML for feeds and mails: each picture as JPEG or PNG of a moderate width, without candidates."""

    def moderate(tag: re.Match[str]) -> str:
        image = pictures.get(tag[1] or "")
        if image is None or not image.plain or " srcset=" in tag[2]:
            return tag[0]
        shown = fallback(image)
        natural = {"width": (image.width, shown.width), "height": (image.height, shown.height)}

        def sized(side: re.Match[str]) -> str:
            own, new = natural[side[1]]
            return f' {side[1]}="{new}"' if int(side[2]) == own else side[0]

        return f'<img src="{shown.src.replace("&", "&amp;")}"{_SIZE.sub(sized, tag[2])}>'

    return _IMAGE.sub(moderate, html) if pictures and "<img " in html else html
