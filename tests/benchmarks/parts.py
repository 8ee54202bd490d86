"""What one article costs, part by part: plain loops over the same posts, no profiler."""

from __future__ import annotations

import time
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import count as counting_from
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from pressrun import bootstrap
from pressrun.adapters.local.files import FileStore
from pressrun.adapters.local.sqlite import SqliteTable
from pressrun.config import publication_from
from pressrun.domain.articles import Article
from pressrun.domain.feeds import FORMATS, Fragment
from pressrun.domain.listings import Collection
from pressrun.errors import Conflict, Transient
from pressrun.house import nonce
from pressrun.parsing import frontmatter, markdown
from pressrun.parsing.sanitise import sanitise
from pressrun.parsing.source import parse_article
from pressrun.ports import Drop, ObjectStore, Put, Save, Table
from pressrun.rendering.feeds import RENDERERS, render_entries
from pressrun.rendering.pages import article_page
from pressrun.rendering.theme import Theme
from pressrun.services.entries import entry_for, feed_for
from pressrun.services.imprint import Imprints
from pressrun.services.plan import compose, settle
from pressrun.services.publish import Publisher
from tests.benchmarks import corpus
from tests.benchmarks.counting import CountedStore, CountedTable
from tests.benchmarks.measure import print_table, say, spread

NOTE = (
    "`parse` holds the two below it, highlighting, links, headings and counting. Markdown without raw HTML needs\n"
    "no sanitising beyond the renderer's own, so that part stands beside the sum."
)
SETTINGS = corpus.settings(feed_of_50=True)
File = tuple[str, bytes]
Part = tuple[str, int, Callable[[], object]]  # a name, how many articles (or feeds) it does, what does them


def measure(count: int, turns: int) -> dict[str, Any]:
    """CPU milliseconds of each part, over `count` posts, `turns` times in turn."""
    say("parts")
    files = [(f"{one.folder}/{one.name}.md", one.text().encode()) for one in map(corpus.post, range(count))]
    with TemporaryDirectory() as folder:
        parts = [*_pure(files), *_stored(files, Path(folder))]
        found: dict[str, list[float]] = {name: [] for name, _, _ in parts}
        for _ in range(turns):
            for name, number, part in parts:
                before = time.process_time()
                part()
                found[name].append((time.process_time() - before) * 1000 / number)
    rows = [[name, spread(times, "{:.3f}")] for name, times in found.items()]
    print_table(f"Parts: CPU ms each, over {count} posts", ["part", "ms"], rows)
    return {"milliseconds": {name: median(times) for name, times in found.items()}}


def _pure(files: Sequence[File]) -> list[Part]:
    """From a file's bytes to what is to be written."""
    publication = publication_from(tomllib.loads(SETTINGS), {})
    theme = Theme(publication, {})
    now = datetime(2026, 1, 1, tzinfo=UTC)
    texts = [body.decode() for _, body in files]
    bodies = [frontmatter.split(text, headers=True).body for text in texts]
    state: dict[str, Any] = {"etag": "e", "sha": "s", "old": None, "imprint_mark": "m", "now": now}
    parsed = [parse_article(key, body, publication) for key, body in files]
    settled = [settle(one, publication=publication, **state) for one in parsed]
    articles = [compose(one, publication, lambda _: None) for one in settled]

    def fragments() -> list[Fragment]:
        return render_entries([entry_for(article, publication) for article in articles], publication.podcast)

    feed, made, many = feed_for(Collection(), publication), fragments(), len(files)
    return [
        ("parse", many, lambda: [parse_article(key, body, publication) for key, body in files]),
        ("  front matter", many, lambda: [frontmatter.split(text, headers=True) for text in texts]),
        ("  Markdown to HTML", many, lambda: [markdown.render(b, smart=False, first_line=1) for b in bodies]),
        ("sanitise, where there is raw HTML", many, lambda: [sanitise(one.html) for one in parsed]),
        ("identity and address", many, lambda: [settle(p, publication=publication, **state) for p in parsed]),
        ("references resolved", many, lambda: [compose(one, publication, lambda _: None) for one in settled]),
        ("page", many, lambda: [article_page(theme, article) for article in articles]),
        ("feed fragments, three formats", many, fragments),
        *(
            (f"a feed of 50: {form}", 1, lambda form=form: RENDERERS[form].render(feed, made[:50]))
            for form in FORMATS
        ),
        *_others(bodies, articles),
    ]


def _stored(files: Sequence[File], folder: Path) -> list[Part]:
    """What the stores do with it."""
    rows, puts = _recorded(files, folder / "recorded")
    fresh = counting_from(0)

    def write_rows() -> None:
        with SqliteTable(folder / f"rows{next(fresh)}.db", durable=False) as table:
            for changes in rows:
                table.write(changes)

    def write_pages() -> None:
        place = folder / f"site{next(fresh)}"
        site = FileStore(place, place.with_suffix(".db"))
        for start in range(0, len(puts), 64):
            site.put_many(puts[start : start + 64])
        site.close()

    def write_plainly() -> None:
        place = folder / f"plain{next(fresh)}"
        for put in puts:
            path = place / put.key
            path.parent.mkdir(parents=True)
            path.write_bytes(put.body)

    many = len(files)
    return [
        ("catalogue rows, as transactions", many, write_rows),
        ("page written by the store", many, write_pages),
        ("for comparison: page written plainly", many, write_plainly),
    ]


class _Ledger(CountedTable):
    """A Table that keeps what is written in transactions."""

    def __init__(self, table: Table) -> None:
        super().__init__(table, Counter())
        self.written: list[list[Save | Drop]] = []

    def write(self, changes: Sequence[Save | Drop]) -> None:
        if len(changes) > 1:
            self.written.append(list(changes))
        super().write(changes)


class _Press(CountedStore):
    """An ObjectStore that keeps what is put."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store, Counter())
        self.puts: list[Put] = []

    def put_many(self, puts: Sequence[Put]) -> list[str | Conflict | Transient]:
        self.puts += puts
        return super().put_many(puts)


def _recorded(files: Sequence[File], folder: Path) -> tuple[list[list[Save | Drop]], list[Put]]:
    """The transactions and the pages of a first publish of these files."""
    content = folder / "content"
    for key, body in files:
        (content / key).parent.mkdir(parents=True, exist_ok=True)
        (content / key).write_bytes(body)
    (content / "pressrun.toml").write_text(SETTINGS, encoding="utf-8")
    house = bootstrap.local(content, folder / "home", {})
    table, site = _Ledger(house.table), _Press(house.site)
    publisher = Publisher(
        content=house.content,
        site=site,
        reports=house.reports,
        table=table,
        queue=house.queue,
        clock=bootstrap.SystemClock(),
        nonce=nonce,
        imprints=Imprints(house.content, table, {}),
    )
    publisher.store([key for key, _ in files])
    house.close()
    return table.written, site.puts


def _others(bodies: Sequence[str], articles: Sequence[Article]) -> list[Part]:
    """The same work by others, where they are installed."""
    parts: list[Part] = []
    if find_spec("markdown_it"):
        from markdown_it import MarkdownIt

        reader = MarkdownIt().enable("table")
        work = [reader.render, bodies]
        parts.append(("for comparison: markdown-it-py", len(bodies), lambda: list(map(*work))))
    if find_spec("feedgen"):
        parts.append(("for comparison: feedgen, RSS of 50", 1, lambda: _by_feedgen(articles[:50])))
    return parts


def _by_feedgen(articles: Sequence[Article]) -> bytes:
    from feedgen.feed import FeedGenerator

    feed = FeedGenerator()
    feed.id("https://example.org/")
    feed.title("The Benchmark")
    feed.link(href="https://example.org/")
    feed.description("Posts")
    for article in articles:
        entry = feed.add_entry(order="append")
        entry.id(article.id)
        entry.title(article.title)
        entry.link(href=f"https://example.org/{article.path}")
        entry.published(article.date)
        entry.content(article.html)
    document: bytes = feed.rss_str()
    return document
