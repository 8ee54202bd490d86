"""A picture's variants: bytes → bytes, by Pillow. Same bytes in, same bytes out, as long as the lock's Pillow is used.

WebP and no AVIF, measured on four pictures at 1,200 pixels (Pillow 13): AVIF at speed 6 was up to 40 % smaller and
took 6 to 19 times WebP's processor time, its library is 5 MB of a function's bundle; WebP halves JPEG in 0.1 to 0.2 s.
What a camera wrote into a file (place, time, its own name) is left out; a colour profile is not, since without it
a telephone's colours are dull.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pressrun.domain.pictures import MAX_PIXELS, PLAIN_BYTES, PLAIN_WIDTH, WIDTHS, shrunk, widths_for

if TYPE_CHECKING:
    from PIL.Image import Image

RECIPE = "1"
"""Changes with anything that changes the bytes made here: all variants are then made anew, under new names."""
_ORIENTATION = 0x0112  # EXIF's tag
_TURNED = range(5, 9)  # its values that exchange width and height
_MAX_PROFILE = 10_000  # bytes
_QUALITY = {"image/jpeg": 75, "image/webp": 75, "image/png": 85}  # PNG: drawings and screens, with hard edges


class UnreadableError(Exception):
    """A decoder could not read the picture, or found another size than its head says."""


@dataclass(slots=True, kw_only=True)
class Variants:
    """WebP files by their widths, and what feeds and mails show: `plain` bytes of the type `suffix`, or nothing."""

    webp: dict[int, bytes] = field(default_factory=dict)
    plain: bytes = b""
    suffix: str = ""


def encode(data: bytes, kind: str, width: int, height: int) -> Variants:
    """The variants of a picture that is shown in `width` x `height` pixels. Raises UnreadableError.

    Left out is what would not be smaller than the picture itself.
    """
    try:
        return _encode(data, kind, width, height)
    except Exception as error:  # decoders of strange bytes raise whatever they like
        raise UnreadableError(f"{type(error).__name__}: {error}") from error


def _encode(data: bytes, kind: str, width: int, height: int) -> Variants:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS[kind]
    found = Variants()
    with Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "WEBP"]) as opened:
        turn = opened.getexif().get(_ORIENTATION, 1) if kind == "image/jpeg" else 1
        turned = turn in _TURNED
        if opened.size != ((height, width) if turned else (width, height)):
            raise UnreadableError(f"is {opened.size} and not {width} x {height}")
        largest = shrunk(width, height, WIDTHS[-1])
        if kind == "image/jpeg":  # decoded at an eighth, a quarter or a half, where that is enough
            opened.draft("RGB", largest[::-1] if turned else largest)
        opened.load()
        profile = opened.info.get("icc_profile", b"")
        keeps = opened.mode in {"RGB", "RGBA", "L"} and 0 < len(profile) <= _MAX_PROFILE
        options = {"icc_profile": profile if keeps else None}
        image = _in_colours(opened)
        image = _scaled(image, largest[::-1] if turned else largest)
        image = _upright(image, turn)
    quality = _QUALITY[kind]
    sizes: dict[int, Image.Image] = {}
    for step in sorted({*widths_for(width), PLAIN_WIDTH} if width > PLAIN_WIDTH else widths_for(width))[::-1]:
        image = sizes[step] = _scaled(image, shrunk(width, height, step))
    for step in widths_for(width):
        body = _saved(sizes[step], "WEBP", quality=quality, method=4, **options)
        if len(body) < len(data):
            found.webp[step] = body
    if kind == "image/webp" or width > PLAIN_WIDTH or turn != 1 or len(data) > PLAIN_BYTES:
        found.plain, found.suffix = _plain(sizes[min(width, PLAIN_WIDTH)], kind, options)
        fits = kind != "image/webp" and width <= PLAIN_WIDTH and turn == 1
        if fits and len(found.plain) >= len(data):
            found.plain, found.suffix = b"", ""
    return found


def _in_colours(image: Image) -> Image:
    """The picture in RGB, or RGBA where it is transparent somewhere."""
    if image.mode.startswith(("I", "F")):  # 16 bits a channel, which convert() would cut instead of scale
        image = image.point(lambda value: value / 256).convert("L")
    wanted = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == wanted else image.convert(wanted)  # which would copy it


def _scaled(image: Image, size: tuple[int, int]) -> Image:
    from PIL.Image import Resampling

    return image if image.size == size else image.resize(size, Resampling.LANCZOS, reducing_gap=2.0)


def _upright(image: Image, turn: int) -> Image:
    from PIL.Image import Transpose as Turn

    ways = {
        2: Turn.FLIP_LEFT_RIGHT,
        3: Turn.ROTATE_180,
        4: Turn.FLIP_TOP_BOTTOM,
        5: Turn.TRANSPOSE,
        6: Turn.ROTATE_270,
        7: Turn.TRANSVERSE,
        8: Turn.ROTATE_90,
    }
    return image.transpose(ways[turn]) if turn in ways else image


def _plain(image: Image, kind: str, options: dict[str, bytes | None]) -> tuple[bytes, str]:
    """JPEG; PNG where the picture is transparent, or is a PNG that JPEG makes little smaller."""
    if image.mode == "RGBA":
        return _saved(image, "PNG", **options), "png"
    jpeg = _saved(image, "JPEG", quality=82, progressive=True, optimize=True, **options)
    if kind == "image/png":
        png = _saved(image, "PNG", **options)
        if len(png) <= 1.5 * len(jpeg):
            return png, "png"
    return jpeg, "jpg"


def _saved(image: Image, kind: str, **options: object) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()
