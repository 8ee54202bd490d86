"""What issues say: their articles as the files are now, and the letters that are frozen when they are committed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256

import orjson

from pressrun.domain.articles import Article
from pressrun.domain.issues import Issue, takes
from pressrun.domain.letters import Letter
from pressrun.domain.publication import Publication
from pressrun.errors import Conflict, NotFound, Permanent
from pressrun.ports import Clock, ObjectStore, Put, Table
from pressrun.services.catalogue import source_of
from pressrun.services.imprint import Imprints


class Letters:
    """Reads articles, composes letters of them, and keeps those that are sent."""

    def __init__(
        self, *, content: ObjectStore, letters: ObjectStore, table: Table, clock: Clock, imprints: Imprints
    ) -> None:
        self._content = content
        self._letters = letters
        self._table = table
        self._clock = clock
        self._imprints = imprints

    def article(self, key: str, publication: Publication | None = None) -> Article | None:
        """A published article as its file is now; None where none is. Raises Invalid where the file is wrong.

        Whoever asks for several gives the settings, which are read for each otherwise.
        """
        publication = publication or self._imprints.current().publication
        row = self._table.get("source", key)
        source = source_of(row) if row else None
        if source is None or not source.live:
            return None
        try:
            blob = self._content.get(key)
        except NotFound:
            return None
        from pressrun.services.composing import read_article

        now = self._clock.now()
        found = read_article(key, blob.body, publication=publication, table=self._table, now=now, old=source)
        return found.article if found.settled.source.state == "published" else None

    def of(self, issue: Issue) -> Letter:
        """The issue's mail as it would be now. Raises NotFound where its articles are gone, Invalid, Permanent."""
        imprint = self._imprints.current()
        newsletter = imprint.publication.newsletter(issue.newsletter)
        if newsletter is None:
            raise Permanent(f"the newsletter {issue.newsletter!r} is not in the settings any more")
        keys = self.stand(issue.ids, issue.articles) if issue.ids else issue.articles
        read = (self.article(key, imprint.publication) for key in keys)
        articles = [article for article in read if article is not None]
        if issue.kind in {"article", "digest"}:
            articles = [article for article in articles if takes(newsletter, article)]
        if not articles:
            raise NotFound("none of its articles is published any more, or is for this newsletter")
        from pressrun.services.composing import letter_for

        return letter_for(imprint, newsletter, issue, articles, self._clock.now())

    def current(self, issue: Issue) -> Letter:
        """The letter that a committed issue sends; of another what it would be now, see `of`. Raises NotFound."""
        return self.at(issue.letter) if issue.letter else self.of(issue)

    def at(self, key: str) -> Letter:
        """A frozen letter. Raises NotFound."""
        return Letter.from_item(orjson.loads(self._letters.get(key).body))

    def freeze(self, issue: Issue, letter: Letter) -> str:
        """Writes the letter under its digest, once: what is there is never changed."""
        body = orjson.dumps(letter.to_item(), option=orjson.OPT_INDENT_2)
        key = f"{issue.newsletter}/{issue.id}/letter-{sha256(body).hexdigest()[:16]}.json"
        with suppress(Conflict):  # the same letter was frozen before
            self._letters.put(Put(key=key, body=body, content_type="application/json", if_absent=True))
        return key

    def stand(self, ids: Sequence[str], keys: Sequence[str]) -> list[str]:
        """Where articles stand by now: their files may have been moved since `keys` were written down."""
        rows = self._table.get_many([("id", one) for one in ids])
        found = [rows.get(("id", one)) for one in ids]
        return [str(row.item["source"]) if row else key for row, key in zip(found, keys, strict=True)]

    def title(self, articles: Sequence[str]) -> str:
        """What an issue of `articles` (source keys) is called in lists."""
        row = self._table.get("source", articles[0])
        title = str(row.item.get("title", "")) if row else articles[0]
        return title if len(articles) == 1 else f"{title} and {len(articles) - 1} more"
