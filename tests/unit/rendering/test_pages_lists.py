"""Index, archive, directory and notice pages."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from lxml import html

from pressrun.domain.articles import Card, Image
from pressrun.domain.listings import (
    ArchiveListing,
    ArchiveYear,
    Collection,
    Listing,
    Period,
)
from pressrun.domain.markup import SITE
from pressrun.domain.newsletters import MailSettings, Newsletter
from pressrun.domain.publication import NavLink, Person, Publication, ViewSettings
from pressrun.rendering import pages, readers
from pressrun.rendering.rehearsal import rehearse
from pressrun.rendering.theme import Theme

PUBLICATION = Publication(title="Harbour", url="https://example.org/blog", description="Tides and tools.")
THEME = Theme(PUBLICATION)
CARDS = tuple(
    Card(
        id=f"id{number}",
        path=f"p{number}/",
        title=f"Article {number}",
        date=datetime(2025, 11, 20, 12, tzinfo=UTC) - timedelta(days=number * 15),
        updated=datetime(2025, 11, 20, 12, tzinfo=UTC),
        authors=("Ana",),
        tags=("Maps",),
        image=Image(src=f"{SITE}/i.jpg", alt="described", width=6, height=4) if number < 2 else None,
    )
    for number in range(4)
)
TAG = Collection.tag("Salt & rope")


def tree(body: bytes) -> Any:
    return html.fromstring(body)


@pytest.mark.parametrize("number", range(16))
@pytest.mark.parametrize("url", ["https://example.org", "https://example.org/blog"])
def test_every_page_has_its_landmarks_and_runs_nothing(url: str, number: int) -> None:
    page = tree(rehearse(Theme(replace(PUBLICATION, url=url)))[number])
    assert [len(page.xpath(f"//body{path}")) for path in ("//h1", "/header", "/main", "/footer")] == [1] * 4
    assert page.xpath("//body/a[1]/@href") == ["#content"]
    assert page.xpath("//main/@id") == ["content"]
    assert page.xpath("//nav[not(@aria-label)]") == []
    assert page.xpath("//*[@style] | //style | //@*[starts-with(name(), 'on')]") == []
    assert page.xpath("//script/@type") in (["application/ld+json"], [])
    assert len(page.xpath('//link[@rel="alternate"]')) in (3, 6)
    assert page.xpath("//img[not(@alt)]") == []
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("number", range(16))
def test_no_page_skips_a_heading_level(number: int) -> None:
    levels = [int(h.tag[1]) for h in tree(rehearse(THEME)[number]).xpath("//h1|//h2|//h3|//h4")]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("number", range(16))
def test_every_link_within_the_site_carries_its_base(number: int) -> None:
    page = tree(rehearse(THEME)[number])
    local = [a for a in page.xpath("//@href | //@src") if not a.startswith(("http", "#", "mailto:", "feed:"))]
    assert [address for address in local if not address.startswith("/blog/")] == []


def test_the_home_page_leads_with_the_newest_article() -> None:
    page = tree(pages.index_page(THEME, Listing(cards=CARDS, older=Period(year=2025, month=9))))
    assert page.xpath("//h1")[0].text_content().strip() == "Harbour"
    assert page.xpath("//article//h2/a/@href") == ["/blog/p0/", "/blog/p1/", "/blog/p2/", "/blog/p3/"]
    assert "card-lead" in page.xpath("//article/@class")[0]
    older = page.xpath('//a[@rel="next"]')[0]
    assert (older.get("href"), older.text) == ("/blog/archive/2025/09/", "Older: September 2025")


def test_an_empty_publication_has_a_home_page() -> None:
    assert "Nothing has been published" in tree(pages.index_page(THEME, Listing())).text_content()


def test_pictures_beside_titles_are_ornaments_and_load_late() -> None:
    images = tree(pages.index_page(THEME, Listing(cards=CARDS))).xpath("//main//img")
    assert [(i.get("alt"), i.get("loading")) for i in images] == [("", None), ("", "lazy")]


def test_a_tags_page_announces_its_own_feeds_and_its_place() -> None:
    page = tree(pages.index_page(THEME, Listing(of=TAG, cards=CARDS)))
    feeds = page.xpath('//link[@rel="alternate"]/@href')
    assert feeds[3:] == [f"/blog/tags/salt-rope/{name}" for name in ("feed.xml", "atom.xml", "feed.json")]
    assert page.xpath('//nav[@class="trail"]//a/@href') == ["/blog/", "/blog/tags/"]
    crumbs = json.loads(page.xpath("//script/text()")[0])["@graph"][0]["itemListElement"]
    assert [(c["position"], c["name"], c["item"]) for c in crumbs] == [
        (1, "Home", "https://example.org/blog/"),
        (2, "Topics", "https://example.org/blog/tags/"),
        (3, "Salt & rope", "https://example.org/blog/tags/salt-rope/"),
    ]


def test_an_authors_page_introduces_them() -> None:
    person = Person(name="Ana", url="https://ana.example", bio="Keeps a tide table.")
    page = tree(pages.index_page(THEME, Listing(of=Collection.author("Ana"), cards=CARDS, person=person)))
    assert page.xpath('//a[@rel="me"]/@href') == ["https://ana.example"]
    assert page.xpath('//meta[@name="description"]/@content') == ["Keeps a tide table."]
    assert page.xpath('//link[@rel="canonical"]/@href') == ["https://example.org/blog/authors/ana/"]


def test_a_small_year_groups_its_articles_by_month() -> None:
    listing = ArchiveListing(period=Period(year=2025), cards=CARDS, newer=Period(year=2026))
    page = tree(pages.archive_page(THEME, listing))
    assert [(h.get("id"), h.text) for h in page.iter("h2")] == [
        ("m11", "November"),
        ("m10", "October"),
    ]
    assert page.xpath("//section[2]//li/a/@href") == ["/blog/p2/", "/blog/p3/"]
    assert page.xpath('//a[@rel="prev"]/@href') == ["/blog/archive/2026/"]


def test_a_large_year_lists_its_months() -> None:
    months = [12, 2, 1]
    items = tree(pages.archive_page(THEME, ArchiveListing(period=Period(year=2025), months=months)))
    assert items.xpath("//main//li[not(ancestor::nav)]/a/text()") == ["December", "February", "January"]
    assert items.xpath("//main/ul//a/@href")[0] == "/blog/archive/2025/12/"


def test_a_tags_year_stands_below_the_tag() -> None:
    listing = ArchiveListing(of=TAG, period=Period(year=2025), cards=CARDS, older=Period(year=2024))
    page = tree(pages.archive_page(THEME, listing))
    assert page.findtext(".//h1") == "Salt & rope: 2025"
    assert page.xpath('//link[@rel="canonical"]/@href') == ["https://example.org/blog/tags/salt-rope/2025/"]
    assert page.xpath('//a[@rel="next"]/@href') == ["/blog/tags/salt-rope/2024/"]


def test_the_archives_contents_lead_to_places_or_pages() -> None:
    months = [11]
    years = [ArchiveYear(year=2025, months=months), ArchiveYear(year=2024, months=months, small=False)]
    page = tree(pages.archive_index(THEME, years))
    assert page.xpath("//main//li/a/@href") == ["/blog/archive/2025/#m11", "/blog/archive/2024/11/"]


def test_the_feeds_page_gives_whole_addresses_to_copy() -> None:
    page = tree(pages.feeds_page(THEME, [TAG], [Collection.author("Ana")]))
    addresses = page.xpath('//code[@class="address"]/text()')
    assert addresses[:3] == [
        f"https://example.org/blog/{name}" for name in ("feed.xml", "atom.xml", "feed.json")
    ]
    assert addresses[3:] == [
        "https://example.org/blog/tags/salt-rope/feed.xml",
        "https://example.org/blog/authors/ana/feed.xml",
    ]
    assert page.xpath('//a[@type="text/x-opml"]/@href') == ["/blog/feeds.opml"]


@pytest.mark.parametrize("page", [pages.not_found_page, pages.gone_page])
def test_notices_are_not_indexed_and_lead_on(page: Any) -> None:
    notice = tree(page(THEME))
    assert notice.xpath('//meta[@name="robots"]/@content') == ["noindex"]
    assert notice.xpath('//link[@rel="canonical"]') == []
    assert "/blog/archive/" in notice.xpath("//main//a/@href")


@pytest.mark.parametrize(
    ("target", "url", "canonical"),
    [
        ("hello/", "/blog/hello/", "https://example.org/blog/hello/"),
        ("/é b/", "/blog/%C3%A9%20b/", "https://example.org/blog/%C3%A9%20b/"),
        ("//evil.example/", "/blog/evil.example/", "https://example.org/blog/evil.example/"),
        ("javascript:alert(1)", "/blog/javascript:alert(1)", "https://example.org/blog/javascript:alert(1)"),
        ("https://new.example/a", "https://new.example/a", "https://new.example/a"),
    ],
)
def test_redirects_lead_into_the_site_or_to_the_web(target: str, url: str, canonical: str) -> None:
    page = tree(pages.redirect_page(THEME, target))
    assert page.xpath('//meta[@http-equiv="refresh"]/@content') == [f"0; url={url}"]
    assert page.xpath('//link[@rel="canonical"]/@href') == [canonical]
    assert page.xpath("//main//a/@href") == [url]


def test_the_publications_own_navigation_takes_the_place_of_the_default() -> None:
    nav = (
        NavLink(title="About", url="/über uns/?a=b#c"),
        NavLink(title="Code", url="https://code.example/x"),
        NavLink(title="Bad", url="javascript:alert(1)"),
    )
    page = tree(pages.not_found_page(Theme(replace(PUBLICATION, nav=nav))))
    assert page.xpath('//nav[@class="menu"]//a/@href') == [
        "/blog/%C3%BCber%20uns/?a=b#c",
        "https://code.example/x",
        "",
        "/blog/search/",
    ]


def test_the_icon_is_the_publications_initial() -> None:
    assert b">H</text>" in pages.favicon(THEME)
    assert b">\xc3\x84</text>" in pages.favicon(Theme(Publication(title="«älg»")))
    assert b">P</text>" in pages.favicon(Theme(Publication(title="<>&")))


def test_the_readers_guide_offers_what_the_settings_do() -> None:
    """Mail, its rhythms and leaving by letter only where there is a newsletter; how views are really counted."""
    bare = tree(readers.guide_page(THEME))
    assert bare.xpath("//main//h2/@id") == ["reading", "feeds", "privacy"]
    assert "/blog/subscribe/" not in bare.xpath("//@href")
    assert "the log that the web server writes" in bare.text_content()
    letters = Newsletter(slug="l", name="Letters", sender="l@example.org", choices=("weekly",))
    full = replace(
        PUBLICATION,
        newsletters=(letters,),
        mail=MailSettings(confirm_hours=7, unsubscribe_address="leave@example.org"),
        views=ViewSettings(beacon=True),
    )
    page = tree(readers.guide_page(Theme(full)))
    said = page.text_content()
    assert page.xpath("//main//h2/@id") == ["reading", "feeds", "mail", "privacy"]
    assert "Letters (each article, once a week)" in said
    assert "The link works for 7 hours." in said
    assert "mailto:leave@example.org" in page.xpath("//main//@href")
    assert "A line of script tells this site" in said
    assert "the log that the web server writes" not in said


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_every_page_leads_to_the_guide_in_its_language(language: str) -> None:
    theme = Theme(replace(PUBLICATION, language=language))
    assert "/blog/readers/" in tree(pages.not_found_page(theme)).xpath("//footer//@href")
    said = tree(readers.guide_page(theme)).xpath("//main")[0].text_content()
    english = tree(readers.guide_page(THEME)).xpath("//main")[0].text_content()
    assert (said == english) == (language == "en")
    assert "guide." not in said
