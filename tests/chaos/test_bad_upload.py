"""Invariant 19: a bad upload changes nothing that is published, and its author is told file and line."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from pressrun.ports import Put
from pressrun.services import entering
from pressrun.services.sweep import bring_in_line
from tests.chaos.sources import BROKEN, KEYS, SETTINGS_KEY, Draft, settings
from tests.chaos.world import World

ARTICLE = Draft(id="one", title="One", tags=("sea",))


@pytest.fixture
def world() -> World:
    world = World()
    world.upload(SETTINGS_KEY, settings(), 0)
    world.write("a.md", ARTICLE, 0)
    world.write("b.md", Draft(id="two", slug="taken", alias="/old/"), 0)
    world.settle()
    return world


def bad_files() -> list[bytes]:
    clashes = [
        replace(ARTICLE, **clash)
        for clash in ({"slug": "taken"}, {"slug": "old"}, {"id": "two"}, {"slug": "tags"})
    ]
    many = replace(ARTICLE, tags=tuple(f"t{number}" for number in range(40)))
    long = b"---\ntitle: A novel\n---\n" + "wörter\n\n".encode() * 30_000
    return [*BROKEN, *(draft.file("a.md") for draft in (*clashes, many)), long]


@pytest.mark.parametrize("body", bad_files())
@pytest.mark.parametrize("key", ["a.md", KEYS[2]])
def test_a_bad_upload_changes_nothing(world: World, key: str, body: bytes) -> None:
    """Whether it replaces an article or is a new one."""
    before = dict(world.there.site.objects)
    world.spoil(key, body, 0)
    world.settle()
    assert before == world.there.site.objects
    [problem, *_] = orjson.loads(world.there.reports.get(f"{key}.json").body)["problems"]
    assert problem["file"] == key
    assert 1 <= problem["line"] <= body.count(b"\n") + 1
    assert problem["todo"]


def test_a_mended_upload_takes_its_report_back(world: World) -> None:
    """And is published."""
    world.spoil("a.md", BROKEN[0], 0)
    world.settle()
    world.write("a.md", replace(ARTICLE, title="Mended"), 0)
    world.check()
    assert not world.there.reports.objects


def test_a_bad_file_does_not_hold_up_its_batch(world: World) -> None:
    """The whole content at once, one of it bad."""
    world.spoil("e.md", BROKEN[1])
    world.write("posts/c.md", Draft(id="three"))
    report = bring_in_line(world.publisher())
    assert {outcome.key: outcome.state for outcome in report.outcomes} == {
        "e.md": "refused",
        "posts/c.md": "published",
    }


def test_a_refused_file_that_goes_leaves_what_the_publisher_has_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor's robots.txt would take the place of the generated one; where it was refused it never has."""
    before = world.there.site.bodies()
    monkeypatch.setattr(entering, "MAX_ASSET", 10)
    world.upload("robots.txt", b"User-agent: *\nDisallow: /\n", 0)
    world.settle()
    assert world.there.reports.objects
    world.remove("robots.txt", 0)
    world.settle()
    assert before == world.there.site.bodies()
    assert not world.there.reports.objects


def test_a_file_that_a_dead_worker_left_gives_way(world: World) -> None:
    """Also where the publisher writes one of the same name itself."""
    before = world.there.site.bodies()
    for key in ("robots.txt", "humans.txt", "assets/left.txt"):
        world.there.site.put(Put(key=key, body=b"left behind", content_type="text/plain"))
    world.publisher().publish(["robots.txt", "humans.txt", "assets/left.txt"], force=True)
    assert before == world.there.site.bodies()
