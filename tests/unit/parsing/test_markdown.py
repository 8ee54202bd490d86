"""Markdown: CommonMark, GitHub's additions, titles, headings, bombs."""

from __future__ import annotations

import re
from urllib.parse import unquote

import comrak
import pytest

from pressrun.domain.markup import END, REF

FRONT = "---\ntitle: T\n---\n"


def test_the_renderer_passes_every_case_of_commonmark(shared_json):
    render = comrak.RenderOptions()
    render.unsafe_ = True
    failed = [
        case["number"]
        for case in shared_json("data/hostile/commonmark-0.31.2.json")
        if comrak.render_markdown(case["markdown"], render_options=render) != case["html"]
    ]
    assert failed == []


def test_every_commonmark_case_parses_with_our_options(shared_json, parse):
    for case in shared_json("data/hostile/commonmark-0.31.2.json"):
        text = FRONT + "\n" + case["markdown"]
        assert parse(text).title == "T"


def _document(case):
    if "series" not in case:
        return "".join(text * count for text, count in case["segments"])
    return "".join(
        text * (n if count == "n" else count)
        for n in range(case["from"], case["to"])
        for text, count in case["series"]
    )


def test_pathological_documents_are_read_or_refused(shared_json, problems):
    """One that took quadratic time would run into the test's own limit of minutes."""
    for case in shared_json("data/hostile/markdown-pathological.json")["cases"]:
        document = FRONT + _document(case)[:1_000_000]
        assert all(problem.line >= 0 and problem.todo for problem in problems(document)), case["name"]


@pytest.mark.parametrize(
    "bomb",
    [
        ">" * 5000 + "x",
        "> " * 5000 + "x",
        "- " * 5000 + "x",
        "1. " * 5000 + "x",
        "\n".join("  " * n + "- a" for n in range(150)),
        "*a **a " * 2000 + "b" + " a** a*" * 2000,
        "> " * 90 + "\n".join("> " * 90 + "  " * n + "- a" for n in range(60)),
    ],
)
def test_nesting_bombs_are_refused_with_a_line(problems, bomb):
    (problem,) = problems(f"{FRONT}\n\n{bomb}")
    assert problem.code == "nesting"
    assert problem.line >= 4


def test_a_long_rule_is_not_a_bomb(parse):
    assert "<hr" in parse(f"{FRONT}{'- ' * 200}\n\n{'*' * 300}\n").html


def test_githubs_additions_are_understood(parse):
    html = parse(
        f"{FRONT}| a | b |\n|:--|--:|\n| 1 | 2 |\n\n- [x] done\n\n~~gone~~ www.example.org\n\n"
        "term\n\n: meaning\n\n> [!WARNING]\n> careful\n\nnote[^n]\n\n[^n]: said\n"
    ).html
    for part in (
        '<td align="right">2</td>', 'checked="" disabled=""', "<del>gone</del>", 'href="http://www.example.org"',
        "<dd>", '<div class="markdown-alert markdown-alert-warning">', 'id="s-fn-n"',
    ):  # fmt: skip
        assert part in html


@pytest.mark.parametrize("key", ["a.md", "a.html"])
def test_every_link_within_the_page_has_its_target(parse, key):
    text = (
        "# Title\n\n## Ünï “cöde” & <b>bold</b>\n\n## Same\n\n## Same\n\n## s-expressions\n\n"
        'a[^1] b[^n"&x] c[^1]\n\n[1](#same-1) [2](#s-expressions) [3](#%C3%BCn%C3%AF-c%C3%B6de--bold)\n\n'
        '[^1]: x\n\n[^n"&x]: y\n'
        if key == "a.md"
        else '<h1>Title</h1><h2>One</h2><h2 id="two">x</h2><h2>One</h2><p><a href="#two">2</a><a name=x></a>'
    )
    article = parse(text, key)
    ids = set(re.findall(r' id="([^"]*)"', article.html))
    targets = re.findall(f'href="{REF}{END}#([^"]*)"', article.html)
    assert len(targets) >= 4
    assert [target for target in targets if target not in ids and unquote(target) not in ids] == []


def test_punctuation_is_smart_unless_a_setting_or_the_article_says_no(parse):
    text = 'He said "yes"...'
    assert "“yes”…" in parse(FRONT + text).html
    assert "“" not in parse(FRONT + text, smart_punctuation=False).html
    assert "“" not in parse("---\ntitle: T\nsmart: false\n---\n" + text).html
    assert "“yes”" in parse("---\ntitle: T\nsmart: yes\n---\n" + text, smart_punctuation=False).html


def test_the_first_h1_is_the_title_where_no_other_is(parse):
    article = parse("Intro\n\n# It's *here* & now\n\n## Next\n")
    assert article.title == "It’s here & now"
    assert "<h1" not in article.html
    assert '<h2 id="s-next">' in article.html


def test_an_h1_that_repeats_the_title_is_dropped(parse):
    assert "<h" not in parse("---\ntitle: \"It's 'here'\"\n---\n# It's  'Here'\n\nText").html


def test_headings_move_down_only_where_an_h1_remains(parse):
    assert re.findall(r"<h\d", parse(f"{FRONT}# Other\n\n## Sub\n").html) == ["<h2", "<h3"]
    assert re.findall(r"<h\d", parse(f"{FRONT}# T\n\n## Sub\n\n###### Six\n").html) == ["<h2", "<h6"]


def test_an_article_without_a_title_is_refused(problems):
    (problem,) = problems("Just text\n")
    assert problem.code == "title-missing"


def test_html_in_markdown_goes_together_with_it(parse):
    html = parse(
        f"{FRONT}<details open><summary>S</summary>\n\n*in*\n\n</details>\n\n<kbd onclick=x>K</kbd>\n"
    ).html
    assert '<details open=""><summary>S</summary>\n<p><em>in</em></p>\n</details>' in html
    assert "<kbd>K</kbd>" in html


def test_warnings_name_line_and_heading(parse):
    (warning,) = parse(f"{FRONT}## A\n\n#### B skips\n").warnings
    assert (warning.line, warning.code, warning.severity) == (6, "heading-skips", "warning")


def test_a_heading_with_mark_up_is_found_where_it_stands_and_not_where_its_words_do(parse):
    text = f"{FRONT}B's x skips\n\n### [A](/a/)\n\n#### B's *x*\n\n## C\n\n#### B's *x*\n\n## D\n\n#### `naked` _asm_\n"
    assert [warning.line for warning in parse(text).warnings] == [6, 12, 16]


def test_an_anchor_that_another_generator_made_of_a_heading_leads_to_it(parse):
    article = parse(
        f"{FRONT}[a](#what-s-next) [b](#rust-1-31-0) [c](#what-is-next)\n\n## What's next\n\n## Rust 1.31.0\n"
    )
    assert re.findall(f'{END}#([^"]*)', article.html)[:3] == ["s-whats-next", "s-rust-1310", "s-what-is-next"]
    assert [warning.code for warning in article.warnings] == ["dead-fragment"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("![](x.png)", "image-alt"),
        ("[](x.md)", "empty-link"),
        ("[x](#nowhere)", "dead-fragment"),
        ("[x](javascript:alert)", "link-address"),
        ("[x](foo:bar)", "link-address"),
        ("![x](data:image/png;base64,AA)", "image-address"),
    ],
)
def test_what_readers_would_stumble_over_is_warned_of(parse, text, code):
    assert [(warning.line, warning.code) for warning in parse(f"{FRONT}\n\n{text}\n").warnings] == [(6, code)]


def test_what_the_text_says_of_footnotes_is_left_alone(parse):
    html = parse(f'{FRONT}Write data-footnotes and `<li id="fn-1">`[^1] <b>x</b>\n\n[^1]: n\n').html
    assert 'Write data-footnotes and <code>&lt;li id="fn-1"&gt;</code>' in html
    assert 'id="s-fn-1"' in html
