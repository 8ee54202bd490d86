"""Markdown to HTML by comrak, behind our own function: comrak's 0.0.x interface ends here."""

from __future__ import annotations

import re

import comrak

from pressrun.parsing.values import BrokenError

MAX_NESTING = 100
ID_PREFIX = "s-"

_OMITTED = "<!-- raw HTML omitted -->"
_ANCHOR = re.compile(
    r'<a href="#[^"]*" aria-label="[^"]*" data-heading-content="[^"]*" class="anchor"></a>(?=</h[1-6]>)'
)
# comrak takes quadratic time on quotes and lists nested in their thousands (10 s for 300 KB), so they are
# refused before. Each level of quote or list takes a character at least before the text of its line.
_DEEP_PREFIX = re.compile(rf"^[ \t>*+\-.)\d]{{{MAX_NESTING + 1}}}", re.M)
_DEEP_MARKERS = re.compile(rf"(?:[ \t]*+(?:>|[-+*](?=[ \t])|\d{{1,9}}[.)](?=[ \t]))){{{MAX_NESTING + 1}}}")
_DEEP_INDENT = re.compile(rf"[ \t]{{{2 * MAX_NESTING + 2},}}(?:[-+*]|\d{{1,9}}[.)])[ \t]")
_RULE = re.compile(r"[ \t]*([-*])(?:[ \t]*\1)*[ \t]*$", re.M)
_NESTED = re.compile(r"<(/?)(?:em|strong|del|blockquote|ul|ol|dl)\b")


Options = tuple[comrak.ExtensionOptions, comrak.ParseOptions, comrak.RenderOptions]


def _options(*, smart: bool, unsafe: bool) -> Options:
    extension, parse, render = comrak.ExtensionOptions(), comrak.ParseOptions(), comrak.RenderOptions()
    extension.table = extension.strikethrough = extension.autolink = extension.tasklist = True
    extension.footnotes = extension.description_lists = extension.alerts = True
    extension.header_id_prefix = ID_PREFIX
    extension.header_id_prefix_in_href = True
    parse.smart = smart
    render.unsafe_ = unsafe
    render.tasklist_classes = True
    render.github_pre_lang = True  # <pre lang="rust">: one attribute that the sanitiser can let through
    return extension, parse, render


_OPTIONS = {
    (smart, unsafe): _options(smart=smart, unsafe=unsafe)
    for smart in (False, True)
    for unsafe in (False, True)
}


def render(text: str, *, smart: bool, first_line: int = 1) -> tuple[str, bool]:
    """HTML, and whether it holds HTML of the author's own and must be sanitised. Raises `BrokenError`.

    Where it holds none, every tag and attribute in it is comrak's, with its values escaped; only the schemes
    of URLs are the author's. Headings have ids that begin with `ID_PREFIX`, footnotes not yet.
    """
    deep = _check_lines(text, first_line)
    html: str = comrak.render_markdown(text, *_OPTIONS[smart, False])
    raw = _OMITTED in html
    if deep or text.count("*") + text.count("_") + text.count("~") > 2 * MAX_NESTING:
        _check_nesting(html, first_line)
    if raw:
        html = comrak.render_markdown(text, *_OPTIONS[smart, True])
    return _ANCHOR.sub("", html), raw


def _check_lines(text: str, first_line: int) -> bool:
    """Whether the result's nesting must be counted; raises `BrokenError` where a line alone is too deep."""
    deep = False
    for prefix in _DEEP_PREFIX.finditer(text):
        start = prefix.start()
        if _RULE.match(text, start):
            continue
        if _DEEP_MARKERS.match(text, start) or _DEEP_INDENT.match(text, start):
            raise _too_deep(first_line + text.count("\n", 0, start))
        deep = True
    return deep


def _check_nesting(html: str, first_line: int) -> None:
    depth = 0
    for tag in _NESTED.finditer(html):
        depth += -1 if tag[1] else 1
        if depth > MAX_NESTING:
            raise _too_deep(first_line)


def _too_deep(line: int) -> BrokenError:
    return BrokenError(
        line,
        f"quotes, lists or emphasis nested deeper than {MAX_NESTING} levels",
        "flatten them; was a line pasted by mistake?",
        "nesting",
    )
