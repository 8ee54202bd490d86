"""Feed documents in three formats: entries to fragments; a head, fragments and a tail to bytes.

feedgen writes the XML, but not an entry at a time: it would take longer than all else that an article needs.
It writes each *shape* of entry once (so many authors and tags, a picture or none) with marks in place of the
values; an entry is its shape with the values filled in: the same bytes, many times as fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import quote

from pressrun.domain.feeds import FILES, MEDIA_TYPES, Entry, Feed, Format, Fragment
from pressrun.domain.publication import Podcast
from pressrun.rendering.feed_items import Item, as_html, clean, item_of
from pressrun.rendering.feedgen_extensions import add_item, generator
from pressrun.rendering.jsonfeed import dumped, json_feed, json_item

_CONTENT = "\ufdd0"  # a noncharacter, which `clean` lets into no value
_VALUE = "\ufdd1"  # two of them around a 7 stand for the value 7
_SINGLE = len(Item._fields) - 2  # the values that precede the authors and the tags
_RSS_TAIL, _ATOM_TAIL, _JSON_TAIL = "  </channel>\n</rss>\n", "</feed>\n", "]}"
_ANY = Feed(
    id="tag:example.org,2026:any", title="Any", home="https://example.org/", place="https://example.org/"
)
_COMMENT = (
    "<!-- This is a feed: the newest articles for feed readers. "
    "To subscribe, copy its address from the address bar into your reader. -->\n"
)

Renderer = Callable[[Feed, Iterable[Fragment]], bytes]


class Writer(NamedTuple):
    """How a format is served: the file's name, its media type, and what writes it."""

    file: str
    media_type: str
    render: Renderer


def render_entry(entry: Entry, podcast: Podcast | None = None) -> Fragment:
    """The entry in every format. The same entry gives the same bytes, whichever feed it will stand in."""
    item = item_of(entry, podcast)
    values = [*item[:-2], *chain.from_iterable(item.authors), *item.tags]
    shape = _shape(len(item.authors), tuple(map(bool, values)))
    escaped = as_html(_VALUE.join(values))  # a line of text is escaped in XML as it is in HTML
    head, _, tail = dumped(json_item(item, _CONTENT)).partition(_CONTENT)
    return Fragment(
        content=clean(entry.content),
        rss=shape.rss.filled(rss_references(escaped)),
        atom=shape.atom.filled(escaped),
        json=(head, tail),
    )


def render_entries(entries: Iterable[Entry], podcast: Podcast | None = None) -> list[Fragment]:
    """Many entries, in their order. Costs what as many calls of `render_entry` cost."""
    return [render_entry(entry, podcast) for entry in entries]


def render_rss(feed: Feed, fragments: Iterable[Fragment]) -> bytes:
    """An RSS 2.0 document. `fragments` are given newest first, with no id twice."""
    document = rss_references(generator(feed).rss_str(pretty=True).decode())
    return _joined(_introduced(document, feed), _RSS_TAIL, "rss", fragments)


def render_atom(feed: Feed, fragments: Iterable[Fragment]) -> bytes:
    """An Atom 1.0 document. `fragments` are given newest first, with no id twice."""
    document = generator(feed).atom_str(pretty=True).decode()
    return _joined(_introduced(document, feed), _ATOM_TAIL, "atom", fragments)


def render_json(feed: Feed, fragments: Iterable[Fragment]) -> bytes:
    """A JSON Feed 1.1 document. `fragments` are given newest first, with no id twice."""
    return _joined(dumped(json_feed(feed)), _JSON_TAIL, "json", fragments, ",")


RENDERERS: Mapping[Format, Writer] = {
    "rss": Writer(FILES["rss"], MEDIA_TYPES["rss"], render_rss),
    "atom": Writer(FILES["atom"], MEDIA_TYPES["atom"], render_atom),
    "json": Writer(FILES["json"], MEDIA_TYPES["json"], render_json),
}


def rss_references(xml: str) -> str:
    """XML with "&" and "<" as the RSS profile wants them in plain text, for readers that unescape twice."""
    return xml.replace("&amp;", "&#x26;").replace("&lt;", "&#x3C;")


def _joined(
    document: str, tail: str, form: Format, fragments: Iterable[Fragment], between: str = ""
) -> bytes:
    written = between.encode().join([fragment.written(form) for fragment in fragments])
    return b"".join((document.removesuffix(tail).encode(), written, tail.encode()))


def _introduced(document: str, feed: Feed) -> str:
    """The document with its style sheet, and a word for people after its first line.

    Our hosts tell browsers that open a feed that it is plain XML, so they show it in the style sheet; elsewhere they
    may show it as the text it is. XSLT is being removed from browsers.
    """
    declaration, _, rest = document.partition("\n")
    style = as_html(quote(feed.stylesheet, safe="/%:@!$&'()*+,;=~?"))
    instruction = f'<?xml-stylesheet type="text/css" href="{style}"?>\n' if style else ""
    return f"{declaration}\n{instruction}{_COMMENT}{rest}"


class _Template:
    """An entry as feedgen wrote it, cut at the content, with a place for each value."""

    def __init__(self, xml: str, values: int) -> None:
        self._halves = [self._half(half, values) for half in xml.split(_CONTENT)]

    def filled(self, escaped: str) -> tuple[str, str]:
        """What precedes the content and what follows it. `escaped`: the values with `_VALUE` between them."""
        values = [*escaped.split(_VALUE), *escaped.replace('"', "&quot;").split(_VALUE)]
        (head, in_head), (tail, in_tail) = self._halves
        return head % in_head(values), tail % in_tail(values)

    @staticmethod
    def _half(xml: str, values: int) -> tuple[str, Callable[[list[str]], object]]:
        """A format string and what picks its values: for attributes the quoted ones, behind all others."""
        pieces = xml.split(_VALUE)
        numbers = [
            int(n) + values * text.endswith('="') for text, n in zip(pieces[::2], pieces[1::2], strict=False)
        ]
        return "%s".join(pieces[::2]), itemgetter(*numbers)


class _Shape(NamedTuple):
    rss: _Template
    atom: _Template


@lru_cache(maxsize=1024)
def _shape(authors: int, present: tuple[bool, ...]) -> _Shape:
    """The templates for entries with so many authors, of whose values these are present."""
    marks = [f"{_VALUE}{number}{_VALUE}" if there else "" for number, there in enumerate(present)]
    tags = _SINGLE + 2 * authors
    pairs = tuple(zip(marks[_SINGLE:tags:2], marks[_SINGLE + 1 : tags : 2], strict=True))
    made = generator(_ANY)
    add_item(made, Item._make([*marks[:_SINGLE], pairs, tuple(marks[tags:])]), _CONTENT)
    rss, atom = made.rss_str(pretty=True).decode(), made.atom_str(pretty=True).decode()
    return _Shape(
        _Template(rss[rss.index("    <item>") :].removesuffix(_RSS_TAIL), len(marks)),
        _Template(atom[atom.index("  <entry") :].removesuffix(_ATOM_TAIL), len(marks)),
    )
