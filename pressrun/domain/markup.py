"""Marks that stand in sanitised article HTML until the place it is shown at is known.

They are Unicode noncharacters (U+FDD0 to U+FDD3), which no text interchanges: parsing strips them from
every input, so that a mark in parsed HTML is always ours.

- ``SITE`` stands before a path from the site's root: ``href="⟨SITE⟩/about/"``. A page replaces it with the
  base path (often nothing), a feed or a mail with the site's absolute address.
- ``REF`` … ``END`` surround a relative URL, percent-decoded, without query and fragment (those follow the
  ``END``). It names a file relative to the article's source, or a page relative to the article's address;
  the catalogue decides. One that begins with ``@/`` names a file from the content's root (``@/posts/x.md``);
  pictures and recordings whose author wrote ``/x.jpg`` are marked so.
  An empty one is the article itself: ``href="⟨REF⟩⟨END⟩#s-notes"`` is a link within the page.
  In HTML it stands in an attribute and is HTML-escaped; in ``Image.src`` and ``Enclosure.src`` it is not.
- ``SIZE`` follows the closing quote of an ``img``'s src where width and height are still to be filled in:
  ``<img src="⟨REF⟩pic.png⟨END⟩"⟨SIZE⟩ alt="…">``.
"""

from __future__ import annotations

import re

SITE = "\ufdd0"
REF = "\ufdd1"
END = "\ufdd2"
SIZE = "\ufdd3"

REFERENCE = re.compile(f"{REF}([^{REF}{END}]*){END}")
"""Finds each reference; group 1 is the relative URL."""

ANCHOR = re.compile(r'<a class="anchor" [^>]*></a>')
"""The link to itself that ends each heading. It has no text: a page's style sheet shows it."""


def on_page(html: str, base: str) -> str:
    """HTML for a page of the site; `base` is the path that the site stands under, "" at a host's root."""
    return html.replace(SITE, base)


def absolute(html: str, url: str) -> str:
    """HTML for a feed or a mail; `url` is the site's address without a trailing slash. No anchors."""
    return ANCHOR.sub("", html).replace(SITE, url)
