"""feedgen and an extension for each format: what it gets wrong or leaves out, mended as it provides for.

feedgen writes the document and its standard elements. The extensions add the elements of other namespaces and
the feed history (RFC 5005), type Atom's texts, and put back the rel, type and length that feedgen drops from
an Atom entry's links. feedgen's clock never shows: every date is set.
"""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

from feedgen.feed import FeedGenerator
from lxml import etree

from pressrun.domain.feeds import MEDIA_TYPES, NEVER, Feed, Format
from pressrun.domain.publication import Podcast
from pressrun.rendering.feed_items import Item, address, as_html, language_tag, line, moment, people

_ATOM = "{http://www.w3.org/2005/Atom}"
_IN_BOTH = {"fh": "http://purl.org/syndication/history/1.0", "media": "http://search.yahoo.com/mrss/"}
_IN_RSS = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
}
_FH, _MEDIA = (f"{{{uri}}}" for uri in _IN_BOTH.values())
_DC, _ITUNES, _SY = (f"{{{uri}}}" for uri in _IN_RSS.values())
_PODCAST = "https://podcastindex.org/namespace/1.0"
_PODCAST_GUIDS = uuid.UUID(
    "ead4c236-bf58-58c6-a2c6-a6b28d128cb6"
)  # where podcast:guid says to derive it from
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_PERIODS = (("hourly", 60), ("daily", 1_440), ("weekly", 10_080), ("monthly", 43_200))


def generator(feed: Feed) -> FeedGenerator:
    """A feedgen feed that says what `feed` says. Entries are added with `add_item`."""
    made = FeedGenerator()
    made.register_extension("in_rss", RssFeed, RssEntry, atom=False)
    made.register_extension("in_atom", AtomFeed, AtomEntry, rss=False)
    made.in_rss.feed = made.in_atom.feed = feed
    made.id(line(feed.id))
    title = line(feed.title) or feed.home
    made.title(title)
    made.link(href=address(feed.home), rel="alternate", type="text/html")
    if description := line(feed.description):
        made.subtitle(description)
    made.description(description or title)
    made.updated(moment(feed.updated))
    made.generator("Pressrun")
    if language := language_tag(feed.language):
        made.language(language)
    made.author([_person(*person) for person in people(feed.authors) or [(title, "")]])
    if feed.copyright:
        made.rights(line(feed.copyright))
    if icon := address(feed.icon):
        made.icon(icon)
    if logo := address(feed.logo):
        made.logo(logo)
        made.image(logo)
    if feed.ttl_minutes:
        made.ttl(feed.ttl_minutes)
    return made


def add_item(made: FeedGenerator, item: Item, content: str) -> None:
    """Appends an entry. `content` is HTML."""
    entry = made.add_entry(order="append")
    entry.in_rss.item = entry.in_atom.item = item
    entry.id(item.id)
    entry.title(item.title)
    entry.updated(NEVER)  # replaced: our dates are strings by now
    entry.link(href=item.url, rel="alternate", type="text/html")
    entry.author([_person(*person) for person in item.authors])
    if item.summary:
        entry.summary(item.summary_html, type="html")
    entry.content(content, type="html")
    if item.file:
        entry.enclosure(item.file, item.file_bytes, item.file_type)
    scheme = {"scheme": item.tag_scheme} if item.tag_scheme else {}
    entry.category([{"term": tag, "label": tag, **scheme} for tag in item.tags])


def _person(name: str, url: str) -> dict[str, str]:
    return {"name": name, "uri": url} if url else {"name": name}


class RssFeed:
    """What stands in an RSS channel beside its items and what feedgen writes."""

    feed: Feed

    def extend_ns(self) -> dict[str, str]:
        podcast = {"podcast": _PODCAST} if self.feed.podcast else {}
        return {**_IN_BOTH, **_IN_RSS, **podcast}

    def extend_rss(self, rss: etree._Element) -> None:
        channel, feed = rss[0], self.feed
        _add_links(channel, _ATOM, feed, "rss")
        built = channel.find("lastBuildDate")
        if feed.updated == NEVER and built is not None:
            channel.remove(built)
        for name, _ in people(feed.authors):
            _add(channel, _DC + "creator", name)
        if feed.ttl_minutes:
            period, minutes = next((p for p in _PERIODS if p[1] >= feed.ttl_minutes), _PERIODS[-1])
            _add(channel, _SY + "updatePeriod", period)
            _add(channel, _SY + "updateFrequency", str(max(1, round(minutes / feed.ttl_minutes))))
        if feed.podcast:
            _add_show(channel, feed, feed.podcast)


class AtomFeed:
    """What stands in an Atom feed beside its entries and what feedgen writes."""

    feed: Feed

    def extend_ns(self) -> dict[str, str]:
        return _IN_BOTH

    def extend_atom(self, atom: etree._Element) -> None:
        for name in ("title", "subtitle", "rights"):
            if (text := atom.find(name)) is not None:
                text.text = as_html(text.text or "")
                text.set("type", "html")
        _add_links(atom, "", self.feed, "atom")


class RssEntry:
    """What feedgen leaves out of an item. Asks only whether a string is there, never what it says."""

    item: Item

    def extend_rss(self, element: etree._Element) -> None:
        item = self.item
        _add(element, "pubDate", item.published_rss)
        for name, _ in item.authors:
            _add(element, _DC + "creator", name)
        if item.language:
            _add(element, _DC + "language", item.language)
        _add_picture(element, item)
        if item.explicit:
            _add_episode(element, item)


class AtomEntry:
    """What feedgen leaves out of an entry. Asks only whether a string is there, never what it says."""

    item: Item

    def extend_atom(self, element: etree._Element) -> None:
        item = self.item
        if item.language:
            element.set(_LANG, item.language)
        title, updated = element[1], element[2]
        title.text = item.title_html
        title.set("type", "html")
        updated.text = item.updated
        page, *files = element.findall("link")
        page.set("rel", "alternate")
        page.set("type", "text/html")
        for file in files:
            file.set("rel", "enclosure")
            file.set("type", item.file_type)
            file.set("length", item.file_bytes)
        _add(element, "published", item.published)
        _add_picture(element, item)


def _add_links(parent: etree._Element, namespace: str, feed: Feed, form: Format) -> None:
    """The document's own address, the hub, and the feed's history (RFC 5005, section 4)."""
    media_type = MEDIA_TYPES[form]
    places = {
        "self": feed.place,
        "current": feed.current,
        "prev-archive": feed.older,
        "next-archive": feed.newer,
    }
    for rel, place in places.items():
        if place:
            url = address(feed.at(place, form))
            etree.SubElement(parent, f"{namespace}link", href=url, rel=rel, type=media_type)
    if feed.hub:
        etree.SubElement(parent, f"{namespace}link", href=address(feed.hub), rel="hub")
    if feed.current:
        etree.SubElement(parent, _FH + "archive")


def _add_picture(element: etree._Element, item: Item) -> None:
    if item.image:
        picture = etree.SubElement(element, _MEDIA + "content", url=item.image, medium="image")
        if item.image_alt:
            _add(picture, _MEDIA + "description", item.image_alt).set("type", "plain")


def _add_episode(element: etree._Element, item: Item) -> None:
    said = {
        "author": item.byline,
        "duration": item.duration,
        "explicit": item.explicit,
        "season": item.season,
        "episode": item.episode,
    }
    for name, text in said.items():
        if text:
            _add(element, _ITUNES + name, text)
    _add(element, _ITUNES + "episodeType", "full")
    if item.image:
        etree.SubElement(element, _ITUNES + "image", href=item.image)


def _add_show(channel: etree._Element, feed: Feed, show: Podcast) -> None:
    """What podcast directories ask of a channel. A mail address is named only where the settings give one."""
    owner = line(show.owner) or ", ".join(name for name, _ in people(feed.authors)) or line(feed.title)
    _add(channel, _ITUNES + "author", owner[:255])
    _add(channel, _ITUNES + "type", "episodic")
    _add(channel, _ITUNES + "explicit", str(show.explicit).lower())
    if image := address(show.image) or address(feed.logo):
        etree.SubElement(channel, _ITUNES + "image", href=image)
    parent = channel
    for category in show.category.split(">"):
        parent = etree.SubElement(parent, _ITUNES + "category", text=line(category))
    if show.email:
        contact = etree.SubElement(channel, _ITUNES + "owner")
        _add(contact, _ITUNES + "name", owner[:255])
        _add(contact, _ITUNES + "email", line(show.email))
    _add(channel, f"{{{_PODCAST}}}guid", line(show.guid) or _podcast_guid(feed))
    _add(channel, f"{{{_PODCAST}}}medium", "podcast")


def _podcast_guid(feed: Feed) -> str:
    """The guid of a feed that never was given one: from its address without the scheme."""
    parts = urlsplit(feed.at(feed.current or feed.place, "rss"))
    return str(uuid.uuid5(_PODCAST_GUIDS, f"{parts.netloc}{parts.path}".rstrip("/")))


def _add(parent: etree._Element, name: str, text: str) -> etree._Element:
    element = etree.SubElement(parent, name)
    element.text = text
    return element
