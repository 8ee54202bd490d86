"""Eleventy: Markdown and HTML below the input folder, with the JSON data of their folders; no JavaScript is run."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator

from pressrun.domain.slugs import slugify
from pressrun.errors import Invalid
from pressrun.parsing.dates import without_date
from pressrun.parsing.encoding import decode
from pressrun.parsing.moving.archives import Export
from pressrun.parsing.moving.folders import ARTICLES, Folder, Source, address, calls, config, date_of, word
from pressrun.parsing.moving.model import Hints, Item, Missed, Options, Place, Skipped
from pressrun.parsing.names import canonical
from pressrun.parsing.values import Value

_CONFIGS = ("eleventy.config.js", ".eleventy.js", "eleventy.config.mjs", "eleventy.config.cjs")
_INPUT = re.compile(r"\binput\s*:\s*[\"']([^\"']+)[\"']|setInputDirectory\(\s*[\"']([^\"']+)[\"']")
_TEMPLATE = re.compile(r"(\{%-?\s*[\w-]+|\{\{-?\s*[^}|]{1,60})")
_VALUE = re.compile(r"\{\{-?\s*([\w.]+)\s*((?:\|[^}]*)?)-?\}\}")
_KEPT = (
    "tags",
    "author",
    "authors",
    "language",
    "lang",
    "date",
    "draft",
    "image",
    "description",
    "category",
    "categories",
)
_SITE_DATA = ("_data/metadata.json", "_data/site.json", "_data/meta.json")
_TOOLS = {
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
}


def eleventy(export: Export, options: Options) -> Iterator[Item]:
    """Articles at the addresses that they had, with what the data files of their folders say of them."""
    export = export.unwrapped()
    root = ""
    for name in _CONFIGS:
        if name in export.members:
            found = _INPUT.search(decode(export.place(name), export.read(name)))
            root = (found[1] or found[2]).strip("./") if found else ""
            break
    below = export.below(root)
    data = config(below, *_SITE_DATA)
    author = data.get("author")
    person = author if isinstance(author, str) else author.get("name") if isinstance(author, dict) else ""
    site = _Eleventy(Folder(below))
    if not site.articles:
        what = "there are no Markdown or HTML files in it"
        raise Invalid.at(export.name, 0, what, "name the folder with eleventy.config.js", code="eleventy")
    url = word(data, "url", "baseurl")
    yield Hints(
        title=word(data, "title", "name"),
        url=options.url or (url.rstrip("/") if url.startswith("http") else ""),
        description=word(data, "description"),
        language=word(data, "language", "lang"),
        authors=(str(person),) if person else (),
    )
    yield from site.items()


class _Eleventy:
    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        names = [
            name for name in folder.export.members
            if not any(part.startswith(("_", ".")) for part in name.split("/"))
            and posixpath.basename(name) not in _TOOLS
        ]  # fmt: skip
        self.articles = [name for name in names if posixpath.splitext(name)[1].lower() in ARTICLES]
        rest = set(names) - set(self.articles)
        self._files = {name: name.removeprefix("public/") for name in names if name in rest}

    def items(self) -> Iterator[Item]:
        for name in self._files:
            if name.endswith(".11tydata.js"):
                yield Missed(place=Place(file=self.folder.export.place(name)), what="is a program, which is not run",
                             todo="write what it adds into the articles' front matter")  # fmt: skip
        yield from self.folder.articles(self.articles, self._article)
        yield from self.folder.files(self._files)
        yield from self.folder.ending()

    def _article(self, name: str) -> Iterator[Item]:
        if self.folder.export.read(name).lstrip().startswith((b"---js\n", b"---javascript\n")):
            place = Place(file=self.folder.export.place(name), line=1)
            yield Skipped(place=place, reason="has a program for front matter, which is not run")
            return
        source = self.folder.read(name)
        data = self._data(name)
        permalink = source.said("path") if source.said("path") is not None else data.get("permalink")
        own = {canonical(entry.name) for entry in source.split.entries}
        is_list = "pagination" in data or "pagination" in own
        if permalink is False or str(permalink).lower() == "false" or is_list:
            yield Skipped(place=source.place, reason="makes a list" if is_list else "says that it is no page")
            return
        if (
            name in {"index.md", "index.html"}
            or re.fullmatch(r"/?404(\.\w+)?/?", str(permalink or name))
            or (not source.split.entries and name.endswith((".html", ".htm")))
        ):
            yield Skipped(place=source.place, reason="is no article: Pressrun makes such pages itself")
            return
        key = re.sub(r"\.markdown$", ".md", name)
        old = self._address(name, source, permalink if isinstance(permalink, str) else "")
        added: dict[str, object] = {}
        if "{" in old:
            yield Missed(
                place=source.place,
                what=f"its permalink {permalink} is made by a program",
                todo="write path: …",
            )
            if source.said("path") is not None:
                added["path"] = posixpath.splitext(name)[0]
        else:
            added, problem = address(old, key, source)
            if problem:
                yield Missed(
                    place=source.place, what=f"cannot stay at {old}: {problem}", todo="give it a slug"
                )
        added |= {field: data[field] for field in _KEPT if field in data and canonical(field) not in own}
        yield from self.folder.page(source, key, source.body, added)
        yield from calls(source, _TEMPLATE, "a template:")

    def _data(self, name: str) -> dict[str, Value]:
        """What the data files of its folders and its own say, the nearest last."""
        stem = posixpath.splitext(name)[0]
        parts = posixpath.dirname(name).split("/") if "/" in name else []
        places = [f"{'/'.join(parts[: n + 1])}/{part}" for n, part in enumerate(parts)]
        merged: dict[str, Value] = {}
        for place in [*places, stem]:
            for suffix in (".json", ".11tydata.json"):
                if f"{place}{suffix}" not in self.folder.export.members:
                    continue
                self._files.pop(f"{place}{suffix}", None)
                try:
                    found = json.loads(self.folder.export.read(f"{place}{suffix}"))
                except (ValueError, RecursionError):
                    continue
                if isinstance(found, dict):
                    merged |= found
        return merged

    def _address(self, name: str, source: Source, permalink: str) -> str:
        folder, _, base = posixpath.splitext(name)[0].rpartition("/")
        slug = without_date(base)
        if base == "index":
            folder, _, slug = folder.rpartition("/")
            slug = without_date(slug)
        date = date_of(source, name)
        known = {"page.fileSlug": slug, "page.filePathStem": f"/{folder}/{slug}".replace("//", "/"),
                 "title": source.fields.text("title"), "slug": source.text_of("slug")}  # fmt: skip

        def fill(found: re.Match[str]) -> str:
            value = known.get(found[1], "")
            filters = found[2].replace(" ", "")
            if (
                found[1] in {"page.date", "date"}
                and date
                and (form := re.search(r"'([%\w/-]+)'|\"([%\w/-]+)\"", filters))
            ):
                shape = form[1] or form[2]
                return date.strftime(shape) if "%" in shape else found[0]
            if not value or (filters and filters not in {"|slug", "|slugify"}):
                return found[0]
            return slugify(value) if filters else value

        if permalink:
            return "/" + _VALUE.sub(fill, permalink).lstrip("/")
        return f"/{folder}/{slug}/".replace("//", "/")
