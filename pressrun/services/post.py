"""The post: everything that comes through the mail queue, told apart by what it asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from pressrun.ports import Message, Queue
from pressrun.services.deliver import Deliverer

VISIBILITY = 400  # seconds: longer than a batch takes, and than its claim lasts
RETRY = 30  # seconds

Handler = Callable[[dict[str, Any]], object]


class Post:
    """Handles messages. `others` has a handler for each further kind, as `subscribe`."""

    def __init__(self, deliverer: Deliverer, others: Mapping[str, Handler]) -> None:
        self._handlers: dict[str, Handler] = {
            "plan": lambda body: deliverer.plan(body["newsletter"], body["issue"], body["shards"]),
            "again": lambda body: deliverer.ask_again(body["newsletter"], body["issue"]),
            "batch": lambda body: deliverer.deliver(
                body["newsletter"], body["issue"], body["shard"], body["first"]
            ),
            **others,
        }

    def handle(self, text: str) -> None:
        """Does what a message asks for. Raises ValueError where it is none of ours, Transient."""
        try:
            body = orjson.loads(text)
            handler = self._handlers[body["pressrun"]]
        except (ValueError, KeyError, TypeError):
            raise ValueError("a message of no kind that is known") from None
        handler(body)

    def work(self, queue: Queue, limit: int = 10) -> int:
        """Receives and handles some messages; how many came. One that fails holds up no other."""
        messages = queue.receive(limit, visibility=VISIBILITY)
        for message in messages:
            self._work_on(queue, message)
        return len(messages)

    def _work_on(self, queue: Queue, message: Message) -> None:
        try:
            self.handle(message.body)
        except Exception as error:  # of whatever kind: the message comes again, and its cause is kept
            queue.release(
                message, delay=RETRY * message.receives, cause=f"{type(error).__name__}: {error}"[:500]
            )
        else:
            queue.acknowledge(message)
