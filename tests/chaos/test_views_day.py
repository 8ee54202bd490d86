"""A whole day of logs, delivered twice and in any order, to processes that are killed: exactly what was read."""

from __future__ import annotations

import multiprocessing
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from isal import igzip

from pressrun.adapters.local.files import FileStore
from pressrun.domain.distinct import EXACT
from pressrun.domain.views import RULE, Figures
from pressrun.ports import Put
from pressrun.services.count import ViewCounter
from pressrun.services.digest import Site
from tests.accesslogs import CHROME, DAY, GOOGLEBOT, HEADER, fields

ARTICLES = 200
TOGETHER = 10  # deliveries that a process takes at once; killed, all of them come again


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, tzinfo=UTC)


def reads(number: int, lines: int) -> Iterator[tuple[str, int]]:
    """Who read what, as the log of this number says: (address, article); a minus: not a view."""
    source = random.Random(number)
    for _ in range(lines):
        reader = source.randrange(60_000)
        article = int(source.paretovariate(0.7)) % ARTICLES
        yield (
            f"10.{reader >> 16}.{reader >> 8 & 255}.{reader & 255}",
            article if source.random() < 0.7 else -1,
        )


def body(number: int, lines: int) -> bytes:
    """That log, gzip."""
    usual = fields()
    start = "\t".join(list(usual.values())[:4])
    person, robot = (fields(agent=agent)["cs(User-Agent)"] for agent in (CHROME, GOOGLEBOT))
    tail = "\t".join(list(usual.values())[11:])
    text = [
        f"{start}\t{address}\tGET\t-\t/a-{max(article, 0)}/\t200\t-\t{robot if article < 0 else person}\t{tail}\n"
        for address, article in reads(number, lines)
    ]
    return igzip.compress((HEADER + "".join(text)).encode(), 0)


def counter(folder: Path) -> ViewCounter:
    return ViewCounter(
        store=FileStore(folder / "views"),
        logs=FileStore(folder / "logs"),
        place="logs",
        clock=Noon(),
        site=lambda: Site(name="day"),
    )


def work(folder: Path, keys: list[str], fold: bool) -> None:
    """A function's process."""
    mine = counter(folder)
    for key in keys:
        mine.count_object(key)
    if fold:
        mine.fold()


def deliver(folder: Path, keys: list[str], source: random.Random) -> int:
    """Hands all of `keys` to two processes at a time; one in four is killed, and its keys come again. The killed."""
    context: Any = multiprocessing.get_context("fork")
    waiting = [keys[start : start + TOGETHER] for start in range(0, len(keys), TOGETHER)]
    killed = 0
    while waiting:
        some = [waiting.pop(source.randrange(len(waiting))) for _ in range(min(2, len(waiting)))]
        workers = [context.Process(target=work, args=(folder, part, source.random() < 0.3)) for part in some]
        for worker in workers:
            worker.start()
        for worker, part in zip(workers, some, strict=True):
            worker.join(source.random() * 0.1 if source.random() < 0.3 else None)
            if worker.is_alive():
                worker.kill()
                worker.join()
                killed += 1
            if worker.exitcode:
                waiting.append(part)
    return killed


def check(folder: Path, lines: int, objects: int, seed: int) -> Figures:
    """Generates, delivers, folds, and compares with the truth. The day in numbers."""
    each = lines // objects
    logs = FileStore(folder / "logs")
    hits = [0] * ARTICLES
    seen: list[set[str]] = [set() for _ in range(ARTICLES)]
    for number in range(objects):
        logs.put(Put(key=f"E1.{number:05}.gz", body=body(number, each), content_type=""))
        for address, article in reads(number, each):
            if article >= 0:
                hits[article] += 1
                seen[article].add(address)
    keys = [f"E1.{number:05}.gz" for number in range(objects)] * 2
    source = random.Random(seed)
    source.shuffle(keys)
    assert deliver(folder, keys, source)
    mine = counter(folder)
    mine.fold()
    page = mine.book.day(RULE, DAY)
    assert page is not None
    day = page.numbers()
    assert day.reasons == {"header": 2 * objects, "page": sum(hits), "bot": each * objects - sum(hits)}
    for article in range(ARTICLES):
        figure = day.pages.get(f"a-{article}/")
        if figure is None:
            assert not hits[article]
            continue
        assert figure.hits == hits[article]
        if len(seen[article]) <= EXACT:
            assert (figure.count, figure.approximate) == (len(seen[article]), False)
        else:
            assert figure.approximate
            assert abs(figure.count / len(seen[article]) - 1) < 4.5 * 0.01625
    return day


def test_a_small_day_is_exact(tmp_path: Path) -> None:
    """40,000 lines in 200 objects."""
    assert check(tmp_path, 40_000, 200, seed=1).lines == 40_400


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_day_of_ten_million_lines_is_exact(tmp_path: Path) -> None:
    """In 5,000 objects; PRESSRUN_LINES for another number."""
    lines = int(os.environ.get("PRESSRUN_LINES", "10000000"))
    check(tmp_path, lines, lines // 2000, seed=2)
