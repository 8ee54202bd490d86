"""`make bench`: see `python -m tests.benchmarks --help`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tests.benchmarks import audience, cold, edit, full, mail, parts, smtp, subscribers, upload, views
from tests.benchmarks.measure import say
from tests.benchmarks.peers import Field

PARTS = ("full", "edit", "upload", "parts", "mail", "subscribers", "audience", "smtp", "views", "cold")


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much is measured."""

    posts: list[int]  # of full publishes
    edited: list[int]  # posts among which one is edited
    archives: list[int]  # into which one is uploaded
    clouds: list[int]  # the same, on moto, which is slow
    rounds: int
    uploads: int  # of each kind
    audiences: list[int]
    mails: int
    handed: int  # mails to a server
    lines: int  # of logs


QUICK = Scale(
    posts=[100, 1_000],
    edited=[1_000],
    archives=[100, 1_000],
    clouds=[],
    rounds=2,
    uploads=9,
    audiences=[1_000, 10_000],
    mails=20_000,
    handed=1_000,
    lines=200_000,
)
USUAL = replace(
    QUICK,
    posts=[1_000, 10_000],
    edited=[1_000, 10_000],
    archives=[100, 1_000, 10_000],
    clouds=[100],
    audiences=[10_000, 100_000],
)
FULL = replace(
    USUAL,
    archives=[100, 1_000, 10_000, 100_000],
    clouds=[100, 300],
    rounds=3,
    uploads=15,
    audiences=[10_000, 1_000_000],
    mails=100_000,
    handed=4_000,
    lines=1_000_000,
)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help="what to measure; all of it by default")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small sizes: minutes")
    size.add_argument(
        "--full", action="store_true", help="all sizes, to 100,000 posts and a million readers: hours"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    parser.add_argument("--peers", default="", metavar="NAMES", help="hugo,eleventy,pelican: only these")
    parser.add_argument("--sizes", default="", metavar="COUNTS", help="numbers of posts, such as 100,1000")
    return parser.parse_args()


def main() -> None:
    """Runs what was asked for, one part after the other; what fails is told of, and holds up no other."""
    arguments = _arguments()
    scale = QUICK if arguments.quick else FULL if arguments.full else USUAL
    bench = Path(os.environ.get("PRESSRUN_BENCH", ".bench")).absolute()
    sizes = [int(size) for size in arguments.sizes.split(",") if size]
    peers = frozenset(name for name in arguments.peers.split(",") if name)
    works = _works(bench, scale, sizes, peers)
    found: dict[str, Any] = {}
    failed: list[str] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that watchers end, too
    print(f"{os.cpu_count()} processors, Python {platform.python_version()}, {platform.machine()}")
    try:
        for part in arguments.part or PARTS:
            note, work = works[part]
            print(f"\n{note}", flush=True)
            started = time.monotonic()
            try:
                found[part] = work()
            except Exception:
                traceback.print_exc()
                failed.append(part)
            say(f"{part}: {time.monotonic() - started:.0f} s")
            if arguments.json:
                arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    finally:
        for folder in ("full", "edit", "edit-full"):
            shutil.rmtree(bench / folder, ignore_errors=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _works(
    bench: Path, scale: Scale, sizes: list[int], peers: frozenset[str]
) -> dict[str, tuple[str, Callable[[], Any]]]:
    """Each part: what it measures, and the measuring."""
    field = cache(lambda: Field(bench, peers))
    today = f"{datetime.now(UTC):%Y-%m-%d}"

    def edits() -> list[Any]:
        return [
            edit.measure(field(), size, scale.rounds, pelican=size <= 1_000) for size in sizes or scale.edited
        ]

    def uploads() -> dict[str, Any]:
        clouds = [] if sizes else scale.clouds
        found = upload.measure(bench, sizes or scale.archives, scale.uploads)
        return found | (upload.measure_aws(clouds) if clouds else {})

    return {
        "full": (full.NOTE, lambda: [_full(field(), size, scale) for size in sizes or scale.posts]),
        "edit": (edit.NOTE, edits),
        "upload": (upload.NOTE, uploads),
        "views": (views.NOTE, lambda: views.measure(bench, scale.lines, scale.rounds, today)),
        "parts": (parts.NOTE, lambda: parts.measure(200, 2 * scale.rounds + 1)),
        "mail": (mail.NOTE, lambda: mail.measure(scale.mails, scale.rounds + 1)),
        "subscribers": (
            subscribers.NOTE,
            lambda: subscribers.measure(bench, sizes or scale.audiences[-1:]),
        ),
        "audience": (audience.NOTE, lambda: audience.measure(bench, sizes or scale.audiences)),
        "smtp": (smtp.NOTE, lambda: smtp.measure(bench, scale.handed, scale.rounds)),
        "cold": (cold.NOTE, lambda: cold.measure(bench)),
    }


def _full(field: Field, size: int, scale: Scale) -> dict[str, Any]:
    """Hugo is what we measure ourselves by; the others, which are slower, run less often."""
    large = size > 2_000
    rounds = {"pressrun": scale.rounds, "hugo": scale.rounds, "eleventy": 1}
    if not large or scale is FULL:
        rounds["pelican"] = 1
    return full.measure(field, size, rounds)


if __name__ == "__main__":
    main()
