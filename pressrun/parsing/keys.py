"""What the name of a content file says."""

from __future__ import annotations

import posixpath
from functools import lru_cache

from pressrun.domain.slugs import slugify
from pressrun.domain.urls import WELL_KNOWN_FILES
from pressrun.parsing.dates import without_date

_KINDS = {".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".txt": "text"}
_FOLDERS = {"assets", "templates", "words"}


def is_article(key: str) -> bool:
    """Whether a content key is an article's by its name. A bundle's other files are not known here."""
    parts = key.split("/")
    if key in WELL_KNOWN_FILES or parts[0] in _FOLDERS or any(part.startswith(("_", ".")) for part in parts):
        return False
    return posixpath.splitext(key)[1].lower() in _KINDS


def is_left_alone(key: str) -> bool:
    """Whether an author keeps a file back: `_drafts/table.png`, `_draft.md`; `_DSC0815.jpg` is a camera's picture."""
    *folders, name = key.split("/")
    if any(folder.startswith("_") for folder in folders):
        return True
    return name.startswith("_") and posixpath.splitext(name)[1].lower() in _KINDS


def kind_of(key: str) -> str:
    """What an article is written in: "markdown", "html" or "text"."""
    return _KINDS.get(posixpath.splitext(key)[1].lower(), "text")


@lru_cache(maxsize=256)  # asked for twice of each file
def default_slug(key: str) -> str:
    """The slug of a file that names none: its name without date and suffix; an index has its folder's."""
    folder, _, name = key.rpartition("/")
    stem = posixpath.splitext(name)[0]
    if stem.lower() == "index" and folder:
        stem = folder.rpartition("/")[2]
    return slugify(without_date(stem))
