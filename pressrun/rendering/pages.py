"""The pages of the site: domain values → bytes of HTML. Same values and theme, same bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256

from markupsafe import Markup, escape

from pressrun.domain.articles import Article, Image
from pressrun.domain.listings import (
    FOLDERS,
    OPML_PATH,
    SITE,
    ArchiveListing,
    ArchiveYear,
    Collection,
    Kind,
    Listing,
    Period,
    Series,
)
from pressrun.domain.markup import absolute, on_page
from pressrun.domain.pictures import fallback, responsive
from pressrun.domain.publication import NavLink
from pressrun.rendering import structure, views
from pressrun.rendering.theme import Alternate, Theme

WORDS_PER_MINUTE = 230  # silent reading of English non-fiction: 238 (Brysbaert 2019)
_PARTS = ("base", "parts", "header", "footer", "links", "follow", "share", "related")
_HEADING = re.compile(r"(</?h)([1-5])(?=[\s>])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the head of a page says. Without a `canonical` address it asks not to be indexed."""

    title: str  # with the publication's name, for the tab
    name: str
    canonical: str = ""
    description: str = ""
    type: str = "website"
    image: Image | None = None  # its address is absolute
    feeds: Sequence[Alternate] = ()  # beside those of the site
    structure: Markup = field(default_factory=Markup)


@dataclass(frozen=True, slots=True, kw_only=True)
class Popular:
    """An article in a list of the most read ones. `url` is a path of the site."""

    url: str
    title: str
    views: int
    approximate: bool = False


def prepare(theme: Theme) -> None:
    """Compiles the templates that most pages of a site are made with, for processes to be forked from this one."""
    for name in ("article", "archive", "home", "term", *_PARTS):
        theme.compile(f"web/{name}.html")


def article_page(theme: Theme, article: Article, series: Series | None = None) -> bytes:
    """An article, at `/<article.path>`; `series` is what it is a part of.

    Depends on nothing but these, the publication and the theme.
    """
    url = theme.absolute(f"/{article.path}")
    image = _shared(theme, article.card or article.image)
    head = structure.Dated(
        url=url,
        image=image.src if image else "",
        published=theme.local(article.date).isoformat(timespec="seconds"),
        modified=theme.local(article.updated).isoformat(timespec="seconds"),
    )
    page = Page(
        title=f"{article.title} — {theme.publication.title}",
        name=article.title,
        canonical=(article.canonical and theme.absolute(article.canonical)) or url,
        description=article.summary,
        type="article",
        image=image,
        structure=structure.of_article(theme, article, head),
    )
    lead = views.lead(theme, article.image, on_page(article.html, theme.base))
    html = on_page(responsive(article.html, article.pictures, lead=lead is not None), theme.base)
    if "<h1" in html:  # the title is the page's only one
        html = _HEADING.sub(lambda tag: f"{tag[1]}{int(tag[2]) + 1}", html)
    language = theme.foreign(article.language)
    return finished(
        theme,
        "article",
        page,
        article=article,
        head=head,
        content=Markup(html),  # noqa: S704 - sanitised when it was read
        language=language,
        direction=theme.direction(language),
        updated=article.updated - article.date >= timedelta(days=1),
        reading=theme.reading(max(1, round(article.words / WORDS_PER_MINUTE))) if article.words else "",
        tags=[theme.tag(name) for name in article.tags],
        standfirst=views.standfirst(article.summary, html) if article.summary else "",
        lead=lead,
        media=views.media(theme, article.audio),
        series=views.series(theme, series) if series else None,
        article_url=theme.href(f"/{article.path}"),
        share=views.share(article.title, page.canonical),
        follow=theme.chrome("web/follow.html"),
        totals=theme.href(f"/views/totals/articles-{sha256(article.path.encode()).hexdigest()[0]}.json"),
    )


def index_page(theme: Theme, listing: Listing) -> bytes:
    """The home page (`/`), or the index of a tag, an author or a series."""
    of, site = listing.of, theme.publication
    entries = [views.entry(theme, card) for card in listing.cards]
    older = views.period_link(theme, of, listing.older)
    if of.kind == "site":
        image = next((_shared(theme, card.image) for card in listing.cards[:1]), None)
        page = Page(
            title=site.title,
            name=site.title,
            canonical=theme.absolute("/"),
            description=site.description,
            image=image,
            structure=structure.of_home(theme),
        )
        return finished(theme, "home", page, section="/", cards=entries, older=older)
    crumbs = _crumbs(theme, of)
    trail = [*crumbs, NavLink(title=of.name, url=of.path)]
    about = theme.words.text(f"{of.kind}.about", name=of.name, title=site.title)
    page = Page(
        title=f"{of.name} — {site.title}",
        name=of.name,
        canonical=theme.absolute(of.path),
        description=(listing.person and listing.person.bio) or about,
        type="profile" if of.kind == "author" else "website",
        feeds=theme.feeds(of),
        structure=structure.of_list(theme, of, trail, listing.person),
    )
    values = {"of": of, "person": listing.person, "feeds": page.feeds, "crumbs": crumbs}
    if of.kind == "series":
        values = {"of": of, "feeds": page.feeds, "crumbs": crumbs}
        return finished(theme, "series", page, section=_section(of), cards=entries, older=older, **values)
    return finished(theme, "term", page, section=_section(of), cards=entries, older=older, **values)


def archive_page(theme: Theme, listing: ArchiveListing) -> bytes:
    """A year or a month of a collection's archive, at `listing.of.archive(listing.period)`."""
    of, period, words = listing.of, listing.period, theme.words
    heading = views.period_title(theme, period)
    crumbs = _crumbs(theme, of)
    if of.kind != "site":
        crumbs.append(NavLink(title=of.name, url=of.path))
    if period.month:
        year = Period(year=period.year)
        crumbs.append(NavLink(title=views.period_title(theme, year), url=of.archive(year)))
    name = f"{of.name}: {heading}" if of.name else heading
    path = of.archive(period)
    page = Page(
        title=f"{name} — {theme.publication.title}",
        name=name,
        canonical=theme.absolute(path),
        description=words.text("archive.about", title=theme.publication.title, period=name),
        feeds=theme.feeds(of) if of.kind != "site" else (),
        structure=structure.of_list(theme, SITE, [*crumbs, NavLink(title=heading, url=path)]),
    )
    return finished(
        theme,
        "archive",
        page,
        section=_section(of),
        heading=name,
        crumbs=crumbs,
        groups=views.groups(theme, period, listing.cards) if listing.cards else (),
        months=[views.month(theme, of, period.year, count, small=False) for count in listing.months],
        newer=views.period_link(theme, of, listing.newer),
        older=views.period_link(theme, of, listing.older),
    )


def archive_index(theme: Theme, years: Sequence[ArchiveYear]) -> bytes:
    """`/archive/`: every year and its months, in the order given."""
    words, site = theme.words, theme.publication
    about = words.text("archive.all", title=site.title)
    page = _listing_page(theme, "/archive/", words.text("nav.archive"), about)
    shown = [
        views.Year(
            title=views.period_title(theme, Period(year=year.year)),
            url=SITE.archive(Period(year=year.year)),
            months=[views.month(theme, SITE, year.year, count, small=year.small) for count in year.months],
        )
        for year in years
    ]
    return finished(theme, "years", page, section="/archive/", years=shown)


def terms_page(theme: Theme, kind: Kind, terms: Sequence[Collection]) -> bytes:
    """`/tags/`, `/authors/` or `/series/`: every one of the kind, in the order given."""
    folder = FOLDERS[kind]
    heading = theme.words.text(f"nav.{folder}")
    page = _listing_page(theme, f"/{folder}/", heading, theme.publication.description)
    return finished(theme, "terms", page, section=f"/{folder}/", heading=heading, terms=terms)


def feeds_page(
    theme: Theme, tags: Sequence[Collection], authors: Sequence[Collection], series: Sequence[Collection] = ()
) -> bytes:
    """`/feeds/`: what a feed is, and the address of each."""
    words, site = theme.words, theme.publication
    about = words.text("feeds.about", title=site.title)
    page = _listing_page(theme, "/feeds/", words.text("feeds.title"), about)
    return finished(
        theme,
        "feeds",
        page,
        section="/feeds/",
        whole=views.feed_addresses(theme, SITE),
        opml=OPML_PATH,
        feed_readers=[(words.text(place), readers) for place, readers in views.FEED_READERS.items()],
        tags=[views.collection_feeds(theme, tag) for tag in tags],
        authors=[views.collection_feeds(theme, author) for author in authors],
        series=[views.collection_feeds(theme, one) for one in series],
    )


def search_page(theme: Theme) -> bytes:
    """`/search/`: finds articles with a script of ours, in the files of `rendering.search`."""
    words = theme.words
    about = words.text("search.about", title=theme.publication.title)
    page = _listing_page(theme, "/search/", words.text("search.title"), about)
    script = theme.href(theme.script_path("search"))
    return finished(theme, "search", page, section="/search/", script=script)


def popular_page(theme: Theme, lists: Mapping[str, Sequence[Popular]]) -> bytes:
    """`/popular/`: the most read articles of the day, week, month and of all time, in the order given."""
    words = theme.words
    page = _listing_page(theme, "/popular/", words.text("popular.title"), words.text("popular.about"))
    shown = [
        {
            "heading": words.text(f"popular.{span}"),
            "articles": [replace(article, url=theme.href(article.url)) for article in articles],
        }
        for span, articles in lists.items()
    ]
    return finished(theme, "popular", page, section="/popular/", lists=shown)


def not_found_page(theme: Theme) -> bytes:
    """`/404.html`, shown at whatever address was not found."""
    return _notice(theme, "missing")


def gone_page(theme: Theme) -> bytes:
    """What stands where a withdrawn article stood (410)."""
    return _notice(theme, "gone")


def redirect_page(theme: Theme, target: str) -> bytes:
    """Sends a reader on to `target`, a path of the site ("hello/", "/hello/") or an http(s) URL."""
    if not target.startswith(("http://", "https://")):
        target = f"/{target.lstrip('/')}"
    return _notice(theme, "moved", target=theme.href(target), canonical=theme.absolute(target))


def favicon(theme: Theme) -> bytes:
    """`/favicon.svg`: the publication's initial."""
    initial = next((letter for letter in theme.publication.title if letter.isalnum()), "P").upper()[:1]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        '<rect width="32" height="32" rx="4" fill="#a3124a"/>'
        '<text x="16" y="23.5" font-family="Palatino, Palatino Linotype, Georgia, serif" font-size="22"'
        f' font-weight="700" text-anchor="middle" fill="#fff">{escape(initial)}</text></svg>\n'
    ).encode()


def finished(theme: Theme, name: str, page: Page, /, *, section: str = "", **values: object) -> bytes:
    """A page by the name of its template; `section` is the index that it belongs to."""
    text = theme.render(
        f"web/{name}.html",
        page=page,
        header=theme.chrome("web/header.html", section),
        footer=theme.chrome("web/footer.html"),
        links=theme.chrome("web/links.html"),
        **values,
    )
    return text.encode()


def _notice(theme: Theme, name: str, **values: str) -> bytes:
    title = theme.words.text(f"{name}.title")
    page = Page(title=f"{title} — {theme.publication.title}", name=title)
    return finished(theme, name, page, section="", **values)


def _listing_page(theme: Theme, path: str, name: str, description: str) -> Page:
    crumbs = [*_crumbs(theme, SITE, top=True), NavLink(title=name, url=path)]
    return Page(
        title=f"{name} — {theme.publication.title}",
        name=name,
        canonical=theme.absolute(path),
        description=description,
        structure=structure.of_list(theme, SITE, crumbs),
    )


def _section(of: Collection) -> str:
    return f"/{FOLDERS[of.kind]}/"


def _crumbs(theme: Theme, of: Collection, *, top: bool = False) -> list[NavLink]:
    words = theme.words
    crumbs = [NavLink(title=words.text("home"), url="/")]
    if not top:
        crumbs.append(NavLink(title=words.text(f"nav.{FOLDERS[of.kind]}"), url=_section(of)))
    return crumbs


def _shared(theme: Theme, image: Image | None) -> Image | None:
    """The image with an absolute address, for those who show a link to the page elsewhere."""
    if image is None or not views.address(theme, image.src):
        return None
    image = fallback(image)
    return replace(image, src=absolute(image.src, theme.publication.url))
