"""What is to become of one file: decided from the file as it is now and from what the catalogue knows. No writes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from html import unescape
from typing import Any
from urllib.parse import quote, urljoin
from zoneinfo import ZoneInfo

import orjson

from pressrun.domain.articles import Article, Card, Enclosure, Image, ParsedArticle
from pressrun.domain.feeds import Fragment
from pressrun.domain.markup import END, REF, REFERENCE, SITE, SIZE
from pressrun.domain.problems import Problem
from pressrun.domain.publication import Publication
from pressrun.domain.slugs import slugify
from pressrun.domain.spans import memberships, sort_key
from pressrun.domain.urls import better_path, claim_of, href, join, path_problem
from pressrun.errors import Invalid
from pressrun.parsing.keys import default_slug
from pressrun.ports import ABSENT, MAX_ITEM
from pressrun.services.catalogue import Source, card_item

MAX_TERMS = 30  # tags and authors of one article: its rows must fit into one transaction
MAX_ALIASES = 20
MAX_ENTRY = (
    MAX_ITEM - 30_000
)  # bytes; the rest is for titles, and links that turn out longer than the files they name
ADDRESS = 80  # bytes that a picture's variant, or a file beside the article, has more in its address than in its name
_MADE = ("derived/", "favicon.svg")  # files that publishing writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """An article whose identity and address are settled, before its references are resolved."""

    parsed: ParsedArticle
    source: Source  # as it is to be stored
    date: datetime
    language: str


def digest(data: bytes) -> str:
    """A short fingerprint of derived bytes; equal bytes, equal digest."""
    return sha256(data).hexdigest()[:24]


def hash_of(body: bytes) -> str:
    """What is known of a file's bytes."""
    return sha256(body).hexdigest()[:32]


def settle(
    parsed: ParsedArticle,
    *,
    etag: str,
    sha: str,
    old: Source | None,
    version: int = ABSENT,
    imprint_mark: str,
    publication: Publication,
    now: datetime,
) -> Settled:
    """Identity, address, date and state of an article. Raises Invalid where its address cannot be.

    `old` is what the file was before; `version` that of the row which is to be replaced. A date
    ahead of `now` schedules the article; a draft is kept out of sight.
    """
    key = parsed.source
    path = address_of(parsed)
    if problem := path_problem(path):
        line = parsed.lines.get("path") or parsed.lines.get("slug") or 1
        name = "path" if parsed.path else "slug"
        todo = f"write {name}: {better_path(path.rstrip('/'))}, or another"
        raise Invalid.at(key, line, f"/{path} cannot be its address: {problem}", todo, code="slug")
    first_seen = (old.first_seen if old else "") or now.replace(microsecond=0).isoformat()
    date = parsed.date or parsed.publish_at or datetime.fromisoformat(first_seen)
    due = max(parsed.publish_at or date, date)
    tags = _slugs(parsed.tags)
    authors = _slugs(parsed.authors or tuple(person.name for person in publication.authors[:1]))
    _check_counts(parsed)
    article_id = _id_of(parsed, old, publication)
    aliases = tuple(dict.fromkeys(alias_of(alias) for alias in parsed.aliases))
    aliases = tuple(alias for alias in aliases if alias.rstrip("/") != path.rstrip("/"))
    for alias in aliases:
        problem = path_problem(alias) if alias.strip("/") else "the home page stands there"
        if problem:
            line = parsed.lines.get("aliases", 1)
            raise Invalid.at(
                key, line, f"the alias /{alias} cannot be: {problem}", "change or remove it", code="alias"
            )
    state: Any = "draft" if parsed.draft else "scheduled" if due > now else "published"
    former = old.former if old else ()
    if old and old.live and old.path != path:
        former = (*former, old.path)
    redirected = {
        claim_of(p) for p in former
    }  # a former address leads here by itself; "x.html" would need its name
    aliases = tuple(alias for alias in aliases if alias.endswith("/") or claim_of(alias) not in redirected)
    source = Source(
        key=key,
        etag=etag,
        sha=sha,
        state=state,
        theme=imprint_mark,
        version=version,
        id=article_id,
        given_id=bool(parsed.id),
        path=path,
        title=parsed.title,
        first_seen=first_seen,
        sort=sort_key(date, article_id),
        collections=tuple(memberships(tags, authors, _slug(parsed.series) if parsed.series else ""))
        if state == "published"
        else (),
        aliases=aliases,
        former=tuple(dict.fromkeys(p for p in former if p != path)),
        uses=tuple(dict.fromkeys(k for ref in references(parsed) for k in candidates(key, ref))),
        due=due.isoformat() if state == "scheduled" else "",
        views=parsed.views,
    )
    settled = Settled(parsed=parsed, source=source, date=date, language=parsed.language)
    _check_size(settled, publication)
    return settled


def references(parsed: ParsedArticle) -> list[str]:
    """The relative URLs that stand in an article: in its text, as its picture, as its enclosure."""
    found = [unescape(name) for name in REFERENCE.findall(parsed.html)]
    for attached in (parsed.image, parsed.audio):
        found += REFERENCE.findall(attached.src) if attached else []
    return [name for name in dict.fromkeys(found) if name]


def candidates(key: str, reference: str) -> list[str]:
    """The files that a reference in `key` may mean, the likeliest first."""
    if reference.startswith("@/"):
        found = join("", reference.removeprefix("@/"))
        return [found] if found else []
    found = join(posixpath.dirname(key), reference)
    if found is None:
        return []
    if reference.endswith("/") or "." not in posixpath.basename(found):
        return [f"{found}/index.md"]
    return [found]


def missing_files(settled: Settled, text: str, known: Container[str]) -> Iterator[Problem]:
    """Warnings of references to files that are not among `known`; `text` is the file, for their lines.

    What publishing makes itself counts as there.
    """
    key = settled.source.key
    for reference in references(settled.parsed):
        found = candidates(key, reference)
        name = reference.rpartition("/")[2]
        if not found or "." not in name or found[0].startswith(_MADE) or any(one in known for one in found):
            continue
        at = text.find(name)
        line = text.count("\n", 0, at) + 1 if at >= 0 else 0
        what, todo = (
            f"{reference.removeprefix('@')} is not in the content",
            f"add {found[0]} or mend the link",
        )
        yield Problem(file=key, line=line, what=what, todo=todo, code="missing-file", severity="warning")


Lookup = Callable[[str], Source | None]


def compose(settled: Settled, publication: Publication, lookup: Lookup) -> Article:
    """The article with every reference resolved to a place of this site."""
    parsed, source = settled.parsed, settled.source
    resolve = _resolver(source, lookup)
    image = parsed.image
    if image:
        image = _sized(image, resolve, lookup, source.key)
    audio = parsed.audio
    if audio:
        audio = _measured(audio, resolve, lookup, source.key)
    authors = parsed.authors or tuple(person.name for person in publication.authors[:1])
    html, pictures = _resolved(parsed.html, resolve, lookup, source.key)
    updated = parsed.updated if parsed.updated and parsed.updated > settled.date else settled.date
    return Article(
        id=source.id,
        source=source.key,
        path=source.path,
        title=parsed.title,
        html=html,
        pictures=pictures,
        date=settled.date,
        updated=updated,
        authors=authors,
        tags=_distinct(parsed.tags),
        series=parsed.series,
        part=parsed.part,
        summary=parsed.summary,
        language=settled.language,
        canonical=parsed.canonical,
        image=image,
        audio=audio,
        views=parsed.views,
        words=parsed.words,
        extra=parsed.extra,
    )


def card_for(article: Article, fragment: Fragment, mark: str) -> Card:
    """The article as lists show it; `mark` is the fragment's digest."""
    return Card(
        id=article.id,
        path=article.path,
        title=article.title,
        date=article.date,
        updated=article.updated,
        authors=article.authors,
        tags=article.tags,
        series=article.series,
        part=article.part,
        summary=article.summary,
        language=article.language,
        image=article.image,
        size=fragment.size,
        mark=mark,
    )


def card_digest(card: Card) -> str:
    """Changes with what lists show; not with the text behind it."""
    return digest(orjson.dumps(card_item(card) | {"size": 0, "mark": ""}))


def address_of(parsed: ParsedArticle) -> str:
    """Where an article wants to stand: "hello/"."""
    if parsed.path:
        return parsed.path.strip("/") + "/"
    return (parsed.slug.strip("/") or default_slug(parsed.source)) + "/"


def alias_of(alias: str) -> str:
    """An alias as a path of the site: "old/", or "old.html"."""
    path = alias.lstrip("/")
    return path if path.endswith("/") or re.search(r"\.[A-Za-z]\w{0,4}$", path) else path + "/"


def _id_of(parsed: ParsedArticle, old: Source | None, publication: Publication) -> str:
    if parsed.id:
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", parsed.id):
            return parsed.id
        return f"tag:{publication.authority}:{quote(parsed.id, safe='/')}"
    if old and old.id and not old.given_id:
        return old.id
    stem = re.sub(r"(/index)?\.\w+$", "", parsed.source)
    return f"tag:{publication.authority}:{quote(stem, safe='/')}"


@lru_cache(maxsize=4096)
def _slug(name: str) -> str:
    return slugify(name)


def _slugs(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_slug(name) for name in names))


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """Of names with one slug the first."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(_slug(name), name)
    return tuple(found.values())


def _check_counts(parsed: ParsedArticle) -> None:
    if len(parsed.tags) + len(parsed.authors) > MAX_TERMS:
        line = parsed.lines.get("tags", 1)
        what = f"has {len(parsed.tags)} tags and {len(parsed.authors)} authors"
        raise Invalid.at(parsed.source, line, what, f"keep {MAX_TERMS} of them at most", code="tags")
    if len(parsed.aliases) > MAX_ALIASES:
        line = parsed.lines.get("aliases", 1)
        raise Invalid.at(
            parsed.source,
            line,
            f"has {len(parsed.aliases)} aliases",
            f"keep {MAX_ALIASES} at most",
            code="alias",
        )


def _check_size(settled: Settled, publication: Publication) -> None:
    """An article's entry is one row of the catalogue, with every address in it made absolute."""
    html, source = settled.parsed.html, settled.source
    address = len(publication.url) + 3 * (len(source.key) + len(source.path)) + ADDRESS
    if 4 * len(html) + (html.count(REF) + html.count(SITE)) * address < MAX_ENTRY:
        return  # however it is written
    from pressrun.rendering.feeds import render_entry
    from pressrun.services.entries import entry_for

    fragment = render_entry(
        entry_for(compose(settled, publication, lambda _: None), publication), publication.podcast
    )
    size = len(orjson.dumps(fragment.to_item())) + html.count(SIZE) * ADDRESS
    if size > MAX_ENTRY:
        what = f"the text takes {size:,} bytes; an article may have {MAX_ENTRY:,}"
        raise Invalid.at(source.key, 1, what, "split it", code="size")


def _resolver(source: Source, lookup: Lookup) -> Callable[[str], str]:
    def resolve(reference: str) -> str:
        if not reference:  # "#part" or "?query": of the article itself
            return SITE + href(source.path)
        for candidate in candidates(source.key, reference):
            target = lookup(candidate)
            if target and target.state == "asset":
                return SITE + href(candidate)
            if target and target.live:
                return SITE + href(target.path)
        if reference.startswith("@/"):
            return SITE + href(reference.removeprefix("@/"))
        if "." in posixpath.basename(reference):  # a file that is not here yet: where it will be
            found = join(posixpath.dirname(source.key), reference)
            return SITE + href(found) if found else SITE + "/"
        return SITE + quote(urljoin("/" + source.path, reference), safe="/~!$&'()*+,;=:@")

    return resolve


def _asset(reference: str, lookup: Lookup, key: str) -> Source | None:
    found = (lookup(candidate) for candidate in candidates(key, reference))
    return next((target for target in found if target and target.state == "asset"), None)


_SIZED = re.compile(f'{REF}([^{REF}{END}]*){END}([^"{SIZE}]*"){SIZE}')


def _resolved(
    html: str, resolve: Callable[[str], str], lookup: Lookup, key: str
) -> tuple[str, dict[str, Image]]:
    """The HTML without references, and the pictures with variants that they named."""
    pictures: dict[str, Image] = {}
    if REF in html:

        def named(match: re.Match[str]) -> str:
            name = unescape(match[1])
            url = _attribute(resolve(name))
            asset = _asset(name, lookup, key)
            if asset and asset.mark:
                pictures[url] = _varied(Image(src=resolve(name)), asset)
            return url

        def sized(match: re.Match[str]) -> str:
            name = unescape(match[1])
            asset = _asset(name, lookup, key)
            size = (
                f' width="{asset.width}" height="{asset.height}"'
                if asset and asset.width and asset.height
                else ""
            )
            return f"{named(match)}{match[2]}{size}"

        html = _SIZED.sub(sized, html)
        html = REFERENCE.sub(named, html)
    return html.replace(SIZE, ""), pictures


def _varied(image: Image, asset: Source) -> Image:
    """A picture with what is known of its file."""
    return replace(
        image,
        width=asset.width,
        height=asset.height,
        mark=asset.mark,
        widths=asset.widths,
        plain=asset.plain,
    )


def _attribute(url: str) -> str:
    return url.replace("&", "&amp;").replace('"', "%22").replace("<", "%3C").replace(">", "%3E")


def _sized(image: Image, resolve: Callable[[str], str], lookup: Lookup, key: str) -> Image:
    found = REFERENCE.search(image.src)
    if not found:
        return image
    asset = _asset(found[1], lookup, key)
    src = REFERENCE.sub(lambda match: resolve(match[1]), image.src)
    if asset and asset.width and asset.height:
        return _varied(replace(image, src=src), asset)
    return replace(image, src=src)


def _measured(audio: Enclosure, resolve: Callable[[str], str], lookup: Lookup, key: str) -> Enclosure:
    found = REFERENCE.search(audio.src)
    if not found:
        return audio
    asset = _asset(found[1], lookup, key)
    src = REFERENCE.sub(lambda match: resolve(match[1]), audio.src)
    if asset:
        return replace(
            audio, src=src, type=asset.type, length=asset.size, duration=audio.duration or asset.duration
        )
    return replace(audio, src=src)


def zone_of(publication: Publication) -> ZoneInfo:
    """The publication's time zone; validated with the settings."""
    return ZoneInfo(publication.timezone)
