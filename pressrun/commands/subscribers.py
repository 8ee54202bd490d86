"""`pressrun subscribers`: the operator's side of the list of readers."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
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
    require_folder,
    settings,
)
from pressrun.commands.lists import chosen, list_of, mapping_of, take_lists
from pressrun.domain.subscribers import Subscriber, SubscriberState

if TYPE_CHECKING:
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
        lists = chosen(settings(house), newsletter or [])
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
        f"{count(states.total(), 'subscriber')}{list_of(states, ': ')}{list_of(newsletters, '; active in ')}."
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
    mapping = mapping_of(columns or [])
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
