"""infra/template.yaml as SAM would deploy it, and as it is written."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "infra" / "template.yaml"
FUNCTIONS = ("Publish", "Deliver", "Feedback", "Api", "Count", "Tick")


class _Loader(yaml.SafeLoader):
    """CloudFormation's short forms, written out: `!Ref x` as {"Ref": "x"}, `!Sub x` as {"Fn::Sub": "x"}."""


def _written_out(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _written_out)


@cache
def template(path: Path = TEMPLATE) -> dict[str, Any]:
    """The template as plain values. Merged keys and aliases are written out."""
    return yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 - a safe loader


def resources(kind: str = "") -> dict[str, dict[str, Any]]:
    """The resources of a type, by their names."""
    return {name: one for name, one in template()["Resources"].items() if kind in {"", one["Type"]}}


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    """A policy's statements, those under a condition included."""
    found = []
    for statement in document["Statement"]:
        branches = statement["Fn::If"][1:] if "Fn::If" in statement else [statement]
        found += [one for one in branches if "Effect" in one]
    return found


def listed(value: Any) -> list[Any]:
    """One or several, as several."""
    return value if isinstance(value, list) else [value]


def environment(function: str) -> dict[str, Any]:
    """The variables that a function gets."""
    shared = template()["Globals"]["Function"]["Environment"]["Variables"]
    own = resources()[f"{function}Function"]["Properties"].get("Environment", {}).get("Variables", {})
    return {**shared, **own}
