"""What mail programs will not show of a letter, after caniemail's tests (`clients.json`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from lxml import html as lxml_html
from lxml.html import HtmlElement

from pressrun.domain.letters import Letter
from pressrun.rendering.mail import MAX_HTML, html_bytes

HARMLESS: Mapping[str, str] = {
    "css-at-media": "without it the mail is shown light and with the widths that are inlined",
    "css-at-media-prefers-color-scheme": "without it the mail is light, or the program inverts it",
    "css-display-none": "the preheader is then still a line of one pixel in the paper's colour",
    "css-max-height": "the preheader is also hidden by display, size and colour",
    "css-overflow": "the preheader is also hidden by display, size and colour",
    "css-max-width": "Outlook for Windows takes the width in its conditional comment; pictures have their own",
    "css-height": "pictures have their height as an attribute, the strip and rules are as high as their line",
    "css-white-space": "Outlook for Windows keeps the lines of <pre> by itself, and does not wrap long ones",
    "css-word-wrap": "a long line of code then widens the mail",
    "css-word-break": "a long word then widens the mail",
    "html-anchor-links": "footnotes stand below the text, in their order, whether or not their links work",
    "html-aria-label": "the link's text, its heading and its address say the same",
    "html-body": "the table in the body has the colours, too",
    "html-doctype": "nothing here depends on the mode of the page",
    "html-meta-color-scheme": "a hint; prefers-color-scheme stands beside it",
    "html-style": "it holds only what is in @media",
}
"""Features that our own mails use though somebody lacks them, and why nothing is lost."""

_TAGS = {"ul": "html-lists", "ol": "html-lists", "dl": "html-lists"} | {
    f"h{n}": "html-h1-h6" for n in range(1, 7)
}
_SEMANTIC = {
    "article",
    "aside",
    "details",
    "figcaption",
    "figure",
    "footer",
    "header",
    "main",
    "mark",
    "nav",
    "section",
}
_TAGS |= dict.fromkeys(_SEMANTIC | {"summary", "time"}, "html-semantics")
_DECLARATION = re.compile(r"([a-z-]+)\s*:\s*([^;{}]+)")
_UNIT = re.compile(r"(?<![\w#-])-?\d*\.?\d+(%|[a-z]+)")
_FUNCTION = re.compile(r"([a-z-]+)\(")
_AT_RULE = re.compile(r"@([a-z-]+)([^{;]*)")
_PSEUDO = re.compile(r"(?<=[\w\]*)]):(:?)([a-z-]+)(?=[^{};]*\{)")
_ENDINGS = {"jpeg": "jpg", "heic": "heif", "tif": "tiff"}
_FUNCTIONS = {
    "calc": "css-unit-calc", "var": "css-variables", "rgb": "css-rgb", "rgba": "css-rgba",
    "clamp": "css-function-clamp", "min": "css-function-min", "max": "css-function-max",
    "light-dark": "css-function-light-dark",
    "linear-gradient": "css-linear-gradient", "radial-gradient": "css-radial-gradient",
    "conic-gradient": "css-conic-gradient",
}  # fmt: skip


def findings(letter: Letter) -> tuple[str, ...]:
    """What an editor should know before this is sent, one sentence each; nothing that is HARMLESS."""
    tree = lxml_html.document_fromstring(letter.html)
    found = []
    size = html_bytes(letter)
    if letter.shortened:
        found.append(
            f"in full the HTML would have {letter.shortened:,} bytes, of which Gmail shows {MAX_HTML:,}: "
            "the mail holds less, and a link to the rest"
        )
    elif size > MAX_HTML:
        found.append(f"the HTML has {size:,} bytes, of which Gmail shows about {MAX_HTML:,}: shorten it")
    found += [
        f"the picture {image.get('src', '')[:80]} has no alternative text: say what it shows"
        for image in tree.iter("img")
        if image.get("alt") is None
    ]
    found += [
        f"the link “{str(link.xpath('string()')).strip()[:60]}” leads nowhere: give it an address"
        for link in tree.iter("a")
        if not link.get("href") and link.get("name") is None
    ]
    lacking = _features()
    for feature in sorted(used(letter.html)):
        title, clients = lacking.get(feature, ("", ()))
        if clients and feature not in HARMLESS:
            found.append(f"{title} is not known to {', '.join(clients)}")
    return tuple(found)


def used(html: str) -> set[str]:
    """The features that a mail uses, by caniemail's names, of those that `clients.json` has."""
    tree = lxml_html.document_fromstring(html)
    names: set[str] = {"html-doctype"} if html.lstrip().lower().startswith("<!doctype html>") else set()
    for element in tree.iter():
        if isinstance(element.tag, str):
            names.update(_of_element(element))
    return names & set(_features())


def _of_element(element: HtmlElement) -> Iterator[str]:
    tag = str(element.tag)
    yield _TAGS.get(tag, f"html-{tag}")
    for name, value in element.attrib.items():
        yield f"html-{name}"
        if name == "style":
            yield from _of_css(value)
        if name in {"src", "poster"}:
            yield from _of_picture(tag, value)
    if tag == "a":
        href = element.get("href", "")
        yield (
            "html-mailto-links"
            if href.startswith("mailto:")
            else "html-anchor-links"
            if href[:1] == "#"
            else ""
        )
    if tag == "input":
        yield f"html-input-{element.get('type', 'text')}"
    if tag == "meta" and element.get("name") == "color-scheme":
        yield "html-meta-color-scheme"
    if tag == "img" and (element.get("srcset") or element.get("sizes")):
        yield "html-srcset"
    if element.get("loading"):
        yield "html-loading-attribute"
    if tag == "style":
        yield from _of_css(element.text or "")


def _of_css(css: str) -> Iterator[str]:
    for name, condition in _AT_RULE.findall(css):
        yield f"css-at-{name}"
        yield from (f"css-at-media-{feature}" for feature in re.findall(r"\(([a-z-]+)", condition))
    for colon, name in _PSEUDO.findall(css):
        yield f"css-pseudo-{'element' if colon else 'class'}-{name}"
    for name, value in _DECLARATION.findall(css):
        yield f"css-{name}"
        if name == "display":
            yield from (f"css-display-{part}" for part in re.findall(r"none|flex|grid", value))
        if "!important" in value:
            yield "css-important"
        yield from (f"css-unit-{'percent' if unit == '%' else unit}" for unit in _UNIT.findall(value))
        yield from (_FUNCTIONS.get(function, "") for function in _FUNCTION.findall(value))


def _of_picture(tag: str, address: str) -> Iterator[str]:
    if tag in {"img", "video"}:
        if address.startswith("data:"):
            yield "image-base64"
        ending = urlsplit(address).path.rpartition(".")[2].lower()
        yield f"image-{_ENDINGS.get(ending, ending)}"


@cache
def _features() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """For each feature its name, and who lacks it."""
    known = json.loads(Path(__file__).with_name("clients.json").read_text("utf-8"))["features"]
    return {slug: (str(one["title"]), tuple(one["no"])) for slug, one in known.items()}
