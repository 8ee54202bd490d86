"""Paragraphs as WordPress makes them of a classic editor's text: blank lines part them, single ones break lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BLOCKS = (
    "table|thead|tfoot|caption|col|colgroup|tbody|tr|td|th|div|dl|dd|dt|ul|ol|li|pre|form|map|area|blockquote|"
    "address|style|p|h[1-6]|hr|fieldset|legend|section|article|aside|hgroup|header|footer|nav|figure|figcaption|"
    "details|menu|summary|iframe|video|audio|script|object"
)
_EDGE = re.compile(rf"(</?(?:{_BLOCKS})\b[^<>]*>)", re.I)
_OPEN = re.compile(rf"\s*(?:</?(?:{_BLOCKS})\b|<!--)", re.I)
_WHOLE = re.compile(r"<(pre|script|style|table|ul|ol|dl|figure)\b", re.I)


def paragraphs(text: str) -> str:
    """`text` with `<p>` and `<br>` where a classic editor shows them. What stands in lists, tables, preformatted
    text and comments stays as it is."""
    kept: list[str] = []

    pieces = []
    for piece, whole in _parted(text.replace("\r\n", "\n").replace("\r", "\n")):
        if whole:
            kept.append(piece)
        pieces.append(f"\n\n\ufdd6{len(kept) - 1}\ufdd7\n\n" if whole else piece)
    text = "".join(pieces)
    text = _EDGE.sub(r"\n\n\1\n\n", text)
    pieces = [piece.strip() for piece in re.split(r"\n\s*\n", text) if piece.strip()]
    made = []
    inside = 0  # of a <p> or heading that the author wrote
    for piece in pieces:
        if re.match(r"<(?:p|h[1-6]|figcaption|summary|address)\b", piece, re.I):
            inside += 1
        if _OPEN.match(piece) or piece.startswith("\ufdd6") or inside:
            made.append(piece.replace("\n", "<br>\n") if inside and not _OPEN.match(piece) else piece)
        else:
            made.append("<p>" + re.sub(r"(?<!>)\n|(?<=[a-z/]>)\n", "<br>\n", piece) + "</p>")
        if re.match(r"</(?:p|h[1-6]|figcaption|summary|address)\b", piece, re.I):
            inside = max(0, inside - 1)
    joined = "\n".join(made)
    return re.sub("\ufdd6(\\d+)\ufdd7", lambda found: kept[int(found[1])], joined)


def _parted(text: str) -> Iterator[tuple[str, bool]]:
    """`text` in pieces, and which of them are elements to be left whole. In linear time, whatever is not closed."""
    at = 0
    folded = text.lower() if len(text.lower()) == len(text) else text
    unclosed: set[str] = set()
    while found := _WHOLE.search(text, at):
        name = found[1].lower()
        end = -1 if name in unclosed else folded.find(f"</{name}>", found.end())
        if end < 0:
            unclosed.add(name)
            yield text[at : found.end()], False
            at = found.end()
            continue
        end += len(name) + 3
        yield text[at : found.start()], False
        yield text[found.start() : end], True
        at = end
    yield text[at:], False
