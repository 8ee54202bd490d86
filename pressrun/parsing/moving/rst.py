"""reStructuredText, in which Pelican's articles are written unless somebody chose otherwise: HTML of it (docutils)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import StringIO
from typing import Any, ClassVar, Final

from docutils import ApplicationError, nodes
from docutils.core import publish_doctree, publish_from_doctree
from docutils.parsers.rst import Directive, directives, roles
from docutils.parsers.rst.directives.body import CodeBlock
from docutils.utils import SystemMessage

from pressrun.errors import Invalid

MAX_GROWN: Final = 1_000_000
"""Characters of a substitution with those that it is made of: a few lines can double each other without end."""
_SETTINGS: Final[dict[str, object]] = {
    "_disable_config": True,  # what lies in the home folder of whoever imports says nothing of the site
    "file_insertion_enabled": False,
    "line_length_limit": 200_000,  # a paragraph may stand on one line
    "raw_enabled": True,  # sanitised like all HTML when it is published
    "initial_header_level": 2,
    "syntax_highlight": "none",
    "math_output": "LaTeX",
    "doctitle_xform": True,
    "embed_stylesheet": False,
    "smart_quotes": False,
    "toc_backlinks": False,
    "report_level": 2,
    "halt_level": 5,
    "output_encoding": "unicode",
}
_LISTS = {"tags", "authors", "keywords"}
_TROUBLE = re.compile(r"<string>:(\d*):? \((?:WARNING|ERROR|SEVERE)/\d\) (.*)")
_DEFINED = re.compile(
    r"^[ \t]*\.\.[ \t]+\|([^|\n]+)\|[ \t]+replace::(.*\n?(?:(?![ \t]*\.\.[ \t]+\|)(?:[ \t]+.*\n?|\n))*)", re.M
)
_MARKED = (
    "linenos", "linenostart", "linenostep", "linenospecial", "linespans", "lineanchors", "anchorlinenos",
    "lineseparator", "hl_lines", "emphasize-lines", "caption", "classprefix", "nobackground", "nowrap", "tagsfile",
    "tagurlformat",
)  # fmt: skip
_CODE = re.compile(r'<pre class="code ([\w+#.-]+) literal-block"><code>')


@dataclass(frozen=True, slots=True)
class Rst:
    """`fields` in the order of the file; `html` without the title; `trouble`: line and what docutils says of it."""

    title: str
    fields: dict[str, str | list[str]]
    html: str
    trouble: list[tuple[int, str]]


def converted(text: str, place: str) -> Rst:
    """What stands in a source. Raises Invalid where docutils gives up."""
    if _grown(text) > MAX_GROWN:
        what = "its substitutions make more of each other than an article holds"
        raise Invalid.at(place, 0, what, "write their text out", code="rst")
    directives.register_directive("code-block", _Code)
    directives.register_directive("sourcecode", _Code)
    directives.register_directive("youtube", _Video)
    directives.register_directive("vimeo", _Video)
    roles.register_local_role("abbr", roles.GenericRole("abbr", nodes.abbreviation))  # type: ignore[arg-type]
    said = StringIO()
    try:
        tree = publish_doctree(text, settings_overrides=_SETTINGS | {"warning_stream": said})
        title = _taken_title(tree)
        fields = _taken_fields(tree)
        for noise in (*tree.findall(nodes.system_message),):
            noise.parent.remove(noise)
        for literal in tree.findall(nodes.literal):
            literal["classes"].append("code")  # <code>, and not a span of a class
        html = publish_from_doctree(
            tree, writer="html5", settings_overrides=_SETTINGS | {"warning_stream": StringIO()}
        )
    except (SystemMessage, ApplicationError, RecursionError, ValueError, AttributeError, IndexError) as error:
        # docutils raises more than its own for what it did not foresee
        raise Invalid.at(
            place, 0, f"cannot be read: {str(error)[:200]}", "mend it in Pelican", code="rst"
        ) from None
    body = re.search(r"<main[^>]*>\n?(.*)</main>", html, re.S)
    trouble = [(int(line or 0), what.strip()) for line, what in _TROUBLE.findall(said.getvalue())]
    return Rst(title, fields, _CODE.sub(r'<pre><code class="language-\1">', body[1] if body else ""), trouble)


def _grown(text: str) -> int:
    """How long the longest substitution becomes, or a little less."""
    bodies = {" ".join(name.lower().split()): body for name, body in _DEFINED.findall(text)}
    sizes: dict[str, int] = {}
    for name in [*bodies] * min(len(bodies), 40):  # each round knows one level more
        used = re.findall(r"\|([^|\n]+)\|", bodies[name])
        sizes[name] = min(
            MAX_GROWN * 2,
            len(bodies[name]) + sum(sizes.get(" ".join(one.lower().split()), 0) for one in used),
        )
    return max(sizes.values(), default=0)


def _taken_title(tree: nodes.document) -> str:
    found = [node for node in tree.children if isinstance(node, nodes.title | nodes.subtitle)]
    for node in found:
        tree.remove(node)
    return ": ".join(" ".join(node.astext().split()) for node in found)


def _taken_fields(tree: nodes.document) -> dict[str, str | list[str]]:
    fields: dict[str, str | list[str]] = {}
    for info in [node for node in tree.children if isinstance(node, nodes.docinfo)]:
        for child in info.children:
            if isinstance(child, nodes.field):
                name, value = child[0].astext().lower(), child[1].astext()
            elif isinstance(child, nodes.authors):
                fields["authors"] = [" ".join(one.astext().split()) for one in child.children]
                continue
            else:
                name, value = child.__class__.__name__, child.astext()
            text = " ".join(value.split())
            parts = [part.strip() for part in re.split(r"[;,]" if ";" not in text else ";", text)]
            fields[name] = [part for part in parts if part] if name in _LISTS else text
        tree.remove(info)
    return fields


class _Code(CodeBlock):
    """`code-block` with the options that Pelican's has besides: they say how lines are numbered and marked."""

    option_spec: ClassVar[dict[str, Any]] = {
        **(CodeBlock.option_spec or {}),
        **dict.fromkeys(_MARKED, directives.unchanged),
    }


class _Video(Directive):
    """`.. youtube:: ID` of a plugin, as a link."""

    required_arguments = 1
    optional_arguments = 10
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = dict.fromkeys(
        ("width", "height", "align", "allowfullscreen", "class", "nocookie"), directives.unchanged
    )

    def run(self) -> list[nodes.Node]:
        identity = self.arguments[0]
        url = (
            f"https://vimeo.com/{identity}"
            if self.name == "vimeo"
            else f"https://www.youtube.com/watch?v={identity}"
        )
        return [nodes.paragraph("", "", nodes.reference("", url, refuri=url))]
