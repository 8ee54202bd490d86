"""Prepared archives of some sizes, kept between runs for as long as neither the corpus nor Pressrun changes."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path

import pressrun
from pressrun import bootstrap
from pressrun.house import House
from pressrun.services.sweep import bring_in_line
from tests.benchmarks import corpus
from tests.benchmarks.measure import run, say

FIRST_EXTRA = 1_000_000  # posts from here on are a benchmark's own, and go when it has ended


@cache
def mark_of_corpus() -> str:
    """Changes with the text of the posts."""
    return sha256(Path(corpus.__file__).read_bytes()).hexdigest()[:12]


@cache
def mark_of_engine() -> str:
    """Changes with anything that a published archive is made by."""
    source = Path(pressrun.__file__).parent
    files = [*source.rglob("*.py"), *(source.parent / "templates").rglob("*.*")]
    digest = sha256(mark_of_corpus().encode())
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class Archive:
    """A published corpus of `size` posts, with the feeds as they come (20 entries, 100 KB)."""

    def __init__(self, bench: Path, size: int) -> None:
        self.size = size
        self.content = bench / "corpora" / mark_of_corpus() / str(size)
        self.home = bench / "archives" / mark_of_engine() / str(size)

    def prepare(self) -> None:
        """Writes and publishes the posts, where that has not been done by an earlier run."""
        written, published = self.content.with_suffix(".done"), self.home.with_suffix(".done")
        if not written.exists():
            _only(self.content.parent)
            shutil.rmtree(self.content, ignore_errors=True)
            _write(self.content, self.size)
            written.touch()
        if not published.exists():
            say(f"publishing an archive of {self.size:,} posts, for this run and for later ones")
            _only(self.home.parent)
            shutil.rmtree(self.home, ignore_errors=True)
            self.home.mkdir(parents=True)
            self.restore()
            program = Path(sys.executable).with_name("pressrun")
            run([program, "publish", self.content, "--home", self.home], cwd=self.home)
            published.touch()

    def restore(self) -> None:
        """Takes back what an earlier run may have left."""
        for path in self.content.glob(f"posts/*/*/post-{str(FIRST_EXTRA)[:4]}???.md"):
            path.unlink()
        for number in range(min(self.size, 100)):
            one = corpus.post(number)
            path = self.content / one.folder / f"{one.name}.md"
            if not path.exists() or path.read_text(encoding="utf-8") != one.text():
                corpus.save(self.content, one, one.text())

    @contextmanager
    def open(self) -> Iterator[House]:
        """The archive, in line with its content."""
        self.restore()
        house = bootstrap.local(self.content, self.home, {})
        try:
            bring_in_line(house.publisher)
            yield house
        finally:
            house.close()


def _write(folder: Path, size: int) -> None:
    folder.mkdir(parents=True)
    (folder / "pressrun.toml").write_text(corpus.settings(feed_of_50=False), encoding="utf-8")
    step = 5_000
    pieces = [range(start, min(start + step, size)) for start in range(0, size, step)]
    with ProcessPoolExecutor() as executor:
        list(executor.map(_write_piece, [folder] * len(pieces), pieces))


def _write_piece(folder: Path, numbers: range) -> None:
    for number in numbers:
        one = corpus.post(number)
        corpus.save(folder, one, one.text())


def _only(folder: Path) -> None:
    """Removes what belongs to other versions."""
    for other in folder.parent.glob("*") if folder.parent.is_dir() else ():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
