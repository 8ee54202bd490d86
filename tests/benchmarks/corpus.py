"""A made-up publication, the same for everyone: post `i` of a corpus has the same text for every generator."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

Dialect = Literal["yaml", "pelican"]

NEWEST = datetime(2025, 6, 15, 18, tzinfo=UTC)
A_DAY = 5
WORDS = 800
TAGS = [f"{kind} {thing}" for kind in ("city", "world", "home", "open") for thing in
        ("arts", "books", "climate", "courts", "food", "health", "money", "music", "schools", "travel")]  # fmt: skip
AUTHORS = ["Ada Lindqvist", "Ben Okafor", "Chiara Rossi", "Dmitri Sokolov", "Emi Tanaka"]
_SYLLABLES = (
    "an ber cal dor el fen gar hol in jor ket lum mar nor ost pel qui ren sal tor ul ver wen yar zel".split()
)
_SHORT = "the of and to in a is that for it was on are as with they be at one have this from or had by not but".split()
_CODE = (
    (
        "python",
        """def total(orders):
    \"\"\"The sum of all paid orders.\"\"\"
    result = 0
    for number, order in enumerate(orders):
        if order.paid and order.amount > {n}:
            result += order.amount  # in cents
    return result


print(total([Order({n}, True), Order(12, False)]))""",
    ),
    (
        "javascript",
        """export function total(orders) {
  // the sum of all paid orders
  return orders
    .filter((order) => order.paid && order.amount > {n})
    .reduce((sum, order) => sum + order.amount, 0);
}

console.log(total([new Order({n}, true), new Order(12, false)]));""",
    ),
)


def _vocabulary() -> list[str]:
    source = random.Random(1)
    words = {"".join(source.choices(_SYLLABLES, k=source.choice((1, 2, 2, 3)))) for _ in range(3_000)}
    return sorted(words)


_WORDS = _vocabulary()


@dataclass(frozen=True, slots=True)
class Post:
    """One article before it is written down for a generator."""

    number: int  # 0 is the newest
    title: str
    date: datetime
    tags: tuple[str, ...]
    author: str
    body: str

    @property
    def name(self) -> str:
        """The slug, and the file's name without its suffix."""
        return f"post-{self.number:06d}"

    @property
    def folder(self) -> str:
        """Where the file lies: a folder for each month."""
        return f"posts/{self.date:%Y/%m}"

    def text(self, dialect: Dialect = "yaml", *, note: str = "") -> str:
        """The file's content. `note` is put into the body: an edit."""
        body = self.body.replace("\n\n", f"\n\nEdited: {note}.\n\n", 1) if note else self.body
        day = f"{self.date:%Y-%m-%dT%H:%M:%SZ}"
        if dialect == "pelican":
            head = f"Title: {self.title}\nDate: {self.date:%Y-%m-%d %H:%M}\nTags: {', '.join(self.tags)}\n"
            return f"{head}Author: {self.author}\n\n{body}"
        tags = ", ".join(f'"{tag}"' for tag in self.tags)
        head = f'title: "{self.title}"\ndate: {day}\ntags: [{tags}]\nauthor: "{self.author}"\n'
        return f"---\n{head}---\n\n{body}"


def post(number: int, *, date: datetime | None = None) -> Post:
    """The post of this number, counted back in time."""
    source = random.Random(number)
    return Post(
        number=number,
        title=_sentence(source, 4, 8).rstrip("."),
        date=date or NEWEST - timedelta(minutes=number * (24 * 60 // A_DAY)),
        tags=tuple(source.sample(TAGS, 3)),
        author=source.choice(AUTHORS),
        body=_body(source),
    )


def write(folder: Path, count: int, dialect: Dialect = "yaml") -> None:
    """Writes posts 0 to `count` - 1 below `folder`."""
    made: set[str] = set()
    for number in range(count):
        one = post(number)
        if one.folder not in made:
            (folder / one.folder).mkdir(parents=True, exist_ok=True)
            made.add(one.folder)
        save(folder, one, one.text(dialect))


def save(folder: Path, one: Post, text: str) -> Path:
    """Writes a post's file as an editor does: to one side, then into place."""
    path = folder / one.folder / f"{one.name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.tmp")
    aside.write_text(text, encoding="utf-8")
    return aside.replace(path)


def _sentence(source: random.Random, low: int, high: int) -> str:
    count = source.randint(low, high)
    words = [
        word
        for pair in zip(source.choices(_WORDS, k=count), source.choices(_SHORT, k=count), strict=True)
        for word in pair
    ][:count]
    return " ".join(words).capitalize() + "."


def _paragraph(source: random.Random) -> str:
    sentences = [_sentence(source, 8, 18) for _ in range(source.randint(3, 6))]
    kind = source.random()
    words = sentences[0].split()
    if kind < 0.4:
        words[2] = f"[{words[2]}](https://example.org/{words[3]})"
    elif kind < 0.6:
        words[1] = f"**{words[1]}**"
    elif kind < 0.8:
        words[1] = f"*{words[1]} {words[2]}*"
        del words[2]
    elif kind < 0.9:
        words[2] = f"`{words[2]}`"
    return " ".join([*words, *" ".join(sentences[1:]).split()])


def _blocks(source: random.Random) -> Iterator[str]:
    """What stands between paragraphs, in some posts."""
    if source.random() < 0.4:
        language, code = source.choice(_CODE)
        yield f"```{language}\n{code.replace('{n}', str(source.randint(1, 999)))}\n```"
    if source.random() < 0.6:
        mark = source.choice(("- ", "1. "))
        yield "\n".join(f"{mark}{_sentence(source, 4, 9)}" for _ in range(source.randint(3, 6)))
    if source.random() < 0.25:
        yield "\n".join(f"> {_sentence(source, 8, 14)}" for _ in range(2))
    if source.random() < 0.15:
        rows = [f"| {_sentence(source, 1, 2)} | {source.randint(1, 9999)} | {_sentence(source, 2, 3)} |"
                for _ in range(source.randint(3, 7))]  # fmt: skip
        yield "\n".join(["| What | How many | Why |", "| --- | ---: | --- |", *rows])


def _body(source: random.Random) -> str:
    parts: list[str] = []
    blocks = list(_blocks(source))
    count = sum(len(block.split()) for block in blocks)
    while count < WORDS:
        paragraph = _paragraph(source)
        count += len(paragraph.split())
        parts.append(paragraph)
        if len(parts) % 4 == 0 and count < WORDS - 100:
            parts.append(f"## {_sentence(source, 3, 6).rstrip('.')}")
    for block in blocks:
        place = source.randint(1, len(parts) - 1)
        if parts[place - 1].startswith("## "):
            place += 1
        parts.insert(place, block)
    return "\n\n".join(parts) + "\n"


SETTINGS = """\
title = "The Benchmark"
url = "https://example.org"
description = "Posts of eight hundred words, five a day."
language = "en"
timezone = "UTC"
id_authority = "example.org,2025"
smart_punctuation = false
home_articles = 10
{authors}
{feed}"""
FEED_OF_50 = "[feed]\nentries = 50\nmin_entries = 50\nbytes = 10000000\nmax_bytes = 10000000\n"
NO_CARDS = "[images]\ncards = false\n"  # as the peers, of which none draws any


def settings(*, feed_of_50: bool) -> str:
    """`pressrun.toml`; with the feed of 50 entries that the peers write, or as it comes. No cards of titles."""
    authors = "".join(f'[[authors]]\nname = "{name}"\n' for name in AUTHORS)
    return SETTINGS.format(authors=authors, feed=FEED_OF_50 + NO_CARDS if feed_of_50 else NO_CARDS)
