"""The publication under test: a few files from small pools, so that they collide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from random import Random

from PIL import Image

from pressrun.domain.slugs import slugify

AUTHORITY = "example.org,2026"
KEYS = ("a.md", "b.md", "posts/c.md", "posts/d.html", "e.md")
SLUGS = ("", "shared", "other")
DATES = ("2026-01-10", "2026-01-20", "2025-12-31T23:30:00Z", "2025-06-15")
TAGS = ((), ("sea",), ("sea", "land"), ("land",))
SERIES = (("", 0), ("", 0), ("Ship's log", 0), ("Ship's log", 2), ("Night watch", 1))
AUTHORS = ("Ada", "Grace")
PICTURE = "assets/dot.png"
BODIES = (
    "Some text.",
    "Other text, of another length.",
    "![A dot](@/assets/dot.png)",
    "See [what b says](@/b.md).",
)
BROKEN = (
    b"---\ntitle: [\n---\ntext\n",
    b"---\ntitle: T\ndate: the day before\n---\ntext\n",
    b"---\ntitle: T\ntitle: U\n---\ntext\n",
    b"\xff\xfe\x00broken",
)
SETTINGS_KEY = "pressrun.toml"
EXTRA_CSS = "templates/web/extra.css"
FOOTER = "templates/web/footer.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An article as its author means it."""

    id: str
    title: str = "A title"
    slug: str = ""
    date: str = DATES[0]
    tags: tuple[str, ...] = ()
    author: str = AUTHORS[0]
    series: tuple[str, int] = ("", 0)
    body: str = BODIES[0]
    draft: bool = False
    publish_at: str = ""
    alias: str = ""

    @property
    def feed_id(self) -> str:
        return f"tag:{AUTHORITY}:{self.id}"

    @property
    def published(self) -> datetime:
        return datetime.fromisoformat(self.date).replace(tzinfo=UTC)

    def path(self, key: str) -> str:
        stem = key.rpartition("/")[2].partition(".")[0]
        return f"{self.slug or stem}/"

    def collections(self) -> set[str]:
        series = {f"series/{slugify(self.series[0])}/"} if self.series[0] else set()
        return {"", *(f"tags/{tag}/" for tag in self.tags), f"authors/{self.author.lower()}/"} | series

    def visible(self, now: datetime) -> bool:
        due = datetime.fromisoformat(self.publish_at) if self.publish_at else self.published
        return not self.draft and max(due, self.published) <= now

    def file(self, key: str) -> bytes:
        metadata = {
            "id": self.id,
            "title": self.title,
            "date": self.date,
            "author": self.author,
            "slug": self.slug,
            "tags": ", ".join(self.tags),
            "series": self.series[0],
            "part": str(self.series[1] or ""),
            "draft": "true" if self.draft else "",
            "publish_at": self.publish_at,
            "aliases": self.alias,
        }
        said = {name: value for name, value in metadata.items() if value}
        if not key.endswith(".html"):
            lines = "".join(f"{name}: {value}\n" for name, value in said.items())
            return f"---\n{lines}---\n{self.body}\n".encode()
        title = said.pop("title")
        metas = "".join(f'<meta name="{name}" content="{value}">\n' for name, value in said.items())
        return f"<html><head><title>{title}</title>\n{metas}</head><body><p>{self.body}</p></body></html>".encode()


@cache
def png(width: int, height: int) -> bytes:
    """A picture of noise, eight times as large, so that WebP makes less of it."""
    return _picture("PNG", 8 * width, 8 * height)


@cache
def webp(width: int, height: int) -> bytes:
    """Another, which mails show as JPEG."""
    return _picture("WEBP", 8 * width, 8 * height)


def _picture(kind: str, width: int, height: int) -> bytes:
    written = BytesIO()
    pixels = Random(width).randbytes(3 * width * height)
    Image.frombytes("RGB", (width, height), pixels).save(written, kind, lossless=True)
    return written.getvalue()


def settings(title: str = "The Daily Test", entries: int = 2) -> bytes:
    """A feed of few entries, so that a handful of articles makes archives."""
    return (
        f'title = "{title}"\nurl = "https://example.org"\nid_authority = "{AUTHORITY}"\nhome_articles = 2\n'
        f"[feed]\nentries = {entries}\nmin_entries = 1\n"
    ).encode()
