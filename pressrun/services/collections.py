"""Renders what lists articles: indexes, feeds, archives, and the directory of all of them.

Each collection has a revision, bumped after the rows that it shows are written and read before they are queried.
Every object carries the revision that it was rendered from, and its write is conditional on the object that was
there: a write with an older revision is refused. What would be written unchanged is not written.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pressrun.domain.feeds import FILES
from pressrun.domain.listings import MORE_FILE
from pressrun.domain.spans import DIRECTORY, SITE, Span, parse_span
from pressrun.errors import Conflict, NotFound, Transient
from pressrun.ports import MAX_WRITE, Blob, Drop, ObjectStore, Put, Save, Table
from pressrun.services.catalogue import Catalogue, Collection, bumped, in_chunks
from pressrun.services.imprint import Imprint

if TYPE_CHECKING:
    from pressrun.services.renditions import Rendition, Renditions

MAX_ROUNDS = 200
FEED_FILES = frozenset(FILES.values())
Wave = Callable[[list[str], frozenset[str]], set[str]]


class Renderer:
    """Brings collections up to date. `ping` is told the feeds that changed, where the publication has a hub."""

    def __init__(
        self,
        *,
        site: ObjectStore,
        table: Table,
        imprint: Imprint,
        ping: Callable[[str, Sequence[str]], None],
    ) -> None:
        self.site = site
        self.table = table
        self.imprint = imprint
        self.publication = imprint.publication
        self.ping = ping
        self.catalogue = Catalogue(table)

    def _reading(self) -> Renditions:
        from pressrun.services.renditions import (
            Renditions,  # and templates and feeds: most looks find nothing to do
        )

        return Renditions(self.table, self.imprint)

    # --- revisions ------------------------------------------------------------------------------------------

    def bring_up(self, names: Iterable[str], *, suspect: bool = False) -> None:
        """Marks the collections as changed and renders them, and whatever follows from that.

        `suspect`: what is stored may not be what the catalogue says, so everything is written.
        """
        todo = set(names)
        self.bump(todo, suspect=suspect)
        self.render(todo)

    def bump(self, names: Iterable[str], *, suspect: bool = False) -> None:
        """Marks collections as changed."""
        pending = sorted(names)
        for _ in range(MAX_ROUNDS):
            if not pending:
                return
            states = self.catalogue.collections(pending)
            if suspect:
                states = {name: _distrusted(self._with_strays(state)) for name, state in states.items()}
            pending = self._save([bumped(state).save() for state in states.values()])
        raise Transient("collections are being changed by others over and over")

    def around(self, names: Iterable[str]) -> set[str]:
        """What shows that the collections exist: the years of months, the spans before and after, what lists them."""
        spans = [span for name in names if (span := parse_span(name))]
        found = {DIRECTORY}
        for collection in {span.collection for span in spans}:
            found.add(collection)
            there = {row.sort for row in self.table.query(f"spans {collection}")}
            for span in (span for span in spans if span.collection == collection):
                found.add(f"{collection}/{span.year:04}")
                alike = sorted(label for label in there if ("-" in label) == bool(span.month))
                at, after = bisect_left(alike, span.label), bisect_right(alike, span.label)
                found |= {
                    f"{collection}/{label}"
                    for label in (*alike[max(0, at - 1) : at], *alike[after : after + 1])
                }
        return found

    def _with_strays(self, state: Collection) -> Collection:
        """The collection with every object that it could have ever had.

        A worker that was overtaken, wrote and died may have left some that no row names.
        """
        span = parse_span(state.name)
        folder = f"{state.name}/" if span is None else span.path
        found: set[str] = set()
        if state.name not in {SITE, DIRECTORY}:  # these always have all of theirs
            of_terms = (*FEED_FILES, MORE_FILE) if span is None else ()
            found = {f"{folder}{name}" for name in ("index.html", *of_terms)}
        if span and span.month:
            found |= {
                f"sitemap-{span.label}.xml",
                f"search/{span.label}.json",
                f"search/{span.label}.text.json",
            }
            found |= {
                stat.key for stat in self.site.list(f"archive/{span.label}") if _part_of(span, stat.key)
            }
        return replace(state, objects=dict.fromkeys(found, ("", "")) | state.objects)

    def unfinished(self) -> set[str]:
        """Collections that have changed since they were rendered, or that look as they did under older settings."""
        rows = self.table.query("collection")
        return {
            row.sort
            for row in rows
            if row.item["rendered"] != row.item["revision"] or row.item["theme"] != self.imprint.fingerprint
        }

    def render(self, names: Iterable[str], wave_of: Wave | None = None) -> None:
        """Renders collections and what follows from them, spans first, the directory last.

        `wave_of` does as `wave` does; several workers may share it.
        """
        todo = set(names)
        render_wave = wave_of or self.wave
        for _ in range(MAX_ROUNDS):
            if not todo:
                return
            rank = min(map(_rank, todo))
            if rank == _rank(SITE) and (months := self._reading().overflow()):
                self.bump(months)
                todo |= months
                continue
            wave = {name for name in todo if _rank(name) == rank}
            todo = (todo - wave) | render_wave(sorted(wave), frozenset(wave))
        raise Transient("collections are being rendered by others over and over")

    def _save(self, saves: list[Save]) -> list[str]:
        """Writes collection rows, together where that goes; the names of those that others changed."""
        lost: list[str] = []
        for chunk in in_chunks(saves, MAX_WRITE):
            try:
                self.table.write(chunk)
            except Conflict:
                for save in chunk:
                    try:
                        self.table.write([save])
                    except Conflict:
                        lost.append(save.sort)
        return lost

    def wave(self, names: list[str], within: frozenset[str]) -> set[str]:
        """Renders collections of one rank; the names that are to be rendered again, or because of these.

        `within` is the whole rank that is being rendered, where `names` are a part of it: no rendition depends on
        another of its rank, so none follows from one.
        """
        states = self.catalogue.collections(names)
        reading = self._reading()
        renditions = {name: reading.of(name) for name in names}
        follow = set().union(*(rendition.follow for rendition in renditions.values())) - within
        lost: set[str] = set()
        entering = {
            name: rendition
            for name, rendition in renditions.items()
            if rendition.rows or rendition.objects.keys() - states[name].objects.keys()
        }
        for name, rendition in entering.items():
            states[name] = replace(states[name], objects=_foreseen(rendition) | states[name].objects)
        for group in self._groups(entering, within):
            lost |= self._enter(group, states, renditions, within)
        for name in lost:
            del states[name], renditions[name]
        unsaid = set().union(*(r.follow for n, r in renditions.items() if n not in entering)) - within
        if unsaid:
            self.bump(unsaid)
        done, wrote = self._put(states, renditions)
        again = self._record(states, done)
        if self.publication.feed.hub:
            self._tell_hub(wrote)
        return follow | lost | again

    def _groups(self, renditions: dict[str, Rendition], within: frozenset[str]) -> list[list[str]]:
        """The collections, as many together as a transaction takes."""
        groups: list[list[str]] = []
        size = MAX_WRITE
        for name, rendition in renditions.items():
            needed = min(MAX_WRITE, 1 + len(rendition.rows) + len(rendition.follow - within))
            if size + needed > MAX_WRITE:
                groups.append([])
                size = 0
            groups[-1].append(name)
            size += needed
        return groups

    def _enter(
        self,
        group: list[str],
        states: dict[str, Collection],
        renditions: dict[str, Rendition],
        within: frozenset[str],
    ) -> set[str]:
        """Writes the rows that say what exists, and what objects may; the names that have changed since they were read.

        What shows those rows is marked as changed in the same transaction: once they are written nobody sees any
        more that something follows, so a worker that died in between would leave it undone. And only where the
        collection is as it was read: else a slow worker's row would stand, and nobody would look.
        """
        lost: set[str] = set()
        for _ in range(MAX_ROUNDS):
            names = [name for name in group if name not in lost]
            if not names:
                return lost
            follow = sorted(set().union(*(renditions[name].follow for name in names)) - within)
            changes: list[Save | Drop] = [states[name].save() for name in names]
            changes += [row for name in names for row in renditions[name].rows]
            room = MAX_WRITE - len(changes)
            self.bump(follow[room:])
            shown_by = self.catalogue.collections(follow[:room])
            changes += [bumped(state).save() for state in shown_by.values()]
            try:
                self.table.write(changes)
            except Conflict:
                current = self.catalogue.collections(names)
                lost |= {name for name in names if current[name].version != states[name].version}
                continue
            for name in names:
                states[name] = replace(states[name], version=states[name].version + 1)
            return lost
        raise Transient("collections are being changed by others over and over")

    def _record(self, before: dict[str, Collection], done: dict[str, Collection]) -> set[str]:
        """Saves how far the collections have been rendered; the names of those that are to be rendered again.

        Where others have only bumped a collection meanwhile, what was written still counts, and they will render it.
        Where others have rendered it too, their writes and ours may have crossed: it is rendered again, all of it.
        """
        again: set[str] = set()
        lost = self._save([state.save() for state in done.values()])
        for _ in range(MAX_ROUNDS):
            if not lost:
                return again
            current = self.catalogue.collections(lost)
            saves: list[Save] = []
            for name, state in current.items():
                same = (state.rendered, state.objects) == (before[name].rendered, before[name].objects)
                if same and name not in again:
                    saves.append(replace(done[name], revision=state.revision, version=state.version).save())
                else:
                    again.add(name)
                    both = replace(state, objects=done[name].objects | state.objects)
                    saves.append(bumped(_distrusted(both)).save())
            lost = self._save(saves)
        raise Transient("collections are being changed by others over and over")

    def _put(
        self, states: dict[str, Collection], renditions: dict[str, Rendition]
    ) -> tuple[dict[str, Collection], list[str]]:
        """Writes what changed; the rows to save, and the keys written."""
        puts: list[Put] = []
        owner: dict[str, str] = {}
        marks: dict[str, dict[str, tuple[str, str]]] = {}
        for name, rendition in renditions.items():
            state = states[name]
            marks[name] = {}
            for key, made in rendition.objects.items():
                etag, stored = state.objects.get(key, ("", ""))
                marks[name][key] = (etag, made.mark)
                if stored == made.mark:
                    continue
                put = Put(
                    key=key,
                    body=made.body(),
                    content_type=made.content_type,
                    cache_control=made.cache_control,
                    metadata=self._metadata(key, state.revision),
                )
                puts.append(replace(put, if_match=etag) if etag else replace(put, if_absent=True))
                owner[key] = name
            for key in set(state.objects) - set(rendition.objects):
                if self.table.get("source", key) is None:  # else an editor's own robots.txt or favicon.svg
                    self.site.delete(key)
        for put, result in zip(puts, self.site.put_many(puts), strict=True):
            if isinstance(result, Transient):
                raise result
            known = marks[owner[put.key]]
            if isinstance(result, str):
                known[put.key] = (result, known[put.key][1])
            else:
                etag, ours = self._contest(put)
                known[put.key] = (etag, known[put.key][1] if ours else "")
        theme = self.imprint.fingerprint
        done = {
            name: replace(states[name], rendered=states[name].revision, theme=theme, objects=objects)
            for name, objects in marks.items()
        }
        return done, [put.key for put in puts]

    def _contest(self, put: Put) -> tuple[str, bool]:
        """A put whose condition did not hold: written again, unless what is there is newer.

        The etag of what is there then, and whether it is ours.
        """
        revision = int(put.metadata["revision"])
        for _ in range(MAX_ROUNDS):
            stored = self._stored(put.key)
            if stored and int(stored.metadata.get("revision", "0")) > revision:
                return stored.etag, False
            again = (
                replace(put, if_match=stored.etag, if_absent=False)
                if stored
                else replace(put, if_match=None, if_absent=True)
            )
            try:
                return self.site.put(again), True
            except Conflict:
                continue
        raise Transient(f"{put.key} is being written by others over and over")

    def _stored(self, key: str) -> Blob | None:
        try:
            return self.site.head(key)
        except NotFound:
            return None

    def _metadata(self, key: str, revision: int) -> dict[str, str]:
        metadata = {"revision": str(revision)}
        hub = self.publication.feed.hub
        if hub and key.rpartition("/")[2] in FEED_FILES:
            metadata["link"] = f'<{hub}>; rel="hub", <{self.publication.url}/{key}>; rel="self"'
        return metadata

    def _tell_hub(self, keys: list[str]) -> None:
        feeds = [
            key for key in keys if key.rpartition("/")[2] in FEED_FILES and not key.startswith("archive/")
        ]
        if feeds:
            self.ping(self.publication.feed.hub, [f"{self.publication.url}/{key}" for key in feeds])


def _rank(name: str) -> int:
    """Months before years, which list them; terms, the site, and the directory of all."""
    if name == DIRECTORY:
        return 4
    if span := parse_span(name):
        return 0 if span.month else 1
    return 3 if name == SITE else 2


def _part_of(span: Span, key: str) -> bool:
    """Whether a key is that of an archive document of the month: below "archive/2026-11/" or "archive/2026-11-2/"."""
    return re.fullmatch(rf"archive/{span.label}(-\d+)?/[^/]+", key) is not None


def _foreseen(rendition: Rendition) -> dict[str, tuple[str, str]]:
    """Objects that may come to be: known before they are written, so that they are found after a crash, too."""
    return dict.fromkeys(rendition.objects, ("", ""))


def _distrusted(state: Collection) -> Collection:
    return replace(state, objects={key: (etag, "") for key, (etag, _) in state.objects.items()})
