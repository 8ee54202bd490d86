"""Earlier versions of files, as a versioned bucket keeps them by itself."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

from pressrun.adapters.aws.errors import translated
from pressrun.errors import NotFound
from pressrun.ports import Version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOST: Final = 100


class S3Versions:
    """The versions of the objects whose keys begin with `prefix`. Without versioning there is one: what is there."""

    def __init__(self, client: S3Client, bucket: str, prefix: str = "") -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def keep(self, key: str, body: bytes) -> None:
        """The bucket has kept it when it was written."""

    def list(self, key: str) -> list[Version]:
        """What is kept of a file, the newest first; the file as it is now is among them."""
        name = self._prefix + key
        with translated(key):
            found = self._client.list_object_versions(Bucket=self._bucket, Prefix=name, MaxKeys=1000)
        own = [one for one in found.get("Versions", []) if one["Key"] == name]
        own.sort(key=lambda one: one["LastModified"], reverse=True)
        return [Version(id=one["VersionId"], at=one["LastModified"], size=one["Size"]) for one in own[:MOST]]

    def get(self, key: str, identifier: str) -> bytes:
        """The bytes of a version. Raises NotFound."""
        if identifier not in {version.id for version in self.list(key)}:
            raise NotFound(f"{key} has no version {identifier[:60]!r}")
        with translated(key):
            found = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key, VersionId=identifier)
            with closing(found["Body"]) as stream:
                return stream.read()
