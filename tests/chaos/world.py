"""A publication on fakes: its editor, its workers, and what must hold once all is quiet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from random import Random
from typing import Any

import orjson

from pressrun.errors import Transient
from pressrun.ports import ObjectStore, Put, Queue, Table
from pressrun.rendering.theme import Theme
from pressrun.services import imprint, sweep
from pressrun.services.imprint import Imprints
from pressrun.services.publish import Publisher
from tests.chaos.chaos import ChaoticQueue, ChaoticStore, ChaoticTable, Scheduler, Violation
from tests.chaos.fakes import MemoryQueue, MemoryStore, MemoryTable, ignore
from tests.chaos.readers import Observer, archived, subscribed
from tests.chaos.sources import PICTURE, SETTINGS_KEY, Draft, settings
from tests.conftest import FrozenClock

TIMEOUT = 15 * 60  # seconds: no function runs for longer
POISON = "no event at all"


@lru_cache(maxsize=64)
def _theme(publication: bytes, templates: bytes) -> Theme:
    from pressrun.domain.publication import Publication

    return Theme(Publication.from_item(orjson.loads(publication)), orjson.loads(templates))


def theme(publication: Any, templates: Any) -> Theme:
    """A theme made once for all worlds: compiling templates would be most of a test's time."""
    return _theme(orjson.dumps(publication.to_item()), orjson.dumps(templates))


@dataclass
class Kit:
    """What a world is made of; a mutant replaces a part."""

    store: Callable[[ObjectStore, Scheduler, str], ObjectStore] = ChaoticStore
    table: Callable[[Table, Scheduler], Table] = ChaoticTable
    queue: Callable[[Queue, Scheduler], Queue] = ChaoticQueue
    publisher: Callable[..., Publisher] = Publisher


@dataclass
class Backends:
    """One set of stores."""

    content: ObjectStore
    site: MemoryStore
    reports: MemoryStore
    table: MemoryTable
    queue: MemoryQueue


class World:
    """One publication and all that happens to it."""

    def __init__(self, kit: Kit | None = None) -> None:
        imprint.theme_of = theme
        self.kit = kit or Kit()
        self.clock = FrozenClock()
        self.scheduler = Scheduler()
        self.nonces = count(1)
        self.content = MemoryStore(self.clock)
        self.observer = Observer()
        self.there = self._backends(self.observer)
        self.drafts: dict[str, Draft] = {}  # what stands under a key now, if it can be read
        self.past: dict[str, set[str]] = {}  # titles that ever stood under a key
        self.moved: set[str] = set()
        self.bad: set[str] = set()

    def copy(self) -> World:
        """Another world that is as this one is; all workers here must be done."""
        other = World(self.kit)
        other.clock.time = self.clock.time
        other.nonces = count(1000)
        for mine, theirs in (
            (self.content, other.content),
            (self.there.site, other.there.site),
            (self.there.reports, other.there.reports),
            (self.there.table, other.there.table),
            (self.there.queue, other.there.queue),
        ):
            theirs.take(mine)  # type: ignore[attr-defined]
        other.observer.take(self.observer)
        other.drafts, other.bad, other.moved = {**self.drafts}, {*self.bad}, {*self.moved}
        other.past = {key: {*titles} for key, titles in self.past.items()}
        return other

    def _backends(self, observer: Observer | None = None) -> Backends:
        site = MemoryStore(self.clock, observer or ignore)
        if observer:
            observer.site = site
        queue = MemoryQueue(self.clock, shuffle=self._shuffle)
        return Backends(self.content, site, MemoryStore(self.clock), MemoryTable(), queue)

    def _shuffle(self, names: list[str]) -> None:
        self.scheduler.random.shuffle(names)

    # --- the editor -------------------------------------------------------------------------------------------

    def upload(self, key: str, body: bytes, *events: int) -> None:
        """A file is put; for each event a message after so many seconds (none: the event is lost)."""
        self.content.put(Put(key=key, body=body, content_type=""))
        self.bad.discard(key)
        self.drafts.pop(key, None)
        self.tell(key, *events)

    def write(self, key: str, draft: Draft, *events: int) -> None:
        """An article is put."""
        self.upload(key, draft.file(key), *events)
        self.drafts[key] = draft
        self.past.setdefault(key, set()).add(draft.title)

    def spoil(self, key: str, body: bytes, *events: int) -> None:
        """A file that cannot be published is put."""
        self.upload(key, body, *events)
        self.bad.add(key)

    def remove(self, key: str, *events: int) -> None:
        """A file is deleted."""
        self.content.delete(key)
        self.bad.discard(key)
        self.drafts.pop(key, None)
        self.tell(key, *events)

    def tell(self, key: str, *events: int) -> None:
        for delay in events:
            body = {"pressrun": "publish", "keys": [key], "collections": [], "force": False}
            self.there.queue.send([orjson.dumps(body).decode()], delay=delay)

    # --- the workers ------------------------------------------------------------------------------------------

    def publisher(self) -> Publisher:
        """What one invocation works with."""
        kit, there, scheduler = self.kit, self.there, self.scheduler
        content = kit.store(there.content, scheduler, "content")
        table = kit.table(there.table, scheduler)
        return kit.publisher(
            content=content,
            site=kit.store(there.site, scheduler, "site"),
            reports=kit.store(there.reports, scheduler, "reports"),
            table=table,
            queue=kit.queue(there.queue, scheduler),
            clock=self.clock,
            nonce=self.nonce,
            imprints=Imprints(content, table),
        )

    def nonce(self) -> str:
        return f"{next(self.nonces):04}"

    def invoke(self) -> None:
        """Starts a worker that takes some messages, as Lambda would hand them to it."""
        limit = self.scheduler.random.randint(1, 8)
        self.scheduler.spawn(lambda: handle(self.publisher(), limit))

    def tick(self) -> None:
        """Starts a worker on the minute's tick."""
        self.scheduler.spawn(lambda: sweep.tick(self.publisher()) and None)

    def pass_time(self, seconds: int) -> None:
        """Who has not come to an end by the time limit is stopped."""
        if seconds >= TIMEOUT:
            self.scheduler.kill()
        self.clock.advance(seconds)

    def work(self, seed: int, steps: int | None, *, trouble: float, turn: float) -> None:
        """Lets the workers that there are go on for so many operations."""
        scheduler = self.scheduler
        scheduler.random, scheduler.trouble, scheduler.turn = Random(seed), trouble, turn
        scheduler.run(steps)

    # --- quiet --------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Everything works again, every message is delivered, every lease runs out; until nothing is left to do."""
        self.work(1, None, trouble=0, turn=0.5)
        for _ in range(12):
            self.pass_time(2 * 3600)
            self.tick()
            self.work(1, None, trouble=0, turn=0.5)
            while self.there.queue.waiting():
                before = self.there.queue.waiting()
                for _ in range(3):
                    self.invoke()
                self.work(1, None, trouble=0, turn=0.5)
                if self.there.queue.waiting() >= before:
                    self.clock.advance(901)  # what failed, or came late, comes again
            if not list(self.there.table.query("attempt")) and not self._changed() and not self._replaced():
                return
        raise Violation(f"never quiet: {list(self.there.table.query('attempt'))}, {self._changed()}")

    def _replaced(self) -> list[str]:
        """Pictures whose former variants are still there for who reads a page of a moment ago."""
        return [row.sort for row in self.there.table.query("due") if row.sort.endswith(f"#{PICTURE}")]

    def _changed(self) -> list[str]:
        refused = {row.sort for row in self.there.table.query("refused")}
        return [key for key in sweep.changed_keys(self.publisher()) if key not in refused]

    def check(self) -> None:
        """What must hold when all is quiet; then the editor mends what was refused, and everything must."""
        self.settle()
        self._check_reports()
        self._check_articles()
        self._check_replays()
        for key in sorted(self._refused()):
            if key == SETTINGS_KEY:
                self.upload(key, settings(), 0)
            else:
                self.remove(key, 0)
        self.settle()
        self._check_articles()
        self._check_rebuild()

    def _refused(self) -> set[str]:
        return {row.sort for row in self.there.table.query("refused")}

    def _check_reports(self) -> None:
        """19: whose file is wrong is told which and where, and nobody else."""
        refused, reported = self._refused(), self.there.reports.bodies()
        if {f"{key}.json" for key in refused} != set(reported):
            raise Violation(f"refused are {refused}, reported {set(reported)}")
        for name, body in reported.items():
            for problem in orjson.loads(body)["problems"]:
                if f"{problem['file']}.json" != name or problem["line"] < 1 or not problem["todo"]:
                    raise Violation(f"{name} says {problem}")
        if not self.bad <= refused:
            raise Violation(f"wrong and not refused: {self.bad - refused}")
        for key in refused - self.bad:
            if key not in self.drafts or not self._contested(key, self.drafts[key]):
                raise Violation(f"{key} is refused for nothing: {reported[f'{key}.json']!r}")

    def _contested(self, key: str, draft: Draft) -> bool:
        """Whether another file wants what this one wants, or had it before it went wrong itself."""
        refused = self._refused()
        wanted = {draft.path(key), draft.alias.lstrip("/")} - {""}
        return any(
            other != key
            and (
                other in refused
                or draft.id == rival.id
                or wanted & {rival.path(other), rival.alias.lstrip("/")}
            )
            for other, rival in self.drafts.items()
        ) or any(other != key for other in self.bad)

    def _check_articles(self) -> None:
        """1, 3 and 4: who is published stands in each of its feeds and has a page; nobody else has."""
        refused, now = self._refused(), self.clock.now()
        live = {key: draft for key, draft in self.drafts.items() if key not in refused and draft.visible(now)}
        maybe = {title for key in refused for title in self.past.get(key, ())}
        expected = {
            (draft.feed_id, draft.title, f"{draft.path(key)}index.html") for key, draft in live.items()
        }
        site = self.there.site
        for name in ("feed.xml", "atom.xml", "feed.json"):
            found = {(entry.id, entry.title, entry.path) for entry in archived(site, name)}
            if missing := expected - found:
                raise Violation(f"not in {name} or its archives: {missing}")
            if more := {entry for entry in found - expected if entry[1] not in maybe}:
                raise Violation(f"in {name} or its archives, but not published: {more}")
        pages = {
            key
            for key, blob in site.objects.items()
            if key.endswith("/index.html")
            and key.split("/")[0]
            not in {"tags", "authors", "series", "archive", "feeds", "search", "readers"}
            and "status" not in blob.metadata
        }
        if missing_pages := {path for _, _, path in expected} - pages:
            raise Violation(f"pages are missing: {missing_pages}")
        if not refused:
            if pages != {path for _, _, path in expected}:
                raise Violation(f"pages of nobody: {pages - {path for _, _, path in expected}}")
            self._check_feeds(list(live.values()))
        self._check_redirects()

    def _check_feeds(self, live: list[Draft]) -> None:
        """Each feed shows the newest of its articles, each once."""
        limit = self._entries()
        folders = {"", *(folder for draft in live for folder in draft.collections())}
        for folder in sorted(folders):
            members = [draft for draft in live if folder in draft.collections()]
            newest = sorted(members, key=lambda draft: (draft.published, draft.feed_id), reverse=True)
            found = [entry.id for entry in subscribed(self.there.site, folder)]
            if found != [draft.feed_id for draft in newest][:limit]:
                raise Violation(f"{folder or 'the site'} shows {found} of {[d.feed_id for d in newest]}")
        for key in self.there.site.objects:
            if key.endswith("feed.json") and not key.startswith("archive/"):  # noqa: SIM102
                if key.removesuffix("feed.json") not in folders:
                    raise Violation(f"{key} is the feed of nothing")

    def _entries(self) -> int:
        row: Any = self.there.table.get("site", "publication")
        return int(row.item["publication"]["feed"]["entries"])

    def _check_redirects(self) -> None:
        for key, blob in self.there.site.objects.items():
            if blob.metadata.get("status") == "301":
                target = f"{blob.metadata['location'].removeprefix('/')}index.html"
                page = self.there.site.objects.get(target)
                if page is None or page.metadata.get("status") == "301":
                    raise Violation(f"{key} leads to {target}, where nothing stands")

    def _check_replays(self) -> None:
        """4: events that come again, from any time, change nothing."""
        before, rows = self.there.site.bodies(), self._rows(self.there.table)
        for key in sorted({*self.past, *self.drafts, *self.bad}):
            self.tell(key, 0)
        self.settle()
        if changed := _differences(before, self.there.site.bodies()) + _differences(
            rows, self._rows(self.there.table)
        ):
            raise Violation(f"replayed events changed something: {changed}")

    def _check_rebuild(self) -> None:
        """5: a clean rebuild gives the same bytes and the same catalogue."""
        clean = self._backends()
        imprints = Imprints(clean.content, clean.table)
        publisher = Publisher(
            content=clean.content,
            site=clean.site,
            reports=clean.reports,
            table=clean.table,
            queue=clean.queue,
            clock=self.clock,
            nonce=self.nonce,
            imprints=imprints,
        )
        sweep.bring_in_line(publisher)
        ours, theirs = _served(self.there.site), _served(clean.site)
        if ours != theirs:
            raise Violation(f"not as a clean rebuild: {_differences(ours, theirs)}")
        here, there = self._rows(self.there.table), self._rows(clean.table)
        if here != there:
            raise Violation(f"the catalogue is not as after a clean rebuild: {_differences(here, there)}")

    def _rows(self, table: MemoryTable) -> dict[str, Any]:
        kept = ("in ", "entry", "due", "terms ", "spans ")
        return {
            f"{name}/{row.sort}": row.item
            for name in table.partitions()
            if name.startswith(kept)
            for row in table.query(name)
        }


def handle(publisher: Publisher, limit: int) -> None:
    """A batch of messages, as the function handles it: all at once, and where that fails, one by one."""
    messages = publisher.queue.receive(limit, visibility=TIMEOUT)
    requests = {}
    for message in messages:
        if message.body == POISON:
            publisher.queue.release(message, cause="no event")
        else:
            requests[message.id] = (message, orjson.loads(message.body))
    try:
        _publish(publisher, [request for _, request in requests.values()])
        done = list(requests.values())
    except Transient:
        done = []
        for message, request in requests.values():
            try:
                _publish(publisher, [request])
                done.append((message, request))
            except Transient as error:
                publisher.queue.release(message, cause=str(error))
    for message, _ in done:
        publisher.queue.acknowledge(message)


def _publish(publisher: Publisher, requests: Iterable[dict[str, Any]]) -> None:
    wanted = list(requests)
    for force in (False, True):
        keys = [key for request in wanted if request["force"] is force for key in request["keys"]]
        if keys:
            publisher.publish(keys, force=force)
    collections = {name for request in wanted for name in request["collections"]}
    if collections:
        publisher.render(collections)


def _served(site: MemoryStore) -> dict[str, tuple[bytes, str, str]]:
    return {
        key: (blob.body, blob.content_type, blob.cache_control)
        for key, blob in site.objects.items()
        if "status" not in blob.metadata
    }


def _differences(here: dict[str, Any], there: dict[str, Any]) -> str:
    """Where two sides differ, from the first byte that does."""
    found = []
    for key in sorted({*here, *there}):
        one, two = repr(here.get(key)), repr(there.get(key))
        if one != two:
            same = next((at for at, pair in enumerate(zip(one, two, strict=False)) if pair[0] != pair[1]), 0)
            at = max(0, same - 40)
            found.append(f"{key}: …{one[at : at + 120]} is …{two[at : at + 120]}")
    return "\n".join(found[:8])
