"""A picture's bytes without what says where it was taken; every pixel and every other note stays as it was.

EXIF keeps coordinates in a directory of its own (GPS IFD, EXIF 2.32, 4.6.6), XMP in `…:GPS…` properties. They are
overwritten where they stand, so that nothing else moves, whatever else a camera has put into the file: only a PNG's
checksums change, and its chunks go that hold such notes in a form of their own (ImageMagick's hexadecimal profiles,
compressed XMP). A JPEG may carry more pictures behind its end, each with notes of its own: they are found, too.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from itertools import islice

_GPS = 0x8825
_SIZES = dict(enumerate((1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8), 1))  # bytes of each TIFF type
_DIRECTORIES = 8  # of one EXIF that are looked at: the main one, its thumbnail's, …
_SEGMENTS = 64  # of one JPEG, likewise
_EXIF = re.compile(rb"\xff\xe1..Exif\x00\x00", re.S)
_XMP = re.compile(rb"\xff\xe1..http://ns\.adobe\.com/(?:xap/1\.0|xmp/extension)/\x00", re.S)
_TOLD = re.compile(  # bounded, so that no file takes longer than its length
    rb"\b[\w.-]{1,40}:gps\w{0,40}\s{0,9}=\s{0,9}(?:\"[^\"]{0,400}\"|'[^']{0,400}')"
    rb"|<([\w.-]{1,40}:gps\w{0,40})(?:\s[^<>]{0,400})?(?:/>|>.{0,1000}?</\1\s{0,9}>)",
    re.S | re.I,
)
_NAMES = (b"Exif\0\0", b"http://ns.adobe.com/x", b"EXIF", b"XMP ", b"eXIf", b"tEXt", b"zTXt", b"iTXt")
_PROFILES = {b"Raw profile type exif", b"Raw profile type APP1", b"Raw profile type xmp"}


def without_place(kind: str, data: bytes) -> bytes:
    """`data` itself where a JPEG, PNG or WebP (a media type) says no place, or where it is damaged beyond reading."""
    change = {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp}.get(kind)
    if change is None or not any(name in data for name in _NAMES):  # and nothing is copied
        return data
    changed = change(data)
    return data if changed == data else bytes(changed)


def _jpeg(data: bytes) -> bytes | bytearray:
    """Segments are found by their names: in the picture's own data 0xFF is followed by 0 or a restart marker."""
    body = bytearray(data)
    for names, mended in ((_EXIF, _unplaced), (_XMP, _untold)):
        for name in islice(names.finditer(data), _SEGMENTS):
            end = name.start() + 2 + int.from_bytes(data[name.start() + 2 : name.start() + 4], "big")
            body[name.end() : end] = mended(body[name.end() : end])
    return body


def _webp(data: bytes) -> bytes | bytearray:
    """RIFF's chunks, each padded to an even length."""
    body, at = bytearray(data), 12
    while at + 8 <= len(body):
        name, size = bytes(body[at : at + 4]), int.from_bytes(body[at + 4 : at + 8], "little")
        start, end = at + 8, min(at + 8 + size, len(body))
        if name == b"EXIF":
            start += 6 if body[start : start + 6] == b"Exif\0\0" else 0
            body[start:end] = _unplaced(body[start:end])
        elif name == b"XMP ":
            body[start:end] = _untold(body[start:end])
        at = end + size % 2
    return body


def _png(data: bytes) -> bytes | bytearray:
    kept = bytearray(data[:8])
    for name, chunk in _chunks(data):
        inner = chunk[8:-4]
        if name == b"eXIf":
            inner = _unplaced(inner)
        elif name in {b"tEXt", b"zTXt", b"iTXt"}:
            word, _, rest = bytes(inner).partition(b"\0")
            packed = name == b"iTXt" and word == b"XML:com.adobe.xmp" and rest[:1] == b"\1"
            if word in _PROFILES or word.startswith(b"exif:GPS") or packed:
                continue
            inner = _untold(inner)
        if inner != chunk[8:-4]:
            chunk[8:-4] = inner
            chunk[-4:] = zlib.crc32(name + inner).to_bytes(4, "big")
        kept += chunk
    return kept


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytearray]]:
    """PNG's chunks with their heads and checksums; what is behind the last whole one comes as it is."""
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            break
        yield data[at + 4 : at + 8], bytearray(data[at:end])
        at = end
    if at < len(data):
        yield b"", bytearray(data[at:])


def _untold(packet: bytearray) -> bytearray:
    """XMP without its GPS properties, blanks in their places."""
    return bytearray(_TOLD.sub(lambda told: b" " * len(told[0]), bytes(packet)))


def _unplaced(tiff: bytearray) -> bytearray:
    """EXIF without its directory of coordinates, at the same length."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(tiff[:2]))
    if order is None or len(tiff) < 8:
        return tiff
    (at,) = struct.unpack_from(f"{order}I", tiff, 4)
    for _ in range(_DIRECTORIES):
        if not 8 <= at <= len(tiff) - 2:
            break
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        end = at + 2 + 12 * count
        if end > len(tiff):
            break
        places = [entry for entry in range(at + 2, end, 12) if _tag(tiff, entry, order) == _GPS]
        if places:
            others = [tiff[entry : entry + 12] for entry in range(at + 2, end, 12) if entry not in places]
            for entry in places:
                _blank(tiff, struct.unpack_from(f"{order}I", tiff, entry + 8)[0], order)
            rest = tiff[end : end + 4]  # where the next directory is
            filled = struct.pack(f"{order}H", len(others)) + b"".join(others) + rest
            tiff[at : end + len(rest)] = filled.ljust(end + len(rest) - at, b"\0")
            end -= 12 * len(places)
        if end + 4 > len(tiff):
            break
        (at,) = struct.unpack_from(f"{order}I", tiff, end)
    return tiff


def _blank(tiff: bytearray, at: int, order: str) -> None:
    """Writes zeros over a directory, and over the values that it keeps elsewhere."""
    if not 8 <= at <= len(tiff) - 2:
        return
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    end = min(at + 2 + 12 * count + 4, len(tiff))
    for entry in range(at + 2, at + 2 + 12 * min(count, (len(tiff) - at - 2) // 12), 12):
        _, kind, number, value = struct.unpack_from(f"{order}HHII", tiff, entry)
        size = _SIZES.get(kind, 1) * number
        if size > 4 and value >= 8 and value + size <= len(tiff):
            tiff[value : value + size] = bytes(size)
    tiff[at:end] = bytes(end - at)


def _tag(tiff: bytearray, entry: int, order: str) -> int:
    return int(struct.unpack_from(f"{order}H", tiff, entry)[0])
