"""One file on its way through publishing, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pressrun.domain.articles import Article
from pressrun.domain.issues import News
from pressrun.domain.listings import Series
from pressrun.domain.problems import Problem
from pressrun.domain.urls import claim_of
from pressrun.ports import ABSENT, Blob, Drop, Item, Row, Save
from pressrun.services.catalogue import Attempt, Source
from pressrun.services.plan import Settled

State = Literal[
    "published", "updated", "withdrawn", "unchanged", "refused", "draft", "scheduled", "moved", "ignored"
]
Kind = Literal["article", "asset", "settings"]
Rows = dict[tuple[str, str], Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one file. `path` is the article's address ("hello/"); `problems` say why it was refused."""

    key: str
    state: State
    kind: Kind = "article"
    path: str = ""
    due: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True, kw_only=True)
class Stage:
    """What the first half of publishing has done and the second half is to finish."""

    attempt: Attempt
    outcomes: list[Outcome] = field(default_factory=list)
    etags: dict[str, str] = field(default_factory=dict)  # as read; "" where the file is absent
    touched: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)  # paths whose page may have been written over another's
    awake: set[str] = field(default_factory=set)
    news: list[News] = field(default_factory=list)  # articles that may never have been published before


@dataclass(slots=True, kw_only=True)
class Work:
    """One file in one round. It is done when it has an `outcome`; then `changes` are the rows to write."""

    key: str
    blob: Blob | None  # None: the file is absent
    old: Source | None
    refused: Row | None
    settled: Settled | None = None  # where the file is an article that can be published
    heir_of: str = ""  # the file that this one was, before it was moved
    heritage: Save | None = (
        None  # its row as it is: to be written with the claims, so that it cannot come back unseen
    )
    displaced: Save | None = (
        None  # the row of the file that its address was taken from: marked, so that the file is looked at again
    )
    successor: Work | None = None  # where the file is gone: the one that it has become
    outcome: Outcome | None = None
    changes: list[Save | Drop] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)  # collections that show it
    paths: set[str] = field(default_factory=set)  # whose redirect or tombstone is to be settled
    released: set[str] = field(default_factory=set)  # addresses and ids that others may be waiting for
    news: list[News] = field(default_factory=list)  # where it may never have been published before
    stirred: set[tuple[str, str]] = field(default_factory=set)  # spots in series whose neighbours show it
    awaken: bool = False  # files that refer to this one are to be looked at again
    entered: Source | None = None  # what its row is about to say, which others of the round are made with
    composed: Article | None = None  # where a page was made of it
    series: Series | None = None  # as that page shows it
    turn: int = 0  # its rows were written in this transaction of the publisher's; those of one have the same

    @property
    def is_refused(self) -> bool:
        """Whether the file cannot be published as it is now."""
        return self.outcome is not None and self.outcome.state == "refused"

    @property
    def refused_though_live(self) -> bool:
        """Whether the file cannot be published as it is now, while what it was is."""
        return self.is_refused and self.old is not None and self.old.live and not self.heir_of

    def owns(self, row: Row | None) -> bool:
        """Whether an address or id is this file's, or was the file's that it is the heir of."""
        return row is not None and row.item["source"] in {self.key, self.heir_of}

    def before(self, row: Row) -> str:
        """The file that had an id or address, as far as the one that took it has not come to that; or ""."""
        return str(row.item.get("before", "") if row.item["source"] == self.key else row.item["source"])

    def succeed(self, heir: Source) -> None:
        """This file is `heir`, moved: its row goes, and what it was is what this one was."""
        self.heir_of = heir.key
        if heir.version != ABSENT:
            self.changes.append(Drop(partition="source", sort=heir.key, expect=heir.version))
            self.heritage = Save(partition="source", sort=heir.key, item=heir.item(), expect=heir.version)
        self.changes += [Drop(partition=f"uses {used}", sort=heir.key) for used in heir.uses]
        self.old = replace(heir, key=self.key, version=ABSENT, uses=())

    def leave_addresses(self, source: Source, stored: Callable[[str], Row | None]) -> None:
        """Where this file's article stood, there is to be word that it is gone."""
        for path in (source.path, *source.aliases, *source.former):
            row = stored(claim_of(path))
            if row is not None and self.owns(row):
                kept: Item = {"id": source.id, "first_seen": source.first_seen, "former": [*source.former]}
                self.changes.append(
                    claiming(path, {"kind": "gone", "source": self.key, "path": path, **kept}, row)
                )
            self.paths.add(path)
            self.released.add(path)


def id_name(article_id: str) -> str:
    """An id among the names that files wait for, beside addresses."""
    return f"id {article_id}"


def claiming(path: str, item: Item, row: Row | None) -> Save:
    """The write that says who stands at an address, on condition that nobody else has said so since `row`."""
    return Save(partition="path", sort=claim_of(path), item=item, expect=row.version if row else ABSENT)


def still_held(claims: Iterable[Save | Drop], heir_of: str) -> list[Save | Drop]:
    """Claims that were written a moment ago, again: on condition that nobody has taken them since.

    Until its own row is written a file has no more than its word, and who wants the same may take it for dead.
    """
    again: list[Save | Drop] = []
    for claim in claims:
        if not isinstance(claim, Save) or claim.expect is None or claim.item.get("kind") in {"moved", "gone"}:
            continue
        if claim.partition == "source":
            if claim.sort == heir_of:  # the file that this one was
                again.append(Drop(partition="source", sort=claim.sort, expect=claim.expect + 1))
        else:
            item = {name: value for name, value in claim.item.items() if name != "before"}
            again.append(replace(claim, item=item, expect=claim.expect + 1))
    return again


def distinct(changes: list[Save | Drop]) -> list[Save | Drop]:
    """One change a row, the last one; a transaction takes no two."""
    return list({(change.partition, change.sort): change for change in changes}.values())


def held(row: Row) -> dict[str, Any]:
    """What a `path` row says."""
    return row.item
