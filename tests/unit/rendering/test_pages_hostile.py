"""What authors write stays text, wherever a page prints it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import html

from pressrun.domain.articles import Article, Card, Enclosure, Image
from pressrun.domain.listings import ArchiveListing, Collection, Listing, Period
from pressrun.domain.publication import Person, Publication
from pressrun.rendering import pages
from pressrun.rendering.theme import Theme

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    '" onload="alert(1)" x="',
    "' onmouseover='alert(1)",
    "{{ 7*7 }}{% raw %}${7*7}",
    "<img src=x onerror=alert(1)>",
    "a\u2028b\u2029c]]>",
    "&lt;b&gt; &amp;",
]
DATE = datetime(2025, 11, 3, tzinfo=UTC)


def parsed(page: bytes) -> Any:
    return html.fromstring(page)


def every_page(text: str) -> list[bytes]:
    """Every kind of page, with `text` wherever an author or editor can put it."""
    person = Person(name=text, bio=text, url="https://a.example")
    theme = Theme(
        Publication(
            title=text, description=text, copyright=text, authors=(person,), url="https://example.org"
        )
    )
    article = Article(
        id="x", source="x.md", path="x/", title=text, html="<p>x</p>", date=DATE, updated=DATE,
        authors=(text,), tags=(text,), summary=text, image=Image(src="https://example.org/i.png", alt=text),
    )  # fmt: skip
    card = Card(
        id="x", path="x/", title=text, date=DATE, updated=DATE, authors=(text,), tags=(text,), summary=text
    )
    tag, author = Collection.tag(text), Collection.author(text)
    return [
        pages.article_page(theme, article),
        pages.index_page(theme, Listing(cards=(card,))),
        pages.index_page(theme, Listing(of=tag, cards=(card,))),
        pages.index_page(theme, Listing(of=author, cards=(card,), person=person)),
        pages.archive_page(theme, ArchiveListing(of=tag, period=Period(year=2025), cards=(card,))),
        pages.terms_page(theme, "tag", [tag]),
        pages.feeds_page(theme, [tag], [author]),
        pages.not_found_page(theme),
    ]


def shape(page: bytes) -> list[tuple[str, list[str]]]:
    """The elements of a page and the names of their attributes: what text must not be able to change."""
    return [(e.tag, sorted(e.attrib)) for e in parsed(page).iter() if isinstance(e.tag, str)]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_changes_the_shape_of_a_page(text: str) -> None:
    for harmless, hostile in zip(every_page("harmless"), every_page(text), strict=True):
        assert shape(hostile) == shape(harmless)


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_are_printed_as_they_were_written(text: str) -> None:
    tree = parsed(every_page(text)[0])
    assert tree.findtext(".//h1") == text
    assert tree.xpath('//meta[@property="og:title"]/@content') == [text]


@pytest.mark.parametrize("text", HOSTILE)
def test_linked_data_holds_no_markup_and_says_the_same(text: str) -> None:
    for page in every_page(text):
        for script in parsed(page).xpath("//script/text()"):
            assert not set("<>&\u2028\u2029") & set(script)
    posting: Any = json.loads(parsed(every_page(text)[0]).xpath("//script/text()")[0])
    assert (posting["headline"], posting["author"][0]["name"], posting["keywords"]) == (text, text, [text])


def test_addresses_that_would_run_are_not_written() -> None:
    bad = "javascript:alert(1)"
    article = Article(
        id="x", source="x.md", path="x/", title="T", html="", date=DATE, updated=DATE, canonical=bad,
        image=Image(src=bad), audio=Enclosure(src=bad, type="audio/mpeg"), authors=("A",),
    )  # fmt: skip
    person = Person(name="A", url=bad)
    theme = Theme(Publication(authors=(person,)))
    listing = Listing(of=Collection.author("A"), person=person)
    for page in (pages.article_page(theme, article), pages.index_page(theme, listing)):
        assert b"javascript" not in page
