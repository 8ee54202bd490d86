"""Pictures to publish."""

from __future__ import annotations

from functools import cache
from io import BytesIO

from PIL import Image, ImageFilter

ORIENTATION, MAKE, GPS, LATITUDE = 0x0112, 0x010F, 0x8825, 2


@cache
def photo(
    width: int = 1000, height: int = 600, kind: str = "JPEG", *, turn: int = 1, alpha: bool = False
) -> bytes:
    """Something soft with noise in it, red at its left edge and blue at its top; says where it was taken."""
    image = Image.effect_noise((width, height), 60).filter(ImageFilter.GaussianBlur(1)).convert("RGB")
    image.paste((200, 20, 20), (0, 0, width // 10, height))
    image.paste((20, 20, 200), (0, 0, width, height // 10))
    if alpha:
        image.putalpha(Image.linear_gradient("L").resize((width, height)))
    known = Image.Exif()
    known[MAKE] = "Secret Camera"
    if turn != 1:
        known[ORIENTATION] = turn
    known.get_ifd(GPS)[LATITUDE] = (52.0, 22.0, 0.0)
    written = BytesIO()
    image.save(written, kind, exif=known, **({"quality": 90} if kind != "PNG" else {}))
    return written.getvalue()


def opened(data: bytes) -> Image.Image:
    """A picture, decoded."""
    image = Image.open(BytesIO(data))
    image.load()
    return image
