"""Changes a field of an article's metadata in its text, and leaves every other character as it is."""

from __future__ import annotations

import re

_FENCES = {"---": re.compile(r"^(?:---|\.\.\.)[ \t]*$"), "+++": re.compile(r"^\+\+\+[ \t]*$")}
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9 _-]{0,40}:(?:[ \t]|$)")
_TABLE = re.compile(r"[ \t]*\[")


def with_field(text: str, name: str, value: str | None) -> str:
    """The text with `name: value` in its front matter; without the field for None.

    Understands YAML between `---`, TOML between `+++` (the value is written as a string, `true` and `false` as they
    are), and header lines; where there is none of these, YAML is put at the top.
    """
    lines = text.split("\n")
    first = lines[0].lstrip("\ufeff").rstrip() if lines else ""
    if first in _FENCES:
        end = next((n for n, line in enumerate(lines[1:], 1) if _FENCES[first].match(line.rstrip("\r"))), 0)
        if end:
            toml = first == "+++"
            return "\n".join([lines[0], *_changed(lines[1:end], name, value, toml=toml), *lines[end:]])
    elif _HEADER.match(first) and re.match(r"(?i)(title|date|author)s?:", first):
        end = next((n for n, line in enumerate(lines) if not line.strip()), len(lines))
        return "\n".join([*_changed(lines[:end], name, value, toml=False), *lines[end:]])
    return text if value is None else f"---\n{name}: {value}\n---\n{text}"


def _changed(block: list[str], name: str, value: str | None, *, toml: bool) -> list[str]:
    own = re.compile(rf"[ \t]*[\"']?{re.escape(name)}[\"']?[ \t]*{'=' if toml else ':'}", re.IGNORECASE)
    ending = "\r" if block and block[0].endswith("\r") else ""
    new = []
    if value is not None:
        written = value if value in {"true", "false"} else f'"{value}"'
        new = [f"{name} = {written}{ending}" if toml else f"{name}: {value}{ending}"]
    top = next((n for n, line in enumerate(block) if toml and _TABLE.match(line)), len(block))
    at = next((n for n, line in enumerate(block[:top]) if own.match(line)), None)
    if at is None:
        return [*block[:top], *new, *block[top:]]
    rest = at + 1
    while not toml and rest < top and block[rest][:1] in {" ", "\t"}:  # a value that goes on below
        rest += 1
    return [*block[:at], *new, *block[rest:]]
