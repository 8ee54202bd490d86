"""A Queue in SQS, with its dead-letter queue.

The queue's redrive policy moves a message that was received too often, and keeps no cause. So a driver that
knows the dead-letter queue moves what is released for the last time itself, with the cause as an attribute.
A crash between its sending and its deleting leaves the message in both: delivery is at least once anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from pressrun.adapters.aws.errors import code_of, translated
from pressrun.adapters.rules import require_body
from pressrun.errors import Permanent, Transient
from pressrun.ports import DeadLetter, Depth, Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

BATCH: Final = 10
BATCH_BYTES: Final = 250_000  # of all bodies in a request; SQS took 256 KB before it took 1 MB
LOOK: Final = 120  # seconds for which dead letters are hidden while they are being read
MAX_CAUSE: Final = 4_000  # characters


class SqsQueue:
    """The messages of the queue at `url`; `dead_url` is the dead-letter queue of its redrive policy.

    `max_receives` must be the policy's. `wait` is how many seconds `receive` waits for a first message; with
    0 it asks some of SQS's servers only and may miss what is there.
    """

    def __init__(
        self,
        client: SQSClient,
        url: str,
        dead_url: str | None = None,
        *,
        max_receives: int = 5,
        wait: int = 1,
    ) -> None:
        self._client = client
        self._url = url
        self._dead_url = dead_url
        self._max_receives = max_receives
        self._wait = wait

    def close(self) -> None:
        """Nothing to do; the client is its maker's to close."""

    def send(self, bodies: Sequence[str], *, delay: int = 0) -> None:
        """Accepts the messages. Raises Transient, Permanent; then some of them may have been accepted."""
        for body in bodies:
            require_body(body)
        for batch in _batches(bodies):
            with translated(self._url):
                answer = self._client.send_message_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(number), "MessageBody": body, "DelaySeconds": delay}
                        for number, body in enumerate(batch)
                    ],
                )
            for failure in answer.get("Failed", []):
                kind = Permanent if failure["SenderFault"] else Transient
                raise kind(f"{self._url}: {failure['Code']} {failure.get('Message', '')}")

    def receive(self, limit: int = 10, *, visibility: int = 60) -> list[Message]:
        """Up to `limit` messages, hidden for `visibility` seconds. Raises Transient, Permanent."""
        return [
            Message(
                id=found["MessageId"],
                body=found["Body"],
                receipt=found["ReceiptHandle"],
                receives=int(found["Attributes"]["ApproximateReceiveCount"]),
            )
            for found in self._receive(self._url, limit, visibility)
        ]

    def _receive(self, url: str, limit: int, visibility: int) -> list[MessageTypeDef]:
        with translated(url):
            return self._client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(limit, BATCH),
                VisibilityTimeout=visibility,
                WaitTimeSeconds=self._wait,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
                MessageAttributeNames=["cause"],
            ).get("Messages", [])

    def acknowledge(self, message: Message) -> None:
        """Done with it. Raises Transient, Permanent."""
        self._delete(self._url, message.receipt)

    def _delete(self, url: str, receipt: str) -> None:
        with translated(url):
            try:
                self._client.delete_message(QueueUrl=url, ReceiptHandle=receipt)
            except ClientError as error:
                if not _is_stale(error):
                    raise

    def release(self, message: Message, *, delay: int = 0, cause: str = "") -> None:
        """Not done. Raises Transient, Permanent."""
        if self._dead_url and message.receives >= self._max_receives:
            self._bury(self._dead_url, message.body, cause)
            self._delete(self._url, message.receipt)
        else:
            self._show(self._url, message.receipt, delay)

    def _bury(self, dead_url: str, body: str, cause: str) -> None:
        attributes: dict[str, Any] = {}
        if cause:
            attributes["cause"] = {"DataType": "String", "StringValue": cause[:MAX_CAUSE]}
        with translated(dead_url):
            self._client.send_message(QueueUrl=dead_url, MessageBody=body, MessageAttributes=attributes)

    def _show(self, url: str, receipt: str, delay: int) -> None:
        with translated(url):
            try:
                self._client.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=delay
                )
            except ClientError as error:
                if not _is_stale(error):
                    raise

    def depth(self) -> Depth:
        """How much there is, as far as SQS knows. Raises Transient, Permanent."""
        waiting, hidden = self._depth(self._url)
        return Depth(
            waiting=waiting, hidden=hidden, dead=sum(self._depth(self._dead_url)) if self._dead_url else 0
        )

    def _depth(self, url: str) -> tuple[int, int]:
        with translated(url):
            found = self._client.get_queue_attributes(
                QueueUrl=url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesDelayed",
                    "ApproximateNumberOfMessagesNotVisible",
                ],
            )["Attributes"]
        hidden = (
            found.get("ApproximateNumberOfMessagesDelayed", "0"),
            found.get("ApproximateNumberOfMessagesNotVisible", "0"),
        )
        return int(found.get("ApproximateNumberOfMessages", "0")), sum(map(int, hidden))

    def dead(self) -> Iterator[DeadLetter]:
        """The dead letters. While they are read, up to LOOK seconds, nobody else sees them."""
        if not self._dead_url:
            return
        seen: list[MessageTypeDef] = []
        try:
            while found := self._receive(self._dead_url, BATCH, LOOK):
                seen.extend(found)
                for letter in found:
                    given = letter.get("MessageAttributes") or {}
                    cause = given["cause"].get("StringValue", "") if "cause" in given else ""
                    yield DeadLetter(id=letter["MessageId"], body=letter["Body"], cause=cause)
        finally:
            for letter in seen:
                self._show(self._dead_url, letter["ReceiptHandle"], 0)

    def redrive(self) -> int:
        """Sends all dead letters again; returns how many. Raises Transient, Permanent."""
        count = 0
        while self._dead_url and (found := self._receive(self._dead_url, BATCH, LOOK)):
            self.send([letter["Body"] for letter in found])
            for letter in found:
                self._delete(self._dead_url, letter["ReceiptHandle"])
            count += len(found)
        return count


def _is_stale(error: ClientError) -> bool:
    """Whether the receipt has run out. SQS says so in three ways."""
    code = code_of(error)
    return code in {"ReceiptHandleIsInvalid", "MessageNotInflight"} or (
        code == "InvalidParameterValue" and "ReceiptHandle" in str(error)
    )


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """At most BATCH bodies at a time, and BATCH_BYTES unless one alone has more."""
    batch: list[str] = []
    size = 0
    for body in bodies:
        length = len(body.encode())
        if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch
