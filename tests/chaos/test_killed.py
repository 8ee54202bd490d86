"""Processes killed at any moment (SIGKILL), on real files and SQLite: the next run makes the site whole."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.test_backends import corpus

# Kills itself at the n-th time that it opens, moves or removes a file below its home.
RUN = """
import os, signal, sys
from pressrun.cli import main
home, left = sys.argv[1], int(sys.argv[2])
def watch(event, args):
    global left
    if event in {"open", "os.rename", "os.remove"} and str(args[0]).startswith(home):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
sys.argv = ["pressrun", "publish", *sys.argv[3:]]
main()
"""


def write(content: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(content, ignore_errors=True)
    for key, body in files.items():
        path = content / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def publish(content: Path, home: Path, *, killed_at: int = 0) -> int:
    """A run of the command, to its end or to the so-manieth file that it touches; its exit code."""
    arguments = [str(home), str(killed_at), str(content), "--home", str(home), "--jobs", "1"]
    run = subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, check=False)
    assert run.returncode == 0 or killed_at, run.stderr
    return run.returncode


def site(home: Path) -> dict[str, bytes]:
    """What a web server would serve: nothing hidden."""
    files = [path for path in sorted((home / "site").rglob("[!.]*")) if path.is_file()]
    return {str(path.relative_to(home)): path.read_bytes() for path in files if ".tmp" not in path.parts}


@pytest.mark.parametrize("kills", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_a_run_after_kills_makes_the_same_site(tmp_path: Path, kills: int) -> None:
    """Articles change between the kills, so that there is always something to do."""
    content, home = tmp_path / "content", tmp_path / "home"
    files = corpus()
    articles = sorted(key for key in files if key.endswith(".md"))
    chance = random.Random(kills)
    ends = []
    for _ in range(kills):
        changed = chance.sample(articles, 8)
        files |= {key: files[key].replace(b"Number", b"Numero") + b"More.\n" for key in changed}
        write(content, files)
        ends.append(publish(content, home, killed_at=chance.randint(1, 120)))
    publish(content, home)
    publish(content, tmp_path / "clean")
    assert -signal.SIGKILL in ends
    assert site(tmp_path / "clean") == site(home)
