"""A full publish of a whole corpus, beside Hugo, Eleventy and Pelican."""

from __future__ import annotations

import shutil
from typing import Any

from tests.benchmarks.measure import (
    Aim,
    FailedRunError,
    Run,
    mib,
    print_aims,
    print_table,
    ratios,
    say,
    spread,
)
from tests.benchmarks.peers import Field, Peer

NOTE = (
    "Everyone reads the same posts and writes a page for each, 40 tag pages, the home page and an RSS feed of 50.\n"
    "Pressrun in addition sanitises, writes the feed in three formats and for each tag and author, archives of\n"
    "all posts in pages and feeds, sitemaps, and the catalogue that later edits are made from."
)


def measure(field: Field, count: int, rounds: dict[str, int]) -> dict[str, Any]:
    """Interleaved full builds of `count` posts; `rounds` says how often each runs."""
    folders = {peer.name: peer.project(count) for peer in field.peers if rounds.get(peer.name)}
    runs: dict[str, list[Run]] = {name: [] for name in folders}
    for turn in range(max(rounds.values())):
        order = field.peers if turn % 2 == 0 else field.peers[::-1]
        for peer in order:
            if turn < rounds.get(peer.name, 0):
                say(f"full, {count:,} posts, round {turn + 1}: {peer.name}")
                try:
                    runs[peer.name].append(peer.build(folders[peer.name]))
                except FailedRunError as error:
                    say(f"{peer.name} failed: {error}")
    _print(field, count, runs)
    for folder in folders.values():
        shutil.rmtree(folder)
    return {
        "posts": count,
        "runs": {
            name: [{slot: getattr(run, slot) for slot in Run.__slots__} for run in found]
            for name, found in runs.items()
        },
    }


def _print(field: Field, count: int, runs: dict[str, list[Run]]) -> None:
    ours = runs["pressrun"]

    def row(peer: Peer) -> list[str]:
        found = runs.get(peer.name, [])
        if not found:
            return [f"{peer.name} {peer.version}", *["—"] * 9]
        cells = [
            f"{peer.name} {peer.version}",
            str(len(found)),
            spread(run.wall for run in found),
            spread(run.cpu for run in found),
            mib(max(run.peak for run in found)),
            mib(max(run.together for run in found)),
            f"{found[-1].files:,}",
        ]
        if peer.name == "pressrun":
            return [*cells, "", "", ""]
        share = max(run.peak for run in ours) / max(run.peak for run in found)
        return [
            *cells,
            spread(ratios([run.wall for run in ours], [run.wall for run in found])),
            spread(ratios([run.cpu for run in ours], [run.cpu for run in found])),
            f"{share:.2f}",
        ]

    head = ["full publish", "runs", "wall s", "CPU s", "MiB, largest", "MiB, all", "files",
            "ours/its wall", "ours/its CPU", "ours/its memory"]  # fmt: skip
    rows = [row(peer) for peer in field.peers]
    rows += [[f"{name}: not available", *["—"] * 9] for name in field.absent]
    print_table(f"Full publish of {count:,} posts: median (least–greatest)", head, rows)
    hugo = runs.get("hugo", [])
    share = [max(run.peak for run in ours) / max(run.peak for run in hugo)] if hugo else []
    print_aims([
        Aim("wall time by Hugo's", ratios([run.wall for run in ours], [run.wall for run in hugo]), 0.4),
        Aim("memory of the largest process by Hugo's", share, 0.1),
    ])  # fmt: skip
