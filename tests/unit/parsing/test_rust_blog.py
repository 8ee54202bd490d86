"""A real blog of 349 posts: nothing is refused, and nothing of theirs is lost."""

from __future__ import annotations

import re
import tomllib
from urllib.parse import unquote

from pressrun.domain.markup import END, REF


def _posts(shared):
    root = shared("data/content/rust-blog")
    return [(path.relative_to(root).as_posix(), path.read_bytes()) for path in sorted(root.rglob("*.md"))]


def test_every_post_parses_with_the_metadata_it_states(shared, parse):
    for key, data in _posts(shared):
        front = tomllib.loads(data.decode().split("+++")[1])
        article = parse(data, key)
        assert (article.title, article.path) == (" ".join(front["title"].split()), front["path"].strip("/"))
        assert article.authors == tuple(front["authors"])
        assert article.date.strftime("%Y/%m/%d") == front["path"][:10]
        assert article.extra == front.get("extra", {})
        assert article.words > 40
        assert article.summary


def test_every_link_within_a_post_has_its_target_or_a_warning(shared, parse):
    for key, data in _posts(shared):
        article = parse(data, key)
        ids = set(re.findall(r' id="([^"]*)"', article.html))
        dead = {
            t for t in re.findall(f'href="{REF}{END}#([^"]*)"', article.html) if not {t, unquote(t)} & ids
        }
        warned = [warning for warning in article.warnings if warning.code == "dead-fragment"]
        assert len(dead) <= len(warned), key
