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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks import audience, cold, edit, full, mail, parts, smtp, subscribers, upload, views
from tests.benchmarks.measure import say
from tests.benchmarks.peers import Field

PARTS = ("full", "edit", "upload", "parts", "mail", "subscribers", "audience", "smtp", "views", "cold")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help="what to measure; all of it by default")
    parser.add_argument("--quick", action="store_true", help="small sizes: two minutes instead of fifteen")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    parser.add_argument("--peers", default="", metavar="NAMES", help="hugo,eleventy,pelican: only these")
    parser.add_argument("--sizes", default="", metavar="COUNTS", help="numbers of posts, such as 100,1000")
    return parser.parse_args()


def main() -> None:  # noqa: PLR0912 - one for each part
    """Runs what was asked for."""
    arguments = _arguments()
    wanted = arguments.part or PARTS
    quick = arguments.quick
    bench = Path(os.environ.get("PRESSRUN_BENCH", ".bench")).absolute()
    sizes = [int(size) for size in arguments.sizes.split(",") if size]
    found: dict[str, Any] = {}
    started = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that watchers end, too
    print(f"{os.cpu_count()} processors, Python {platform.python_version()}, {platform.machine()}")
    try:
        if {"full", "edit"} & {*wanted}:
            field = Field(bench, frozenset(name for name in arguments.peers.split(",") if name))
        if "full" in wanted:
            print(f"\n{full.NOTE}")
            found["full"] = [_full(field, size, quick=quick) for size in sizes or _sizes(quick=quick)]
        if "edit" in wanted:
            print(f"\n{edit.NOTE}")
            found["edit"] = [
                edit.measure(field, size, 2 if quick else 3, pelican=size <= 1_000)
                for size in sizes or ([1_000] if quick else [1_000, 10_000])
            ]
        if "upload" in wanted:
            print(f"\n{upload.NOTE}")
            found["upload"] = _upload(bench, sizes, quick=quick)
        if "views" in wanted:
            print(f"\n{views.NOTE}")
            today = f"{datetime.now(UTC):%Y-%m-%d}"
            found["views"] = views.measure(bench, 200_000 if quick else 1_000_000, 1 if quick else 3, today)
        if "parts" in wanted:
            print(f"\n{parts.NOTE}")
            found["parts"] = parts.measure(200, 3 if quick else 7)
        if "mail" in wanted:
            print(f"\n{mail.NOTE}")
            found["mail"] = mail.measure(20_000 if quick else 100_000, 3 if quick else 5)
        if "subscribers" in wanted:
            print(f"\n{subscribers.NOTE}")
            found["subscribers"] = subscribers.measure(bench, sizes or [10_000 if quick else 1_000_000])
        if "audience" in wanted:
            print(f"\n{audience.NOTE}")
            sizes_ = sizes or ([1_000, 10_000] if quick else [10_000, 1_000_000])
            found["audience"] = audience.measure(bench, sizes_)
        if "smtp" in wanted:
            print(f"\n{smtp.NOTE}")
            found["smtp"] = smtp.measure(bench, 1_000 if quick else 4_000, 2 if quick else 3)
        if "cold" in wanted:
            print(f"\n{cold.NOTE}")
            found["cold"] = cold.measure(bench, 5 if quick else 15)
    finally:
        for folder in ("full", "edit", "edit-full"):
            shutil.rmtree(bench / folder, ignore_errors=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    say(f"{time.monotonic() - started:.0f} s")


def _sizes(*, quick: bool) -> list[int]:
    return [100, 1_000] if quick else [1_000, 10_000]


def _full(field: Field, size: int, *, quick: bool) -> dict[str, Any]:
    """Hugo is what we measure ourselves by; the others, which are slower, run less often."""
    large = size > 2_000
    rounds = {"pressrun": 3, "hugo": 3, "eleventy": 1 if large or quick else 2, "pelican": 1}
    return full.measure(field, size, rounds)


def _upload(bench: Path, sizes: list[int], *, quick: bool) -> dict[str, Any]:
    local = sizes or ([100, 1_000] if quick else [100, 1_000, 10_000, 100_000])
    found = upload.measure(bench, local, 9 if quick else 15)
    clouds = [] if quick else [100, 300]  # moto is slow
    return found | (upload.measure_aws(clouds) if clouds else {})


if __name__ == "__main__":
    main()
