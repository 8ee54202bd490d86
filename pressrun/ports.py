"""All that differs between a laptop and AWS: small interfaces and a clock.

Every driver passes the same contract suite (`tests/contract`). A driver translates its vendor's errors into
`pressrun.errors` at the border, never retries beyond what the vendor's client does, and logs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from pressrun.domain.letters import Handover, Letter, Quota, Recipient
from pressrun.errors import Conflict, Transient

Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]
Item = dict[str, Value]


def nobody(*_: object) -> None:
    """Told of something that nobody asked to be told."""


class Clock(Protocol):
    """Time, passed in so that tests own it."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...


# --- ObjectStore ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """What is known of a stored object without reading it. `size` in bytes; `etag` without quotes."""

    key: str
    etag: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A stored object. `metadata` keys are lower case."""

    body: bytes
    etag: str
    modified: datetime
    content_type: str = ""
    cache_control: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A write. At most one of the two conditions is set; both unset writes whatever is there."""

    key: str
    body: bytes
    content_type: str
    cache_control: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    if_match: str | None = None  # the etag that must be stored
    if_absent: bool = False  # nothing must be stored


class ObjectStore(Protocol):
    """Objects under keys. A key is a relative path with forward slashes, without `.`, `..` or empty parts."""

    def get(self, key: str) -> Blob:
        """The object. Raises NotFound, Transient."""
        ...

    def head(self, key: str) -> Blob:
        """The object without its body (`body` is empty). Raises NotFound, Transient."""
        ...

    def put(self, put: Put) -> str:
        """Writes atomically: a reader sees the old object or the new one. Returns the new etag.

        Raises Conflict where the condition does not hold (also where `if_match` meets no object), Transient.
        """
        ...

    def put_many(self, puts: Sequence[Put]) -> list[str | Conflict | Transient]:
        """Each put on its own, side by side where the backend can; the results in the order of `puts`."""
        ...

    def delete(self, key: str) -> None:
        """Removes the object; nothing happens where there is none. Raises Transient."""
        ...

    def list(self, prefix: str = "") -> Iterator[Stat]:
        """All objects whose key begins with `prefix`, ordered by the key's UTF-8 bytes. Raises Transient."""
        ...


# --- Versions ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A file as it once was. `id` names it among the versions of its file; `at` is when it was kept."""

    id: str
    at: datetime
    size: int


class Versions(Protocol):
    """What files of the content were before they were changed."""

    def keep(self, key: str, body: bytes) -> None:
        """Keeps these bytes, unless the newest version has them. Raises Transient, Permanent."""
        ...

    def list(self, key: str) -> list[Version]:
        """At most 100, the newest first; what the file is now may be among them. Raises Transient."""
        ...

    def get(self, key: str, identifier: str) -> bytes:
        """The bytes of a version. Raises NotFound, Transient."""
        ...


# --- Table ------------------------------------------------------------------------------------------------

ABSENT: Final = 0
"""The version of a row that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A stored item. `version` is 1 after the first put and grows by 1 with each further one."""

    partition: str
    sort: str
    item: Item
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Replaces the item. `expect` is the version that must be stored (ABSENT: none); None: any."""

    partition: str
    sort: str
    item: Item
    expect: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Deletes the item, if there. `expect` as in Save."""

    partition: str
    sort: str
    expect: int | None = None


MAX_WRITE: Final = 100
"""Changes in one `write` (DynamoDB's limit for a transaction)."""
MAX_ITEM: Final = 380_000
"""Bytes of an item as JSON that every backend takes (DynamoDB's limit is 400 KB with keys and version)."""


class Table(Protocol):
    """Items (JSON objects) under a partition and a sort key. Reads are consistent with earlier writes."""

    def get(self, partition: str, sort: str) -> Row | None:
        """The row, or None. Raises Transient."""
        ...

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        """The rows that exist, by (partition, sort). Any number of keys; repeated keys are fine."""
        ...

    def query(
        self,
        partition: str,
        *,
        low: str | None = None,
        high: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Row]:
        """Rows with `low <= sort < high`, ordered by the UTF-8 bytes of `sort`, at most `limit`.

        To go on after a row: `low=row.sort + "\\0"`, or descending `high=row.sort`.
        """
        ...

    def scan(self, *, after: tuple[str, str] | None = None) -> Iterator[Row]:
        """Every row, partition and all, in an order of the backend's own that does not change.

        `after`: the keys of a row that an earlier scan gave, to go on behind it. Rows written meanwhile may show up or
        not; each that is there all the time comes once. Reads some at a time.
        """
        ...

    def write(self, changes: Sequence[Save | Drop]) -> None:
        """All changes or none, at most MAX_WRITE, each row at most once. Raises Conflict, Transient, Permanent."""
        ...

    def write_each(self, changes: Iterable[Save | Drop]) -> None:
        """Any number of changes without conditions, in no order, not as a whole. For bulk work that can be repeated.

        The version of a row that it saves grows as with `write`.
        """
        ...

    def increment(self, partition: str, sort: str, *, until: datetime | None = None) -> int:
        """Adds 1 to the row's counter `n` (0 where absent) atomically and returns it. The row holds nothing else.

        From `until` on the row is of no use to anybody, and a backend may remove it by itself, or leave it.
        """
        ...


# --- Queue ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A received message. `receives` counts deliveries, this one included; `receipt` is for this one alone."""

    id: str
    body: str
    receipt: str
    receives: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that was received too often without being acknowledged, with the last cause given."""

    id: str
    body: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How many messages a queue holds: those that can be received now, are held back or in hand, and are dead.

    SQS counts approximately.
    """

    waiting: int
    hidden: int
    dead: int


class Queue(Protocol):
    """Messages, delivered at least once, in no certain order."""

    def send(self, bodies: Sequence[str], *, delay: int = 0) -> None:
        """Accepts the messages; they can be received after `delay` seconds (at most 900)."""
        ...

    def receive(self, limit: int = 10, *, visibility: int = 60) -> list[Message]:
        """Up to `limit` (at most 10) messages, hidden from others for `visibility` seconds. Empty: none now."""
        ...

    def acknowledge(self, message: Message) -> None:
        """Done with it. Nothing happens where the receipt has run out."""
        ...

    def release(self, message: Message, *, delay: int = 0, cause: str = "") -> None:
        """Not done: it comes back after `delay` seconds, or goes to the dead letters, with `cause`."""
        ...

    def depth(self) -> Depth:
        """How much there is; looking changes nothing. Raises Transient."""
        ...

    def dead(self) -> Iterator[DeadLetter]:
        """The dead letters; looking does not remove them."""
        ...

    def redrive(self) -> int:
        """Sends all dead letters again with their receives at zero; returns how many."""
        ...


# --- Mailer -----------------------------------------------------------------------------------------------

MAX_RECIPIENTS: Final = 50
"""Recipients in one `send` (SES's limit for a bulk call)."""


class Mailer(Protocol):
    """Hands letters over to whoever delivers them."""

    def send(
        self, letter: Letter, recipients: Sequence[Recipient], *, tags: Mapping[str, str] | None = None
    ) -> list[Handover]:
        """One mail to each recipient, at most MAX_RECIPIENTS; what became of each, in their order.

        `tags` (names and values of letters, digits, `-`, `_`, at most 256) come back in the mailer's events, with
        `recipient`, the recipient's id. One bad recipient never stops the rest. Never raises for what a server or
        network does: a recipient whose fate is not known is `unknown`. Raises Permanent where nothing can be sent at
        all, for everybody and for ever, as with wrong credentials or a sender that is not allowed.
        """
        ...

    def quota(self) -> Quota:
        """What may be sent now, read from the account. Raises Transient."""
        ...

    def close(self) -> None:
        """Ends connections that are open."""
        ...


# --- LogFolder --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """A file that only grows. `identity` differs from that of every other file that has had its name."""

    name: str
    identity: str
    size: int
    modified: datetime


class LogFolder(Protocol):
    """Where a server writes its logs."""

    def files(self) -> list[LogFile]:
        """The logs, oldest first."""
        ...

    def whole(self, file: LogFile, start: int, limit: int) -> int:
        """Where the last whole line between `start` and `start + limit` ends; `start` where there is none."""
        ...

    def chunks(self, file: LogFile, start: int, end: int) -> Iterable[bytes]:
        """The bytes of a range."""
        ...

    def remove(self, file: LogFile) -> None:
        """Removes the log; nothing happens where it is gone, has grown, or is another one by now."""
        ...
