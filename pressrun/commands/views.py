"""`pressrun views`: what was read, in the terminal; and the logs of an old site."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.markup import escape
from rich.table import Table

from pressrun.commands.common import (
    DEFAULT_CONTENT,
    DEFAULT_HOME,
    ContentOption,
    Home,
    Target,
    count,
    err,
    opened,
    out,
)

app = typer.Typer(
    name="views",
    help="How often articles are read, and by whom: people, feed readers, machines.",
    no_args_is_help=True,
)

BAR: Final = 40  # characters of the longest bar
BESIDE: Final = 24  # of one beside five columns, in a terminal of 80
SPANS: Final = {"day": 1, "week": 7, "month": 30, "all": 0}


@app.command(name="count")
def count_logs(
    logs: Annotated[
        list[Path],
        typer.Argument(
            metavar="LOG...",
            help="Access logs of nginx, Apache, Caddy or CloudFront, or S3's, gzip or plain.",
            exists=True,
            dir_okay=False,
        ),
    ],
    *,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Count the logs of the site's earlier home, and so bring its history along.

    Name all logs of a day in one call: days that are over three days old are closed at the end of it.
    A log that was counted before counts for nothing, also under another name. Several are counted at once.
    """
    from pressrun.runs import count_logs as counted_logs

    with opened(content, home, target) as house:  # says what is missing, before anything is counted
        house.views.totals.refresh(full=True)  # and notes which addresses there are
    failed = False
    for done in counted_logs(content, home, logs, target=target, jobs=os.cpu_count() or 1):
        name = escape(str(done.path))
        if done.wrong:
            failed = True
            err.print(f"[red]error[/]: {name}: {escape(done.wrong)}")
        else:
            out.print(f"  {name}: {count(done.lines, 'line')}")
    with opened(content, home, target) as house:
        closed = house.views.counter.seal_old()
        house.views.totals.refresh(full=True)
    if closed:
        out.print(f"Closed {count(len(closed), 'day')}, {min(closed)} to {max(closed)}.")
    if failed:
        raise typer.Exit(1)


@app.command()
def top(
    span: Annotated[Literal["day", "week", "month", "all"], typer.Argument(help="Of which time.")] = "all",
    *,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many articles.")] = 20,
) -> None:
    """The most read articles."""
    with opened(content, home, target) as house:
        found = house.history().most(SPANS[span])[:limit]
    _bars(
        [
            (f"{escape(read.title)}  [dim]/{escape(read.path)}[/]", read.views, read.counted.approximate)
            for read in found
        ]
    )


@app.command()
def show(
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="An article's address: tide, or /tide/.")],
    *,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """An article, day by day, and whom it reached."""
    from pressrun.services.reach import Mailed

    with opened(content, home, target) as house:
        history = house.history()
        source = history.articles.at(slug.strip("/") + "/") or history.articles.at(slug.strip("/"))
        read = history.reads.get(source.path) if source else None
        reach = history.reach(read.path) if read else None
    if read is None or reach is None:
        err.print(f"[red]error[/]: there is no article at /{escape(slug.strip('/'))}/")
        raise typer.Exit(2)
    rough = "≈ " if read.counted.approximate else ""
    imported = f", {read.imported:,} of them imported" if read.imported else ""
    out.print(f"[bold]{escape(read.title)}[/]  /{escape(read.path)}")
    out.print(f"{rough}{count(read.views, 'view')}{imported}; {count(read.counted.hits, 'hit')}")
    mailed = reach.mailed
    if mailed != Mailed():
        doubtful = f", {mailed.uncertain:,} uncertain" if mailed.uncertain else ""
        out.print(f"{count(mailed.delivered, 'mail')} delivered, {mailed.bounced:,} bounced{doubtful}")
    if reach.subscribers:
        out.print(f"≈ {count(reach.subscribers, 'feed subscriber')} in its first week")
    if reach.approximate:
        out.print(f"Reach: ≈ {reach.figure:,}; {reach.least:,} if the same people came by every way")
        out.print("[dim]Views, delivered mails and feed subscribers together; nobody is followed.[/]\n")
    else:
        out.print(f"Reach: {reach.figure:,}, views alone\n")
    _bars([(day, figure.count, figure.approximate) for day, figure in history.of(read.path).items()][-60:])


@app.command()
def feeds(
    *, content: ContentOption = DEFAULT_CONTENT, home: Home = DEFAULT_HOME, target: Target = "local"
) -> None:
    """Each feed's subscribers by reader. A number with ≈ is an estimate: that reader reports none."""
    with opened(content, home, target) as house:
        found = house.history().subscribers()
    for path, families in sorted(found.items()):
        out.print(f"[bold]/{escape(path)}[/]")
        ranked = sorted(families.items(), key=lambda row: (-row[1].count, row[0]))
        _bars([(escape(name), figure.count, figure.approximate) for name, figure in ranked])
    if not found:
        out.print("No reader has asked for a feed yet.")


@app.command()
def reasons(
    *, content: ContentOption = DEFAULT_CONTENT, home: Home = DEFAULT_HOME, target: Target = "local"
) -> None:
    """What became of every line of the logs."""
    with opened(content, home, target) as house:
        found = house.history().reasons()
    _bars([(name, number, False) for name, number in found.most_common()])
    out.print(f"\n{count(found.total(), 'line')} in all")


@app.command()
def days(
    *,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many days.")] = 30,
) -> None:
    """Views, hits, subscribers and machine opens, day by day."""
    with opened(content, home, target) as house:
        history = house.history()
    views, subscribed, opens = history.views(), history.subscribed(), history.opens()
    table = Table(box=None, pad_edge=False)
    for name in ("day", "views", "hits", "subscribers", "opens"):
        table.add_column(name, justify="left" if name == "day" else "right")
    table.add_column("")
    shown = list(views)[-limit:]
    most = max((views[day].count for day in shown), default=0)
    for day in shown:
        numbers = (views[day].count, views[day].hits, subscribed[day], opens[day])
        table.add_row(day, *(f"{number:,}" for number in numbers), _bar(views[day].count, most, BESIDE))
    out.print(table if shown else "Nothing has been counted yet.")


@app.command()
def replay(
    *, content: ContentOption = DEFAULT_CONTENT, home: Home = DEFAULT_HOME, target: Target = "local"
) -> None:
    """After an upgrade that counts differently: count what can be counted anew, then change over."""
    with opened(content, home, target) as house:
        counted = house.views.counter.replay()
        house.views.totals.refresh(full=True)
    out.print(f"Counted {count(counted, 'log')} anew." if counted else "There is nothing to count anew.")


def _bars(rows: list[tuple[str, int, bool]]) -> None:
    """Rows of a label, a number and whether it is an estimate, with bars."""
    if not rows:
        out.print("Nothing has been counted yet.")
        return
    most = max(value for _, value, _ in rows)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    for label, value, rough in rows:
        table.add_row(label, f"{'≈ ' if rough else ''}{value:,}", _bar(value, most))
    out.print(table)


def _bar(value: int, most: int, longest: int = BAR) -> str:
    """To an eighth of a character."""
    eighths = round(value / most * longest * 8) if most else 0
    whole, rest = divmod(eighths, 8)
    return "█" * whole + " ▏▎▍▌▋▊▉"[rest].strip()
