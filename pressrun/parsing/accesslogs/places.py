"""What a request's path names: a page, a feed, a recording, a picture, or something else."""

from __future__ import annotations

import re
from posixpath import splitext
from typing import Literal
from unicodedata import normalize
from urllib.parse import unquote_to_bytes

Thing = Literal["page", "feed", "audio", "picture", "asset", "private"]

LONGEST = 1024  # bytes, as S3's keys
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
# Ours, and those of the systems that a publication may have come from.
_FEEDS = frozenset({"feed.xml", "atom.xml", "feed.json", "rss.xml", "index.xml", "index.rdf", "index.atom"})
_PAGES = frozenset({"", ".html", ".htm", ".xhtml", ".php", ".asp", ".aspx", ".shtml"})
_AUDIO = frozenset(
    {".mp3", ".m4a", ".ogg", ".oga", ".opus", ".wav", ".flac", ".aac", ".mp4", ".m4v", ".webm"}
)
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".avif"})
_PRIVATE = ("desk/", "preview/")  # what only editors look at


def place(path: str, base: str = "") -> str | None:
    """The canonical path that a log's path means: "" for the home page, "hello/", "feed.xml".

    The query goes. Percent-encoding is undone twice (CloudFront encodes what agents have encoded), the text is
    composed (NFC), and `index.html` is what its folder is. `base` is the path that the site stands under, "" or
    "/blog". None where no link of a site leads there: outside the base, `..`, control characters, not UTF-8.
    """
    if len(path) > 9 * LONGEST:
        return None
    data = path.partition("?")[0].encode("utf-8", "surrogateescape")
    for _ in range(2):
        data = unquote_to_bytes(data)
    try:
        text = normalize("NFC", data.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    if len(data) > LONGEST or _UNSAFE.search(text) or not f"{text}/".startswith(f"{base}/"):
        return None
    relative = text[len(base) + 1 :]
    if any(part in {".", ".."} for part in relative.split("/")):
        return None
    folder, _, name = relative.rpartition("/")
    if name == "index.html":
        return f"{folder}/" if folder else ""
    if name and not splitext(name)[1]:
        return f"{relative}/"
    return relative


def thing(place: str) -> Thing:
    """What stands at a canonical path, by its name."""
    if place.startswith(_PRIVATE):
        return "private"
    name = place.rpartition("/")[2]
    if name in _FEEDS or place.endswith("/feed/") or place == "feed/":
        return "feed"
    ending = splitext(name)[1].lower()
    if ending in _PAGES:
        return "page"
    if ending in _AUDIO:
        return "audio"
    return "picture" if ending in _PICTURES else "asset"
