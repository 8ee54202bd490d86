"""Files by their bytes: type, size as shown, length, and whether they could run."""

from __future__ import annotations

import io
import struct
import wave
import zlib

import pytest

from pressrun.parsing.media import Media, sniff


def png(width, height):
    head = struct.pack(">II5B", width, height, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + head
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def jpeg(width, height, orientation=1, order=">"):
    tiff = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(
        f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0
    )
    exif = b"Exif\0\0" + tiff
    app1 = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    sof = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0"
    return b"\xff\xd8" + app1 + b"\xff\xdb\0\x03\0\xff" + sof


def webp(kind, payload):
    return b"RIFF" + struct.pack("<I", 100) + b"WEBP" + kind + struct.pack("<I", 50) + payload


def box(name, content):
    return struct.pack(">I", len(content) + 8) + name + content


def avif(width, height, turn=None):
    def ispe(w, h):
        return box(b"ispe", struct.pack(">III", 0, w, h))

    turned = box(b"irot", bytes([turn])) if turn is not None else b""
    ipco = box(b"ipco", ispe(9, 9) + ispe(width, height) + turned)
    return box(b"ftyp", b"avif\0\0\0\0mif1avif") + box(b"meta", b"\0\0\0\0" + box(b"iprp", ipco))


@pytest.mark.parametrize(
    ("data", "kind", "width", "height"),
    [
        (png(640, 480), "image/png", 640, 480),
        (b"GIF89a" + struct.pack("<HH", 320, 200), "image/gif", 320, 200),
        (jpeg(1200, 800), "image/jpeg", 1200, 800),
        (jpeg(1200, 800, 6), "image/jpeg", 800, 1200),
        (jpeg(1200, 800, 8, "<"), "image/jpeg", 800, 1200),
        (jpeg(1200, 800, 3, "<"), "image/jpeg", 1200, 800),
        (webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 550, 368)), "image/webp", 550, 368),
        (webp(b"VP8L", b"\x2f" + struct.pack("<I", (400 - 1) | (301 - 1) << 14)), "image/webp", 400, 301),
        (
            webp(b"VP8X", b"\0\0\0\0" + (1023).to_bytes(3, "little") + (767).to_bytes(3, "little")),
            "image/webp",
            1024,
            768,
        ),
        (avif(1920, 1080), "image/avif", 1920, 1080),
        (avif(1920, 1080, 1), "image/avif", 1080, 1920),
    ],
)
def test_a_picture_is_known_with_its_size_as_shown(data, kind, width, height):
    assert sniff(data, "x.bin") == Media(type=kind, width=width, height=height)


@pytest.mark.parametrize(
    ("svg", "size"),
    [
        ('<svg width="100" height="50px"/>', (100, 50)),
        ('<?xml version="1.0"?>\n<!-- c --><!DOCTYPE svg PUBLIC "x">\n<svg viewBox="0 0 30 20">', (30, 20)),
        ("<svg width='60' viewBox='0,0,30,20'>", (60, 40)),
        ('<svg width="100%" height="100%" viewBox="0 0 30 20">', (30, 20)),
        ('<svg width="1in" height="72pt">', (96, 96)),
        ('<svg width="&big;" height="9e99">', (0, 0)),
        ('<svg data-width="7" stroke-width="3">', (0, 0)),
        ('<!DOCTYPE svg [<!ENTITY a "x">]><svg width="3" height="4">&a;', (3, 4)),
    ],
)
def test_an_svg_says_its_size_and_is_active(svg, size):
    assert sniff(svg.encode(), "x.png") == Media(
        type="image/svg+xml", width=size[0], height=size[1], active=True
    )


@pytest.mark.parametrize(
    ("data", "name", "kind", "active"),
    [
        (b"%PDF-1.7", "a.txt", "application/pdf", True),
        (b"PK\x03\x04rest", "a.png", "application/zip", False),
        (b"wOF2xxxx", "a", "font/woff2", False),
        (b"\x1aE\xdf\xa3\x01\x02webm", "a", "video/webm", False),
        (b"<!doctype html><p>", "logo.png", "text/html", True),
        (b"<html>", "a.txt", "text/html", True),
        (b"<script>alert(1)</script>", "a.jpg", "text/html", True),
        (b"alert(1)", "a.js", "text/javascript", True),
        (b"<?xml version='1.0'?><x/>", "a.txt", "application/xml", True),
        (b"body{}", "a.css", "text/css", False),
        (b'{"a":1}', "a.json", "application/json", False),
        (b"plain words", "a.png", "text/plain", False),
        (b"a,b\n", "a.CSV", "text/csv", False),
        (b"\xff\xfe<\0s\0v\0g\0", "a.svg", "application/octet-stream", False),
        (b"\x00\x01\x02", "a.html", "application/octet-stream", False),
        (b"", "a.css", "text/css", False),
    ],
)  # fmt: skip
def test_a_name_chooses_among_texts_and_never_hides_what_runs(data, name, kind, active):
    media = sniff(data, name)
    assert (media.type, media.active) == (kind, active)


def wav(seconds):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * int(8000 * seconds))
    return out.getvalue()


CBR_FRAME = b"\xff\xfb\x90\xc0"  # MPEG 1 layer III, 128 kbit/s, 44.1 kHz, mono
ID3 = b"ID3\x04\0\0\0\0\x01\0" + b"\0" * 128
THOUSAND = struct.pack(">I", 1000)  # frames


@pytest.mark.parametrize(
    ("data", "kind", "seconds"),
    [
        (wav(2.5), "audio/wav", 2.5),
        (CBR_FRAME + b"\0" * 31_996, "audio/mpeg", 2.0),
        (ID3 + CBR_FRAME + b"\0" * 15_996 + b"TAG" + b"\0" * 125, "audio/mpeg", 1.0),
        (CBR_FRAME + b"\0" * 17 + b"Xing\0\0\0\x01" + THOUSAND + b"\0" * 99, "audio/mpeg", 26.122),
        (CBR_FRAME + b"\0" * 32 + b"VBRI" + b"\0" * 10 + THOUSAND + b"\0" * 99, "audio/mpeg", 26.122),
        (
            box(b"ftyp", b"M4A \0\0\0\0")
            + box(b"moov", box(b"mvhd", struct.pack(">5I", 0, 0, 0, 1000, 61_500))),
            "audio/mp4",
            61.5,
        ),
        (b"fLaC\0\0\0\x22" + b"\0" * 10 + (44_100 << 44 | 88_200).to_bytes(8, "big"), "audio/flac", 2.0),
        (
            b"OggS\0\x02" + b"\0" * 22 + b"OpusHead\x01\x02" + struct.pack("<H", 312)
            + b"OggS\0\x04" + struct.pack("<q", 48_312) + b"\0" * 14,
            "audio/ogg",
            1.0,
        ),
        (
            b"OggS\0\x02" + b"\0" * 22 + b"\x01vorbis\0\0\0\0\x02" + struct.pack("<I", 22_050)
            + b"OggS\0\x04" + struct.pack("<q", 66_150) + b"\0" * 14,
            "audio/ogg",
            3.0,
        ),
    ],
)  # fmt: skip
def test_a_recording_is_known_with_its_length(data, kind, seconds):
    assert sniff(data, "x.bin") == Media(type=kind, duration=seconds)


@pytest.mark.parametrize(
    "whole",
    [png(9, 9), jpeg(9, 9, 6), avif(9, 9), wav(0.01), CBR_FRAME + b"Xing", b"OggS" + b"\0" * 30, b"fLaC\0"],
)
def test_a_file_cut_off_anywhere_is_no_error(whole):
    for length in range(len(whole)):
        media = sniff(whole[:length], "x.bin")
        assert (media.width, media.height) in {(0, 0), (9, 9)}


def test_a_text_cut_in_a_character_at_the_heads_end_is_still_text():
    assert sniff(b"x" * 65_535 + "ü".encode() + b"x", "a.txt").type == "text/plain"
