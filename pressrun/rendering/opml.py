"""OPML 2.0: the list of all feeds, which readers import in one go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lxml import etree

from pressrun.domain.feeds import Feed
from pressrun.rendering.feed_items import address, language_tag, line

MEDIA_TYPE = "text/x-opml"


def render_opml(title: str, groups: Iterable[tuple[str, Sequence[Feed]]]) -> bytes:
    """The RSS document of each feed, under its group's name: ("Tags", feeds). "" stands for no group.

    Groups without feeds are left out. No date: a list that did not change keeps its bytes.
    """
    opml = etree.Element("opml", version="2.0")
    head = etree.SubElement(opml, "head")
    etree.SubElement(head, "title").text = line(title)
    body = etree.SubElement(opml, "body")
    for name, feeds in groups:
        if feeds:
            parent = etree.SubElement(body, "outline", text=line(name)) if name else body
            for feed in feeds:
                parent.append(_outline(feed))
    return etree.tostring(opml, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _outline(feed: Feed) -> etree._Element:
    said = {
        "type": "rss",
        "version": "RSS2",
        "text": line(feed.title) or address(feed.home),
        "title": line(feed.title),
        "description": line(feed.description),
        "language": language_tag(feed.language),
        "htmlUrl": address(feed.home),
        "xmlUrl": address(feed.url("rss")),
    }
    return etree.Element("outline", {name: value for name, value in said.items() if value})
