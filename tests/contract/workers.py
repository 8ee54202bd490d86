"""What the contract tests let other processes do: `python workers.py [wait] JOB ARGUMENTS`."""

from __future__ import annotations

import hashlib
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from pressrun.adapters.local.files import FileStore
from pressrun.adapters.local.sqlite import SqliteQueue, SqliteTable
from pressrun.errors import Conflict
from pressrun.ports import Item, Put, Save


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def add_to_object(root: str, etags: str, times: str) -> None:
    """Adds 1 to the number in an object, so often, by compare and swap."""
    store = FileStore(Path(root), etags="stat" if etags == "stat" else "content")
    for _ in range(int(times)):
        while True:
            blob = store.get("counter.txt")
            body = b"%04d" % (int(blob.body) + 1)
            try:
                store.put(Put(key="counter.txt", body=body, content_type="text/plain", if_match=blob.etag))
            except Conflict:
                continue
            break
    store.close()


def add_to_row(path: str, times: str) -> None:
    """Adds 1 to the number in a row, so often, by compare and swap."""
    with SqliteTable(Path(path), durable=False) as table:
        for _ in range(int(times)):
            while True:
                row = table.get("p", "s")
                assert row is not None
                item: Item = {"total": int(str(row.item["total"])) + 1}
                try:
                    table.write([Save(partition="p", sort="s", item=item, expect=row.version)])
                except Conflict:
                    continue
                break


def count_up(path: str, times: str) -> None:
    """Increments a counter, so often."""
    with SqliteTable(Path(path), durable=False) as table:
        for _ in range(int(times)):
            table.increment("p", "c")


def put_for_ever(root: str, index: str) -> None:
    """Writes the same objects over and over, each with a hash of its body; a line after each round."""
    store = FileStore(Path(root), Path(index))
    for number in count():
        puts = []
        for name in range(30):
            body = b"%d " % number * (1 + (name * 997 + number) % 3000)
            metadata = {"sha": hashlib.sha256(body).hexdigest()}
            puts.append(
                Put(key=f"{name % 7}/{name}.html", body=body, content_type="text/html", metadata=metadata)
            )
        store.put_many(puts)
        print(number, flush=True)  # noqa: T201


def save_for_ever(path: str) -> None:
    """Writes rows in pairs that belong together; a line after each pair."""
    with SqliteTable(Path(path)) as table:
        for number in count():
            table.write(
                [Save(partition="p", sort=sort, item={"round": number}) for sort in ("left", "right")]
            )
            print(number, flush=True)  # noqa: T201


def drain(path: str) -> None:
    """Receives and acknowledges until nothing comes; prints each body."""
    with SqliteQueue(Path(path), "work", SystemClock()) as queue:
        while messages := queue.receive(3):
            for message in messages:
                print(message.body)  # noqa: T201
                queue.acknowledge(message)


if __name__ == "__main__":
    jobs = {
        job.__name__: job for job in (add_to_object, add_to_row, count_up, put_for_ever, save_for_ever, drain)
    }
    if sys.argv[1] == "wait":  # so that all who race begin at once, however slowly they started
        print("ready", flush=True)  # noqa: T201
        sys.stdin.readline()
        del sys.argv[1]
    jobs[sys.argv[1]](*sys.argv[2:])
