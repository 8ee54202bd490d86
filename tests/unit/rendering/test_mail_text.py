"""The text part: all of an article, legible in a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from pressrun.rendering import mail_text
from pressrun.rendering.shipped import shipped
from pressrun.rendering.words import words_for

WORDS = words_for("en", shipped(), {})


def text(markup: str) -> str:
    writer = mail_text.Text(WORDS)
    body = writer.of(html.fragment_fromstring(markup, create_parent="div"))
    return "\n".join([body, *writer.links()])


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>One\n two.</p><p>Three<br>four</p>", "One two.\n\nThree\nfour"),
        ("<h2>Title</h2><p>x</p>", "Title\n-----\n\nx"),
        ("<p><em>a</em> <strong>b</strong> <del>c</del> <code>d</code> <q>e</q> x<sup>2</sup></p>",
         "_a_ *b* ~c~ `d` “e” x^2"),
        ('<p><a href="https://a.example/">A</a>, <a href="https://b.example/">B</a>, <a href="https://a.example/">A</a></p>',
         "A [1], B [2], A [1]\n[1] https://a.example/\n[2] https://b.example/"),
        ('<p><a href="https://a.example/">https://a.example/</a> <a href="mailto:a@b.example">a@b.example</a></p>',
         "https://a.example/ a@b.example"),
        ('<p><img src="x" alt="A wall"><img src="x" alt=""></p>', "[Image: A wall]"),
        ("<ul><li>one<ul><li>in</li></ul></li><li>two</li></ul>", "- one\n  - in\n- two"),
        ("<ul><li><p>one</p><p>more</p></li><li><p>two</p></li></ul>", "- one\n\n  more\n\n- two"),
        ('<ol start="9"><li>nine</li><li>ten</li></ol>', "9. nine\n10. ten"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        (f"<blockquote><p>{'tides ' * 20}</p></blockquote>", f"> {'tides ' * 10}tides\n> {'tides ' * 8}tides"),
        (f"<dl><dd>{'tides ' * 20}</dd></dl>", f"    {'tides ' * 10}tides\n    {'tides ' * 8}tides"),
        (f"<ul><li>{'tides ' * 20}</li></ul>", f"- {'tides ' * 10}tides\n  {'tides ' * 8}tides"),
        ("<pre>if x:\n    <span>y</span>  = 1\n\n</pre>", "    if x:\n        y  = 1"),
        ("<table><tr><th>Port</th><th>Height</th></tr><tr><td>Averell</td><td>3</td></tr></table>",
         "Port     Height\n-------  ------\nAverell  3"),
        ("<dl><dt>Neap</dt><dd>Small</dd></dl>", "Neap\n    Small"),
        ('<p>x<sup class="footnote-ref"><a href="#n">1</a></sup></p><div class="section footnotes"><ol><li><p>Note'
         ' <a class="footnote-backref" href="#r">↩</a></p></li></ol></div>', "x[^1]\n\n[^1] Note"),
    ],
)  # fmt: skip
def test_html_as_text(markup: str, expected: str) -> None:
    assert text(markup) == expected


def test_a_table_that_is_too_wide_is_read_row_by_row() -> None:
    row = f"<tr><td>{'a ' * 30}</td><td>{'b ' * 30}</td></tr>"
    made = text(f"<table><tr><th>First</th><th>Second</th></tr>{row}</table>")
    assert made.splitlines()[0].startswith("First: a a")
    assert max(map(len, made.splitlines())) <= mail_text.WIDTH


def test_wide_letters_count_twice_and_are_cut() -> None:
    lines = text(f"<p>{'潮' * 100}</p>").splitlines()
    assert {len(line) for line in lines} == {36, 28}


def test_a_long_url_stays_whole() -> None:
    url = "https://example.org/" + "x" * 200
    assert url in text(f"<p>See {url} there</p>").splitlines()


WORD = st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=1, max_size=90)


@given(st.lists(WORD, min_size=1, max_size=60))
def test_prose_loses_no_word_and_keeps_to_its_width(words: list[str]) -> None:
    lines = mail_text.wrapped(" ".join(words))
    assert "".join(" ".join(lines).split()) == "".join(words)
    assert max(map(mail_text.columns, lines)) <= mail_text.WIDTH
