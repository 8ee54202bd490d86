"""Hugo (and Zola, whose folders are alike): `content`, with its bundles, and `static`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from pressrun.domain.slugs import slugify
from pressrun.errors import Invalid
from pressrun.parsing.dates import without_date
from pressrun.parsing.moving.archives import Export
from pressrun.parsing.moving.folders import ARTICLES, Folder, Source, address, calls, config, date_of, word
from pressrun.parsing.moving.model import Hints, Item, Missed, Options, Place, Skipped
from pressrun.parsing.values import Value

_SUFFIXES = ("toml", "yaml", "yml", "json")
_CONFIGS = tuple(
    f"{folder}{name}.{suffix}"
    for folder in ("", "config/_default/")
    for name in ("hugo", "config")
    for suffix in _SUFFIXES
)
_CALL = re.compile(r"\{\{[<%]\s*(?!/\*)(/?[\w./-]+)\s*(.{0,2000}?)\s*/?\s*[>%]\}\}", re.S)
_QUOTED = re.compile(r"\{\{([<%])/\*(.{0,2000}?)\*/([>%])\}\}", re.S)
_NAMED = re.compile(r"(\w+)\s*=\s*(?:\"([^\"]*)\"|`([^`]*)`|(\S+))")
_BARE = re.compile(r"\"([^\"]*)\"|`([^`]*)`|(\S+)")
_LEFT = re.compile(r"\{\{[<%]\s*([\w.][\w./-]*)")
_PLACE = re.compile(r":(\w+)(?:\[[^\]]*\])?")


def hugo(export: Export, options: Options) -> Iterator[Item]:
    """Articles with their front matter as it is, at the addresses that they had; pictures of bundles and of static."""
    export = export.unwrapped()
    settings = config(export, *_CONFIGS)
    for part in ("languages", "permalinks"):  # each can have a file of its own
        if part not in settings and (
            table := config(export, *(f"config/_default/{part}.{suffix}" for suffix in _SUFFIXES))
        ):
            settings[part] = table
    root = word(settings, "contentdir") or "content"
    whole = any(name.startswith(f"{root}/") for name in export.members)
    site = _Hugo(Folder(export.below(root if whole else "")), settings)
    if not any(posixpath.splitext(name)[1].lower() in ARTICLES for name in site.folder.export.members):
        what = "there are no Markdown files in it"
        raise Invalid.at(export.name, 0, what, "name the folder with hugo.toml and content", code="hugo")
    params = settings.get("params")
    said = {str(key).lower(): value for key, value in params.items()} if isinstance(params, dict) else {}
    yield Hints(
        title=word(settings, "title"),
        url=options.url or _url(word(settings, "baseurl", "base_url")),
        description=word(settings, "description") or word(said, "description", "subtitle"),
        language=word(settings, "languagecode", "defaultcontentlanguage", "default_language"),
        timezone=word(settings, "timezone"),
    )
    yield from site.items()
    if whole:
        static = Folder(export)
        names = {name: name.partition("/")[2] for name in export.members if name.startswith("static/")}
        yield from static.files(names)
        yield from static.ending()


class _Hugo:
    def __init__(self, folder: Folder, settings: Mapping[str, Value]) -> None:
        self.folder = folder
        self._zola = "base_url" in settings
        found = settings.get("permalinks")
        table = found if isinstance(found, dict) else {}
        pages = table.get("page")
        self._permalinks = {**(pages if isinstance(pages, dict) else {}), **table}
        languages = settings.get("languages")
        self._languages = set(languages) if isinstance(languages, dict) else set()
        root = word(settings, "contentdir") or "content"
        self._roots = {  # folders that hold a language's articles
            place.removeprefix(f"{root}/").strip("/"): code
            for code, table in (languages.items() if isinstance(languages, dict) else ())
            if isinstance(table, dict)
            and (
                place := word({key.lower(): value for key, value in table.items()}, "contentdir").strip("./")
            )
            and place != root
        }
        below = settings.get("defaultcontentlanguageinsubdir") is True
        self._home = "" if below else word(settings, "defaultcontentlanguage", "default_language") or "en"

    def items(self) -> Iterator[Item]:
        names = list(self.folder.export.members)
        articles = [name for name in names if posixpath.splitext(name)[1].lower() in ARTICLES]
        bundles = {posixpath.dirname(name) for name in articles if re.search(r"(^|/)index\.\w+$", name)} - {
            ""
        }
        inside = {
            name for name in articles
            if not re.search(r"(^|/)index\.\w+$", name) and any(name.startswith(f"{one}/") for one in bundles)
        }  # fmt: skip
        for name in sorted(inside):
            yield Skipped(
                place=Place(file=self.folder.export.place(name)), reason="is a file of its bundle, no article"
            )
        wanted = [name for name in articles if name not in inside]
        yield from self.folder.articles(wanted, self._article)
        yield from self.folder.files({name: name for name in names if name not in set(articles)})
        yield from self.folder.ending()

    def _article(self, name: str) -> Iterator[Item]:
        base = posixpath.basename(name)
        source = self.folder.read(name)
        if base.startswith("_index."):
            if source.body.strip():
                yield Missed(place=source.place, what="is the text of a list page, which has none here",
                             todo="make an article of it")  # fmt: skip
            return
        old = self._address(name, source)
        added, problem = address(old, name, source)
        if problem:
            yield Missed(place=source.place, what=f"cannot stay at {old}: {problem}", todo="give it a slug")
        language = self._language(name)
        if language and source.said("language") is None:
            added["language"] = language
        body = _converted(source.body)
        yield from self.folder.page(source, name, body, added)
        rest = Source(source.name, source.place, source.text, source.split, source.fields)
        yield from (item for item in calls(rest, _LEFT, "the shortcode")
                    if isinstance(item, Missed) and _used(item.what, body))  # fmt: skip

    def _language(self, name: str) -> str:
        found = re.search(r"\.([a-z]{2}(?:-[a-z]{2})?)\.\w+$", name)
        if found and found[1] in self._languages:
            return found[1]
        return next((code for root, code in self._roots.items() if name.startswith(f"{root}/")), "")

    def _address(self, name: str, source: Source) -> str:
        """Where the article stands on the old site."""
        if said := source.text_of("path"):
            return said if "://" not in said else ""
        stem = posixpath.splitext(name)[0]
        language = self._language(name)
        stem = stem.removesuffix(f".{language}") if language else stem
        root = next((f"{one}/" for one in self._roots if name.startswith(f"{one}/")), "")
        stem, name = stem.removeprefix(root), name.removeprefix(root)
        language = "" if language == self._home else language
        stem = stem.removesuffix("/index") if stem != "index" else stem
        folder, _, last = stem.rpartition("/")
        slug = source.text_of("slug")
        pattern = self._permalinks.get(name.partition("/")[0]) if "/" in name else None
        if isinstance(pattern, str):
            lead = f"/{language}" if language else ""
            return lead + "/" + self._filled(pattern, source, folder, slug or "", last).lstrip("/")
        if self._zola:
            last = slugify(without_date(last))
        path = f"{folder}/{slug or last}".strip("/")
        path = path if self._zola else path.lower().replace(" ", "-")
        return f"/{language + '/' if language else ''}{path}/"

    def _filled(self, pattern: str, source: Source, folder: str, slug: str, last: str) -> str:
        date = date_of(source, source.name)
        title = slugify(source.fields.text("title") or last)
        known = {
            "slug": slug or title, "title": title, "slugorfilename": slug or last, "filename": last,
            "contentbasename": last, "slugorcontentbasename": slug or last, "section": folder.partition("/")[0],
            "sections": folder,
        }  # fmt: skip
        if date:
            known |= {"year": f"{date:%Y}", "month": f"{date:%m}", "day": f"{date:%d}",
                      "monthname": f"{date:%B}", "yearday": f"{date:%j}".lstrip("0")}  # fmt: skip
        return _PLACE.sub(lambda found: known.get(found[1], found[0]), pattern).lower()


def _converted(body: str) -> str:
    """Shortcodes that Markdown has something for are written so; others stay."""
    made = _CALL.sub(_one, body)
    return _QUOTED.sub(lambda found: f"{{{{{found[1]}{found[2]}{found[3]}}}}}", made)


def _one(found: re.Match[str]) -> str:
    name, rest = found[1], found[2]
    named = {key: a or b or c for key, a, b, c in _NAMED.findall(rest)}
    bare = [a or b or c for a, b, c in _BARE.findall(rest)] if not named else []
    first = bare[0] if bare else ""
    if name == "figure" and named.get("src"):
        shown = f"![{named.get('alt') or named.get('caption') or named.get('title', '')}]({named['src']})"
        if named.get("link"):
            shown = f"[{shown}]({named['link']})"
        return f"{shown}\n\n*{named['caption']}*" if named.get("caption") else shown
    if name in {"ref", "relref"} and (first or named.get("path")):
        target = first or named["path"]
        return f"@{target}" if target.startswith("/") else target
    if name == "highlight" and first:
        return f"```{first}"
    if name == "/highlight":
        return "```"
    if name in {"youtube", "vimeo"} and (first or named.get("id")):
        identity = first or named["id"]
        url = (
            f"https://www.youtube.com/watch?v={identity}"
            if name == "youtube"
            else f"https://vimeo.com/{identity}"
        )
        return f"[{url}]({url})"
    return found[0]


def _used(what: str, body: str) -> bool:
    name = what.removeprefix("uses the shortcode ").partition(";")[0].partition(",")[0]
    return bool(re.search(r"\{\{[<%]\s*" + re.escape(name), body))


def _url(text: str) -> str:
    return text.rstrip("/") if text.startswith(("http://", "https://")) else ""
