"""The contract of Queue, for every backend. Where time matters, the frozen clock moves SQLite's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from pressrun.adapters.aws.sqs import SqsQueue
from pressrun.adapters.local.sqlite import SqliteQueue
from pressrun.errors import Permanent
from pressrun.ports import Depth, Message, Queue

Together = Callable[[int, Callable[[int], Any]], list[Any]]
MAX_RECEIVES = 3


@pytest.fixture
def sqlite_queue(tmp_path: Path, clock: Any) -> Iterator[SqliteQueue]:
    with SqliteQueue(tmp_path / "queue.db", "work", clock, MAX_RECEIVES) as queue:
        yield queue


@pytest.fixture
def sqs_queue(sqs: Any) -> SqsQueue:
    name = uuid4().hex
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": "{MAX_RECEIVES}"}}'
    url = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"]
    return SqsQueue(sqs, url, dead, max_receives=MAX_RECEIVES, wait=0)


@pytest.fixture(params=["sqlite_queue", "sqs_queue"])
def queue(request: pytest.FixtureRequest) -> Queue:
    queue: Queue = request.getfixturevalue(request.param)
    return queue


def one(queue: Queue, visibility: int = 60) -> Message:
    [message] = queue.receive(visibility=visibility)
    return message


def kill(queue: Queue, cause: str) -> None:
    for _ in range(MAX_RECEIVES):
        queue.release(one(queue), cause=cause)


def test_a_message_comes_back_as_it_was_sent(queue: Queue) -> None:
    queue.send(['{"key": "Größe 🦊"}'])
    message = one(queue)
    assert (message.body, message.receives) == ('{"key": "Größe 🦊"}', 1)


def test_an_empty_queue_gives_nothing(queue: Queue) -> None:
    queue.send([])
    assert queue.receive() == []
    assert list(queue.dead()) == []
    assert queue.redrive() == 0


def test_a_leased_message_is_hidden(queue: Queue) -> None:
    queue.send(["a"])
    one(queue)
    assert queue.receive() == []


def test_an_acknowledged_message_is_gone(queue: Queue) -> None:
    queue.send(["a"])
    message = one(queue, visibility=0)
    queue.acknowledge(message)
    queue.acknowledge(message)
    assert queue.receive() == []
    assert list(queue.dead()) == []


def test_a_message_whose_lease_ran_out_comes_back(queue: Queue) -> None:
    queue.send(["a"])
    first, second = one(queue, visibility=0), one(queue, visibility=0)
    assert (first.id, first.receives + 1) == (second.id, second.receives)
    assert first.receipt != second.receipt


def test_a_released_message_comes_back_at_once(queue: Queue) -> None:
    queue.send(["a"])
    queue.release(one(queue))
    assert one(queue).receives == 2


def test_a_released_message_can_be_put_off(queue: Queue) -> None:
    queue.send(["a"])
    queue.release(one(queue), delay=600)
    assert queue.receive() == []


def test_a_delayed_message_is_not_there_yet(queue: Queue) -> None:
    queue.send(["later"], delay=900)
    queue.send(["now"])
    assert [message.body for message in queue.receive()] == ["now"]


def test_many_messages_each_come_once(queue: Queue) -> None:
    queue.send([str(number) for number in range(25)])
    seen: list[str] = []
    while messages := queue.receive(10):
        assert len(messages) <= 10
        seen += [message.body for message in messages]
        for message in messages:
            queue.acknowledge(message)
    assert sorted(seen, key=int) == [str(number) for number in range(25)]


def test_receive_takes_no_more_than_it_is_asked_for(queue: Queue) -> None:
    queue.send([str(number) for number in range(15)])
    assert len(queue.receive(2)) == 2
    assert len(queue.receive(50)) == 10


def test_large_messages_are_sent_together(queue: Queue) -> None:
    bodies = [character * 120_000 for character in "abcde"]
    queue.send(bodies)
    assert sorted(message.body for message in queue.receive()) == bodies


@pytest.mark.parametrize(
    "body", ["", "x" * 1_048_577, "é" * 600_000], ids=["empty", "large", "large in bytes"]
)
def test_what_is_no_body_is_refused_for_good(queue: Queue, body: str) -> None:
    with pytest.raises(Permanent):
        queue.send(["good", body])
    assert queue.receive() == []


# --- dead letters ---


def test_a_poison_message_is_dead_with_its_cause_and_blocks_nothing(queue: Queue) -> None:
    queue.send(["poison"])
    kill(queue, "KeyError: 'title' in a/b.md – ß")
    queue.send(["good"])
    assert [message.body for message in queue.receive()] == ["good"]
    assert [(letter.body, letter.cause) for letter in queue.dead()] == [
        ("poison", "KeyError: 'title' in a/b.md – ß")
    ]


def test_a_message_that_nobody_finishes_is_dead(queue: Queue) -> None:
    queue.send(["crashes its worker"])
    for _ in range(MAX_RECEIVES):
        one(queue, visibility=0)
    assert queue.receive(visibility=0) == []
    assert [letter.body for letter in queue.dead()] == ["crashes its worker"]


def test_looking_at_dead_letters_leaves_them(queue: Queue) -> None:
    queue.send(["a"])
    kill(queue, "why")
    first = list(queue.dead())
    next(iter(queue.dead()))
    assert first == list(queue.dead())
    assert len(first) == 1


def test_redriven_letters_begin_again(queue: Queue) -> None:
    queue.send(["a"])
    kill(queue, "why")
    assert queue.redrive() == 1
    assert list(queue.dead()) == []
    message = one(queue)
    assert (message.body, message.receives) == ("a", 1)
    queue.release(message)
    kill_rest = [one(queue) for _ in range(1)]
    assert kill_rest[0].receives == 2


def test_many_letters_are_seen_and_redriven(queue: Queue) -> None:
    queue.send([str(number) for number in range(23)])
    while messages := queue.receive():
        for message in messages:
            queue.release(message, cause=f"because of {message.body}")
    letters = {letter.body: letter.cause for letter in queue.dead()}
    assert letters == {str(number): f"because of {number}" for number in range(23)}
    assert queue.redrive() == 23
    assert sum(len(queue.receive()) for _ in range(4)) == 23


def test_workers_at_once_share_the_messages(queue: Queue, together: Together) -> None:
    queue.send([str(number) for number in range(60)])

    def drain(_: int) -> list[str]:
        seen: list[str] = []
        while messages := queue.receive(3):
            for message in messages:
                seen.append(message.body)
                queue.acknowledge(message)
        return seen

    seen = [body for bodies in together(4, drain) for body in bodies]
    assert sorted(seen, key=int) == [str(number) for number in range(60)]


# --- SQLite only: time, receipts, files ---


def test_a_lease_lasts_as_long_as_it_says(sqlite_queue: SqliteQueue, clock: Any) -> None:
    sqlite_queue.send(["a"])
    one(sqlite_queue, visibility=60)
    clock.advance(59)
    assert sqlite_queue.receive() == []
    clock.advance(1)
    assert one(sqlite_queue).receives == 2


def test_a_delay_lasts_as_long_as_it_says(sqlite_queue: SqliteQueue, clock: Any) -> None:
    sqlite_queue.send(["a"], delay=900)
    clock.advance(899)
    assert sqlite_queue.receive() == []
    clock.advance(1)
    sqlite_queue.release(one(sqlite_queue), delay=30)
    clock.advance(29)
    assert sqlite_queue.receive() == []
    clock.advance(1)
    assert one(sqlite_queue).receives == 2


def test_a_receipt_that_ran_out_does_nothing(sqlite_queue: SqliteQueue, clock: Any) -> None:
    sqlite_queue.send(["a"])
    old = one(sqlite_queue)
    clock.advance(60)
    new = one(sqlite_queue)
    sqlite_queue.acknowledge(old)
    sqlite_queue.release(old)
    assert sqlite_queue.receive() == []
    sqlite_queue.release(new)
    assert one(sqlite_queue).id == new.id


def test_the_last_lease_is_not_cut_short(sqlite_queue: SqliteQueue, clock: Any) -> None:
    sqlite_queue.send(["a"])
    for _ in range(MAX_RECEIVES - 1):
        sqlite_queue.release(one(sqlite_queue), cause="the last one given")
    last = one(sqlite_queue)
    clock.advance(59)
    assert list(sqlite_queue.dead()) == []
    clock.advance(1)
    assert [letter.cause for letter in sqlite_queue.dead()] == ["the last one given"]
    sqlite_queue.acknowledge(last)
    assert len(list(sqlite_queue.dead())) == 1


def test_who_waited_longest_comes_first(sqlite_queue: SqliteQueue, clock: Any) -> None:
    for body in "abc":
        sqlite_queue.send([body])
        clock.advance(1)
    sqlite_queue.release(sqlite_queue.receive(1)[0])
    assert [message.body for message in sqlite_queue.receive()] == ["b", "c", "a"]


def test_queues_in_one_file_are_apart(sqlite_queue: SqliteQueue, tmp_path: Path, clock: Any) -> None:
    with SqliteQueue(tmp_path / "queue.db", "other", clock, 1) as other:
        sqlite_queue.send(["a"])
        assert other.receive() == []
        other.send(["b"])
        other.release(one(other))
        assert (len(list(other.dead())), len(list(sqlite_queue.dead()))) == (1, 0)
        assert sqlite_queue.redrive() == 0
        assert one(sqlite_queue).body == "a"


def test_messages_survive_their_process(tmp_path: Path, clock: Any) -> None:
    with SqliteQueue(tmp_path / "queue.db", "work", clock) as queue:
        queue.send(["a"])
    with SqliteQueue(tmp_path / "queue.db", "work", clock) as queue:
        assert one(queue).body == "a"


def test_processes_share_the_messages(
    sqlite_queue: SqliteQueue, tmp_path: Path, race: Callable[..., list[str]]
) -> None:
    bodies = [str(number) for number in range(90)]
    sqlite_queue.send(bodies)
    printed = race(*[("drain", tmp_path / "queue.db")] * 3)
    seen = [line for lines in printed for line in lines.split()]
    assert sorted(seen, key=int) == bodies
    assert sqlite_queue.receive() == []


def test_a_queue_says_how_much_it_holds(queue: Queue) -> None:
    assert queue.depth() == Depth(waiting=0, hidden=0, dead=0)
    queue.send(["poison"])
    kill(queue, "broken")
    queue.send(["a", "b", "c"])
    queue.send(["later"], delay=900)
    one_in_hand = queue.receive(1)
    assert len(one_in_hand) == 1
    assert queue.depth() == Depth(waiting=2, hidden=2, dead=1)
