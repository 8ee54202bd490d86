"""`pressrun import` and `pressrun export`: moving in from another system, and out again."""

from __future__ import annotations

import csv
import json
import re
import sys
from enum import StrEnum
from pathlib import Path
from shlex import quote
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
    out,
    print_problem,
    private_file,
    progress,
    settings,
)
from pressrun.commands.common import opened as opened_house
from pressrun.commands.lists import take_lists
from pressrun.commands.subscribers import export as subscribers_export
from pressrun.config import SETTINGS_FILE
from pressrun.ports import Put

if TYPE_CHECKING:
    from pressrun.parsing.moving.archives import Member
    from pressrun.parsing.moving.model import Importer
    from pressrun.services.moving import Line, Moved, Verdict

SHOWN = 20
REPORTED = ("outcome", "kind", "file", "line", "name", "written", "what", "todo")


export = typer.Typer(
    name="export",
    help="Take everything along: articles, the site, subscribers, what was sent.",
    no_args_is_help=True,
)
TargetFolder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="A folder that does not exist yet, or is empty.")
]
TargetFile = Annotated[Path, typer.Argument(metavar="FILE", help="A file that does not exist yet.")]


class System(StrEnum):
    """Where an export is from."""

    GHOST = "ghost"
    SUBSTACK = "substack"
    WORDPRESS = "wordpress"
    PELICAN = "pelican"
    HUGO = "hugo"
    JEKYLL = "jekyll"
    ELEVENTY = "eleventy"
    FEED = "feed"
    MBOX = "mbox"


def import_(
    system: Annotated[System, typer.Argument(help="Where it is from.")],
    source: Annotated[
        Path, typer.Argument(help="What was exported: a file, a folder, a zip or tar archive.")
    ],
    content: Annotated[
        Path, typer.Argument(help="The folder to put the articles in.", envvar="PRESSRUN_CONTENT")
    ] = DEFAULT_CONTENT,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
    url: Annotated[
        str, typer.Option("--url", help="The old site's address, where the export does not say it.")
    ] = "",
    newsletter: Annotated[
        list[str] | None,
        typer.Option(
            "--newsletter", metavar="SLUG", help="What subscribers get; needed if there are several."
        ),
    ] = None,
    subscribers: Annotated[
        bool, typer.Option("--subscribers/--no-subscribers", help="Whether lists in the export are taken in.")
    ] = True,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="A CSV file for everything that was written, skipped or missed."),
    ] = None,
    form: Annotated[
        Literal["text", "json"], typer.Option("--format", help="How to print the outcome.")
    ] = "text",
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Move in from another system: articles, pictures, old addresses, subscribers.

    No file that is there is overwritten, doing it again changes nothing, and nothing that is imported is ever mailed.
    What could not be carried over is said with its file and line. Exits with 1 where something was left behind.
    """
    from pressrun import bootstrap
    from pressrun.parsing.moving.archives import opened
    from pressrun.parsing.moving.model import Options
    from pressrun.services.moving import Mover

    if not source.exists():
        fail(f"there is no {source}")
    if url and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
        fail(f"--url {url!r}: write the old site's whole address, such as https://old.example.org")
    if not dry_run and target == "local" and not content.exists():
        content.mkdir(parents=True)
    with opened(source) as export, bootstrap.articles(content, target) as store:
        with progress("Reading") as bar:
            mover = Mover(store, trial=dry_run)
            items = importer(system)(export, Options(url=url.rstrip("/")))
            moved = mover.take(items, lambda done: bar(done, max(done, len(export.members))))
        _report(moved, report)
        _tell(moved, form, dry_run=dry_run)
        if moved.readers and subscribers:
            place = (content, home, target)
            _take_readers(moved.readers, source.name, place, newsletter or [], dry_run=dry_run, form=form)
    if not dry_run and target == "local" and form == "text":
        _check(content, home)
    if moved.of("skipped"):
        raise typer.Exit(1)


@export.command()
def markdown(
    folder: TargetFolder,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """The content folder, with front matter that says all that the catalogue knows: ids, dates, addresses, redirects.

    Published anywhere, it gives the same site with the same feed ids. Exits with 1 where an article is refused as it
    is now; its file is taken along as it is.
    """
    from pressrun import bootstrap
    from pressrun.services.departing import leaving

    _require_new(folder)
    articles = files = 0
    refused = False
    with opened_house(content, home, target) as house, bootstrap.articles(folder, "local") as store:
        for one in leaving(house.content, house.table, settings(house)):
            store.put(Put(key=one.key, body=one.body, content_type="", if_absent=True))
            articles += one.article
            files += not one.article
            if one.note:
                refused = True
                err.print(f"[yellow]as it was[/] {escape(one.note)}")
    out.print(f"{count(articles, 'article')} and {count(files, 'file')} written to {escape(str(folder))}.")
    if refused:
        raise typer.Exit(1)


@export.command()
def site(
    folder: TargetFolder,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """The site as it is published: plain files for any web server."""
    from pressrun import bootstrap

    _require_new(folder)
    number = 0
    with opened_house(content, home, target) as house, bootstrap.articles(folder, "local") as store:
        for stat in house.site.list():
            body = house.site.get(stat.key).body
            store.put(Put(key=stat.key, body=body, content_type="", if_absent=True))
            number += 1
    out.print(f"{count(number, 'file')} written to {escape(str(folder))}.")


@export.command("subscribers")
def readers(
    file: TargetFile,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Everybody as CSV, in a file that only you can read; `pressrun subscribers import` takes it back without loss."""
    if file.exists():
        fail(f"{file} is there already; name a new file")
    subscribers_export(file, state=None, newsletter="", form="csv", content=content, home=home, target=target)


@export.command()
def mbox(
    file: TargetFile,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """What was sent, as an mbox file: each issue once, as it was frozen, with nobody's address and links in it."""
    from pressrun.services.departing import letters

    if file.exists():
        fail(f"{file} is there already; name a new file")
    number = 0
    with opened_house(content, home, target) as house, private_file(file) as stream:
        url = settings(house).url
        for mail in letters(house.newsroom, house.newsroom.every(), url):
            stream.write(mail.decode("ascii", "replace"))
            number += 1
    out.print(f"{count(number, 'mail')} written to {escape(str(file))}.")


def _require_new(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        fail(f"{folder} is {'not empty' if folder.is_dir() else 'a file'}; name a new folder")


def importer(system: System) -> Importer:
    """The reader of a system's exports."""
    from pressrun.parsing.moving import (
        eleventy,
        feed,
        ghost,
        hugo,
        jekyll,
        mbox,
        pelican,
        substack,
        wordpress,
    )

    return {
        System.GHOST: ghost.ghost,
        System.SUBSTACK: substack.substack,
        System.WORDPRESS: wordpress.wordpress,
        System.PELICAN: pelican.pelican,
        System.HUGO: hugo.hugo,
        System.JEKYLL: jekyll.jekyll,
        System.ELEVENTY: eleventy.eleventy,
        System.FEED: feed.feed,
        System.MBOX: mbox.mbox,
    }[system]


def _report(moved: Moved, path: Path | None) -> None:
    if path is None:
        return
    from pressrun.domain.roster import neutral

    with private_file(path) as stream:
        writer = csv.writer(stream)
        writer.writerow(REPORTED)
        for one in moved.lines:
            writer.writerow([neutral(str(cell or "")) for cell in _cells(one)])


def _cells(line: Line) -> tuple[str | int, ...]:
    """A line of the report, in the order of REPORTED."""
    place = line.place
    return line.verdict, line.kind, place.file, place.line, place.name, line.key, line.what, line.todo


def _tell(moved: Moved, form: str, *, dry_run: bool) -> None:
    if form == "json":
        lines = [dict(zip(REPORTED, _cells(one), strict=True)) for one in moved.lines]
        sys.stdout.write(
            json.dumps({"dry_run": dry_run, "lines": lines}, indent=2, ensure_ascii=False) + "\n"
        )
        return
    articles = moved.of("written", "article")
    for line in articles[:SHOWN]:
        out.print(f"  [dim]{escape(line.key)}[/]")
    if len(articles) > SHOWN:
        out.print(f"  … and {len(articles) - SHOWN:,} more")
    _list(moved.of("skipped"), "red", "skipped")
    _list(moved.of("missed"), "yellow", "to look at")
    verb = "would be written" if dry_run else "written"
    done = [f"{count(len(articles), 'article')} {verb}", f"{count(len(moved.of('written', 'file')), 'file')}"]
    if moved.of("written", "settings"):
        done.append(SETTINGS_FILE)
    nouns: dict[Verdict, str] = {"unchanged": "unchanged", "skipped": "skipped", "missed": "to look at"}
    done += [f"{len(found):,} {noun}" for verdict, noun in nouns.items() if (found := moved.of(verdict))]
    out.print(", ".join(done) + ".")
    if dry_run:
        out.print("This was a dry run: nothing was written.")


def _list(lines: list[Line], color: str, noun: str) -> None:
    for line in lines[:SHOWN]:
        place = f"{line.place.file}:{line.place.line}" if line.place.line else line.place.file
        name = f" “{line.place.name[:60]}”" if line.place.name else ""
        todo = f"; {line.todo}" if line.todo else ""
        err.print(f"[bold]{escape(place)}[/]:{escape(name)} [{color}]{escape(line.what)}[/]{escape(todo)}")
    if len(lines) > SHOWN:
        err.print(f"… and {len(lines) - SHOWN:,} more {noun}; --report FILE lists them all")


def _take_readers(
    lists: list[Member],
    name: str,
    place: tuple[Path, Path, str],
    newsletter: list[str],
    *,
    dry_run: bool,
    form: str,
) -> None:
    """Hands lists over to `pressrun subscribers`, where the publication has a newsletter."""
    from pressrun.config import read_settings
    from pressrun.parsing.listfiles import Source

    content = place[0]
    path = content / SETTINGS_FILE
    declared = read_settings(path.read_bytes()).get("newsletters") if path.is_file() else None
    if place[2] == "local" and not declared:
        names = ", ".join(member.name for member in lists)
        err.print(
            f"Subscribers are left in {escape(names)}: declare a newsletter in {SETTINGS_FILE}, as the README shows,"
            " and import again"
        )
        return
    found = [Source(member.name, member.size, member.open) for member in lists]
    take_lists(found, name, place=place, newsletter=newsletter, dry_run=dry_run, form=form)


def _check(content: Path, home: Path) -> None:
    from pressrun.runs import check_all

    problems = check_all(content, home)
    errors = [problem for problem in problems if problem.severity == "error"]
    for problem in errors[:SHOWN]:
        print_problem(problem, err)
    if not problems:
        out.print("`pressrun check` finds nothing to mend.")
    else:
        counts = f"{count(len(errors), 'error')}, {count(len(problems) - len(errors), 'warning')}"
        out.print(f"`pressrun check {escape(quote(str(content)))}` finds {counts}.")
