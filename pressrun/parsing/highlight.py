"""Code blocks in colour: spans with classes, for a stylesheet. Pygments is imported when a block asks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from html import escape, unescape
from typing import Any

CLASS_PREFIX = "hl-"
MAX_BLOCK = 20_000
"""Characters of a block that are still highlighted. Some lexers take quadratic time."""
MAX_ARTICLE = 100_000

_BLOCK = re.compile(
    r'<pre(?: lang="(?P<info>[^"]*)")?><code(?: class="language-(?P<class>[^"]*)")?>'
    r"(?P<code>[^<]*)</code></pre>"
)
_BETWEEN = "\0"
_WORD = re.compile(r"[\w+#.-]+")
_PLAIN = {"text", "plain", "plaintext", "txt", "output", "none"}
# Token types that a stylesheet leaves in the text's own colour: a span for each would double a feed's size.
_UNMARKED = {"n", "p", "w", "", "nx", "x", "o", "esc", "l"}


def highlight(html: str) -> str:
    """`html` with each code block in a known language in spans; text is unchanged."""
    if "<pre lang=" not in html and 'class="language-' not in html:
        return html
    budget = MAX_ARTICLE

    def block(match: re.Match[str]) -> str:
        nonlocal budget
        language = _language(match["info"] or match["class"] or "")
        code = match["code"]
        if not language:
            return f"<pre><code>{code}</code></pre>"
        if len(code) <= MAX_BLOCK and budget >= len(code):
            budget -= len(code)
            code = _coloured(language, code)
        return f'<pre class="highlight"><code class="language-{escape(language)}">{code}</code></pre>'

    return _BLOCK.sub(block, html)


def _language(info: str) -> str:
    """`rust,ignore`, `{.python}`, `js title=x` → the language's name in lower case."""
    word = _WORD.search(unescape(info))
    name = word[0].lstrip(".").lower() if word else ""
    return "" if name in _PLAIN else name


def _coloured(language: str, code: str) -> str:
    lexer = _lexer(language)
    if lexer is None:
        return code
    text = unescape(code)
    tokens = list(lexer(text))
    values = [value for _, value in tokens]
    if not values or "".join(values) != text or _BETWEEN in text:
        return code
    escaped = escape(_BETWEEN.join(values)).split(_BETWEEN)  # all at once: it costs more than the rest
    names = [_class(kind) for kind, _ in tokens]
    return "".join([
        f'<span class="{CLASS_PREFIX}{name}">{value}</span>' if name else value
        for name, value in zip(names, escaped, strict=True)
    ])  # fmt: skip


@lru_cache(maxsize=128)
def _lexer(language: str) -> Callable[[str], Iterable[tuple[Any, str]]] | None:
    if language not in _aliases():
        return None
    from pygments.lexers import get_lexer_by_name

    from pressrun.parsing.lexing import Tokens

    return Tokens(get_lexer_by_name(language, stripnl=False, ensurenl=False))


@cache
def _aliases() -> frozenset[str]:
    """The languages known without asking plugins, which would read every installed package's metadata."""
    from pygments.lexers import get_all_lexers

    return frozenset(alias for _, aliases, _, _ in get_all_lexers(plugins=False) for alias in aliases)


@cache
def _class(kind: Any) -> str:
    from pygments.token import STANDARD_TYPES

    while kind not in STANDARD_TYPES:
        kind = kind.parent
    name = STANDARD_TYPES[kind]
    return "" if name in _UNMARKED else name
