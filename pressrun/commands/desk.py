"""`pressrun desk`: the editor's page, on this machine."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer
from rich.markup import escape

from pressrun.commands.common import (
    DEFAULT_CONTENT,
    DEFAULT_HOME,
    Home,
    Target,
    count,
    err,
    out,
    require_folder,
)
from pressrun.commands.common import ContentArgument as Content


def desk(
    content: Content = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
    port: Annotated[int, typer.Option("--port", help="The port to listen at; 0: a free one.")] = 8000,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
) -> None:
    """Open the desk: upload, write, look after issues and subscribers, in the browser and on this machine alone.

    For a folder this is [bold]serve[/] with the desk opened; with [bold]--target aws[/] it serves the desk alone, with
    your own credentials.
    """
    first = True

    def ready(url: str) -> None:
        nonlocal first
        show_desk(url)
        if first and open_:
            webbrowser.open(url)
        first = False

    if target == "aws":
        from pressrun import bootstrap
        from pressrun.server import serve_desk

        house, shelves = bootstrap.aws(), bootstrap.aws_shelves()
        try:
            serve_desk(house, shelves, port, on_desk=ready)
        finally:
            shelves.close()
            house.close()
        return
    from pressrun.server import serve

    require_folder(content)
    serve(
        content,
        home,
        port=port,
        on_ready=lambda url: out.print(f"\n  Serving [bold]{escape(url)}[/]   (Ctrl-C stops)"),
        on_report=lambda report: _refused(len(report.of("refused"))),
        on_desk=ready,
    )


def show_desk(url: str) -> None:
    """Prints the address that opens the desk."""
    out.print(
        f"  Desk    [bold]{escape(url)}[/]\n          for one browser; the next address follows when it was used\n"
    )


def _refused(number: int) -> None:
    if number:
        err.print(f"[yellow]{count(number, 'file')} refused[/]; the desk says why")
