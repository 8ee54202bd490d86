"""The references say what the code does: every setting, every template, and every value that a template uses."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, meta, nodes

from pressrun.config import environment_settings, publication_from, read_settings
from pressrun.domain.publication import Publication
from pressrun.domain.variables import VARIABLES
from pressrun.errors import Invalid
from pressrun.reference import (
    LISTS,
    TABLES,
    Setting,
    rehearsed,
    settings,
    settings_reference,
    templates_reference,
)
from pressrun.rendering.shipped import shipped

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "templates" / "README.md"
# Values that are right and no default, where any other of the type is not.
OTHER = {
    "url": '"https://example.org/blog"',
    "language": '"de"',
    "timezone": '"Europe/Lisbon"',
    "id_authority": '"example.org,2026"',
    "hub": '"https://hub.example/"',
    "sender": '"news@example.org"',
    "reply_to": '"desk@example.org"',
    "unsubscribe_address": '"leave@example.org"',
    "bounce_address": '"bounces@example.org"',
    "at": '"09:30"',
    "slug": '"news"',
    "own": '["203.0.113.7"]',
    "colour": '"#123456"',
    "bytes": "50_000",
    "max_bytes": "300_000",
    "choices": '["weekly"]',
    "pause_bounces": "0.04",
    "pause_complaints": "0.002",
}
NEEDED = {"newsletters": 'slug = "a"\nname = "A"\nsender = "a@example.org"\n', "authors": 'name = "Ada"\n',
          "nav": 'title = "A"\nurl = "/a/"\n'}  # fmt: skip
EVERY = [(table, one) for table, found in settings().items() for one in found]


@pytest.mark.parametrize(
    ("made", "place"),
    [(settings_reference, "pressrun/SETTINGS.md"), (templates_reference, "templates/README.md")],
)
def test_the_references_are_what_the_code_says(made: Any, place: str) -> None:
    assert (ROOT / place).read_text() == made(), "run `make reference`"


def other(one: Setting) -> str:
    """A value that is not the default, as TOML writes it."""
    if one.name in OTHER:
        return OTHER[one.name]
    if one.type.startswith("one of"):
        return next(word for word in one.type.removeprefix("one of ").split(", ") if word != one.default)
    kinds = {
        "text": '"other"',
        "true or false": "false" if one.default == "true" else "true",
        "list of text": '["a"]',
    }
    return kinds.get(one.type) or str(type_of(one)(one.default) + 1)


def type_of(one: Setting) -> type:
    return float if one.type == "number" else int


@pytest.mark.parametrize(("table", "one"), EVERY, ids=lambda value: getattr(value, "name", value))
def test_each_setting_is_one_and_says_what_it_means(table: str, one: Setting) -> None:
    """Written into the file it changes the publication; by its variable, too."""
    assert one.meaning
    needed = [line for line in NEEDED.get(table, "").splitlines() if not line.startswith(f"{one.name} =")]
    head = (f"[[{table}]]" if table in LISTS else f"[{table}]") if table else ""
    text = "\n".join([head, *needed, f"{one.name} = {other(one)}"])
    publication = publication_from(read_settings(text.encode()), {})
    found: Any = getattr(publication, table) if table else publication
    value = getattr(found[0] if table in LISTS else found, one.name)
    assert str(value) not in {one.default, one.default.strip('"'), one.default.title()}
    if one.variable and not one.type.startswith("list"):
        said = environment_settings({one.variable: other(one).strip('"')})
        found = publication_from({}, said)
        assert getattr(getattr(found, table) if table else found, one.name) == value


NUMBERS = [(table, one) for table, one in EVERY if one.type in {"whole number", "number"}]
BOTH_ENDS = re.compile(r"([\d.]+) to ([\d._]+)")


@pytest.mark.parametrize(("table", "one"), NUMBERS, ids=lambda value: getattr(value, "name", value))
def test_a_number_has_the_limits_that_it_is_said_to_have(table: str, one: Setting) -> None:
    """Where both ends are said: they are let in, what is beyond them is not."""
    assert one.limits
    if found := BOTH_ENDS.match(one.limits):
        low, high = (type_of(one)(end.replace("_", "")) for end in found.groups())
        step = 1 if one.type == "whole number" else low / 2 or 0.1
        head = (f"[[{table}]]" if table in LISTS else f"[{table}]") if table else ""
        for value, fine in ((low, True), (high, True), (low - step, False), (high + step, False)):
            text = "\n".join([head, NEEDED.get(table, ""), f"{one.name} = {value}"])
            with nullcontext() if fine else pytest.raises(Invalid, match=one.name):
                publication_from(read_settings(text.encode()), {})


def test_every_variable_that_is_read_is_listed() -> None:
    """As a setting's, or among those that are none; and none is listed that nothing reads."""
    code = [path.read_text() for folder in ("pressrun", "handlers") for path in (ROOT / folder).rglob("*.py")
            if path.name != "variables.py"]  # fmt: skip
    read = {name for text in code for name in re.findall(r'"(PRESSRUN_[A-Z_]+[A-Z])"', text)}
    read |= {
        f"PRESSRUN_{name}{end}" for name in ("FEEDBACK", "COUNT") for end in ("_QUEUE_URL", "_DEAD_QUEUE_URL")
    }
    assert read - {one.variable for _, one in EVERY} == set(VARIABLES)


def test_no_setting_is_left_out() -> None:
    """Each is a word, a number or a list of them, or stands in a table of its own."""
    assert {one.name for one in settings()[""]} | set(TABLES) == {field.name for field in fields(Publication)}
    assert [one for found in settings().values() for one in found if one.type == "one of "] == []


PARSED = {
    name: Environment(autoescape=True).parse(text)
    for name, text in shipped().items()
    if name.endswith((".html", ".txt"))
}


def made_by_templates() -> set[str]:
    """What templates set, import and define for themselves and for those that they include or extend."""
    found = set[str]()
    for tree in PARSED.values():
        found |= {one.target for one in tree.find_all(nodes.Import)}
        found |= {one.name for one in tree.find_all(nodes.Macro)}
        found |= {one.name for one in tree.find_all(nodes.Name) if one.ctx == "store"}
    return found


@pytest.mark.parametrize("name", PARSED)
def test_a_template_uses_what_it_is_said_to_be_given(name: str) -> None:
    """Those that others include or import share what these are given."""
    given = rehearsed()
    used = meta.find_undeclared_variables(PARSED[name]) - made_by_templates()
    mine = set(given[name]) if name in given else {key for values in given.values() for key in values}
    assert used <= mine | {"site", "t", "number", "href", "time", "byline"}
    assert f"`{name}`" in REFERENCE.read_text()  # which is what the code says, as another test sees
