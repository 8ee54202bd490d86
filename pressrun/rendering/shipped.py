"""What comes with Pressrun for pages and mails, and what tells one look of a publication from another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from types import MappingProxyType

import orjson
from babel import __version__ as babel_version

from pressrun.domain.publication import Publication

RENDERING = 1  # raised whenever code in `theme` or `pages` makes different bytes of the same values


@cache
def shipped() -> Mapping[str, str]:
    """The templates, stylesheets and words of sites and mails that come with Pressrun, by name; not the desk's."""
    root = template_folder()
    files = sorted(path for path in root.rglob("*") if path.is_file())
    names = {path.relative_to(root).as_posix(): path for path in files}
    ours = ("web/", "email/", "words/")
    return MappingProxyType(
        {name: path.read_text("utf-8") for name, path in names.items() if name.startswith(ours)}
    )


def template_folder() -> Path:
    """Where the templates are, in a checkout and in an installed package."""
    inside = Path(__file__).parent.parent / "_templates"
    return inside if inside.is_dir() else inside.parents[1] / "templates"


def fingerprint_of(publication: Publication, overrides: Mapping[str, str]) -> str:
    """Changes with anything that changes what every page looks like; `overrides`: the templates that it brings."""
    parts = [RENDERING, babel_version, asdict(publication), dict(shipped()), dict(overrides)]
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
