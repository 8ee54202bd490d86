"""One article's body changed: what each needs to bring its output up to date."""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks import corpus
from tests.benchmarks.measure import (
    Aim,
    FailedRunError,
    Watched,
    print_aims,
    print_table,
    ratios,
    run,
    say,
    spread,
)
from tests.benchmarks.peers import Eleventy, Field, Hugo, Peer, Pelican, Pressrun

Costs = dict[str, list[float]]  # CPU seconds by what was done
Way = Callable[[corpus.Post, str], float]  # edits a post with a note; CPU seconds

WARM, LAMBDA, FRESH = "pressrun, as `serve` does it", "pressrun, as on Lambda, warm", "pressrun publish"
HUGO_WATCH, HUGO_FULL = "hugo --watch", "hugo"
NOTE = (
    "The post is one of the newest 50, so that every feed that holds it changes too. The first two run in a\n"
    "process that is kept; the third starts one and looks at every file. Hugo and Eleventy watch and have built\n"
    "once before. Everyone has the feed of 50; Pressrun's tags and authors have one too, each in three formats."
)


def measure(field: Field, count: int, rounds: int, *, pelican: bool) -> dict[str, Any]:
    """Interleaved edits of recent posts in a corpus of `count`."""
    costs: Costs = defaultdict(list)
    with ExitStack() as stack:
        ways: dict[str, Way] = {}
        for peer in field.peers:
            say(f"edit, {count:,} posts: preparing {peer.name}")
            try:
                ways |= stack.enter_context(_ways(peer, count, pelican=pelican))
            except FailedRunError as error:
                say(f"{peer.name} failed: {error}")
        for turn in range(-1, rounds):  # the first is for practice
            say(f"edit, {count:,} posts, round {turn + 1}")
            for number, (name, way) in enumerate(ways.items()):
                post = corpus.post((turn + 1) * len(ways) + number)
                try:
                    cost = way(post, f"number {number} in round {turn + 1}")
                except FailedRunError as error:
                    say(f"{name}: {error}")
                    continue
                if turn >= 0:
                    costs[name].append(cost)
    _print(field, count, costs)
    return {"posts": count, "cpu_seconds": costs}


def _print(field: Field, count: int, costs: Costs) -> None:
    watch, full = costs.get(HUGO_WATCH, []), costs.get(HUGO_FULL, [])
    rows = []
    for name, found in costs.items():
        against = [spread(ratios(them, found), "{:,.1f}") if name not in {HUGO_WATCH, HUGO_FULL} else ""
                   for them in (watch, full)]  # fmt: skip
        rows.append([name, str(len(found)), spread((1000 * cost for cost in found), "{:,.1f}"), *against])
    rows += [[f"{name}: not available", *["—"] * 4] for name in field.absent]
    head = ["one edit", "runs", "CPU ms", "hugo --watch takes × as much", "hugo takes × as much"]
    print_table(f"One edit among {count:,} posts: median (least–greatest)", head, rows)
    print_aims([Aim(f"CPU of {HUGO_WATCH} by that of {name}", ratios(watch, costs.get(name, [])), 50, at_least=True)
                for name in (WARM, LAMBDA)])  # fmt: skip


@contextmanager
def _ways(peer: Peer, count: int, *, pelican: bool) -> Iterator[dict[str, Way]]:
    if isinstance(peer, Pelican) and not pelican:
        yield {}
        return
    folder = peer.project(count, "edit")
    try:
        if isinstance(peer, Pressrun):
            with _pressrun(peer, folder) as ways:
                yield ways
        elif isinstance(peer, Hugo):
            full = peer.project(count, "edit-full")
            run(peer.command(), cwd=full)
            with _watching(peer, folder, peer.watch()) as way:
                yield {HUGO_WATCH: way, HUGO_FULL: _building(peer, full, peer.command())}
            shutil.rmtree(full)
        elif isinstance(peer, Eleventy):
            with _watching(peer, folder, peer.watch()) as way:
                yield {"eleventy --watch --incremental": way}
        elif isinstance(peer, Pelican):
            run(peer.cached(), cwd=folder)
            yield {"pelican, with its cache": _building(peer, folder, peer.cached())}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _watching(peer: Peer, folder: Path, command: list[str | Path]) -> Iterator[Way]:
    watched = Watched(command, cwd=folder)
    try:
        page = folder / peer.output / corpus.post(0).name / "index.html"
        deadline = time.monotonic() + 600
        while not page.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        watched.settle(quiet=2)

        def edit(post: corpus.Post, note: str) -> float:
            return watched.react(lambda: peer.edit(folder, post, note), peer.shows(folder, post, note))

        yield edit
    finally:
        watched.close()


def _building(peer: Peer, folder: Path, command: list[str | Path]) -> Way:
    def edit(post: corpus.Post, note: str) -> float:
        peer.edit(folder, post, note)
        done = run(command, cwd=folder)
        _require(peer.shows(folder, post, note))
        return done.cpu

    return edit


@contextmanager
def _pressrun(peer: Pressrun, folder: Path) -> Iterator[dict[str, Way]]:
    from pressrun import bootstrap
    from pressrun.services.sweep import bring_in_line

    run(peer.command(), cwd=folder)
    house = bootstrap.local(folder / "content", folder / "home", {})
    try:
        bring_in_line(house.publisher)

        def inside(work: Callable[[str], object]) -> Way:
            def edit(post: corpus.Post, note: str) -> float:
                peer.edit(folder, post, note)
                key = f"{post.folder}/{post.name}.md"
                before = time.process_time()
                work(key)
                cost = time.process_time() - before
                _require(peer.shows(folder, post, note))
                return cost

            return edit

        yield {
            WARM: inside(lambda key: bring_in_line(house.publisher, keys=[key])),
            LAMBDA: inside(lambda key: house.publisher.publish([key])),
            FRESH: _building(peer, folder, peer.command()),
        }
    finally:
        house.close()


def _require(shown: Callable[[], bool]) -> None:
    if not shown():
        raise FailedRunError("the change did not appear")
