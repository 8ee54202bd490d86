"""Reads everything and writes nothing: what an editor should know before publishing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import unquote, urlsplit

from pressrun.domain.markup import SITE
from pressrun.domain.problems import Problem
from pressrun.domain.publication import Publication
from pressrun.domain.slugs import slugify
from pressrun.domain.urls import asset_problem, claim_of, page_key
from pressrun.errors import Invalid
from pressrun.parsing.keys import is_article, is_left_alone
from pressrun.parsing.media import sniff
from pressrun.parsing.source import parse_article
from pressrun.ports import Clock, ObjectStore
from pressrun.rendering.feeds import render_entry
from pressrun.rendering.pages import article_page
from pressrun.services.addresses import beside_file
from pressrun.services.catalogue import Source
from pressrun.services.entries import entry_for
from pressrun.services.imprint import Imprint, is_setting
from pressrun.services.picturelint import check_picture, check_shared
from pressrun.services.plan import Settled, candidates, compose, missing_files, references, settle

MAX_PAGE = 500_000
_LINK = re.compile(f'(?:href|src|poster)="{SITE}(/[^"]*)"')
_IDS = re.compile(r'\bid="([^"]+)"')
_GENERATED = (
    "archive/",
    "feeds/",
    "search/",
    "readers/",
    "views/",
    "popular/",
    "api/",
    "desk/",
)


@dataclass(slots=True)
class _Shelf:
    """Everything that is in the content, read once."""

    files: dict[str, Source] = field(default_factory=dict)
    articles: list[Settled] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def line_of(self, key: str, needle: str) -> int:
        """The first line of a file that holds `needle`; 0 where none does."""
        text = self.texts.get(key, "")
        at = text.find(needle) if needle else -1
        return text.count("\n", 0, at) + 1 if at >= 0 else 0


_MEDIA = re.compile(
    r"avif|flac|gif|ico|jpe?g|m4a|mov|mp[34]|og[ga]|opus|pdf|png|svg|wav|web[mp]|woff2?", re.IGNORECASE
)
Holder = Callable[[str, str], str]


def lint(content: ObjectStore, imprint: Imprint, clock: Clock, holder: Holder) -> list[Problem]:
    """Every finding in the content, by file and line: errors keep a file from being published, warnings do not.

    `holder` names the file that an earlier publish gave an address ("path", its claim) or an id ("id", …), or "".
    """
    shelf = _read(content, imprint, clock.now())
    _duplicates(shelf, holder)
    places = _Places.of(shelf, imprint.publication)
    for settled in shelf.articles:
        shelf.problems += settled.parsed.warnings
        shelf.problems += missing_files(settled, shelf.texts[settled.source.key], shelf.files)
        shelf.problems += check_shared(settled, shelf.files.get)
        article = compose(settled, imprint.publication, shelf.files.get)
        shelf.problems += _dead_links(settled, article.html, shelf, places)
        page = article_page(imprint.theme, article)
        if len(page) > MAX_PAGE:
            what = f"its page has {len(page):,} bytes"
            shelf.problems.append(
                _warn(settled, 0, what, f"keep it under {MAX_PAGE:,}: split the article", "page-size")
            )
        size = render_entry(entry_for(article, imprint.publication), imprint.publication.podcast).size
        limit = imprint.publication.feed.max_bytes
        if size > limit:
            what = f"its feed entry alone has {size:,} bytes; some readers take no feed over {limit:,}"
            shelf.problems.append(_warn(settled, 0, what, "split the article", "feed-size"))
    return sorted(shelf.problems, key=lambda problem: (problem.file, problem.line, problem.code))


def _read(content: ObjectStore, imprint: Imprint, now: datetime) -> _Shelf:
    shelf = _Shelf()
    keys = [stat.key for stat in content.list() if not is_setting(stat.key) and not is_left_alone(stat.key)]
    bundles = {key.rpartition("/")[0] for key in keys if key.endswith("/index.md")}
    for key in keys:
        blob = content.get(key)
        in_bundle = key.rpartition("/")[0] in bundles and not key.endswith((".md", ".markdown"))
        if not is_article(key) or in_bundle:
            if problem := asset_problem(key):
                what = f"cannot be published: {problem}"
                shelf.problems.append(Problem(file=key, line=0, what=what, todo="rename it", code="reserved"))
            media = sniff(blob.body, key)
            shelf.problems += _misnamed(key, media.type)
            shelf.problems += check_picture(key, blob.body, media)
            if key == "robots.txt" and imprint.publication.base:
                what = f"will stand at {imprint.publication.url}/robots.txt, where no crawler looks"
                todo = "have its lines added to the robots.txt at the host's root"
                shelf.problems.append(_of_file(key, what, todo, "robots"))
            shelf.files[key] = Source(
                key=key,
                etag=blob.etag,
                sha="",
                state="asset",
                type=media.type,
                width=media.width,
                height=media.height,
                size=len(blob.body),
            )
            continue
        try:
            parsed = parse_article(key, blob.body, imprint.publication)
            settled = settle(
                parsed,
                etag=blob.etag,
                sha="",
                old=None,
                imprint_mark="",
                publication=imprint.publication,
                now=now,
            )
        except Invalid as error:
            shelf.problems += error.problems
            continue
        shelf.articles.append(settled)
        shelf.files[key] = settled.source
        shelf.texts[key] = blob.body.decode("utf-8", "replace")
    return shelf


def _duplicates(shelf: _Shelf, holder: Holder) -> None:
    """Blames whom a publish would refuse: not the file that holds an address or id already, else not the first."""
    claims: dict[tuple[str, str], dict[str, tuple[Settled, int, str]]] = {}
    for settled in sorted(shelf.articles, key=lambda article: article.source.state == "scheduled"):
        source, lines = settled.source, settled.parsed.lines
        if source.state == "draft":
            continue
        line = lines.get("path") or lines.get("slug") or 1
        wanted = [("path", claim_of(source.path), line, f"/{source.path} is the address of")]
        for alias in source.aliases:
            place = lines.get("aliases", 1)
            wanted.append(("path", claim_of(alias), place, f"the alias /{alias} is an address of"))
        wanted.append(("id", source.id, lines.get("id", 1), f"the id {source.id!r} belongs to"))
        for kind, name, place, what in wanted:
            claims.setdefault((kind, name), {}).setdefault(source.key, (settled, place, what))
    files = {key for key, source in shelf.files.items() if source.state == "asset"}
    for settled in shelf.articles:
        if settled.source.state != "draft" and (found := beside_file(settled, files)):
            shelf.problems.append(found[1])
    for (kind, name), claimants in claims.items():
        held_by = holder(kind, name) if len(claimants) > 1 else ""
        first = held_by if held_by in claimants else next(iter(claimants))
        what_else, code = ("id", "duplicate-id") if kind == "id" else ("slug", "duplicate-slug")
        for key, (settled, place, what) in claimants.items():
            if key != first:
                todo = f"give one of the two another `{what_else}`"
                shelf.problems.append(_error(settled, place, f"{what} {first} already", todo, code))


@dataclass(frozen=True, slots=True)
class _Places:
    """What a link can lead to, gathered once for all articles."""

    claims: set[str]  # of pages and aliases
    listed: set[str]  # paths of tags, authors and series, and of the form for mail
    anchors: dict[str, set[str]]  # ids by an article's path

    @classmethod
    def of(cls, shelf: _Shelf, publication: Publication) -> _Places:
        """The places of all that was read."""
        pages = {source.path for source in shelf.files.values() if source.state != "asset"}
        pages = pages.union(*(source.aliases for source in shelf.files.values()))
        tags = {tag for article in shelf.articles for tag in article.parsed.tags}
        authors = {name for article in shelf.articles for name in article.parsed.authors}
        series = {article.parsed.series for article in shelf.articles} - {""}
        return cls(
            claims={claim_of(page_key(path)) for path in pages},
            listed={f"tags/{slugify(tag)}/" for tag in tags}
            | {f"authors/{slugify(author)}/" for author in authors}
            | {f"series/{slugify(name)}/" for name in series}
            | ({"series/"} if series else set())
            | ({"subscribe/"} if publication.newsletters else set()),
            anchors={
                article.source.path: {"", *_IDS.findall(article.parsed.html)} for article in shelf.articles
            },
        )


def _dead_links(settled: Settled, html: str, shelf: _Shelf, places: _Places) -> Iterator[Problem]:
    missing = {key for name in references(settled.parsed) for key in candidates(settled.source.key, name)}
    for link in dict.fromkeys(_LINK.findall(html)):
        parts = urlsplit(link.replace("&amp;", "&"))
        path = unquote(parts.path).lstrip("/")
        known = (
            path in shelf.files
            or claim_of(page_key(path)) in places.claims
            or claim_of(page_key(path.rstrip("/") + "/")) in places.claims
            or path in places.listed
            or path.startswith(_GENERATED)
            or path
            in {"", "tags/", "authors/", "feed.xml", "atom.xml", "feed.json", "feeds.opml", "sitemap.xml"}
        )
        if not known and path not in missing:
            what = f"no page or file of this site stands at {parts.path}"
            line = shelf.line_of(settled.source.key, path.rstrip("/"))
            yield _warn(settled, line, what, "mend or remove the link", "dead-link")
        elif (
            known
            and path != settled.source.path
            and unquote(parts.fragment) not in places.anchors.get(path, {unquote(parts.fragment)})
        ):
            what = f"the page {parts.path} has no place #{parts.fragment}"
            line = shelf.line_of(settled.source.key, f"#{parts.fragment.removeprefix('s-')}")
            yield _warn(settled, line, what, "mend the part behind the #", "dead-anchor")


def _misnamed(key: str, kind: str) -> Iterator[Problem]:
    """Text under the name of a picture, a recording or the like: often the error page of a download."""
    is_text = kind.startswith("text/") or kind.endswith(("xml", "json"))
    is_drawing = kind == "image/svg+xml" and key.lower().endswith(".svg")
    if is_text and not is_drawing and _MEDIA.fullmatch(key.rpartition(".")[2]):
        todo = "replace it with the file that its name promises, or rename it"
        yield _of_file(key, f"is {kind}, whatever its name says", todo, "file-type")


def _of_file(key: str, what: str, todo: str, code: str) -> Problem:
    return Problem(file=key, line=0, what=what, todo=todo, code=code, severity="warning")


def _warn(settled: Settled, line: int, what: str, todo: str, code: str) -> Problem:
    return Problem(file=settled.parsed.source, line=line, what=what, todo=todo, code=code, severity="warning")


def _error(settled: Settled, line: int, what: str, todo: str, code: str) -> Problem:
    return Problem(file=settled.parsed.source, line=line, what=what, todo=todo, code=code)
