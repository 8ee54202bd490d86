"""Feed documents: what readers, validators and directories rely on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import feedparser
import jsonschema
import pytest
from lxml import etree

from pressrun.domain.articles import Enclosure, Image
from pressrun.domain.feeds import FORMATS, NEVER, Entry, Feed, Format
from pressrun.domain.publication import Person
from pressrun.rendering.feeds import RENDERERS, render_entries

DATA = Path(__file__).parents[2] / "data"
SITE = "https://example.org/"
ATOM = "{http://www.w3.org/2005/Atom}"
NAMESPACES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "fh": "http://purl.org/syndication/history/1.0",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
}
JANE = Person(name="Jane Doe", url=f"{SITE}authors/jane/")
FEED = Feed(
    id="tag:example.org,2026:feed",
    title="News",
    home=SITE,
    place=SITE,
    updated=datetime(2026, 3, 1, tzinfo=UTC),
    description="All articles",
    authors=(JANE,),
    ttl_minutes=60,
)


def entry(number: int = 1, **changes: Any) -> Entry:
    day = datetime(2026, 1, 1, 9, 30, tzinfo=UTC) + timedelta(days=number)
    made = Entry(
        id=f"tag:example.org,2026:{number}",
        url=f"{SITE}{number}/",
        title=f"Article {number}",
        published=day,
        updated=day + timedelta(hours=1),
        summary="In short",
        content=f'<p>Hello &amp; <a href="{SITE}">welcome</a></p>',
        authors=(JANE,),
        tags=("rust", "web"),
        tag_scheme=f"{SITE}tags/",
    )
    return replace(made, **changes)


def document(form: Format, feed: Feed = FEED, *entries: Entry) -> bytes:
    return RENDERERS[form].render(feed, render_entries(entries))


def xml(form: Format, feed: Feed = FEED, *entries: Entry) -> etree._Element:
    return etree.fromstring(document(form, feed, *entries))


def read(feed: Feed = FEED, *entries: Entry) -> Any:
    return json.loads(document("json", feed, *entries))


def texts(element: etree._Element, path: str) -> list[str]:
    return [str(found.text) for found in element.iterfind(path, NAMESPACES)]


def links(root: etree._Element) -> dict[str, str]:
    parent = root if root.tag == f"{ATOM}feed" else root[0]
    return {str(link.get("rel")): str(link.get("href")) for link in parent.iterfind("atom:link", NAMESPACES)}


VARIANTS: dict[str, tuple[Feed, tuple[Entry, ...]]] = {
    "site": (FEED, (entry(2), entry(1))),
    "bare": (
        Feed(id="tag:example.org,2026:x", title="T", home=SITE, place=SITE),
        (entry(summary="", content="", authors=(), tags=(), tag_scheme=""),),
    ),
    "empty": (replace(FEED, updated=NEVER), ()),
    "archive": (
        replace(FEED, current=SITE, older=f"{SITE}archive/2025-12/", newer=f"{SITE}archive/2026-01-2/"),
        (entry(),),
    ),
    "hub and pictures": (
        replace(FEED, hub="https://hub.example.net/", logo=f"{SITE}logo.png", icon=f"{SITE}icon.png"),
        (entry(image=Image(src=f"{SITE}a b.png", alt="A picture")),),
    ),
    "sound": (FEED, (entry(enclosure=Enclosure(src=f"{SITE}one.mp3")),)),
    "languages": (replace(FEED, language="de-CH"), (entry(language="fr"),)),
    "blank": (replace(FEED, title=" ", description=""), (entry(title="\x00 "),)),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_atom_is_valid_by_the_schema_of_the_rfc(variant: str) -> None:
    schema = etree.RelaxNG(etree.parse(DATA / "atom.rng"))
    feed, entries = VARIANTS[variant]
    schema.assertValid(etree.fromstring(document("atom", feed, *entries)))


@pytest.mark.parametrize("variant", VARIANTS)
def test_json_is_valid_by_its_schema_and_what_that_forgets(variant: str) -> None:
    feed, entries = VARIANTS[variant]
    found = read(feed, *entries)
    jsonschema.validate(found, json.loads((DATA / "jsonfeed-1.1.bundled.schema.json").read_text()))
    assert found["version"] == "https://jsonfeed.org/version/1.1"
    assert found["feed_url"] == f"{SITE}feed.json"
    assert found["home_page_url"] == SITE
    assert all(isinstance(item["id"], str) and "content_html" in item for item in found["items"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_readers_find_nothing_to_mend(variant: str) -> None:
    feed, entries = VARIANTS[variant]
    for form in ("rss", "atom"):
        parsed = feedparser.parse(document(form, feed, *entries))
        assert not parsed.bozo
        assert [found.id for found in parsed.entries] == [given.id for given in entries]


def test_the_same_entry_says_the_same_in_every_format() -> None:
    given = entry(title="Fish & Chips <3", summary="a < b & c")
    rss = feedparser.parse(document("rss", FEED, given), sanitize_html=False).entries[0]
    atom = feedparser.parse(document("atom", FEED, given), sanitize_html=False).entries[0]
    item = read(FEED, given)["items"][0]
    assert rss.id == atom.id == item["id"] == given.id
    assert rss.link == atom.link == item["url"] == given.url
    assert rss.content[0].value == atom.content[0].value == item["content_html"] == given.content
    assert rss.published_parsed == atom.published_parsed
    assert rss.summary == atom.summary == "a &lt; b &amp; c"
    assert (item["title"], item["summary"]) == ("Fish & Chips <3", "a < b & c")


def test_the_channel_links_the_page_and_itself_exactly_once() -> None:
    root = xml("rss", replace(FEED, hub="https://hub.example.net/", older=f"{SITE}archive/2025-12/"))
    assert texts(root, "channel/link") == [SITE]
    found = root.findall("channel/atom:link[@rel='self']", NAMESPACES)
    assert [(link.get("href"), link.get("type")) for link in found] == [
        (f"{SITE}feed.xml", "application/rss+xml")
    ]


def test_an_atom_feed_links_its_page_and_itself() -> None:
    found = links(xml("atom", FEED, entry()))
    assert found == {"alternate": SITE, "self": f"{SITE}atom.xml"}


@pytest.mark.parametrize("form", ["rss", "atom"])
def test_hub_and_older_archive_are_linked(form: Format) -> None:
    root = xml(form, replace(FEED, hub="https://hub.example.net/", older=f"{SITE}archive/2025-12/"))
    assert links(root)["hub"] == "https://hub.example.net/"
    assert links(root)["prev-archive"] == f"{SITE}archive/2025-12/{RENDERERS[form].file}"
    assert root.find(".//fh:archive", NAMESPACES) is None


@pytest.mark.parametrize("form", ["rss", "atom"])
def test_an_archive_says_that_it_is_one_and_leads_on_and_back(form: Format) -> None:
    place = f"{SITE}archive/2026-01/"
    feed = replace(
        FEED, place=place, current=SITE, older=f"{SITE}archive/2025-12/", newer=f"{SITE}archive/2026-02/"
    )
    root, file = xml(form, feed, entry()), RENDERERS[form].file
    assert root.find(".//fh:archive", NAMESPACES) is not None
    assert {rel: url for rel, url in links(root).items() if rel != "alternate"} == {
        "self": f"{place}{file}",
        "current": f"{SITE}{file}",
        "prev-archive": f"{SITE}archive/2025-12/{file}",
        "next-archive": f"{SITE}archive/2026-02/{file}",
    }


def test_json_goes_on_at_the_older_archive_and_names_the_hub() -> None:
    found = read(replace(FEED, older=f"{SITE}archive/2025-12/", hub="https://hub.example.net/"))
    assert found["next_url"] == f"{SITE}archive/2025-12/feed.json"
    assert found["hubs"] == [{"type": "WebSub", "url": "https://hub.example.net/"}]
    assert "next_url" not in read(FEED)


def test_summary_precedes_content_and_the_guid_is_no_permalink() -> None:
    item = xml("rss", FEED, entry()).find("channel/item")
    assert item is not None
    names = [etree.QName(child).localname for child in item]
    assert names.index("description") < names.index("encoded")
    guid = item.find("guid")
    assert guid is not None
    assert (guid.text, guid.get("isPermaLink")) == ("tag:example.org,2026:1", "false")


def test_without_a_summary_the_description_is_the_content() -> None:
    item = xml("rss", FEED, entry(summary="", content="<p>All of it</p>"))
    assert texts(item, ".//item/description") == ["<p>All of it</p>"]


def test_the_texts_of_atom_are_typed() -> None:
    root = xml("atom", replace(FEED, title="A & B"), entry(title="<b>", content="<p>x</p>"))
    for name, text in (("title", "&lt;b&gt;"), ("summary", "In short"), ("content", "<p>x</p>")):
        assert texts(root, f"atom:entry/atom:{name}[@type='html']") == [text]
    assert texts(root, "atom:title[@type='html']") == ["A &amp; B"]
    assert b"CDATA" not in document("atom", FEED, entry())


def test_dates_keep_their_offset_in_both_notations() -> None:
    when = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    given, feed = entry(published=when, updated=when), replace(FEED, updated=when)
    assert texts(xml("rss", feed, given), ".//pubDate") == ["Tue, 03 Feb 2026 04:05:06 +0530"]
    assert texts(xml("rss", feed, given), ".//lastBuildDate") == ["Tue, 03 Feb 2026 04:05:06 +0530"]
    assert texts(xml("atom", feed, given), ".//atom:published") == ["2026-02-03T04:05:06+05:30"]
    assert texts(xml("atom", feed, given), ".//atom:updated") == ["2026-02-03T04:05:06+05:30"] * 2
    assert read(feed, given)["items"][0]["date_modified"] == "2026-02-03T04:05:06+05:30"


def test_a_moment_by_the_sun_is_told_in_utc() -> None:
    amsterdam = timezone(timedelta(minutes=19, seconds=32))  # until 1937: neither notation can say it
    given = entry(published=datetime(1920, 1, 1, 12, tzinfo=amsterdam))
    assert texts(xml("atom", FEED, given), ".//atom:published") == ["1920-01-01T11:40:28+00:00"]


def test_the_generator_has_no_version_that_would_change_an_etag() -> None:
    assert texts(xml("rss"), "channel/generator") == ["Pressrun"]
    generator = xml("atom").find("atom:generator", NAMESPACES)
    assert generator is not None
    assert (generator.text, dict(generator.attrib)) == ("Pressrun", {})


def test_a_feed_without_entries_has_a_date_only_where_it_must() -> None:
    feed = replace(FEED, updated=NEVER)
    assert texts(xml("rss", feed), ".//lastBuildDate") == []
    assert texts(xml("atom", feed), "atom:updated") == ["2000-01-01T00:00:00+00:00"]


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_input_gives_the_same_bytes(form: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    before = document(form, FEED, entry())
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert document(form, FEED, entry()) == before


def test_names_stand_in_feed_and_entry_and_mail_addresses_nowhere() -> None:
    who = Person(name="Ann <ann@example.net>", url="mailto:ann@example.net")
    feed, given = replace(FEED, authors=(who, Person(name="bob@example.net"))), entry(authors=(who,))
    for form in FORMATS:
        assert b"@example.net" not in document(form, feed, given)
    assert texts(xml("rss", feed, given), "channel/dc:creator") == ["Ann", "bob"]
    assert texts(xml("rss", feed, given), ".//item/dc:creator") == ["Ann"]
    assert texts(xml("atom", feed, given), ".//atom:entry/atom:author/atom:name") == ["Ann"]
    assert read(feed, given)["items"][0]["authors"] == [{"name": "Ann"}]


def test_tags_stand_once_each_with_their_scheme() -> None:
    given = entry(tags=("web & co", "web  & co", " "))
    categories = xml("atom", FEED, given).findall(".//atom:category", NAMESPACES)
    expected = {"term": "web & co", "label": "web & co", "scheme": f"{SITE}tags/"}
    assert [dict(category.attrib) for category in categories] == [expected]
    assert texts(xml("rss", FEED, given), ".//item/category") == ["web & co"]
    assert read(FEED, given)["items"][0]["tags"] == ["web & co"]


def test_a_language_of_its_own_stands_on_the_entry() -> None:
    other, unknown = entry(2, language="fr"), entry(1, language="qq-tlh!")
    root = xml("atom", replace(FEED, language="de_CH"), other, unknown)
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    assert root.get(lang) == "de-CH"
    assert [found.get(lang) for found in root.iterfind("atom:entry", NAMESPACES)] == ["fr", None]
    assert texts(xml("rss", FEED, other, unknown), ".//item/dc:language") == ["fr"]


@pytest.mark.parametrize(
    ("minutes", "period", "frequency"),
    [
        (60, "hourly", "1"),
        (15, "hourly", "4"),
        (90, "daily", "16"),
        (1440, "daily", "1"),
        (100_000, "monthly", "1"),
    ],
)
def test_the_update_period_agrees_with_the_time_to_live(minutes: int, period: str, frequency: str) -> None:
    root = xml("rss", replace(FEED, ttl_minutes=minutes))
    assert texts(root, "channel/ttl") == [str(minutes)]
    assert texts(root, "channel/sy:updatePeriod") == [period]
    assert texts(root, "channel/sy:updateFrequency") == [frequency]


@pytest.mark.parametrize("form", ["rss", "atom"])
def test_a_browser_shows_a_word_for_people_and_may_use_a_style_sheet(form: Format) -> None:
    plain, styled = document(form), document(form, replace(FEED, stylesheet="/a b/feed.css?a&b"))
    assert plain.splitlines()[1].startswith(b"<!-- This is a feed")
    assert styled.splitlines()[1] == b'<?xml-stylesheet type="text/css" href="/a%20b/feed.css?a&amp;b"?>'
