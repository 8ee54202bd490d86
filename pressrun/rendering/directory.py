"""What lists the collections themselves: the archive's contents, tags, authors, feeds, sitemap, and the small files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pressrun.domain.feeds import Feed
from pressrun.domain.listings import ArchiveYear, Collection
from pressrun.domain.urls import href
from pressrun.rendering import pages, readers, search
from pressrun.rendering.opml import MEDIA_TYPE as OPML_TYPE
from pressrun.rendering.opml import render_opml
from pressrun.rendering.sitemap import MEDIA_TYPE as SITEMAP_TYPE
from pressrun.rendering.sitemap import render_sitemap, render_sitemap_index
from pressrun.rendering.theme import Theme

HTML = "text/html; charset=utf-8"
SHORT, LONG = "public, max-age=300", "public, max-age=31536000, immutable"

Rendered = tuple[str, bytes, str, str]


def render(
    theme: Theme,
    *,
    years: Sequence[ArchiveYear],
    months: Sequence[str],
    tags: Sequence[Collection],
    authors: Sequence[Collection],
    series: Sequence[Collection],
    feeds: Sequence[tuple[str, Sequence[Feed]]],
) -> Iterator[Rendered]:
    """Each file as (key, body, content type, cache control).

    `months` as "2026-11", oldest first; `feeds` in their groups, as the list for readers (OPML) shows them.
    """
    publication = theme.publication
    url = publication.url
    yield "archive/index.html", pages.archive_index(theme, years), HTML, SHORT
    yield "tags/index.html", pages.terms_page(theme, "tag", tags), HTML, SHORT
    yield "authors/index.html", pages.terms_page(theme, "author", authors), HTML, SHORT
    yield "series/index.html", pages.terms_page(theme, "series", series), HTML, SHORT
    yield "feeds/index.html", pages.feeds_page(theme, tags, authors, series), HTML, SHORT
    yield "readers/index.html", readers.guide_page(theme), HTML, SHORT
    yield "search/index.html", pages.search_page(theme), HTML, SHORT
    yield "search/months.json", search.render_months(months), search.MEDIA_TYPE, SHORT
    yield "opensearch.xml", search.render_opensearch(theme), search.OPENSEARCH_TYPE, SHORT
    if publication.newsletters:
        yield "subscribe/index.html", readers.subscribe_page(theme), HTML, SHORT
    yield "feeds.opml", render_opml(publication.title, feeds), f"{OPML_TYPE}; charset=utf-8", SHORT
    yield "404.html", pages.not_found_page(theme), HTML, SHORT
    yield "favicon.svg", pages.favicon(theme), "image/svg+xml", SHORT
    yield theme.stylesheet_path.lstrip("/"), theme.stylesheet, "text/css; charset=utf-8", LONG
    for name, script in theme.scripts.items():
        yield theme.script_path(name).lstrip("/"), script, "text/javascript; charset=utf-8", LONG
    yield "feed.css", theme.feed_stylesheet, "text/css; charset=utf-8", SHORT
    listed = [
        "/",
        "/archive/",
        "/tags/",
        "/authors/",
        "/feeds/",
        "/readers/",
        *(["/subscribe/"] if publication.newsletters else []),
        *(["/series/"] if series else []),
        *(term.path for term in (*tags, *authors, *series)),
    ]
    yield (
        "sitemap-pages.xml",
        render_sitemap((f"{url}{href(path[1:])}", None) for path in listed),
        SITEMAP_TYPE,
        SHORT,
    )
    sitemaps = [f"{url}/sitemap-{name}.xml" for name in ("pages", *months)]
    yield "sitemap.xml", render_sitemap_index((sitemap, None) for sitemap in sitemaps), SITEMAP_TYPE, SHORT
    robots = f"User-agent: *\nAllow: /\n\nSitemap: {url}/sitemap.xml\n"
    yield "robots.txt", robots.encode(), "text/plain; charset=utf-8", SHORT
