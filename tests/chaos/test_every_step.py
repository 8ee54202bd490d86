"""One worker at a time is stopped at each of its operations in turn: for good, or until another has done its job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import count
from random import Random

import pytest

from tests.chaos.sources import DATES, EXTRA_CSS, PICTURE, SETTINGS_KEY, Draft, png, settings, webp
from tests.chaos.world import Kit, World

A = Draft(id="a", title="One", date=DATES[0], tags=("sea",), body="![A dot](@/assets/dot.png)", alias="/old/",
          series=("Log", 2))  # fmt: skip
B = Draft(id="b", title="Two", date=DATES[1], tags=("sea", "land"), author="Grace", series=("Log", 1))
C = Draft(id="c", title="Three", date=DATES[3], body="See [what b says](@/b.md).", series=("Log", 0))


def newsroom(kit: Kit | None = None) -> World:
    """Three articles and a picture, all published; from now on made of the kit's parts."""
    world = published().copy()
    world.kit = kit or world.kit
    return world


@cache
def published() -> World:
    world = World()
    world.upload(SETTINGS_KEY, settings(), 0)
    world.upload(PICTURE, png(3, 2), 0)
    for key, draft in (("a.md", A), ("b.md", B), ("posts/c.md", C)):
        world.write(key, draft, 0)
    world.settle()
    world.scheduler.trace.clear()
    return world


def rename(world: World) -> None:
    world.remove("b.md", 0)
    world.write("e.md", replace(B, slug="elsewhere"), 0)


def swap(world: World) -> None:
    world.write("a.md", replace(A, slug="other"), 0)
    world.write("e.md", Draft(id="e", slug="a"), 0)


CHANGES: dict[str, Callable[[World], None]] = {
    "edit": lambda world: world.write("a.md", replace(A, title="Four", body="Other."), 0),
    "upload": lambda world: world.write("e.md", Draft(id="e", date=DATES[2], tags=("new",), author="Nan"), 0),
    "slug": lambda world: world.write("b.md", replace(B, slug="moved"), 0),
    "date": lambda world: world.write("a.md", replace(A, date="2025-06-20"), 0),
    "tags": lambda world: world.write("b.md", replace(B, tags=("new",), author="Nan"), 0),
    "withdraw": lambda world: world.remove("b.md", 0),
    "draft": lambda world: world.write("a.md", replace(A, draft=True), 0),
    "rename": rename,
    "swap": swap,
    "picture": lambda world: world.upload(PICTURE, png(5, 2), 0),
    "photo": lambda world: world.upload(PICTURE, webp(5, 2), 0),
    "no picture": lambda world: world.remove(PICTURE, 0),
    "broken": lambda world: world.spoil("a.md", b"---\ntitle: [\n---\n", 0),
    "settings": lambda world: world.upload(SETTINGS_KEY, settings("The Weekly Test", 3), 0),
    "style": lambda world: world.upload(EXTRA_CSS, b"/* red */", 0),
}


FOLLOWS = ("edit", "withdraw", "again")
STILL = [
    (change, then)
    for change in ("edit", "slug", "tags", "picture", "photo", "withdraw", "rename")
    for then in FOLLOWS
]


def until(world: World, operation: int) -> bool:
    """Lets one worker take up what has changed, and stops it before an operation; False where it has no so many."""
    world.invoke()
    world.work(3, operation, trouble=0, turn=0)
    return bool(world.scheduler.workers)


def die(change: str, operation: int) -> bool:
    """A worker is killed before an operation; False where it has no so many."""
    world = newsroom()
    CHANGES[change](world)
    more = until(world, operation)
    world.scheduler.kill()
    checked(world, f"died before operation {operation} of {change!r}")
    return more


def stand_still(change: str, then: str, operation: int, kit: Kit | None = None) -> bool:
    """A worker stands before an operation while two others do what has changed since; False where it has no so many."""
    world = newsroom(kit)
    CHANGES[change](world)
    more = until(world, operation)
    slow = world.scheduler.workers
    key = {"edit": "a.md", "picture": PICTURE, "photo": PICTURE}.get(change, "b.md")
    if then == "withdraw":
        world.remove(key, 0)
    elif key == PICTURE:
        world.upload(PICTURE, png(7 if then == "edit" else 5, 2), 0)
    else:
        latest = {"a.md": A, "b.md": B}[key]
        world.write(key, replace(latest, title="Latest") if then == "edit" else latest, 0)
    world.scheduler.workers = []
    world.invoke()
    world.invoke()
    world.work(4, None, trouble=0, turn=0.5)
    world.scheduler.workers = slow
    checked(world, f"stood before operation {operation} of {change!r}, then {then!r}")
    return more


def checked(world: World, what: str) -> None:
    trace = [*world.scheduler.trace]
    try:
        world.check()
    except Exception as error:
        raise AssertionError(f"{what}, after {trace[-2:]}: {error}") from error


def sample(name: str, job: Callable[[int], bool], number: int) -> None:
    """The first operations of each hundred or so, drawn from the name: the same every time."""
    chance = Random(name)
    for operation in chance.sample(range(1, 130), number):
        job(operation)


@pytest.mark.parametrize("change", CHANGES)
def test_a_worker_may_die(change: str) -> None:
    """The sweep finds what it left half done, wherever that was."""
    sample(change, lambda operation: die(change, operation), 3)


@pytest.mark.parametrize(("change", "then"), STILL)
def test_a_worker_may_stand_still(change: str, then: str) -> None:
    """What it writes when it goes on is older than what others have written since, and does not count."""
    sample(change + then, lambda operation: stand_still(change, then, operation), 2)


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_a_worker_may_die_at_any_operation(change: str) -> None:
    """Before each in turn."""
    assert next(operation for operation in count(1) if not die(change, operation))


@pytest.mark.slow
@pytest.mark.parametrize(("change", "then"), STILL)
def test_a_worker_may_stand_still_at_any_operation(change: str, then: str) -> None:
    """Before each in turn."""
    assert next(operation for operation in count(1) if not stand_still(change, then, operation))


@pytest.mark.parametrize(
    "schedules", [8, pytest.param(600, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_who_was_overtaken_may_die(schedules: int) -> None:
    """A worker stands still, others do its job and more, and it goes on for a while and dies.

    What it wrote last stands where nothing is any more, and no row names it: whoever does its work again finds it.
    """
    choice = Random(11)
    for _ in range(schedules):
        overtaken(
            choice.choice(["upload", "tags", "withdraw", "date", "slug"]),
            choice.choice(["edit", "withdraw", "again"]),
            choice.randint(20, 130),
            choice.randint(1, 50),
        )


def overtaken(change: str, then: str, operation: int, more: int) -> None:
    """One such schedule: `then` happens to the same file at an operation, and `more` operations are left to live."""
    world = newsroom()
    CHANGES[change](world)
    if not until(world, operation):
        return
    slow = world.scheduler.workers
    key = {"edit": "a.md", "date": "a.md", "upload": "e.md"}.get(change, "b.md")
    latest = {"a.md": A, "b.md": B, "e.md": Draft(id="e", date="2025-06-15")}[key]
    if then == "withdraw":
        world.remove(key, 0)
    else:
        world.write(key, replace(latest, title="Latest") if then == "edit" else latest, 0)
    world.scheduler.workers = []
    world.invoke()
    world.invoke()
    world.work(4, None, trouble=0, turn=0.5)
    world.scheduler.workers = slow
    world.work(5, more, trouble=0, turn=0)
    world.scheduler.kill()
    world.check()
