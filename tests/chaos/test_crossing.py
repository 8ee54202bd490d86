"""A file takes over what another one had, before anybody has looked at the other one again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.sources import SETTINGS_KEY, Draft, settings
from tests.chaos.world import World

FIRST = Draft(id="one", title="One", tags=("sea",), slug="first")


@pytest.fixture
def world() -> World:
    world = World()
    world.upload(SETTINGS_KEY, settings(), 0)
    world.write("a.md", FIRST, 0)
    world.settle()
    return world


def test_word_of_a_withdrawal_comes_after_another_file_took_the_id(world: World) -> None:
    """The article that has the id by now stays in its feeds."""
    world.remove("a.md")
    world.write("b.md", replace(FIRST, slug="second"))
    world.publisher().publish(["b.md"])
    world.publisher().publish(["a.md"])
    world.check()
    assert "second/index.html" in world.there.site.objects


def test_an_article_that_gets_another_id_leaves_the_old_one_to_who_has_it(world: World) -> None:
    """It was gone for a moment, and back with another id before anybody looked."""
    world.remove("a.md")
    world.write("b.md", replace(FIRST, slug="second"))
    world.publisher().publish(["b.md"])
    world.write("a.md", replace(FIRST, id="two"))
    world.publisher().publish(["a.md"])
    world.check()
