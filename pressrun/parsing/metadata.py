"""Metadata with a shape of its own: addresses, languages, pictures, recordings."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from html import escape, unescape
from urllib.parse import urlsplit

from pressrun.domain.articles import Enclosure, Image
from pressrun.domain.slugs import slugify
from pressrun.domain.urls import better_path, path_problem
from pressrun.parsing.addresses import marked
from pressrun.parsing.coerce import is_nothing, one_line, text_part, to_truth
from pressrun.parsing.fields import Fields
from pressrun.parsing.values import Entry, Value

_LANGUAGE = re.compile(  # RFC 5646; longer names of languages are possible, and none is registered
    r"[a-z]{2,3}(?:-[a-z]{3}){0,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?",
    re.I,
)
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{2})")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")


def draft(fields: Fields) -> bool:
    status = fields.first("status")
    hidden = status is not None and str(status.value).lower() in {"draft", "hidden"}
    return fields.truth("draft", default=False) or hidden or _is_unwritten(fields.first("path"))


def _is_unwritten(path: Entry | None) -> bool:
    """Eleventy's `permalink: false`: a file of which no page is made."""
    return path is not None and to_truth(path.value) is False


def language(fields: Fields) -> str:
    entry = fields.first("language")
    if entry is None:
        return ""
    tag = fields.text_of(entry).replace("_", "-")
    if tag and not _LANGUAGE.fullmatch(tag):
        fields.wrong(
            entry,
            f"`{tag[:40]}` is not a language tag",
            "write one such as en, pt-BR or zh-Hant",
            "language",
        )
    return tag


def slug(fields: Fields) -> str:
    entry = fields.first("slug")
    if entry is None:
        return ""
    slug = unicodedata.normalize("NFC", fields.text_of(entry))
    bare = slug.strip("/")
    if "/" in bare:
        fields.wrong(entry, "has a slash in it", f"write path: {bare} for a whole address", "slug")
    elif bare:
        _check_path(fields, entry, bare)
    return bare


def addresses(fields: Fields, name: str, date: datetime | None) -> tuple[str, tuple[str, ...]]:
    """Path and aliases. A page stands at `path/` here: a path that ends in .html is an address that leads there."""
    stated, others = path(fields, name, date), aliases(fields)
    bare = re.sub(r"\.html?$", "", stated)
    return (stated, others) if bare == stated else (bare, tuple(dict.fromkeys((f"/{stated}", *others))))


def path(fields: Fields, name: str, date: datetime | None) -> str:
    """The address that an article states; the file's `name` and `date` fill in Jekyll's placeholders."""
    entry = fields.first("path")
    if entry is None or _is_unwritten(entry):
        return ""
    path = unicodedata.normalize("NFC", fields.text_of(entry))
    if re.search(r"(?:^|[/-]):[a-z]", path):
        path = _filled(fields, entry, path, name, date)
        if not path:
            return ""
    if "://" in path:
        fields.wrong(entry, "is a whole URL", "write the path alone, such as 2024/hello", "path")
        return ""
    bare = path.removesuffix("/index.html").strip("/")
    if not bare:
        fields.wrong(entry, "is the home page's address", "write a path such as 2024/hello", "path")
    else:
        _check_path(fields, entry, bare)
    return bare


def _filled(fields: Fields, entry: Entry, pattern: str, stem: str, date: datetime | None) -> str:
    """A permalink as Jekyll reads it: `:title` is the slug, else the file's name."""
    slug = fields.text("slug").strip("/") or stem
    categories = [
        item for each in fields.named("category", "categories") for item in fields.items(each, None)
    ]
    known = {"title": slug, "slug": slugify(slug), "categories": "/".join(map(slugify, categories))}
    if date:
        known |= {"year": f"{date:%Y}", "month": f"{date:%m}", "day": f"{date:%d}"}
    for name in re.findall(r":([a-z_]+)", pattern):
        if name not in known:
            todo = "write the address itself, such as /2024/hello/; :year :month :day :title :slug :categories work"
            if name in {"year", "month", "day"}:
                todo = "write date: …, or the address itself, such as /2024/hello/"
            fields.wrong(entry, f"cannot be filled in at `:{name}`", todo, "path")
            return ""
    filled = re.sub(r":([a-z_]+)", lambda match: known[match[1]], pattern)
    return re.sub(r"/{2,}", "/", filled)


def _check_path(fields: Fields, entry: Entry, path: str) -> None:
    if any(char.isspace() for char in path):
        fields.wrong(entry, "has a space in it", f"write {better_path(path)}", "slug")
    elif problem := path_problem(path):
        fields.wrong(entry, f"`{path[:60]}`: {problem}", f"write one such as {better_path(path)}", "slug")


def aliases(fields: Fields) -> tuple[str, ...]:
    entry = fields.first("aliases")
    if entry is None:
        return ()
    found: dict[str, None] = {}
    for item in fields.items(entry, split=None):
        path = "/" + unicodedata.normalize("NFC", item).removeprefix("/")
        segments = path.split("/")
        bad = "://" in item or any(char in '\\?#"<>|*%' or char.isspace() for char in path)
        if bad or path.startswith("//") or {".", ".."} & set(segments) or len(path.encode()) > 900:
            fields.wrong(
                entry, f"`{item[:60]}` is not a path", "write an old address such as /2019/hello", "alias"
            )
        elif path != "/":
            found[path] = None
    return tuple(found)


def series(fields: Fields) -> tuple[str, int]:
    """The series that an article is a part of, and which part; a name, {name, part}, or Hugo's list of one name."""
    entry = fields.first("series")
    if entry is None:
        return "", 0
    number = fields.first("part")
    part = fields.number("part")
    value = entry.value
    if isinstance(value, dict):
        number = Entry("series.part", value.get("part"), entry.line)
        part = 0 if is_nothing(number.value) else fields.number_of(number, number.value)
        value = value.get("name") or value.get("title")
    elif isinstance(value, list):
        names = fields.items(entry, split=None)
        if len(names) > 1:
            what = f"{entry.name} names {len(names)}; an article is a part of one, `{names[0]}`"
            fields.findings.warn(entry.line, what, "make the others tags", "series")
        value = names[0] if names else None
    if is_nothing(value):
        fields.wrong(entry, "has no name", 'write series: {name: "…", part: 1}', "series")
        return "", 0
    name = fields.text_of(Entry(entry.name, value, entry.line), limit=200)
    if number and part > 9_999:
        fields.wrong(number, "is too large", "write a number below 10,000", "series")
    return name, part


def canonical(fields: Fields) -> str:
    entry = fields.first("canonical")
    if entry is None:
        return ""
    url = fields.text_of(entry)
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in url
    except ValueError:
        good = False
    if url and not good:
        fields.wrong(entry, f"`{url[:60]}` is not a whole URL", "write https://…", "canonical")
    return url


def image(fields: Fields) -> Image | None:
    entry = fields.first("image")
    if entry is None:
        return None
    value, alt = entry.value, fields.text("image_alt")
    if isinstance(value, dict):
        alt = alt or text_part(value, "alt", "caption", "title")
        value = text_part(value, "src", "url", "path", "image", "file")
    elif isinstance(value, list) and value:
        value = value[0]
    src = _address(fields, entry, value)
    return Image(src=src, alt=alt) if src else None


def audio(fields: Fields) -> Enclosure | None:
    entry = fields.first("audio")
    if entry is None:
        return None
    value = entry.value
    if not isinstance(value, dict):
        src = _address(fields, entry, value)
        return Enclosure(src=src) if src else None
    src = _address(fields, entry, text_part(value, "src", "url", "path", "file"))
    length, duration = value.get("length"), value.get("duration")
    kind = text_part(value, "type")
    if kind and not _MEDIA_TYPE.fullmatch(kind):
        fields.wrong(entry, f"has the type `{kind[:40]}`", "write one such as audio/mpeg")
    return Enclosure(
        src=src,
        type=kind,
        length=0 if is_nothing(length) else fields.number_of(entry, length),
        duration=0 if is_nothing(duration) else _duration(fields, entry, duration),
    )


def _address(fields: Fields, entry: Entry, value: Value) -> str:
    text = one_line(value) if isinstance(value, str) else ""
    url = marked(escape(text), media=True) if text else None
    if url is None:
        fields.wrong(
            entry, "is not the address of a file", "name a file of yours, or an https address", "address"
        )
        return ""
    return unescape(url)  # not in an attribute


def _duration(fields: Fields, entry: Entry, value: Value) -> int:
    match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return fields.number_of(entry, value)
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
