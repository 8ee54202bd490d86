"""Publish, serve, watch: the whole of `pressrun serve`."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import uvicorn

from pressrun import bootstrap
from pressrun.adapters.local.outbox import Outbox
from pressrun.config import SETTINGS_FILE, read_settings
from pressrun.domain.publication import Publication
from pressrun.errors import Invalid, Permanent, PressrunError
from pressrun.house import House
from pressrun.http import Api
from pressrun.ports import Clock, nobody
from pressrun.server.accesslog import AccessLog
from pressrun.server.app import SiteApp
from pressrun.server.counting import count_views
from pressrun.server.desk import DeskApp, DeskPages, Door, Room
from pressrun.server.mailroom import work_mail
from pressrun.server.outbox import OutboxPages
from pressrun.server.publishing import Desk as Publishing
from pressrun.server.signals import interruptible
from pressrun.server.stats import StatsPages
from pressrun.server.watching import watch
from pressrun.services.editing import Editing
from pressrun.services.sweep import Progress, Report

_OWN: Final = {"127.0.0.1", "localhost", "::1"}
GRACE: Final = 1  # seconds that a download under way is given when the server stops


def serve(
    content: Path,
    home: Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    access_log: bool = True,
    behind_proxy: bool = False,
    progress: Progress = nobody,
    on_ready: Callable[[str], None] = nobody,
    on_report: Callable[[Report], None] = nobody,
    on_error: Callable[[Exception], None] | None = None,
    on_desk: Callable[[str], None] = nobody,
) -> None:
    """Publishes `content`, serves the site at `host` and `port` (0: a free one), and publishes what changes.

    Returns after SIGINT or SIGTERM, within a second or so. `on_ready` is called with the site's address once
    requests are answered. `on_report` and `on_error` are called from another thread, for each publish and for
    what went wrong in one; publishing goes on. Requests are logged in `home/logs` (see AccessLog). `on_desk` is told
    the address that opens the desk, and another one as soon as that was used.

    Raises Invalid where the settings are wrong at the start; Permanent where the port is taken, or where what
    is written to `home` would be taken for content.
    """
    with suppress(KeyboardInterrupt), interruptible(), _listening(host, port) as listener:
        house = bootstrap.local(content, home, _environment(content, _address(host, listener)))
        bootstrap.claim(content, home)
        clock, stop = bootstrap.SystemClock(), threading.Event()
        shelves = bootstrap.local_shelves(home)

        def look(keys: Collection[str]) -> None:
            desk.look(keys)

        room = Room(house=house, shelves=shelves, look=look, here=True)
        door = Door(clock, lambda token: on_desk(f"{_address(host, listener)}{app.base}/desk/?token={token}"))

        def told(error: Exception) -> None:
            room.heard(error)
            (on_error or _print)(error)

        def reported(report: Report) -> None:
            on_report(report)
            room.editing.keep_now(outcome.key for outcome in report.outcomes if outcome.kind == "article")

        app = SiteApp(
            house.site,
            base="",
            live=True,
            log=AccessLog(home / "logs", clock) if access_log else None,
            clock=clock,
            behind_proxy=behind_proxy,
            api=Api(house.readers, beacon=lambda: None if access_log else house.beacon),
            outbox=_outbox(home, clock),
            stats=StatsPages(house.history),
            desk=DeskPages(room, door),
        )
        desk = Publishing(house.publisher, app, stop, reported, told)
        threads = [
            threading.Thread(
                target=watch, args=(content, stop, desk.look), kwargs={"home": home}, daemon=True
            ),
            threading.Thread(target=desk.work, daemon=True),
            threading.Thread(target=_keep_versions, args=(room.editing, told), daemon=True),
            threading.Thread(target=count_views, args=(house.views, stop, told), daemon=True),
            threading.Thread(target=work_mail, args=(house, stop), kwargs={"on_error": told}, daemon=True),
        ]
        try:
            desk.open(progress)
            house.views.tick()
            for thread in threads:
                thread.start()
            address = f"{_address(host, listener)}{app.base}/"

            def ready() -> None:
                on_ready(address)
                on_desk(f"{address}desk/?token={door.token}")

            _Server(app, on_ready=ready).run(sockets=[listener])
        finally:
            stop.set()
            desk.wake()
            if _ended(threads):
                shelves.close()
                house.close()  # a publish that takes longer ends with the process; the next start redoes it


def serve_desk(
    house: House,
    shelves: bootstrap.Shelves,
    port: int,
    *,
    on_desk: Callable[[str], None],
) -> None:
    """Serves the desk alone, at this machine's own address, for a publication whose site stands elsewhere.

    Returns after SIGINT or SIGTERM. Raises Permanent where the port is taken.
    """
    with suppress(KeyboardInterrupt), interruptible(), _listening("127.0.0.1", port) as listener:
        address = f"{_address('127.0.0.1', listener)}/desk/?token="
        door = Door(house.clock, lambda token: on_desk(address + token))
        room = Room(house=house, shelves=shelves, look=nobody, here=False)
        app = DeskApp(DeskPages(room, door))
        _Server(app, on_ready=lambda: on_desk(address + door.token)).run(sockets=[listener])


def _environment(content: Path, address: str) -> Mapping[str, str]:
    """The environment; a publication whose `url` is this machine has the address that it is served at, so that links
    in mails and feeds lead to it whatever the port."""
    try:
        settings = read_settings((content / SETTINGS_FILE).read_bytes())
    except (OSError, Invalid):  # told by whoever reads them for good
        return os.environ
    url = urlsplit(str(settings.get("url", Publication().url)))
    if url.hostname not in _OWN or "PRESSRUN_URL" in os.environ:
        return os.environ
    return {**os.environ, "PRESSRUN_URL": f"{address}{url.path.rstrip('/')}"}


def _outbox(home: Path, clock: Clock) -> OutboxPages | None:
    """The pages of the outbox, where mail goes there."""
    chosen = bootstrap.mailer_name(os.environ, "outbox") == "outbox"
    return OutboxPages(Outbox(home / "outbox", clock)) if chosen else None


def _keep_versions(editing: Editing, on_error: Callable[[Exception], None]) -> None:
    """Keeps what was changed while nothing watched."""
    try:
        editing.catch_up()
    except Exception as error:  # the site stays up, whatever is in the way of that
        on_error(error)


class _Server(uvicorn.Server):
    """uvicorn, which waits for open streams to end before it stops: so they are ended first."""

    def __init__(self, app: SiteApp | DeskApp, *, on_ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,  # SiteApp decides whom to believe
            server_header=False,
            lifespan="on",
            ws="none",
            timeout_graceful_shutdown=GRACE,
        )
        super().__init__(config)
        self._app = app
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.close()
        await super().shutdown(sockets)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket, before anything is published: whoever connects meanwhile is answered afterwards."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Permanent(f"cannot listen at {host}: {error.strerror}; choose another with --host") from None
    with listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)
        except PermissionError:
            raise Permanent(f"port {port} needs privileges; choose one from 1024 on: --port 8000") from None
        except OSError as error:
            raise Permanent(_taken(host, port, error)) from None
        yield listener


def _taken(host: str, port: int, error: OSError) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"cannot listen at {host}, port {port}: {error.strerror}; choose another with --host"
    other = port + 1 if port < 65535 else 8000
    return f"port {port} at {host} is taken; stop what uses it, or choose another: --port {other}"


def _address(host: str, listener: socket.socket) -> str:
    """Where a browser on this machine finds the listener."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    port = listener.getsockname()[1]
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _ended(threads: list[threading.Thread]) -> bool:
    """Whether the threads end soon."""
    deadline = time.monotonic() + 0.5
    for thread in threads:
        if thread.is_alive():
            thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


def _print(error: Exception) -> None:
    """A failure that was foreseen in a line, any other as it is."""
    text = (
        str(error)
        if isinstance(error, (PressrunError, OSError))
        else "".join(traceback.format_exception(error))
    )
    sys.stderr.write(f"error: {text}\n")
