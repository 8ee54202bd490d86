"""Metadata blocks: YAML, TOML, header lines; each problem on its line."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("written", ["no", "2024", "1.10", "12:30:45", "yes", "null", "0x1F", "~"])
def test_a_title_is_the_text_that_was_written(parse, written):
    assert parse(f"---\ntitle: {written}\n---\nBody").title == written


def test_toml_and_yaml_and_header_lines_say_the_same(parse):
    yaml = parse("---\ntitle: A\ndate: 2024-05-01\ntags: [x, y]\n---\nBody")
    toml = parse('+++\ntitle = "A"\ndate = 2024-05-01\ntags = ["x", "y"]\n+++\nBody')
    lines = parse("\nTitle: A\nDate: 2024-05-01\nTags: x, y\n\nBody")
    assert yaml == toml == lines


def test_each_field_knows_its_line(parse):
    article = parse('\n+++\ntitle = "A"\n\naliases = ["x"]\n[extra]\nslug = "no"\n+++\nBody')
    assert article.lines == {"title": 3, "aliases": 5, "extra": 6}


def test_a_field_twice_is_refused_where_it_stands_again(problems):
    (problem,) = problems("---\ntitle: a\ndraft: no\ntitle: b\n---\n")
    assert (problem.line, problem.code) == (4, "yaml-twice")
    assert "line 2" in problem.what


@pytest.mark.parametrize(
    ("block", "line", "code"),
    [
        ("title: a\nb: &x 1\n", 3, "yaml-alias"),
        ("title: a\nb: *x\n", 3, "yaml-alias"),
        ("title: a\n<<: {b: 1}\n", 3, "yaml-alias"),
        ("title: a\nb: !!python/object/apply:os.system [x]\n", 3, "yaml-tag"),
        ("title: a\nb: !!binary aGVsbG8=\n", 3, "yaml-tag"),
        ("title: a: b\n", 2, "yaml-syntax"),
        ("title: a\n\tb: c\n", 3, "yaml-syntax"),
        ("- a\n- b\n", 2, "yaml-shape"),
        ("just prose\n", 2, "yaml-shape"),
        ("title: a\nb: " + "[" * 50 + "]" * 50 + "\n", 3, "yaml-depth"),
        ("title: a\n? [x]\n: y\n", 3, "yaml-shape"),
    ],
)
def test_yaml_that_is_broken_or_dangerous_is_refused_on_its_line(problems, block, line, code):
    (problem,) = problems(f"---\n{block}---\nBody")
    assert (problem.line, problem.code) == (line, code)


def test_hostile_yaml_is_refused_or_harmless(shared_json, parse, problems):
    for case in shared_json("data/hostile/yaml-hostile.SELFMADE.json"):
        block = case.get("yaml") or "".join(text * count for text, count in case["segments"])
        source = f"---\ntitle: x\n{block}\n---\nBody"
        found = problems(source)
        assert found or "\0" not in repr(parse(source).extra), case["name"]


def test_a_block_that_is_never_closed_says_how_to_close_it(problems):
    (problem,) = problems("---\ntitle: a\n\nBody")
    assert (problem.line, problem.code) == (1, "front-matter-open")


def test_a_broken_toml_line_is_named(problems):
    (problem,) = problems('+++\ntitle = "a"\ntags = [x]\n+++\n')
    assert (problem.line, problem.code) == (3, "toml-syntax")


def test_a_block_of_more_than_64_kilobytes_is_refused(problems):
    (problem,) = problems("---\ntitle: a\nnote: " + "x" * 70_000 + "\n---\n")
    assert problem.code == "front-matter-size"


def test_prose_with_a_colon_is_not_a_header_line(parse):
    article = parse("Note: hello\nthere\n\n# Title")
    assert (article.title, article.html.startswith("<p>Note: hello")) == ("Title", True)


def test_prose_that_begins_like_a_lesser_field_stays_prose(parse):
    article = parse("Summary: this is prose\nthat goes on\n\n# Title")
    assert "this is prose" in article.html


def test_a_header_line_goes_on_where_it_is_indented(parse):
    assert parse("Title: A\nSummary: one\n  two\n\nBody").summary == "one two"


def test_a_line_that_is_no_header_is_refused_among_headers(problems):
    (problem,) = problems("Title: A\nthis is prose\n\nBody")
    assert (problem.line, problem.code) == (2, "header-syntax")


def test_line_numbers_of_the_body_count_the_front_matter(parse):
    (warning,) = parse("---\ntitle: a\n---\n\nText\n\n![](x.png)\n").warnings
    assert (warning.line, warning.code) == (7, "image-alt")
