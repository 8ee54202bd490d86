"""An import and an export of many subscribers on this machine, by the command line: time and peak memory."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import mib, print_table, run

NOTE = "One reader in twenty has left, so the file is read twice. Into SQLite, every hundred rows synced to the disk."
_SETTINGS = '[[newsletters]]\nslug = "letters"\nname = "Letters"\nsender = "news@example.org"\n'


def measure(bench: Path, sizes: list[int]) -> list[dict[str, Any]]:
    """Seconds, CPU seconds and peak bytes for lists of these sizes."""
    found: list[dict[str, Any]] = []
    for size in sizes:
        folder = bench / "subscribers"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "content").mkdir(parents=True)
        (folder / "content" / "pressrun.toml").write_text(_SETTINGS, encoding="utf-8")
        _write(folder / "list.csv", size)
        pressrun = [sys.executable, "-c", "from pressrun.cli import main; main()", "subscribers"]
        for name, arguments in (
            ("import", ["list.csv"]),
            ("the same again", ["list.csv"]),
            ("export", ["out.csv"]),
        ):
            verb = "export" if name == "export" else "import"
            took = run([*pressrun, verb, *arguments], cwd=folder)
            found.append({"rows": size, "what": name, "wall": took.wall, "cpu": took.cpu, "peak": took.peak})
        shutil.rmtree(folder)
    rows = [
        [f"{one['rows']:,} {one['what']}", f"{one['wall']:.1f}", f"{one['cpu']:.1f}", mib(one["peak"])]
        for one in found
    ]
    print_table("Subscribers", ["rows", "seconds", "CPU seconds", "peak MiB"], rows)
    return found


def _write(path: Path, size: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("email,name,status,created_at,labels\n")
        for at in range(size):
            state = "unsubscribed" if at % 20 == 0 else "subscribed"
            address = f"reader.{at}@host{at * 7919 % 50_000}.example.org"
            file.write(f"{address},Reader {at},{state},2024-0{at % 9 + 1}-11T10:00:00Z,l{at % 7}\n")
