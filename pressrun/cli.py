"""The command line. `pressrun --help` teaches it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from pressrun import __version__
from pressrun.commands import (
    archiving,
    bounces,
    deploying,
    desk,
    exchange,
    issues,
    moving,
    operate,
    reference,
    subscribers,
    views,
)
from pressrun.commands.common import (
    DEFAULT_CONTENT,
    DEFAULT_HOME,
    Home,
    Target,
    count,
    err,
    fail,
    out,
    print_problem,
    progress,
    require_folder,
    take_aws_environment,
)
from pressrun.commands.common import ContentArgument as Content
from pressrun.commands.desk import show_desk
from pressrun.commands.examples import arrange, show_examples
from pressrun.config import SETTINGS_FILE
from pressrun.errors import Invalid, PressrunError

if TYPE_CHECKING:
    from pressrun.services.sweep import Report
    from pressrun.services.work import Outcome

app = typer.Typer(
    name="pressrun",
    help="Articles in, pages, feeds and newsletters out.",
    epilog="Start with [bold]pressrun init my-publication[/], then [bold]pressrun serve my-publication[/].",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(issues.app)
app.add_typer(subscribers.app)
app.add_typer(views.app)
app.command()(bounces.bounce)
for command in (
    exchange.push,
    exchange.pull,
    operate.status,
    operate.redrive,
    archiving.backup,
    archiving.restore,
    operate.cost,
    deploying.deploy,
    deploying.destroy,
):
    app.command()(command)
app.command("import")(moving.import_)
app.add_typer(moving.export)
app.command()(desk.desk)
app.command()(reference.reference)


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        out.print(f"pressrun {__version__}")
        raise typer.Exit


@app.command()
def publish(
    content: Content = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
    jobs: Annotated[
        int, typer.Option("--jobs", min=0, help="Processes to share long work; 0: one for each processor.")
    ] = 0,
) -> None:
    """Bring the site in line with the folder [bold]CONTENT[/].

    Publishes what is new, updates what has changed, withdraws what is gone. Running it again writes nothing.
    Exits with 1 where a file was refused; what was published of that file stays as it was.
    """
    from pressrun.runs import passed_over, publish_all

    require_folder(content)
    if target == "aws":
        take_aws_environment(home)
    with progress("Publishing") as report_progress:
        report = publish_all(
            content, home, target=target, jobs=jobs or os.cpu_count() or 1, progress=report_progress
        )
    for problem in passed_over(content) if target == "local" else []:
        print_problem(problem, err)
    _tell(report, home / "site" if target == "local" else None)
    if not (content / SETTINGS_FILE).exists():
        out.print(
            f"Without {escape(str(content / SETTINGS_FILE))} defaults are used; `pressrun init` shows what can be set."
        )
    if report.of("refused"):
        raise typer.Exit(1)


@app.command()
def serve(
    content: Content = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    *,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen at.", envvar="PRESSRUN_HOST")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", help="The port to listen at.", envvar="PRESSRUN_PORT")
    ] = 8000,
    log: Annotated[
        bool,
        typer.Option(
            "--log/--no-log", help="Write an access log, which views are counted from. See views.beacon."
        ),
    ] = True,
    behind_proxy: Annotated[
        bool,
        typer.Option(
            "--behind-proxy",
            help="Take reader and scheme from X-Forwarded-For and -Proto, which your own proxy must set.",
            envvar="PRESSRUN_BEHIND_PROXY",
        ),
    ] = False,
) -> None:
    """Publish, serve, and publish again whenever a file changes; open pages reload by themselves."""
    from pressrun.server import serve as run

    require_folder(content)
    run(
        content,
        home,
        host=host,
        port=port,
        access_log=log,
        behind_proxy=behind_proxy,
        on_ready=lambda url: out.print(f"\n  Serving [bold]{escape(url)}[/]   (Ctrl-C stops)\n"),
        on_report=lambda report: _tell(report, None, quiet=True),
        on_desk=show_desk,
    )


@app.command()
def work(
    content: Content = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Threads that send.")] = 2,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End when nothing is left to do now.")
    ] = False,
) -> None:
    """Do the mail's work: commit issues that are due, send them, answer readers. [bold]serve[/] does it, too."""
    from pressrun.server import run_mailroom

    require_folder(content)
    handled = run_mailroom(
        content,
        home,
        workers=workers,
        until_idle=until_idle,
        on_error=lambda error: err.print(f"[red]error[/]: {escape(str(error))}"),
    )
    out.print(f"{count(handled, 'message')} handled.")


@app.command()
def check(
    content: Content = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    form: Annotated[
        Literal["text", "json"], typer.Option("--format", help="How to print the findings.")
    ] = "text",
) -> None:
    """Read everything, publish nothing: say what is wrong, in which file, on which line, and what to do.

    Exits with 1 where something would be refused; warnings alone leave 0.
    """
    from pressrun.runs import check_all

    require_folder(content)
    problems = check_all(content, home)
    errors = [problem for problem in problems if problem.severity == "error"]
    if form == "json":
        sys.stdout.write(
            json.dumps([asdict(problem) for problem in problems], indent=2, ensure_ascii=False) + "\n"
        )
    else:
        for problem in problems:
            print_problem(problem, out)
        counts = f"{count(len(errors), 'error')}, {count(len(problems) - len(errors), 'warning')}"
        out.print(counts if problems else "Nothing to mend.")
    if errors:
        raise typer.Exit(1)


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet, or is empty.")
    ],
    title: Annotated[str, typer.Option("--title", help="What the publication is called.")] = "My publication",
) -> None:
    """Make a new publication, ready to publish."""
    from pressrun.runs import start_publication

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        fail(f"{folder} is {'not empty' if folder.is_dir() else 'a file'}; name a new folder")
    for path in start_publication(folder, title):
        out.print(f"  wrote {escape(str(path))}")
    out.print(
        f"\nNext: [bold]pressrun serve {escape(quote(str(folder)))}[/], then edit a file and watch the page change."
    )


@app.command()
def doctor(content: Content = DEFAULT_CONTENT, home: Home = DEFAULT_HOME, target: Target = "local") -> None:
    """Say what is configured and what is missing. Exits with 1 where publishing would not work."""
    from pressrun.runs import examine

    if target == "aws":
        take_aws_environment(home)
    healthy = True
    for finding in examine(content, home, target):
        mark = {"ok": "[green]ok  [/]", "hint": "[yellow]hint[/]", "bad": "[red]bad [/]"}[finding.level]
        out.print(f"{mark} {escape(finding.text)}")
        healthy &= finding.level != "bad"
    if not healthy:
        raise typer.Exit(1)


_LABELS = {"published": "published", "updated": "updated", "withdrawn": "withdrawn", "scheduled": "scheduled"}


def _tell(report: Report, site: Path | None, *, quiet: bool = False) -> None:
    """What a run did: what is wrong in full, with files that are damaged, the rest as counts."""
    changed = [outcome for outcome in report.outcomes if outcome.state in _LABELS]
    damaged = [outcome for outcome in changed if outcome.kind == "asset"]
    for outcome in [*damaged, *report.of("refused")]:
        for problem in outcome.problems:
            print_problem(problem, err)
    articles = [outcome for outcome in changed if outcome.kind == "article"]
    if len(articles) <= 12:
        for outcome in articles:
            out.print(f"  [dim]{_LABELS[outcome.state]:<10}[/] {escape(_place(outcome))}")
    if quiet and not changed and not report.of("refused"):
        return
    out.print(_summary(report))
    if site:
        out.print(f"The site is in {escape(str(site))}.")


def _place(outcome: Outcome) -> str:
    if outcome.state == "scheduled":
        return f"{outcome.key} for {outcome.due}"
    return f"/{outcome.path}" if outcome.path else outcome.key


def _summary(report: Report) -> str:
    parts = []
    for state in ("published", "updated", "withdrawn", "moved", "scheduled", "draft", "unchanged", "refused"):
        found = report.of(state)
        files = sum(outcome.kind == "asset" for outcome in found)
        number = len(found) - files + (report.unchanged if state == "unchanged" else 0)
        if found or number:
            extra = f" (and {count(files, 'file')})" if files else ""
            parts.append(f"{number} {state}{extra}")
    changed = report.of("published", "updated", "withdrawn", "moved", "refused", "scheduled")
    return (
        f"{', '.join(parts)}."
        if changed
        else f"Nothing has changed: {', '.join(parts) or 'there is nothing here'}."
    )


arrange(app)
show_examples(app)


def main() -> None:
    """The entry point: every error that Pressrun raises on purpose is printed, not traced."""
    try:
        app()
    except Invalid as error:
        for problem in error.problems:
            print_problem(problem, err)
        sys.exit(1)
    except PressrunError as error:
        err.print(f"[red]error[/]: {escape(str(error))}")
        sys.exit(1)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        err.print(f"[red]error[/]: {escape(what)}")
        sys.exit(1)
