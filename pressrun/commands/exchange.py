"""`pressrun push` and `pull`: a folder of articles and the content bucket."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from pressrun.commands.common import (
    DEFAULT_CONTENT,
    DEFAULT_HOME,
    Home,
    aws_house,
    count,
    err,
    fail,
    out,
    print_problem,
    progress,
    require_folder,
)
from pressrun.errors import Permanent

if TYPE_CHECKING:
    from pressrun.services.exchange import Answer, Answers, Comparison

Folder = Annotated[
    Path, typer.Argument(metavar="CONTENT", envvar="PRESSRUN_CONTENT", help="The folder with the articles.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
LOOK_EVERY: Final = 1.0  # seconds
SHOWN: Final = 40  # keys of a list


def push(
    content: Folder = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    *,
    dry_run: DryRun = False,
    keep: Annotated[bool, typer.Option("--keep", help="Delete nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete what is gone without asking.")] = False,
    wait: Annotated[
        int,
        typer.Option(
            "--wait", min=0, metavar="SECONDS", help="How long to wait for the publisher's answers."
        ),
    ] = 60,
) -> None:
    """Upload what has changed to AWS, and show what the publisher makes of it.

    Exits with 1 where a file was refused; what was published of that file stays as it was.
    """
    from pressrun import bootstrap
    from pressrun.services.exchange import Answers, compare, remove, upload

    require_folder(content)
    with aws_house(home) as house, closing(bootstrap.folder(content)) as folder:
        if next(iter(folder.list()), None) is None:
            raise Permanent(f"{content} is empty; nothing is uploaded or deleted. Is it the right folder?")
        found = compare(folder, house.content)
        _show(found, keep=keep)
        if dry_run:
            return
        doomed = () if keep else found.elsewhere
        if doomed and not yes and not _agreed(doomed):
            doomed = ()
        answers = Answers(table=house.table, reports=house.reports, imprints=house.imprints)
        with progress("Uploading") as told:
            etags, overtaken = upload(folder, house.content, found, told=told)
        removed = remove(folder, house.content, doomed, found.there)
        for key in overtaken:
            err.print(
                f"[bold]{escape(key)}[/]: [red]somebody else changed it meanwhile[/]; pull, then push again"
            )
        out.print(f"{len(etags)} uploaded, {len(removed)} deleted, {found.same} the same.")
        refused = _await(
            answers,
            {**etags, **dict.fromkeys(removed, "")},
            wait,
            lambda: house.imprints.current().publication.url,
        )
    if refused or overtaken:
        raise typer.Exit(1)


def pull(
    content: Folder = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    *,
    dry_run: DryRun = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that differ here.")] = False,
) -> None:
    """Download what the content bucket holds and the folder does not. Nothing is deleted here.

    Exits with 1 where files differ; [bold]--force[/] takes the bucket's.
    """
    from pressrun import bootstrap
    from pressrun.services.exchange import compare, download

    content.mkdir(parents=True, exist_ok=True)
    with aws_house(home) as house, closing(bootstrap.folder(content)) as folder:
        found = compare(folder, house.content)
        if dry_run:
            _list("would be written", found.elsewhere)
            _list("would be written over" if force else "differs", found.differing)
            return
        with progress("Downloading") as told:
            written = download(folder, house.content, found.elsewhere, told=told)
            if force:
                written += download(folder, house.content, found.differing, overwrite=True, told=told)
    _list("written", written)
    for key in () if force else found.differing:
        err.print(f"[bold]{escape(key)}[/]: [yellow]differs here[/]; it stays. --force takes the bucket's")
    out.print(f"{len(written)} written, {found.same} the same, {len(found.here)} only here.")
    if found.differing and not force:
        raise typer.Exit(1)


def _show(found: Comparison, *, keep: bool) -> None:
    _list("new", found.here)
    _list("changed", found.differing)
    _list("gone here, kept there" if keep else "gone", found.elsewhere)


def _list(label: str, keys: Sequence[str]) -> None:
    for key in keys[:SHOWN]:
        out.print(f"  [dim]{label:<8}[/] {escape(key)}")
    if len(keys) > SHOWN:
        out.print(f"  [dim]{label:<8}[/] and {count(len(keys) - SHOWN, 'more file')}")


def _agreed(keys: Sequence[str]) -> bool:
    if not sys.stdin.isatty():
        fail(f"{count(len(keys), 'file')} would be deleted from the bucket; say --yes or --keep")
    return typer.confirm(f"Delete {count(len(keys), 'file')} from the bucket?")


def _await(
    answers: Answers,
    wanted: Mapping[str, str],
    wait: int,
    site: Callable[[], str],
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Shows each answer as it comes; how many files were refused."""
    missing = dict(wanted)
    refused = 0
    deadline = time.monotonic() + wait
    while missing and wait:
        for key, answer in answers.look(missing).items():
            missing.pop(key, None)
            refused += answer.state == "refused"
            _tell(answer, site)
        if not missing or time.monotonic() >= deadline:
            break
        pause(LOOK_EVERY)
    if missing and wait:
        out.print(
            f"No answer yet to {count(len(missing), 'file')} after {wait} seconds: "
            f"{escape(', '.join(list(missing)[:5]))}. `pressrun status --target aws` says what goes on."
        )
    return refused


def _tell(answer: Answer, site: Callable[[], str]) -> None:
    if answer.state == "refused":
        for problem in answer.problems:
            print_problem(problem, err)
    elif answer.state == "scheduled":
        out.print(f"  [dim]scheduled[/]  {escape(answer.key)} for {answer.due}")
    elif answer.state == "published":
        out.print(f"  [dim]published[/]  {escape(site())}/{escape(answer.path)}")
    elif answer.state in {"draft", "withdrawn", "in force", "left alone"}:
        out.print(f"  [dim]{answer.state:<10}[/] {escape(answer.key)}")
