"""Bringing a publication back from an archive, into a home that is empty or is replaced.

What has happened to readers since is never undone: whom this home knows stays as they are here, and so does an issue
that it knows, since it may have been sent. Of the issues in the archive, those that were being sent are paused, and
those whose time has passed wait for a person: what became of them since the backup, nobody here knows.

The order lets functions that are awake do no harm: rows, then the site, then the content, whose events find everything
as it was, then what has a time. A mark in the Table keeps sweeps away meanwhile, and says which restore is under way,
so that it can be done again after a crash. Every step can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from pressrun.domain.spans import instant
from pressrun.errors import Conflict, NotFound, Permanent, Transient
from pressrun.ports import Clock, Drop, Item, ObjectStore, Put, Row, Save, Stat, Table
from pressrun.services.archive import Archive, Entry
from pressrun.services.newsroom import Newsroom

MARK: Final = ("restore", "mark")
SWEPT: Final = ("site", "swept")
IMPRINT: Final = ("site", "publication")
TIMED: Final = frozenset({"due", "issues due", "attempt"})
"""Partitions that make functions act: written when everything else is there."""
KEYS: Final = ("secrets", "tokens")
SENT: Final = frozenset({"announced", "news", "issues open", "issues due", "waiting", "consent"})
DIGEST: Final = "digest "
PASSED: Final = "its time passed between the backup and now"
SENT_OF: Final = ("issue ", "plan ", "batch ", "todo ", "uncertain ", "tally ", DIGEST)
HELD: Final = timedelta(days=2)  # how far ahead the next sweep is put while this goes on
TOGETHER: Final = 50  # rows of one conditional write
PUTS: Final = 32
PUT_BYTES: Final = 32_000_000

Told = Callable[[str, int], None]


@dataclass(slots=True)
class Restored:
    """What a restore did."""

    rows: int = 0
    objects: int = 0  # written; those that were there already are not counted
    removed: int = 0  # rows and objects of what was replaced
    paused: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    kept_issues: int = 0
    kept_readers: int = 0


class Restore:
    """One archive into one home."""

    def __init__(
        self,
        archive: Archive,
        *,
        table: Table,
        stores: Mapping[str, ObjectStore],
        newsroom: Newsroom,
        clock: Clock,
    ) -> None:
        self._archive = archive
        self._table = table
        self._stores = stores
        self._newsroom = newsroom
        self._clock = clock
        self._kept: set[str] = set()  # issues and digests that this home knew before
        self.done = Restored()

    def run(self, *, replace: bool, told: Told) -> Restored:
        """Checks the archive as a whole, and then writes. Raises Permanent, Transient; can be called again."""
        self._archive.verify(told)
        self._begin(replace=replace)
        self._clear()
        self._rows(told, timed=False)
        for name in ("site", "mail", "views", "errors", "content"):
            self._objects(name, told)
        for name in ("site", "views", "errors", "content"):
            self._prune(name)
        self._mend_etags()
        for issue in self._under_way():
            self._newsroom.ledger.disown(issue)
        self._rows(told, timed=True)
        self._table.write(
            [
                Save(partition=SWEPT[0], sort=SWEPT[1], item={"at": self._clock.now().isoformat()}),
                Drop(partition=MARK[0], sort=MARK[1]),
            ]
        )
        return self.done

    # --- begin ------------------------------------------------------------------------------------------------

    def _begin(self, *, replace: bool) -> None:
        mark = self._table.get(*MARK)
        going_on = mark is not None and mark.item["archive"] == self._archive.id
        what = "" if going_on else occupied(self._table, self._stores["content"])
        if what and not replace:
            raise Permanent(
                f"there is a publication here already ({what}); restore into an empty home, or say --replace"
            )
        if going_on and mark is not None:
            kept: Any = mark.item["kept"]
            self._kept = set(kept)
        elif what:
            known = [row for row in self._table.scan() if row.partition.startswith(("issue ", DIGEST))]
            issues = [row for row in known if row.partition.startswith("issue ")]
            active = [row.sort for row in issues if row.item["state"] in {"planning", "sending"}]
            if active:
                raise Permanent(f"{active[0]} is being sent; `pressrun issue pause {active[0]}` first")
            self._kept = {f"{row.partition.removeprefix('issue ')}/{row.sort}" for row in known}
        self.done.kept_issues = sum(not name.startswith(DIGEST) for name in self._kept)
        item: Item = {"archive": self._archive.id, "kept": [*sorted(self._kept)]}
        until = (self._clock.now() + HELD).isoformat()
        self._table.write(
            [
                Save(partition=MARK[0], sort=MARK[1], item=item),
                Save(partition=SWEPT[0], sort=SWEPT[1], item={"at": until}),
            ]
        )

    def _clear(self) -> None:
        """Drops the rows of what was here, but readers and what was sent."""

        def stale() -> Iterator[Drop]:
            for row in self._table.scan():
                if not _stays(row):
                    self.done.removed += 1
                    yield Drop(partition=row.partition, sort=row.sort)

        self._table.write_each(stale())

    # --- rows -------------------------------------------------------------------------------------------------

    def _rows(self, told: Told, *, timed: bool) -> None:
        remaining = (row for row in self._archive.rows() if _is_timed(row[0]) == timed)
        while piece := list(islice(remaining, 500)):
            there = self._table.get_many([(p, s) for p, s, _ in piece if _is_kept_kind(p) or (p, s) == KEYS])
            self._table.write_each(self._saves(piece, there))
            told("rows", self.done.rows)

    def _saves(
        self, piece: Iterable[tuple[str, str, Item]], there: Mapping[tuple[str, str], Row]
    ) -> Iterator[Save]:
        for partition, sort, item in piece:
            if (partition, sort) == SWEPT or self._issue_of(partition, sort) in self._kept:
                continue
            if partition.startswith(DIGEST):
                self._digest(partition.removeprefix(DIGEST), sort, item)
                continue
            row = there.get((partition, sort))
            if row is not None and _prevails(partition):
                self.done.kept_readers += partition.startswith("reader ") and row.item != item
                continue
            self.done.rows += 1
            both = row is not None and (partition, sort) == KEYS
            wanted = _both_keys(row.item, item) if row and both else self._safe(partition, sort, item)
            yield Save(partition=partition, sort=sort, item=wanted)

    def _digest(self, newsletter: str, rhythm: Any, item: Item) -> None:
        """A digest whose time has passed since may have gone out from the other home: it waits for a person."""
        if f"{DIGEST}{newsletter}/{rhythm}" in self._kept:
            return
        self.done.rows += 1
        since: Any = item["until"]
        issue = self._newsroom.digests.resume(newsletter, rhythm, since, PASSED)
        if issue is not None:
            self.done.waiting.append(f"{issue.newsletter}/{issue.id}")

    def _issue_of(self, partition: str, sort: str) -> str:
        """The issue that a row belongs to, as newsletter/id; "" for any other row."""
        kind, _, name = partition.partition(" ")
        if kind == "issue":
            return f"{name}/{sort}"
        if kind in {"plan", "todo", "uncertain", "tally"}:
            return name
        if kind == "batch":
            return name.rpartition(" ")[0]
        if partition == "issues due":
            return "/".join(sort.split("#")[1:])
        return sort.replace("#", "/") if partition == "issues open" else ""

    def _safe(self, partition: str, sort: str, item: Item) -> Item:
        """An issue that was being sent is paused; one whose time has passed since waits."""
        if not partition.startswith("issue "):
            return item
        name = f"{partition.removeprefix('issue ')}/{sort}"
        if item["state"] in {"planning", "sending"}:
            self.done.paused.append(name)
            reason = "restored from a backup that was made while it was being sent"
            return {**item, "state": "paused", "resumes": item["state"], "reason": reason}
        if item["state"] == "cooling" and str(item.get("due", "")) <= instant(self._clock.now()):
            self.done.waiting.append(name)
            rest = {key: value for key, value in item.items() if key != "due"}
            return {**rest, "state": "waiting", "reason": PASSED}
        return item

    def _under_way(self) -> Iterator[Any]:
        for issue in self._newsroom.issues.under_way():
            if f"{issue.newsletter}/{issue.id}" not in self._kept:
                yield issue

    # --- objects ----------------------------------------------------------------------------------------------

    def _objects(self, name: str, told: Told) -> None:
        """Writes what is not there, or differs. No letter is written over: its name is its digest's."""
        store = self._stores[name]
        there = {stat.key: stat for stat in store.list()}
        batch: list[Put] = []
        size = 0
        for number, entry in enumerate(self._archive.entries(name), 1):
            body = self._archive.body(entry)
            if batch and (len(batch) == PUTS or size + len(body) > PUT_BYTES):
                self._put(store, batch)
                batch, size = [], 0
            stat = there.get(entry.key)
            if stat is None or (
                name != "mail" and not _same(store, entry, stat, body, headers=name == "site")
            ):
                batch.append(_put_of(entry, body, stat))
                size += len(body)
            told(name, number)
        self._put(store, batch)

    def _put(self, store: ObjectStore, puts: list[Put]) -> None:
        try:
            results = store.put_many(puts)
        except ValueError as error:
            raise Permanent(f"this backup names what cannot be stored: {error}") from None
        for result in results:
            if isinstance(result, (Conflict, Transient)):
                raise Transient(str(result))
        self.done.objects += len(puts)

    def _prune(self, name: str) -> None:
        """Deletes the objects of what was here before."""
        wanted = {entry.key for entry in self._archive.entries(name)}
        for stat in list(self._stores[name].list()):
            if stat.key not in wanted:
                self._stores[name].delete(stat.key)
                self.done.removed += 1

    # --- etags --------------------------------------------------------------------------------------------------

    def _mend_etags(self) -> None:
        """Rows know objects by their etags, which every backend makes in its own way."""
        content, site = self._etags("content"), self._etags("site")
        self._rewrite("source", lambda row: _with_etag(row, content))
        self._rewrite("refused", lambda row: _with_etag(row, content))
        self._rewrite("collection", lambda row: _with_objects(row, site))

    def _etags(self, name: str) -> dict[tuple[str, str], str]:
        """The etag that an object has now, by its key and the etag that it had."""
        now = {stat.key: stat.etag for stat in self._stores[name].list()}
        return {(e.key, e.etag): now[e.key] for e in self._archive.entries(name) if e.key in now}

    def _rewrite(self, partition: str, change: Callable[[Row], Item | None]) -> None:
        changes: list[Save] = []
        for row in self._table.query(partition):
            item = change(row)
            if item is not None and item != row.item:
                changes.append(Save(partition=partition, sort=row.sort, item=item, expect=row.version))
        for start in range(0, len(changes), TOGETHER):
            self._write(changes[start : start + TOGETHER])

    def _write(self, changes: list[Save]) -> None:
        """A row that a function has written meanwhile has the right etag already."""
        try:
            self._table.write(changes)
        except (Conflict, Permanent):  # Permanent: too large together
            if len(changes) == 1:
                return
            for change in changes:
                self._write([change])


def occupied(table: Table, content: ObjectStore) -> str:
    """What of a publication is here; "" where nothing is but what functions make of an empty one."""
    if next(iter(content.list()), None) is not None:
        return "articles"
    for row in table.scan():
        if row.partition == "source":
            return "articles"
        if row.partition.startswith("reader "):
            return "subscribers"
        if row.partition.startswith("issue "):
            return "issues"
    return ""


def _is_timed(partition: str) -> bool:
    return partition in TIMED or partition.startswith(DIGEST)


def _is_kept_kind(partition: str) -> bool:
    return partition in SENT or partition.startswith((*SENT_OF, "reader "))


def _prevails(partition: str) -> bool:
    """Whether what this home knows counts more than the archive."""
    return partition in {"announced", "news"} or partition.startswith("reader ")


def _both_keys(here: Item, item: Item) -> Item:
    """Links that were signed here since stay good; those of the archive sign from now on."""
    ours: Any = here["keys"]
    theirs: Any = item["keys"]
    return {"keys": [*(key for key in ours if key not in theirs), *theirs]}


def _stays(row: Row) -> bool:
    """Whether a row outlives a replacement: readers, what was sent, this restore, and the imprint, whose version must
    grow for functions to see another one."""
    key = (row.partition, row.sort)
    return key in {MARK, SWEPT, IMPRINT, KEYS} or _is_kept_kind(row.partition)


def _same(store: ObjectStore, entry: Entry, stat: Stat, body: bytes, *, headers: bool) -> bool:
    if stat.size != len(body):
        return False
    try:
        blob = store.get(entry.key)
    except NotFound:
        return False
    if blob.body != body:
        return False
    found = (blob.content_type, blob.cache_control, dict(blob.metadata))
    return not headers or found == (entry.content_type, entry.cache_control, dict(entry.metadata))


def _put_of(entry: Entry, body: bytes, stat: Stat | None) -> Put:
    """On condition of what was seen: the bucket's policy takes no other write of letters and counts."""
    return Put(
        key=entry.key,
        body=body,
        content_type=entry.content_type,
        cache_control=entry.cache_control,
        metadata=entry.metadata,
        if_absent=stat is None,
        if_match=stat.etag if stat else None,
    )


def _with_etag(row: Row, etags: Mapping[tuple[str, str], str]) -> Item | None:
    etag = etags.get((row.sort, str(row.item["etag"])))
    return {**row.item, "etag": etag} if etag else None


def _with_objects(row: Row, etags: Mapping[tuple[str, str], str]) -> Item | None:
    objects: Any = row.item["objects"]
    return {
        **row.item,
        "objects": {key: [etags.get((key, etag), etag), mark] for key, (etag, mark) in objects.items()},
    }
