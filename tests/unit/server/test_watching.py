"""Changes of real files, as an editor, a shell and git make them."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressrun.server import watch
from pressrun.server.watching import key_of

PATIENCE = 60.0


class Watched:
    """A folder under watch. `until` waits for news that name a key; "" stands for everything."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.stop = threading.Event()
        self.seen: set[str] = set()
        self._news: queue.Queue[set[str]] = queue.Queue()
        arguments = (folder, self.stop, self._news.put)
        self.thread = threading.Thread(target=watch, args=arguments, kwargs={"home": home})

    def until(self, key: str) -> None:
        while key not in self.seen:
            self.seen |= self._news.get(timeout=PATIENCE) or {""}

    def __enter__(self) -> Watched:
        self.thread.start()
        self.until("")
        self.seen.clear()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    (tmp_path / "content/posts").mkdir(parents=True)
    (tmp_path / "content/posts/old.md").write_text("old")
    with Watched(tmp_path / "content", tmp_path / "content/out") as found:
        yield found


def test_a_new_file_an_edit_and_a_removal_are_told(watched: Watched) -> None:
    for change in (lambda path: path.write_text("new"), lambda path: path.write_text("more"), Path.unlink):
        change(watched.folder / "posts/a b.md")
        watched.until("posts/a b.md")
        watched.seen.clear()


def test_a_file_saved_by_way_of_another_is_told(watched: Watched) -> None:
    (watched.folder / "posts/.old.md.swp").write_text("new")
    os.replace(watched.folder / "posts/.old.md.swp", watched.folder / "posts/old.md")  # noqa: PTH105
    watched.until("posts/old.md")
    assert watched.seen == {"posts/old.md"}


def test_what_editors_leave_and_what_is_hidden_is_not_told(watched: Watched) -> None:
    (watched.folder / "out").mkdir()
    (watched.folder / ".git").mkdir()
    for name in (
        "a.md~",
        ".a.md.swp",
        "#a.md#",
        "4913",
        "a.tmp",
        ".git/HEAD",
        "out/index.html",
        ".hidden.md",
    ):
        (watched.folder / name).write_text("scratch")
    (watched.folder / "last.md").write_text("told")
    watched.until("last.md")
    assert watched.seen == {"last.md"}


def test_a_folder_that_comes_or_goes_is_looked_at_whole(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/b.md").write_text("b")
    (tmp_path / "elsewhere").rename(watched.folder / "moved")
    watched.until("")
    watched.seen.clear()
    (watched.folder / "moved").rename(tmp_path / "away")
    watched.until("")


def test_a_file_in_a_new_folder_is_told(watched: Watched) -> None:
    (watched.folder / "new").mkdir()
    watched.until("")
    (watched.folder / "new/a.md").write_text("a")
    watched.until("new/a.md")


def test_a_content_folder_that_is_exchanged_is_watched_on(watched: Watched, tmp_path: Path) -> None:
    watched.folder.rename(tmp_path / "before")
    watched.folder.mkdir()
    watched.seen.clear()
    watched.until("")
    (watched.folder / "a.md").write_text("a")
    watched.until("a.md")


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("content/a.md", "a.md"),
        ("content/posts/Ä b.md", "posts/Ä b.md"),
        ("content/a.swift", "a.swift"),
        ("content/temp/a.md", "temp/a.md"),
        ("content", None),
        ("elsewhere/a.md", None),
        ("content/home/site/index.html", None),
        ("content/.obsidian/app.json", None),
        ("content/~$talk.docx", None),
        ("content/a.md___jb_tmp___", None),
    ],
)
def test_which_files_have_keys(path: str, key: str | None) -> None:
    assert key_of(Path("/x") / path, Path("/x/content"), Path("/x/content/home")) == key


def test_a_stopped_watch_returns_at_once(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    told: list[set[str]] = []
    watch(tmp_path / "missing", stop, told.append)
    assert told == []
