"""HTML as plain text, complete: what the text part of a mail holds.

Prose is wrapped; code and what has no spaces is not cut. Links are numbered and listed at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import east_asian_width

from lxml.html import HtmlElement

from pressrun.rendering.words import Words

WIDTH = 72
_MARKS = {
    "em": "_",
    "i": "_",
    "cite": "_",
    "var": "_",
    "strong": "*",
    "b": "*",
    "del": "~",
    "s": "~",
    "strike": "~",
}
_BLOCKS = {
    "p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "blockquote", "pre",
    "table", "hr", "caption",
}  # fmt: skip
_BREAK, _TIE = "\x00", "\x01"  # a hard line break, and a space at which no line breaks; HTML holds neither
_SPACE = re.compile(r"[ \t\n\r\f]+")  # not the no-break space


class Text:
    """Writes several pieces of HTML as text, and keeps the links that they hold."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._links: dict[str, int] = {}

    def of(self, root: HtmlElement, width: int = WIDTH) -> str:
        """The text of an element, its blocks parted by empty lines."""
        return "\n\n".join("\n".join(lines) for lines in self._blocks(root, width))

    def links(self) -> list[str]:
        """The links that were met so far, each as a line "[1] https://…"."""
        return [f"[{number}] {url}" for url, number in self._links.items()]

    def _blocks(self, element: HtmlElement, width: int) -> list[list[str]]:
        """An element's blocks, each as its lines."""
        blocks: list[list[str]] = []
        run = [element.text or ""]

        def flush() -> None:
            lines = wrapped("".join(run), width)
            if lines:
                blocks.append(lines)
            run.clear()

        for child in element:
            if _is_block(child):
                flush()
                blocks += [lines for lines in self._block(child, width) if lines]
            else:
                run.append(self._inline(child))
            run.append(child.tail or "")
        flush()
        return blocks

    def _block(self, element: HtmlElement, width: int) -> list[list[str]]:
        tag = element.tag
        if tag in {"h1", "h2"}:
            title = wrapped(self._run(element), width)
            return (
                [[*title, ("=" if tag == "h1" else "-") * max(map(columns, title), default=0)]]
                if title
                else []
            )
        if tag == "pre":
            return [[f"    {line}".rstrip() for line in "".join(element.itertext()).rstrip("\n").split("\n")]]
        if tag == "hr":
            return [["* * *".center(width).rstrip()]]
        if tag in {"ul", "ol"}:
            return self._list(element, width)
        if tag == "blockquote":
            return [_joined(self._blocks(element, width - 2), "> ", "> ")]
        if tag == "dl":
            terms = [lines for child in element for lines in self._block(child, width)]
            return [[line for lines in terms for line in lines]]
        if tag == "dd":
            return [_joined(self._blocks(element, width - 4), "    ", "    ")]
        if tag == "table":
            return self._table(element, width)
        return self._blocks(element, width)

    def _list(self, element: HtmlElement, width: int) -> list[list[str]]:
        number = _integer(element.get("start"), 1)
        items: list[list[str]] = []
        tight = next(element.iterfind("li/p"), None) is None
        parent = element.getparent()
        notes = parent is not None and "footnotes" in parent.get("class", "")
        for item in element:
            mark = "- "
            if element.tag == "ol":
                number = _integer(item.get("value"), number)
                mark = f"{number}. "
                number += 1
            if notes:
                mark = f"[^{mark[:-2]}] "
            blocks = (
                self._blocks(item, max(width - len(mark), 20))
                if item.tag == "li"
                else self._block(item, width)
            )
            items.append(_joined(blocks, mark, " " * len(mark), tight=tight))
        return [[line for item in items for line in item]] if tight else items

    def _table(self, element: HtmlElement, width: int) -> list[list[str]]:
        """A table in columns, or, where that is too wide, each row as its heads and values."""
        captions = [lines for caption in element.iter("caption") for lines in self._blocks(caption, width)]
        rows = [
            [
                " ".join(self._run(cell).replace(_BREAK, " ").replace(_TIE, " ").split())
                for cell in row
                if cell.tag in {"td", "th"}
            ]
            for row in element.iter("tr")
        ]
        rows = [row for row in rows if any(row)]
        if not rows:
            return captions
        count = max(map(len, rows))
        rows = [row + [""] * (count - len(row)) for row in rows]
        widths = [max(columns(row[at]) for row in rows) for at in range(count)]
        head = rows[0] if next(element.iter("th"), None) is not None else []
        if sum(widths) + 2 * (count - 1) <= width:
            lines = [
                "  ".join(
                    cell + " " * (w - columns(cell)) for cell, w in zip(row, widths, strict=True)
                ).rstrip()
                for row in rows
            ]
            if head:
                lines.insert(1, "  ".join("-" * w for w in widths))
            return [*captions, lines]
        named = [f"{name}: " if name else "" for name in head] or [""] * count
        return captions + [
            [
                line
                for name, cell in zip(named, row, strict=True)
                if cell
                for line in wrapped(name + cell, width)
            ]
            for row in (rows[1:] if head and len(rows) > 1 else rows)
        ]

    def _run(self, element: HtmlElement) -> str:
        """The text of an element as one run, with what stands inside it."""
        parts = [element.text or ""]
        for child in element:
            parts += [self._inline(child), " " if _is_block(child) else "", child.tail or ""]
        return "".join(parts)

    def _inline(self, element: HtmlElement) -> str:
        tag = element.tag
        if tag == "br":
            return _BREAK
        if tag == "img":
            alt = element.get("alt", "")
            return self._words.text("mail.image", alt=alt) if alt else ""
        if tag == "a":
            return self._link(element)
        if tag == "sup":
            if element.get("class") == "footnote-ref":
                return f"[^{''.join(element.itertext()).strip()}]"
            return f"^{self._run(element)}"
        text = self._run(element)
        if tag == "q":
            return f"\N{LEFT DOUBLE QUOTATION MARK}{text}\N{RIGHT DOUBLE QUOTATION MARK}"
        if tag in {"code", "kbd", "samp", "tt"}:
            return f"`{text}`" if text.strip() else text
        mark = _MARKS.get(tag, "")
        return f"{mark}{text}{mark}" if mark and text.strip() == text and text else text

    def _link(self, element: HtmlElement) -> str:
        href = element.get("href", "")
        if element.get("class") == "footnote-backref":
            return ""
        text = self._run(element)
        bare = href.removeprefix("mailto:").removeprefix("tel:")
        shown = text.strip()
        if not href or href.startswith("#") or shown in {href, bare}:
            return text
        if not shown:
            return ""
        number = self._links.setdefault(href, len(self._links) + 1)
        return f"{text.rstrip()}{_TIE}[{number}]"


def wrapped(text: str, width: int = WIDTH) -> list[str]:
    """Prose in lines of at most `width` columns; a word that is longer stands alone, and is cut if it is no URL."""
    lines: list[str] = []
    for part in text.split(_BREAK):
        line, used = "", 0
        for word in _words(_SPACE.sub(" ", part).strip(" "), width):
            size = columns(word)
            if line and used + 1 + size > width:
                lines.append(line)
                line, used = word, size
            else:
                line, used = (f"{line} {word}", used + 1 + size) if line else (word, size)
        lines.append(line)
    return "\n".join(lines).strip("\n").replace(_TIE, " ").split("\n") if any(lines) else []


def columns(text: str) -> int:
    """How many columns a text takes: two for each wide character (UAX 11)."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _words(text: str, width: int) -> Iterator[str]:
    for word in text.split(" "):
        rest = word
        while columns(rest) > width and "://" not in rest:
            cut = width if rest.isascii() else width // 2
            yield rest[:cut]
            rest = rest[cut:]
        if rest:
            yield rest


def _joined(blocks: list[list[str]], first: str, rest: str, *, tight: bool = False) -> list[str]:
    """Blocks as one, after a mark: "- " and "  " for an item. `tight`: without empty lines between them."""
    lines: list[str] = []
    for number, block in enumerate(blocks):
        lines += ([""] if number and not tight else []) + block
    return [f"{first if at == 0 else rest}{line}".rstrip() for at, line in enumerate(lines)] or [
        first.rstrip()
    ]


def _is_block(element: HtmlElement) -> bool:
    if element.tag in _BLOCKS:
        return True
    return element.tag in {"span", "a", "ins", "del"} and any(
        child.tag in _BLOCKS for child in element.iter()
    )


def _integer(value: str | None, default: int) -> int:
    try:
        return int(value or "")
    except ValueError:
        return default
