"""The names that metadata goes by in other generators, and what we call it."""

from __future__ import annotations

# Ours → theirs, in order of precedence. Compared without case, and with `-`, `_` and space alike.
_NAMES = {
    "title": ("title",),
    "date": ("date", "published", "pubdate", "published_at", "created", "created_at",
             "article:published_time", "dc.date", "dcterms.created", "datepublished"),
    "updated": ("updated", "modified", "lastmod", "last_modified_at", "last_modified", "updated_at",
                "article:modified_time", "dcterms.modified"),
    "publish_at": ("publish_at", "publish_date"),
    "authors": ("author", "authors", "byline", "article:author", "dc.creator"),
    "tags": ("tags", "tag", "category", "categories", "keywords", "article:tag", "article:section"),
    "series": ("series", "serie"),
    "part": ("part", "series_part", "series_index", "series_order", "series_weight"),
    "summary": ("summary", "description", "excerpt", "subtitle", "og:description", "dc.description"),
    "slug": ("slug",),
    "path": ("path", "permalink", "url"),
    "aliases": ("aliases", "alias", "redirect_from", "redirects"),
    "draft": ("draft",),
    "status": ("status",),
    "canonical": ("canonical", "canonical_url"),
    "image": ("image", "cover", "thumbnail", "feature_image", "featured_image", "images", "og_image", "og:image"),
    "image_alt": ("image_alt", "cover_alt", "thumbnail_alt", "feature_image_alt", "og:image:alt"),
    "audio": ("audio", "enclosure", "podcast"),
    "language": ("language", "lang", "locale"),
    "id": ("id", "guid", "uuid"),
    "views": ("views",),
    "smart": ("smart", "smart_punctuation"),
    "taxonomies": ("taxonomies",),
    "extra": ("extra",),
}  # fmt: skip

CANONICAL: dict[str, str] = {
    theirs.replace("_", ""): ours for ours, theirs_all in _NAMES.items() for theirs in theirs_all
}
PRECEDENCE: dict[str, int] = {
    theirs.replace("_", ""): rank for theirs_all in _NAMES.values() for rank, theirs in enumerate(theirs_all)
}
_SEPARATORS = str.maketrans("", "", "-_ ")


def canonical(name: str) -> str:
    """The form that `CANONICAL` knows a name by: `Publish-Date` → `publishdate`."""
    return name.lower().translate(_SEPARATORS)
