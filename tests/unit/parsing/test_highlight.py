"""Code blocks in colour: classes, no inline style, the text unchanged."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape

import pytest


def code_of(article):
    return unescape(re.sub(r"<[^>]*>", "", re.search(r"<pre.*?</pre>", article.html, re.S)[0]))


@pytest.mark.parametrize("info", ["python", "Python", "py title=x", "{.python}", "python,linenos"])
def test_a_known_language_is_coloured_by_classes(parse, info):
    article = parse(f"# T\n\n```{info}\ndef f(): return '<b>' # \"x\"\n```\n")
    assert '<span class="hl-k">def</span>' in article.html
    assert "style=" not in article.html
    assert code_of(article) == "def f(): return '<b>' # \"x\"\n"


@pytest.mark.parametrize("info", ["", "text", "nosuchlanguage", '"><script>'])
def test_other_blocks_stay_as_they_are(parse, info):
    article = parse(f"# T\n\n```{info}\na <b> 'c'\n```\n")
    assert "<span" not in article.html
    assert "<script" not in article.html
    assert code_of(article) == "a <b> 'c'\n"


def test_a_block_of_plain_text_has_no_language(parse):
    assert parse("# T\n\n```text\nx\n```\n").html == "<pre><code>x\n</code></pre>\n"


def test_an_empty_block_stays_empty(parse):
    assert parse("# T\n\n```python\n```\n").html == (
        '<pre class="highlight"><code class="language-python"></code></pre>\n'
    )


def test_a_huge_block_is_left_plain(parse):
    article = parse("# T\n\n```python\n" + "x = 1\n" * 5000 + "```\n")
    assert "<span" not in article.html


def test_code_beside_html_and_code_in_html_files_is_coloured_too(parse):
    markdown = parse("# T\n\n<div>x</div>\n\n```js\nlet a\n```\n")
    html = parse('<h1>T</h1><pre><code class="language-js">let a\n</code></pre>', "a.html")
    for article in (markdown, html):
        assert (
            '<pre class="highlight"><code class="language-js"><span class="hl-kd">let</span> a'
            in article.html
        )


def test_pygments_is_imported_only_for_code():
    program = (
        "import sys\nfrom pressrun.parsing.source import parse_article\n"
        "from pressrun.domain.publication import Publication\n"
        "parse_article('a.md', b'# T\\n\\n    x = 1\\n', Publication())\n"
        "print(any(name.startswith('pygments') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "language", ["python", "javascript", "rust", "bash", "html", "sql", "toml", "ruby", "perl"]
)
def test_joined_rules_read_as_pygments_does(language, monkeypatch):
    """Strings with prefixes, here documents, states that nest and end, errors, lines that start over."""
    from pygments.lexers import get_lexer_by_name

    from pressrun.parsing import lexing

    text = (
        "# a comment\nasync def f(a, *b) -> 'x': return f'{a!r:>{4}} {{}}' % 0x1F\n\"never ends\n"
        'let s = r##"raw "# in"##; function g() { return `a ${b + `c`} d`.match(/x\\/y/g) }\n'
        "cat <<'END' | grep -c \"$x\"\nhere ${y:-z}\nEND\n<p class=a>&amp;<!-- b --><script>if (1 < 2) {}</script>\n"
        "SELECT \"a\" FROM b WHERE c = 'd''e' -- f\n[table]\nwhen = 1979-05-27T07:32:00Z\n§ ¶ é \\ \x7f\n}}}])\n"
    )
    monkeypatch.setattr(lexing, "AFTER", 0)
    lexer = get_lexer_by_name(language)
    expected = [(kind, value) for _, kind, value in lexer.get_tokens_unprocessed(text)]
    assert list(lexing.Tokens(lexer)(text)) == expected
