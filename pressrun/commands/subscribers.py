"""`pressrun subscribers`: the operator's side of the list of readers."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from pressrun.commands.common import (
    DEFAULT_CONTENT,
    DEFAULT_HOME,
    ContentOption,
    Home,
    Target,
    count,
    err,
    fail,
    opened,
    out,
    private_file,
    progress,
    require_folder,
    settings,
)
from pressrun.domain.subscribers import Subscriber, SubscriberState
from pressrun.errors import Invalid

if TYPE_CHECKING:
    from pressrun.domain.newsletters import Cadence
    from pressrun.domain.problems import Problem
    from pressrun.domain.publication import Publication
    from pressrun.parsing.listfiles import Source
    from pressrun.parsing.memberlist import Entry
    from pressrun.ports import Queue
    from pressrun.services.importing import MemberTable, Note, Rows, Tally, Terms, Verdict
    from pressrun.services.subscribers import Stored, Subscribers

app = typer.Typer(
    name="subscribers",
    help="Who gets the newsletters: add, import, export, look, remove.",
    no_args_is_help=True,
)

Addresses = Annotated[list[str], typer.Argument(metavar="ADDRESS...", help="Mail addresses.")]
StateFilter = Annotated[SubscriberState | None, typer.Option("--state", help="Only those in this state.")]
ListFilter = Annotated[
    str,
    typer.Option("--newsletter", metavar="SLUG", help="Only those who get this newsletter, or asked for it."),
]
VERDICTS: tuple[Verdict, ...] = ("added", "changed", "unchanged", "kept", "waiting", "refused")
SHOWN = 20  # rows that an import tells of on the terminal


@app.command()
def add(
    addresses: Addresses,
    *,
    confirmed: Annotated[
        bool,
        typer.Option("--confirmed", help="They agreed, and you can show it: no confirmation is asked for."),
    ] = False,
    name: Annotated[str, typer.Option("--name", help="The reader's name.")] = "",
    newsletter: Annotated[
        list[str] | None,
        typer.Option("--newsletter", metavar="SLUG", help="Which; needed if there are several."),
    ] = None,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Add readers: each is sent a confirmation, unless you say that they have agreed.

    Exits with 1 where somebody has left, bounced or complained: they stay out until they confirm themselves.
    """
    from pressrun.parsing.address import mail_address
    from pressrun.services.adding import application, vouched
    from pressrun.services.subscribers import Subscribers

    require_folder(content)
    ids = {address: _id(address) for address in addresses}
    at = datetime.now(UTC).isoformat(timespec="seconds")
    refused = False
    with opened(content, home, target, made=False) as house:
        lists = _chosen(settings(house), newsletter or [])
        for address, identifier in ids.items():
            typed = mail_address(address)
            if not confirmed:
                house.mail_queue.send([application(typed, name, lists, at=at, how="added by hand")])
                out.print(f"{escape(address)}: will be sent a confirmation")
                continue
            after = Subscribers(house.table).change(
                identifier,
                lambda there, typed=typed: vouched(there, typed, name, lists, at),  # type: ignore[misc]
            )
            if after is None or after.state != "active":
                refused = True
                state = "unknown" if after is None else "erased" if after.reason == "erased" else after.state
                err.print(f"{escape(address)} is {state} and stays so; without --confirmed they can be asked")
            else:
                out.print(f"{escape(address)}: {after.state}{_lists(after)}")
    if refused:
        raise typer.Exit(1)


@app.command("list")
def list_(
    *,
    state: StateFilter = None,
    newsletter: ListFilter = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many to show; 0: all.")] = 50,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="How to print them.")] = "text",
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Show subscribers, and count all of them by state and newsletter."""
    from pressrun.domain.roster import public

    states: Counter[str] = Counter()
    newsletters: Counter[str] = Counter()
    shown = found = 0
    with _subscribers(content, home, target) as subscribers:
        if form == "json":
            sys.stdout.write('{"subscribers": [')
        for one in subscribers.everyone():
            subscriber = one.subscriber
            states[subscriber.state] += 1
            if subscriber.state == "active":
                newsletters.update(subscriber.lists.keys())
            if not _matches(subscriber, state, newsletter):
                continue
            found += 1
            if limit and shown == limit:
                continue
            shown += 1
            if form == "json":
                sys.stdout.write(
                    (",\n " if shown > 1 else "\n ") + json.dumps(public(subscriber), ensure_ascii=False)
                )
            else:
                out.print(f"  {subscriber.state:<12} {_line(subscriber)}")
    if form == "json":
        counts = {"total": states.total(), "found": found, "states": states, "newsletters": newsletters}
        sys.stdout.write(f'\n], "counts": {json.dumps(counts)}}}\n')
        return
    if shown < found:
        out.print(f"  … and {found - shown:,} more; --limit 0 shows all")
    out.print(
        f"{count(states.total(), 'subscriber')}{_list_of(states, ': ')}{_list_of(newsletters, '; active in ')}."
    )


@app.command()
def show(
    address: Annotated[str, typer.Argument(help="A mail address, in any spelling.")],
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="How to print it.")] = "text",
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Show all that is known of a reader. Exits with 1 where there is none of this address."""
    from pressrun.domain.roster import public

    identifier = _id(address)
    with _subscribers(content, home, target) as subscribers:
        stored = subscribers.get(identifier)
    if stored is None:
        err.print(f"{escape(address)} is no subscriber")
        raise typer.Exit(1)
    if form == "json":
        sys.stdout.write(json.dumps(public(stored.subscriber), indent=2, ensure_ascii=False) + "\n")
        return
    for name, value in public(stored.subscriber).items():
        if name == "consents":
            continue
        text = ", ".join(f"{key}: {one}" for key, one in value.items()) if isinstance(value, dict) else value
        out.print(f"  [bold]{name:<10}[/] {escape(str(text))}")
    for consent in stored.subscriber.consents:
        where = f" ({', '.join(consent.newsletters)})" if consent.newsletters else ""
        out.print(f"  [bold]{'word':<10}[/] {escape(f'{consent.at} {consent.how} {consent.text}{where}')}")


@app.command()
def remove(
    addresses: Addresses,
    newsletter: Annotated[str, typer.Option("--newsletter", metavar="SLUG", help="Only from this one.")] = "",
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Unsubscribe readers, as their own click would. They can subscribe again."""
    from pressrun.services.subscribers import removed

    _change(addresses, lambda subscriber, at: removed(subscriber, newsletter, at), (content, home, target))


@app.command()
def suppress(
    addresses: Addresses,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")] = "by hand",
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Never mail to these addresses again, whoever asks; they need not be subscribers."""

    from pressrun.services.subscribers import suppressed

    place = (content, home, target)
    _change(addresses, lambda subscriber, at: suppressed(subscriber, reason, at), place, unknown=True)


@app.command()
def erase(
    addresses: Addresses,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Forget readers for good. What stays is a number that keeps an import from bringing them back."""
    if not yes:
        typer.confirm(f"Forget {', '.join(addresses)}? This cannot be undone.", abort=True)
    ids = {address: _id(address) for address in addresses}
    with opened(content, home, target) as house:
        known = [
            _is_known(address, house.subscribers.get(identifier), house.erase(identifier))
            for address, identifier in ids.items()
        ]
    if not all(known):
        raise typer.Exit(1)


@app.command("rotate-keys")
def rotate_keys(
    content: ContentOption = DEFAULT_CONTENT, home: Home = DEFAULT_HOME, target: Target = "local"
) -> None:
    """Sign readers' links with a new key. Links that are out stay good until nine more keys have been made."""
    with opened(content, home, target) as house:
        house.tokens.rotate()
    out.print("New links are signed with a new key; those of the last nine keys stay good.")


@app.command()
def export(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write it; without one, to the terminal.")
    ] = None,
    *,
    state: StateFilter = None,
    newsletter: ListFilter = "",
    form: Annotated[
        Literal["csv", "json"], typer.Option("--format", help="CSV, or a JSON object a line.")
    ] = "csv",
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Write subscribers to a file that only you can read; `import` takes it back without loss.

    Cells that a spreadsheet would take for formulas get an apostrophe in front.
    """
    from pressrun.services.exporting import exported

    number = 0

    def chosen(subscribers: Subscribers) -> Iterator[Stored]:
        nonlocal number
        for one in subscribers.everyone():
            if _matches(one.subscriber, state, newsletter):
                number += 1
                yield one

    with (
        _subscribers(content, home, target) as subscribers,
        private_file(file) if file else nullcontext(sys.stdout) as stream,
    ):
        for piece in exported(chosen(subscribers), form):
            stream.write(piece)
    err.print(f"{count(number, 'subscriber')} written{f' to {escape(str(file))}' if file else ''}.")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file, or a zip archive with some.")],
    *,
    newsletter: Annotated[
        list[str] | None,
        typer.Option(
            "--newsletter", metavar="SLUG", help="What active readers get; needed if there are several."
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="ROLE=COLUMN", help="What a column means, as in address=Email,name=2."),
    ] = None,
    encoding: Annotated[
        str, typer.Option("--encoding", help="Where it is not UTF-8, UTF-16 or Windows-1252.")
    ] = "",
    delimiter: Annotated[str, typer.Option("--delimiter", help="What stands between cells.")] = "",
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Send those who have not confirmed yet the confirmation mail.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="A CSV file for each row refused, kept or left waiting.")
    ] = None,
    form: Annotated[
        Literal["text", "json"], typer.Option("--format", help="How to print the outcome.")
    ] = "text",
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Take in a list from elsewhere: Ghost, Substack, Mailchimp, Buttondown, listmonk, Pressrun, or any CSV.

    Everybody keeps their state. Who has left, bounced, complained or been erased here stays so; who has not confirmed
    stays out. Doing it again changes nothing. Exits with 1 where a row was refused.
    """
    from pressrun.parsing.listfiles import sources

    require_folder(content)
    if not file.is_file():
        fail(f"there is no file {file}")
    mapping = _mapping(columns or [])
    with sources(file.name, file.stat().st_size, lambda: file.open("rb")) as found:
        tally = take_lists(
            found,
            file.name,
            place=(content, home, target),
            newsletter=newsletter or [],
            mapping=mapping,
            encoding=encoding,
            delimiter=delimiter,
            confirm=confirm,
            dry_run=dry_run,
            report=report,
            form=form,
        )
    if tally.rows["refused"]:
        raise typer.Exit(1)


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
    from pressrun.services.importing import Import

    at = datetime.now(UTC).isoformat(timespec="seconds")
    with ExitStack() as stack:
        rows, queue, publication = _rows(stack, *place, dry_run=dry_run)
        tables = _tables(found, mapping or {}, encoding, delimiter)
        terms = _terms(tables, publication, newsletter, name, at)
        notes = stack.enter_context(_notes(report, quiet=form == "json"))
        run = Import(rows, notes, _asker(queue) if confirm and queue else None)
        with progress("Reading" if dry_run else "Importing", counted=False) as tell:
            run.take_all(terms, tell)
    _tell_import(tables, run.tally, dry_run=dry_run, form=form, confirm=confirm)
    return run.tally


# --- Parts ------------------------------------------------------------------------------------------------


@contextmanager
def _subscribers(content: Path, home: Path, target: str, *, made: bool = True) -> Iterator[Subscribers]:
    from pressrun.services.subscribers import Subscribers

    with opened(content, home, target, made=made) as house:
        yield Subscribers(house.table)


def _id(address: str) -> str:
    from pressrun.parsing.address import AddressError, known_as

    try:
        return known_as(address)
    except AddressError as error:
        fail(f"{address!r} {error.what}")


def _change(
    addresses: list[str],
    decide: Callable[[Subscriber, str], Subscriber],
    place: tuple[Path, Path, str],
    *,
    unknown: bool = False,
) -> None:
    """Decides for each address, and says what they are now. `unknown`: those who are no subscribers, too."""
    from pressrun.parsing.address import mail_address

    at = datetime.now(UTC).isoformat(timespec="seconds")
    ids = {address: _id(address) for address in addresses}
    known = []
    with _subscribers(*place, made=not unknown) as subscribers:
        for address, identifier in ids.items():
            fresh = Subscriber(address=mail_address(address)) if unknown else None

            def change(there: Subscriber | None, fresh: Subscriber | None = fresh) -> Subscriber | None:
                start = there or fresh
                return decide(start, at) if start else None

            before = subscribers.get(identifier)
            known.append(_is_known(address, before, subscribers.change(identifier, change)))
    if not all(known):
        raise typer.Exit(1)


def _is_known(address: str, before: Stored | None, after: Subscriber | None) -> bool:
    """Says what somebody is after a change; False where they are no subscriber."""
    if after is None:
        err.print(f"{escape(address)} is no subscriber")
        return False
    state = "erased" if after.reason == "erased" else after.state
    same = before is not None and after == before.subscriber
    out.print(f"{escape(address)}: {'already ' if same else ''}{state}{_lists(after)}")
    return True


def _matches(subscriber: Subscriber, state: str | None, newsletter: str) -> bool:
    return (state is None or subscriber.state == state) and (
        not newsletter or newsletter in subscriber.lists or newsletter in subscriber.wanted
    )


def _line(subscriber: Subscriber) -> str:
    if not subscriber.address:
        return "[dim](erased)[/]"
    name = f"  {escape(subscriber.name)}" if subscriber.name else ""
    return (
        f"{escape(subscriber.address)}{name}[dim]{escape(_lists(subscriber))}  {subscriber.created[:10]}[/]"
    )


def _lists(subscriber: Subscriber) -> str:
    names = [f"{slug} ({rhythm})" for slug, rhythm in sorted(subscriber.lists.items())]
    names += [f"{slug}, not confirmed" for slug in sorted(subscriber.wanted)]
    return f", {', '.join(names)}" if names else ""


def _list_of(counts: Counter[str], lead: str) -> str:
    parts = [
        f"{number:,} {name}" for name, number in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]
    return f"{lead}{', '.join(parts)}" if parts else ""


def _mapping(columns: list[str]) -> dict[str, str]:
    from pressrun.parsing.memberlist import ROLES

    found = {}
    for pair in ",".join(columns).split(",") if columns else []:
        role, equals, column = pair.partition("=")
        if role.strip() not in ROLES or not equals:
            fail(f"--map {pair!r}: write ROLE=COLUMN; the roles are {', '.join(ROLES)}")
        found[role.strip()] = column.strip()
    return found


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


def _chosen(publication: Publication, slugs: list[str], *, any_: bool = False) -> dict[str, Cadence]:
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


def _tables(found: list[Source], mapping: dict[str, str], encoding: str, delimiter: str) -> list[MemberTable]:
    """The tables that hold addresses; an archive may hold others. Raises Invalid where there are none."""
    from pressrun.services.importing import MemberTable

    tables: list[MemberTable] = []
    problems: list[Problem] = []
    for source in found:
        try:
            tables.append(MemberTable(source, mapping, encoding=encoding, delimiter=delimiter))
        except Invalid as error:
            problems += error.problems
        except LookupError:
            fail(f"--encoding {encoding!r} is no encoding; write one such as latin-1 or cp1250")
        except (TypeError, ValueError):
            fail(f"--delimiter {delimiter!r} cannot stand between cells; write one character")
    if not tables:
        raise Invalid(problems)
    for problem in problems:
        err.print(f"[yellow]left out[/] {escape(str(problem))}")
    return tables


def _terms(
    tables: list[MemberTable], publication: Publication, slugs: list[str], file: str, at: str
) -> list[tuple[MemberTable, Terms]]:
    from pressrun.services.importing import Terms

    lists = _chosen(publication, slugs, any_=all(table.members.whole for table in tables))
    known = frozenset(one.slug for one in publication.newsletters)
    return [(table, Terms(at=at, source=_source(table, file), lists=lists, known=known)) for table in tables]


def _source(table: MemberTable, file: str) -> str:
    return file if table.source.name == file else f"{file}/{table.source.name}"


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


def _tell_import(tables: list[MemberTable], tally: Tally, *, dry_run: bool, form: str, confirm: bool) -> None:
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
    counts = [f"{tally.rows[verdict]:,} {verdict}" for verdict in VERDICTS if tally.rows[verdict]]
    out.print(f"{', '.join(counts) or 'No rows'}{_list_of(Counter(tally.states), ': now ')}.")
    if tally.rows["kept"]:
        out.print("Kept: what is known here of these readers allows less mail than the file does.")
    if tally.rows["waiting"]:
        fate = "they are sent the confirmation mail" if confirm else "left out; --confirm asks them"
        out.print(f"Waiting: not confirmed where they come from; {fate}.")
    if dry_run:
        out.print("This was a dry run: nothing was written.")
