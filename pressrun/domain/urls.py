"""Addresses of the site, the keys that they are stored under, and the names that nobody may take."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from urllib.parse import quote

from pressrun.domain.slugs import slugify

# First segments of addresses that the publisher itself writes below.
RESERVED_FOLDERS = frozenset(
    {
        "archive",
        "tags",
        "authors",
        "series",
        "search",
        "feeds",
        "readers",
        "subscribe",
        "views",
        "api",
        "desk",
        "errors",
        "outbox",
        "popular",
        "stats",
        "derived",
    }
)
# Objects at the root that the publisher itself writes. An uploaded robots.txt or favicon.svg takes their place.
RESERVED_FILES = re.compile(
    r"(index\.html|404\.html|feed\.xml|atom\.xml|feed\.json|feeds\.opml|feed\.css|opensearch\.xml|sitemap[^/]*\.xml|style\.[^/]*\.css|(views|page|search)\.[^/]*\.js)"
)
WELL_KNOWN_FILES = frozenset(
    {"robots.txt", "humans.txt", "ads.txt", "llms.txt", "security.txt", "favicon.svg"}
)
MADE_FILES = frozenset(
    {"robots.txt", "favicon.svg"}
)  # of these, what the publisher writes where none is uploaded

_REFUSED = re.compile(r'[\x00-\x1f\\\x7f"<>?#%*|:]')
MAX_PATH_BYTES = 900  # S3 allows keys of 1,024 bytes; a feed's name is still to follow
MAX_SEGMENT_BYTES = 240  # file systems allow names of 255 bytes


def page_key(path: str) -> str:
    """The key of the page at `path` ("hello/", or "" for the home page)."""
    return f"{path}index.html" if path == "" or path.endswith("/") else path


def href(path: str) -> str:
    """`path` as a URL writes it after the host: percent-encoded, with its leading slash."""
    return "/" + quote(path, safe="/~!$&'()*+,;=:@")


def claim_of(path: str) -> str:
    """What two addresses share that some reader, disk or cache would take for one: case and composition."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold()).rstrip("/") or "/"


def path_problem(path: str) -> str | None:
    """Why an article cannot stand at `path` ("hello/"), or None."""
    segments = path.rstrip("/").split("/")
    if any(segment in {"", ".", ".."} for segment in segments):
        return "an address has no empty, `.` or `..` segments"
    if _REFUSED.search(path):
        return 'an address cannot hold control characters or any of \\ " < > ? # % * | :'
    if any(segment.startswith((".", "_")) for segment in segments):
        return "no segment of an address begins with a dot or an underscore"
    made = path.rstrip("/").casefold() in MADE_FILES
    if made or segments[0].casefold() in RESERVED_FOLDERS or RESERVED_FILES.fullmatch(segments[0].casefold()):
        return f"/{segments[0]}/ is reserved for pages that Pressrun writes itself"
    if any(segment.casefold() == "index.html" for segment in segments):
        return "index.html is the name that pages are stored under"
    if len(path.encode()) > MAX_PATH_BYTES or any(len(s.encode()) > MAX_SEGMENT_BYTES for s in segments):
        return f"an address has at most {MAX_PATH_BYTES} bytes, and {MAX_SEGMENT_BYTES} in a segment"
    return None


def better_path(path: str) -> str:
    """An address like `path` that an article can have: "tags" → "tags-page"."""
    segments = [slugify(segment) for segment in path.split("/") if segment.strip(".")] or [slugify(path)]
    if path_problem("/".join(segments)):
        segments = [f"{segments[0]}-page", *segments[1:]]
    return segments[-1] if path_problem("/".join(segments)) else "/".join(segments)


def asset_problem(key: str) -> str | None:
    """Why a file cannot be published under its own key, or None."""
    if key in WELL_KNOWN_FILES:
        return None
    first, _, rest = key.partition("/")
    if first.casefold() in RESERVED_FOLDERS and rest:
        return f"/{first}/ is reserved for pages that Pressrun writes itself"
    if RESERVED_FILES.fullmatch(key.casefold()) or posixpath.basename(key).casefold() == "index.html":
        return f"{posixpath.basename(key)} is the name of a file that Pressrun writes itself"
    if len(key.encode()) > MAX_PATH_BYTES or any(len(s.encode()) > MAX_SEGMENT_BYTES for s in key.split("/")):
        return f"a file's path has at most {MAX_PATH_BYTES} bytes, and {MAX_SEGMENT_BYTES} in a segment"
    return None


def join(base: str, relative: str) -> str | None:
    """`relative` seen from the folder `base` ("posts" or ""), normalised; None where it leaves the root."""
    joined = posixpath.normpath(posixpath.join(base, relative))
    if joined == "." or joined.startswith(("..", "/")):
        return None
    return joined
