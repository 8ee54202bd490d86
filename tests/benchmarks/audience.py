"""An issue's audience: written into batches and counted again, in a process of its own: time and peak memory."""

from __future__ import annotations

import resource
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pressrun.domain.subscribers import SHARDS, Subscriber, subscriber_id
from pressrun.ports import Save
from pressrun.services.subscribers import partition_of
from tests.benchmarks.measure import mib, print_table, run
from tests.fakes.office import Office

NOTE = (
    "SQLite, each step synced by the system alone. At SES's 500 mails a second, a million takes 33 minutes: planning "
    "is to take less, and no more memory than for a few."
)


def measure(bench: Path, sizes: list[int]) -> list[dict[str, Any]]:
    """Seconds for planning and counting, and peak bytes, for audiences of these sizes."""
    found: list[dict[str, Any]] = []
    for size in sizes:
        folder = bench / "audience"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        start = f"import sys; sys.path.insert(0, {str(Path.cwd())!r}); from tests.benchmarks import audience"
        call = f"audience.audience(audience.Path({str(folder)!r}), {size})"
        took = run([sys.executable, "-c", f"{start}; {call}"], cwd=folder)
        planned, counted, before = (float(line) for line in (folder / "found").read_text().split())
        found.append({"size": size, "plan": planned, "count": counted, "before": before, "peak": took.peak})
        shutil.rmtree(folder)
    rows = [
        [
            f"{one['size']:,}",
            f"{one['plan']:.1f}",
            f"{one['count']:.1f}",
            mib(int(one["before"])),
            mib(one["peak"]),
        ]
        for one in found
    ]
    headings = ["recipients", "planned, s", "counted, s", "MiB before", "peak MiB"]
    print_table("Audience of one issue", headings, rows)
    return found


def _readers(size: int, now: str) -> Iterator[Save]:
    for number in range(size):
        address = f"reader{number}@example.org"
        identifier = subscriber_id(address)
        reader = Subscriber(address=address, state="active", lists={"letters": "article"}, confirmed=now)
        yield Save(partition=partition_of(identifier), sort=identifier, item=reader.to_item())


def audience(folder: Path, size: int) -> None:
    """Plans and counts one audience, and writes how long it took."""
    office = Office(folder)
    office.house.table.write_each(_readers(size, office.clock.now().isoformat()))
    office.publish("tides.md")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    started = time.perf_counter()
    issue = office.house.newsroom.commit(office.issue())
    for shard in range(SHARDS):
        office.house.deliverer.plan("letters", issue.id, [shard])
    planned = time.perf_counter()
    counted = office.house.newsroom.ledger.tally(issue).states["audience"]
    if counted != size:
        raise SystemExit(f"{counted} of {size} are in the ledger")
    ended = time.perf_counter()
    (folder / "found").write_text(f"{planned - started}\n{ended - planned}\n{before}\n")
