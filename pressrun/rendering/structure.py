"""What pages say to machines: structured data (JSON-LD, schema.org), safe to stand inside `<script>`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
from markupsafe import Markup

from pressrun.domain.articles import Article
from pressrun.domain.listings import Collection
from pressrun.domain.publication import NavLink, Person

if TYPE_CHECKING:
    from pressrun.rendering.theme import Theme


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """What the head of an article's page says of it: addresses are absolute, dates are ISO 8601."""

    url: str
    image: str  # empty: none
    published: str
    modified: str


Json = str | int | list["Json"] | dict[str, "Json"]


def of_article(theme: Theme, article: Article, head: Dated) -> Markup:
    """A BlogPosting."""
    site, home = theme.publication, theme.absolute("/")
    publisher: Json = {"@type": "Organization", "name": site.title, "url": home}
    posting: dict[str, Json] = {
        "@type": "BlogPosting",
        "@id": f"{head.url}#article",
        "url": head.url,
        "mainEntityOfPage": head.url,
        "headline": article.title,
        "datePublished": head.published,
        "dateModified": head.modified,
        "inLanguage": article.language or site.language,
        "author": [_person(theme, name) for name in article.authors] or publisher,
        "publisher": publisher,
        "isPartOf": {"@type": "Blog", "@id": f"{home}#blog", "name": site.title},
    }
    if article.summary:
        posting["description"] = article.summary
    if head.image:
        posting["image"] = head.image
    if article.tags:
        posting["keywords"] = list(article.tags)
    if article.words:
        posting["wordCount"] = article.words
    return script(posting)


def of_home(theme: Theme) -> Markup:
    """A WebSite and the Blog on it."""
    site = theme.publication
    home = theme.absolute("/")
    both: dict[str, Json] = {"url": home, "name": site.title, "inLanguage": site.language}
    if site.description:
        both["description"] = site.description
    website: Json = {"@type": "WebSite", "@id": f"{home}#website", **both}
    blog: Json = {"@type": "Blog", "@id": f"{home}#blog", **both}
    return script({"@graph": [website, blog]})


def of_list(theme: Theme, of: Collection, crumbs: Sequence[NavLink], person: Person | None = None) -> Markup:
    """A BreadcrumbList, and on an author's page the Person."""
    steps: list[Json] = [
        {"@type": "ListItem", "position": number, "name": crumb.title, "item": theme.absolute(crumb.url)}
        for number, crumb in enumerate(crumbs, 1)
    ]
    graph: list[Json] = [{"@type": "BreadcrumbList", "itemListElement": steps}]
    if of.kind == "author":
        about = _person(theme, of.name)
        if person and person.bio:
            about["description"] = person.bio
        graph.append({"@type": "ProfilePage", "url": theme.absolute(of.path), "mainEntity": about})
    return script({"@graph": graph})


def script(thing: dict[str, Json]) -> Markup:
    """JSON-LD that cannot end the script it stands in, whatever its strings hold."""
    text = orjson.dumps({"@context": "https://schema.org", **thing}).decode()
    for character, escaped in _ESCAPES:
        if character in text:
            text = text.replace(character, escaped)
    return Markup(text)  # noqa: S704 - none of < > & is left


_ESCAPES = tuple((character, f"\\u{ord(character):04x}") for character in "<>&\u2028\u2029")


def _person(theme: Theme, name: str) -> dict[str, Json]:
    person: dict[str, Json] = {"@type": "Person", "name": name, "url": theme.origin + theme.author(name).url}
    known = next((author for author in theme.publication.authors if author.name == name), None)
    if known and theme.href(known.url):
        person["sameAs"] = theme.absolute(known.url)
    return person
