"""An article's HTML as mail programs can show it: absolute, without media that they drop, no wider than a mail.

The input was sanitised when it was read. What mail cannot show becomes a link or text; nothing is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from posixpath import basename
from urllib.parse import unquote, urlsplit

from lxml import html as lxml_html
from lxml.html import HtmlElement

from pressrun.domain.markup import absolute
from pressrun.rendering.words import Words

WIDTH = 600
"""Pixels: Outlook for Windows knows no max-width and would stretch the mail to its widest image."""
_DIVS = {
    "section", "article", "aside", "header", "footer", "main", "hgroup", "address", "center", "figure", "figcaption",
    "details",
}  # fmt: skip
_CLASSED = {"aside", "figure", "figcaption", "section"}
_SPANS = {"mark", "time", "bdi", "dfn", "abbr"}
_OPENED = {"picture", "source", "track", "wbr", "ruby", "rp", "rb"}
_GONE = {"srcset", "sizes", "loading", "decoding", "scope", "headers", "hreflang", "datetime"}


def fitted(html: str, *, site: str, page: str, words: Words) -> HtmlElement:
    """The article as a `div`. `site`: the site's address without a trailing slash; `page`: the article's own."""
    root = lxml_html.fragment_fromstring(
        absolute(html, site),
        create_parent="div",
        parser=lxml_html.HTMLParser(encoding="utf-8", huge_tree=True),
    )
    targets = _local_links(root, page)
    for element in list(root.iter()):
        if not isinstance(element.tag, str):
            element.drop_tree()
            continue
        _fit(element, words)
        _identify(element, targets)
    return root


def written(root: HtmlElement) -> str:
    """The inner HTML of what `fitted` returned."""
    text = lxml_html.tostring(root, encoding="unicode")
    return str(text)[len("<div>") : -len("</div>")]


def _local_links(root: HtmlElement, page: str) -> set[str]:
    """Links to places that this mail holds become links within it; the ids of those places."""
    ids = {element.get("id") for element in root.iter() if element.get("id")}
    targets: set[str] = set()
    for link in root.iter("a"):
        address, _, fragment = link.get("href", "").partition("#")
        if fragment and address in {"", page} and unquote(fragment) in ids:
            link.set("href", f"#{fragment}")
            targets.add(unquote(fragment))
    return targets


def _identify(element: HtmlElement, targets: set[str]) -> None:
    """Only what is linked to keeps its id, on an empty anchor with a name: Gmail and Outlook find nothing else."""
    identity = element.attrib.pop("id", None)
    if identity not in targets:
        return
    anchor = lxml_html.Element("a", {"name": identity, "id": identity})
    if element.tag in {"a", "img", "ul", "ol", "table", "tr"}:
        element.addprevious(anchor)
    else:
        anchor.tail, element.text = element.text, None
        element.insert(0, anchor)


def _fit(element: HtmlElement, words: Words) -> None:
    tag = element.tag
    for name in _GONE & set(element.attrib):
        del element.attrib[name]
    if tag in _SPECIAL:
        _SPECIAL[tag](element, words)
    elif tag in _DIVS or tag in _SPANS:
        element.tag = "div" if tag in _DIVS else "span"
        if tag in _CLASSED or tag == "mark":
            element.set("class", f"{tag} {element.get('class', '')}".strip())
        element.attrib.pop("open", None)
    elif tag in _OPENED:
        element.drop_tag()


def _image(element: HtmlElement, words: Words) -> None:
    alt = element.get("alt", "")
    source = element.get("src", "")
    if not source or urlsplit(source).path.lower().endswith((".svg", ".svgz")):
        if source and alt and not _within(element, "a"):
            _replace(element, _link(source, words.text("mail.image", alt=alt)))
        else:
            _replace(element, _text(words.text("mail.image", alt=alt) if alt else ""))
        return
    element.set("alt", alt)
    width, height = (_pixels(element.get(name)) for name in ("width", "height"))
    if width > WIDTH:
        element.set("width", str(WIDTH))
        if height:
            element.set("height", str(max(1, round(height * WIDTH / width))))


def _player(element: HtmlElement, words: Words) -> None:
    """A film or a recording as a link to it, a film's still picture before it."""
    source = element.get("src") or next(
        (child.get("src", "") for child in element.iter("source", "track")), ""
    )
    verb = "watch" if element.tag == "video" else "listen"
    name = element.get("title") or unquote(basename(urlsplit(source).path))
    if not source:
        element.drop_tag()
        return
    box = lxml_html.Element("span", {"class": "media"})
    if element.get("poster"):
        still = _link(element.get("poster", ""), "")
        still.set("href", source)
        still.append(
            lxml_html.Element("img", {"src": element.get("poster", ""), "alt": "", "width": str(WIDTH)})
        )
        box.append(still)
        box.append(lxml_html.Element("br"))
    box.append(
        _link(
            source,
            f"\N{BLACK RIGHT-POINTING TRIANGLE}\N{VARIATION SELECTOR-15} {words.text(f'mail.{verb}', name=name)}",
        )
    )
    for child in element.iter("source", "track"):
        child.attrib.clear()
    _replace(element, box)


def _summary(element: HtmlElement, words: Words) -> None:  # noqa: ARG001 - as the others
    element.tag = "p"
    element.set("class", "summary")


def _checkbox(element: HtmlElement, words: Words) -> None:  # noqa: ARG001
    _replace(element, _text("\N{BALLOT BOX WITH CHECK}" if "checked" in element.attrib else "\N{BALLOT BOX}"))


def _reading_aid(element: HtmlElement, words: Words) -> None:  # noqa: ARG001 - ruby, beside its text in brackets
    parent = element.getparent()
    if parent is not None and not any(child.tag == "rp" for child in parent):
        element.text = f"({element.text or ''}"
        element.append(_text(")"))
    element.drop_tag()


def _table(element: HtmlElement, words: Words) -> None:  # noqa: ARG001
    element.attrib.update({"border": "1", "cellpadding": "7", "cellspacing": "0", "class": "grid"})


def _code(element: HtmlElement, words: Words) -> None:  # noqa: ARG001
    element.set("dir", "ltr")
    element.set("class", "code")


_SPECIAL: Mapping[str, Callable[[HtmlElement, Words], None]] = {
    "img": _image,
    "video": _player,
    "audio": _player,
    "summary": _summary,
    "input": _checkbox,
    "rt": _reading_aid,
    "table": _table,
    "pre": _code,
}


def _link(href: str, text: str) -> HtmlElement:
    link = lxml_html.Element("a", {"href": href})
    link.text = text
    return link


def _text(text: str) -> HtmlElement:
    span = lxml_html.Element("span")
    span.text = text
    return span


def _replace(element: HtmlElement, other: HtmlElement) -> None:
    parent = element.getparent()
    if parent is not None:
        other.tail = element.tail
        parent.replace(element, other)


def _within(element: HtmlElement, tag: str) -> bool:
    return next(element.iterancestors(tag), None) is not None


def _pixels(value: str | None) -> int:
    return int(value) if value and value.isascii() and value.isdigit() else 0
