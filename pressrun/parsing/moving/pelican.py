"""Pelican: `content` with reStructuredText, Markdown and HTML; settings are read and never run."""

from __future__ import annotations

import ast
import posixpath
import re
import unicodedata
from collections.abc import Iterator

from pressrun.domain.slugs import slugify
from pressrun.errors import Invalid
from pressrun.parsing.encoding import decode
from pressrun.parsing.moving.archives import Export
from pressrun.parsing.moving.folders import ARTICLES, Folder, Source, address, amended, date_of
from pressrun.parsing.moving.model import Hints, Item, Missed, Options, Place, Skipped
from pressrun.parsing.values import Value

_LINK = re.compile(r"[{|](filename|static|attach|author|category|tag|index|archives)[}|]([^\s)\"'>#]*)")
_PLACE = re.compile(r"\{(\w+)(?::([^}]*))?\}")


def pelican(export: Export, options: Options) -> Iterator[Item]:
    """Articles with their header lines as they are, at the addresses that they had."""
    export = export.unwrapped()
    settings = _settings(export)
    root = str(settings.get("PATH") or "content").strip("./")
    whole = any(name.startswith(f"{root}/") for name in export.members)
    site = _Pelican(Folder(export.below(root if whole else "")), settings)
    if not site.articles:
        what = "there are no reStructuredText, Markdown or HTML files in it"
        raise Invalid.at(
            export.name, 0, what, "name the folder with pelicanconf.py and content", code="pelican"
        )
    url = str(settings.get("SITEURL") or "")
    yield Hints(
        title=str(settings.get("SITENAME") or ""),
        url=options.url or (url.rstrip("/") if url.startswith("http") else ""),
        description=str(settings.get("SITESUBTITLE") or ""),
        language=str(settings.get("DEFAULT_LANG") or ""),
        timezone=str(settings.get("TIMEZONE") or ""),
        authors=(str(settings["AUTHOR"]),) if settings.get("AUTHOR") else (),
    )
    yield from site.items()


def _settings(export: Export) -> dict[str, object]:
    """What `NAME = "value"` says in the settings; nothing of them is run."""
    found: dict[str, object] = {}
    for name in ("pelicanconf.py", "publishconf.py"):
        if name not in export.members:
            continue
        try:
            tree = ast.parse(decode(export.place(name), export.read(name))[:200_000])
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in tree.body:
            if (
                isinstance(node, ast.Assign)
                and len(node.targets) == 1
                and isinstance(node.targets[0], ast.Name)
            ):
                try:
                    found[node.targets[0].id] = ast.literal_eval(node.value)
                except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                    continue
    return found


class _Pelican:
    def __init__(self, folder: Folder, settings: dict[str, object]) -> None:
        self.folder = folder
        self._settings = settings
        names = list(folder.export.members)
        self.articles = [name for name in names if posixpath.splitext(name)[1].lower() in {*ARTICLES, ".rst"}]
        self._files = {name: name for name in names if name not in set(self.articles)}

    def items(self) -> Iterator[Item]:
        yield from self.folder.articles(self.articles, self._article)
        yield from self.folder.files(self._files)
        yield from self.folder.ending()

    def _article(self, name: str) -> Iterator[Item]:
        html = name.lower().endswith((".html", ".htm"))
        rst = name.lower().endswith(".rst")
        if rst:
            source, missed = self._rewritten(name)
            yield from missed
        else:
            source = self.folder.read(name, headers=not html)
        if html:
            found = re.search(r"<title>(.*?)</title>", source.text, re.S | re.I)
            title = " ".join(found[1].split()) if found else ""
        else:
            title = source.fields.text("title")
        if not title:
            yield Skipped(place=source.place, reason="has no title, so Pelican makes no page of it")
            return
        page = name.startswith("pages/")
        key = _kept(name)
        old = self._address(name, source, title, page=page)
        added, problem = address(old, key, source)
        if problem:
            yield Missed(place=source.place, what=f"cannot stay at {old}: {problem}", todo="give it a slug")
        folder = posixpath.basename(posixpath.dirname(name))
        if folder and not page and not html and not source.fields.named("category") and self._by_folder:
            added["category"] = folder
        body = _LINK.sub(lambda found: _linked(found[1], found[2]), source.body)
        yield from self.folder.page(source, key, body, added)

    def _rewritten(self, name: str) -> tuple[Source, list[Item]]:
        """reStructuredText as HTML with front matter, and what of it was not understood."""
        from pressrun.parsing.moving.rst import converted

        place = self.folder.export.place(name)
        found = converted(decode(place, self.folder.export.read(name)), place)
        missed: list[Item] = [
            Missed(place=Place(file=place, line=line, name=found.title), what=f"is not understood: {what[:200]}",
                   todo="look at what became of it")
            for line, what in found.trouble
        ]  # fmt: skip
        body = f"<article>\n{found.html.strip()}\n</article>\n"
        text = amended(body, {"title": found.title, **found.fields}, headers=False)
        return self.folder.source(name, text), missed

    @property
    def _by_folder(self) -> bool:
        return bool(self._settings.get("USE_FOLDER_AS_CATEGORY", True))

    def _address(self, name: str, source: Source, title: str, *, page: bool) -> str:
        own = next((str(entry.value) for one in ("saveas", "url") for entry in source.fields.named(one)), "")
        kind, default = ("PAGE", "pages/{slug}.html") if page else ("ARTICLE", "{slug}.html")
        home = str(self._settings.get("DEFAULT_LANG") or "en")
        lang = source.text_of("language") or home
        if lang != home:
            kind, default = f"{kind}_LANG", default.replace("{slug}", "{slug}-{lang}")
        pattern = own or str(
            self._settings.get(f"{kind}_SAVE_AS") or self._settings.get(f"{kind}_URL") or default
        )
        stem = posixpath.splitext(posixpath.basename(name))[0]
        from_name = self._settings.get("SLUGIFY_SOURCE") == "basename"
        date = date_of(source, name)
        category = next((str(entry.value) for entry in source.fields.named("category")), "")
        known: dict[str, Value] = {
            "slug": source.text_of("slug") or _ascii(stem if from_name else title),
            "category": _ascii(category or posixpath.basename(posixpath.dirname(name)) or "misc"),
            "author": _ascii(
                next(iter(source.fields.names("authors")), str(self._settings.get("AUTHOR") or ""))
            ),
            "lang": lang,
        }

        def fill(found: re.Match[str]) -> str:
            if found[1] == "date" and date:
                try:
                    return date.strftime(found[2] or "%Y-%m-%d")
                except ValueError:
                    return ""
            return str(known.get(found[1], ""))

        return "/" + _PLACE.sub(fill, pattern).lstrip("/")


def _linked(kind: str, target: str) -> str:
    """Pelican's links as this engine reads them: from the content folder's root with @/, else from the file."""
    if kind == "filename":
        return _kept(f"@{target}" if target.startswith("/") else target)
    if kind in {"static", "attach"}:
        return target
    if kind in {"tag", "author", "category"}:
        return f"/{'authors' if kind == 'author' else 'tags'}/{slugify(target)}/"
    return "/archive/" if kind == "archives" else "/"


def _kept(name: str) -> str:
    """An article's name here."""
    return re.sub(r"\.rst$", ".html", re.sub(r"\.markdown$", ".md", name, flags=re.I), flags=re.I)


def _ascii(text: str) -> str:
    """A slug as Pelican makes it: without accents."""
    return (
        slugify(unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode() or text)
        if text
        else ""
    )
