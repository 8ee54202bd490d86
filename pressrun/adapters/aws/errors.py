"""The vendor's errors, as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)
from botocore.exceptions import (
    ConnectionError as UnreachableError,
)

from pressrun.errors import Conflict, NotFound, Permanent, PressrunError, Transient

_MISSING: Final = {"404", "NoSuchKey", "NotFound"}
_LOST: Final = {
    "412",
    "PreconditionFailed",
    "409",
    "ConditionalRequestConflict",
    "ConditionalCheckFailedException",
}
_PASSING: Final = {
    "429",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "OperationAborted",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
}


def code_of(error: ClientError) -> str:
    """The vendor's name for what went wrong. SQS over JSON puts a namespace before it."""
    return str(error.response.get("Error", {}).get("Code", "")).rpartition(".")[2].rpartition("#")[2]


def kind_of(code: str, status: int = 0) -> type[PressrunError]:
    """What a caller can do about it."""
    if code in _MISSING:
        return NotFound
    if code in _LOST:
        return Conflict
    if code in _PASSING or status >= 500 or status == 429:
        return Transient
    return Permanent


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turns botocore's errors into ours. `what` names the object, row or queue for the message."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise kind_of(code_of(error), status)(f"{what}: {error}") from error
    except (HTTPClientError, UnreachableError, IncompleteReadError, ResponseStreamingError) as error:
        raise Transient(f"{what}: {error}") from error
    except BotoCoreError as error:
        raise Permanent(f"{what}: {error}") from error
