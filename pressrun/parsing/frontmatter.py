"""Takes the metadata block off the head of a source: YAML, TOML or plain header lines."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

from pressrun.parsing import yaml_block
from pressrun.parsing.names import CANONICAL, canonical
from pressrun.parsing.values import BrokenError, Entry, Plain, Value

MAX_BLOCK = 64 * 1024

_FENCES = {"---": re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.M), "+++": re.compile(r"^\+\+\+[ \t]*$", re.M)}
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9 _-]{0,40}):(?:[ \t]+(.*)|[ \t]*)$")
_TOML_LINE = re.compile(r'[ \t]*(?:\[+[ \t]*([^\]]+?)[ \t]*\]+|(["\']?)([\w.-]+)\2[ \t]*=)')
_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Split:
    """A source taken apart. `body_line` is the line of the file that `body` starts on."""

    entries: list[Entry]
    body: str
    body_line: int


def split(text: str, *, headers: bool) -> Split:
    """The metadata and the body of a source; raises `BrokenError`. `headers` allows `Title: …` lines."""
    start = len(text) - len(text.lstrip("\n"))
    line = start + 1
    first = text[start : text.find("\n", start) if "\n" in text[start:] else len(text)].rstrip()
    if first in _FENCES:
        return _fenced(text, start, line, first)
    if headers and (match := _HEADER.match(first)) and canonical(match[1]) in CANONICAL:
        return _header_lines(text, start, line)
    return Split([], text, 1)


def _fenced(text: str, start: int, line: int, fence: str) -> Split:
    opening_end = text.find("\n", start) + 1
    closing = _FENCES[fence].search(text, opening_end) if opening_end else None
    if closing is None:
        raise BrokenError(
            line,
            f"front matter is opened with {fence} and never closed",
            f"write {fence} on a line of its own after the last field (for a rule at the top write ***)",
            "front-matter-open",
        )
    block = text[opening_end : closing.start()]
    if len(block) > MAX_BLOCK:
        raise BrokenError(line, f"front matter of {len(block) // 1024} KB; {MAX_BLOCK // 1024} are allowed",
                     "move data into a file of its own", "front-matter-size")  # fmt: skip
    load = yaml_block.load if fence == "---" else _toml
    entries = load(block, line + 1)
    body_line = line + 2 + block.count("\n")
    return Split(entries, text[closing.end() + 1 :], body_line)


def _toml(block: str, first_line: int) -> list[Entry]:
    try:
        table = tomllib.loads(block)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        last = block.rstrip("\n").count("\n") + 1
        line = int(place[1]) if place and place[1] else last
        reason = _TOML_PLACE.sub("", str(error))
        raise BrokenError(
            first_line + line - 1, f"this is not TOML: {reason}", 'write name = "value"', "toml-syntax"
        ) from None
    except (ValueError, RecursionError) as error:  # numbers of 5,000 digits, thousands of brackets
        raise BrokenError(
            first_line, f"this is not TOML: {error}", 'write name = "value"', "toml-syntax"
        ) from None
    lines = _toml_lines(block, first_line)
    return [Entry(name, value, lines.get(name, first_line)) for name, value in table.items()]


def _toml_lines(block: str, first_line: int) -> dict[str, int]:
    """Where each top-level name stands (tomllib does not say): its first assignment outside of any table."""
    lines: dict[str, int] = {}
    in_table = False
    for number, text in enumerate(block.split("\n"), first_line):
        match = _TOML_LINE.match(text)
        if match is None:
            continue
        if match[1]:
            in_table = True
            lines.setdefault(match[1].split(".")[0].strip("\"' "), number)
        elif not in_table:
            lines.setdefault(match[3].split(".")[0], number)
    return lines


def _header_lines(text: str, start: int, line: int) -> Split:
    """`Name: value` lines up to a blank line; an indented line continues the one above."""
    entries: list[Entry] = []
    rest = text[start:]
    offset = 0
    for number, content in enumerate(rest.split("\n"), line):
        if not content.strip():
            break
        match = _HEADER.match(content)
        if content[0] in " \t" and entries:
            above = entries[-1]
            joined: Value = Plain(f"{above.value} {content.strip()}".strip())
            entries[-1] = Entry(above.name, joined, above.line)
        elif match is None:
            if canonical(entries[0].name) not in {"title", "date"}:
                return Split([], text, 1)  # prose that begins with "Summary: …"
            raise BrokenError(
                number,
                "a line among the header lines that is not `Name: value`",
                "leave a blank line between the header lines and the text",
                "header-syntax",
            )
        elif any(entry.name.lower() == match[1].lower() for entry in entries):
            raise BrokenError(number, f"`{match[1]}` stands here a second time", "keep one", "header-twice")
        else:
            entries.append(Entry(match[1], Plain((match[2] or "").strip()), number))
        offset += len(content) + 1
        if offset > MAX_BLOCK:
            raise BrokenError(
                line, "header lines of more than 64 KB", "leave a blank line after them", "front-matter-size"
            )
    return Split(entries, rest[offset:], line + len(rest[:offset].split("\n")) - 1)
