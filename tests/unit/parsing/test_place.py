"""Where a picture was taken is taken out of it, and nothing else."""

from __future__ import annotations

import io
import zlib

import pytest
from PIL import Image, PngImagePlugin

from pressrun.parsing.place import without_place
from tests.pictures import GPS, LATITUDE, MAKE, ORIENTATION, opened, photo

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description exif:GPSLatitude="52,22.0N" dc:title="Sea"'
    b" drone-dji:GpsLongtitude='4.9'><exif:GPSLongitude>4,53E</exif:GPSLongitude></rdf:Description></rdf:RDF>"
    b"</x:xmpmeta>"
)


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")


def with_chunk(name: bytes, body: bytes) -> bytes:
    png = photo(64, 64, "PNG")
    return png[:33] + chunk(name, body) + png[33:]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_only_the_place_goes(kind: str) -> None:
    """The camera, the turn and every pixel stay, and the file is as long as it was."""
    before = photo(64, 48, kind, turn=6)
    after = without_place(f"image/{kind.lower()}", before)
    assert len(after) == len(before)
    old, new = opened(before), opened(after)
    assert old.getexif().get_ifd(GPS)[LATITUDE] == (52.0, 22.0, 0.0)
    assert not new.getexif().get_ifd(GPS)
    assert GPS not in new.getexif()
    assert new.getexif()[ORIENTATION] == 6
    assert new.getexif()[MAKE] == "Secret Camera"
    assert old.tobytes() == new.tobytes()
    assert b"\0\0\0\x34\0\0\0\x01\0\0\0\x16" not in after  # 52/1, 22/…
    assert b"\x34\0\0\0\x01\0\0\0\x16\0\0\0" not in after
    entry = (
        b"\x02\0\x05\0\x03\0\0\0",
        b"\0\x02\0\x05\0\0\0\x03",
    )  # three fractions of latitude, in either order
    assert any(one in before for one in entry) and not any(one in after for one in entry)
    assert without_place(f"image/{kind.lower()}", after) is after


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_so_it_does_where_xmp_tells_it(kind: str) -> None:
    """As attributes and as elements; other properties stay."""
    written = io.BytesIO()
    picture = Image.new("RGB", (8, 8))
    told = PngImagePlugin.PngInfo()
    told.add_itxt("XML:com.adobe.xmp", XMP.decode())
    picture.save(written, kind, **({"pnginfo": told} if kind == "PNG" else {"xmp": XMP}))
    after = without_place(f"image/{kind.lower()}", written.getvalue())
    assert not any(place in after for place in (b"52,22", b"4.9", b"4,53", b"GPS", b"Gps"))
    assert b'dc:title="Sea"' in after
    assert opened(after).size == (8, 8)


@pytest.mark.parametrize(
    "text",
    [
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n 4\n2588")),
        (b"tEXt", b"exif:GPSLatitude\x0052/1, 22/1, 0/1"),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)),
    ],
)
def test_notes_in_a_form_of_their_own_leave_a_png(text: tuple[bytes, bytes]) -> None:
    """What is around them stays in its order."""
    png = with_chunk(*text)
    assert without_place("image/png", png) == without_place("image/png", photo(64, 64, "PNG"))
    assert without_place("image/png", with_chunk(b"tEXt", b"Author\0Ada")).count(b"Author\0Ada") == 1


def test_a_telephones_second_picture_loses_it_too() -> None:
    """It stands behind the end of the first (CIPA DC-007)."""
    after = without_place("image/jpeg", photo(32, 32) + photo(48, 48))
    assert after == without_place("image/jpeg", photo(32, 32)) + without_place("image/jpeg", photo(48, 48))


def test_damage_is_left_as_it_is() -> None:
    """Cut anywhere, filled with anything: never an error, nor another length."""
    for kind in ("JPEG", "PNG", "WEBP"):
        whole = photo(16, 16, kind)
        media = f"image/{kind.lower()}"
        for end in range(0, min(len(whole), 700), 3):
            assert len(without_place(media, whole[:end])) == end
        for at in range(0, 400, 5):
            spoiled = whole[:at] + b"\xff" * 4 + whole[at + 4 :]
            assert len(without_place(media, spoiled)) == len(spoiled)
    assert without_place("image/gif", b"GIF89a GPS") == b"GIF89a GPS"
