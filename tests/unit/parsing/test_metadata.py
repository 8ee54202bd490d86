"""Fields: the names that other generators use, and values that are wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pressrun.domain.articles import Enclosure, Image
from pressrun.domain.markup import END, REF


def front(text: str) -> str:
    return f"---\ntitle: T\n{text}\n---\nBody"


@pytest.mark.parametrize("name", ["date", "Published", "pubDate", "created_at", "publish-date"])
def test_the_date_goes_by_many_names(parse, name):
    assert parse(front(f"{name}: 2024-05-01")).date == datetime(2024, 5, 1, tzinfo=UTC)


def test_tags_are_merged_over_their_names_once_each_in_order(parse):
    article = parse(
        front("category: News\ntags: [rust, news]\nkeywords: a, Rust, b\ntaxonomies: {tags: [z]}")
    )
    assert article.tags == ("News", "rust", "a", "b", "z")


def test_authors_are_a_list_or_text_with_commas_or_objects(parse):
    assert parse(front("author: Jane Doe, Al Roe")).authors == ("Jane Doe", "Al Roe")
    assert parse(front("authors: [{name: Jane Doe, url: x}, Al Roe]")).authors == ("Jane Doe", "Al Roe")


@pytest.mark.parametrize(
    ("field", "draft"),
    [
        ("draft: true", True),
        ("status: draft", True),
        ("published: false", True),
        ("published: true", False),
        ("draft: no", False),
    ],
)
def test_drafts_are_known_in_every_dialect(parse, field, draft):
    assert parse(front(field)).draft is draft


def test_published_may_be_a_date_too(parse):
    article = parse(front("published: 2024-05-01"))
    assert (article.draft, article.date) == (False, datetime(2024, 5, 1, tzinfo=UTC))


def test_a_date_to_publish_at_is_the_date_where_none_is_given(parse):
    article = parse(front("publish_at: 2031-01-01 08:00"))
    assert article.publish_at == article.date == datetime(2031, 1, 1, 8, tzinfo=UTC)


def test_unknown_fields_are_kept_with_their_types(parse):
    article = parse(
        front('team: core\nn: 3\nx: 1.5\nok: true\nq: "3"\nnone: ~\nextra: {deep: {list: [1, a]}}')
    )
    assert article.extra == {
        "team": "core", "n": 3, "x": 1.5, "ok": True, "q": "3", "none": None, "deep": {"list": [1, "a"]},
    }  # fmt: skip


def test_an_image_is_text_or_an_object_and_relative_to_the_article(parse):
    assert parse(front("cover: a%20b.png\nimage_alt: X")).image == Image(src=f"{REF}a b.png{END}", alt="X")
    assert parse(front("image: {src: /a.png, alt: Y}")).image == Image(src=f"{REF}@/a.png{END}", alt="Y")
    assert parse(front("image: https://x.org/a.png")).image == Image(src="https://x.org/a.png")


def test_audio_says_its_length_and_duration(parse):
    article = parse(front("enclosure: {src: e.mp3, type: audio/mpeg, length: 1234, duration: '1:02:03'}"))
    assert article.audio == Enclosure(src=f"{REF}e.mp3{END}", type="audio/mpeg", length=1234, duration=3723)


def test_paths_and_aliases_lose_what_does_not_matter(parse):
    article = parse(front("permalink: /2024/hello/index.html\naliases: [old/one.html, /two/]"))
    assert (article.path, article.aliases) == ("2024/hello", ("/old/one.html", "/two/"))


def test_views_may_be_grouped(parse):
    assert parse(front('views: "1,204"')).views == 1204


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("slug: ../etc", "slug"),
        ("slug: a b", "slug"),
        ("slug: .hidden", "slug"),
        ("slug: a\\b", "slug"),
        ("path: a/../b", "slug"),
        ("path: https://x.org/a", "path"),
        ("path: /:year/:title/", "path"),
        ("aliases: ['https://x.org/']", "alias"),
        ("aliases: ['//evil.org']", "alias"),
        ("date: 03/04/2024", "date"),
        ("updated: soon", "date"),
        ("draft: maybe", "metadata"),
        ("language: English please", "language"),
        ("language: english", "language"),
        ("canonical: javascript:alert(1)", "canonical"),
        ("image: javascript:alert(1)", "address"),
        ("image: 'data:image/png;base64,x'", "address"),
        ("views: many", "metadata"),
        ("tags: [[a]]", "metadata"),
        ("summary: [a]", "metadata"),
        ("audio: {src: a.mp3, type: mp3}", "metadata"),
    ],
)
def test_a_wrong_value_is_refused_on_its_line(problems, field, code):
    (problem,) = problems(front(field))
    assert (problem.line, problem.code) == (3, code)


def test_all_problems_come_at_once_in_order(problems):
    found = problems("---\ntitle: ''\ndate: x\nslug: a b\n---\n" + ">" * 200 + " x")
    assert [(problem.line, problem.code) for problem in found] == [
        (2, "title-empty"), (3, "date"), (4, "slug"), (6, "nesting"),
    ]  # fmt: skip


def test_a_title_of_more_than_300_characters_is_refused(problems, parse):
    assert parse(f"---\ntitle: {'x' * 300}\n---\n").title == "x" * 300
    assert [problem.line for problem in problems(f"---\ntitle: {'x' * 301}\n---\n")] == [2]


def test_escapes_bring_no_controls_and_no_marks_in(parse):
    article = parse('---\ntitle: "a\\0b\\nc\\uFDD1"\nextra: {x: "\\u0001\\uFDD0"}\n---\n')
    assert (article.title, article.extra) == ("ab c", {"x": ""})


@pytest.mark.parametrize("tag", ["en", "pt-BR", "zh-Hant-TW", "de_AT", "sl-rozaj", "es-419", "en-x-pirate"])
def test_language_tags_have_their_shape(parse, tag):
    assert parse(front(f"lang: {tag}")).language == tag.replace("_", "-")


@pytest.mark.parametrize(
    ("written", "authors"),
    [
        ("Jo Smith <jo@x.org>", ("Jo Smith",)),
        ("jo@x.org (Jo Smith)", ("Jo Smith",)),
        ("Jo Smith (jo@x.org), Al Roe", ("Jo Smith", "Al Roe")),
        ("['\"Jo\" <jo@x.org>', {name: mailto:al@x.org Al}]", ("Jo", "Al")),
        ("<jo.s@x.org>", ("jo.s",)),
        ("Jo @ Home", ("Jo @ Home",)),
    ],
)
def test_an_authors_mail_address_is_no_part_of_the_name(parse, written, authors):
    """Names stand on pages and in addresses; mail addresses on neither."""
    assert parse(front(f"authors: {written}")).authors == authors


def test_a_mail_address_alone_is_warned_of(parse):
    article = parse(front("author: jo@x.org"))
    assert article.authors == ("jo",)
    assert [(warning.line, warning.code) for warning in article.warnings] == [(3, "author-name")]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("permalink: /:year/:title/", "2024/hello"),
        ("permalink: /:year-:month-:day/:slug.html", "2024-05-31/hello"),
        ("permalink: /:categories/:title/\ncategories: [News, Old Times]", "news/old-times/hello"),
        ("permalink: /:categories/:title/", "hello"),
        ("permalink: /:title/\nslug: other", "other"),
    ],
)
def test_jekylls_placeholders_are_filled_in(parse, text, path):
    """From the front matter and the file's name, as Jekyll does."""
    assert parse(front(text), "2024-05-31-hello.md").path == path


def test_an_address_that_ends_in_html_leads_to_the_page(parse):
    """As Pelican and Jekyll have them: a page stands at its folder here, and files are looked for by their dot."""
    article = parse(front("url: /2024/hello.html\naliases: [/old/, /2024/hello.html]"))
    assert (article.path, article.aliases) == ("2024/hello", ("/2024/hello.html", "/old/"))


def test_a_file_of_which_no_page_is_made_is_no_article_at_false(parse):
    """Eleventy's way to say so."""
    article = parse(front("permalink: false"))
    assert (article.path, article.draft) == ("", True)


def test_a_placeholder_that_cannot_be_filled_in_is_refused(problems):
    (unknown,) = problems(front("permalink: /:collection/:title/"))
    assert (unknown.line, unknown.what) == (3, "permalink cannot be filled in at `:collection`")
    assert ":categories work" in unknown.todo
    (undated,) = problems(front("permalink: /:year/:title/"))
    assert undated.todo.startswith("write date: …")


def test_an_expiry_date_is_warned_of(parse):
    (warning,) = parse(front("expiryDate: 2031-01-01")).warnings
    assert (warning.line, warning.code) == (3, "expiry")


@pytest.mark.parametrize(
    ("text", "series", "part"),
    [
        ("series: The sea", "The sea", 0),
        ("series: {name: The sea, part: 2}", "The sea", 2),
        ("series: [The sea]\nseries_order: 3", "The sea", 3),
        ("series: The sea\nseries_index: '4'", "The sea", 4),
        ("taxonomies: {series: [The sea]}\npart: 5", "The sea", 5),
        ("series:\npart: 5", "", 0),
    ],
)
def test_a_series_is_a_name_or_a_name_and_a_part(parse, text, series, part):
    article = parse(front(text))
    assert (article.series, article.part) == (series, part)


def test_an_article_is_a_part_of_one_series(parse):
    article = parse(front("series: [One, Two]"))
    assert article.series == "One"
    assert [problem.code for problem in article.warnings] == ["series"]


@pytest.mark.parametrize("text", ["series: {part: 2}", "series: X\npart: two"])
def test_a_wrong_series_is_named_with_its_line(problems, text):
    assert [problem.line for problem in problems(front(text))] == [text.count("\n") + 3]
