"""What an uploaded file is, by its bytes: media type, pixels, seconds, whether it could run."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from pressrun.parsing import durations, pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file's nature. `active` content may run: serve it as an attachment or under `default-src 'none'`.

    `width` and `height` are in CSS pixels as shown (a turned photograph's are exchanged), `duration` is in
    seconds; 0 where unknown. `animated` is said of PNG and WebP.
    """

    type: str
    width: int = 0
    height: int = 0
    duration: float = 0.0
    active: bool = False
    animated: bool = False


_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"wOF2", "font/woff2"),
    (b"wOFF", "font/woff"),
    (b"OTTO", "font/otf"),
    (b"\x00\x01\x00\x00\x00", "font/ttf"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
)
# A name chooses among kinds of text, which look alike, and never makes text of anything else.
_TEXTS = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".geojson": "application/geo+json",
    ".map": "application/json",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".vtt": "text/vtt",
    ".ics": "text/calendar",
    ".vcf": "text/vcard",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "application/xhtml+xml",
    ".xml": "application/xml",
    ".xsl": "application/xml",
    ".rss": "application/rss+xml",
    ".atom": "application/atom+xml",
    ".opml": "text/x-opml",
}
_ACTIVE = {"text/html", "text/javascript", "application/xhtml+xml", "application/xml", "application/rss+xml",
           "application/atom+xml", "text/x-opml", "image/svg+xml", "application/pdf"}  # fmt: skip
_PROLOGUE = re.compile(
    r"\ufeff?(?:\s++|<!--.*?-->|<\?.*?\?>|<!DOCTYPE\s[^<>\[]*(?:\[[^\]]*\]\s*)?>)*+", re.S | re.I
)
_BINARY = bytes([*range(9), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])
_HEAD = 65_536


def sniff(data: bytes, name: str) -> Media:
    """What `data` is. `name` decides only between kinds of text; bytes that nothing knows are octets."""
    kind = _binary_type(data)
    if kind:
        width, height = pixels.measure(kind, data)
        return Media(type=kind, width=width, height=height, duration=durations.measure(kind, data),
                     active=kind in _ACTIVE, animated=pixels.moves(kind, data))  # fmt: skip
    text = _text(data)
    if text is None:
        return Media(type="application/octet-stream")
    kind = _text_type(text, name)
    width, height = pixels.svg(text) if kind == "image/svg+xml" else (0, 0)
    return Media(type=kind, width=width, height=height, active=kind in _ACTIVE)


def _binary_type(data: bytes) -> str:
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    head = data[:64]
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _iso_type(data)
    if head[:4] == b"OggS":
        return "video/ogg" if b"\x80theora" in data[:4096] else "audio/ogg"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in data[:4096] else "video/x-matroska"
    if head[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        return "application/epub+zip" if b"mimetypeapplication/epub+zip" in head else "application/zip"
    return "audio/mpeg" if durations.is_mpeg_frame(data, 0) else ""


def _iso_type(data: bytes) -> str:
    size = int.from_bytes(data[:4], "big")
    brands = data[8 : min(max(size, 16), 256)]
    if any(brand in brands for brand in (b"avif", b"avis")):
        return "image/avif"
    if any(brand in brands for brand in (b"heic", b"heix", b"mif1")):
        return "image/heic"
    if brands[:4] in {b"M4A ", b"M4B ", b"M4P "}:
        return "audio/mp4"
    if brands[:4] == b"qt  ":
        return "video/quicktime"
    return "video/mp4" if b"vide" in data or b"soun" not in data else "audio/mp4"


def _text(data: bytes) -> str | None:
    """The head of `data` as text; None where it is not UTF-8 text."""
    head = data[:_HEAD]
    if len(head.translate(None, _BINARY)) != len(head):
        return None
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        cut_through = error.start > len(head) - 4 and len(data) > len(head)
        return head[: error.start].decode("utf-8") if cut_through else None


def _text_type(text: str, name: str) -> str:
    start = _PROLOGUE.match(text)
    root = text[start.end() : start.end() + 64].lower() if start else ""
    if re.match(r"<(?:[a-z0-9]+:)?svg[\s/>]", root):
        return "image/svg+xml"
    if root.startswith(("<html", "<head", "<body", "<script")) or re.match(
        r"\s*<!doctype html", text[:512], re.I
    ):
        return "text/html"
    suffix = posixpath.splitext(name)[1].lower()
    if text.lstrip("\ufeff \n\t").startswith("<?xml") and suffix not in {".rss", ".atom", ".opml", ".xhtml"}:
        return "application/xml"
    return _TEXTS.get(suffix, "text/plain")
