"""What every driver refuses, written once so that all refuse the same."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from pressrun.domain.letters import Recipient, issue_mark
from pressrun.errors import Permanent
from pressrun.ports import MAX_ITEM, MAX_RECIPIENTS, MAX_WRITE, Drop, Item, Save

MAX_KEY: Final = 1024
"""UTF-8 bytes of an object's key (S3's limit)."""
MAX_PARTITION: Final = 2048
"""UTF-8 bytes of a partition key (DynamoDB's limit)."""
MAX_SORT: Final = 1023
"""UTF-8 bytes of a sort key: DynamoDB's 1024, less the NUL that a caller appends to go on after it."""
MAX_TRANSACTION: Final = 4_000_000
"""JSON bytes of all items in one `write` (DynamoDB's limit is 4 MB)."""
MAX_BODY: Final = 1_048_576
"""UTF-8 bytes of a message's body (SQS's limit)."""

_PART = r"[^./\\\0\ud800-\udfff][^/\\\0\ud800-\udfff]*"
_KEY = re.compile(rf"{_PART}(?:/{_PART})*")


def valid_key(key: str) -> bool:
    """Whether an object can be stored under `key`.

    A relative path with forward slashes. No part is empty or begins with a dot: hidden files are nobody's
    articles, and drivers keep their own things there. No backslash, NUL or lone surrogate. At most MAX_KEY
    bytes.
    """
    return _KEY.fullmatch(key) is not None and (len(key) * 4 <= MAX_KEY or len(key.encode()) <= MAX_KEY)


def require_key(key: str) -> None:
    """Raises ValueError where nothing can be stored under `key`."""
    if not valid_key(key):
        raise ValueError(f"{key!r} is no key: use a relative path without hidden, empty or `..` parts")


def lower_keys(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata with lower-case names, as S3 gives them back."""
    return {name.lower(): value for name, value in metadata.items()}


def storable_row(partition: str, sort: str) -> bool:
    """Whether a row can have these keys: neither empty nor too long, and both encodable as UTF-8."""
    return _fits(partition, MAX_PARTITION) and _fits(sort, MAX_SORT)


def _fits(key: str, most: int) -> bool:
    if key.isascii():
        return 0 < len(key) <= most
    try:
        return len(key.encode()) <= most
    except UnicodeEncodeError:
        return False


def require_row(partition: str, sort: str) -> None:
    """Raises Permanent where no row can have these keys."""
    if not storable_row(partition, sort):
        raise Permanent(
            f"no row can be kept under {partition[:80]!r}, {sort[:80]!r}: keys are not empty, at most "
            f"{MAX_PARTITION} and {MAX_SORT} bytes, and without lone surrogates"
        )


def encode_item(save: Save) -> bytes:
    """The item as JSON. Raises Permanent where its keys, its size or a value cannot be stored."""
    require_row(save.partition, save.sort)
    try:
        body = orjson.dumps(save.item)
    except TypeError as error:
        raise Permanent(f"the item of {save.partition}, {save.sort} is not JSON: {error}") from error
    if len(body) > MAX_ITEM:
        raise Permanent(
            f"the item of {save.partition}, {save.sort} has {len(body)} bytes; at most {MAX_ITEM} fit"
        )
    return body


def decode_item(body: bytes | str) -> Item:
    """The item that `encode_item` wrote."""
    item: Item = orjson.loads(body)
    return item


def encode_changes(changes: Sequence[Save | Drop]) -> list[tuple[Save | Drop, bytes]]:
    """The changes of one transaction with their items' JSON (empty for a Drop).

    Raises Permanent where there are too many, where they are too large together, or where a row comes twice.
    """
    if len(changes) > MAX_WRITE:
        raise Permanent(f"{len(changes)} changes in one write; at most {MAX_WRITE} are taken")
    if len({(change.partition, change.sort) for change in changes}) < len(changes):
        raise Permanent("one write changes a row twice; say once what it shall be")
    encoded = [(change, encode_item(change) if isinstance(change, Save) else b"") for change in changes]
    if sum(len(body) for _, body in encoded) > MAX_TRANSACTION:
        raise Permanent(f"the items of one write have more than {MAX_TRANSACTION} bytes; use several writes")
    return encoded


def require_body(body: str) -> None:
    """Raises Permanent where a message cannot have this body."""
    size = len(body.encode(errors="replace"))
    if not 0 < size <= MAX_BODY:
        raise Permanent(f"a message's body has 1 to {MAX_BODY} bytes; this one has {size}")


def require_recipients(recipients: Sequence[Recipient]) -> None:
    """Raises ValueError where one `send` is given too many."""
    if len(recipients) > MAX_RECIPIENTS:
        raise ValueError(f"{len(recipients)} recipients in one send; at most {MAX_RECIPIENTS} are taken")


def message_id(domain: str, tags: Mapping[str, str] | None) -> str:
    """A Message-ID that nobody else has, without its angle brackets (RFC 5322, section 3.6.4)."""
    return f"{secrets.token_hex(16)}{issue_mark(tags or {})}@{domain}"
