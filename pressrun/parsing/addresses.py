"""URLs in articles: which are let through, and how a relative one is marked for the catalogue."""

from __future__ import annotations

import re
from html import escape, unescape
from urllib.parse import quote, unquote

from pressrun.domain.markup import END, REF, SITE
from pressrun.parsing.encoding import legal
from pressrun.parsing.markdown import ID_PREFIX

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_LINKS = frozenset({"http", "https", "mailto", "tel"})
_MEDIA = frozenset({"http", "https"})
_PARTS = re.compile(r"([^?#]*)(\?[^#]*)?(#.*)?", re.S)
_PAGE = re.compile(r"(?:^|/)[^/.]*$|\.(?:md|markdown|html?|txt)/?$", re.I)
_CANDIDATE = re.compile(r"[\s,]*([^\s,](?:\S*[^\s,])?)(?:(,+)|\s+([^,(\s]+)\s*(?:,|$)|\s*(?:,|$))")
_SPACES = "".join(map(chr, range(0x21)))
_FRAGMENT_SAFE = "!$&'()*+,;=:@/?~%"


def marked(value: str, *, media: bool = False) -> str | None:
    """An attribute's value (escaped) as it shall stand; None where it must not. `media` loads by itself.

    Absolute URLs stay; a page's path from the root gets `SITE`; a file's, and what is relative, `REF … END`. See
    `domain.markup`.
    """
    url = unescape(value) if "&" in value else value
    url = url.strip(_SPACES)
    if "\n" in url or "\t" in url:  # browsers remove them, inside of `java\nscript:` too
        url = url.replace("\n", "").replace("\t", "")
    if scheme := _SCHEME.match(url):
        name = scheme[1].lower()
        return escape(legal(url)) if name in (_MEDIA if media else _LINKS) else None
    path, query, fragment = _PARTS.fullmatch(url).groups()  # type: ignore[union-attr]
    tail = escape(legal((query or "") + _fragment(path, fragment)))
    path = path.replace("\\", "/")
    if path.startswith("//"):
        return f"https:{escape(legal(path))}{tail}"
    if path.startswith("/") and media:  # a file, of which the catalogue knows the size
        return f"{REF}@{escape(legal(unquote(path)))}{END}{tail}"
    if path.startswith("/"):
        return f"{SITE}{escape(quote(legal(unquote(path)), safe=_PATH_SAFE))}{tail}"
    name = legal(unquote(path))
    if ":" in name.partition("/")[0]:  # decoded, it would be a scheme
        return None
    return f"{REF}{escape(name)}{END}{tail}"


_PATH_SAFE = "/~!$&'()*+,;=:@"


def marked_set(value: str) -> str:
    """A srcset with each of its URLs marked; candidates that are let through only."""
    kept = []
    for match in _CANDIDATE.finditer(unescape(value)):
        url = marked(escape(match[1]), media=True)
        if url is not None and url != f"{REF}{END}":
            kept.append(f"{url} {escape(match[3])}" if match[3] else url)
    return ", ".join(kept)


def _fragment(path: str, fragment: str | None) -> str:
    """Ids in articles carry a prefix, so links to a page's part do too."""
    if not fragment or len(fragment) == 1:
        return ""
    name = fragment[1:]
    if name.startswith((ID_PREFIX, ":~:")) or not _PAGE.search(path):
        return fragment
    return f"#{ID_PREFIX}{quote(name, safe=_FRAGMENT_SAFE)}"
