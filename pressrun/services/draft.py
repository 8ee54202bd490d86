"""A text that nobody has published: what its page, feed entry and mail would be, and what is wrong with it.

Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pressrun.domain.articles import Article
from pressrun.domain.letters import Letter
from pressrun.domain.problems import Problem
from pressrun.domain.slugs import slugify
from pressrun.domain.urls import claim_of
from pressrun.errors import Invalid
from pressrun.ports import Clock, Table
from pressrun.rendering.mail import article_letter
from pressrun.rendering.pages import article_page
from pressrun.services.catalogue import source_of
from pressrun.services.composing import read_article
from pressrun.services.entries import entry_for
from pressrun.services.imprint import Imprint
from pressrun.services.plan import Settled, missing_files
from pressrun.services.series import series_around


@dataclass(slots=True, kw_only=True)
class Draft:
    """The outcome of a look. Without an `article` the problems say why; `html` is what feeds hold."""

    problems: list[Problem] = field(default_factory=list)
    article: Article | None = None
    page: bytes = b""
    letter: Letter | None = None
    html: str = ""

    @property
    def errors(self) -> list[Problem]:
        """What would keep it from being published."""
        return [problem for problem in self.problems if problem.severity == "error"]


def look_at(key: str, text: str, *, imprint: Imprint, table: Table, clock: Clock) -> Draft:
    """Renders a text as if it stood under `key`."""
    draft = Draft()
    publication = imprint.publication
    row = table.get("source", key)
    try:
        found = read_article(
            key,
            text.encode("utf-8", "replace"),
            publication=publication,
            table=table,
            now=clock.now(),
            old=source_of(row) if row else None,
        )
    except Invalid as error:
        draft.problems = list(error.problems)
        return draft
    settled = found.settled
    warnings = settled.parsed.warnings
    draft.problems = [*_taken(settled, table), *warnings, *missing_files(settled, text, found.known)]
    draft.problems.sort(key=lambda problem: (problem.line, problem.code))
    draft.article = article = found.article
    draft.html = entry_for(article, publication).content
    draft.page = article_page(imprint.theme, article, series_around(table, article))
    if publication.newsletters:
        try:
            letter = article_letter(imprint.theme, publication.newsletters[0], article, date=clock.now())
        except Invalid as error:
            draft.problems += error.problems
        else:
            draft.letter = letter
    return draft


def name_for(title: str, folder: str = "") -> str:
    """The file that an article of this title is kept in."""
    name = f"{slugify(title) if title.strip() else 'untitled'}.md"
    return f"{folder.strip('/')}/{name}" if folder.strip("/") else name


def _taken(settled: Settled, table: Table) -> Iterator[Problem]:
    """That another article stands at its address already."""
    source = settled.source
    row = table.get("path", claim_of(source.path))
    if row and row.item["kind"] == "article" and row.item["source"] != source.key:
        line = settled.parsed.lines.get("path") or settled.parsed.lines.get("slug") or 1
        what = f"/{source.path} is the address of {row.item['source']} already"
        todo = "give one of the two another `slug`"
        yield Problem(file=source.key, line=line, what=what, todo=todo, code="duplicate-slug")
