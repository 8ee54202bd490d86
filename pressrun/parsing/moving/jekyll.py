"""Jekyll: `_posts`, `_drafts`, pages with front matter, and files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from datetime import UTC

from pressrun.domain.slugs import slugify
from pressrun.errors import Invalid
from pressrun.parsing.dates import from_path, without_date
from pressrun.parsing.moving.archives import Export
from pressrun.parsing.moving.folders import ARTICLES, Folder, Source, address, calls, config, date_of, word
from pressrun.parsing.moving.model import Hints, Item, Missed, Options, Place, Skipped
from pressrun.parsing.values import Value

_STYLES = {
    "date": "/:categories/:year/:month/:day/:title.html",
    "pretty": "/:categories/:year/:month/:day/:title/",
    "ordinal": "/:categories/:year/:y_day/:title.html",
    "weekdate": "/:categories/:year/W:week/:short_day/:title.html",
    "none": "/:categories/:title.html",
}
_MADE = re.compile(
    r"(?:^|/)(?:index|404|feed|atom|sitemap|search|archives?|tags?|categories)\.(?:html|md|xml)$", re.I
)
_LIQUID = re.compile(r"(\{%-?\s*[\w-]+|\{\{-?\s*[^}|]{1,60})")
_HIGHLIGHT = re.compile(
    r"\{%-?\s*highlight\s+([\w+-]+)[^%]*%\}[ \t]*\n?(.{0,20000}?)\{%-?\s*endhighlight\s*-?%\}", re.S
)
_RAW = re.compile(r"\{%-?\s*(?:end)?raw\s*-?%\}")
_SITE = re.compile(r"\{\{-?\s*site\.(?:baseurl|url|github\.url)\s*-?\}\}")
_RELATIVE = re.compile(
    r"\{\{-?\s*[\"']([^\"']*)[\"']\s*\|\s*(?:relative_url|absolute_url|prepend:[^}]*)\s*-?\}\}"
)
_POST_URL = re.compile(r"\{%-?\s*(post_url|link)\s+([^\s%]+)\s*-?%\}")
_KRAMDOWN = re.compile(r"(?<!`)(\{:[^}\n]{1,200}\})")


def jekyll(export: Export, options: Options) -> Iterator[Item]:
    """Posts at the addresses that they had. What Liquid did in them is named with its line."""
    export = export.unwrapped()
    settings = config(export, "_config.yml", "_config.yaml", "_config.toml")
    base = word(settings, "source").strip("./")
    site = _Jekyll(Folder(export.below(base)), settings)
    if not site.posts:
        what = "there is no _posts folder with articles in it"
        raise Invalid.at(export.name, 0, what, "name the folder with _config.yml", code="jekyll")
    author = settings.get("author")
    name = author if isinstance(author, str) else author.get("name") if isinstance(author, dict) else ""
    url = word(settings, "url").rstrip("/") + word(settings, "baseurl").rstrip("/")
    yield Hints(
        title=word(settings, "title", "name"),
        url=options.url or (url if url.startswith("http") else ""),
        description=" ".join(word(settings, "description").split()),
        language=word(settings, "lang", "locale"),
        timezone=word(settings, "timezone"),
        authors=(str(name),) if name else (),
    )
    yield from site.items()


class _Jekyll:
    def __init__(self, folder: Folder, settings: Mapping[str, Value]) -> None:
        self.folder = folder
        self._names = list(folder.export.members)
        self.posts = [name for name in self._names if self._is_post(name)]
        pattern = word(settings, "permalink") or "date"
        self._pattern = _STYLES.get(pattern, pattern)
        self._pretty = pattern == "pretty" or self._pattern.endswith("/")
        excluded = settings.get("exclude")
        self._excluded = {str(one).strip("/") for one in excluded} if isinstance(excluded, list) else set()

    @staticmethod
    def _is_post(name: str) -> bool:
        parts = name.split("/")
        is_text = posixpath.splitext(name)[1].lower() in ARTICLES
        return is_text and (
            "_drafts" in parts[:-1] or ("_posts" in parts[:-1] and from_path(parts[-1], UTC) is not None)
        )

    def items(self) -> Iterator[Item]:
        chosen = set(self.posts)
        for name in self.posts:
            try:
                self.folder.paths[name] = self._address(name, self.folder.read(name))
            except Invalid:
                continue  # told of below
        pages, files = [], {}
        for name in self._names:
            parts = name.split("/")
            if name in chosen or parts[0] in {"_site", "vendor", *self._excluded} or name in self._excluded:
                continue
            if "_posts" in parts[:-1] and posixpath.splitext(name)[1].lower() in ARTICLES:
                yield Skipped(
                    place=Place(file=self.folder.export.place(name)), reason="has no date in its name"
                )
            elif any(part.startswith(("_", ".")) for part in parts):
                continue
            elif posixpath.splitext(name)[1].lower() in ARTICLES:
                pages.append(name)
            elif parts[0] not in {
                "Gemfile",
                "Gemfile.lock",
                "LICENSE",
                "CNAME",
                "Rakefile",
            } and not name.endswith(".gemspec"):
                files[name] = name
        yield from self.folder.articles(self.posts, self._post)
        yield from self.folder.articles(pages, self._page)
        yield from self.folder.files(files)
        yield from self.folder.ending()

    def _post(self, name: str) -> Iterator[Item]:
        source = self.folder.read(name)
        is_draft = "_drafts" in name.split("/")
        key = "posts/" + re.sub(r"(^|/)_(?:posts|drafts)(?=/)", "", name).lstrip("/")
        key = re.sub(r"\.markdown$", ".md", key)
        added, problem = address(self.folder.paths[name], key, source)
        if is_draft:
            added["draft"] = True
        if problem:
            old = self.folder.paths[name]
            yield Missed(place=source.place, what=f"cannot stay at {old}: {problem}", todo="give it a slug")
        yield from self._written(source, key, added)

    def _page(self, name: str) -> Iterator[Item]:
        source = self.folder.read(name)
        if not source.text.lstrip("\n").startswith("---") or _MADE.search(name):
            yield Skipped(place=source.place, reason="is no article: Pressrun makes such pages itself"
                          if _MADE.search(name) else "has no front matter, so Jekyll makes no page of it")  # fmt: skip
            return
        if target := next((str(entry.value) for entry in source.fields.named("redirectto")), ""):
            yield Skipped(place=source.place, reason=f"only redirects, to {target[:200]}")
            return
        stem = posixpath.splitext(name)[0]
        old = source.text_of("path") or (f"/{stem}/" if self._pretty else f"/{stem}.html")
        added, problem = address(old, name, source)
        if problem:
            yield Missed(place=source.place, what=f"cannot stay at {old}: {problem}", todo="give it a slug")
        yield from self._written(source, name, added)

    def _written(self, source: Source, key: str, added: dict[str, object]) -> Iterator[Item]:
        body = _HIGHLIGHT.sub(lambda found: f"```{found[1]}\n{found[2].rstrip()}\n```", source.body)
        body = _POST_URL.sub(self._linked, body)
        body = _RELATIVE.sub(lambda found: f"/{found[1].lstrip('/')}", _SITE.sub("", body))
        body = _RAW.sub("", body)
        yield from self.folder.page(source, key, body, added)
        for pattern, noun in ((_LIQUID, "Liquid:"), (_KRAMDOWN, "kramdown's")):
            for item in calls(source, pattern, noun):
                name = (
                    item.what.removeprefix(f"uses {noun} ").partition("; it stands")[0]
                    if isinstance(item, Missed)
                    else ""
                )
                if re.sub(r", \d+ times$", "", name) in body:
                    yield item

    def _linked(self, found: re.Match[str]) -> str:
        """`{% post_url 2024-05-31-title %}` and `{% link _posts/… %}` as the address that they mean."""
        wanted = found[2].removeprefix("/")
        for name, path in self.folder.paths.items():
            stem = posixpath.splitext(name)[0]
            if name == wanted or stem.endswith(f"_posts/{wanted}") or stem.rpartition("/")[2] == wanted:
                return re.sub(r"\.html$", "/", path)
        return f"/{wanted}" if found[1] == "link" else found[0]

    def _address(self, name: str, source: Source) -> str:
        date = date_of(source, name)
        stem = posixpath.splitext(posixpath.basename(name))[0]
        slug = source.text_of("slug") or without_date(stem)
        lead = name.partition("_posts/")[0].strip("/") if "_posts/" in name else ""
        own = [one for entry in source.fields.named("category", "categories")
               for one in _categories(entry.value)]  # fmt: skip
        categories = [*filter(None, lead.split("/")), *own]
        known = {"title": slug, "slug": slugify(slug), "categories": "/".join(map(slugify, categories)),
                 "name": without_date(stem), "output_ext": ".html", "path": stem}  # fmt: skip
        if date:
            known |= {
                "year": f"{date:%Y}", "month": f"{date:%m}", "day": f"{date:%d}", "i_month": f"{date.month}",
                "i_day": f"{date.day}", "short_year": f"{date:%y}", "y_day": f"{date:%j}", "week": f"{date:%V}",
                "short_day": f"{date:%a}", "hour": f"{date:%H}", "minute": f"{date:%M}", "second": f"{date:%S}",
            }  # fmt: skip
        pattern = source.text_of("path") or self._pattern
        pattern = _STYLES.get(pattern, pattern)
        filled = re.sub(r":([a-z_]+)", lambda found: known.get(found[1], ""), pattern)
        return "/" + re.sub(r"/{2,}", "/", filled).lstrip("/")


def _categories(value: Value) -> list[str]:
    if isinstance(value, list):
        return [str(one) for one in value if one]
    return value.split() if isinstance(value, str) else []
