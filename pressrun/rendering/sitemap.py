"""Sitemaps (sitemaps.org, protocol 0.9): every page of the site, for search engines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pressrun.rendering.feed_items import address, as_html, moment

MEDIA_TYPE = "application/xml"

MOST_URLS = 50_000
"""What one sitemap may hold. A larger site has several, and an index of them."""

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"

Page = tuple[str, datetime | None]


def render_sitemap(pages: Iterable[Page]) -> bytes:
    """Each page's absolute URL and when it last changed, in the order given. At most `MOST_URLS`."""
    return _document("urlset", "url", pages)


def render_sitemap_index(sitemaps: Iterable[Page]) -> bytes:
    """The sitemaps of a site, each with the newest date in it."""
    return _document("sitemapindex", "sitemap", sitemaps)


def _document(root: str, element: str, pages: Iterable[Page]) -> bytes:
    lines = [f"<{element}>{_location(url)}{_changed(when)}</{element}>\n" for url, when in pages]
    return f'{_DECLARATION}<{root} xmlns="{_NAMESPACE}">\n{"".join(lines)}</{root}>\n'.encode()


def _location(url: str) -> str:
    return f"<loc>{as_html(address(url))}</loc>"


def _changed(when: datetime | None) -> str:
    return f"<lastmod>{moment(when).isoformat()}</lastmod>" if when else ""
