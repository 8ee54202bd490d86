"""`pressrun serve` as a process: published before it answers, changed while it runs, stopped by a signal."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from pressrun.errors import Permanent
from pressrun.server import serve
from tests.e2e.browsing import CHROMIUM, chromium

PATIENCE = 120.0
ARTICLE = "---\ntitle: {title}\ndate: 2026-01-01\nslug: hello\n---\n{text}\n"
PROGRAM = """
import sys
from pathlib import Path
from pressrun.server import serve
serve(Path("content"), Path(".pressrun"), port=int(sys.argv[1]), on_ready=lambda url: print(url, flush=True))
print("stopped", flush=True)
"""


class Server:
    """The process, and the site that it serves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "0"], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        self.killer = threading.Timer(PATIENCE, self.process.kill)
        self.killer.start()
        self.url = self.line()
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE)

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def until(self, path: str, holds: Callable[[httpx.Response], bool]) -> None:
        while not holds(self.client.get(path)):
            assert self.process.poll() is None
            time.sleep(0.02)

    def close(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()
        self.killer.cancel()
        if self.process.stdout:
            self.process.stdout.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    write(tmp_path, title="Hello", text="First.")
    server = Server(tmp_path)
    yield server
    server.close()


def write(folder: Path, *, title: str, text: str) -> None:
    (folder / "content").mkdir(exist_ok=True)
    (folder / "content/hello.md").write_text(ARTICLE.format(title=title, text=text))


def test_what_is_published_follows_the_folder(server: Server) -> None:
    assert "First." in server.client.get("/hello/").text
    with server.client.stream("GET", "/_pressrun/events") as stream:
        events = stream.iter_lines()
        assert next(events) == "retry: 1000"
        write(server.folder, title="Hello", text="Second.")
        assert next(line for line in events if line.startswith("data: "))
    server.until("/hello/", lambda page: "Second." in page.text)
    assert "Second." in server.client.get("/feed.xml").text
    (server.folder / "content/hello.md").unlink()
    server.until("/hello/", lambda page: page.status_code == 410)


def test_a_refused_file_leaves_the_site_up_and_the_page_as_it_was(server: Server) -> None:
    write(server.folder, title="Hello", text="Second.\x00")
    (server.folder / "content/next.md").write_text("---\ntitle: Next\ndate: 2026-01-02\n---\nNext.\n")
    server.until("/next/", lambda page: page.status_code == 200)
    assert "First." in server.client.get("/hello/").text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_while_pages_are_open(server: Server, number: signal.Signals) -> None:
    with server.client.stream("GET", "/_pressrun/events") as stream:
        events = stream.iter_lines()
        assert next(events) == "retry: 1000"
        server.process.send_signal(number)
        assert [line for line in events if line] == []
    assert server.line() == "stopped"
    assert server.process.wait() == 0


def test_views_are_logged_as_cloudfront_logs_them(server: Server) -> None:
    server.client.get("/hello/")
    server.client.get("/_pressrun/reload.js")
    [path] = (server.folder / ".pressrun/logs").iterdir()
    [line] = path.read_text().splitlines()
    assert json.loads(line)["cs-uri-stem"] == "/hello/"
    assert json.loads(line)["c-ip"] == "127.0.0.1"


def test_pages_and_feeds_load_their_parts_from_wherever_they_are_served(server: Server) -> None:
    """`url` says where readers will find the site; what a browser loads comes from this port."""
    for path in ("/hello/", "/feed.xml", "/atom.xml", "/tags/"):
        text = server.client.get(path).text
        loaded = re.findall(
            r'<(?:\?xml-stylesheet|link rel="stylesheet"|link rel="icon")[^>]*href="([^"]+)"', text
        )
        loaded += re.findall(r' src="([^"]+)"', text)
        assert loaded
        assert [server.client.get(found).status_code for found in loaded if found[0] == "/"] == [200] * len(
            loaded
        )


def test_a_port_that_is_taken_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "content").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Permanent, match=rf"port {port} at 127.0.0.1 is taken; .* --port \d+"):
            serve(tmp_path / "content", tmp_path / ".pressrun", port=port)
    assert not (tmp_path / ".pressrun").exists()


def test_a_home_that_would_be_published_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="would be published with it"):
        serve(tmp_path, tmp_path / "out")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
def test_an_open_page_follows_an_edit_and_a_new_address_and_keeps_its_place(server: Server) -> None:
    long = "\n\n".join(f"Paragraph {number}." for number in range(300))
    write(server.folder, title="Hello", text=long)
    server.until("/hello/", lambda page: "Paragraph 299." in page.text)
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"{server.url}hello/")
        page.evaluate("scrollTo({top: 2000, behavior: 'instant'})")
        write(server.folder, title="Farewell", text=long)
        page.get_by_role("heading", name="Farewell").wait_for()
        assert page.evaluate("scrollY") == 2000
        (server.folder / "content/hello.md").write_text(
            ARTICLE.format(title="Moved", text=long).replace("slug: hello", "slug: moved")
        )
        page.get_by_role("heading", name="Moved").wait_for()
        assert page.url == f"{server.url}moved/"
