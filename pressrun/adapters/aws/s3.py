"""An ObjectStore in an S3 bucket.

S3's conditional writes are the conditions of the port. Where an answer is lost and the client tries again, a
put can report Conflict for what it wrote itself: whoever gets a Conflict reads again anyway.

A missing key is NotFound only for a role with `s3:ListBucket`; without it S3 answers 403, which is Permanent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from pressrun.adapters.aws.errors import translated
from pressrun.adapters.rules import lower_keys, require_key, valid_key
from pressrun.errors import Conflict, NotFound, Permanent, Transient
from pressrun.ports import Blob, Put, Stat

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

THREADS: Final = 16
Results = list[str | Conflict | Transient]

_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")


class S3Store:
    """The objects of a bucket whose keys begin with `prefix`, which callers do not see.

    Objects whose keys this port cannot name (hidden ones, the console's `folder/` markers) are left alone.
    Metadata travels percent-encoded, since headers carry ASCII only; S3 takes 2 KB of it.
    """

    def __init__(self, client: S3Client, bucket: str, prefix: str = "") -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def get(self, key: str) -> Blob:
        """The object. Raises NotFound, Transient, Permanent."""
        self._require(key)
        with translated(key):
            found = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
            # The body's own `with` gives the raw stream, whose errors are not botocore's.
            with closing(found["Body"]) as stream:
                return _blob(found, stream.read())

    def head(self, key: str) -> Blob:
        """The object without its body. Raises NotFound, Transient, Permanent."""
        self._require(key)
        with translated(key):
            return _blob(self._client.head_object(Bucket=self._bucket, Key=self._prefix + key), b"")

    def _require(self, key: str) -> None:
        if not valid_key(key):
            raise NotFound(key)

    def put(self, put: Put) -> str:
        """Writes atomically; returns the new etag.

        Raises Conflict, Transient, Permanent; ValueError where the key is none.
        """
        require_key(put.key)
        conditions: dict[str, Any] = {}
        if put.if_match is not None:
            conditions["IfMatch"] = f'"{put.if_match}"'
        if put.if_absent:
            conditions["IfNoneMatch"] = "*"
        if put.cache_control:
            conditions["CacheControl"] = put.cache_control
        try:
            with translated(put.key):
                stored = self._client.put_object(
                    Bucket=self._bucket,
                    Key=self._prefix + put.key,
                    Body=put.body,
                    ContentType=put.content_type,
                    Metadata={
                        name: quote(value, safe=_PLAIN) for name, value in lower_keys(put.metadata).items()
                    },
                    **conditions,
                )
        except NotFound as error:  # what S3 answers to if-match where there is no object
            raise Conflict(f"{put.key} is not there any more") from error
        return stored["ETag"].strip('"')

    def put_many(self, puts: Sequence[Put]) -> Results:
        """Each put on its own, THREADS at a time. A Permanent failure is raised when all others are done."""
        for put in puts:
            require_key(put.key)
        results: Results = []
        refused: Permanent | None = None
        for result in self._pool.map(self._attempt, puts):
            if isinstance(result, Permanent):
                refused = refused or result
            else:
                results.append(result)
        if refused:
            raise refused
        return results

    def _attempt(self, put: Put) -> str | Conflict | Transient | Permanent:
        try:
            return self.put(put)
        except (Conflict, Transient, Permanent) as error:
            return error

    def delete(self, key: str) -> None:
        """Removes the object. Raises Transient, Permanent; ValueError where the key is none."""
        require_key(key)
        with translated(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def list(self, prefix: str = "") -> Iterator[Stat]:
        """All objects whose key begins with `prefix`, ordered by the key's UTF-8 bytes. Raises Transient."""
        with translated(f"listing {prefix}"):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix):
                for found in page.get("Contents", []):
                    key = found["Key"][len(self._prefix) :]
                    if valid_key(key):
                        yield Stat(
                            key=key,
                            etag=found["ETag"].strip('"'),
                            size=found["Size"],
                            modified=found["LastModified"],
                        )

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(THREADS, thread_name_prefix="s3")

    def close(self) -> None:
        """Ends the threads of put_many; the client is its maker's to close."""
        pool = self.__dict__.pop("_pool", None)
        if pool is not None:
            pool.shutdown()


def _blob(found: Mapping[str, Any], body: bytes) -> Blob:
    return Blob(
        body=body,
        etag=found["ETag"].strip('"'),
        modified=found["LastModified"],
        content_type=found.get("ContentType", ""),
        cache_control=found.get("CacheControl", ""),
        metadata={name.lower(): unquote(value) for name, value in found.get("Metadata", {}).items()},
    )
