"""The suite notices what it is there to notice: each of these mistakes breaks an invariant within its bounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from pressrun.errors import Conflict, Transient
from pressrun.ports import Drop, Put, Row, Save
from pressrun.services.catalogue import Attempt
from pressrun.services.collections import Renderer
from pressrun.services.publish import Publisher
from pressrun.services.work import Outcome, Stage
from tests.chaos.chaos import ChaoticStore, ChaoticTable, Violation
from tests.chaos.machine import Newsroom
from tests.chaos.readers import FEEDS
from tests.chaos.test_every_step import stand_still
from tests.chaos.test_machine import BOUNDED
from tests.chaos.world import Kit


class Unfenced(ChaoticStore):
    """Feeds are written whatever is there."""

    def put(self, put: Put) -> str:
        if put.key.rpartition("/")[2] in FEEDS:
            put = replace(put, if_match=None, if_absent=False)
        return super().put(put)


class Unannounced(ChaoticTable):
    """Nobody learns of a batch that has begun: its attempt row is gone as soon as it is written."""

    def write_each(self, changes: Iterable[Save | Drop]) -> None:
        super().write_each([change for change in changes if change.partition != "attempt"])

    def write(self, changes: Sequence[Save | Drop]) -> None:
        super().write([change for change in changes if change.partition != "attempt"])


class Forgetful(ChaoticTable):
    """An article that leaves stays in its author's collection."""

    def write(self, changes: Sequence[Save | Drop]) -> None:
        kept = [c for c in changes if not (isinstance(c, Drop) and c.partition.startswith("in authors/"))]
        super().write(kept)


class Versionless(ChaoticTable):
    """The last writer wins, whatever it has read."""

    def write(self, changes: Sequence[Save | Drop]) -> None:
        super().write([replace(change, expect=None) for change in changes])


class LatePages(ChaoticStore):
    """Pages reach the site after the feeds that refer to them."""

    held: dict[str, Put]

    def put_many(self, puts: Sequence[Put]) -> list[str | Conflict | Transient]:
        if self._name != "site" or any("revision" in put.metadata for put in puts):
            return super().put_many(puts)
        self.held = {**getattr(self, "held", {}), **{put.key: put for put in puts}}
        return ["etag" for _ in puts]


class LatePublisher(Publisher):
    def conclude(self, stages: Sequence[Stage]) -> list[str]:
        held: dict[str, Put] = getattr(self.site, "held", {})
        for put in held.values():
            self.site.put(put)
        held.clear()
        return super().conclude(stages)


class Trusting(Publisher):
    """What a dead batch has left behind is taken to be as the catalogue says."""

    def redo(self, attempt: Attempt) -> list[Outcome]:
        outcomes = self.publish(attempt.keys)
        self.table.write([attempt.drop()])
        return outcomes


class ReadsLate(Renderer):
    """The revision is read after the rows that it stands for."""

    def _put(self, states: dict[str, Any], renditions: dict[str, Any]) -> Any:
        return super()._put(self.catalogue.collections(states), renditions)


class LatePublisherOfFeeds(Publisher):
    def renderer(self) -> Renderer:
        return ReadsLate(site=self.site, table=self.table, imprint=self.imprints.current(), ping=self.ping)


class Blind(ChaoticTable):
    """The sweep takes it that every file is as the catalogue says."""

    def query(self, partition: str, **bounds: Any) -> Any:
        return super().query(partition, **bounds)

    def get(self, partition: str, sort: str) -> Row | None:
        if (partition, sort) == ("site", "swept"):
            return Row(partition="site", sort="swept", item={"at": "2999-01-01T00:00:00+00:00"}, version=1)
        return super().get(partition, sort)


QUICK = {
    "no attempt row": Kit(table=Unannounced),
    "a withdrawal that forgets a collection": Kit(table=Forgetful),
    "pages after feeds": Kit(store=LatePages, publisher=LatePublisher),
    "a trusting redo": Kit(publisher=Trusting),
}
SLOW = {
    "no sweep": Kit(table=Blind),
}
STALE = {  # noticed where a worker stands before some operation of an edit, and a withdrawal overtakes it
    "rows without versions": Kit(table=Versionless),
    "feeds without their fence": Kit(store=Unfenced),
    "revisions read late": Kit(publisher=LatePublisherOfFeeds),
}


def noticed(kit: Kit, examples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same class as the publisher's own schedules are drawn for, so that they are the same."""
    monkeypatch.setattr(Newsroom, "kit", kit)
    with pytest.raises(Violation):
        run_state_machine_as_test(Newsroom, settings=settings(BOUNDED, max_examples=examples))


@pytest.mark.parametrize("mutant", QUICK)
def test_a_mistake_is_noticed(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the first of the schedules, which Hypothesis draws otherwise when other modules are loaded."""
    noticed(QUICK[mutant], 4 * BOUNDED.max_examples, monkeypatch)


@pytest.mark.parametrize("mutant", STALE)
def test_a_mistake_is_noticed_when_a_worker_is_overtaken(mutant: str) -> None:
    """Operations are tried until one shows it; without the mistake, nothing is noticed there."""
    step = 1 if mutant == "rows without versions" else 3  # that one shows at a single operation
    found = next((one for one in range(step, 110, step) if _goes_wrong(one, STALE[mutant])), 0)
    assert found and stand_still("edit", "withdraw", found)


def _goes_wrong(operation: int, kit: Kit) -> bool:
    try:
        stand_still("edit", "withdraw", operation, kit)
    except AssertionError as error:
        return "stood before operation" in str(error)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("mutant", SLOW)
def test_a_rarer_mistake_is_noticed(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some take more schedules."""
    noticed(SLOW[mutant], 150, monkeypatch)
