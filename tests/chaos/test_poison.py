"""Invariant 16: what cannot be handled blocks nothing else and ends as a dead letter that says why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from handlers import publish
from pressrun.ports import Blob
from tests.chaos.sources import Draft
from tests.chaos.world import POISON, Backends, World
from tests.handlers.conftest import Context, eventbridge, sqs_event


@dataclass
class House:
    """What the function finds in its environment."""

    publisher: Any


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(publish, "house", lambda: House(world.publisher()))
    for key in ("a.md", "b.md"):
        world.write(key, Draft(id=key))
    return world


def deliver(world: World) -> None:
    """Hands messages to the function as SQS does, until each is done or dead."""
    queue = world.there.queue
    while messages := queue.receive(10, visibility=60):
        answer = publish.handler(sqs_event([message.body for message in messages]), Context())
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for place, message in enumerate(messages):
            if str(place) in failed:
                queue.release(message, cause="the function failed")
            else:
                queue.acknowledge(message)


def titles(there: Backends) -> list[str]:
    return [item["url"] for item in json.loads(there.site.get("feed.json").body)["items"]]


@pytest.mark.parametrize(
    "garbage",
    [
        POISON,
        "{}",
        "[1]",
        '{"pressrun": "publish"}',
        '{"pressrun": "publish", "keys": 7}',
        '{"detail": {"object": 7}}',
        '{"Records": 7}',
        '{"Records": [{"s3": null}]}',
        '{"Type": "Notification", "Message": 7}',
    ],
)
def test_a_message_that_is_none_is_given_up(world: World, garbage: str) -> None:
    """The others of its batch are done."""
    world.there.queue.send([eventbridge("a.md"), garbage, eventbridge("b.md")])
    deliver(world)
    assert len(titles(world.there)) == 2
    assert [letter.body for letter in world.there.queue.dead()] == [garbage]


def test_a_file_that_breaks_its_worker_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails for one file keeps no other from being published."""
    get = world.content.get

    def failing(key: str) -> Blob:
        if key == "b.md":
            raise OSError("a bad sector")
        return get(key)

    monkeypatch.setattr(world.content, "get", failing)
    world.there.queue.send([eventbridge("b.md"), eventbridge("a.md")])
    deliver(world)
    assert titles(world.there) == ["http://127.0.0.1:8000/a/"]
    assert [letter.body for letter in world.there.queue.dead()] == [eventbridge("b.md")]
