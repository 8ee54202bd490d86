"""Article pages: what a reader, a browser and a search engine find on them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lxml import html

from pressrun.domain.articles import Article, Enclosure, Image
from pressrun.domain.markup import SITE
from pressrun.domain.publication import Person, Publication
from pressrun.rendering.pages import article_page
from pressrun.rendering.theme import Theme

PUBLICATION = Publication(
    title="The Quiet Harbour",
    url="https://example.org/blog",
    timezone="Europe/Lisbon",
    authors=(Person(name="Ana Ribeiro", url="https://ana.example"),),
)
DATE = datetime(2025, 7, 3, 23, 30, tzinfo=UTC)  # the fourth of July in Lisbon
ARTICLE = Article(
    id="tag:example.org,2025:tides",
    source="tides.md",
    path="tides/",
    title="The last tide clock",
    html=f'<h2>One</h2><p>Text with a <a href="{SITE}/about/">link</a>.</p>',
    date=DATE,
    updated=DATE,
    authors=("Ana Ribeiro", "Tomás Vale"),
    tags=("Public Clocks", "Work"),
    summary="For sixty years.",
    words=460,
)


def page(article: Article = ARTICLE, publication: Publication = PUBLICATION) -> Any:
    return html.fromstring(article_page(Theme(publication), article))


def linked_data(tree: Any) -> Any:
    return json.loads(tree.xpath('//script[@type="application/ld+json"]/text()')[0])


def test_the_head_names_the_article_and_where_it_lives() -> None:
    tree = page()
    meta = {m.get("property") or m.get("name"): m.get("content") for m in tree.iter("meta")}
    assert tree.findtext(".//title") == "The last tide clock — The Quiet Harbour"
    assert tree.xpath('//link[@rel="canonical"]/@href') == ["https://example.org/blog/tides/"]
    assert meta["og:url"] == "https://example.org/blog/tides/"
    assert meta["og:type"] == "article"
    assert meta["twitter:card"] == "summary"
    assert meta["description"] == meta["og:description"] == "For sixty years."
    assert meta["generator"] == "Pressrun"


def test_a_canonical_address_elsewhere_is_respected() -> None:
    tree = page(replace(ARTICLE, canonical="https://other.example/tides"))
    assert tree.xpath('//link[@rel="canonical"]/@href') == ["https://other.example/tides"]


def test_the_three_feeds_of_the_site_are_announced() -> None:
    links = page().xpath('//link[@rel="alternate"]')
    assert [(link.get("type"), link.get("href")) for link in links] == [
        ("application/rss+xml", "/blog/feed.xml"),
        ("application/atom+xml", "/blog/atom.xml"),
        ("application/feed+json", "/blog/feed.json"),
    ]


def test_links_and_images_on_the_page_carry_the_base_path() -> None:
    image = Image(src=f"{SITE}/wall.jpg", alt="A wall", width=800, height=600)
    tree = page(replace(ARTICLE, image=image))
    addresses = [
        a for a in tree.xpath("//@href | //@src") if not a.startswith(("http", "#", "mailto:", "feed:"))
    ]
    assert len(addresses) > 10
    assert [address for address in addresses if not address.startswith("/blog/")] == []


def test_dates_are_those_of_the_publications_time_zone() -> None:
    first = page().xpath("//article//time")[0]
    assert first.get("datetime") == "2025-07-04T00:30:00+01:00"
    assert first.text == "July 4, 2025"


@pytest.mark.parametrize(("hours", "shown"), [(0, 0), (23, 0), (24, 1), (900, 1)])
def test_an_update_is_shown_from_a_day_on(hours: int, shown: int) -> None:
    tree = page(replace(ARTICLE, updated=DATE + timedelta(hours=hours)))
    assert len(tree.xpath('//*[@class="updated"]')) == shown


def test_the_byline_links_each_author() -> None:
    byline = page().xpath('//p[@class="byline"]')[0]
    assert byline.text_content() == "By Ana Ribeiro and Tomás Vale"
    assert byline.xpath('a[@rel="author"]/@href') == [
        "/blog/authors/ana-ribeiro/",
        "/blog/authors/tom%C3%A1s-vale/",
    ]


def test_reading_time_counts_and_inflects() -> None:
    assert "2 minutes to read" in page().text_content()
    assert "1 minute to read" in page(replace(ARTICLE, words=3)).text_content()
    assert "to read" not in page(replace(ARTICLE, words=0)).text_content()


def test_an_image_that_the_text_shows_is_not_shown_twice() -> None:
    image = Image(src=f"{SITE}/a&b.jpg", alt="A wall")
    within = replace(ARTICLE, image=image, html=f'<p><img src="{SITE}/a&amp;b.jpg" alt=""></p>')
    assert page(replace(ARTICLE, image=image)).xpath("//main//img/@src") == ["/blog/a&b.jpg"]
    assert len(page(within).xpath("//main//img")) == 1
    assert page(within).xpath('//meta[@property="og:image"]/@content') == ["https://example.org/blog/a&b.jpg"]


@pytest.mark.parametrize(
    "html_text", ["<p>For <em>sixty</em>  years. And on.</p>", "<p>For sixty years.</p>"]
)
def test_a_summary_cut_from_the_text_is_not_printed_above_it(html_text: str) -> None:
    assert page(replace(ARTICLE, html=html_text)).xpath('//*[@class="standfirst"]') == []
    assert page().xpath('//*[@class="standfirst"]/text()') == ["For sixty years."]


def test_a_recording_can_be_played_and_downloaded() -> None:
    audio = Enclosure(src=f"{SITE}/a.mp3", type="audio/mpeg", length=23_400_000, duration=3723)
    figure = page(replace(ARTICLE, audio=audio)).xpath('//figure[@class="player"]')[0]
    assert figure.xpath("audio[@controls]/@src") == ["/blog/a.mp3"]
    assert figure.xpath(".//a[@download]/@href") == ["/blog/a.mp3"]
    assert "1:02:03" in figure.text_content()
    assert "23.4\xa0MB" in figure.text_content()


def test_a_video_gets_a_video_player() -> None:
    tree = page(replace(ARTICLE, audio=Enclosure(src=f"{SITE}/a.mp4", type="video/mp4")))
    assert (len(tree.xpath("//video")), len(tree.xpath("//audio"))) == (1, 0)


def test_view_counts_have_a_place_and_remember_what_was_imported() -> None:
    place = page(replace(ARTICLE, views=1204)).xpath("//*[@data-views]")[0]
    assert (place.get("data-views"), place.get("data-imported")) == ("tides/", "1204")
    assert (place.get("hidden"), place.text_content()) == (None, "1,204 views")
    assert place.get("data-totals") == "/blog/views/totals/articles-8.json"
    bare = page(ARTICLE).xpath("//*[@data-views]")[0]
    assert (bare.get("hidden"), bare.text_content()) == ("", "")


def test_headings_stay_below_the_title_and_in_order() -> None:
    tree = page(replace(ARTICLE, html="<h1>Part</h1><h2>Chapter</h2><p>&lt;h1&gt;</p>"))
    assert [h.text_content() for h in tree.iter("h1")] == ["The last tide clock"]
    assert [
        (h.tag, h.text_content()) for h in tree.xpath('//div[@class="content"]/*[self::h2 or self::h3]')
    ] == [
        ("h2", "Part"),
        ("h3", "Chapter"),
    ]


def test_an_article_in_another_language_says_so_and_its_frame_does_not() -> None:
    article = page(replace(ARTICLE, language="ar")).xpath("//article")[0]
    assert (article.get("lang"), article.get("dir")) == ("ar", "rtl")
    assert article.xpath('.//footer[@class="article-foot"]/@lang') == ["en"]
    assert page(replace(ARTICLE, language="en")).xpath("//article/@lang") == []


def test_linked_data_describes_the_article() -> None:
    posting = linked_data(page())
    assert posting["@type"] == "BlogPosting"
    assert posting["headline"] == "The last tide clock"
    assert posting["datePublished"] == "2025-07-04T00:30:00+01:00"
    assert posting["author"][0] == {
        "@type": "Person",
        "name": "Ana Ribeiro",
        "url": "https://example.org/blog/authors/ana-ribeiro/",
        "sameAs": "https://ana.example",
    }


def test_the_same_article_gives_the_same_bytes_whatever_was_rendered_before() -> None:
    used = Theme(PUBLICATION)
    article_page(used, replace(ARTICLE, title="Another", tags=("Z",), authors=("Z",)))
    assert article_page(used, ARTICLE) == article_page(Theme(PUBLICATION), ARTICLE)
