"""What an article's HTML refers to: files that come along, pictures that stay where they are, what is dropped."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Container, Iterator
from hashlib import sha256
from html import escape, unescape
from io import BytesIO
from typing import Final
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

from pressrun.parsing.moving.archives import Export, Member
from pressrun.parsing.moving.model import File, Item, Missed, Place

_REFERENCE = re.compile(r"""(\s(?:src|href|poster|data-src)\s*=\s*)(?:"([^"]*)"|'([^']*)')""", re.I)
_SET = re.compile(r"""(\ssrcset\s*=\s*)(?:"([^"]*)"|'([^']*)')""", re.I)
_IMAGE = re.compile(r"""<img\b[^<>]*?\ssrc\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.I)
_FRAME = re.compile(
    r"""<(iframe|embed)\b[^<>]*?\ssrc\s*=\s*(?:"([^"]*)"|'([^']*)')[^<>]*>(?:\s*</iframe\s*>)?""", re.I
)
_GONE = re.compile(r"<(script|form|object|svg|math|button|input|select|textarea)\b", re.I)
_DATA = re.compile(r"data:image/(png|jpe?g|gif|webp|avif);base64,([A-Za-z0-9+/=\s]+)", re.I)
_PLAYED = re.compile(
    r"https?://(?:www\.)?(youtube(?:-nocookie)?\.com/embed/|player\.vimeo\.com/video/)([\w-]+)(?:\?\S*)?$"
)
_WATCHED = {  # where a player's video has a page
    "youtube.com/embed/": "www.youtube.com/watch?v=",
    "youtube-nocookie.com/embed/": "www.youtube.com/watch?v=",
    "player.vimeo.com/video/": "vimeo.com/",
}
MAX_SHOWN: Final = 20  # remote pictures of an article that are named


def rewritten(html: str, change: Callable[[str], str]) -> str:
    """`html` with each address that it refers to changed."""

    def one(found: re.Match[str]) -> str:
        url = unescape(found[2] if found[2] is not None else found[3])
        return f'{found[1]}"{escape(change(url.strip()))}"'

    def many(found: re.Match[str]) -> str:
        candidates = []
        for part in unescape(found[2] if found[2] is not None else found[3]).split(", "):
            url, _, size = part.strip().partition(" ")
            candidates.append(f"{change(url)} {size}".strip() if url else "")
        return f'{found[1]}"{escape(", ".join(filter(None, candidates)))}"'

    return _SET.sub(many, _REFERENCE.sub(one, html))


class Luggage:
    """Finds the files of an export that articles refer to, and copies each of them once."""

    def __init__(self, export: Export, key_of: Callable[[str], str | None]) -> None:
        """`key_of` says for an address which member it means, or None; its key is the member's name."""
        self._export = export
        self._key_of = key_of
        self._taken: dict[str, Member] = {}
        self._told: set[str] = set()

    def change(self, url: str) -> str:
        """The address as it is to stand: the copied file's, or as it was."""
        name = self._key_of(url)
        if name is None or name not in self._export.members:
            return url
        self._taken[name] = self._export.members[name]
        return f"/{name}"

    def packed(self, place: Place) -> Iterator[File]:
        """The files that have been referred to since the last time."""
        for name, member in self._taken.items():
            if name not in self._told:
                self._told.add(name)
                yield File(place=place, key=name, member=member)
        self._taken.clear()


def carried(html: str, place: Place) -> tuple[str, list[Item]]:
    """An article's HTML with pictures in `data:` addresses made files, and embedded pages given links.

    With it what is dropped when it is published, and the pictures that stay elsewhere.
    """
    items: list[Item] = []

    def picture(found: re.Match[str]) -> str:
        try:
            body = base64.b64decode(re.sub(r"\s", "", found[2]), validate=True)
        except binascii.Error:
            return found[0]
        suffix = found[1].lower().replace("jpeg", "jpg")
        name = f"images/{sha256(body).hexdigest()[:16]}.{suffix}"
        items.append(File(place=place, key=name, member=Member(name, len(body), lambda: BytesIO(body))))
        return f"/{name}"

    def frame(found: re.Match[str]) -> str:
        url = unescape(found[2] if found[2] is not None else found[3])
        url = f"https:{url}" if url.startswith("//") else url
        if not url.startswith(("https://", "http://")):
            return found[0]
        url = _PLAYED.sub(lambda video: f"https://{_WATCHED[video[1]]}{video[2]}", url)
        items.append(Missed(place=place, what=f"embeds {url[:200]}, which is shown as a link",
                            todo="write about it, or show a picture"))  # fmt: skip
        return f'{found[0]}<p><a href="{escape(url)}">{escape(url)}</a></p>'

    html = _FRAME.sub(frame, _DATA.sub(picture, html))
    items += [
        Missed(
            place=place,
            what=f"holds a <{name}>, which is not published",
            todo="put what matters of it into words or a picture",
        )
        for name in dict.fromkeys(name.lower() for name in _GONE.findall(html))
    ]
    remote = dict.fromkeys(
        url for a, b in _IMAGE.findall(html) if (url := unescape(a or b)).startswith(("http", "//"))
    )
    items += [stays(url, place) for url in list(remote)[:MAX_SHOWN]]
    if len(remote) > MAX_SHOWN:
        items.append(Missed(place=place, what=f"shows {len(remote) - MAX_SHOWN} more pictures from elsewhere",
                            todo="bring them along before the old site goes"))  # fmt: skip
    return html, items


def stays(url: str, place: Place) -> Missed:
    """That a picture stays where it is."""
    return Missed(
        place=place,
        what=f"the picture {url[:300]} stays where it is",
        todo="save it beside the article before the old site goes",
    )


def homeward(url: str, site: str, moved: Container[str]) -> str:
    """The address as seen from the site's root, where it means an article of the old site that moves, too.

    `moved` holds paths as `path_of` gives them. A link to the old host would lead there for ever.
    """
    try:
        there, home = urlsplit(url), urlsplit(site)
    except ValueError:
        return url
    same = there.netloc.lower().removeprefix("www.") == home.netloc.lower().removeprefix("www.")
    inner = within(there.path, site)
    if not (site and same) or there.scheme not in {"http", "https", ""}:
        return url
    if path_of(url) not in moved and path_of(inner) not in moved:
        return url
    return inner + (f"#{there.fragment}" if there.fragment else "")


def within(path: str, site: str) -> str:
    """A path of the host, without that of the site: "/blog/hello/" of https://example.org/blog is "/hello/"."""
    base = path_of(site)
    return (
        path.removeprefix(f"/{base}")
        if base and path.startswith(f"/{base}/") and path[len(base) + 2 :]
        else path
    )


def path_of(url: str) -> str:
    """The path of an address, decoded, without slashes at its ends; "" where it cannot be read."""
    try:
        return normalize("NFC", unquote(urlsplit(url).path)).strip("/")
    except ValueError:
        return ""
