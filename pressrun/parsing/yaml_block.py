"""The subset of YAML that front matter needs: mappings, lists, text. No aliases, no tags, no surprises.

Reads libyaml's events itself instead of building objects: a scalar stays the text that was written
(`title: no` is "no"), each key keeps its line, and what makes YAML dangerous is refused where it starts.
"""

from __future__ import annotations

from yaml import BaseLoader, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from pressrun.parsing.values import BrokenError, Entry, Plain, Value

try:
    from yaml import CBaseLoader
except ImportError:  # PyYAML built without libyaml: slower, with the same events
    CBaseLoader = BaseLoader  # type: ignore[assignment, misc]

MAX_DEPTH = 10
MAX_VALUES = 5_000

_FIELDS = "write one `name: value` per line"
_QUOTE = "put a value that holds `: ` or ` #`, or starts with one of []{}&*!|>'\"%@`, in double quotes"


def load(block: str, first_line: int) -> list[Entry]:
    """The block's fields in order; raises `BrokenError`. `first_line` is where in the file it starts."""
    try:
        return _Reader(block, first_line).document()
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        line = first_line + (mark.line if mark else 0)
        raise BrokenError(line, f"this is not YAML: {reason}", _QUOTE, "yaml-syntax") from None


class _Reader:
    def __init__(self, block: str, first_line: int) -> None:
        self._get = CBaseLoader(block).get_event
        self._first = first_line
        self._values = 0

    def document(self) -> list[Entry]:
        self._next()  # the stream's start
        event = self._next()
        if isinstance(event, StreamEndEvent):
            return []
        if isinstance(event, DocumentStartEvent):
            event = self._next()
        if isinstance(event, ScalarEvent) and event.value == "" and event.implicit[0]:
            return []
        self._refuse(event)
        if not isinstance(event, MappingStartEvent):
            raise BrokenError(self._line(event), "front matter without field names", _FIELDS, "yaml-shape")
        entries = self._fields(1)
        self._next()  # the document's end
        if not isinstance(after := self._next(), StreamEndEvent):
            raise BrokenError(self._line(after), "a second YAML document", "keep one block", "yaml-shape")
        return entries

    def _next(self) -> Event:
        event = self._get()
        if event is None:
            raise YAMLError("it ends too early")
        return event

    def _fields(self, depth: int) -> list[Entry]:
        """The rest of a mapping, its start being read already."""
        entries: list[Entry] = []
        seen: dict[str, int] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            self._refuse(event)
            line = self._line(event)
            if not isinstance(event, ScalarEvent):
                raise BrokenError(line, "a list or mapping as a field's name", _FIELDS, "yaml-shape")
            name = event.value
            if name == "<<" and event.implicit[0]:
                raise BrokenError(line, "a merge key (<<)", "write the fields out", "yaml-alias")
            if name in seen:
                raise BrokenError(
                    line,
                    f"`{name}` stands here a second time (first on line {seen[name]})",
                    "keep one",
                    "yaml-twice",
                )
            seen[name] = line
            entries.append(Entry(name, self._value(self._next(), depth), line))
        return entries

    def _value(self, event: Event, depth: int) -> Value:
        self._refuse(event)
        if isinstance(event, ScalarEvent):
            return Plain(event.value) if event.implicit[0] else event.value
        if depth >= MAX_DEPTH:
            raise BrokenError(
                self._line(event),
                f"fields nested deeper than {MAX_DEPTH} levels",
                "flatten them",
                "yaml-depth",
            )
        if isinstance(event, MappingStartEvent):
            return {entry.name: entry.value for entry in self._fields(depth + 1)}
        items: list[Value] = []
        while not isinstance(item := self._next(), SequenceEndEvent):
            items.append(self._value(item, depth + 1))
        return items

    def _refuse(self, event: Event) -> None:
        self._values += 1
        line = self._line(event)
        if self._values > MAX_VALUES:
            raise BrokenError(line, f"more than {MAX_VALUES} values", "move data into a file", "yaml-size")
        if isinstance(event, AliasEvent):
            raise BrokenError(
                line, "an alias (*name)", "write the value out, or quote the text", "yaml-alias"
            )
        if isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent):
            if event.anchor is not None:
                raise BrokenError(line, "an anchor (&name)", "delete it, or quote the text", "yaml-alias")
            if event.tag is not None and event.tag != "!":
                raise BrokenError(
                    line, f"a YAML tag ({event.tag})", "delete it, or quote the text", "yaml-tag"
                )

    def _line(self, event: Event) -> int:
        mark = event.start_mark
        return self._first + (mark.line if mark else 0)
