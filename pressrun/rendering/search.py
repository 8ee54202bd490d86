"""What a browser searches in, and finds related articles in: files made of a month's, or a tag's, articles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import filterfalse

import orjson
from lxml import etree

from pressrun.domain.articles import Card
from pressrun.domain.search import COMMON, common_in
from pressrun.rendering.theme import Theme

MEDIA_TYPE = "application/json"
OPENSEARCH_TYPE = "application/opensearchdescription+xml"
_OPENSEARCH = "http://a9.com/-/spec/opensearch/1.1/"


def render_titles(theme: Theme, cards: Sequence[Card]) -> bytes:
    """`search/2026-11.json`: address, title, day, tags, authors and language of each article, oldest first."""
    articles = [
        [
            theme.href(f"/{card.path}"),
            card.title,
            theme.local(card.date).date().isoformat(),
            card.tags,
            card.authors,
            theme.foreign(card.language),
        ]
        for card in cards
    ]
    return orjson.dumps({"articles": articles})


def render_texts(theme: Theme, cards: Sequence[Card], words: Mapping[str, str]) -> bytes:
    """`search/2026-11.text.json`: which articles of the month hold which word, and their summaries.

    `words` by the articles' ids, as `words_of` gives them; those that are common in an article's language are left
    out. Articles are counted from 0, as in the month's titles.
    """
    places: defaultdict[str, list[int]] = defaultdict(list)
    for number, card in enumerate(cards):
        common = common_in(card.language or theme.publication.language)
        for word in filterfalse(common.__contains__, words.get(card.id, "").split()):
            places[word].append(number)
    known = sorted(places)
    summaries = [card.summary for card in cards]
    return orjson.dumps(
        {"words": " ".join(known), "in": [places[word] for word in known], "summaries": summaries}
    )


def render_more(theme: Theme, cards: Sequence[Card]) -> bytes:
    """`tags/<slug>/more.json`: what pages with this tag choose related articles from; `cards` newest first."""
    articles = [
        [
            theme.href(f"/{card.path}"),
            card.title,
            theme.local(card.date).date().isoformat(),
            theme.foreign(card.language),
        ]
        for card in cards
    ]
    return orjson.dumps({"articles": articles})


def render_months(months: Sequence[str]) -> bytes:
    """`search/months.json`: the months that have articles, newest first; `months` come oldest first.

    And by language the words that no text need hold for an article to be found.
    """
    common = {language: " ".join(sorted(words)) for language, words in COMMON.items()}
    return orjson.dumps({"months": months[::-1], "common": common})


def render_opensearch(theme: Theme) -> bytes:
    """`opensearch.xml`: how browsers ask the site's own search (OpenSearch 1.1)."""
    root = etree.Element(f"{{{_OPENSEARCH}}}OpenSearchDescription", nsmap={None: _OPENSEARCH})  # type: ignore[dict-item]

    def add(name: str, text: str = "", **values: str) -> None:
        etree.SubElement(root, f"{{{_OPENSEARCH}}}{name}", values).text = text or None

    title = theme.publication.title
    add("ShortName", title[:16])
    add("Description", theme.words.text("search.about", title=title)[:1024])
    add("InputEncoding", "UTF-8")
    add("Image", theme.absolute("/favicon.svg"), type="image/svg+xml")
    add("Url", type="text/html", template=f"{theme.absolute('/search/')}?q={{searchTerms}}")
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
