"""One upload into archives of growing size: what it asks of the stores, and its CPU time."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import orjson

from pressrun import bootstrap
from pressrun.adapters.local.sqlite import SqliteTable
from pressrun.house import House, nonce
from pressrun.ports import Save, Table
from pressrun.services.imprint import Imprints
from pressrun.services.publish import Publisher
from pressrun.services.sweep import bring_in_line, drain
from tests.benchmarks import corpus
from tests.benchmarks.archives import FIRST_EXTRA, Archive
from tests.benchmarks.counting import CountedQueue, CountedStore, CountedTable, Counts
from tests.benchmarks.measure import Aim, print_aims, print_table, say, spread

NOTE = (
    "Feeds as they come (20 entries, 100 KB). Each upload is published as the Lambda function does it, by a\n"
    "publisher that is kept; an edit also as `serve` does it. Sizes take turns, upload by upload. At 100 posts\n"
    "tag feeds and pages are not full yet (7 or 8 posts a tag), so the fair base of a ratio is 1,000. No cards of\n"
    "titles are drawn: one takes 6.5 ms, for a new post or another title, whatever the size of the archive."
)
EDIT, SERVE = "edit of a recent post", "the same edit, by `serve`"
NEWEST, BACKDATED, WITHDRAWN = "new newest post", "backdated post", "withdrawal"
COUNTED = ("get", "head", "put", "delete", "list", "bytes put", "table get", "table get many", "table query",
           "rows read", "table write", "rows written", "row bytes", "messages")  # fmt: skip


class Shelf(Protocol):
    """Where an editor puts files."""

    def save(self, post: corpus.Post, text: str) -> str:
        """Uploads; returns the key."""
        ...

    def drop(self, post: corpus.Post) -> str:
        """Removes; returns the key."""
        ...


class Folder:
    """Files on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, post: corpus.Post, text: str) -> str:
        path = corpus.save(self._folder, post, text)
        return path.relative_to(self._folder).as_posix()

    def drop(self, post: corpus.Post) -> str:
        key = f"{post.folder}/{post.name}.md"
        (self._folder / key).unlink()
        return key


class Bucket:
    """Objects in S3."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def save(self, post: corpus.Post, text: str) -> str:
        return self.put(f"{post.folder}/{post.name}.md", text)

    def put(self, key: str, text: str) -> str:
        """Uploads any file; returns the key."""
        self._s3.put_object(Bucket=self._bucket, Key=f"content/{key}", Body=text.encode())
        return key

    def drop(self, post: corpus.Post) -> str:
        key = f"{post.folder}/{post.name}.md"
        self._s3.delete_object(Bucket=self._bucket, Key=f"content/{key}")
        return key


def uploads(shelf: Shelf, size: int, turns: int) -> Iterator[tuple[str, list[Callable[[], str]]]]:
    """What an editor does, turn by turn; in the end all is as it was. Each is called, then published."""
    newest = [corpus.post(FIRST_EXTRA + n, date=corpus.NEWEST + timedelta(hours=n + 1)) for n in range(turns)]
    middle = corpus.post(size // 2).date
    older = [corpus.post(FIRST_EXTRA + 500 + n, date=middle + timedelta(minutes=n + 1)) for n in range(turns)]
    edited = [corpus.post(5 + n // 2) for n in range(turns + turns % 2)]

    def edits(mark: str) -> list[Callable[[], str]]:
        """Every other one takes the one before it back."""
        return [
            lambda post=post, note=f"{mark} {n}" if n % 2 == 0 else "": shelf.save(post, post.text(note=note))
            for n, post in enumerate(edited)
        ]

    yield EDIT, edits("first")
    yield SERVE, edits("second")
    yield NEWEST, [lambda post=post: shelf.save(post, post.text()) for post in newest]
    yield BACKDATED, [lambda post=post: shelf.save(post, post.text()) for post in older]
    yield WITHDRAWN, [lambda post=post: shelf.drop(post) for post in newest]
    yield "", [lambda post=post: shelf.drop(post) for post in older]


def publisher_over(house: House, table: Table, counts: Counts) -> Publisher:
    """A publisher over the house's backends, and over `table`, whose operations are counted."""
    content = CountedStore(house.content, counts)
    counted = CountedTable(table, counts)
    return Publisher(
        content=content,
        site=CountedStore(house.site, counts),
        reports=CountedStore(house.reports, counts),
        table=counted,
        queue=CountedQueue(house.queue, counts),
        clock=bootstrap.SystemClock(),
        nonce=nonce,
        imprints=Imprints(content, counted, {}),
    )


def _publish(publisher: Publisher, what: str, key: str) -> None:
    if what == SERVE:
        bring_in_line(publisher, keys=[key])
    else:
        publisher.publish([key])


def measure(bench: Path, sizes: list[int], turns: int) -> dict[str, Any]:
    """CPU time and operations over local backends."""
    archives = [Archive(bench, size) for size in sizes]
    for archive in archives:
        archive.prepare()
    times: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    with ExitStack() as stack:
        houses = {archive.size: stack.enter_context(archive.open()) for archive in archives}
        plans = {archive.size: list(uploads(Folder(archive.content), archive.size, turns))
                 for archive in archives}  # fmt: skip
        for step, (what, todo) in enumerate(plans[sizes[0]]):
            say(f"uploads: {what or 'cleaning up'}")
            for turn in range(len(todo)):
                for size in sizes if turn % 2 else sizes[::-1]:
                    key = plans[size][step][1][turn]()
                    publisher = houses[size].publisher
                    before = time.process_time()
                    _publish(publisher, what, key)
                    if turn:  # the first warms up
                        times[what][size].append(time.process_time() - before)
                    drain(publisher)
        operations = {size: _count(houses[size], Folder(archive.content), size)
                      for size, archive in zip(sizes, archives, strict=True)}  # fmt: skip
    times.pop("", None)
    _print(sizes, times, operations)
    return {"cpu_seconds": times, "operations": operations}


def _count(house: House, shelf: Shelf, size: int) -> dict[str, dict[str, float]]:
    counts: Counts = Counter()
    publisher = publisher_over(house, house.table, counts)
    publisher.imprints.current()
    found = {}
    for what, todo in uploads(shelf, size, 4):
        each = []
        for step in todo:
            key = step()
            counts.clear()
            _publish(publisher, what, key)
            each.append(dict(counts))
            drain(house.publisher)
        if what:
            found[what] = {name: median(one.get(name, 0) for one in each) for name in COUNTED}
    return found


def _print(
    sizes: list[int],
    times: Mapping[str, Mapping[int, list[float]]],
    operations: Mapping[int, Mapping[str, Mapping[str, float]]],
) -> None:
    base = 1_000 if 1_000 in sizes else sizes[0]
    rows = []
    for what, found in times.items():
        largest, least = found[sizes[-1]], found[sizes[0]]
        cells = [spread((1000 * each for each in found[size]), "{:.1f}") for size in sizes]
        rows.append([what, *cells, f"{median(largest) / median(least):.2f}",
                     f"{median(largest) / median(found[base]):.2f}"])  # fmt: skip
    head = ["CPU ms of one upload, in an archive of", *(f"{size:,}" for size in sizes),
            f"{sizes[-1]:,} / {sizes[0]:,}", f"{sizes[-1]:,} / {base:,}"]  # fmt: skip
    print_table("One upload: CPU ms, median (least–greatest)", head, rows)
    largest = median(times[EDIT][sizes[-1]])
    print_aims([Aim(f"CPU of an edit at {sizes[-1]:,} by that at {size:,}",
                    [largest / median(times[EDIT][size])], 1.05)
                for size in dict.fromkeys((sizes[0], base)) if size != sizes[-1]])  # fmt: skip
    rows = []
    for what in next(iter(operations.values())):
        for size in sizes:
            counts = operations[size][what]
            requests = sum(counts[name] for name in ("get", "head", "put", "delete", "list"))
            numbers = [f"{counts[name]:,.0f}" for name in COUNTED]
            rows.append([f"{what}, {size:,}", f"{requests:.0f}", *numbers])
    head = ["one upload: operations", "objects, all", *COUNTED]
    print_table("One upload: operations on the ports, median", head, rows)


# --- AWS, by moto: requests alone -----------------------------------------------------------------------------


def measure_aws(sizes: list[int]) -> dict[str, Any]:
    """Requests to S3, DynamoDB and SQS; moto stands in for them, so that time says nothing."""
    found = {}
    for size in sizes:
        say(f"uploads: requests to AWS in an archive of {size:,}")
        with _cloud() as (house, shelf, requests):
            _fill(house, shelf, size)
            found[size] = _requests(house, shelf, size, requests)
    kinds = sorted({kind for one in found.values() for counts in one.values() for kind in counts})
    rows = []
    for what in next(iter(found.values())):
        for size in sizes:
            counts = found[size][what]
            numbers = [f"{counts.get(kind, 0):.0f}" for kind in kinds]
            rows.append([f"{what}, {size:,}", f"{_to_s3(counts):.0f}", *numbers])
    print_table("One upload: requests to AWS (moto), median", ["one upload", "S3, all", *kinds], rows)
    print_aims([Aim(f"requests to S3 for an edit at {size:,}", [_to_s3(counts[EDIT])], 20)
                for size, counts in found.items()])  # fmt: skip
    return {"requests": found}


def _to_s3(counts: Mapping[str, float]) -> float:
    return sum(number for kind, number in counts.items() if kind.startswith("s3."))


@contextmanager
def _cloud() -> Iterator[tuple[House, Bucket, Counts]]:
    from moto import mock_aws

    names = {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        with mock_aws():
            yield from _house_on_aws()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _house_on_aws() -> Iterator[tuple[House, Bucket, Counts]]:
    import boto3

    s3, dynamodb, sqs = (boto3.client(name) for name in ("s3", "dynamodb", "sqs"))
    for bucket in ("content", "site"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    dynamodb.create_table(
        TableName="catalogue",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    house = bootstrap.aws(
        {
            "PRESSRUN_CONTENT_BUCKET": "content",
            "PRESSRUN_SITE_BUCKET": "site",
            "PRESSRUN_TABLE": "catalogue",
            "PRESSRUN_QUEUE_URL": sqs.create_queue(QueueName="publish")["QueueUrl"],
        }
    )
    requests: Counts = Counter()

    def count(model: Any, **_: object) -> None:
        requests[f"{model.service_model.endpoint_prefix}.{model.name}"] += 1

    clients = {
        id(part._client): part._client for part in (house.content, house.site, house.table, house.queue)
    }  # type: ignore[attr-defined]
    for client in clients.values():
        client.meta.events.register("before-call", count)
    try:
        yield house, Bucket(s3, "content"), requests
    finally:
        house.close()


def _fill(house: House, shelf: Bucket, size: int) -> None:
    """Publishes `size` posts. The catalogue is made in SQLite and copied: moto copies all of it at each transaction."""
    shelf.put("pressrun.toml", corpus.settings(feed_of_50=False))
    for number in range(size):
        one = corpus.post(number)
        shelf.save(one, one.text())
    with TemporaryDirectory() as folder:
        file = Path(folder) / "catalogue.db"
        with SqliteTable(file, durable=False) as table:
            bring_in_line(publisher_over(house, table, Counter()))
        with closing(sqlite3.connect(file)) as rows:
            found = rows.execute("SELECT partition, sort, item FROM rows WHERE partition != 'attempt'")
            house.table.write_each(
                Save(partition=partition, sort=sort, item=orjson.loads(item))
                for partition, sort, item in found
            )


def _requests(house: House, shelf: Bucket, size: int, requests: Counts) -> dict[str, dict[str, float]]:
    found = {}
    for what, todo in uploads(shelf, size, 4):
        each = []
        for step in todo:
            key = step()
            requests.clear()
            _publish(house.publisher, what, key)
            each.append(dict(requests))
            drain(house.publisher)
        if what:
            kinds = {kind for one in each for kind in one}
            found[what] = {kind: median(one.get(kind, 0) for one in each) for kind in kinds}
    return found
