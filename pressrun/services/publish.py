"""Publish: bring the site in line with what stands under some keys of the content, whatever has happened before.

An event is a hint. Whoever handles it reads the file as it is now, and looks again at the end whether it still is
what was read. Every step can be repeated; a batch announces itself in an `attempt` row before it has any effect, and
drops the row when all is done, so that whoever finds an old row does that work again. The order of the steps:

announce → claim addresses → pages → catalogue rows → bump and render collections → redirects and tombstones →
announce first publications (newsletters) → look again
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import orjson

from pressrun.domain.articles import Card
from pressrun.domain.caching import ASSET_CACHE, PAGE_CACHE
from pressrun.domain.feeds import Fragment
from pressrun.domain.issues import News, news_of, wants_mail
from pressrun.domain.pictures import MAX_PIXELS, card_key, may_be_picture
from pressrun.domain.problems import Problem
from pressrun.domain.search import words_of
from pressrun.domain.spans import DIRECTORY, SITE, instant, spans_of
from pressrun.domain.urls import WELL_KNOWN_FILES, asset_problem, claim_of, page_key
from pressrun.errors import Conflict, Invalid, NotFound, Permanent, Transient
from pressrun.parsing.media import sniff
from pressrun.parsing.place import without_place
from pressrun.parsing.source import is_article, parse_article
from pressrun.ports import (
    ABSENT,
    MAX_WRITE,
    Blob,
    Clock,
    Drop,
    Item,
    ObjectStore,
    Put,
    Queue,
    Save,
    Table,
    nobody,
)
from pressrun.rendering.feeds import render_entries
from pressrun.rendering.pages import article_page
from pressrun.services.addresses import HTML, Addresses
from pressrun.services.catalogue import Attempt, Source, card_item, source_of
from pressrun.services.collections import Renderer
from pressrun.services.entries import entry_for
from pressrun.services.imprint import Imprint, Imprints, is_setting
from pressrun.services.pictures import Pictures, made_before, recipe_of, too_large, unreadable
from pressrun.services.plan import Settled, card_digest, card_for, compose, digest, settle, zone_of
from pressrun.services.refusals import Refusals
from pressrun.services.series import files_of, place_of, series_around, spots_of, stirred, told
from pressrun.services.titlecards import card_of_title, drawn_anew
from pressrun.services.waking import to_wake
from pressrun.services.work import Kind, Outcome, Stage, State, Work, distinct, still_held

MAX_ASSET = 200_000_000  # bytes
MAX_ROUNDS = 20  # of starting over, when files keep changing under us
REQUEST = 50  # keys in one message of our own
ACTIVE = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}


class Publisher:
    """Publishes files. One instance serves any number of calls, one at a time."""

    def __init__(
        self,
        *,
        content: ObjectStore,
        site: ObjectStore,
        reports: ObjectStore,
        table: Table,
        queue: Queue,
        clock: Clock,
        nonce: Callable[[], str],
        imprints: Imprints,
        notify: Callable[[str, str], None] = nobody,
        ping: Callable[[str, Sequence[str]], None] = nobody,
        announce: Callable[[Sequence[News]], None] = nobody,
    ) -> None:
        self.content = content
        self.site = site
        self.table = table
        self.queue = queue
        self.clock = clock
        self.nonce = nonce
        self.imprints = imprints
        self.ping = ping
        self.announce = announce
        self.addresses = Addresses(content, site, table)
        self.pictures = Pictures(site, clock)
        self.refusals = Refusals(table, reports, notify)
        self._turn = 0

    # --- the whole ------------------------------------------------------------------------------------------

    def publish(self, keys: Iterable[str], *, force: bool = False, suspect: bool = False) -> list[Outcome]:
        """Brings everything in line with what stands under `keys` now; an outcome for each.

        `force`: files that have not changed are read again too. `suspect`: what was written earlier is not trusted,
        and written again. Raises Transient; the call can be repeated.
        """
        pending = list(dict.fromkeys(keys))
        outcomes: dict[str, Outcome] = {}
        stages: list[Stage] = []
        for _ in range(MAX_ROUNDS):
            stage = self.store(pending, force=force, suspect=suspect)
            stages.append(stage)
            pending = self.finish([stage], suspect=suspect)
            for outcome in stage.outcomes:
                if outcome.key not in outcomes or outcome.state != "unchanged":
                    outcomes[outcome.key] = outcome
            if not pending:
                self.close(stages)
                return list(outcomes.values())
            force = suspect = True  # others may have published the change, and we have written over it since
        raise Transient(f"{pending[0]} keeps changing")

    def redo(self, attempt: Attempt) -> list[Outcome]:
        """Does the work of a batch that did not finish, and mends whatever it may have left half done."""
        rows = self.table.get_many([("path", claim_of(path)) for path in attempt.paths])
        standing = [str(row.item["source"]) for row in rows.values() if row.item["kind"] == "article"]
        stage = self.store([*attempt.keys, *standing], force=True, suspect=True)
        renderer = self.renderer()
        stage.touched |= {*attempt.collections, *renderer.around(attempt.collections), *renderer.unfinished()}
        stage.paths |= set(attempt.paths)
        stage.awake |= files_of(self.table, attempt.collections)
        for path in attempt.paths:
            stage.awake |= {row.sort for row in self.table.query(f"waits {claim_of(path)}")}
        again = self.finish([stage], suspect=True)
        outcomes = stage.outcomes + (self.publish(again, force=True, suspect=True) if again else [])
        self.table.write_each([attempt.drop(), stage.attempt.drop()])
        return outcomes

    def render(self, names: Iterable[str]) -> None:
        """Renders collections, announced like a batch of files: what follows from them is not known before."""
        wanted = tuple(sorted(names))
        attempt = Attempt(sort=self._begun(), keys=(), collections=wanted)
        self.table.write([attempt.save()])
        self._bring_up(wanted)
        self.table.write([attempt.drop()])

    # --- first half: what belongs to the files alone ----------------------------------------------------------

    def store(self, keys: Iterable[str], *, force: bool = False, suspect: bool = False) -> Stage:
        """Pages, files and catalogue rows for `keys`. What lists them is left to `finish`."""
        wanted = list(dict.fromkeys(keys))
        stage = Stage(attempt=Attempt(sort=self._begun(), keys=tuple(wanted)))
        settings = [key for key in wanted if is_setting(key)]
        if settings:
            self.table.write([stage.attempt.save()])
            stage.outcomes += self._refresh(settings, suspect=suspect)
        pending = [key for key in wanted if not is_setting(key)]
        if not pending:
            return stage
        imprint = self.imprints.current()
        for _ in range(MAX_ROUNDS):
            if not pending:
                return stage
            pending = self._round(pending, imprint, stage, force=force or suspect, suspect=suspect)
            suspect = True  # where others were faster, our page may stand on theirs
        raise Transient(f"{pending[0]} is being published by others over and over")

    def _begun(self) -> str:
        return f"{instant(self.clock.now())}#{self.nonce()}"

    def _round(
        self, keys: list[str], imprint: Imprint, stage: Stage, *, force: bool, suspect: bool
    ) -> list[str]:
        """One go at each file; the keys that somebody else was faster with."""
        works = self._read(keys)
        stage.etags |= {work.key: work.blob.etag if work.blob else "" for work in works}
        self._decide(works, imprint, force=force)
        acting = [work for work in works if work.outcome is None or work.refused_though_live]
        again: set[str] = set()
        if acting:
            self._announce(acting, stage, imprint)
            again = self._carry_out(acting, imprint, suspect=suspect)
        for work in works:
            stage.paths |= work.paths  # of another go, too: its claims may have been written
            if work.key in again and work.settled:
                stage.doubtful.add(work.settled.source.path)  # its page, too, whoever stands there now
            if work.key in again or work.outcome is None:
                continue
            stage.outcomes.append(work.outcome)
            stage.touched |= work.touched
            stage.news += work.news
        stage.awake |= to_wake(self.table, works, again)
        return [*sorted(again.difference(keys)), *(key for key in keys if key in again)]

    def _read(self, keys: list[str]) -> list[Work]:
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
        try:
            return self.content.get(key)
        except NotFound:
            return None

    def _decide(self, works: list[Work], imprint: Imprint, *, force: bool) -> None:
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
            sha = _sha(blob.body)
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
                self._refuse(work, error.problems)

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

    def _announce(self, works: list[Work], stage: Stage, imprint: Imprint) -> None:
        """The attempt row, and the `uses` rows: written before what they refer to is read."""
        collections, paths = set(stage.attempt.collections), set(stage.attempt.paths)
        changes: list[Save | Drop] = []
        for work in works:
            new = work.settled.source if work.settled else None
            for source in (work.old, new):
                if source and source.collections:
                    collections |= {*source.collections, *_spans(source, imprint)}
                if source:
                    paths |= {path for path in (source.path, *source.aliases, *source.former) if path}
            used = set(work.old.uses) if work.old else set()
            uses = [name for name in (new.uses if new else ()) if name not in used]
            changes += [Save(partition=f"uses {name}", sort=work.key, item={}) for name in uses]
        stage.attempt = replace(
            stage.attempt,
            keys=tuple(dict.fromkeys([*stage.attempt.keys, *(work.key for work in works)])),
            collections=tuple(sorted(collections)),
            paths=tuple(sorted(paths)),
        )
        self.table.write_each([stage.attempt.save(), *changes])

    def _carry_out(self, works: list[Work], imprint: Imprint, *, suspect: bool) -> set[str]:
        """Files, claims, pages and rows; the keys that want another go: somebody else was faster with them.

        Where an article takes the id of a file that is gone, that one has to be withdrawn first, and is among them.
        """
        for work in works:
            if work.outcome is None and work.blob is not None and work.settled is None:
                self._publish_file(work, work.blob, imprint, suspect=suspect)
        articles = [(work, work.settled) for work in works if work.outcome is None and work.settled]
        sources = [source for work, settled in articles for source in (settled.source, work.old) if source]
        used = [("source", name) for _, settled in articles for name in settled.source.uses]
        rows = self.table.get_many([*self.addresses.rows_for(sources), *used])
        claims: list[tuple[Work, list[Save | Drop]]] = []
        claimed: list[tuple[Work, Settled]] = []
        leaving = {work.key for work in works if work.blob is None}
        again: set[str] = set()
        for work, settled in articles:
            if settled.source.state != "published":
                self._hold(work, settled.source, imprint)
                continue
            try:
                identified, changes = self.addresses.claims(work, settled, rows, imprint.publication)
            except Invalid as error:
                self._refuse(work, error.problems, waits=tuple(sorted(work.released)))
                continue
            before = self.addresses.departed(work, identified.source.id, rows)
            if (
                before and before not in leaving
            ):  # else both would stand in the feeds until word of that comes
                again |= {before, work.key}
                continue
            claims.append((work, changes))
            claimed.append((work, identified))
        again |= self._write_in_groups(claims)
        for work, changes in claims:
            work.changes += still_held(changes, work.heir_of)
        ready = [(work, settled) for work, settled in claimed if work.key not in again]
        for work, settled in ready:
            work.entered = settled.source
        known = {sort: source_of(row) for (kind, sort), row in rows.items() if kind == "source"}
        known |= {work.key: work.entered for work in works if work.entered}
        self._publish_articles(ready, imprint, known, suspect=suspect)
        heirs = {work.heir_of: work for work, _ in claimed if work.heir_of}
        for work in works:
            work.successor = heirs.get(work.key)
        again |= self._take_leave(
            [work for work in works if work.blob is None], again, imprint, suspect=suspect
        )
        for work in works:
            if work.refused_though_live and work.old:
                self._make_room(work, work.old, imprint)
        ending = [work for work in works if work.key not in again]
        # What goes makes room; files come before the articles that show them (see `waking`).
        ending.sort(key=lambda work: (work.blob is not None, work.settled is not None))
        return again | self._commit(ending, suspect=suspect)

    def _take_leave(self, gone: list[Work], again: set[str], imprint: Imprint, *, suspect: bool) -> set[str]:
        """Withdraws what is gone, unless it goes on under another name; the keys that wait for that name's next go."""
        waiting: set[str] = set()
        for work in gone:
            heir = work.successor
            if heir is not None and heir.key in again:
                waiting.add(work.key)
            elif heir is not None and heir.outcome and heir.outcome.state != "refused":
                work.outcome = Outcome(key=work.key, state="moved", path=heir.outcome.path)
            else:
                self._withdraw(work, imprint, suspect=suspect)
        return waiting

    # --- files that are not articles ------------------------------------------------------------------------

    def _publish_file(self, work: Work, blob: Blob, imprint: Imprint, *, suspect: bool) -> None:
        problem = asset_problem(work.key)
        if problem:
            self._refuse(work, [_wrong(work.key, f"cannot be published: {problem}", "rename it", "reserved")])
            return
        if len(blob.body) > MAX_ASSET:
            what = f"is {len(blob.body) / 1e6:.0f} MB"
            todo = f"keep files under {MAX_ASSET / 1e6:.0f} MB"
            self._refuse(work, [_wrong(work.key, what, todo, "size")])
            return
        old = work.old
        if old and old.live:  # it was an article until an index.md appeared beside it
            self._leave(work, old, imprint)
        media = sniff(blob.body, work.key)
        if problems := too_large(work.key, media):
            self._refuse(work, problems)
            return
        images = imprint.publication.images
        body = blob.body if images.location else without_place(media.type, blob.body)
        new = Source(
            key=work.key,
            etag=blob.etag,
            sha=_sha(blob.body),
            state="asset",
            version=old.version if old else ABSENT,
            type=media.type,
            width=media.width,
            height=media.height,
            size=len(body),
            duration=round(media.duration),
            theme=recipe_of(images) if media.type in MAX_PIXELS else "",
        )
        asset = old if old and old.state == "asset" else None
        same = asset is not None and asset.sha == new.sha
        as_before = same and asset is not None and asset.theme == new.theme
        plan = self.pictures.plan(body, media, new, asset, suspect=suspect)
        new = plan.source
        self._put_all(plan.puts)
        put = Put(
            key=work.key,
            body=body,
            content_type=media.type,
            cache_control=ASSET_CACHE,
            metadata=ACTIVE if media.active else {},
        )
        if (suspect or not as_before) and not self._put(work, put):
            return
        if work.key in WELL_KNOWN_FILES:
            work.touched.add(DIRECTORY)
        shape = ("state", "type", "width", "height", "size", "duration", "mark", "widths", "plain")
        work.awaken |= (
            suspect or old is None or any(getattr(old, name) != getattr(new, name) for name in shape)
        )
        work.changes += _timed(work.key, old.due if old else "", new.due)
        work.changes.append(Save(partition="source", sort=work.key, item=new.item(), expect=new.version))
        state: State = "unchanged" if same else "updated" if old else "published"
        damage = (unreadable(work.key, plan.problem),) if plan.problem else ()
        work.entered = new
        work.outcome = Outcome(key=work.key, state=state, kind="asset", path=work.key, problems=damage)

    # --- articles -------------------------------------------------------------------------------------------

    def _publish_articles(
        self,
        ready: list[tuple[Work, Settled]],
        imprint: Imprint,
        known: Mapping[str, Source],
        *,
        suspect: bool,
    ) -> None:
        """Pages that changed are written; catalogue rows that change are added to each work."""
        publication = imprint.publication
        composed = [compose(settled, publication, known.get) for _, settled in ready]
        articles = [replace(article, card=card_of_title(article, publication)) for article in composed]
        parts = articles if any(article.series for article in articles) else []
        entries = [entry_for(article, publication) for article in articles]
        fragments = render_entries(entries, publication.podcast)
        puts: list[tuple[Work, Put]] = []
        cards: list[Put] = []
        bare: list[str] = []  # cards that nobody is to see any more
        for (work, settled), article, fragment in zip(ready, articles, fragments, strict=True):
            work.composed, work.series = article, series_around(self.table, article, parts)
            page = article_page(imprint.theme, article, work.series)
            entry = digest(orjson.dumps(fragment.to_item()))
            card = card_for(article, fragment, entry)
            drawn = article.card.mark if article.card else ""
            new = replace(settled.source, card=card_digest(card), entry=entry, page=digest(page), drawn=drawn)
            if card.series:
                new = replace(new, place=place_of(card), told=told(card))
            old = work.old
            cards += drawn_anew(article, old, publication, suspect=suspect)
            if not drawn and (suspect or (old and old.drawn)):
                bare.append(card_key(new.path))
            if suspect or old is None or not old.live or (old.page, old.path) != (new.page, new.path):
                key = page_key(new.path)
                puts.append((work, Put(key=key, body=page, content_type=HTML, cache_control=PAGE_CACHE)))
            self._enter(work, new, card, fragment, imprint, suspect=suspect)
            state: State = "published" if old is None or not old.live else "updated"
            if old and old.live and (old.page, old.path) == (new.page, new.path) and not work.touched:
                state = "unchanged"
            if (
                suspect or old is None or not old.live
            ):  # suspect: a first publication may have died on its way
                work.news = [news_of(article)] if wants_mail(article) else []
            warnings = settled.parsed.warnings
            work.outcome = Outcome(key=work.key, state=state, path=new.path, problems=warnings)
        self._put_all(cards)  # before the pages that name them
        try:
            self._put_all([put for _, put in puts])
        except Permanent:  # of one or more: each on its own shows which
            for work, put in puts:
                self._put(work, put)
        for key in bare:
            self.site.delete(key)

    def _put_all(self, puts: Sequence[Put]) -> None:
        for result in self.site.put_many(puts) if puts else ():
            if not isinstance(result, str):
                raise result

    def _put(self, work: Work, put: Put) -> bool:
        """Writes an object; False where the site cannot hold it, and its author is told."""
        try:
            self.site.put(put)
        except Permanent as error:
            what = f"cannot be stored as {put.key}: {error}"
            self._refuse(work, [_wrong(work.key, what, "give it another name", "name")])
            return False
        return True

    def _enter(
        self, work: Work, new: Source, card: Card, fragment: Fragment, imprint: Imprint, *, suspect: bool
    ) -> None:
        """The catalogue rows of a published article, as far as they change."""
        old, changes = work.old, work.changes
        changes.append(Save(partition="source", sort=work.key, item=new.item(), expect=new.version))
        before = old.places if old and old.live else set()
        now = new.places
        entry_changed = suspect or old is None or (old.entry, old.id) != (new.entry, new.id)
        card_changed = suspect or old is None or old.card != new.card or before != now
        if entry_changed or card_changed:
            item = card_item(card)
            changes += [Save(partition=partition, sort=sort, item=item) for partition, sort in sorted(now)]
            work.touched |= {*new.collections, spans_of([SITE], new.sort, zone_of(imprint.publication))[-1]}
        if entry_changed:
            stored: Any = fragment.to_item()
            changes.append(Save(partition="entry", sort=new.id, item=stored))
            words: Item = {"text": words_of(fragment.content)}
            changes.append(Save(partition="words", sort=new.id, item=words))
        if card_changed:
            work.touched |= _spans(new, imprint)
        if old and old.live and old.id != new.id:
            changes += self._let_go(work, old)
        else:
            changes += [Drop(partition=partition, sort=sort) for partition, sort in sorted(before - now)]
        if old and old.collections and before != now:
            work.touched |= {*old.collections, *_spans(old, imprint)}
        if old:
            gone = [name for name in old.uses if name not in new.uses]
            changes += [Drop(partition=f"uses {name}", sort=work.key) for name in gone]
            if old.due:
                changes.append(Drop(partition="due", sort=f"{old.due}#{work.key}"))
        work.stirred |= stirred(old, new, suspect=suspect)
        work.awaken |= suspect or old is None or not old.live or old.path != new.path

    def _hold(self, work: Work, new: Source, imprint: Imprint) -> None:
        """A draft, or an article whose time has not come: kept out of sight."""
        old = work.old
        if old and old.live:
            self._leave(work, old, imprint)
        work.changes += _timed(work.key, old.due if old else "", new.due)
        work.changes.append(Save(partition="source", sort=work.key, item=new.item(), expect=new.version))
        state: State = "draft" if new.state == "draft" else "scheduled"
        work.entered = new
        work.outcome = Outcome(key=work.key, state=state, path=new.path, due=new.due)

    def _withdraw(self, work: Work, imprint: Imprint, *, suspect: bool) -> None:
        """The file is gone, and with it the article or asset."""
        old = work.old
        # Were it always, files that are gone and referred to each other would wake each other for ever.
        work.awaken = suspect or old is not None
        if old is None:
            if not is_article(work.key) and not asset_problem(work.key):
                self._clear(work)  # put by a slow or dead worker, after somebody else withdrew it
            work.outcome = Outcome(key=work.key, state="ignored")
            return
        if old.state == "asset":
            self.site.delete(work.key)
            if old.mark or old.due or suspect:
                self.pictures.remove(work.key)
            if work.key in WELL_KNOWN_FILES:
                work.touched.add(DIRECTORY)
        elif old.live:
            self._leave(work, old, imprint)
        self._forget(work, old)
        kind: Kind = "asset" if old.state == "asset" else "article"
        work.outcome = Outcome(key=work.key, state="withdrawn", kind=kind, path=old.path)

    def _make_room(self, work: Work, old: Source, imprint: Imprint) -> None:
        """Withdraws what was published of a refused file, where another file stands at its address by now.

        That one took the address while this one's file named another; feeds and redirects would lead to it.
        """
        row = self.table.get("path", claim_of(old.path))
        if row is not None and not work.owns(row):
            self._leave(work, old, imprint)
            self._forget(work, old)

    def _forget(self, work: Work, old: Source) -> None:
        """Drops the file's own rows."""
        if old.due:
            work.changes.append(Drop(partition="due", sort=f"{old.due}#{work.key}"))
        work.changes += [Drop(partition=f"uses {name}", sort=work.key) for name in old.uses]
        work.changes.append(Drop(partition="source", sort=work.key, expect=old.version))

    def _clear(self, work: Work) -> None:
        """Removes what may stand where no file does. What the publisher writes itself in such a place is put back."""
        self.site.delete(work.key)
        self.pictures.remove(work.key)
        if work.key in WELL_KNOWN_FILES:
            self.renderer().bump([DIRECTORY], suspect=True)
            work.touched.add(DIRECTORY)

    def _leave(self, work: Work, old: Source, imprint: Imprint) -> None:
        """Takes a live article out of its collections; its addresses remember that it was there."""
        work.changes += self._let_go(work, old)
        work.leave_addresses(old, lambda sort: self.table.get("path", sort))
        work.touched |= {*old.collections, *_spans(old, imprint)}
        work.stirred |= spots_of(old)
        work.awaken = True

    def _let_go(self, work: Work, old: Source) -> list[Save | Drop]:
        """Drops what the catalogue shows of a live article; not what another file with the same id shows by now."""
        row = self.table.get("id", old.id)
        places = old.places | {("entry", old.id), ("words", old.id)}
        changes: list[Save | Drop] = []
        if row is not None and work.owns(row):
            changes.append(Drop(partition="id", sort=old.id, expect=row.version))
        elif row is not None:
            key = str(row.item["source"])
            other = self.addresses.known(key)
            if other and other.live and other.id == old.id:
                places -= other.places | {("entry", old.id), ("words", old.id)}
            changes.append(Save(partition="id", sort=old.id, item=row.item, expect=row.version))
        return changes + [Drop(partition=partition, sort=sort) for partition, sort in sorted(places)]

    def _commit(self, works: list[Work], *, suspect: bool) -> set[str]:
        """Writes each file's rows as a whole; the keys that others were faster with."""
        for work in works:
            if work.outcome is None or work.outcome.state == "refused":
                continue
            if work.refused is not None:
                work.changes += self.refusals.forgive(work.refused)
            elif suspect:
                self.refusals.untell(work.key)
        return self._write_in_groups([(work, work.changes) for work in works])

    def _write_in_groups(self, wanted: list[tuple[Work, list[Save | Drop]]]) -> set[str]:
        """Each file's changes or none of them, many files to a transaction; the keys whose changes conflict."""
        groups: list[list[tuple[Work, list[Save | Drop]]]] = [[]]
        size = 0
        for work, changes in wanted:
            if changes and size + len(changes) > MAX_WRITE and groups[-1]:
                groups.append([])
                size = 0
            if changes:
                groups[-1].append((work, changes))
                size += len(changes)
        return set().union(*(self._write(group) for group in groups))

    def _write(self, group: list[tuple[Work, list[Save | Drop]]]) -> set[str]:
        changes = [change for _, changes in group for change in changes]
        rows = {(change.partition, change.sort) for change in changes}
        if len(group) > 1 and len(rows) < sum(len(distinct(part)) for _, part in group):
            return set().union(
                *(self._write([part]) for part in group)
            )  # two files want one row: one after the other
        try:
            if changes:
                self.table.write(distinct(changes))
        except Conflict:
            if len(group) == 1:
                return {group[0][0].key}
            return set().union(*(self._write([part]) for part in group))
        self._turn += 1
        for work, _ in group:
            work.turn = self._turn
        return set()

    def _refuse(self, work: Work, problems: Sequence[Problem], waits: tuple[str, ...] = ()) -> None:
        """What was published of the file stays as it is, as long as nobody else stands there."""
        for pending in (work.changes, work.touched, work.paths, work.released, work.stirred):
            pending.clear()
        etag = work.blob.etag if work.blob else ""
        work.outcome = self.refusals.refuse(work.key, etag, problems, work.refused, waits=waits)

    # --- settings -------------------------------------------------------------------------------------------

    def _refresh(self, keys: list[str], *, suspect: bool) -> list[Outcome]:
        """Takes new settings and templates into force; everything is then published anew."""
        try:
            changed = self.imprints.refresh()
        except Invalid as error:
            return self.refusals.refuse_settings(error)
        self.refusals.accept_settings(keys)
        if changed or suspect:
            self.republish()
        state: State = "updated" if changed else "unchanged"
        return [Outcome(key=key, state=state, kind="settings") for key in keys]

    def republish(self) -> None:
        """Asks for everything to be published again, in pieces that several workers can share."""
        keys = [row.sort for row in self.table.query("source")]
        keys += [row.sort for row in self.table.query("refused") if not is_setting(row.sort)]
        self.ask(dict.fromkeys(keys))
        names = [row.sort for row in self.table.query("collection")] or [SITE, DIRECTORY]
        pieces = [names[start : start + REQUEST] for start in range(0, len(names), REQUEST)]
        self.queue.send([_request(collections=piece) for piece in pieces])

    def ask(self, keys: Iterable[str], *, force: bool = False) -> None:
        """Sends keys to be published, as few messages as hold them; a picture is one alone, since it takes seconds."""
        wanted = list(keys)
        others = [key for key in wanted if not may_be_picture(key)]
        pieces = [[key] for key in wanted if may_be_picture(key)]
        pieces += [others[start : start + REQUEST] for start in range(0, len(others), REQUEST)]
        if pieces:
            self.queue.send([_request(keys=piece, force=force) for piece in pieces])

    # --- second half: what lists the files -------------------------------------------------------------------

    def finish(self, stages: Sequence[Stage], *, suspect: bool = False) -> list[str]:
        """Renders what lists the stages' articles, settles their old addresses, and looks at every file again.

        Returns the keys whose file is no longer what was read, or whose page was written over; they are to be
        published again with nothing trusted, and then the stages closed. `suspect`: write what seems not to have
        changed, too.
        """
        touched = set().union(*(stage.touched for stage in stages))
        if touched:
            self._bring_up(touched, suspect=suspect)
        return self.conclude(stages)

    def _bring_up(self, names: Iterable[str], *, suspect: bool = False) -> None:
        """Renders collections, and once more where the settings have changed meanwhile.

        Whoever changed them asked for all collections that there were, and may have seen none of ours.
        """
        renderer = self.renderer()
        renderer.bring_up(names, suspect=suspect)
        while (current := self.renderer()).imprint.fingerprint != renderer.imprint.fingerprint:
            renderer = current
            renderer.bring_up(renderer.unfinished())

    def conclude(self, stages: Sequence[Stage]) -> list[str]:
        """The rest of `finish`, where the collections have been rendered already."""
        doubtful = set().union(*(stage.doubtful for stage in stages))
        paths = doubtful.union(*(stage.paths for stage in stages))
        overwritten: set[str] = set()
        if paths:
            theme = self.imprints.current().theme
            overwritten = {
                self.addresses.settle(path, theme, doubtful=path in doubtful) for path in sorted(paths)
            }
        self.announce([news for stage in stages for news in stage.news])
        self.ask(sorted(set().union(*(stage.awake for stage in stages))), force=True)
        again = [key for stage in stages for key, etag in stage.etags.items() if self._etag(key) != etag]
        return list(dict.fromkeys([*again, *sorted(overwritten - {""})]))

    def close(self, stages: Sequence[Stage]) -> None:
        """Ends the batches, when nothing is left to look at again."""
        self.table.write_each([stage.attempt.drop() for stage in stages])

    def renderer(self) -> Renderer:
        """Renders collections with the imprint in force."""
        return Renderer(site=self.site, table=self.table, imprint=self.imprints.current(), ping=self.ping)

    def _etag(self, key: str) -> str:
        try:
            return self.content.head(key).etag
        except NotFound:
            return ""


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


def _timed(key: str, before: str, now: str) -> list[Save | Drop]:
    """The rows that say when to look at a file again."""
    changes: list[Save | Drop] = []
    if before and before != now:
        changes.append(Drop(partition="due", sort=f"{before}#{key}"))
    if now:
        changes.append(Save(partition="due", sort=f"{now}#{key}", item={}))
    return changes


def _spans(source: Source, imprint: Imprint) -> set[str]:
    return set(spans_of(list(source.collections), source.sort, zone_of(imprint.publication)))


def _sha(body: bytes) -> str:
    return sha256(body).hexdigest()[:32]


def _wrong(key: str, what: str, todo: str, code: str) -> Problem:
    return Problem(file=key, line=0, what=what, todo=todo, code=code)


def _request(*, keys: Sequence[str] = (), collections: Sequence[str] = (), force: bool = False) -> str:
    body = {"pressrun": "publish", "keys": list(keys), "collections": list(collections), "force": force}
    return orjson.dumps(body).decode()
