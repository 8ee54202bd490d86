"""The fields of one article's metadata: which spellings mean which field, and values of each kind."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, tzinfo

from pressrun.domain.articles import Extra
from pressrun.parsing.coerce import is_nothing, one_line, to_extra, to_truth, without_address
from pressrun.parsing.dates import DateError, from_native, parse_date
from pressrun.parsing.findings import Findings
from pressrun.parsing.names import CANONICAL, PRECEDENCE, canonical
from pressrun.parsing.values import Entry, Value

MAX_TITLE = 300
MAX_LINE = 2_000
MAX_NAMES = 100

_GROUPED = re.compile(r"\d{1,3}(?:([,.  '’_])\d{3}(?:\1\d{3})*)?|\d{1,15}")
_AND = re.compile(r"\s*(?:,|;|&)\s*(?:and\s+)?|\s+and\s+")


@dataclass(slots=True)
class Fields:
    """The fields of one article, by our names. What several spellings say is merged or goes by precedence."""

    entries: list[Entry]
    zone: tzinfo
    findings: Findings
    lines: dict[str, int] = field(default_factory=dict)
    extra: dict[str, Extra] = field(default_factory=dict)
    _known: dict[str, list[tuple[int, Entry]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in self.entries:
            self._place(entry)
        for known in self._known.values():
            known.sort(key=lambda ranked: ranked[0])

    def with_defaults(self, entries: list[Entry]) -> Fields:
        """These fields, and `entries` where they are silent."""
        silent = [
            entry
            for entry in entries
            if (ours := CANONICAL.get(canonical(entry.name))) is None or ours not in self._known
        ]
        return Fields([*self.entries, *silent], self.zone, self.findings)

    def _place(self, entry: Entry) -> None:
        short = canonical(entry.name)
        ours = CANONICAL.get(short)
        if ours == "extra" and isinstance(entry.value, dict):
            self.lines.setdefault("extra", entry.line)
            for name, value in entry.value.items():
                self.extra.setdefault(one_line(name), to_extra(value))
        elif ours == "taxonomies" and isinstance(entry.value, dict):
            for name, value in entry.value.items():
                self._place(Entry(name, value, entry.line))
        elif ours == "status" and str(entry.value).lower() not in {"draft", "hidden", "published"}:
            self.extra[entry.name] = to_extra(entry.value)
        elif ours is None or ours in {"extra", "taxonomies"}:
            self.lines.setdefault(entry.name, entry.line)
            self.extra[one_line(entry.name)] = to_extra(entry.value)
        else:
            if short == "published" and to_truth(entry.value) is not None:
                entry, ours = Entry("draft", not to_truth(entry.value), entry.line), "draft"
            self.lines.setdefault(ours, entry.line)
            self._known.setdefault(ours, []).append((PRECEDENCE[short], entry))

    # --- kinds of values ----------------------------------------------------------------------------------

    def first(self, name: str) -> Entry | None:
        """The field that says something under one of the names of `name`."""
        for _, entry in self._known.get(name, ()):
            if not is_nothing(entry.value):
                return entry
        return None

    def named(self, *names: str) -> list[Entry]:
        """The fields that are called so in the file, in its order."""
        return [entry for entry in self.entries if canonical(entry.name) in names]

    def text(self, name: str, limit: int = MAX_LINE) -> str:
        """A field of one line; white space is collapsed."""
        entry = self.first(name)
        return self.text_of(entry, limit) if entry else ""

    def text_of(self, entry: Entry, limit: int = MAX_LINE) -> str:
        value = entry.value
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
            value = str(value)
        if not isinstance(value, str):
            self.wrong(entry, "is not text", f'write {entry.name}: "…" in quotes')
            return ""
        cleaned = one_line(value)
        if len(cleaned) > limit:
            self.wrong(entry, f"has {len(cleaned):,} characters", f"shorten it to {limit:,}")
        return cleaned

    def title(self) -> str:
        known = self._known.get("title")
        if not known:
            return ""
        entry = known[0][1]
        title = self.text_of(entry, MAX_TITLE) if entry.value is not None else ""
        if not title and isinstance(entry.value, str | None):
            self.findings.error(entry.line, "the title is empty", "write one", "title-empty")
        return title

    def names(self, name: str) -> tuple[str, ...]:
        """Tags or authors: a list, or text with commas; merged over all spellings, in order, each once."""
        found: dict[str, str] = {}
        for _, entry in sorted(self._known.get(name, ()), key=lambda ranked: ranked[1].line):
            for item in self._of_people(entry) if name == "authors" else self.items(entry, split=None):
                found.setdefault(item.casefold(), item)
        if len(found) > MAX_NAMES:
            self.findings.error(
                self.lines[name], f"{len(found)} {name}", f"keep {MAX_NAMES} at most", "too-many"
            )
        return tuple(found.values())

    def _of_people(self, entry: Entry) -> list[str]:
        """Names without mail addresses, which no page is to show."""
        people = []
        for item in self.items(entry, split=_AND):
            name = without_address(item)
            if name == item.partition("@")[0] != item:
                what = f"{entry.name} holds a mail address alone; `{name}` is shown"
                self.findings.warn(entry.line, what, "write the name", "author-name")
            people.append(name)
        return people

    def items(self, entry: Entry, split: re.Pattern[str] | None) -> list[str]:
        value = entry.value
        if is_nothing(value):
            return []
        if isinstance(value, str):
            parts: list[Value] = [*_names_in(value, split)]
        else:
            parts = [*value] if isinstance(value, list) else [value]
        items = []
        for part in parts:
            named = part.get("name") if isinstance(part, dict) else part
            if isinstance(named, dict | list | float | bool | date | time):
                self.wrong(entry, "holds something that is not a name", 'write names: ["one", "two"]')
            elif not is_nothing(named) and (
                text := self.text_of(Entry(entry.name, named, entry.line), MAX_TITLE)
            ):
                items.append(text)
        return items

    def moment(self, name: str) -> datetime | None:
        entry = self.first(name)
        if entry is None:
            return None
        try:
            if isinstance(entry.value, date):
                return from_native(entry.value, self.zone)
            if isinstance(entry.value, str):
                return parse_date(entry.value, self.zone)
        except DateError as error:
            self.findings.error(entry.line, f"{entry.name}: {error.what}", error.todo, "date")
            return None
        self.wrong(entry, "is not a date", "write it as 2024-05-31")
        return None

    def truth(self, name: str, default: bool) -> bool:
        entry = self.first(name)
        if entry is None:
            return default
        value = to_truth(entry.value)
        if value is None:
            self.wrong(entry, "is neither true nor false", f"write {entry.name}: true or false")
            return default
        return value

    def number(self, name: str) -> int:
        """A count, perhaps with separators: `1,204`."""
        entry = self.first(name)
        return self.number_of(entry, entry.value) if entry else 0

    def number_of(self, entry: Entry, value: Value) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15:
            return value
        if isinstance(value, str) and _GROUPED.fullmatch(value.strip()):
            return int(re.sub(r"\D", "", value))
        self.wrong(entry, "is not a count", "write a whole number")
        return 0

    def wrong(self, entry: Entry, what: str, todo: str, code: str = "metadata") -> None:
        self.findings.error(entry.line, f"{entry.name} {what}", todo, code)


def _names_in(text: str, split: re.Pattern[str] | None) -> list[str]:
    """The names in a line. A semicolon parts names that hold commas, as Pelican has it: `Doe, Jane; Roe, Bob`."""
    if ";" in text:
        return text.split(";")
    return split.split(text) if split and "," in text else text.split(",")
