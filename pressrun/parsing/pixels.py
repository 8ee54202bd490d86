"""Width and height of pictures, from their heads. (0, 0) where a file is damaged."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

Size = tuple[int, int]

MAX = 1_000_000
_ROOT = re.compile(r"<(?:[a-z0-9]+:)?svg\b((?:[^>\"']|\"[^\"]*\"|'[^']*')*+)>", re.I)
_ATTRIBUTE = re.compile(r"(?:^|\s)(width|height|viewBox)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_LENGTH = re.compile(r"\s*(\d{1,7}(?:\.\d{1,9})?|\.\d{1,9})\s*(px|pt|pc|mm|cm|in|)\s*")
_UNITS = {"": 1.0, "px": 1.0, "pt": 96 / 72, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}
_NO_SOF = {0xC4, 0xC8, 0xCC}


def measure(kind: str, data: bytes) -> Size:
    reader = _READERS.get(kind)
    if reader is None:
        return 0, 0
    try:
        width, height = reader(data)
    except (struct.error, IndexError):
        return 0, 0
    return (width, height) if 0 < width <= MAX and 0 < height <= MAX else (0, 0)


def moves(kind: str, data: bytes) -> bool:
    """Whether a PNG or WebP is animated (APNG's acTL chunk, the ANIM flag of a VP8X chunk)."""
    if kind == "image/png":
        return data.find(b"acTL", 0, max(0, data.find(b"IDAT"))) >= 0
    return kind == "image/webp" and data[12:16] == b"VP8X" and len(data) > 20 and bool(data[20] & 2)


def svg(text: str) -> Size:
    """The size an SVG asks for, or its viewBox's. Reads the root's attributes alone: no entities, no DTD."""
    root = _ROOT.search(text)
    if root is None:
        return 0, 0
    said = {name: double or single for name, double, single in _ATTRIBUTE.findall(root[1])}
    width, height = _length(said.get("width", "")), _length(said.get("height", ""))
    box = [_length(part) for part in re.split(r"[\s,]+", said.get("viewBox", "").strip())]
    if len(box) == 4 and box[2] and box[3]:
        if width and not height:
            height = width * box[3] / box[2]
        elif height and not width:
            width = height * box[2] / box[3]
        elif not width:
            width, height = box[2], box[3]
    size = round(width), round(height)
    return size if all(0 < side <= MAX for side in size) else (0, 0)


def _length(text: str) -> float:
    match = _LENGTH.fullmatch(text)
    return float(match[1]) * _UNITS[match[2]] if match else 0.0


def _png(data: bytes) -> Size:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif(data: bytes) -> Size:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _jpeg(data: bytes) -> Size:
    """The first frame header's size, turned as EXIF says."""
    at, turned = 2, False
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return 0, 0
        marker = data[at + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD8 or marker == 0x01:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
            turned = _orientation(data[at + 10 : at + 2 + length]) in {5, 6, 7, 8}
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_SOF:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return (height, width) if turned else (width, height)
        elif marker in {0xD9, 0xDA}:
            return 0, 0
        at += 2 + max(length, 2)
    return 0, 0


def _orientation(tiff: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 14:
        return 1
    (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
    if directory + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(f"{order}H", tiff, directory)
    for entry in range(directory + 2, min(directory + 2 + 12 * count, len(tiff) - 11), 12):
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
        if tag == 0x0112:
            return int(value)
    return 1


def _webp(data: bytes) -> Size:
    chunk = data[12:16]
    if chunk == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if chunk == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def _avif(data: bytes) -> Size:
    """The largest `ispe` property (a grid's tiles have their own), turned by an odd `irot`."""
    head = data[:65_536]
    sizes = [struct.unpack_from(">II", head, found.end() + 4) for found in re.finditer(b"ispe", head)]
    if not sizes:
        return 0, 0
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    turn = head.find(b"\x00\x00\x00\x09irot")
    return (height, width) if turn >= 0 and head[turn + 8] & 1 else (width, height)


_READERS: dict[str, Callable[[bytes], Size]] = {
    "image/png": _png,
    "image/gif": _gif,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
    "image/avif": _avif,
}
