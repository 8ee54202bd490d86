"""Runs one command and prints what it cost as JSON. A process of its own, and a small one.

A child begins with its parent's peak memory; started from here, that is some megabytes and not the benchmark's.
Standard library only: run with `python -I -S launch.py LOG COMMAND...`.
"""

# ruff: noqa: PTH123, PTH208 (pathlib would be the largest part of this process)

from __future__ import annotations

import json
import os
import sys
import threading
import time

EVERY = 0.1  # seconds between looks at the memory of all processes together
PAGE = os.sysconf("SC_PAGE_SIZE")


def _resident(pid: int) -> int:
    """Bytes resident of a process and its children; pages that they share count in each."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            total = int(file.read().split()[1]) * PAGE
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                total += sum(map(_resident, map(int, file.read().split())))
    except (OSError, IndexError):
        return 0
    return total


def main(log: str, command: list[str]) -> None:
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.execvp(command[0], command)  # noqa: S606 - as it is, without a shell
    most, done = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(EVERY):
            most = max(most, _resident(pid))

    watcher = threading.Thread(target=watch, daemon=True)
    if sys.platform == "linux":
        watcher.start()
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - started
    done.set()
    unit = 1 if sys.platform == "darwin" else 1024
    found = {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * unit,
        "together": max(most, usage.ru_maxrss * unit),
        "status": os.waitstatus_to_exitcode(status),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
