"""Audio files: plain enclosures, and what podcast directories ask for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from lxml import etree

from pressrun.domain.articles import Enclosure, Image
from pressrun.domain.feeds import FORMATS, Entry, Feed, Format
from pressrun.domain.publication import Person, Podcast
from pressrun.rendering.feeds import RENDERERS, render_entry

SITE = "https://example.org/"
NAMESPACES = {
    "atom": "http://www.w3.org/2005/Atom",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "podcast": "https://podcastindex.org/namespace/1.0",
}
SHOW = Podcast(category="Society & Culture > Documentary", image=f"{SITE}cover.png", owner="Jane")
FEED = Feed(id="tag:example.org,2026:feed", title="News", home=SITE, place=SITE)
SOUND = Enclosure(src=f"{SITE}one.mp3", type="audio/mpeg", length=12_345, duration=61)
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
EPISODE = Entry(
    id="tag:example.org,2026:1",
    url=f"{SITE}1/",
    title="One",
    published=WHEN,
    updated=WHEN,
    authors=(Person(name="Jane Doe"), Person(name="Bob")),
    image=Image(src=f"{SITE}one.png", alt="A microphone"),
    enclosure=SOUND,
    season=2,
    episode=7,
)


def document(form: Format, feed: Feed, entry: Entry) -> bytes:
    return RENDERERS[form].render(feed, [render_entry(entry, feed.podcast)])


def texts(element: etree._Element, path: str) -> list[str]:
    return [str(found.text) for found in element.iterfind(path, NAMESPACES)]


def test_a_file_is_one_enclosure_and_never_the_alternate_link() -> None:
    given = replace(EPISODE, enclosure=replace(SOUND, type=""))
    enclosures = etree.fromstring(document("rss", FEED, given)).findall(".//enclosure")
    expected = {"url": SOUND.src, "length": "12345", "type": "audio/mpeg"}
    assert [dict(found.attrib) for found in enclosures] == [expected]
    page, file = etree.fromstring(document("atom", FEED, given)).findall("atom:entry/atom:link", NAMESPACES)
    assert (page.get("rel"), page.get("href")) == ("alternate", given.url)
    assert dict(file.attrib) == {
        "rel": "enclosure",
        "href": SOUND.src,
        "length": "12345",
        "type": "audio/mpeg",
    }
    assert json.loads(document("json", FEED, given))["items"][0]["attachments"] == [
        {"url": SOUND.src, "mime_type": "audio/mpeg", "size_in_bytes": 12_345, "duration_in_seconds": 61}
    ]


def test_an_audio_file_alone_makes_no_podcast() -> None:
    for form in FORMATS:
        assert b"itunes:" not in document(form, FEED, EPISODE).partition(b"<channel>")[2]


def test_a_podcast_says_what_directories_ask_for() -> None:
    root = etree.fromstring(document("rss", replace(FEED, podcast=SHOW), EPISODE))
    categories = root.iterfind(".//itunes:category", NAMESPACES)
    assert [found.get("text") for found in categories] == ["Society & Culture", "Documentary"]
    assert texts(root, "channel/itunes:explicit") == ["false"]
    assert [found.get("href") for found in root.iterfind("channel/itunes:image", NAMESPACES)] == [SHOW.image]
    assert texts(root, "channel/podcast:guid") == ["bab2ba12-9757-5da6-a770-0e70e6bcf214"]
    for name, text in (("duration", "61"), ("season", "2"), ("episode", "7"), ("author", "Jane Doe, Bob")):
        assert texts(root, f".//item/itunes:{name}") == [text]
    assert texts(root, ".//itunes:email") == []


def test_the_owner_of_a_podcast_is_reached_only_if_the_settings_say_so() -> None:
    show = replace(SHOW, email="studio@example.net", guid="917393e3-1b1e-5cef-ace4-edaa54e1f810")
    root = etree.fromstring(document("rss", replace(FEED, podcast=show), EPISODE))
    assert texts(root, "channel/itunes:owner/itunes:email") == ["studio@example.net"]
    assert texts(root, "channel/podcast:guid") == ["917393e3-1b1e-5cef-ace4-edaa54e1f810"]


def test_an_article_without_a_file_is_no_episode() -> None:
    root = etree.fromstring(document("rss", replace(FEED, podcast=SHOW), replace(EPISODE, enclosure=None)))
    item = root.find("channel/item")
    assert item is not None
    assert item.findall("itunes:*", NAMESPACES) == []
    assert texts(item, "media:content/media:description") == ["A microphone"]
