"""Publish: bring the site in line with what stands under some keys of the content, whatever has happened before.

An event is a hint. Whoever handles it reads the file as it is now, and looks again at the end whether it still is
what was read. Every step can be repeated; a batch announces itself in an `attempt` row before it has any effect, and
drops the row when all is done, so that whoever finds an old row does that work again. The order of the steps:

announce → claim addresses → pages → catalogue rows → bump and render collections → redirects and tombstones →
announce first publications (newsletters) → look again
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from pressrun.domain.issues import News
from pressrun.domain.spans import instant
from pressrun.domain.urls import claim_of
from pressrun.errors import Invalid, NotFound, Transient
from pressrun.parsing.keys import is_left_alone
from pressrun.ports import (
    Clock,
    Drop,
    ObjectStore,
    Queue,
    Save,
    Table,
    nobody,
)
from pressrun.services.addresses import Addresses
from pressrun.services.asking import ask, ask_for_all, ask_for_notices
from pressrun.services.catalogue import Attempt, source_of
from pressrun.services.collections import Renderer
from pressrun.services.commits import Commits
from pressrun.services.imprint import Imprint, Imprints, is_setting
from pressrun.services.pictures import Pictures
from pressrun.services.plan import Settled, zone_of
from pressrun.services.refusals import Refusals
from pressrun.services.series import files_of
from pressrun.services.waking import to_wake
from pressrun.services.work import Outcome, Stage, State, Work, still_held

if TYPE_CHECKING:
    from pressrun.services.entering import Entering
    from pressrun.services.reading import Reading

MAX_ROUNDS = 20  # of starting over, when files keep changing under us


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
        self.commits = Commits(table)

    @cached_property
    def reading(self) -> Reading:
        from pressrun.services.reading import Reading  # and the parsers: who has nothing to read goes without

        return Reading(self.content, self.table, self.clock, self.refusals)

    @cached_property
    def entering(self) -> Entering:
        from pressrun.services.entering import Entering  # and templates and feeds

        return Entering(
            site=self.site,
            table=self.table,
            addresses=self.addresses,
            pictures=self.pictures,
            refusals=self.refusals,
            distrust=lambda name: self.renderer().bump([name], suspect=True),
        )

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
        for key in attempt.keys:
            stage.awake |= {row.sort for row in self.table.query(f"uses {key}")}
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

    def renew(self, paths: Iterable[str]) -> list[Outcome]:
        """Makes redirects and tombstones anew, with the settings in force."""
        wanted = list(paths)
        again = self._settle(wanted, doubtful=wanted)
        return self.publish(sorted(again), force=True, suspect=True) if again else []

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
        works = self.reading.works(keys)
        stage.etags |= {work.key: work.blob.etag if work.blob else "" for work in works}
        self.reading.decide(works, imprint, force=force)
        acting = [work for work in works if work.outcome is None or work.refused_though_live]
        again: set[str] = set()
        if acting:
            self._announce(acting, stage, imprint)
            again = self._carry_out(acting, imprint, stage, suspect=suspect)
        for work in works:
            stage.paths |= work.paths  # of another go, too: its claims may have been written
            if work.key in again:
                # Whoever was faster may not have come to the feeds yet, which go before addresses.
                stage.touched |= _shown_in(work, imprint)
                if work.settled:
                    stage.doubtful.add(work.settled.source.path)  # its page, too, whoever stands there now
            if work.key in again or work.outcome is None:
                continue
            stage.outcomes.append(work.outcome)
            stage.touched |= work.touched
            stage.news += work.news
        stage.awake |= to_wake(self.table, works, again)
        return [*sorted(again.difference(keys)), *(key for key in keys if key in again)]

    def _announce(self, works: list[Work], stage: Stage, imprint: Imprint) -> None:
        """The attempt row, and the `uses` rows: written before what they refer to is read."""
        keys = [key for work in works for key in (work.key, work.heir_of) if key]
        collections, paths = set(stage.attempt.collections), set(stage.attempt.paths)
        changes: list[Save | Drop] = []
        for work in works:
            collections |= _shown_in(work, imprint)
            new = work.settled.source if work.settled else None
            for source in (work.old, new):
                if source:
                    paths |= {path for path in (source.path, *source.aliases, *source.former) if path}
            used = set(work.old.uses) if work.old else set()
            uses = [name for name in (new.uses if new else ()) if name not in used]
            changes += [Save(partition=f"uses {name}", sort=work.key, item={}) for name in uses]
        stage.attempt = replace(
            stage.attempt,
            keys=tuple(dict.fromkeys([*stage.attempt.keys, *keys])),
            collections=tuple(sorted(collections)),
            paths=tuple(sorted(paths)),
        )
        self.table.write_each([stage.attempt.save(), *changes])

    def _carry_out(self, works: list[Work], imprint: Imprint, stage: Stage, *, suspect: bool) -> set[str]:
        """Files, claims, pages and rows; the keys that want another go: somebody else was faster with them.

        Where an article takes the id of a file that is gone, that one has to be withdrawn first, and is among them.
        """
        for work in works:
            if work.outcome is None and work.blob is not None and work.settled is None:
                self.entering.file(work, work.blob, imprint, suspect=suspect)
        articles = [(work, work.settled) for work in works if work.outcome is None and work.settled]
        sources = [source for work, settled in articles for source in (settled.source, work.old) if source]
        used = [("source", name) for _, settled in articles for name in settled.source.uses]
        rows = self.table.get_many([*self.addresses.rows_for(sources), *used])
        claims: list[tuple[Work, list[Save | Drop]]] = []
        claimed: list[tuple[Work, Settled]] = []
        present = {work.key for work in works}
        files = {
            sort for (kind, sort), row in rows.items() if kind == "source" and row.item["state"] == "asset"
        }
        files |= {work.key for work in works if work.entered and work.entered.state == "asset"}
        again: set[str] = set()
        for work, settled in articles:
            if settled.source.state != "published":
                self.entering.hold(work, settled.source, imprint)
                continue
            try:
                identified, changes = self.addresses.claims(work, settled, rows, files, imprint.publication)
            except Invalid as error:
                self.refusals.turn_down(work, error.problems, waits=tuple(sorted(work.released)))
                continue
            # Whoever had the id or the address goes, or moves, along: until word of that comes it would stay in the
            # feeds, by the side of this one or with the address that this one may leave again any time.
            before = self.addresses.departed(work, identified.source, rows)
            if before and before not in present:
                again |= {before, work.key}
                continue
            claims.append((work, changes))
            claimed.append((work, identified))
        again |= self.commits.write(claims)
        for work, changes in claims:
            work.changes += still_held(changes, work.heir_of)
        ready = [(work, settled) for work, settled in claimed if work.key not in again]
        for work, settled in ready:
            work.entered = settled.source
        known = {sort: source_of(row) for (kind, sort), row in rows.items() if kind == "source"}
        known |= {work.key: work.entered for work in works if work.entered}
        self.entering.articles(ready, imprint, known, suspect=suspect)
        heirs = {work.heir_of: work for work, _ in claimed if work.heir_of}
        if heirs:  # what they have taken over shows in other places than they were known to
            self._announce([*heirs.values()], stage, imprint)
        for work in works:
            work.successor = heirs.get(work.key)
        again |= self._take_leave(
            [work for work in works if work.blob is None], again, imprint, suspect=suspect
        )
        for work in works:
            if work.refused_though_live and work.old:
                self.entering.make_room(work, work.old, imprint)
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
                self.entering.withdraw(work, imprint, suspect=suspect)
        return waiting

    def _commit(self, works: list[Work], *, suspect: bool) -> set[str]:
        """Writes each file's rows as a whole; the keys that others were faster with."""
        for work in works:
            if work.outcome is None or work.outcome.state == "refused":
                continue
            if work.refused is not None:
                work.changes += self.refusals.forgive(work.refused)
            elif suspect:
                self.refusals.untell(work.key)
        return self.commits.write([(work, work.changes) for work in works])

    # --- settings -------------------------------------------------------------------------------------------

    def _refresh(self, keys: list[str], *, suspect: bool) -> list[Outcome]:
        """Takes new settings and templates into force; everything is then published anew."""
        try:
            changed = self.imprints.refresh()
        except Invalid as error:
            return self.refusals.refuse_settings(error)
        self.refusals.accept_settings(keys)
        if changed or suspect:
            ask_for_all(self.table, self.queue)
            ask_for_notices(self.table, self.queue, self.imprints.current().fingerprint)
        state: State = "updated" if changed else "unchanged"
        return [Outcome(key=key, state=state, kind="settings") for key in keys]

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
            overwritten = self._settle(paths, doubtful)
        self.announce([news for stage in stages for news in stage.news])
        ask(self.queue, sorted(set().union(*(stage.awake for stage in stages))), force=True)
        again = [key for stage in stages for key, etag in stage.etags.items() if self._etag(key) != etag]
        return list(dict.fromkeys([*again, *sorted(overwritten)]))

    def _settle(self, paths: Iterable[str], doubtful: Iterable[str] = ()) -> set[str]:
        """Redirects and tombstones at `paths`, and again where the settings have changed meanwhile.

        Returns the keys whose page was written over.
        """
        wanted, suspected, overwritten = sorted(paths), set(doubtful), set[str]()
        imprint, before = self.imprints.current(), ""
        while imprint.fingerprint != before:
            before = imprint.fingerprint
            overwritten |= {
                self.addresses.settle(path, imprint.theme, doubtful=path in suspected) for path in wanted
            }
            imprint = self.imprints.current()
        return overwritten - {""}

    def close(self, stages: Sequence[Stage]) -> None:
        """Ends the batches, when nothing is left to look at again."""
        self.table.write_each([stage.attempt.drop() for stage in stages])

    def renderer(self) -> Renderer:
        """Renders collections with the imprint in force."""
        return Renderer(site=self.site, table=self.table, imprint=self.imprints.current(), ping=self.ping)

    def _etag(self, key: str) -> str:
        if is_left_alone(key):
            return ""
        try:
            return self.content.head(key).etag
        except NotFound:
            return ""


def _shown_in(work: Work, imprint: Imprint) -> set[str]:
    """The collections that list the article, as it was and as it is to be."""
    sources = (work.old, work.settled.source if work.settled else None)
    return {
        name
        for source in sources
        if source and source.collections
        for name in (*source.collections, *source.spans(zone_of(imprint.publication)))
    }
