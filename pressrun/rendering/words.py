"""The words that templates print, from one TOML table per language."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

from babel import Locale, UnknownLocaleError
from babel.numbers import format_decimal
from markupsafe import Markup, escape

from pressrun.errors import Invalid

FALLBACK = "en"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_AT_LINE = re.compile(r" \(at (?:line (\d+).*|end of document)\)")


class Words:
    """One language's words. A word that its table lacks is printed in English."""

    def __init__(self, locale: Locale, table: Mapping[str, str]) -> None:
        self._locale = locale
        self._plain = {key: _PLACEHOLDER.split(text) for key, text in table.items()}
        self._safe = {key: [str(escape(part)) for part in parts] for key, parts in self._plain.items()}
        self._markup = {key: Markup(parts[0]) for key, parts in self._safe.items() if len(parts) == 1}  # noqa: S704

    def text(self, key: str, /, **values: str | int) -> str:
        """The word as plain text, its `{name}`s filled in; `count` chooses `key.one` or `key.other`."""
        parts = self._plain[self._form(key, values)]
        return "".join(self._filled(part, values) if i % 2 else part for i, part in enumerate(parts))

    def markup(self, key: str, /, **values: str | int) -> Markup:
        """The word as HTML. Values are escaped unless they are Markup."""
        if not values and key in self._markup:
            return self._markup[key]
        parts = self._safe[self._form(key, values)]
        filled = (escape(self._filled(part, values)) if i % 2 else part for i, part in enumerate(parts))
        return Markup("".join(filled))  # noqa: S704 - the literal parts are escaped above

    def number(self, value: int) -> str:
        """A number as the language writes it."""
        return str(value) if -1000 < value < 1000 else str(format_decimal(value, locale=self._locale))

    def size(self, count: int) -> str:
        """A number of bytes in megabytes, as the language writes it."""
        return f"{format_decimal(max(count, 100_000) / 1_000_000, '0.#', self._locale)}\N{NO-BREAK SPACE}MB"

    def _form(self, key: str, values: Mapping[str, str | int]) -> str:
        count = values.get("count")
        form = f"{key}.{self._locale.plural_form(count)}" if isinstance(count, int) else key
        for name in (form, f"{key}.other"):
            if name in self._plain:
                return name
        raise LookupError(f"no table of words has `{key}`")

    def _filled(self, name: str, values: Mapping[str, str | int]) -> str:
        value = values[name]
        return self.number(value) if isinstance(value, int) else value


def words_for(language: str, shipped: Mapping[str, str], overrides: Mapping[str, str]) -> Words:
    """The words of a language: its exact tag's table over its primary subtag's over English.

    Both mappings go from template names ("words/de.toml") to TOML; the publication's own tables win over
    the shipped ones of the same language. Raises Invalid where one of the publication's is wrong.
    """
    english = _table("words/en.toml", shipped["words/en.toml"])
    tables = {name: text for name, text in overrides.items() if name.startswith("words/")}
    brought = {name.casefold(): _brought(name, text, english) for name, text in tables.items()}
    merged: dict[str, str] = {}
    for tag in _candidates(language):
        name = f"words/{tag}.toml"
        if name in shipped:
            merged |= _table(name, shipped[name])
        merged |= brought.get(name, {})
    return Words(locale_for(language), merged)


def languages(shipped: Mapping[str, str], overrides: Mapping[str, str]) -> list[str]:
    """The languages that there are words in, as BCP 47 tags in the order of the alphabet."""
    names = {name.casefold() for name in (*shipped, *overrides) if name.startswith("words/")}
    return sorted(name.removeprefix("words/").removesuffix(".toml") for name in names)


def locale_for(language: str) -> Locale:
    """Babel's locale for a BCP 47 tag; that of its primary subtag, or English, where Babel knows none."""
    primary = language.split("-", maxsplit=1)[0]
    for tag in (language, primary):
        try:
            return Locale.parse(tag, sep="-")
        except (ValueError, UnknownLocaleError):
            continue
    return Locale.parse(FALLBACK)


def _candidates(language: str) -> list[str]:
    tag = language.casefold()
    return list(dict.fromkeys([FALLBACK, tag.split("-")[0], tag]))


def _brought(name: str, text: str, english: Mapping[str, str]) -> dict[str, str]:
    table = _table(name, text)
    for key, value in table.items():
        known = english.get(key, value)
        unknown = sorted(set(_PLACEHOLDER.findall(value)) - set(_PLACEHOLDER.findall(known)))
        if unknown:
            what = f"`{key}` has a place for `{{{unknown[0]}}}`, which nothing fills"
            todo = f"the English text is {known!r}"
            raise Invalid.at(f"templates/{name}", _line_of(key, text), what, todo, code="words")
    return table


def _table(name: str, text: str) -> dict[str, str]:
    file = f"templates/{name}"
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        line = int(found.group(1)) if found and found.group(1) else text.count("\n") + 1
        what = f"is not TOML: {_AT_LINE.sub('', str(error))}"
        raise Invalid.at(file, line, what, "mend this line", code="toml") from None
    table: dict[str, str] = {}
    for key, value in _flat(parsed):
        if not isinstance(value, str):
            raise Invalid.at(
                file, _line_of(key, text), f"`{key}` is not text", "put it in quotes", code="words"
            )
        table[key] = value
    return table


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _line_of(key: str, text: str) -> int:
    names = {key, key.split(".", maxsplit=1)[0]}
    for number, line in enumerate(text.splitlines(), 1):
        if re.split(r"[=\s\]]", line.strip().lstrip("["))[0].strip("\"'") in names:
            return number
    return 0
