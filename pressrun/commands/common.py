"""What groups of commands share: consoles, options, a publication's backends, a progress bar, private files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, TextIO
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
)
from rich.progress import TimeRemainingColumn as Remaining

from pressrun.config import SETTINGS_FILE, environment_settings, publication_from, read_settings
from pressrun.domain.problems import Problem
from pressrun.domain.publication import Publication
from pressrun.errors import NotFound

if TYPE_CHECKING:
    from pressrun.house import House

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Home = Annotated[
    Path,
    typer.Option(
        "--home", help="Where state and output live; the site is in HOME/site.", envvar="PRESSRUN_HOME"
    ),
]
ContentArgument = Annotated[
    Path,
    typer.Argument(
        help="The folder with the articles and, if there is one, pressrun.toml.", envvar="PRESSRUN_CONTENT"
    ),
]
Target = Annotated[
    Literal["local", "aws"],
    typer.Option(
        "--target",
        help="Where to publish: this machine, or AWS as the environment names it.",
        envvar="PRESSRUN_TARGET",
    ),
]
ContentOption = Annotated[
    Path,
    typer.Option(
        "--content",
        help="The folder with pressrun.toml, which declares the newsletters.",
        envvar="PRESSRUN_CONTENT",
    ),
]
AWS_ENV = "aws.env"
DEFAULT_CONTENT, DEFAULT_HOME = Path("content"), Path(".pressrun")


def fail(text: str) -> NoReturn:
    """Ends with 2: the call was wrong."""
    err.print(f"[red]error[/]: {escape(text)}")
    raise typer.Exit(2)


def count(number: int, noun: str) -> str:
    """ "1 file", "1,204 files"."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def require_folder(content: Path) -> None:
    """Ends with 2 where there is no content folder."""
    if not content.is_dir():
        fail(
            f"there is no folder {content}; name the one with your articles, "
            f"or make one: pressrun init {quote(str(content))}"
        )


@contextmanager
def opened(content: Path, home: Path, target: str, *, made: bool = True) -> Iterator[House]:
    """A publication's backends. `made`: a local home that is not there yet is an error, and not made."""
    from pressrun import bootstrap

    if target == "aws":
        with aws_house(home) as house:
            yield house
        return
    if made and not (home / "catalogue.db").exists():
        fail(f"there is nothing in {home} yet; name the one of your publication with --home")
    house = bootstrap.local(content, home)
    try:
        yield house
    finally:
        house.close()


@contextmanager
def aws_house(home: Path) -> Iterator[House]:
    """The publication on AWS that the environment names, or else what `pressrun deploy` wrote."""
    from pressrun import bootstrap

    take_aws_environment(home)
    house = bootstrap.aws()
    try:
        yield house
    finally:
        house.close()


def take_aws_environment(home: Path) -> None:
    """Adds the variables of HOME/aws.env to the environment; those that are set already stay."""
    path = home / AWS_ENV
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.startswith("#"):
            os.environ.setdefault(name.strip(), value.strip())


def settings(house: House) -> Publication:
    """The publication as its settings file says. Raises Invalid."""
    try:
        found = read_settings(house.content.get(SETTINGS_FILE).body)
    except NotFound:
        found = {}
    return publication_from(found, environment_settings(os.environ))


def zone(house: House) -> ZoneInfo:
    """The publication's time zone."""
    return ZoneInfo(house.imprints.current().publication.timezone)


def when(moment: str, there: ZoneInfo) -> str:
    """An instant (ISO 8601, UTC where it says nothing) as clocks show it there: 2026-05-01 08:00."""
    found = datetime.fromisoformat(moment)
    return f"{(found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(there):%Y-%m-%d %H:%M}"


def print_problem(problem: Problem, console: Console) -> None:
    """A finding on one line: where, what, and what to do."""
    color = "red" if problem.severity == "error" else "yellow"
    place = f"{problem.file}:{problem.line}" if problem.line else problem.file
    console.print(f"[bold]{escape(place)}[/]: [{color}]{escape(problem.what)}[/]; {escape(problem.todo)}")


@contextmanager
def progress(label: str, *, counted: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A bar for long work; nothing where nobody looks at a terminal, nor for work that is done at once."""
    many: ProgressColumn = MofNCompleteColumn() if counted else TaskProgressColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), many, Remaining())
    bar = Progress(*columns, console=err, transient=True)
    task = bar.add_task(label, total=None)
    started = False

    def report(done: int, total: int) -> None:
        nonlocal started
        if err.is_terminal and not started and total > 100:
            bar.start()
            started = True
        bar.update(task, completed=done, total=total)

    try:
        yield report
    finally:
        if started:
            bar.stop()


@contextmanager
def private_file(path: Path) -> Iterator[TextIO]:
    """A text file that only its owner can read; it is there once it is whole."""
    handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            yield stream
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
