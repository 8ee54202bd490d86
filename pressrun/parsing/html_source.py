"""HTML as authors bring it: metadata from the head, the article's part of the body. Sanitised elsewhere.

One scanner serves both this and the check for bombs, which comes before any tree is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from pressrun.parsing.prose import plain
from pressrun.parsing.values import BrokenError, Entry

MAX_DEPTH = 100
MAX_TAGS = 20_000
MAX_ATTRIBUTES = 500
MAX_UNCLOSED = 24
"""Open formatting elements: a parser opens each of them again in every later paragraph."""

_OPEN = re.compile(r"<(?:!--|[a-zA-Z/!?])")
_REST = re.compile(
    r"""<(?P<close>/?)(?P<name>[a-zA-Z][^\s/>]*+)
    (?P<attributes>(?:
        [\s/]++ | [^\s/>][^\s/>=]*+ (?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'>][^\s>]*+|(?=>)) | (?!\s*+=))
    )*+)>""",
    re.X,
)
_ATTRIBUTE = re.compile(r"""([^\s/>=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_RAW = frozenset({"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"})
_VOID = frozenset(
    {
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    }
)
_OPTIONAL_END = frozenset(
    {
        "p",
        "li",
        "dt",
        "dd",
        "tr",
        "td",
        "th",
        "thead",
        "tbody",
        "tfoot",
        "option",
        "optgroup",
        "colgroup",
        "rt",
        "rp",
        "html",
        "head",
        "body",
    }
)
_FORMATTING = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}
)
_TAG_START = re.compile(r"<[a-zA-Z]")
_CHARSET_META = {
    "viewport",
    "generator",
    "robots",
    "theme-color",
    "referrer",
    "color-scheme",
    "format-detection",
}


@dataclass(frozen=True, slots=True)
class Page:
    """The article's part of a page, and what its head says of it."""

    html: str
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class _Tag:
    start: int
    end: int
    name: str
    closes: bool
    attributes: str


def read(text: str, first_line: int) -> Page:
    """The article in a document or fragment; raises `BrokenError` where it is a bomb."""
    check_nesting(text, text, first_line)
    entries: list[Entry] = []
    tags = list(_tags(text))
    for number, tag in enumerate(tags):
        if tag.closes:
            continue
        line = first_line + text.count("\n", 0, tag.start)
        if tag.name == "body" or tag.name in {"article", "main"}:
            break
        if tag.name == "title":
            end = tags[number + 1].start if number + 1 < len(tags) else len(text)
            if title := plain(text[tag.end : end]):
                entries.append(Entry("title", title, line))
        elif tag.name in {"meta", "link", "html"}:
            entries += _said(tag, line)
    return Page(_body(text, tags), _once(entries))


def check_nesting(html: str, source: str, first_line: int) -> None:
    """Raises `BrokenError` for what would take a tree builder quadratic time. `source` finds the line."""
    if sum(1 for _ in _TAG_START.finditer(html)) > MAX_TAGS:
        raise BrokenError(
            first_line, f"more than {MAX_TAGS:,} HTML tags", "split the article", "too-many-tags"
        )
    depth = 0
    formatting: dict[str, int] = {}
    for tag in _tags(html):
        name = tag.name
        if len(tag.attributes) > MAX_ATTRIBUTES and len(_ATTRIBUTE.findall(tag.attributes)) > MAX_ATTRIBUTES:
            line = first_line + (source.count("\n", 0, tag.start) if html is source else 0)
            raise BrokenError(
                line, f"a tag with more than {MAX_ATTRIBUTES} attributes", "delete it", "too-many-attributes"
            )
        if name in _VOID or name in _OPTIONAL_END:
            continue
        step = -1 if tag.closes else 1
        depth = max(0, depth + step)
        if name in _FORMATTING:
            formatting[name] = max(0, formatting.get(name, 0) + step)
        if depth > MAX_DEPTH or sum(formatting.values()) > MAX_UNCLOSED:
            offset = tag.start if html is source else max(0, source.find(f"<{name}"))
            line = first_line + source.count("\n", 0, offset)
            what = f"HTML nested deeper than {MAX_DEPTH} levels" if depth > MAX_DEPTH else (
                f"more than {MAX_UNCLOSED} elements such as <{name}> are open at once"
            )  # fmt: skip
            raise BrokenError(line, what, "close them", "nesting")


def _tags(text: str) -> Iterator[_Tag]:
    """Every tag outside of comments and raw text; ends where an unclosed tag would swallow the rest."""
    at = 0
    while found := _OPEN.search(text, at):
        start = found.start()
        if found[0] == "<!--":
            end = text.find("-->", start + 2)
            at = end + 3
        elif (tag := _REST.match(text, start)) is not None:
            name = tag["name"].lower()
            at = end = tag.end()
            yield _Tag(start, end, name, bool(tag["close"]), tag["attributes"])
            if name in _RAW and not tag["close"]:
                close = re.compile(f"</{name}(?=[\\s/>])", re.I).search(text, at)
                at = end = close.start() if close else -1
        elif found[0][1].isalpha() or (found[0] == "</" and text[start + 2 : start + 3].isalpha()):
            return
        else:  # a doctype, a processing instruction, a bogus comment
            end = text.find(">", start)
            at = end + 1
        if end < 0:
            return


def _body(text: str, tags: list[_Tag]) -> str:
    """What stands in the only outermost <article>, else in <main>, else in <body>, else after the head."""
    articles = list(_outermost(tags, "article"))
    for regions in (
        articles if len(articles) == 1 else [],
        [*_outermost(tags, "main")][:1],
        [*_outermost(tags, "body")][:1],
    ):
        for start, end in regions:
            return text[start : end if end >= 0 else len(text)]
    heads = [tag.end for tag in tags if tag.name == "head" and tag.closes]
    return text[heads[-1] :] if heads else text


def _outermost(tags: list[_Tag], name: str) -> Iterator[tuple[int, int]]:
    """(start, end) of the insides of each outermost element; the end is -1 where it is not closed."""
    depth = start = 0
    for tag in tags:
        if tag.name != name:
            continue
        if not tag.closes:
            start = start if depth else tag.end
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                yield start, tag.start
    if depth:
        yield start, -1


def _attributes(tag: _Tag) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(tag.attributes):
        found.setdefault(name.lower(), unescape(double or single or bare))
    return found


def _said(tag: _Tag, line: int) -> list[Entry]:
    attributes = _attributes(tag)
    if tag.name == "html":
        return [Entry("language", attributes["lang"], line)] if attributes.get("lang", "").strip() else []
    if tag.name == "link":
        canonical = "canonical" in attributes.get("rel", "").lower().split()
        return [Entry("canonical", attributes.get("href", ""), line)] if canonical else []
    name = attributes.get("name") or attributes.get("property") or attributes.get("itemprop") or ""
    content = attributes.get("content", "").strip()
    short = name.strip().lower()
    if not content or short in _CHARSET_META or short.startswith("twitter:"):
        return []
    if short.startswith("og:") and short not in {"og:image", "og:image:alt", "og:description"}:
        return []
    return [Entry(name.strip().removeprefix("pressrun:"), content, line)]


def _once(entries: list[Entry]) -> list[Entry]:
    """Repeated names (article:tag, author) become one field with a list."""
    merged: dict[str, Entry] = {}
    for entry in entries:
        name = entry.name.lower()
        if name not in merged:
            merged[name] = entry
        elif name in {"article:tag", "author", "article:author", "keywords", "dc.creator", "tag"}:
            above = merged[name].value
            merged[name] = Entry(
                entry.name, [*(above if isinstance(above, list) else [above]), entry.value], entry.line
            )
    return list(merged.values())
