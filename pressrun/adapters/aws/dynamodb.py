"""A Table in DynamoDB.

One table, on-demand, with the string keys `pk` (partition) and `sk` (sort). A row's other attributes:

- `d`: the item as JSON, a string; or instead
- `z`: the same, compressed by zlib, where it has more than COMPRESS bytes and gets smaller: capacity is paid
  by the kilobyte written and by four kilobytes read; or instead
- `n`: the number of a row that `increment` made. Such a row's item is {"n": number}.
- `v`: the version, a number. Every write adds 1 to it, so a deleted row begins at 1 again.
- `t`: seconds since 1970 from which DynamoDB removes the row, within days and at no cost: of counters that end.

All reads are consistent. Where an answer is lost and the client tries again, a single conditional change can
report Conflict for what it wrote itself; transactions carry a token and cannot.
"""

from __future__ import annotations

import secrets
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError

from pressrun.adapters.aws.errors import code_of, kind_of, translated
from pressrun.adapters.rules import decode_item, encode_changes, encode_item, require_row, storable_row
from pressrun.errors import Conflict, PressrunError, Transient
from pressrun.ports import ABSENT, Drop, Item, Row, Save

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

THREADS: Final = 16
GET_BATCH: Final = 100  # keys in one BatchGetItem
EACH_BATCH: Final = 1_000  # changes of write_each in flight at a time
COMPRESS: Final = 4_096
ATTEMPTS: Final = 6  # of a write that another transaction stands in the way of, or of keys left unprocessed

T = TypeVar("T")


class DynamoTable:
    """The rows of one DynamoDB table."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._name = table_name

    def get(self, partition: str, sort: str) -> Row | None:
        """The row, or None. Raises Transient, Permanent."""
        if not storable_row(partition, sort):
            return None
        with translated(f"{partition}, {sort}"):
            found = self._client.get_item(
                TableName=self._name, Key=_key(partition, sort), ConsistentRead=True
            ).get("Item")
        return _row(found) if found else None

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        """The rows that exist, by (partition, sort). Raises Transient, Permanent."""
        wanted = [_key(*key) for key in dict.fromkeys(keys) if storable_row(*key)]
        chunks = [wanted[start : start + GET_BATCH] for start in range(0, len(wanted), GET_BATCH)]
        found = map(self._get_chunk, chunks) if len(chunks) < 2 else self._pool.map(self._get_chunk, chunks)
        return {(row.partition, row.sort): row for rows in found for row in rows}

    def _get_chunk(self, keys: list[dict[str, Any]]) -> list[Row]:
        rows: list[Row] = []
        for attempt in range(ATTEMPTS):
            with translated(self._name):
                answer = self._client.batch_get_item(
                    RequestItems={self._name: {"Keys": keys, "ConsistentRead": True}}
                )
            found = answer["Responses"].get(self._name, [])
            rows.extend(_row(item) for item in found)
            left = answer.get("UnprocessedKeys", {}).get(self._name)
            if not left:
                return rows
            keys = list(left["Keys"])
            if not found:  # else the answer was full (16 MB), which is no reason to wait
                _pause(attempt)
        raise Transient(f"{self._name}: {len(keys)} keys were left unprocessed {ATTEMPTS} times")

    def query(
        self,
        partition: str,
        *,
        low: str | None = None,
        high: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Row]:
        """Rows with `low <= sort < high`, by pages of at most 1 MB. Raises Transient, Permanent."""
        low = low or None
        if high is not None and high <= (low or ""):
            return
        if not partition or (limit is not None and limit <= 0):
            return
        request = self._request(partition, low, high, descending=descending)
        while True:
            if limit is not None:
                request["Limit"] = limit + 1  # one more: BETWEEN includes `high`, which is dropped below
            with translated(partition):
                page = self._client.query(**request)
            for item in page["Items"]:
                row = _row(item)
                if high is not None and row.sort >= high:
                    continue
                yield row
                if limit is not None:
                    limit -= 1
                    if limit == 0:
                        return
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _request(
        self, partition: str, low: str | None, high: str | None, *, descending: bool
    ) -> dict[str, Any]:
        condition = "pk = :p"
        values = {":p": {"S": partition}}
        if low is not None:
            values[":l"] = {"S": low}
        if high is not None:
            values[":h"] = {"S": high}
        if low is not None and high is not None:
            condition += " AND sk BETWEEN :l AND :h"
        elif low is not None:
            condition += " AND sk >= :l"
        elif high is not None:
            condition += " AND sk < :h"
        return {
            "TableName": self._name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not descending,
            "ConsistentRead": True,
        }

    def scan(self, *, after: tuple[str, str] | None = None) -> Iterator[Row]:
        """Every row, by pages of at most 1 MB. Raises Transient, Permanent."""
        request: dict[str, Any] = {"TableName": self._name, "ConsistentRead": True}
        if after:
            request["ExclusiveStartKey"] = _key(*after)
        while True:
            with translated(self._name):
                page = self._client.scan(**request)
            yield from map(_row, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def write(self, changes: Sequence[Save | Drop]) -> None:
        """All changes or none. Raises Conflict, Transient, Permanent."""
        encoded = encode_changes(changes)
        if len(encoded) == 1:
            self._change(*encoded[0])
        elif encoded:
            _unhindered(lambda: self._transact(encoded))

    def _change(self, change: Save | Drop, body: bytes) -> None:
        name, action = self._action(change, body)
        send: Callable[..., Any] = self._client.update_item if name == "Update" else self._client.delete_item

        def once() -> None:
            with translated(f"{change.partition}, {change.sort}"):
                send(**action)

        _unhindered(once)

    def _transact(self, encoded: Sequence[tuple[Save | Drop, bytes]]) -> None:
        actions: list[Any] = [dict([self._action(change, body)]) for change, body in encoded]
        with translated(self._name):
            try:
                self._client.transact_write_items(TransactItems=actions)
            except ClientError as error:
                if code_of(error) != "TransactionCanceledException":
                    raise
                raise _cancelled(error) from error

    def _action(self, change: Save | Drop, body: bytes) -> tuple[str, dict[str, Any]]:
        """The name and the arguments of the action, of a transaction or by itself."""
        require_row(change.partition, change.sort)
        action: dict[str, Any] = {"TableName": self._name, "Key": _key(change.partition, change.sort)}
        values: dict[str, Any] = {}
        if change.expect == ABSENT:
            action["ConditionExpression"] = "attribute_not_exists(pk)"
        elif change.expect is not None:
            action["ConditionExpression"] = "v = :e"
            values[":e"] = {"N": str(change.expect)}
        if isinstance(change, Save):
            attribute, value = _packed(change.item, body)
            others = ", ".join(name for name in ("d", "z", "n", "t") if name != attribute)
            action["UpdateExpression"] = f"SET {attribute} = :i REMOVE {others} ADD v :one"
            values |= {":i": value, ":one": {"N": "1"}}
        if values:
            action["ExpressionAttributeValues"] = values
        return ("Update" if isinstance(change, Save) else "Delete"), action

    def write_each(self, changes: Iterable[Save | Drop]) -> None:
        """Any number of changes, THREADS at a time. Raises Transient, Permanent.

        One UpdateItem each: BatchWriteItem takes 25 in a request for the same price, but it cannot add to a
        version.
        """
        remaining = iter(changes)
        while batch := list(islice(remaining, EACH_BATCH)):
            list(self._pool.map(self._write_alone, batch))

    def _write_alone(self, change: Save | Drop) -> None:
        self._change(change, encode_item(change) if isinstance(change, Save) else b"")

    def increment(self, partition: str, sort: str, *, until: datetime | None = None) -> int:
        """Adds 1 to the row's counter `n` and returns it. Raises Transient, Permanent.

        Where an answer is lost and the client tries again, a number is left out.
        """
        require_row(partition, sort)
        expression, values = "ADD n :one, v :one", {":one": {"N": "1"}}
        if until is not None:
            expression, values[":t"] = f"SET t = :t {expression}", {"N": str(int(until.timestamp()))}

        def once() -> int:
            with translated(f"{partition}, {sort}"):
                answer = self._client.update_item(
                    TableName=self._name,
                    Key=_key(partition, sort),
                    UpdateExpression=expression,
                    ExpressionAttributeValues=values,
                    ReturnValues="UPDATED_NEW",
                )
            return int(answer["Attributes"]["n"]["N"])

        return _unhindered(once)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(THREADS, thread_name_prefix="dynamodb")

    def close(self) -> None:
        """Ends the driver's threads; the client is its maker's to close."""
        pool = self.__dict__.pop("_pool", None)
        if pool is not None:
            pool.shutdown()


class _HinderedError(Exception):
    """Another transaction is at the same row; nothing was written."""


def _unhindered(write: Callable[[], T]) -> T:
    """Tries again, after a random pause, while other transactions stand in the way."""
    for attempt in range(ATTEMPTS):
        try:
            return write()
        except _HinderedError:
            _pause(attempt)
        except Transient as error:
            cause = error.__cause__
            if not (isinstance(cause, ClientError) and code_of(cause) == "TransactionConflictException"):
                raise
            _pause(attempt)
    raise Transient(f"other transactions were in the way {ATTEMPTS} times")


def _pause(attempt: int) -> None:
    time.sleep(0.02 * 2**attempt * secrets.randbelow(1000) / 1000)


def _cancelled(error: ClientError) -> PressrunError | _HinderedError:
    """Why a transaction was not made. A condition that does not hold comes before all else."""
    reasons: Sequence[Mapping[str, Any]] = error.response.get("CancellationReasons", [])
    codes = [str(reason.get("Code", "None")) for reason in reasons]
    if "ConditionalCheckFailed" in codes:
        return Conflict(
            f"change {codes.index('ConditionalCheckFailed') + 1} of {len(codes)} is not as expected"
        )
    if "TransactionConflict" in codes:
        return _HinderedError()
    return next((kind_of(code)(str(error)) for code in codes if code != "None"), Transient(str(error)))


def _key(partition: str, sort: str) -> dict[str, Any]:
    return {"pk": {"S": partition}, "sk": {"S": sort}}


def _packed(item: Item, body: bytes) -> tuple[str, dict[str, Any]]:
    """The attribute that holds the item, and its value."""
    number = item.get("n")
    if len(item) == 1 and isinstance(number, int) and not isinstance(number, bool):
        return "n", {"N": str(number)}
    if len(body) > COMPRESS:
        small = zlib.compress(body)
        if len(small) < len(body):
            return "z", {"B": small}
    return "d", {"S": body.decode()}


def _row(stored: Mapping[str, Any]) -> Row:
    if "n" in stored:
        item: Item = {"n": int(stored["n"]["N"])}
    elif "z" in stored:
        item = decode_item(zlib.decompress(stored["z"]["B"]))
    else:
        item = decode_item(stored["d"]["S"])
    return Row(partition=stored["pk"]["S"], sort=stored["sk"]["S"], item=item, version=int(stored["v"]["N"]))
