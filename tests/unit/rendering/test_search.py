"""The index that browsers search in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest
from lxml import etree

from pressrun.domain.articles import Card
from pressrun.domain.publication import Publication
from pressrun.domain.search import COMMON, MAX_WORDS, folded, words_of
from pressrun.rendering.search import render_opensearch, render_texts, render_titles
from pressrun.rendering.theme import Theme

DATE = datetime(2026, 5, 1, 23, 30, tzinfo=UTC)
CARD = Card(
    id="a", path="tide/", title="The tide", date=DATE, updated=DATE, tags=("Sea",), summary="It rises."
)
THEME = Theme(Publication(title="Harbour & quay", url="https://example.org/blog", timezone="Europe/Lisbon"))


@pytest.mark.parametrize(
    ("text", "found"),
    [("Kürbiß", "kurbiss"), ("ÉTÉ", "ete"), ("Œuvre", "oeuvre"), ("Łódź", "lodz"), ("ﬁn", "fin"),
     ("İstanbul", "istanbul")],
)  # fmt: skip
def test_case_accents_and_ligatures_do_not_count(text: str, found: str) -> None:
    assert folded(text) == found


def test_an_articles_words_are_those_that_are_read() -> None:
    """Once each, in order; no names of tags and attributes, no single letters."""
    html = '<p class="lead">Tide &amp; tide, a <em>Würfel</em></p><pre><code>x = tide_2</code></pre>'
    assert words_of(html) == "tide wurfel"


def test_common_words_are_as_the_index_has_them() -> None:
    assert all(words_of(word) == word for words in COMMON.values() for word in words)


def test_text_without_spaces_is_cut_into_pairs() -> None:
    assert words_of("<p>東京タワー 1958</p>") == "東京 京タ タワ ワー 1958"


def test_no_article_fills_the_index() -> None:
    words = words_of(" ".join(f"w{number}" for number in range(10_000)) + " " + "x" * 500)
    assert MAX_WORDS <= len(words.split()) <= MAX_WORDS + 10


def test_a_months_titles_say_where_an_article_is_and_when() -> None:
    """In the publication's time zone; its language where it is another."""
    cards = [CARD, replace(CARD, id="b", path="été/", language="fr", tags=())]
    assert orjson.loads(render_titles(THEME, cards))["articles"] == [
        ["/blog/tide/", "The tide", "2026-05-02", ["Sea"], [], ""],
        ["/blog/%C3%A9t%C3%A9/", "The tide", "2026-05-02", [], [], "fr"],
    ]


def test_a_months_texts_say_which_article_holds_a_word() -> None:
    """Without those that nearly every text of its language holds."""
    cards = [CARD, replace(CARD, id="b", language="de-AT"), replace(CARD, id="withdrawn")]
    found = orjson.loads(render_texts(THEME, cards, {"a": "moon the tide", "b": "die sea tide"}))
    assert dict(zip(found["words"].split(), found["in"], strict=True)) == {
        "moon": [0],
        "sea": [1],
        "tide": [0, 1],
    }
    assert found["summaries"] == ["It rises."] * 3


def test_browsers_are_told_how_to_search() -> None:
    root = etree.fromstring(render_opensearch(THEME))
    space = {"o": "http://a9.com/-/spec/opensearch/1.1/"}
    assert root.findtext("o:ShortName", namespaces=space) == "Harbour & quay"
    assert root.xpath("o:Url/@template", namespaces=space) == [
        "https://example.org/blog/search/?q={searchTerms}"
    ]
