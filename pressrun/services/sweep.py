"""What was lost, what is due, and what is to be done from the beginning: everything that no event tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from pressrun.domain.pictures import card_key
from pressrun.domain.spans import DIRECTORY, SITE, instant
from pressrun.domain.urls import page_key
from pressrun.errors import Invalid, Permanent
from pressrun.parsing.keys import is_article, is_left_alone
from pressrun.ports import Save, nobody
from pressrun.services.asking import ask, ask_for_notices
from pressrun.services.catalogue import attempt_of, source_of
from pressrun.services.collections import Wave
from pressrun.services.imprint import is_setting
from pressrun.services.pictures import made_before, variants_of
from pressrun.services.publish import Publisher
from pressrun.services.work import Outcome, Stage

LEASE = timedelta(
    minutes=20
)  # an attempt older than this has died: no function runs for longer than 15 minutes
SWEEP_EVERY = timedelta(hours=1)
CHUNK = 64
TOGETHER = 8  # collections rendered at a time: their documents are in memory together, up to 10 MB of each
Progress = Callable[[int, int], None]


def changed_keys(publisher: Publisher) -> list[str]:
    """Files that are not as the catalogue knows them: new, changed, gone, refused, due, or in an older look.

    Other files come before articles, so that an article finds its pictures' sizes. One read of each side.
    """
    return compare(publisher)[0]


def compare(publisher: Publisher) -> tuple[list[str], int]:
    """`changed_keys`, and how many files are as they were."""
    imprint = publisher.imprints.current()
    fingerprint, images = imprint.fingerprint, imprint.publication.images
    now = publisher.clock.now().isoformat()
    known = {row.sort: row.item for row in publisher.table.query("source")}
    refused = {row.sort for row in publisher.table.query("refused")}
    changed = []
    same = 0
    empty = True
    for stat in publisher.content.list():
        empty = False
        if is_setting(stat.key) or is_left_alone(stat.key):
            continue
        item = known.pop(stat.key, None)
        if (
            item is None
            or item["etag"] != stat.etag
            or stat.key in refused
            or (item["state"] != "asset" and item.get("theme") != fingerprint)
            or made_before(item, images)
            or ("due" in item and str(item["due"]) <= now)
        ):
            changed.append(stat.key)
        else:
            same += 1
        refused.discard(stat.key)
    if empty and known:
        raise Permanent(
            f"the content is empty, though {len(known)} files of it are published; if all of them are to be withdrawn, "
            "leave a file there, such as pressrun.toml"
        )
    gone = [*known, *(key for key in refused if not is_setting(key) and key not in known)]
    return [*gone, *sorted(changed, key=lambda key: (is_article(key), key))], same


def lost_output(publisher: Publisher) -> tuple[list[str], set[str]]:
    """What the site no longer holds though the catalogue says so: files to publish anew, collections to render anew.

    Redirects and tombstones that are gone are put back at once. Costs one listing of the site.
    """
    there = {stat.key: stat.etag for stat in publisher.site.list()}
    files = []
    for row in publisher.table.query("source"):
        asset, live = row.item["state"] == "asset", row.item["state"] == "published"
        wanted = {row.sort, *variants_of(source_of(row))} if asset else set()
        if live:
            path = str(row.item["path"])
            wanted = {page_key(path), *([card_key(path)] if row.item.get("drawn") else [])}
        if not there.keys() >= wanted:
            files.append(row.sort)
    collections = set()
    for row in publisher.table.query("collection"):
        objects: Any = row.item["objects"]
        if any(there.get(key) != etag for key, (etag, _) in objects.items()):
            collections.add(row.sort)
    for row in publisher.table.query("path"):
        path = str(row.item["path"])
        if row.item["kind"] != "article" and page_key(path) not in there:
            publisher.addresses.settle(path, publisher.imprints.current().theme)
    return files, collections


def due_keys(publisher: Publisher) -> list[str]:
    """Files whose time has come."""
    now = publisher.clock.now()
    return [key for due, key in _awaited(publisher) if due <= now]


def next_due(publisher: Publisher) -> timedelta | None:
    """How long it is until the next file's time comes; None where none waits."""
    now = publisher.clock.now()
    return min((due - now for due, _ in _awaited(publisher) if due > now), default=None)


def _awaited(publisher: Publisher) -> Iterable[tuple[datetime, str]]:
    for row in publisher.table.query("due"):
        due, _, key = row.sort.partition("#")
        yield datetime.fromisoformat(due), key


def redo_lost(publisher: Publisher, *, lease: timedelta = LEASE) -> list[Outcome]:
    """Does the work of batches that began longer than `lease` ago and never finished."""
    before = instant(publisher.clock.now() - lease)
    outcomes: list[Outcome] = []
    for row in list(publisher.table.query("attempt", high=f"{before}~")):
        outcomes += publisher.redo(attempt_of(row))
    return outcomes


def tick(publisher: Publisher) -> list[Outcome]:
    """A minute's work: what is due and what was lost; once an hour, a look at every file."""
    outcomes = redo_lost(publisher)
    due = due_keys(publisher)
    if due:
        outcomes += publisher.publish(due)
    now = publisher.clock.now()
    row = publisher.table.get("site", "swept")
    if row is None or now - datetime.fromisoformat(str(row.item["at"])) >= SWEEP_EVERY:
        ask(publisher.queue, changed_keys(publisher))
        ask(publisher.queue, ["pressrun.toml"])
        _ask_for_notices(publisher)
        publisher.table.write([Save(partition="site", sort="swept", item={"at": now.isoformat()})])
    return outcomes


def handle(publisher: Publisher, body: str) -> list[Outcome]:
    """A message of our own: files to publish, collections to render."""
    request: Any = orjson.loads(body)
    outcomes = (
        publisher.publish(request["keys"], force=request.get("force", False)) if request["keys"] else []
    )
    if request.get("collections"):
        publisher.render(request["collections"])
    if request.get("paths"):
        outcomes += publisher.renew(request["paths"])
    return outcomes


def drain(publisher: Publisher) -> list[Outcome]:
    """Handles our own messages until none is left."""
    outcomes: list[Outcome] = []
    while messages := publisher.queue.receive(10, visibility=600):
        for message in messages:
            outcomes += handle(publisher, message.body)
            publisher.queue.acknowledge(message)
    return outcomes


@dataclass(slots=True)
class Report:
    """What a run over the whole content did."""

    outcomes: list[Outcome] = field(default_factory=list)
    unchanged: int = 0  # files that were not even read

    def of(self, *states: str) -> list[Outcome]:
        """The outcomes in one of the states."""
        return [outcome for outcome in self.outcomes if outcome.state in states]


@dataclass(frozen=True, slots=True)
class Hands:
    """Other processes to share the work with: functions of this module's kind, run by an executor."""

    executor: Executor
    store: Callable[[list[str]], Stage]
    wave: Wave
    count: int


Share = Callable[[int], AbstractContextManager[Hands | None]]


def _alone(_: int) -> AbstractContextManager[None]:
    return nullcontext()


def bring_in_line(
    publisher: Publisher,
    *,
    share: Share = _alone,
    progress: Progress = nobody,
    keys: Iterable[str] | None = None,
) -> Report:
    """Brings everything in line with the content, or `keys` alone, and takes over what a dead run left behind.

    `share` is asked for hands once it is known how many files there are to publish.
    """
    report = Report()
    report.outcomes += redo_lost(publisher, lease=timedelta(0))
    report.outcomes += _settings(publisher)
    _ask_for_notices(publisher)
    wanted = list(keys or ())
    if keys is None:
        wanted, same = compare(publisher)
        redone = {outcome.key for outcome in report.outcomes} - set(wanted)
        report.unchanged = max(0, same - len(redone))
    lost_files: list[str] = []
    lost_collections: set[str] = set()
    if keys is None:  # before anything is written: what is new need not be looked at
        lost_files, lost_collections = lost_output(publisher)
    with share(len(wanted)) as hands:
        stages = _store(publisher, wanted, hands, progress)
        for start in range(0, len(lost_files), CHUNK):
            stages.append(publisher.store(lost_files[start : start + CHUNK], force=True, suspect=True))
        for stage in stages:
            report.outcomes += stage.outcomes
        renderer = publisher.renderer()
        names = set().union(*(stage.touched for stage in stages))
        if keys is None:
            names |= renderer.unfinished()
            if publisher.table.get("collection", DIRECTORY) is None:
                names |= {SITE, DIRECTORY}  # every site has these, an empty one too
        renderer.bump(names - lost_collections)
        renderer.bump(lost_collections, suspect=True)
        names |= lost_collections
        renderer.render(names, _shared(renderer.wave, hands))
    again = publisher.conclude(stages)
    if again:
        report.outcomes += publisher.publish(again, force=True, suspect=True)
    publisher.close(stages)
    awoken = [outcome for outcome in drain(publisher) if outcome.state not in {"unchanged", "ignored"}]
    let_in = {outcome.key for outcome in awoken if outcome.state != "refused"}
    report.outcomes = [o for o in _once(report.outcomes) if o.state != "refused" or o.key not in let_in]
    seen = {outcome.key for outcome in report.outcomes}
    report.outcomes += [outcome for outcome in awoken if outcome.key not in seen]
    return report


def _once(outcomes: Iterable[Outcome]) -> Iterable[Outcome]:
    """The last outcome of each file that says what became of it; a dead run's files may have been done twice."""
    found: dict[str, Outcome] = {}
    for outcome in outcomes:
        before = found.get(outcome.key)
        again = outcome.state in {"unchanged", "ignored"}
        if before is None or not (again or (before.state, outcome.state) == ("published", "updated")):
            found[outcome.key] = outcome
    return found.values()


def _settings(publisher: Publisher) -> list[Outcome]:
    """Takes the settings and templates as they are now into force; what they change is found by its look."""
    keys = {row.sort for row in publisher.table.query("refused") if is_setting(row.sort)}
    try:
        publisher.imprints.refresh()
    except Invalid as error:
        return publisher.refusals.refuse_settings(error)
    publisher.refusals.accept_settings(keys)
    return []


def _ask_for_notices(publisher: Publisher) -> None:
    ask_for_notices(publisher.table, publisher.queue, publisher.imprints.current().fingerprint)


def _store(publisher: Publisher, keys: list[str], hands: Hands | None, progress: Progress) -> list[Stage]:
    chunks = [keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK)]
    done = 0
    stages: list[Stage] = []
    mapped: Iterable[Stage]
    mapped = hands.executor.map(hands.store, chunks) if hands else map(publisher.store, chunks)
    for stage in mapped:
        stages.append(stage)
        done += len(stage.attempt.keys)
        progress(done, len(keys))
    return stages


def _shared(wave: Wave, hands: Hands | None) -> Wave:
    """`wave` some collections at a time, over several processes where there are."""

    def shared(names: list[str], within: frozenset[str]) -> set[str]:
        size = max(1, min(TOGETHER // hands.count, len(names) // (hands.count * 2))) if hands else TOGETHER
        pieces = [names[start : start + size] for start in range(0, len(names), size)]
        if hands is None or len(pieces) < 2:
            return set().union(*(wave(piece, within) for piece in pieces))
        return set().union(*hands.executor.map(hands.wave, pieces, [within] * len(pieces)))

    return shared
