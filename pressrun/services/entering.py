"""Files on their way into the catalogue and the site, and out of them: pages, objects, and the rows to be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from pressrun.domain.articles import Card
from pressrun.domain.caching import ASSET_CACHE, PAGE_CACHE
from pressrun.domain.feeds import Fragment
from pressrun.domain.issues import news_of, wants_mail
from pressrun.domain.pictures import MAX_PIXELS, card_key
from pressrun.domain.problems import Problem
from pressrun.domain.search import words_of
from pressrun.domain.spans import DIRECTORY, spans_of
from pressrun.domain.urls import WELL_KNOWN_FILES, asset_problem, claim_of, page_key
from pressrun.errors import Permanent
from pressrun.parsing.keys import is_article
from pressrun.parsing.media import sniff
from pressrun.parsing.place import without_place
from pressrun.ports import ABSENT, Blob, Drop, Item, ObjectStore, Put, Save, Table
from pressrun.rendering.feeds import render_entries
from pressrun.rendering.pages import article_page
from pressrun.services.addresses import HTML, Addresses
from pressrun.services.catalogue import Source, card_item
from pressrun.services.entries import entry_for
from pressrun.services.imprint import Imprint
from pressrun.services.pictures import Pictures, recipe_of, too_large, unreadable
from pressrun.services.plan import Settled, card_digest, card_for, compose, digest, hash_of, zone_of
from pressrun.services.refusals import Refusals
from pressrun.services.series import place_of, series_around, spots_of, stirred, told
from pressrun.services.titlecards import card_of_title, drawn_anew
from pressrun.services.work import Kind, Outcome, State, Work, id_name

MAX_ASSET = 200_000_000  # bytes
ACTIVE = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}


class Entering:
    """Writes what belongs to one file alone, and adds to its work what is to be written of it together."""

    def __init__(
        self,
        *,
        site: ObjectStore,
        table: Table,
        addresses: Addresses,
        pictures: Pictures,
        refusals: Refusals,
        distrust: Callable[[str], None],
    ) -> None:
        self.site = site
        self.table = table
        self.addresses = addresses
        self.pictures = pictures
        self.refusals = refusals
        self.distrust = distrust  # a collection: whatever stands there is to be written again

    # --- files that are not articles ------------------------------------------------------------------------

    def file(self, work: Work, blob: Blob, imprint: Imprint, *, suspect: bool) -> None:
        problem = asset_problem(work.key)
        if problem:
            self.refusals.turn_down(
                work, [_wrong(work.key, f"cannot be published: {problem}", "rename it", "reserved")]
            )
            return
        if len(blob.body) > MAX_ASSET:
            what = f"is {len(blob.body) / 1e6:.0f} MB"
            todo = f"keep files under {MAX_ASSET / 1e6:.0f} MB"
            self.refusals.turn_down(work, [_wrong(work.key, what, todo, "size")])
            return
        old = work.old
        if old and old.live:  # it was an article until an index.md appeared beside it
            self._leave(work, old, imprint)
        media = sniff(blob.body, work.key)
        if problems := too_large(work.key, media):
            self.refusals.turn_down(work, problems)
            return
        images = imprint.publication.images
        body = blob.body if images.location else without_place(media.type, blob.body)
        new = Source(
            key=work.key,
            etag=blob.etag,
            sha=hash_of(blob.body),
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

    def articles(
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
            self.refusals.turn_down(work, [_wrong(work.key, what, "give it another name", "name")])
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
            work.touched |= {
                *new.collections,
                spans_of(new.collections, new.sort, zone_of(imprint.publication))[-1],
            }
        if entry_changed:
            stored: Any = fragment.to_item()
            changes.append(Save(partition="entry", sort=new.id, item=stored))
            words: Item = {"text": words_of(fragment.content)}
            changes.append(Save(partition="words", sort=new.id, item=words))
        if card_changed:
            work.touched |= new.spans(zone_of(imprint.publication))
        if old and old.live and old.id != new.id:
            changes += self._let_go(work, old)
        else:
            changes += [Drop(partition=partition, sort=sort) for partition, sort in sorted(before - now)]
        if old and old.collections and before != now:
            work.touched |= {*old.collections, *old.spans(zone_of(imprint.publication))}
        if old:
            gone = [name for name in old.uses if name not in new.uses]
            changes += [Drop(partition=f"uses {name}", sort=work.key) for name in gone]
            if old.due:
                changes.append(Drop(partition="due", sort=f"{old.due}#{work.key}"))
        work.stirred |= stirred(old, new, suspect=suspect)
        as_before = old is not None and old.live and old.path == new.path and not work.heir_of
        work.awaken |= suspect or not as_before

    def hold(self, work: Work, new: Source, imprint: Imprint) -> None:
        """A draft, or an article whose time has not come: kept out of sight."""
        old = work.old
        if old and old.live:
            self._leave(work, old, imprint)
        work.changes += _timed(work.key, old.due if old else "", new.due)
        work.changes.append(Save(partition="source", sort=work.key, item=new.item(), expect=new.version))
        state: State = "draft" if new.state == "draft" else "scheduled"
        work.entered = new
        work.outcome = Outcome(key=work.key, state=state, path=new.path, due=new.due)

    def withdraw(self, work: Work, imprint: Imprint, *, suspect: bool) -> None:
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
            work.released.add(work.key)
            if old.mark or old.due or suspect:
                self.pictures.remove(work.key)
            if work.key in WELL_KNOWN_FILES:
                work.touched.add(DIRECTORY)
        elif old.live:
            self._leave(work, old, imprint)
        self._forget(work, old)
        kind: Kind = "asset" if old.state == "asset" else "article"
        work.outcome = Outcome(key=work.key, state="withdrawn", kind=kind, path=old.path)

    def make_room(self, work: Work, old: Source, imprint: Imprint) -> None:
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
            self.distrust(DIRECTORY)
            work.touched.add(DIRECTORY)

    def _leave(self, work: Work, old: Source, imprint: Imprint) -> None:
        """Takes a live article out of its collections; its addresses remember that it was there."""
        work.changes += self._let_go(work, old)
        work.leave_addresses(old, lambda sort: self.table.get("path", sort))
        work.touched |= {*old.collections, *old.spans(zone_of(imprint.publication))}
        work.stirred |= spots_of(old)
        work.awaken = True

    def _let_go(self, work: Work, old: Source) -> list[Save | Drop]:
        """Drops what the catalogue shows of a live article; not what another file with the same id shows by now."""
        row = self.table.get("id", old.id)
        work.released.add(id_name(old.id))
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


def _timed(key: str, before: str, now: str) -> list[Save | Drop]:
    """The rows that say when to look at a file again."""
    changes: list[Save | Drop] = []
    if before and before != now:
        changes.append(Drop(partition="due", sort=f"{before}#{key}"))
    if now:
        changes.append(Save(partition="due", sort=f"{now}#{key}", item={}))
    return changes


def _wrong(key: str, what: str, todo: str, code: str) -> Problem:
    return Problem(file=key, line=0, what=what, todo=todo, code=code)
