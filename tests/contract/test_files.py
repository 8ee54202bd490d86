"""What only a folder of files has to withstand: editors, links, kills, a file where a folder should be."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pressrun.adapters.local import etags
from pressrun.adapters.local.files import FileStore
from pressrun.adapters.local.folder import Folder
from pressrun.adapters.local.headers import HeaderIndex, Headers, state
from pressrun.errors import NotFound, Permanent
from pressrun.ports import Put

SECOND = 1_000_000_000  # in nanoseconds
Race = Callable[..., list[str]]
Worker = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "site"


@pytest.fixture
def store(root: Path, tmp_path: Path) -> Iterator[FileStore]:
    store = FileStore(root, tmp_path / "index.db")
    yield store
    store.close()


def text(key: str, body: bytes = b"x", **more: Any) -> Put:
    return Put(key=key, body=body, content_type="text/plain; charset=utf-8", **more)


def test_files_lie_where_a_web_server_looks(store: FileStore, root: Path) -> None:
    store.put(text("a/b.txt", b"body"))
    assert (root / "a/b.txt").read_bytes() == b"body"
    assert (root / "a/b.txt").stat().st_mode & 0o600 == 0o600


def test_nothing_but_the_objects_is_left_behind(store: FileStore, root: Path) -> None:
    store.put_many([text(f"{number}/a.txt", metadata={"n": "1"}) for number in range(70)])
    store.close()
    assert {f"{number}/a.txt" for number in range(70)} == {
        str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()
    }
    assert not (root / ".tmp").exists()


def test_a_file_edited_by_hand_has_the_headers_that_its_key_implies(store: FileStore, root: Path) -> None:
    store.put(Put(key="a.css", body=b"old", content_type="text/x", metadata={"rev": "9"}))
    (root / "a.css").write_bytes(b"new")
    blob = store.get("a.css")
    assert (blob.body, blob.content_type, blob.metadata) == (b"new", "text/css; charset=utf-8", {})


def test_a_crash_before_the_rename_leaves_the_old_object(
    store: FileStore, root: Path, tmp_path: Path
) -> None:
    """The new file's row was committed, and the old file is still there."""
    store.put(text("a.txt", b"old", metadata={"rev": "1"}))
    index = HeaderIndex(tmp_path / "index.db")
    old = state((root / "a.txt").stat())
    index.keep("a.txt", (1, 2, 3), Headers("text/new"), {"rev": "2"}, before=old)
    index.close()
    assert (store.get("a.txt").body, store.get("a.txt").metadata) == (b"old", {"rev": "1"})


def test_implied_headers_take_no_row(root: Path, tmp_path: Path) -> None:
    """Pages by the thousand then cost what the bare files cost."""
    index = tmp_path / "index.db"
    page = Headers("text/html; charset=utf-8", "public, max-age=60")
    store = FileStore(root, index, implies=lambda _: page)
    store.put(Put(key="a.html", body=b"x", content_type=page.content_type, cache_control=page.cache_control))
    store.put(Put(key="b.html", body=b"x", content_type="text/x"))
    assert store.get("a.html").cache_control == "public, max-age=60"
    assert (store.get("b.html").content_type, store.get("b.html").cache_control) == ("text/x", "")
    store.close()
    index.unlink()
    assert store.get("a.html").cache_control == "public, max-age=60"
    assert store.get("b.html").content_type == "text/html; charset=utf-8"
    store.close()


def test_without_an_index_metadata_is_refused(root: Path) -> None:
    store = FileStore(root)
    with pytest.raises(Permanent, match="give the store an index"):
        store.put(text("a.txt", metadata={"a": "b"}))
    store.put(text("a.txt"))
    assert store.get("a.txt").content_type == "text/plain; charset=utf-8"
    store.close()


@pytest.mark.parametrize("etags", ["content", "stat"])
def test_hidden_files_and_outside_ones_are_no_objects(root: Path, tmp_path: Path, etags: Any) -> None:
    (root / "real").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    for path in ("site/.env", "site/real/a.txt", "outside/secret.txt"):
        (tmp_path / path).write_bytes(b"x")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "secret.txt").symlink_to(tmp_path / "outside/secret.txt")
    (root / "env.txt").symlink_to(root / ".env")
    (root / "loop").symlink_to(root)
    (root / "dangling").symlink_to(root / "nothing")
    (root / "inside.txt").symlink_to(root / "real/a.txt")
    os.mkfifo(root / "pipe")
    (root / os.fsdecode(b"not-utf8-\xff")).write_bytes(b"x")
    store = FileStore(root, etags=etags)

    assert [stat.key for stat in store.list()] == ["inside.txt", "real/a.txt"]
    assert list(store.list("out/")) == []
    assert next(store.list()).etag == store.get("inside.txt").etag
    for key in ("out/secret.txt", "secret.txt", "env.txt", "loop/real/a.txt", "dangling", "pipe", "real"):
        with pytest.raises(NotFound):
            store.get(key)
        with pytest.raises(NotFound):
            store.head(key)
    store.close()


def test_nothing_outside_is_written_or_deleted(store: FileStore, root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/kept.txt").write_bytes(b"kept")
    root.mkdir()
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "link.txt").symlink_to(tmp_path / "outside/kept.txt")

    with pytest.raises(Permanent, match="is a link"):
        store.put(text("out/new.txt"))
    store.delete("out/kept.txt")
    store.put(text("link.txt", b"new"))

    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["kept.txt"]
    assert (tmp_path / "outside/kept.txt").read_bytes() == b"kept"
    assert store.get("link.txt").body == b"new"


def test_a_file_and_a_folder_cannot_have_one_name(store: FileStore) -> None:
    store.put(text("a", b"kept"))
    with pytest.raises(Permanent, match="a file where a folder is needed"):
        store.put(text("a/b/c"))
    store.put(text("d/e"))
    with pytest.raises(Permanent, match="there is a folder of this name"):
        store.put_many([text("d"), text("f")])
    store.delete("d")
    assert [stat.key for stat in store.list()] == ["a", "d/e", "f"]
    with pytest.raises(NotFound):
        store.get("a/b/c")


def test_a_name_too_long_for_the_file_system_is_refused(store: FileStore) -> None:
    with pytest.raises(Permanent, match="shorten it"):
        store.put(text("ü" * 200))
    with pytest.raises(NotFound):
        store.get("ü" * 200)


def test_a_deleted_file_takes_its_empty_folders_along(store: FileStore, root: Path) -> None:
    store.put_many([text("a/b/c/d.txt"), text("a/e.txt")])
    store.delete("a/b/c/d.txt")
    assert sorted(str(p.relative_to(root)) for p in root.rglob("[!.]*")) == ["a", "a/e.txt"]
    store.put(text("a/b/c/d.txt", b"again"))
    assert store.get("a/b/c/d.txt").body == b"again"


def test_a_folder_removed_under_the_store_is_made_again(store: FileStore, root: Path) -> None:
    store.put(text("a/b.txt"))
    shutil.rmtree(root)
    assert list(store.list()) == []
    store.delete("a/b.txt")
    store.put(text("a/b.txt", b"again", if_absent=True))
    assert store.get("a/b.txt").body == b"again"


def test_a_listing_reads_no_file_twice(
    store: FileStore, root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And yet sees what was written over, even where its size and time are as they were."""
    monkeypatch.setattr(etags, "SETTLED", -SECOND)
    for key in ("a/b.html", "c.html", "d.html"):
        store.put(text(key, key.encode()))
    before = list(store.list())
    read: list[str] = []
    load = Folder.load
    monkeypatch.setattr(Folder, "load", lambda self, key: read.append(key) or load(self, key))
    assert (list(store.list()), read) == (before, [])
    stat = (root / "c.html").stat()
    (root / "c.html").write_bytes(b"C.html")
    os.utime(root / "c.html", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (root / "d.html").unlink()
    again = FileStore(root, tmp_path / "index.db")
    assert [one.etag == old.etag for one, old in zip(again.list(), before, strict=False)] == [True, False]
    assert (read, len(list(again.list())), read) == (["c.html"], 2, ["c.html"])
    again.close()


def test_what_was_written_a_moment_ago_is_read_again(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another write may be so close that its times are the same."""
    monkeypatch.setattr(etags, "SETTLED", 3600 * SECOND)
    store.put(text("a.html"))
    read: list[str] = []
    load = Folder.load
    monkeypatch.setattr(Folder, "load", lambda self, key: read.append(key) or load(self, key))
    assert [len(list(store.list())) for _ in range(2)] == [1, 1]
    assert read == ["a.html", "a.html"]


def test_an_editors_save_changes_the_etag_by_stat(root: Path) -> None:
    store = FileStore(root, etags="stat")
    etag = store.put(text("a.md", b"one"))
    (root / "a.md").write_bytes(b"longer")
    assert etag != store.get("a.md").etag
    assert store.get("a.md").etag == store.head("a.md").etag == next(store.list()).etag
    store.close()


@pytest.mark.parametrize("etags", ["content", "stat"])
def test_a_new_version_is_later_than_the_old_one(root: Path, tmp_path: Path, etags: Any) -> None:
    """Though the clock went back: else two versions could look the same."""
    store = FileStore(root, tmp_path / "index.db", etags=etags)
    store.put(text("a.md", metadata={"rev": "1"}))
    os.utime(root / "a.md", (2**33, 2**33))
    etag = store.put(text("a.md", metadata={"rev": "2"}))
    assert (root / "a.md").stat().st_mtime_ns > 2**33 * 10**9
    assert (store.get("a.md").etag, store.get("a.md").metadata) == (etag, {"rev": "2"})
    store.close()


def test_etags_by_stat_never_repeat(root: Path) -> None:
    """Though inodes are used again at once and many writes fit into a tick of the file system's clock."""
    store = FileStore(root, etags="stat")
    etags = [store.put(text("a.md", b"%03d" % number)) for number in range(200)]
    assert len(set(etags)) == 200
    store.close()


@pytest.mark.parametrize("etags", ["content", "stat"])
def test_no_update_of_another_process_is_lost(root: Path, race: Race, etags: Any) -> None:
    store = FileStore(root, etags=etags)
    store.put(text("counter.txt", b"0000"))
    race(*[("add_to_object", root, etags, 100)] * 4)
    assert store.get("counter.txt").body == b"0400"
    store.close()


def test_a_killed_writer_leaves_every_object_whole(root: Path, tmp_path: Path, worker: Worker) -> None:
    index = tmp_path / "index.db"
    store = FileStore(root, index)
    for round_ in range(4):
        process = worker("put_for_ever", root, index)
        assert process.stdout
        for _ in range(2 + round_):
            process.stdout.readline()
        keys = [stat.key for stat in store.list()]
        for key in keys:  # while it writes
            assert_whole(store, key)
        process.kill()
        process.wait()
        assert len(keys) == 30
        for key in keys:
            assert_whole(store, key)
    store.close()


def assert_whole(store: FileStore, key: str) -> None:
    blob = store.get(key)
    assert hashlib.sha256(blob.body).hexdigest() == blob.metadata["sha"]
