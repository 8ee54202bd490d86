"""The variants that are made of a picture."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from PIL import Image

from pressrun.rendering.pictures import UnreadableError, encode
from tests.pictures import opened, photo

KINDS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def test_variants_have_their_widths_and_its_shape() -> None:
    """Each is smaller than the picture that it is made of."""
    made = encode(photo(2000, 1200), "image/jpeg", 2000, 1200)
    sizes = {width: opened(body).size for width, body in made.webp.items()}
    assert sizes == {480: (480, 288), 800: (800, 480), 1200: (1200, 720), 1600: (1600, 960)}
    assert opened(made.plain).size == (1200, 720)
    assert max(map(len, made.webp.values())) < len(photo(2000, 1200))


@pytest.mark.parametrize("turn", range(2, 9))
def test_a_turned_photograph_stands_upright(turn: int) -> None:
    """As EXIF says: variants are what a browser shows of the photograph."""
    from PIL import ImageOps

    data = photo(900, 500, turn=turn)
    upright = ImageOps.exif_transpose(opened(data))
    made = encode(data, "image/jpeg", *upright.size)
    for body in (made.webp[min(made.webp)], made.plain):
        image = opened(body)
        small = upright.resize(image.size)
        for place in ((0.5, 0.02), (0.5, 0.98), (0.02, 0.5), (0.98, 0.5)):
            at = (int(image.width * place[0]), int(image.height * place[1]))
            pairs = zip(image.convert("RGB").getpixel(at), small.getpixel(at), strict=True)
            assert all(abs(one - other) < 90 for one, other in pairs), (turn, place)


@pytest.mark.parametrize("kind", KINDS)
def test_where_a_picture_was_taken_is_left_out(kind: str) -> None:
    """And what took it."""
    data = photo(1400, 700, kind)
    assert b"Secret Camera" in data
    made = encode(data, KINDS[kind], 1400, 700)
    for body in (*made.webp.values(), made.plain):
        assert body
        assert b"Secret" not in body
        assert not dict(opened(body).getexif())


def test_a_colour_profile_stays() -> None:
    """Without it a telephone's colours are dull."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = saved(opened(photo()), "JPEG", icc_profile=profile, quality=95)
    made = encode(data, "image/jpeg", 1000, 600)
    assert opened(made.webp[480]).info["icc_profile"] == profile


def test_mails_get_what_outlook_shows() -> None:
    """WebP becomes JPEG, or PNG where it is transparent; a small upright JPEG is good as it is."""
    assert encode(photo(kind="WEBP"), "image/webp", 1000, 600).suffix == "jpg"
    clear = encode(photo(kind="WEBP", alpha=True), "image/webp", 1000, 600)
    assert clear.suffix == "png"
    assert opened(clear.plain).has_transparency_data
    assert encode(photo(500, 300), "image/jpeg", 500, 300).suffix == ""
    assert encode(photo(500, 300, turn=6), "image/jpeg", 300, 500).suffix == "jpg"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_png_is_read(mode: str) -> None:
    """Palettes, greys, transparency, sixteen bits."""
    grey = Image.effect_noise((700, 400), 90)
    image = Image.new("I;16", (700, 400), 40_000) if mode == "I;16" else grey.convert(mode)
    made = encode(saved(image, "PNG"), "image/png", 700, 400)
    if mode == "I;16":
        made = encode(saved(image, "PNG", compress_level=0), "image/png", 700, 400)
        assert abs(opened(made.webp[480]).convert("L").getpixel((200, 100)) - 156) < 4
    assert all(opened(body).format == "WEBP" for body in made.webp.values())


def test_print_colours_become_the_screens() -> None:
    """A CMYK photograph."""
    made = encode(saved(opened(photo()).convert("CMYK"), "JPEG", quality=95), "image/jpeg", 1000, 600)
    assert opened(made.webp[480]).mode == "RGB"


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", photo()[:900], photo(64, 64)])
def test_what_is_no_picture_of_that_size_is_told(data: bytes) -> None:
    """Whatever its decoder raises."""
    with pytest.raises(UnreadableError):
        encode(data, "image/jpeg", 1000, 600)


def test_the_same_bytes_give_the_same_variants_in_another_process() -> None:
    """So both backends, and every worker, write the same."""
    program = (
        "import hashlib; from tests.pictures import opened; from pressrun.rendering.pictures import encode;"
        "from pathlib import Path; data = Path('content/assets/wasserzeichen.jpg').read_bytes();"
        "made = encode(data, 'image/jpeg', 1280, 800);"
        "print(hashlib.sha256(b''.join([*made.webp.values(), made.plain])).hexdigest())"
    )
    said = {
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout
        for _ in range(2)
    }
    assert len(said) == 1


def test_pillow_is_imported_where_a_picture_is_made_and_not_before() -> None:
    """A function that starts to publish a text does not wait for it."""
    program = "import sys, pressrun.services.publish, handlers.publish; print('PIL' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "False"
