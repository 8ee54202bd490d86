"""The publication's settings: `pressrun.toml` and the environment, validated at start.

`PRESSRUN_<NAME>` overrides a setting, `PRESSRUN_<TABLE>__<NAME>` one in a table: `PRESSRUN_URL`,
`PRESSRUN_FEED__ENTRIES`. Secrets and backends belong to the environment alone (see `pressrun.bootstrap`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from pressrun.domain.newsletters import MailSettings, Newsletter
from pressrun.domain.problems import Problem
from pressrun.domain.publication import (
    FeedSettings,
    ImageSettings,
    NavLink,
    Person,
    Podcast,
    Publication,
    ViewSettings,
)
from pressrun.domain.variables import VARIABLES
from pressrun.errors import Invalid

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SETTINGS_FILE = "pressrun.toml"
ENVIRONMENT_PREFIX = "PRESSRUN_"


def read_settings(data: bytes) -> dict[str, Any]:
    """The settings file as a mapping, validated. Raises Invalid with the line of each wrong setting."""
    import tomllib

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Invalid.at(SETTINGS_FILE, line, "is not UTF-8", "save it as UTF-8", code="encoding") from None
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found.group(1)) if found else text.count("\n") + 1
        what = re.sub(r" \(at .*\)", "", str(error))
        raise Invalid.at(SETTINGS_FILE, line, f"is not TOML: {what}", "mend this line", code="toml") from None
    publication_from(settings, {}, text)
    return settings


def publication_from(
    settings: Mapping[str, Any], environment: Mapping[str, str], text: str = ""
) -> Publication:
    """Settings made into a Publication. `text` is the file, in which an error's line is looked up.

    Raises Invalid with every wrong setting.
    """
    from pydantic import ValidationError

    from pressrun.domain.settings import faults

    merged = _overridden(settings, environment)
    problems = [_unknown(path, text) for path in _unknown_names(merged)]
    try:
        publication = _adapter().validate_python(merged)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            path = [str(part) for part in detail["loc"]]
            name = ".".join(part for part in path if not part.isdigit())
            wanted = _EXPECTED.get(detail["type"].partition("_")[0], detail["msg"].lower())
            what, todo = f"`{name}`: {wanted}", "mend this value"
            if detail["type"] == "missing":
                what, todo = f"`{name}` is missing", f"add {path[-1]} = …"
            problems.append(_problem(path, what, todo, text))
        raise Invalid([_blamed(problem, environment) for problem in problems]) from None
    problems += [_problem(path, what, todo, text) for path, what, todo in faults(publication)]
    if problems:
        raise Invalid([_blamed(problem, environment) for problem in problems])
    return publication


@cache
def _adapter() -> TypeAdapter[Publication]:
    """Made once: it takes 10 ms, and every publish looks at the settings twice."""
    from pydantic import TypeAdapter

    return TypeAdapter(Publication)


# The first word of a pydantic error's type → what it asks for.
_EXPECTED = {
    "string": 'text in quotes is expected, "…"',
    "int": "a whole number is expected",
    "float": "a number is expected",
    "bool": "true or false is expected",
    "tuple": "a list is expected, […] or [[tables]]",
    "dataclass": "a table is expected, not a single value",
}


def _blamed(problem: Problem, environment: Mapping[str, str]) -> Problem:
    """The problem as the variable's that overrides the setting, where one does."""
    for dotted in environment:
        if any(f"`{name}`" in problem.what for name in (dotted, dotted.rpartition(".")[0])):
            todo = problem.todo if "did you mean" in problem.todo else f"{problem.todo}, or unset it"
            return replace(problem, file=_variable(dotted), line=0, todo=todo)
    return problem


def _variable(dotted: str) -> str:
    return f"${ENVIRONMENT_PREFIX}{dotted.replace('.', '__').upper()}"


def environment_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that override settings, by dotted setting name."""
    known = set(_NAMES)
    found = {}
    for name, value in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        setting = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
        if setting.split(".")[0] in known:
            found[setting] = value
    return found


def unknown_variables(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Variables that look like ours and that nothing reads, each with the nearest that something does, or ""."""
    from difflib import get_close_matches

    ours = {_variable(name)[1:] for name in _NAMES if name not in _TABLES}
    ours |= {_variable(f"{table}.{name}")[1:] for table, names in _TABLES.items() for name in names}
    said = {name for name in environment if name.startswith(ENVIRONMENT_PREFIX)} - VARIABLES.keys()
    taken = {_variable(dotted)[1:] for dotted in environment_settings(environment)}
    near = {name: get_close_matches(name, [*ours, *VARIABLES], n=1) for name in said - taken}
    return [(name, "".join(near[name])) for name in sorted(near)]


def _overridden(settings: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    merged = {name: dict(value) if isinstance(value, dict) else value for name, value in settings.items()}
    for dotted, value in environment.items():
        table, _, name = dotted.rpartition(".")
        target = merged.setdefault(table, {}) if table else merged
        if not isinstance(target, dict):
            todo = f"set `{table}` in {SETTINGS_FILE}, and unset this variable"
            raise Invalid.at(_variable(dotted), 0, f"`{table}` has no such part", todo, code="setting")
        target[name] = value
    return merged


_TABLES = {
    name: [field.name for field in fields(kind)]
    for name, kind in {
        "feed": FeedSettings,
        "podcast": Podcast,
        "authors": Person,
        "nav": NavLink,
        "newsletters": Newsletter,
        "mail": MailSettings,
        "views": ViewSettings,
        "images": ImageSettings,
    }.items()
}
_NAMES = [field.name for field in fields(Publication)]


def _unknown_names(settings: Mapping[str, Any]) -> list[list[str]]:
    unknown = [[name] for name in settings if name not in _NAMES]
    for name, known in _TABLES.items():
        value = settings.get(name)
        for index, table in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(table, dict):
                unknown += [[name, str(index), key] for key in table if key not in known]
    return unknown


def _unknown(path: list[str], text: str) -> Problem:
    from difflib import get_close_matches

    known = _TABLES[path[0]] if len(path) > 1 else _NAMES
    near = get_close_matches(path[-1], known, n=1)
    todo = f"did you mean `{near[0]}`?" if near else "remove it; `pressrun reference settings` lists them"
    name = ".".join(part for part in path if not part.isdigit())
    return _problem(path, f"`{name}` is not a setting", todo, text)


def _problem(path: Sequence[str], what: str, todo: str, text: str) -> Problem:
    return Problem(file=SETTINGS_FILE, line=_line_of(path, text), what=what, todo=todo, code="setting")


def _line_of(path: Sequence[str], text: str) -> int:
    """The line that sets `path`; tomllib keeps no positions, so the text is searched. 0 where it is not in it."""
    names = [part for part in path if not part.isdigit()]
    index = next((int(part) for part in path if part.isdigit()), 0)
    table, seen = "", -1
    fallback = 0
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\[?\s*([\w.-]+)\s*\]\]?", line)
        if header:
            seen = seen + 1 if header.group(1) == table else 0
            table = header.group(1)
            if table == names[0] and (index == seen or not fallback):
                fallback = number
            continue
        key = re.match(r"\s*[\"']?([\w-]+)[\"']?\s*(\.\s*([\w-]+)\s*)?=", line)
        if key is None:
            continue
        full = [part for part in (table, key.group(1), key.group(3)) if part]
        if full == names and (not table or seen == index or len(names) == 1):
            return number
        if not table and key.group(1) == names[0]:
            fallback = number
    return fallback
