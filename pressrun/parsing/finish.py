"""The last pass over sanitised HTML: marks for URLs, headings with anchors, images that know their place."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html import escape, unescape
from urllib.parse import quote, unquote

from pressrun.domain.markup import END, REF, SITE, SIZE
from pressrun.domain.slugs import slugify
from pressrun.parsing.addresses import marked, marked_set
from pressrun.parsing.findings import Findings
from pressrun.parsing.markdown import ID_PREFIX
from pressrun.parsing.prose import plain

_TAG = re.compile(r"<(/?)(a|img|h[1-6]|source|track|audio|video|input)\b([^>]*)>")
_ATTRIBUTE = re.compile(r'([a-z-]+)(?:="([^"]*)")?')
_ID = re.compile(r' id="([^"]*)"')
_FOOTNOTE_TAG = re.compile(r'<(?:a|li|section) [^>]*(?:data-footnote|id="fn)[^>]*>')
_FOOTNOTE_ID = re.compile(r' id="(fn(?:ref)?-)')
_FOOTNOTE_WORDS = re.compile(r' data-footnote[a-z-]*(?:="[^"]*")?| aria-label="Back to reference [0-9-]*"')
_EMPTY_LINK = re.compile(r'<a href="([^"]*)"(?: title="[^"]*")?>\s*</a>')
_TITLE = re.compile(r"<h1\b[^>]*>(.*?)</h1>\n?", re.S)
_LEVEL_MAX = 6
MAX_WARNINGS = 50
_DROPPED = (
    "](javascript:",
    "](data:",
    "](vbscript:",
    "](file:",
    "]()",
    "](<>)",
)  # comrak leaves href="" of these
_WORDS = re.compile(r"[^\W_]+")
_TYPOGRAPHY = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})


@dataclass(slots=True)
class Source:
    """Where the HTML came from, for the line numbers of findings."""

    body: str
    first_line: int
    findings: Findings
    _seen: dict[str, int] = field(default_factory=dict)
    _warned: Counter[str] = field(default_factory=Counter)

    def line(self, *needles: str) -> int:
        """The line on which the first of `needles` that occurs (again) stands; else the body's first line."""
        for needle in needles:
            offset = self.body.find(needle, self._seen.get(needle, 0)) if needle else -1
            if offset >= 0:
                self._seen[needle] = offset + len(needle)
                return self.first_line + self.body.count("\n", 0, offset)
        return self.first_line

    def warn(self, what: str, todo: str, code: str, *needles: str, line: int = 0) -> None:
        self._warned[code] += 1
        if self._warned[code] <= MAX_WARNINGS:  # of each kind: looking for thousands of places takes its time
            self.findings.warn(line or self.line(*needles), what, todo, code)

    def heading(self, level: int, text: str, earlier: int) -> int:
        """The line of a heading, whatever mark-up its `text` has there, or 0; `earlier` ones are just like it."""
        if self._warned["heading-skips"] >= MAX_WARNINGS:
            return 0
        words, marks = _WORDS.findall(text), (f"{'#' * level} ", f"{'#' * level}\t", f"<h{level}")
        for number, line in enumerate(self.body.split("\n"), self.first_line):
            if line.lstrip(" ").startswith(marks) and _in_order(words, line):
                if not earlier:
                    return number
                earlier -= 1
        return 0


def take_title(html: str, title: str) -> tuple[str, str]:
    """`html` without the first h1 where that repeats `title`, or is the title because there is no other."""
    found = _TITLE.search(html)
    if found is None:
        return html, title
    heading = plain(found[1])
    if title and _comparable(heading) != _comparable(title):
        return html, title
    return html[: found.start()] + html[found.end() :], title or heading


def finish(html: str, source: Source, *, alt_is_optional: bool) -> str:
    """`html` with marks, anchors and warnings. `alt_is_optional`: an empty alt text is the author's word."""
    if "footnote" in html:
        html = _FOOTNOTE_TAG.sub(_footnote, html)
    html = _TAG.sub(_Pass(html, source, alt_is_optional=alt_is_optional), html)
    if "></a>" in html:
        for empty in _EMPTY_LINK.finditer(html):
            source.warn("a link without text", "write what it leads to", "empty-link", _named(empty[1]))
    return html


def _footnote(tag: re.Match[str]) -> str:
    """comrak's footnote tag with our ids, and without its English words."""
    return _FOOTNOTE_WORDS.sub("", _FOOTNOTE_ID.sub(rf' id="{ID_PREFIX}\1', tag[0]))


def _comparable(title: str) -> str:
    return " ".join(title.translate(_TYPOGRAPHY).casefold().split())


def _in_order(words: list[str], line: str) -> bool:
    at = 0
    for word in words:
        at = line.find(word, at) + len(word)
        if at < len(word):
            return False
    return True


def _loose(fragment: str) -> str:
    """What generators agree on in a heading's anchor: its letters and digits, but not where hyphens stand."""
    return "".join(_WORDS.findall(fragment.removeprefix(ID_PREFIX).casefold()))


def _named(url: str) -> str:
    """A marked URL as the author may have written it."""
    return unescape(url.replace(f"{REF}@/", "/").replace(REF, "").replace(END, "").replace(SITE, ""))


@dataclass(slots=True)
class _Pass:
    """The substitution for `_TAG`, with what it must remember between tags."""

    html: str
    source: Source
    alt_is_optional: bool = field(kw_only=True)
    shift: int = 0
    level: int = 1
    images: int = 0
    open_headings: list[tuple[int, str]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    numbers: Counter[str] = field(default_factory=Counter)
    anchors: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shift = 1 if "<h1" in self.html else 0
        self.ids = set(_ID.findall(self.html))

    def __call__(self, tag: re.Match[str]) -> str:
        name = tag[2]
        if name == "a":
            return tag[0] if tag[1] or tag[3].startswith(' href="https://') else self._link(tag)
        if name[0] == "h":
            return self._heading_end(tag) if tag[1] else self._heading(tag)
        if tag[1]:
            return tag[0]
        if name == "img":
            return self._image(tag)
        if name == "input":
            return self._checkbox(tag[3])
        return self._media(name, tag[3])

    def _link(self, tag: re.Match[str]) -> str:
        attributes = dict(_ATTRIBUTE.findall(tag[3]))
        href = attributes.pop("href", None)
        if href is None:
            return tag[0]
        if href.startswith("#"):
            url: str | None = self._fragment(href[1:])
        else:
            url = marked(href)
            if url is None or url == REF + END:
                what = f"a link to `{unescape(href)[:60]}`" if href else "a link that leads nowhere"
                todo = "link to a page, or to http, https, mailto or tel"
                needles = (unescape(href), unquote(unescape(href))) if href else _DROPPED
                self.source.warn(what, todo, "link-address", *needles)
                url = None
        return _tag("a", {"href": url, **attributes} if url is not None else attributes)

    def _fragment(self, escaped: str) -> str:
        """A link within the article; ids carry a prefix that the author did not write.

        Other generators put a hyphen where ours puts none (Zola's `what-s-next`): their links are understood.
        """
        raw = unescape(escaped)
        if not raw:
            return REF + END
        for target in (raw, unquote(raw)):
            for candidate in (ID_PREFIX + target, target):
                if escape(candidate) in self.ids or candidate in self.ids:
                    return f"{REF}{END}#{escape(quote(candidate, safe=_SAFE))}"
        self.anchors = self.anchors or {_loose(unescape(known)): unescape(known) for known in self.ids}
        if meant := self.anchors.get(_loose(unquote(raw))):
            return f"{REF}{END}#{escape(quote(meant, safe=_SAFE))}"
        what = f"a link to `#{raw[:60]}`, which is not on this page"
        todo = "correct the link, or the heading it means"
        self.source.warn(what, todo, "dead-fragment", f"#{raw}", f"#{unquote(raw)}")
        return f"{REF}{END}#{escape(quote(ID_PREFIX + raw, safe=_SAFE))}"

    def _heading(self, tag: re.Match[str]) -> str:
        written = int(tag[2][1])
        level = min(written + self.shift, _LEVEL_MAX)
        end = self.html.find("</h", tag.end())
        text = plain(self.html[tag.end() : end if end >= 0 else None])
        if level > self.level + 1:
            what = f"heading `{text[:60]}` is {level - self.level} levels below the one before it"
            todo = f"make it one of level {self.level + 1 - self.shift}"
            if self.shift and self.level == 1:  # the title stands above both
                todo += ", or the article's headings of level 1 ones of level 2"
            alike = re.findall(rf"<h{written}\b[^>]*>(.*?)</h", self.html[: tag.start()], re.S)
            line = self.source.heading(written, text, sum(plain(other) == text for other in alike))
            self.source.warn(what, todo, "heading-skips", text, line=line)
        self.level = level
        attributes = dict(_ATTRIBUTE.findall(tag[3]))
        if not attributes.get("id"):
            attributes["id"] = self._new_id(text)
        self.open_headings.append((level, attributes["id"]))
        return _tag(f"h{level}", attributes)

    def _heading_end(self, tag: re.Match[str]) -> str:
        if not self.open_headings:
            return tag[0]
        level, identity = self.open_headings.pop()
        target = escape(quote(unescape(identity), safe=_SAFE))
        return (
            f'<a class="anchor" href="{REF}{END}#{target}" aria-hidden="true" tabindex="-1"></a></h{level}>'
        )

    def _new_id(self, text: str) -> str:
        base = ID_PREFIX + slugify(text)
        identity = base
        while identity in self.ids:
            self.numbers[base] += 1
            identity = f"{base}-{self.numbers[base]}"
        self.ids.add(identity)
        return identity

    def _image(self, tag: re.Match[str]) -> str:
        attributes = dict(_ATTRIBUTE.findall(tag[3]))
        src = attributes.pop("src", "")
        url = marked(src, media=True) if src else None
        if url is None or url == REF + END:
            what, todo = f"an image at `{unescape(src)[:60]}`", "name a file of yours, or an https address"
            self.source.warn(what, todo, "image-address", unescape(src), "<img")
            return ""
        if not attributes.get("alt") and not (self.alt_is_optional and "alt" in attributes):
            self.source.warn(f"image `{_named(url)[:60]}` has no alternative text", "describe what it shows",
                             "image-alt", unescape(src), unquote(unescape(src)))  # fmt: skip
        size = "" if "width" in attributes or "height" in attributes or url[0] == "h" else SIZE
        rest = {"alt": attributes.pop("alt", ""), **_candidates(attributes)}
        if self.images:
            rest["loading"] = "lazy"
        self.images += 1
        return f'<img src="{url}"{size}{_written({**rest, "decoding": "async"})}>'

    def _media(self, name: str, written: str) -> str:
        attributes = _candidates(dict(_ATTRIBUTE.findall(written)))
        for attribute in ("src", "poster"):
            if attribute in attributes:
                url = marked(attributes.pop(attribute), media=True)
                if url is not None and url != REF + END:
                    attributes[attribute] = url
        if name in {"audio", "video"}:
            attributes |= {"controls": "", "preload": "metadata"}
        return _tag(name, attributes)

    def _checkbox(self, written: str) -> str:
        attributes = dict(_ATTRIBUTE.findall(written))
        if attributes.get("type") != "checkbox" or attributes.get("class") != "task-list-item-checkbox":
            return ""
        checked = ' checked=""' if "checked" in attributes else ""
        return f'<input type="checkbox" class="task-list-item-checkbox"{checked} disabled="">'


_SAFE = "!$&'()*+,;=:@/?~%"


def _candidates(attributes: dict[str, str]) -> dict[str, str]:
    if "srcset" in attributes:
        kept = marked_set(attributes.pop("srcset"))
        if kept:
            attributes["srcset"] = kept
    return attributes


def _tag(name: str, attributes: dict[str, str]) -> str:
    return f"<{name}{_written(attributes)}>"


def _written(attributes: dict[str, str]) -> str:
    return "".join(f' {name}="{value}"' for name, value in attributes.items())
