"""The list of all feeds."""

from __future__ import annotations

from lxml import etree

from pressrun.domain.feeds import Feed
from pressrun.rendering.opml import render_opml

SITE = "https://example.org/"
NEWS = Feed(
    id="tag:example.org,2026:feed", title="News & <more>", home=SITE, place=SITE, description="All of it"
)
RUST = Feed(
    id="tag:example.org,2026:tags/rust", title="Rust\x00", home=f"{SITE}tags/rust/", place=f"{SITE}tags/rust/"
)


def test_every_feed_can_be_subscribed_to_from_its_group() -> None:
    root = etree.fromstring(render_opml("News", [("", [NEWS]), ("Tags", [RUST]), ("Authors", [])]))
    assert (root.get("version"), root.findtext("head/title")) == ("2.0", "News")
    assert root.xpath("body/outline/@text") == ["News & <more>", "Tags"]
    assert root.xpath("body/outline[@text='Tags']/outline/@xmlUrl") == [f"{SITE}tags/rust/feed.xml"]


def test_an_outline_says_what_a_reader_shows() -> None:
    root = etree.fromstring(render_opml("News", [("", [NEWS])]))
    outline = root.find("body/outline")
    assert outline is not None
    assert dict(outline.attrib) == {
        "type": "rss",
        "version": "RSS2",
        "text": "News & <more>",
        "title": "News & <more>",
        "description": "All of it",
        "language": "en",
        "htmlUrl": SITE,
        "xmlUrl": f"{SITE}feed.xml",
    }


def test_the_list_has_no_date_so_that_it_stays_the_same() -> None:
    first = render_opml("News", [("Tags", [RUST])])
    assert render_opml("News", [("Tags", [RUST])]) == first
    assert b"date" not in first.lower()
