"""Sitemaps and their index."""

from __future__ import annotations

from datetime import UTC, datetime

from lxml import etree

from pressrun.rendering.sitemap import render_sitemap, render_sitemap_index

SITE = "https://example.org/"
WHEN = datetime(2026, 2, 3, 4, 5, 6, 7, tzinfo=UTC)
NAMESPACE = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


def test_a_page_stands_with_its_address_and_its_last_change() -> None:
    root = etree.fromstring(render_sitemap([(f"{SITE}a b?x&y", WHEN), (SITE, None)]))
    assert etree.QName(root).localname == "urlset"
    assert root.xpath("s:url/s:loc/text()", namespaces=NAMESPACE) == [f"{SITE}a%20b?x&y", SITE]
    assert root.xpath("s:url/s:lastmod/text()", namespaces=NAMESPACE) == ["2026-02-03T04:05:06+00:00"]


def test_an_index_lists_the_sitemaps_of_a_site() -> None:
    root = etree.fromstring(render_sitemap_index([(f"{SITE}sitemap-2026-02.xml", WHEN)]))
    assert etree.QName(root).localname == "sitemapindex"
    found = root.xpath("s:sitemap/s:loc/text()", namespaces=NAMESPACE)
    assert found == [f"{SITE}sitemap-2026-02.xml"]


def test_an_empty_site_has_an_empty_sitemap() -> None:
    assert len(etree.fromstring(render_sitemap([]))) == 0
