"""`pressrun backup` and `restore`: the whole publication in one file, from any home into any other."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

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
)
from pressrun.ports import nobody

if TYPE_CHECKING:
    from pressrun.house import House
    from pressrun.ports import ObjectStore


def backup(
    file: Annotated[
        Path, typer.Argument(help="The archive to write, such as tides.pressrun.zip.", dir_okay=False)
    ],
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write the whole publication into one file: articles, site, readers, what was sent, counts, keys.

    Whoever has the file has every reader's address and can sign links: keep it as you keep passwords.
    """
    from pressrun.services.archive import write

    if file.exists() and not force:
        fail(f"{file} is there already; name another file, or say --force")
    with opened(content, home, target) as house, _private(file) as stream, _telling("Writing") as told:
        waiting = {name: queue.depth() for name, queue in house.queues.items()}
        contents = write(
            stream,
            table=house.table,
            stores=stores(house),
            made=house.clock.now(),
            url=house.imprints.current().publication.url,
            told=told,
        )
    objects = ", ".join(f"{number:,} {name}" for name, number in contents.objects.items())
    out.print(
        f"{file}: {count(contents.rows, 'row')}; objects: {objects}; {file.stat().st_size / 1e6:,.1f} MB."
    )
    out.print(
        "[yellow]It holds your readers' addresses and the keys that sign links.[/] Only you can read it."
    )
    for name, depth in waiting.items():
        if depth.waiting + depth.hidden + depth.dead:
            out.print(
                f"The queue {name} holds {count(depth.waiting + depth.hidden + depth.dead, 'message')}, which no "
                "backup has: what asks for mail is asked again by itself, forms that readers sent just now are not."
            )


def restore(
    file: Annotated[Path, typer.Argument(help="What `pressrun backup` wrote.", exists=True, dir_okay=False)],
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="In place of what is there. Readers and what was sent stay as they are here."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before replacing.")] = False,
) -> None:
    """Bring a publication back, or move it here: whichever of local and AWS it came from.

    Stop [bold]pressrun serve[/] first. If it is cut short, call it again with the same file. Issues that were being
    sent are paused, and those whose time has passed wait for you; let only one of two homes send.
    """
    from pressrun.services.archive import Archive
    from pressrun.services.restore import Restore

    if (
        replace
        and not yes
        and not typer.confirm("Replace the articles, the site and the counts that are there?")
    ):
        raise typer.Exit(1)
    if target == "local":
        content.mkdir(parents=True, exist_ok=True)
    with (
        opened(content, home, target, made=False) as house,
        file.open("rb") as stream,
        _telling("Reading") as told,
    ):
        archive = Archive(stream)
        try:
            work = Restore(
                archive, table=house.table, stores=stores(house), newsroom=house.newsroom, clock=house.clock
            )
            done = work.run(replace=replace, told=told)
        finally:
            archive.close()
    out.print(
        f"{count(done.rows, 'row')} and {count(done.objects, 'object')} written, of {archive.head['url']} "
        f"as it was on {archive.head['made'][:16].replace('T', ' at ')} UTC."
    )
    if done.kept_issues or done.kept_readers:
        out.print(
            f"Kept as they are here: {count(done.kept_issues, 'issue')}, {count(done.kept_readers, 'reader')}."
        )
    for name in done.paused:
        out.print(
            f"[yellow]paused[/]   {escape(name)}: it was being sent; see `pressrun issue show`, then resume or cancel"
        )
    for name in done.waiting:
        out.print(f"[yellow]waiting[/]  {escape(name)}: its time has passed; send or cancel it")
    out.print(
        "Next: `pressrun publish` changes nothing now, or says what is missing. Let only one home send."
    )


def stores(house: House) -> dict[str, ObjectStore]:
    """All objects of a publication, by the names that an archive has for them."""
    return {
        "content": house.content,
        "site": house.site,
        "errors": house.reports,
        "mail": house.mail,
        "views": house.views.counter.book.store,
    }


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """A file that only its owner can read, there once it is whole."""
    handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _telling(label: str) -> Iterator[Callable[[str, int], None]]:
    """Says now and then how far it is, where somebody looks at a terminal."""
    if not err.is_terminal:
        yield nobody
        return
    with err.status(f"{label} …") as line:

        def told(what: str, number: int) -> None:
            if number % 50 == 0:
                line.update(f"{label}: {number:,} {what}")

        yield told
