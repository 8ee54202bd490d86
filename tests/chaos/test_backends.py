"""Invariant 18: the same sources give the same bytes on every backend, in any order, eight events at a time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.house import house
from pressrun import bootstrap
from pressrun.services.sweep import bring_in_line
from tests.chaos.sources import (
    AUTHORS,
    BODIES,
    DATES,
    PICTURE,
    SETTINGS_KEY,
    SLUGS,
    TAGS,
    Draft,
    png,
    settings,
)
from tests.chaos.world import World
from tests.handlers.conftest import (  # noqa: F401 - fixtures
    Cloud,
    bucket,
    cloud,
    dynamo_name,
    dynamodb,
    moto_url,
    s3,
    sqs,
)


def corpus() -> dict[str, bytes]:
    """Twenty articles that share days, tags and authors, a picture, and settings with small feeds."""
    files = {SETTINGS_KEY: settings(entries=3), PICTURE: png(3, 2)}
    for number in range(20):
        key = f"{'posts/' if number % 3 else ''}n{number}.{'html' if number % 5 == 0 else 'md'}"
        draft = Draft(
            id=f"n{number}",
            title=f"Number {number}",
            slug=f"{SLUGS[1]}-{number}" if number % 4 == 0 else "",
            date=DATES[number % len(DATES)],
            tags=TAGS[number % len(TAGS)],
            author=AUTHORS[number % 2],
            body=BODIES[number % len(BODIES)],
        )
        files[key] = draft.file(key)
    return files


@pytest.fixture(scope="module")
def at_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, bytes]]:
    """The site as files and SQLite make it."""
    root: Path = tmp_path_factory.mktemp("home")
    for key, body in corpus().items():
        path = root / "content" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    there = bootstrap.local(root / "content", root / "home", {})
    bring_in_line(there.publisher)
    yield {stat.key: there.site.get(stat.key).body for stat in there.site.list()}
    there.close()


@pytest.mark.parametrize("seed", range(4))
def test_memory_gives_the_same_bytes(at_home: dict[str, bytes], seed: int) -> None:
    """Three workers at once, messages in random order."""
    world = World()
    files = list(corpus().items())
    random.Random(seed).shuffle(files)
    for key, body in files:
        world.upload(key, body, 0)
        if len(world.scheduler.workers) < 3:
            world.invoke()
        world.work(seed, 40, trouble=0, turn=0.3)
    world.settle()
    assert at_home == world.there.site.bodies()


def test_s3_gives_the_same_bytes(at_home: dict[str, bytes], cloud: Cloud) -> None:  # noqa: F811
    """Through the function, with events in both shapes, some twice."""
    for key, body in corpus().items():
        cloud.upload(key, body)
    cloud.publish(list(corpus()))
    assert at_home == {stat.key: house().site.get(stat.key).body for stat in house().site.list()}
