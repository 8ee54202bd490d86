"""Subscribers on the desk: counts, one reader by address, lists from elsewhere, and the whole list to take away."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pressrun import bootstrap
from pressrun.domain.newsletters import Cadence
from pressrun.domain.roster import public
from pressrun.domain.subscribers import Subscriber
from pressrun.errors import NotFound, Permanent
from pressrun.parsing.address import AddressError, known_as, mail_address
from pressrun.parsing.listfiles import sources
from pressrun.server.desk.room import Visit, answered
from pressrun.server.messages import Answer
from pressrun.services.census import census
from pressrun.services.exporting import exported
from pressrun.services.importing import VERDICTS, Import, Note, Rows, Tally, Trial, tables_of, terms_of
from pressrun.services.subscribers import Stored, removed, suppressed

WAITING: Final = 3  # uploaded lists that a session keeps until its word
ALIKE: Final = 50  # readers that a search shows
NOTED: Final = 50  # rows that a look at a list tells of


def listed(visit: Visit) -> Answer:
    """The counts, and the reader who was asked for; else those whose address or name holds what was asked."""
    house, address = visit.room.house, visit.query.get("address").strip()
    whole = _is_address(address)
    found = house.subscribers.get(_id(address)) if whole else None
    wanted = address.casefold() if found is None else ""
    alike: list[Subscriber] = []

    def passing() -> Iterator[Stored]:
        for one in house.subscribers.everyone():
            there = one.subscriber
            if wanted and there.address and wanted in f"{there.address} {there.name}".casefold():
                alike.append(there)
            yield one

    counts = census(passing(), house.clock.now())
    return visit.page(
        "subscribers",
        "Subscribers",
        "subscribers",
        census=counts,
        address=address,
        whole=whole,
        alike=sorted(alike, key=lambda one: one.address)[:ALIKE],
        more=max(0, len(alike) - ALIKE),
        found=found.subscriber if found else None,
        known=public(found.subscriber) if found else {},
        newsletters=visit.publication.newsletters,
    )


def act(visit: Visit) -> Answer:
    """Removes, suppresses or erases a reader."""
    verb, address = visit.path[1], visit.form.get("address").strip()
    at = visit.room.house.clock.now().isoformat(timespec="seconds")
    fresh = Subscriber(address=mail_address(address)) if verb == "suppress" else None
    decisions: dict[str, Callable[[Subscriber], Subscriber]] = {
        "remove": lambda there: removed(there, visit.form.get("newsletter"), at),
        "suppress": lambda there: suppressed(there, visit.form.get("reason") or "by hand", at),
    }

    def decide(there: Subscriber | None) -> Subscriber | None:
        start = there or fresh
        return decisions[verb](start) if start else None

    if verb == "erase":
        after = visit.room.house.erase(_id(address))
    elif verb in decisions:
        after = visit.room.house.subscribers.change(_id(address), decide)
    else:
        raise NotFound(f"nothing is called {verb[:40]!r} here")
    if after is None:
        visit.session.say(f"{address} is no subscriber.", "wrong")
    else:
        state = "erased" if after.reason == "erased" else after.state
        visit.session.say(f"{address} is {state} now.")
    return visit.back("subscribers", address="" if verb == "erase" else address)


def export(visit: Visit) -> Answer:
    """The list as a file; `pressrun subscribers import` takes it back without loss."""
    house = visit.room.house
    form = "json" if visit.form.get("form") == "json" else "csv"
    body = "".join(exported(house.subscribers.everyone(), "json" if form == "json" else "csv")).encode()
    name = f"subscribers-{house.clock.now():%Y-%m-%d}.{form}"
    return answered(
        200, "application/octet-stream", body, ("Content-Disposition", f'attachment; filename="{name}"')
    )


# --- lists from elsewhere -------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a list came to, or would come to."""

    tally: Tally
    notes: list[Note]
    more: int
    tables: Sequence[
        tuple[str, str, Mapping[str, str], Sequence[str]]
    ]  # name, format, header by role, headers left out


def import_(visit: Visit) -> Answer:
    """A list: what would happen; and once that has been seen, the import."""
    if name := visit.form.get("list"):
        return _take(visit, name)
    file = next(((name, body) for _, name, body in visit.form.files if name), None)
    if file is None:
        raise Permanent("choose a CSV file, or a zip archive with some")
    while len(visit.session.lists) >= WAITING:
        visit.session.lists.pop(next(iter(visit.session.lists)))
    kept = secrets.token_urlsafe(16)
    visit.session.lists[kept] = file
    slugs = visit.form.fields.get("newsletter", [])
    with bootstrap.scratch() as scratch:
        outcome = _run(visit, file, slugs, Trial(visit.room.house.table, scratch))
    return visit.page(
        "import",
        "Import",
        "subscribers",
        name=file[0],
        kept=kept,
        slugs=slugs,
        outcome=outcome,
        done=False,
        verdicts=VERDICTS,
    )


def _take(visit: Visit, kept: str) -> Answer:
    file = visit.session.lists.pop(kept, None)
    if file is None:
        raise Permanent("this list was imported or has been forgotten; upload it again")
    outcome = _run(visit, file, visit.form.fields.get("newsletter", []), visit.room.house.table)
    return visit.page(
        "import",
        "Import",
        "subscribers",
        name=file[0],
        kept="",
        slugs=(),
        outcome=outcome,
        done=True,
        verdicts=VERDICTS,
    )


def _run(visit: Visit, file: tuple[str, bytes], slugs: Sequence[str], rows: Rows) -> Outcome:
    """Takes a list in, into a Table or into one that is thrown away. Raises Invalid."""
    name, body = file
    notes: list[Note] = []
    with sources(name, len(body), lambda: io.BytesIO(body)) as found:
        tables, _ = tables_of(found, {})
        whole = all(table.members.whole for table in tables)
        lists = _lists(visit, slugs, any_=whole)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        terms = terms_of(tables, visit.publication, lists, file=name, at=at)
        run = Import(rows, notes.append)
        run.take_all(terms)
    told = [
        (t.source.name, f"{t.members.format.name}, {t.encoding}", t.members.columns, t.members.left_out)
        for t in tables
    ]
    return Outcome(tally=run.tally, notes=notes[:NOTED], more=max(0, len(notes) - NOTED), tables=told)


def _lists(visit: Visit, slugs: Sequence[str], *, any_: bool) -> dict[str, Cadence]:
    known = {one.slug: one.cadence for one in visit.publication.newsletters}
    if not known:
        raise Permanent("pressrun.toml declares no newsletter; add a [[newsletters]] table")
    wanted = [slug for slug in slugs if slug in known] or (list(known) if any_ or len(known) == 1 else [])
    if not wanted:
        raise Permanent("say which newsletter they get")
    return {slug: known[slug] for slug in wanted}


def _is_address(text: str) -> bool:
    try:
        return bool(text) and bool(known_as(text))
    except AddressError:
        return False


def _id(address: str) -> str:
    try:
        return known_as(address)
    except AddressError as error:
        raise Permanent(f"{address[:100]!r} {error.what}") from None


PAGES: Final = {
    ("GET", "subscribers"): listed,
    ("POST", "subscribers/import"): import_,
    ("POST", "subscribers/export"): export,
    ("POST", "subscribers/*"): act,
}
