"""What importers of static site generators share: front matter that is kept, configurations, files, addresses."""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pressrun.domain.urls import path_problem
from pressrun.errors import Invalid
from pressrun.parsing import frontmatter, yaml_block
from pressrun.parsing.encoding import decode, line_of
from pressrun.parsing.fields import Fields
from pressrun.parsing.findings import Findings
from pressrun.parsing.keys import default_slug
from pressrun.parsing.moving.archives import Export
from pressrun.parsing.moving.model import File, Item, Missed, Page, Place, Skipped
from pressrun.parsing.moving.pictures import carried
from pressrun.parsing.names import canonical
from pressrun.parsing.values import BrokenError, Entry, Value

ARTICLES = {".md", ".markdown", ".html", ".htm"}
OTHER_TEXTS = {".rst", ".adoc", ".asciidoc", ".org", ".textile", ".mdx", ".ipynb", ".njk", ".liquid", ".hbs",
               ".ejs", ".pug", ".haml", ".webc", ".pandoc", ".rmd", ".qmd"}  # fmt: skip
_THEME = {".css", ".js", ".mjs", ".cjs", ".ts", ".scss", ".sass", ".less", ".map", ".woff", ".woff2", ".ttf", ".eot",
          ".otf", ".php", ".py", ".rb", ".toml", ".yml", ".yaml", ".json", ".lock", ".xml", ".webmanifest",
          ".xsl"}  # fmt: skip
_REMOTE = re.compile(r"!\[[^\[\]]{0,500}\]\((https?://[^\s)]+)")


@dataclass(frozen=True, slots=True)
class Source:
    """An article's file: its text, and what its front matter says."""

    name: str
    place: Place
    text: str
    split: frontmatter.Split
    fields: Fields

    @property
    def body(self) -> str:
        return self.split.body

    def said(self, name: str) -> Value:
        """The value under one of the spellings of a field of ours, as written."""
        entry = self.fields.first(name)
        return entry.value if entry else None

    def text_of(self, name: str) -> str:
        value = self.said(name)
        return value.strip() if isinstance(value, str) else ""


@dataclass(slots=True)
class Folder:
    """A site's sources, and what its importer has seen of them."""

    export: Export
    left: Counter[str] = field(default_factory=Counter)
    paths: dict[str, str] = field(default_factory=dict)  # name of a source → its address

    def read(self, name: str, *, headers: bool = False) -> Source:
        """A source. Raises Invalid where it cannot be read."""
        place = self.export.place(name)
        return self.source(name, json_to_yaml(decode(place, self.export.read(name)), place), headers=headers)

    def source(self, name: str, text: str, *, headers: bool = False) -> Source:
        """A source of this text. Raises Invalid where its front matter cannot be read."""
        place = self.export.place(name)
        try:
            split = frontmatter.split(text, headers=headers)
        except BrokenError as error:
            raise Invalid.at(place, error.line, error.what, error.todo, code=error.code) from None
        fields = Fields(split.entries, UTC, Findings(place))
        return Source(name, Place(file=place, name=fields.text("title")), text, split, fields)

    def articles(self, names: list[str], make: Callable[[str], Iterator[Item]]) -> Iterator[Item]:
        """What `make` makes of each; a source that cannot be read is skipped with its line."""
        for name in names:
            try:
                yield from make(name)
            except Invalid as error:
                for problem in error.problems:
                    place = Place(file=problem.file, line=problem.line)
                    yield Skipped(place=place, reason=f"{problem.what}; {problem.todo}")

    def page(self, source: Source, key: str, body: str, added: Mapping[str, object]) -> Iterator[Item]:
        """The article under its key, with what is added to its front matter, and what stays elsewhere."""
        yield from told(source, body)
        html = key.lower().endswith((".html", ".htm"))
        text = amended(with_body(source, body), {**added, "newsletter": False}, headers=not html)
        yield Page(place=source.place, key=key, text=text)

    def files(self, names: Mapping[str, str]) -> Iterator[Item]:
        """Files under their keys: name → key. What belongs to a theme is counted, and left."""
        for name, key in names.items():
            suffix = posixpath.splitext(name)[1].lower()
            if suffix in _THEME or any(part.startswith((".", "_")) for part in key.split("/")):
                self.left[suffix or posixpath.basename(name)] += 1
            elif suffix in OTHER_TEXTS:
                what = f"is written in {suffix[1:]}, which is not read here; make Markdown or HTML of it"
                yield Skipped(place=Place(file=self.export.place(name)), reason=what)
            else:
                yield File(
                    place=Place(file=self.export.place(name)), key=key, member=self.export.members[name]
                )

    def ending(self) -> Iterator[Item]:
        """What was left, as a whole."""
        if self.left:
            kinds = ", ".join(f"{number} {suffix}" for suffix, number in self.left.most_common(8))
            yield Missed(place=Place(file=self.export.name), what=f"files of the theme and its tools are left: {kinds}",
                         todo="bring those that articles need into the content folder")  # fmt: skip
        for link in self.export.links[:20]:
            yield Skipped(
                place=Place(file=self.export.place(link)), reason="is a link, which is not followed"
            )


def address(old: str, key: str, source: Source) -> tuple[dict[str, object], str]:
    """Front matter that keeps an article at its old address ("/2024/hello/", "/hello.html"), and why it cannot.

    A page stands at `path/` here; what ended in .html or without a slash redirects there.
    """
    bare = re.sub(r"(^|/)index\.html?$", "", old.strip("/")).strip("/")
    path = re.sub(r"\.html?$", "", bare)
    added: dict[str, object] = {}
    if not path:
        return {}, "the home page stands there"
    if problem := path_problem(path) or ("no address holds a space" if " " in path else None):
        return {}, problem
    own = source.text_of("path").strip("/")
    if own != path and (
        source.said("path") is not None or path != (source.text_of("slug") or default_slug(key))
    ):
        added["path"] = path
    if bare != path:
        there = source.said("aliases")
        aliases = [there] if isinstance(there, str) else [one for one in there or [] if isinstance(one, str)] \
            if isinstance(there, list | None) else []  # fmt: skip
        if f"/{bare}" not in {f"/{one.lstrip('/')}" for one in aliases}:
            added["aliases"] = [*map(str, aliases), f"/{bare}"]
    return added, ""


def told(source: Source, body: str) -> Iterator[Item]:
    """Remote pictures, embedded pages, scripts of an article, each with its line."""
    if "<" in body:
        for item in carried(body, source.place)[1]:
            if isinstance(item, Missed):
                yield item
    for url in dict.fromkeys(_REMOTE.findall(body)):
        line = line_of(source.text, source.text.find(url)) if url in source.text else 0
        yield Missed(place=Place(file=source.place.file, line=line, name=source.place.name),
                     what=f"the picture {url[:300]} stays where it is",
                     todo="save it beside the article before the old site goes")  # fmt: skip


def calls(source: Source, pattern: re.Pattern[str], noun: str) -> Iterator[Item]:
    """What a template language would do in a text, once for each name: group 1 of the pattern."""
    found: dict[str, list[int]] = {}
    for one in pattern.finditer(source.body):
        if one[1]:
            found.setdefault(one[1], []).append(
                source.split.body_line + source.body.count("\n", 0, one.start())
            )
    for name, lines in found.items():
        times = f", {len(lines)} times" if len(lines) > 1 else ""
        yield Missed(place=Place(file=source.place.file, line=lines[0], name=source.place.name),
                     what=f"uses {noun} {name}{times}; it stands there as it is",
                     todo="put in its place what it showed")  # fmt: skip


def with_body(source: Source, body: str) -> str:
    """The source's text with another body behind the same front matter."""
    return source.text[: len(source.text) - len(source.body)] + body


def amended(text: str, added: Mapping[str, object], *, headers: bool = True) -> str:
    """`text` with fields put into its front matter, in its own notation, in place of those of the same name.

    `headers` as in `frontmatter.split`.
    """
    start = len(text) - len(text.lstrip("\n"))
    first = text[start:].partition("\n")[0].rstrip()
    lines = text.split("\n")
    if first not in {"---", "+++"} and (split := frontmatter.split(text, headers=headers)).entries:
        at, notation = split.entries[0].line, "{name}: {value}"
    elif first in {"---", "+++"}:
        split = frontmatter.split(text, headers=False)
        at, notation = start + 1, "{name} = {value}" if first == "+++" else "{name}: {value}"
    else:
        head = "\n".join(["---", *(f"{name}: {_written(value)}" for name, value in added.items()), "---", ""])
        return f"{head}\n{text.lstrip(chr(10))}"
    gone = {canonical(name) for name in added}
    starts = sorted(entry.line for entry in split.entries)
    end = split.body_line - 1  # the closing fence's line, or the blank one
    removed: set[int] = set()
    for entry in split.entries:
        if canonical(entry.name) in gone and entry.name.lower() in added:
            until = next((line for line in starts if line > entry.line), end)
            removed.update(range(entry.line - 1, until - 1))
    plain = notation == "{name}: {value}" and first != "---"
    fresh = [
        notation.format(name=name, value=_plain(value) if plain else _written(value))
        for name, value in added.items()
    ]
    kept = [line for number, line in enumerate(lines[at:], at) if number not in removed]
    return "\n".join(
        [*(line for number, line in enumerate(lines[:at]) if number not in removed), *fresh, *kept]
    )


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return _written(value) if isinstance(value, bool) else str(value)


def json_to_yaml(text: str, place: str) -> str:
    """JSON front matter, as Hugo and Eleventy know it, as YAML: each of its fields on a line."""
    bare = text.lstrip("\n")
    lead = "---json\n" if bare.startswith("---json\n") else ""
    if not lead and not re.match(r"\{\s*\n?\s*\"", bare):
        return text
    try:
        table, end = json.JSONDecoder().raw_decode(bare, len(lead))
    except (ValueError, RecursionError):
        if not lead:
            return text
        raise Invalid.at(
            place, 1, "its front matter is not JSON", "write YAML", code="front-matter"
        ) from None
    if not isinstance(table, dict):
        return text
    rest = re.sub(r"\A\s*---[ \t]*\n?", "\n", bare[end:]) if lead else bare[end:]
    fields = "\n".join(
        f"{name}: {_written(value)}" for name, value in table.items() if re.fullmatch(r"[\w.-]+", name)
    )
    return f"---\n{fields}\n---\n{rest}"


def config(export: Export, *names: str) -> dict[str, Value]:
    """The first of these files that can be read as TOML, YAML or JSON; names in lower case. Nothing of it is run."""
    for name in names:
        if name not in export.members:
            continue
        place = export.place(name)
        text = decode(place, export.read(name))
        try:
            if name.endswith(".toml"):
                found: dict[str, Value] = tomllib.loads(text)
            elif name.endswith(".json"):
                found = json.loads(text)
            else:
                found = {entry.name: entry.value for entry in yaml_block.load(text, 1)}
        except (BrokenError, ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return {key.lower(): value for key, value in found.items()}
    return {}


def word(table: Mapping[str, Value], *names: str) -> str:
    """The first of these that is text."""
    return next(
        (value.strip() for name in names if isinstance(value := table.get(name), str) and value.strip()), ""
    )


def date_of(source: Source, name: str) -> datetime | None:
    """The date that a source states, or that its name does."""
    from pressrun.parsing.dates import from_path

    return source.fields.moment("date") or from_path(name, UTC)


def entries(table: Mapping[str, Value]) -> list[Entry]:
    """A table as front matter has it."""
    return [Entry(name, value, 1) for name, value in table.items()]
