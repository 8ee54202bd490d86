"""Files as they are now, beside what the catalogue knows of them: what is to be done. It writes refusals alone."""

from __future__ import annotations

from pressrun.errors import Invalid, NotFound
from pressrun.parsing.keys import is_article, is_left_alone
from pressrun.parsing.source import parse_article
from pressrun.ports import ABSENT, Blob, Clock, ObjectStore, Table
from pressrun.services.catalogue import source_of
from pressrun.services.imprint import Imprint
from pressrun.services.pictures import made_before
from pressrun.services.plan import hash_of, settle
from pressrun.services.refusals import Refusals
from pressrun.services.work import Kind, Outcome, State, Work


class Reading:
    """Reads files and decides."""

    def __init__(self, content: ObjectStore, table: Table, clock: Clock, refusals: Refusals) -> None:
        self.content = content
        self.table = table
        self.clock = clock
        self.refusals = refusals

    def works(self, keys: list[str]) -> list[Work]:
        blobs = {key: self._blob(key) for key in keys}
        rows = self.table.get_many([(kind, key) for kind in ("source", "refused") for key in keys])
        return [
            Work(
                key=key,
                blob=blobs[key],
                old=source_of(rows["source", key]) if ("source", key) in rows else None,
                refused=rows.get(("refused", key)),
            )
            for key in keys
        ]

    def _blob(self, key: str) -> Blob | None:
        if is_left_alone(key):
            return None
        try:
            return self.content.get(key)
        except NotFound:
            return None

    def decide(self, works: list[Work], imprint: Imprint, *, force: bool) -> None:
        """Reads each article; `outcome` is set where nothing is to be done."""
        now = self.clock.now()
        vanished = {work.old.sha: work for work in works if not work.blob and work.old and work.old.live}
        for work in works:
            blob, old = work.blob, work.old
            if blob is None:
                if old is None and not force and work.refused is None:
                    work.outcome = Outcome(key=work.key, state="ignored")
                continue
            article = self._is_article(work.key)
            if not force and _unchanged(work, imprint, now.isoformat(), article=article):
                continue
            if not article:
                continue
            sha = hash_of(blob.body)
            if old is None and sha in vanished:
                self._move(vanished.pop(sha), work)
            try:
                work.settled = settle(
                    parse_article(work.key, blob.body, imprint.publication),
                    etag=blob.etag,
                    sha=sha,
                    old=work.old if work.old and work.old.state != "asset" else None,
                    version=old.version if old else ABSENT,
                    imprint_mark=imprint.fingerprint,
                    publication=imprint.publication,
                    now=now,
                )
            except Invalid as error:
                self.refusals.turn_down(work, error.problems)

    def _move(self, gone: Work, come: Work) -> None:
        """A file that has gone and one that has come with the same bytes are one file, renamed."""
        if gone.old is not None:
            come.succeed(gone.old)

    def _is_article(self, key: str) -> bool:
        """Articles by name; beside a folder's index.md, texts and pages are files that belong to it."""
        if not is_article(key):
            return False
        folder, _, name = key.rpartition("/")
        if not folder or name.endswith((".md", ".markdown")):
            return True
        try:
            self.content.head(f"{folder}/index.md")
        except NotFound:
            return True
        return False


def _unchanged(work: Work, imprint: Imprint, now: str, *, article: bool) -> bool:
    """Whether the file is as the catalogue knows it; then its outcome says so."""
    old = work.old
    if old is None or work.blob is None or work.refused or old.etag != work.blob.etag:
        return False
    if old.state == "asset":
        if made_before(old.item(), imprint.publication.images):
            return False
    elif not article or old.theme != imprint.fingerprint:
        return False
    if old.due and old.due <= now:
        return False
    states: dict[str, State] = {"draft": "draft", "scheduled": "scheduled"}
    kind: Kind = "asset" if old.state == "asset" else "article"
    state = states.get(old.state, "unchanged")
    work.outcome = Outcome(key=work.key, state=state, kind=kind, path=old.path, due=old.due)
    return True
