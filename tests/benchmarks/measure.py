"""Runs of other programs, medians, ratios of pairs, and tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

LAUNCH = Path(__file__).with_name("launch.py")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a command took: seconds, bytes, files."""

    wall: float
    cpu: float  # of all processes, user and system
    peak: int  # of the largest process
    together: int  # of all processes, sampled; pages that they share count in each
    files: int = 0


class FailedRunError(Exception):
    """A command that ended with an error; its output."""


def run(command: Sequence[str | Path], *, cwd: Path, environment: Mapping[str, str] | None = None) -> Run:
    """Runs a command to its end. Raises FailedRunError."""
    log = cwd / ".benchmark.log"
    done = subprocess.run(
        [sys.executable, "-I", "-S", LAUNCH, log, *command],
        cwd=cwd,
        env=installed(os.environ) | (environment or {}),
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)
    if found.pop("status"):
        raise FailedRunError(f"{command[0]}: {log.read_text(errors='replace')[-2000:]}")
    return Run(**found)


def installed(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which Python programs keep their bytecode, as they do where they are installed."""
    return {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}


def count_files(folder: Path) -> int:
    """The files at any depth."""
    return sum(len(files) for _, _, files in os.walk(folder))


class Watched:
    """A program that runs on, watching files. Its CPU time is read from /proc."""

    def __init__(self, command: Sequence[str | Path], *, cwd: Path) -> None:
        self._log = (cwd / ".watch.log").open("wb")
        self._process = subprocess.Popen(
            list(map(str, command)),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def cpu(self) -> float:
        """Seconds used so far, in steps of a clock tick (10 ms); children count when they have ended."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        return sum(map(int, stat.rpartition(")")[2].split()[11:15])) / TICKS

    def settle(self, *, quiet: float = 0.6, limit: float = 300) -> float:
        """Waits until no CPU has been used for `quiet` seconds; the CPU time then."""
        deadline = time.monotonic() + limit
        before, since = self.cpu(), time.monotonic()
        while time.monotonic() - since < quiet and time.monotonic() < deadline:
            time.sleep(0.05)
            now = self.cpu()
            if now > before:
                before, since = now, time.monotonic()
        return before

    def react(self, change: Callable[[], object], shown: Callable[[], bool], *, limit: float = 120) -> float:
        """CPU seconds spent because of `change()`, which is over when `shown()`. Raises FailedRunError."""
        before, started = self.settle(), time.monotonic()
        change()
        while not shown():
            if time.monotonic() - started > limit or self._process.poll() is not None:
                raise FailedRunError("the change did not appear")
            time.sleep(0.02)
        return self.settle() - before

    def close(self) -> None:
        """Ends the program."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        self._log.close()


def spread(values: Iterable[float], form: str = "{:.2f}") -> str:
    """The median, with the least and the greatest where there are several values."""
    found = list(values)
    if not found:
        return "—"
    middle = form.format(median(found))
    ends = form.format(min(found)), form.format(max(found))
    return middle if len(found) == 1 else f"{middle} ({ends[0]}–{ends[1]})"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours by theirs, round by round; where they ran less often, their last round is used again."""
    if not ours or not theirs:
        return []
    return [one / (theirs[min(at, len(theirs) - 1)] or 1e-9) for at, one in enumerate(ours)]


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A plain table: the first column to the left, all others to the right."""
    cells = [list(map(str, row)) for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    print(f"\n{title}")
    for number, row in enumerate(cells):
        first, *rest = zip(row, widths, strict=True)
        print("  " + "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]))
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Aim:
    """What was set out to be reached: `found` at most `limit`, or at least."""

    what: str
    found: Sequence[float]  # none where it could not be measured
    limit: float
    at_least: bool = False


def print_aims(aims: Iterable[Aim]) -> None:
    """Says of each aim whether the median meets it."""
    for aim in aims:
        wanted = f"{aim.what}: {'at least' if aim.at_least else 'at most'} {aim.limit:g} wanted"
        if not aim.found:
            print(f"  {wanted}, not measured")
            continue
        middle = median(aim.found)
        met = middle >= aim.limit if aim.at_least else middle <= aim.limit
        print(f"  {wanted}, {middle:.2f} found: {'met' if met else 'MISSED'}")
    sys.stdout.flush()


def mib(size: float) -> str:
    """Bytes as MiB."""
    return f"{size / 2**20:,.0f}"


def say(text: str) -> None:
    """A word on what is going on, apart from the results."""
    print(text, file=sys.stderr, flush=True)
