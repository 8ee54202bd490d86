"""Plain text: a title, perhaps a byline with a count of views, section headings, paragraphs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from pressrun.parsing.coerce import without_address
from pressrun.parsing.values import Entry

MAX_HEADING = 60

_BYLINE = re.compile(
    r"by[ \t]+(?P<names>\S.{0,400}?)"
    r"(?:[ \t]*[(\[—–,;|·-]*[ \t]*(?P<views>\d[\d.,\u00a0\u202f '’]*)[ \t]+views?[)\]]?)?",
    re.I,
)
_NAME = re.compile(r"\w[\w.'’ -]{0,80}")
_URL = re.compile(r"\bhttps?://[^\s<>\"“”]+", re.I)
_PARAGRAPHS = re.compile(r"\n(?:[ \t]*\n)+")


@dataclass(frozen=True, slots=True)
class Text:
    title: str
    entries: list[Entry]
    html: str


def read(text: str, first_line: int, *, titled: bool) -> Text:
    """A plain text taken apart. With `titled` the title is known already, and all of it is body."""
    lines = text.split("\n")
    at = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    title, entries = "", []
    if not titled and at < len(lines):
        title = " ".join(lines[at].split())
        entries.append(Entry("title", title, first_line + at))
        at += 1
        following = next(
            (number for number in range(at, min(at + 2, len(lines))) if lines[number].strip()), None
        )
        if following is not None and (byline := _byline(lines[following], first_line + following)):
            entries += byline
            at = following + 1
    return Text(title, entries, _html("\n".join(lines[at:])))


def _byline(line: str, number: int) -> list[Entry]:
    match = _BYLINE.fullmatch(line.strip())
    if match is None:
        return []
    parts = re.split(r",|\band\b|&", match["names"])
    names = [without_address(name.strip()) for name in parts if name.strip()]
    if not names or not all(_is_name(name) for name in names):
        return []
    entries = [Entry("authors", [*names], number)]
    if match["views"]:
        entries.append(Entry("views", re.sub(r"\D", "", match["views"]), number))
    return entries


def _is_name(text: str) -> bool:
    """Few words, one of them with a capital (or in a script without): "By the time we came" is prose."""
    words = text.split()
    return bool(_NAME.fullmatch(text)) and len(words) <= 5 and any(not word[0].islower() for word in words)


def _html(text: str) -> str:
    blocks = [block.strip() for block in _PARAGRAPHS.split(text) if block.strip()]
    return "\n".join(_block(block, heads=number < len(blocks)) for number, block in enumerate(blocks, 1))


def _block(bare: str, *, heads: bool) -> str:
    """A short line alone is a heading where it `heads` something."""
    if (
        heads
        and "\n" not in bare
        and len(bare) <= MAX_HEADING
        and bare[-1] not in ".,;:"
        and not _URL.search(bare)
    ):
        return f"<h2>{escape(bare)}</h2>"
    return f"<p>{_linked(bare)}</p>"


def _linked(text: str) -> str:
    parts, end = [], 0
    for match in _URL.finditer(text):
        url = match[0].rstrip(".,;:!?'’*_")
        while url.endswith(")") and url.count(")") > url.count("("):
            url = url[:-1].rstrip(".,;:!?'’*_")
        stop = match.start() + len(url)
        parts += [escape(text[end : match.start()]), f'<a href="{escape(url)}">{escape(url)}</a>']
        end = stop
    return "".join(parts) + escape(text[end:])
