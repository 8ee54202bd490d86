"""Plain text: title, byline, imported views, section headings, paragraphs."""

from __future__ import annotations

import re

import pytest


def html_of(article):
    return re.sub(r'<a class="anchor".*?</a>| id="[^"]*"', "", article.html)


@pytest.mark.parametrize(
    ("byline", "authors", "views"),
    [
        ("by Jane Doe", ("Jane Doe",), 0),
        ("by Jane Doe <jane@x.org>", ("Jane Doe",), 0),
        ("By A. Roe, B and C Poe", ("A. Roe", "B", "C Poe"), 0),
        ("by Jane Doe 1,204 views", ("Jane Doe",), 1204),
        ("by Jane Doe (1.204 views)", ("Jane Doe",), 1204),
        ("by Jane Doe — 12 views", ("Jane Doe",), 12),
        ("by Jane Doe, 1 view", ("Jane Doe",), 1),
        ("By Anne-Marie O’Neill · 1 204 views", ("Anne-Marie O’Neill",), 1204),
    ],
)
def test_the_byline_names_the_authors_and_may_count(parse, byline, authors, views):
    article = parse(f"The title\n{byline}\n\nText.\n", "a.txt")
    assert (article.title, article.authors, article.views) == ("The title", authors, views)
    assert html_of(article) == "<p>Text.</p>"


def test_prose_that_begins_with_by_is_no_byline(parse):
    article = parse(
        "Title\n\nBy the time we came, everybody had left the place and gone home already.\n", "a.txt"
    )
    assert article.authors == ()
    assert "By the time" in article.html


def test_a_short_line_alone_is_a_heading_and_the_rest_are_paragraphs(parse):
    long = "x" * 61
    article = parse(f"T\n\nA heading?\n\none\ntwo\n\nends here.\n\n{long}\n\nhttps://e.org\n", "a.txt")
    assert html_of(article) == (
        f"<h2>A heading?</h2>\n<p>one\ntwo</p>\n<p>ends here.</p>\n<p>{long}</p>\n"
        '<p><a href="https://e.org">https://e.org</a></p>'
    )


def test_markup_is_text_and_addresses_are_links(parse):
    article = parse("T\n\n<b>*bold*</b> & see (https://e.org/a_(b)?x=1&y=2), ok.\n", "a.txt")
    assert article.html == (
        '<p>&lt;b&gt;*bold*&lt;/b&gt; &amp; see (<a href="https://e.org/a_(b)?x=1&amp;y=2">'
        "https://e.org/a_(b)?x=1&amp;y=2</a>), ok.</p>"
    )


def test_front_matter_stands_above_the_text(parse):
    article = parse("---\ntitle: T\ntags: [a]\n---\nFirst line of prose.\n", "a.txt")
    assert (article.title, article.tags, article.html) == ("T", ("a",), "<p>First line of prose.</p>")


def test_without_a_title_in_front_matter_the_first_line_is_one(parse):
    article = parse("---\ntags: [a]\n---\n\nT\nby Jane\n\nProse.\n", "a.txt")
    assert (article.title, article.authors, article.lines["title"]) == ("T", ("Jane",), 5)


def test_an_empty_text_is_refused(problems):
    assert [problem.code for problem in problems("\n\n", "a.txt")] == ["title-missing"]


def test_a_last_line_heads_nothing(parse):
    """A signature or a lone sentence is a paragraph."""
    assert html_of(parse("T\n\nPart one\n\nText.\n\nLisbon, 1842\n", "a.txt")) == (
        "<h2>Part one</h2>\n<p>Text.</p>\n<p>Lisbon, 1842</p>"
    )
