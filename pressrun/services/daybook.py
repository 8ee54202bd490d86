"""What is kept of the counting, in a store that nobody else reads. See ARCHITECTURE.md, "Views".

| key | written | what |
|---|---|---|
| `delta/r<rule>/<id>.json` | created once | the days of one log; this put is the commit |
| `day/r<rule>/<date>.json` | compare-and-set | a day's counts and sets, and the ids of the deltas in them |
| `salt/<date>.json` | created once, then destroyed | what a day's tokens are made with |
| `sum/r<rule>.json` | compare-and-set | the sum of all sealed days |
| `known.json` | compare-and-set | which addresses the publication has or has had |
| `current.json` | compare-and-set | which rule's tree is read |
| `segments/<log>.json` | compare-and-set | how far a log of our own server is counted (services.segments) |
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from pressrun.domain import crowd
from pressrun.domain.crowd import Known
from pressrun.domain.views import RULE, Day, Figures, bound
from pressrun.errors import Conflict, NotFound, Transient
from pressrun.ports import ObjectStore, Put

JSON = "application/json"
MAX_ROUNDS = 30


@dataclass(slots=True)
class Page:
    """A day as it is kept. `open` until it is sealed, then `figures`. `folded`: the deltas that are in it."""

    open: Day | None = field(default_factory=Day)
    figures: Figures = field(default_factory=Figures)
    folded: set[str] = field(default_factory=set)

    def numbers(self) -> Figures:
        """The day in numbers, sealed or not."""
        return self.figures if self.open is None else self.open.figures()

    def seal(self) -> None:
        """Sets become counts."""
        if self.open is not None:
            self.figures, self.open = self.open.figures(), None


@dataclass(slots=True)
class Sum:
    """All sealed days."""

    days: set[str] = field(default_factory=set)
    figures: Figures = field(default_factory=Figures)


@dataclass(frozen=True, slots=True)
class Salt:
    """A day's salt; `secret` is empty once it is destroyed."""

    day: str
    secret: bytes
    until: datetime
    etag: str


class Daybook:
    """Reads and writes of one private store. Writes are conditional; whoever meets Conflict reads again."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    # --- deltas ---------------------------------------------------------------------------------------------

    def add_delta(self, rule: int, identity: str, log: str, days: dict[str, Day]) -> bool:
        """Commits a log's counts; False where they are committed already."""
        body = {"rule": rule, "log": log, "days": {name: day.stored() for name, day in sorted(days.items())}}
        try:
            self._put(_delta(rule, identity), body, None)
        except Conflict:
            return False
        return True

    def deltas(self, rule: int) -> list[str]:
        """The ids of the deltas that wait to be folded."""
        prefix = f"delta/r{rule}/"
        return [stat.key.removeprefix(prefix).removesuffix(".json") for stat in self.store.list(prefix)]

    def delta(self, rule: int, identity: str) -> dict[str, Day] | None:
        """The days of a delta; None where it is folded by now."""
        found = self._get(_delta(rule, identity))
        return {name: Day.of(day) for name, day in found[0]["days"].items()} if found else None

    def drop_delta(self, rule: int, identity: str) -> None:
        """It is folded into all of its days."""
        self.store.delete(_delta(rule, identity))

    # --- days -----------------------------------------------------------------------------------------------

    def day(self, rule: int, name: str) -> Page | None:
        """A day as it is kept."""
        found = self._get(_day(rule, name))
        return _page(found[0]) if found else None

    def days(self, rule: int) -> dict[str, str]:
        """The days that are kept, oldest first, and the etag of each."""
        prefix = f"day/r{rule}/"
        return {
            stat.key.removeprefix(prefix).removesuffix(".json"): stat.etag for stat in self.store.list(prefix)
        }

    def change_day(self, rule: int, name: str, change: Callable[[Page], bool]) -> None:
        """Applies `change`, which says whether there is any, to the day as it is; again where somebody was faster."""

        def changed(stored: dict[str, Any] | None) -> dict[str, Any] | None:
            page = _page(stored) if stored else Page()
            return _page_stored(page) if change(page) else None

        self._change(_day(rule, name), changed)

    # --- salts ----------------------------------------------------------------------------------------------

    def salt(self, day: str) -> Salt | None:
        """The salt of a day, destroyed or not; None where there is none."""
        found = self._get(_salt(day))
        if found is None:
            return None
        stored, etag = found
        return Salt(day, b64decode(stored["salt"]), datetime.fromisoformat(stored["until"]), etag)

    def new_salt(self, day: str, secret: bytes, until: datetime) -> Salt:
        """The salt that the day has from now on: this one, or the one of somebody who was faster."""
        body = {"salt": b64encode(secret).decode(), "until": until.isoformat()}
        try:
            return Salt(day, secret, until, self._put(_salt(day), body, None))
        except Conflict:
            found = self.salt(day)
            if found is None:
                raise Transient(f"the salt of {day} is being made and destroyed") from None
            return found

    def salted(self) -> list[str]:
        """The days that have a salt, or whose sealing is under way."""
        return [stat.key.removeprefix("salt/").removesuffix(".json") for stat in self.store.list("salt/")]

    def destroy_salt(self, salt: Salt) -> None:
        """Nothing can be counted for the day any more. Raises Conflict."""
        self._put(_salt(salt.day), {"salt": "", "until": salt.until.isoformat()}, salt.etag)

    def forget_salt(self, day: str) -> None:
        """The day is sealed: there is nothing left to say."""
        self.store.delete(_salt(day))

    # --- sums -----------------------------------------------------------------------------------------------

    def sum(self, rule: int) -> Sum:
        """The sum of the sealed days."""
        found = self._get(f"sum/r{rule}.json")
        return _sum(found[0]) if found else Sum()

    def add_to_sum(self, rule: int, day: str, figures: Figures) -> None:
        """Adds a sealed day, once."""

        def changed(stored: dict[str, Any] | None) -> dict[str, Any] | None:
            total = _sum(stored) if stored else Sum()
            if day in total.days:
                return None
            total.figures.add(figures)
            bound(total.figures, self.known, crowd.EVER)
            return {"days": sorted({*total.days, day}), **total.figures.stored()}

        self._change(f"sum/r{rule}.json", changed)

    # --- addresses ------------------------------------------------------------------------------------------

    def known(self) -> Known:
        """The addresses that the publication has or has had, as they were when totals were last made in full."""
        found = self._get("known.json")
        return Known.of(found[0]["ranks"]) if found else Known()

    def set_known(self, known: Known) -> None:
        """From now on these are."""
        wanted = {"ranks": known.stored()}
        self._change("known.json", lambda stored: None if stored == wanted else wanted)

    # --- rules ----------------------------------------------------------------------------------------------

    def current(self) -> int:
        """The rule whose tree is read: until a replay says so, the one that there is a tree of."""
        found = self._get("current.json")
        if found:
            return int(found[0]["rule"])
        first = next(iter(self.store.list("day/r")), None)
        return int(first.key.split("/")[1].removeprefix("r")) if first else RULE

    def set_current(self, rule: int) -> None:
        """From now on this tree is read."""
        self._change("current.json", lambda stored: None if stored == {"rule": rule} else {"rule": rule})

    # --- objects --------------------------------------------------------------------------------------------

    def change(self, key: str, change: Callable[[dict[str, Any] | None], dict[str, Any] | None]) -> None:
        """A compare-and-set of any other object; see `_change`."""
        self._change(key, change)

    def read(self, key: str) -> dict[str, Any] | None:
        """Any other object."""
        found = self._get(key)
        return found[0] if found else None

    def _change(self, key: str, change: Callable[[dict[str, Any] | None], dict[str, Any] | None]) -> None:
        for _ in range(MAX_ROUNDS):
            found = self._get(key)
            wanted = change(found[0] if found else None)
            if wanted is None:
                return
            try:
                self._put(key, wanted, found[1] if found else None)
            except Conflict:
                continue
            return
        raise Transient(f"{key} is being written by others over and over")

    def _get(self, key: str) -> tuple[dict[str, Any], str] | None:
        try:
            blob = self.store.get(key)
        except NotFound:
            return None
        return orjson.loads(blob.body), blob.etag

    def _put(self, key: str, body: dict[str, Any], etag: str | None) -> str:
        data = orjson.dumps(body)
        return self.store.put(
            Put(key=key, body=data, content_type=JSON, if_match=etag, if_absent=etag is None)
        )


def read_pages(book: Daybook, rule: int) -> Iterator[tuple[str, Figures]]:
    """Every day in numbers, oldest first."""
    for name in book.days(rule):
        page = book.day(rule, name)
        if page:
            yield name, page.numbers()


def _delta(rule: int, identity: str) -> str:
    return f"delta/r{rule}/{identity}.json"


def _day(rule: int, name: str) -> str:
    return f"day/r{rule}/{name}.json"


def _salt(day: str) -> str:
    return f"salt/{day}.json"


def _page(stored: dict[str, Any]) -> Page:
    folded = set(stored["folded"])
    if stored["sealed"]:
        return Page(None, Figures.of(stored), folded)
    return Page(Day.of(stored), folded=folded)


def _page_stored(page: Page) -> dict[str, Any]:
    counts = page.figures.stored() if page.open is None else page.open.stored()
    return {"sealed": page.open is None, "folded": sorted(page.folded), **counts}


def _sum(stored: dict[str, Any]) -> Sum:
    return Sum(set(stored["days"]), Figures.of(stored))
