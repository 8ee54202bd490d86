"""What the AWS drivers make of failures that no stand-in has: a script of answers over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pressrun.adapters.aws.dynamodb import DynamoTable
from pressrun.adapters.aws.s3 import S3Store
from pressrun.adapters.aws.sqs import SqsQueue
from pressrun.errors import Conflict, NotFound, Permanent, PressrunError, Transient
from pressrun.ports import Drop, Message, Put, Save

Scripted = Callable[..., tuple[Any, Any]]
PUT = Put(key="k", body=b"x", content_type="text/plain", if_match="e")
SAVES = [Save(partition="p", sort=sort, item={}) for sort in "ab"]


def xml(status: int, code: str) -> tuple[int, str]:
    return status, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>m</Message></Error>"


def fault(code: str, status: int = 400, **more: Any) -> tuple[int, str]:
    return status, json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "m", **more})


def cancelled(*codes: str) -> tuple[int, str]:
    return fault("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


# --- S3 ---


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (xml(503, "SlowDown"), Transient),
        (xml(500, "InternalError"), Transient),
        (xml(400, "RequestTimeout"), Transient),
        ((502, "<html>Bad gateway</html>"), Transient),
        (xml(409, "OperationAborted"), Transient),
        (xml(412, "PreconditionFailed"), Conflict),
        (xml(409, "ConditionalRequestConflict"), Conflict),
        (xml(404, "NoSuchKey"), Conflict),
        (xml(404, "NoSuchBucket"), Permanent),
        (xml(403, "AccessDenied"), Permanent),
        (xml(400, "KeyTooLongError"), Permanent),
    ],
)
def test_a_failed_put_says_what_can_be_done(
    scripted: Scripted, answer: tuple[int, str], error: type[PressrunError]
) -> None:
    client, _ = scripted("s3", answer)
    store = S3Store(client, "bucket")
    with pytest.raises(error):
        store.put(PUT)
    if error is Permanent:
        with pytest.raises(Permanent):
            store.put_many([PUT, PUT])
    else:
        assert [type(result) for result in store.put_many([PUT, PUT])] == [error, error]
    store.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (xml(503, "SlowDown"), Transient),
        (xml(404, "NoSuchKey"), NotFound),
        (xml(403, "AccessDenied"), Permanent),
        ((200, "cut short"), Transient),
    ],
)
def test_a_failed_get_says_what_can_be_done(
    scripted: Scripted, answer: tuple[int, str], error: type[PressrunError]
) -> None:
    client, _ = scripted("s3", answer)
    with pytest.raises(error):
        S3Store(client, "bucket").get("k")


@pytest.mark.parametrize(("status", "error"), [(503, Transient), (404, NotFound), (403, Permanent)])
def test_a_failed_head_has_but_its_status(
    scripted: Scripted, status: int, error: type[PressrunError]
) -> None:
    client, _ = scripted("s3", (status, ""))
    with pytest.raises(error):
        S3Store(client, "bucket").head("k")


def test_a_bucket_that_does_not_answer_is_transient(scripted: Scripted) -> None:
    client, _ = scripted("s3", xml(503, "SlowDown"))
    store = S3Store(client, "bucket")
    with pytest.raises(Transient):
        list(store.list())
    with pytest.raises(Transient):
        store.delete("k")


# --- DynamoDB ---


def test_throttled_reads_and_writes_are_transient(scripted: Scripted) -> None:
    client, _ = scripted("dynamodb", fault("ProvisionedThroughputExceededException"))
    table = DynamoTable(client, "t")
    for act in (
        lambda: table.get("p", "s"),
        lambda: table.get_many([("p", "s")]),
        lambda: list(table.query("p")),
        lambda: table.write(SAVES),
        lambda: table.write(SAVES[:1]),
        lambda: table.write_each(SAVES),
        lambda: table.increment("p", "s"),
    ):
        with pytest.raises(Transient):
            act()
    table.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (cancelled("None", "ConditionalCheckFailed"), Conflict),
        (cancelled("TransactionConflict", "ConditionalCheckFailed"), Conflict),
        (cancelled("None", "ThrottlingError"), Transient),
        (cancelled("ProvisionedThroughputExceeded", "None"), Transient),
        (cancelled("ValidationError", "None"), Permanent),
        (fault("TransactionInProgressException"), Transient),
        (fault("ResourceNotFoundException"), Permanent),
        (fault("InternalServerError", 500), Transient),
    ],
)
def test_a_failed_transaction_says_what_can_be_done(
    scripted: Scripted, answer: tuple[int, str], error: type[PressrunError]
) -> None:
    client, script = scripted("dynamodb", answer)
    with pytest.raises(error):
        DynamoTable(client, "t").write(SAVES)
    assert len(script.requests) == 1


HINDERED = fault("TransactionConflictException")


@pytest.mark.parametrize(
    ("answer", "changes"),
    [
        (cancelled("TransactionConflict", "None"), SAVES),
        (HINDERED, SAVES),
        (HINDERED, SAVES[:1]),
        (HINDERED, [Drop(partition="p", sort="s")]),
    ],
)
def test_a_write_waits_for_other_transactions(
    scripted: Scripted, answer: tuple[int, str], changes: Sequence[Save | Drop]
) -> None:
    client, script = scripted("dynamodb", answer, answer, (200, "{}"))
    DynamoTable(client, "t").write(changes)
    assert len(script.requests) == 3


def test_a_write_does_not_wait_for_ever(scripted: Scripted) -> None:
    client, script = scripted("dynamodb", cancelled("TransactionConflict", "None"))
    with pytest.raises(Transient):
        DynamoTable(client, "t").write(SAVES)
    assert 3 < len(script.requests) < 10


def test_unprocessed_keys_are_asked_for_again(scripted: Scripted) -> None:
    def stored(sort: str) -> dict[str, Any]:
        return {"pk": {"S": "p"}, "sk": {"S": sort}, "d": {"S": "{}"}, "v": {"N": "1"}}

    left = {"t": {"Keys": [{"pk": {"S": "p"}, "sk": {"S": "b"}}]}}
    client, script = scripted(
        "dynamodb",
        (200, json.dumps({"Responses": {"t": [stored("a")]}, "UnprocessedKeys": left})),
        (200, json.dumps({"Responses": {}, "UnprocessedKeys": left})),
        (200, json.dumps({"Responses": {"t": [stored("b")]}, "UnprocessedKeys": {}})),
    )
    assert sorted(DynamoTable(client, "t").get_many([("p", "a"), ("p", "b")])) == [("p", "a"), ("p", "b")]
    assert [len(json.loads(each)["RequestItems"]["t"]["Keys"]) for each in script.requests] == [2, 1, 1]
    assert all(json.loads(each)["RequestItems"]["t"]["ConsistentRead"] for each in script.requests)


# --- SQS ---


@pytest.mark.parametrize(("at_fault", "error"), [(True, Permanent), (False, Transient)])
def test_a_batch_that_was_taken_in_part_fails(
    scripted: Scripted, at_fault: bool, error: type[PressrunError]
) -> None:
    failed = [{"Id": "1", "SenderFault": at_fault, "Code": "C", "Message": "m"}]
    client, _ = scripted("sqs", (200, json.dumps({"Successful": [], "Failed": failed})))
    with pytest.raises(error):
        SqsQueue(client, "http://127.0.0.1/1/q").send(["a", "b"])


@pytest.mark.parametrize("code", ["ReceiptHandleIsInvalid", "MessageNotInflight"])
def test_a_receipt_that_ran_out_does_nothing(scripted: Scripted, code: str) -> None:
    client, script = scripted("sqs", fault(code))
    queue = SqsQueue(client, "http://127.0.0.1/1/q")
    message = Message(id="1", body="b", receipt="r", receives=1)
    queue.acknowledge(message)
    queue.release(message)
    assert len(script.requests) == 2


def test_a_queue_that_does_not_answer_is_transient(scripted: Scripted) -> None:
    client, _ = scripted("sqs", fault("ServiceUnavailable", 503))
    queue = SqsQueue(client, "http://127.0.0.1/1/q")
    with pytest.raises(Transient):
        queue.receive()
    with pytest.raises(Transient):
        queue.send(["a"])


def test_nobody_at_the_other_end_is_transient(closed_client: Any) -> None:
    with pytest.raises(Transient):
        S3Store(closed_client, "bucket").get("k")
