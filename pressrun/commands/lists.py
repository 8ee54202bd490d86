"""Lists of readers from elsewhere, taken in: what `pressrun subscribers import` and `pressrun move` share."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.markup import escape

from pressrun.commands.common import err, fail, opened, out, private_file, progress, settings

if TYPE_CHECKING:
    from pressrun.domain.newsletters import Cadence
    from pressrun.domain.publication import Publication
    from pressrun.parsing.listfiles import Source
    from pressrun.parsing.memberlist import Entry
    from pressrun.ports import Queue
    from pressrun.services.importing import MemberTable, Note, Rows, Tally, Terms

SHOWN = 20  # rows that an import tells of on the terminal


def take_lists(
    found: list[Source],
    name: str,
    *,
    place: tuple[Path, Path, str],
    newsletter: list[str],
    mapping: dict[str, str] | None = None,
    encoding: str = "",
    delimiter: str = "",
    confirm: bool = False,
    dry_run: bool = False,
    report: Path | None = None,
    form: str = "text",
) -> Tally:
    """Takes lists in and tells of it. `name` is what they came in; `place` content, home and target."""
    from pressrun.services.importing import Import, terms_of

    at = datetime.now(UTC).isoformat(timespec="seconds")
    with ExitStack() as stack:
        rows, queue, publication = _rows(stack, *place, dry_run=dry_run)
        tables = _tables(found, mapping or {}, encoding, delimiter)
        lists = chosen(publication, newsletter, any_=all(table.members.whole for table in tables))
        terms = terms_of(tables, publication, lists, file=name, at=at)
        notes = stack.enter_context(_notes(report, quiet=form == "json"))
        run = Import(rows, notes, _asker(queue) if confirm and queue else None)
        with progress("Reading" if dry_run else "Importing", counted=False) as tell:
            run.take_all(terms, tell)
    _tell(tables, run.tally, dry_run=dry_run, form=form, confirm=confirm)
    return run.tally


def mapping_of(columns: list[str]) -> dict[str, str]:
    """`--map` read: roles and the columns that have them."""
    from pressrun.parsing.memberlist import ROLES

    found = {}
    for pair in ",".join(columns).split(",") if columns else []:
        role, equals, column = pair.partition("=")
        if role.strip() not in ROLES or not equals:
            fail(f"--map {pair!r}: write ROLE=COLUMN; the roles are {', '.join(ROLES)}")
        found[role.strip()] = column.strip()
    return found


def chosen(publication: Publication, slugs: list[str], *, any_: bool = False) -> dict[str, Cadence]:
    """The newsletters named, or the only one there is; `any_`: all, where none is named."""
    known = {one.slug: one.cadence for one in publication.newsletters}
    if not known:
        fail("pressrun.toml declares no newsletter; add a [[newsletters]] table, as the README shows")
    strange = [slug for slug in slugs if slug not in known]
    if strange:
        fail(f"there is no newsletter {strange[0]!r}; pressrun.toml declares {', '.join(known)}")
    if not slugs and len(known) > 1 and not any_:
        fail(f"say which newsletter they get: --newsletter {' or '.join(known)}")
    return {slug: known[slug] for slug in slugs or known}


def list_of(counts: Counter[str], lead: str) -> str:
    """Counts as words, the largest first, after `lead`; "" where there are none."""
    parts = [
        f"{number:,} {name}" for name, number in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]
    return f"{lead}{', '.join(parts)}" if parts else ""


def _rows(
    stack: ExitStack, content: Path, home: Path, target: str, *, dry_run: bool
) -> tuple[Rows, Queue | None, Publication]:
    """Where to write to, which for a dry run is nowhere that stays."""
    from pressrun import bootstrap
    from pressrun.services.importing import Trial

    if not dry_run:
        house = stack.enter_context(opened(content, home, target, made=False))
        return house.table, house.mail_queue, settings(house)
    if target == "local" and not (home / "catalogue.db").exists():
        home = Path(stack.enter_context(TemporaryDirectory(prefix="pressrun-")))
    house = stack.enter_context(opened(content, home, target, made=False))
    return Trial(house.table, stack.enter_context(bootstrap.scratch())), None, settings(house)


def _asker(queue: Queue) -> Callable[[Entry, Terms], None]:
    from pressrun.services.adding import application

    def ask(entry: Entry, terms: Terms) -> None:
        one = entry.subscriber
        queue.send(
            [application(one.address, one.name, terms.lists, at=terms.at, how="import", text=terms.source)]
        )

    return ask


def _tables(found: list[Source], mapping: dict[str, str], encoding: str, delimiter: str) -> list[MemberTable]:
    """The tables that hold addresses; it tells of others in an archive. Raises Invalid where there are none."""
    from pressrun.services.importing import tables_of

    try:
        tables, problems = tables_of(found, mapping, encoding=encoding, delimiter=delimiter)
    except LookupError:
        fail(f"--encoding {encoding!r} is no encoding; write one such as latin-1 or cp1250")
    except (TypeError, ValueError):
        fail(f"--delimiter {delimiter!r} cannot stand between cells; write one character")
    for problem in problems:
        err.print(f"[yellow]left out[/] {escape(str(problem))}")
    return tables


@contextmanager
def _notes(report: Path | None, *, quiet: bool) -> Iterator[Callable[[Note], None]]:
    """Tells of the first refused rows on the terminal, and of all rows that are worth a look in the report."""
    with ExitStack() as stack:
        writer = None
        if report:
            writer = csv.writer(stack.enter_context(private_file(report)))
            writer.writerow(["file", "line", "value", "outcome", "reason"])
        refused = 0

        def note(found: Note) -> None:
            nonlocal refused
            value = _short(found.value)
            if writer:
                from pressrun.domain.roster import neutral

                writer.writerow([found.source, found.line, neutral(value), found.verdict, found.reason])
            if found.verdict == "refused":
                refused += 1
                if refused <= SHOWN and not quiet:
                    text = f"[bold]{escape(found.source)}:{found.line}[/]: [red]{escape(value)}[/]: "
                    err.print(f"{text}{escape(found.reason)}")

        yield note
        if refused > SHOWN and not quiet:
            err.print(
                f"… and {refused - SHOWN:,} more" + ("" if report else "; --report FILE lists them all")
            )


def _short(value: str) -> str:
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in value[:200]).split())
    return f"{text[:59]}…" if len(text) > 60 else text


def _tell(tables: list[MemberTable], tally: Tally, *, dry_run: bool, form: str, confirm: bool) -> None:
    if form == "json":
        found = {
            "rows": tally.rows,
            "states": tally.states,
            "dry_run": dry_run,
            "files": [{"name": table.source.name, "format": table.members.format.name,
                       "columns": table.members.columns, "left_out": table.members.left_out,
                       "encoding": table.encoding} for table in tables],
        }  # fmt: skip
        sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
        return
    for table in tables:
        columns = ", ".join(f"{role} from “{header}”" for role, header in table.members.columns.items())
        out.print(
            f"{escape(table.source.name)}: {table.members.format.name}, {table.encoding}; {escape(columns)}"
        )
        if left_out := table.members.left_out:
            out.print(f"Not taken over: {escape(', '.join(left_out))}.")
    from pressrun.services.importing import VERDICTS

    counts = [f"{tally.rows[verdict]:,} {verdict}" for verdict in VERDICTS if tally.rows[verdict]]
    out.print(f"{', '.join(counts) or 'No rows'}{list_of(Counter(tally.states), ': now ')}.")
    if tally.rows["kept"]:
        out.print("Kept: what is known here of these readers allows less mail than the file does.")
    if tally.rows["waiting"]:
        fate = "they are sent the confirmation mail" if confirm else "left out; --confirm asks them"
        out.print(f"Waiting: not confirmed where they come from; {fate}.")
    if dry_run:
        out.print("This was a dry run: nothing was written.")
