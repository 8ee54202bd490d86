"""HTML sources: the head's metadata, the article's part of the body, bombs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pressrun.domain.articles import Image
from pressrun.domain.markup import END, REF

PAGE = """<!DOCTYPE html>
<html lang="pt-BR">
<head>
<title>Fish &amp; chips</title>
<meta name="author" content="Jane Doe"><meta name="author" content="Al Roe">
<meta content='One, "two"' name=description>
<meta property="article:published_time" content="2024-05-01T10:00:00+02:00">
<meta property="article:tag" content="a"><meta property="article:tag" content="b">
<meta property="og:image" content="pic.png"><meta property="og:title" content="not this">
<meta name="pressrun:slug" content="fish"><meta name="team" content="core">
<link rel="canonical" href="https://example.org/fish">
<style>p > a { color: red }</style><script>"</head><article>"</script>
</head>
<body><nav>menu</nav><article><h1>Fish &amp; chips</h1><p>Eat.</p></article><footer>(c)</footer></body></html>
"""


def test_the_head_says_what_front_matter_would(parse):
    article = parse(PAGE, "a.html")
    assert (article.title, article.language, article.slug) == ("Fish & chips", "pt-BR", "fish")
    assert (article.authors, article.tags) == (("Jane Doe", "Al Roe"), ("a", "b"))
    assert article.summary == 'One, "two"'
    assert article.date == datetime.fromisoformat("2024-05-01T10:00:00+02:00")
    assert article.image == Image(src=f"{REF}pic.png{END}")
    assert (article.canonical, article.extra) == ("https://example.org/fish", {"team": "core"})


def test_the_body_is_the_article_alone_without_the_title(parse):
    assert parse(PAGE, "a.html").html == "<p>Eat.</p>"


@pytest.mark.parametrize(
    "body",
    [
        "<body>menu <main><p>x</p></main></body>",
        "<body><p>x</p></body>",
        "<p>x</p>",
        "<main><article>a</article><article>b</article></main>",
        "<body><!-- <article>no</article> --><main><p>x</p></main>",
    ],
)
def test_the_article_is_found_in_pages_of_every_shape(parse, body):
    html = parse(f"<title>T</title>{body}", "a.html").html
    assert html in {"<p>x</p>", "<article>a</article><article>b</article>"}


def test_front_matter_stands_above_the_head(parse):
    article = parse("---\ntitle: Mine\ndate: 2024-05-01\n---\n" + PAGE, "a.html")
    assert (article.title, article.date) == ("Mine", datetime(2024, 5, 1, tzinfo=UTC))
    assert article.lines["slug"] == 4 + 10


def test_a_fragment_takes_its_title_from_its_h1(parse):
    article = parse("<h1>The <em>title</em></h1><h2>Part</h2>", "a.htm")
    assert article.title == "The title"
    assert article.html.startswith('<h2 id="s-part">Part')


def test_a_wrong_value_in_the_head_is_refused_on_its_line(problems):
    (problem,) = problems("<title>T</title>\n<meta name=date content='03/04/2024'>\n<p>x", "a.html")
    assert (problem.line, problem.code) == (2, "date")


@pytest.mark.parametrize("key", ["a.html", "a.md"])
@pytest.mark.parametrize(
    ("bomb", "code"),
    [
        ("<div>" * 100_000, "too-many-tags"),
        ("<div>" * 150, "nesting"),
        ("<b>" * 50 + "<p>" * 5000, "nesting"),
        ("<a x=='><i>\">" + "<div>" * 150, "nesting"),
        ("<p " + "a=1 " * 600 + ">", "too-many-attributes"),
    ],
)
def test_bombs_are_refused_before_a_tree_is_built(problems, key, bomb, code):
    (problem,) = problems(f"---\ntitle: T\n---\n\n{bomb}", key)
    assert problem.code == code
    assert problem.line >= 4


@pytest.mark.parametrize(
    "text", ["<svg>" + "<li>" * 19_000, "<p>" * 19_000, "<script>" * 30_000, "<!--" * 90_000, "<a '" * 90_000]
)
def test_what_the_caps_let_through_is_read(problems, text):
    """Quadratic time would run into the test's own limit of minutes."""
    assert all(problem.todo for problem in problems(f"<title>T</title>{text}", "a.html"))


def test_unclosed_paragraphs_and_items_are_no_bomb(parse):
    assert parse("<title>T</title>" + "<p>x" * 500 + "<ul>" + "<li>y" * 500, "a.html").words == 1000


def test_alt_may_be_empty_on_purpose_but_not_missing(parse):
    warnings = parse('<title>T</title>\n<img src=a.png alt="">\n<img src=b.png>', "a.html").warnings
    assert [(warning.line, warning.code) for warning in warnings] == [(3, "image-alt")]
