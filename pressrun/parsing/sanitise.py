"""The allow-list that every author's HTML passes. `finish` settles links, images and headings afterwards."""

from __future__ import annotations

import re
from functools import cache

import nh3

from pressrun.parsing.markdown import ID_PREFIX

SCHEMES = frozenset({"http", "https", "mailto", "tel"})

_PLAIN = """
abbr address article aside b bdi bdo big blockquote br caption center cite code dd del details dfn
div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header hgroup hr i ins kbd li mark ol p
pre q rp rt ruby s samp section small span strong sub summary sup table tbody td tfoot th thead time
tr tt u ul var wbr col colgroup
"""
_GONE = {"script", "style", "template", "title", "iframe", "object", "embed", "noscript", "svg", "math",
         "select", "textarea", "button", "head", "nav", "noembed", "noframes", "xmp", "applet",
         "frameset"}  # fmt: skip
_CELL = {"align", "colspan", "rowspan", "headers", "scope", "abbr", "valign"}
_SIZED = {"src", "width", "height", "title"}
_ATTRIBUTES = {
    "*": {"id", "lang", "dir", "title"},
    "a": {"href", "hreflang"},
    "img": _SIZED | {"alt", "srcset", "sizes"},
    "source": {"src", "srcset", "sizes", "media", "type", "width", "height"},
    "audio": {"src", "loop", "muted"},
    "video": _SIZED | {"poster", "loop", "muted", "playsinline"},
    "track": {"src", "srclang", "label", "default"},
    "td": _CELL,
    "th": _CELL,
    "col": {"span", "align"},
    "colgroup": {"span"},
    "ol": {"start", "reversed", "type"},
    "li": {"value"},
    "time": {"datetime"},
    "del": {"datetime"},
    "ins": {"datetime"},
    "details": {"open"},
    "input": {"checked", "disabled"},
}
_VALUES = {
    "input": {"type": {"checkbox"}},
    "a": {"rel": {"nofollow", "sponsored", "ugc", "me", "author", "license", "tag", "external"}},
    "track": {"kind": {"subtitles", "captions", "descriptions", "chapters"}},
}
_ALERTS = {"markdown-alert"} | {
    f"markdown-alert-{kind}" for kind in ("note", "tip", "important", "warning", "caution")
}
_LANGUAGES = """
asm bash c cfg clojure console cpp cs csharp css dart diff docker dockerfile elixir erlang fish
fsharp go graphql haskell hcl html http ini java javascript js json json5 jsx julia kotlin latex
less lisp lua make makefile markdown md nginx nix objc ocaml perl php plain powershell proto python
py r rb ruby rs rust scala scheme scss sh shell sql svelte swift terraform text toml ts tsx
typescript vim vue wasm xml yaml yml zig zsh
"""
_CLASSES = {
    "div": _ALERTS,
    "p": {"markdown-alert-title"},
    "code": {f"language-{language}" for language in _LANGUAGES.split()},
    "ul": {"contains-task-list"},
    "ol": {"contains-task-list"},
    "li": {"task-list-item"},
    "input": {"task-list-item-checkbox"},
    "sup": {"footnote-ref"},
    "section": {"footnotes"},
    "a": {"footnote-backref"},
    "figure": {"wide", "full"},
}
_EMPTY_CLASS = re.compile(r'(<[a-z0-9]+(?: [a-z-]+="[^"]*")*) class=""')


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(_PLAIN.split()) | {"a", "img", "picture", "source", "audio", "video", "track", "input"},
        clean_content_tags=_GONE,
        attributes=_ATTRIBUTES,
        tag_attribute_values=_VALUES,
        allowed_classes=_CLASSES,
        url_schemes=set(SCHEMES),
        link_rel=None,
        id_prefix=ID_PREFIX,
    )


def sanitise(html: str) -> str:
    """HTML of which nothing runs, styles or submits. Its ids begin with `ID_PREFIX`: no DOM clobbering."""
    clean = _cleaner().clean(html)
    # nh3 takes names out of a `class` and leaves the attribute. Quotes of values are escaped, those of texts are not.
    return _EMPTY_CLASS.sub(r"\1", clean) if ' class=""' in clean else clean
