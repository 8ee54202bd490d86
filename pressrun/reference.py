"""The references of settings and of templates, made from the code: what is declared, what it says of itself.

A field's meaning is the comment on its line. Values of templates are those that a rehearsal of every page and mail
hands over. For editors at a terminal (`pressrun reference`) and for the two files that tests keep true.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from markupsafe import Markup

from pressrun.config import publication_from
from pressrun.domain.newsletters import Newsletter
from pressrun.domain.publication import NavLink, Publication
from pressrun.domain.variables import VARIABLES
from pressrun.errors import Invalid
from pressrun.rendering.rehearsal import rehearse
from pressrun.rendering.shipped import shipped
from pressrun.rendering.theme import Theme


def _tables() -> Iterator[tuple[str, type, bool]]:
    """The tables that a publication's settings may have: name, class, whether there may be many."""
    for name, hint in get_type_hints(Publication).items():
        for kind in (hint, *get_args(hint)):
            if isinstance(kind, type) and is_dataclass(kind):
                yield name, kind, get_origin(hint) is tuple


TABLES: Mapping[str, type] = {name: kind for name, kind, _ in _tables()}
"""The tables of `pressrun.toml`, by name."""
LISTS = frozenset(name for name, _, many in _tables() if many)
"""Those of them that there may be any number of: `[[authors]]`."""
_PURPOSE = re.compile(r"\{#-?\s*(.*?)\s*-?#\}", re.S)
_WORDS: Mapping[Any, str] = {str: "text", int: "whole number", float: "number", bool: "true or false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting. `default` is as TOML writes it, "" where there is none; `variable` overrides it, "" if none does.

    `limits`: of a number, as who writes a wrong one is told.
    """

    name: str
    type: str
    default: str
    meaning: str
    variable: str
    limits: str = ""


# --- settings -----------------------------------------------------------------------------------------------


def settings() -> dict[str, list[Setting]]:
    """The settings of each table; those outside of tables under ""."""
    top = [one for one in fields(Publication) if one.name not in TABLES]
    found = {"": _settings(Publication, top, "")}
    for name, kind in TABLES.items():
        found[name] = _settings(kind, fields(kind), name)
    return found


def _settings(kind: type, of: Sequence[Field[Any]], table: str) -> list[Setting]:
    hints, meanings = get_type_hints(kind), _comments(kind)
    return [
        Setting(
            name=one.name,
            type=_type(hints[one.name]),
            default=_default(one),
            meaning=meanings.get(one.name, ""),
            variable="" if table in LISTS else f"PRESSRUN_{table and table + '__'}{one.name}".upper(),
            limits=_limits(kind, table, one.name) if hints[one.name] in {int, float} else "",
        )
        for one in of
    ]


def _type(hint: Any) -> str:
    if hint in _WORDS:
        return _WORDS[hint]
    if get_origin(hint) is tuple:
        return f"list of {_type(get_args(hint)[0])}"
    return "one of " + ", ".join(f'"{word}"' for word in get_args(hint))


def _limits(kind: type, table: str, name: str) -> str:
    """What the validator says to a number that is too large, or too small."""
    needed = {one.name: "a" for one in fields(kind) if table and one.default is MISSING and one.type == "str"}
    for wrong in (10**12, -1):
        own = {**needed, name: wrong}
        try:
            publication_from({table: [own] if table in LISTS else own} if table else own, {})
        except Invalid as error:
            for problem in error.problems:
                if f"{name}`" in problem.what:
                    return problem.todo.removeprefix("choose ")
    return ""


def _default(one: Field[Any]) -> str:
    if one.default is MISSING:
        return ""
    value = one.default
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(list(value) if isinstance(value, tuple) else value)


def settings_reference() -> str:
    """The settings as Markdown."""
    parts = [
        "# Settings\n",
        "What `pressrun.toml` in the content folder may say. Every setting has a default but those of a list's tables",
        "that are marked; a wrong one is refused with its line. A variable of the environment goes before the file.",
        "Servers and secrets are no settings: variables hold them, which stand at the end.",
        "Made from the code by `make reference`; `pressrun reference settings` shows it, too.\n",
    ]
    for table, found in settings().items():
        if table:
            parts.append(f"## `[[{table}]]`\n" if table in LISTS else f"## `[{table}]`\n")
            parts.append(f"{_purpose(TABLES[table])}\n")
        parts += ["| setting | type | default | meaning |", "|---|---|---|---|"]
        for one in found:
            variable = f"<br>`{one.variable}`" if one.variable else ""
            kind = f"{one.type}<br>{one.limits}" if one.limits else one.type
            default = f"`{one.default}`" if one.default else "must be given"
            parts.append(f"| `{one.name}`{variable} | {kind} | {default} | {one.meaning} |")
        parts.append("")
    parts += [
        "## Variables that are no settings\n",
        "`pressrun deploy` writes those of AWS into `aws.env` in the home folder, which `--target aws` reads.\n",
        "| variable | what it holds |",
        "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in VARIABLES.items()),
        "",
    ]
    return "\n".join(parts)


# --- templates ----------------------------------------------------------------------------------------------


class _Listening(Theme):
    """Notes what each template is rendered with."""

    def __init__(self, publication: Publication, heard: dict[str, dict[str, object]]) -> None:
        self.heard = heard
        super().__init__(publication)

    def render(self, name: str, **values: object) -> str:
        known = self.heard.setdefault(name, {})
        known |= {
            key: value for key, value in values.items() if key not in known or _emptier(known[key], value)
        }
        return super().render(name, **values)


def _emptier(known: object, new: object) -> bool:
    """Whether the new value says more of its type."""
    return known is None or (known in ("", (), [], {}) and new not in (None, "", (), [], {}))


def rehearsed() -> dict[str, dict[str, object]]:
    """By template: its values, each as an example."""
    heard: dict[str, dict[str, object]] = {}
    newsletter = Newsletter(
        slug="news", name="News", sender="news@example.org", postal_address="1 Quay", choices=("weekly",)
    )
    publication = Publication(newsletters=(newsletter,), nav=(NavLink(title="Archive", url="/archive/"),))
    rehearse(_Listening(publication, heard))
    return heard


def templates_reference() -> str:
    """The templates as Markdown: what each is for, and what it is given."""
    heard = rehearsed()
    kinds: dict[str, type] = {}
    parts = [
        "# Templates\n",
        "A file of the same name under `templates/` in the content folder takes the place of one of these: Jinja, in a",
        "sandbox, tried with every kind of page before readers see it. `web/extra.css` is added to the style sheet.",
        "Made from the code by `make reference`; `pressrun reference templates` shows it, too.\n",
        "Every page is given `page`, which says what its head says, and the finished `header`, `footer` and `links`;",
        "a mail's subject and text are given what its HTML is.\n",
    ]
    for folder, title in (("web/", "Pages"), ("email/", "Mails")):
        parts += [f"## {title}\n", "| template | what it is, and what it is given |", "|---|---|"]
        for name in shipped():
            if name.startswith(folder):
                values = {} if name.endswith(".txt") else heard.get(name, {})
                given = [
                    f"`{key}`: {_kind(value, kinds)}"
                    for key, value in sorted(values.items())
                    if key not in _EVERY
                ]
                parts.append(
                    f"| `{name}` | {'<br>'.join([_for(name), '; '.join(given)]).removesuffix('<br>')} |"
                )
        parts.append("")
    theme = Theme(Publication())
    parts += ["## In every template\n", "| name | what it is |", "|---|---|"]
    for name, value in sorted(theme._environment.globals.items()):
        if name in _GLOBALS:
            kind = _kind(value, kinds)
            parts.append(f"| `{name}` | {kind if is_dataclass(value) else _purpose(value)} |")
    parts += ["", "## Values\n"]
    for met in _reached(kinds):
        parts += [f"### {met.__name__}\n", f"{_purpose(met)}\n"]
        comments = _comments(met)
        for field in fields(met):
            meaning = comments.get(field.name, "")
            parts.append(f"- `{field.name}`: `{field.type}`{', ' if meaning else ''}{meaning}")
        parts.append("")
    parts += [
        "## Words\n",
        '`words/<language>.toml` holds what templates print by `t("name")`; a publication\'s own file changes',
        f"single words, or adds a language. There are: {', '.join(theme.languages)}.",
        "",
    ]
    return "\n".join(parts)


_EVERY = frozenset({"header", "footer", "links"})  # of a page
_GLOBALS = frozenset({"site", "t", "number", "href", "time", "byline"})


def _for(name: str) -> str:
    """What a template says that it is for; what belongs to another is named after it."""
    found = _PURPOSE.match(shipped()[name])
    if found:
        return re.sub(r"\s+", " ", found[1])
    if name.endswith(".subject.txt"):
        return f"The subject of `{name.replace('.subject.txt', '.html')}`."
    if name.endswith(".txt"):
        return f"The text part of `{name.replace('.txt', '.html')}`."
    kind = {"css": "A style sheet", "js": "A script"}[name.rpartition(".")[2]]
    first = re.match(r"/\*\s*(.*?)\s*\*/", shipped()[name], re.S)
    return re.sub(r"\s+", " ", first[1]) if first else f"{kind}."


def _kind(value: object, kinds: dict[str, type]) -> str:
    """An example's type in words; classes met are added to `kinds`."""
    if is_dataclass(value):
        kinds[type(value).__name__] = type(value)
        return f"[{type(value).__name__}](#{type(value).__name__.lower()})"
    if isinstance(value, Markup):
        return "HTML"
    if callable(value):
        return "a function"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple)):
        return f"list of {_kind(value[0], kinds)}" if value else "list"
    if value is None:
        return "may be none"
    return _WORDS.get(type(value), type(value).__name__)


def _reached(kinds: dict[str, type]) -> Iterator[type]:
    """The classes, and those that their fields name, in order of name."""
    known = dict(kinds)
    waiting = list(known.values())
    while waiting:
        kind = waiting.pop()
        module = vars(inspect.getmodule(kind))
        for field in fields(kind):
            for word in re.findall(r"\w+", str(field.type)):
                found = module.get(word) or vars(inspect.getmodule(Theme)).get(word)
                if isinstance(found, type) and is_dataclass(found) and word not in known:
                    known[word] = found
                    waiting.append(found)
    yield from (known[name] for name in sorted(known))


# --- what code says of itself -------------------------------------------------------------------------------


def _purpose(of: object) -> str:
    """The first paragraph of a docstring, in one line."""
    return re.sub(r"\s+", " ", (inspect.getdoc(of) or "").partition("\n\n")[0]).strip()


def _comments(kind: type) -> dict[str, str]:
    """The comment that stands on each field's lines."""
    source = inspect.getsource(kind)
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    [body] = ast.parse(source).body
    found = {}
    for line in ast.walk(body):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            said = [comments[at] for at in range(line.lineno, (line.end_lineno or 0) + 1) if at in comments]
            found[line.target.id] = " ".join(said)
    return found
