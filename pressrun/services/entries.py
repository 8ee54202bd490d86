"""Articles as feeds show them, and the feeds that they stand in."""

from __future__ import annotations

from dataclasses import replace
from html import escape

from pressrun.domain.articles import Article, Image
from pressrun.domain.feeds import Entry, Feed
from pressrun.domain.listings import Collection
from pressrun.domain.markup import absolute
from pressrun.domain.pictures import fallback, plain
from pressrun.domain.publication import Person, Podcast, Publication
from pressrun.domain.slugs import slugify
from pressrun.domain.urls import href

FEED_STYLESHEET = "feed.css"


def entry_for(article: Article, publication: Publication) -> Entry:
    """The article with every address made absolute."""
    url = publication.url
    shown = fallback(article.image) if article.image else None
    image = replace(shown, src=absolute(shown.src, url)) if shown else None
    content = absolute(plain(article.html, article.pictures), url)
    if image and image.src not in content:
        content = f"{_figure(image)}\n{content}"
    enclosure = replace(article.audio, src=absolute(article.audio.src, url)) if article.audio else None
    return Entry(
        id=article.id,
        url=url + href(article.path),
        title=article.title,
        published=article.date,
        updated=article.updated,
        summary=article.summary,
        content=content,
        authors=tuple(Person(name=name, url=author_url(name, publication)) for name in article.authors),
        tags=article.tags,
        tag_scheme=f"{url}/tags/",
        image=image,
        enclosure=enclosure,
        language=article.language if article.language != publication.language else "",
        season=_number(article, "season"),
        episode=_number(article, "episode"),
    )


def feed_for(of: Collection, publication: Publication, author: Person | None = None) -> Feed:
    """The feed of a collection, without its entries; `updated` and links to archives are still to be set."""
    url = publication.url
    name = "" if of.kind == "site" else of.name
    people = publication.authors or (Person(name=publication.title, url=f"{url}/"),)
    if (
        of.kind == "author"
    ):  # who has a page here; those whom the settings name may not have written anything yet
        people = (Person(name=(author or of).name, url=author_url((author or of).name, publication)),)
    return Feed(
        id=f"tag:{publication.authority}:feed{of.path if of.path != '/' else ''}".rstrip("/"),
        title=f"{publication.title}: {name}" if name else publication.title,
        home=url + href(of.path.lstrip("/")),
        place=url + href(of.path.lstrip("/")),
        description=publication.description,
        language=publication.language,
        authors=people,
        icon=f"{url}/favicon.svg",
        copyright=publication.copyright,
        hub=publication.feed.hub,
        ttl_minutes=publication.feed.ttl_minutes,
        podcast=_podcast(publication),
        stylesheet=f"{publication.base}/{FEED_STYLESHEET}",
    )


def author_url(name: str, publication: Publication) -> str:
    """The page of an author on this site."""
    return f"{publication.url}{href(f'authors/{slugify(name)}/')}"


def person_called(slug: str, publication: Publication) -> Person | None:
    """What the settings say of an author."""
    return next((person for person in publication.authors if slugify(person.name) == slug), None)


def _podcast(publication: Publication) -> Podcast | None:
    podcast = publication.podcast
    if podcast and podcast.image and "://" not in podcast.image:
        return replace(podcast, image=publication.url + href(podcast.image.lstrip("/")))
    return podcast


def _figure(image: Image) -> str:
    size = f' width="{image.width}" height="{image.height}"' if image.width and image.height else ""
    return f'<figure><img src="{escape(image.src)}" alt="{escape(image.alt)}"{size}></figure>'


def _number(article: Article, name: str) -> int:
    value = article.extra.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:6])
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
