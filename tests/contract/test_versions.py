"""What both keepers of versions promise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from pressrun.adapters.aws.s3 import S3Store
from pressrun.adapters.aws.versions import S3Versions
from pressrun.adapters.local.files import FileStore
from pressrun.adapters.local.versions import MOST, VersionFolder
from pressrun.errors import NotFound
from pressrun.ports import ObjectStore, Put, Versions
from tests.conftest import FrozenClock


class Desk:
    """A content store and what keeps its versions: each write is kept, a second apart."""

    def __init__(self, content: ObjectStore, versions: Versions, clock: FrozenClock) -> None:
        self.content, self.versions, self.clock = content, versions, clock

    def write(self, key: str, body: bytes) -> None:
        self.clock.advance(1)
        self.content.put(Put(key=key, body=body, content_type="text/plain"))
        self.versions.keep(key, body)

    def texts(self, key: str) -> list[bytes]:
        return [self.versions.get(key, version.id) for version in self.versions.list(key)]


@pytest.fixture(params=["files", "s3"])
def desk(request: pytest.FixtureRequest, tmp_path: Path, clock: FrozenClock) -> Iterator[Desk]:
    if request.param == "files":
        content, kept = FileStore(tmp_path / "content"), FileStore(tmp_path / "versions", etags="stat")
        yield Desk(content, VersionFolder(kept, clock), clock)
        content.close()
        kept.close()
        return
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        client.create_bucket(Bucket="versions")
        client.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
        content = S3Store(client, "versions", "content/")
        yield Desk(content, S3Versions(client, "versions", "content/"), clock)
        content.close()
        client.close()


def test_every_version_is_kept_the_newest_first(desk: Desk) -> None:
    for body in (b"one", b"two", b"three"):
        desk.write("posts/a.md", body)
    assert set(desk.texts("posts/a.md")) == {b"one", b"two", b"three"}
    assert [version.size for version in desk.versions.list("posts/a.md")] in ([5, 3, 3], [3, 3, 5], [3, 5, 3])


def test_a_withdrawn_files_versions_stay(desk: Desk) -> None:
    desk.write("a.md", b"one")
    desk.content.delete("a.md")
    assert desk.texts("a.md") == [b"one"]


def test_files_do_not_share_versions(desk: Desk) -> None:
    desk.write("a.md", b"one")
    desk.write("a.md.txt", b"two")
    desk.write("a/b.md", b"three")
    assert desk.texts("a.md") == [b"one"]
    assert desk.texts("a") == []


def test_a_version_that_is_not_there_is_not_found(desk: Desk) -> None:
    desk.write("a.md", b"one")
    for name in ("nothing", "../a.md", ""):
        with pytest.raises(NotFound):
            desk.versions.get("a.md", name)


def test_files_keep_the_same_bytes_once_and_a_hundred_versions(tmp_path: Path, clock: FrozenClock) -> None:
    kept = FileStore(tmp_path / "versions", etags="stat")
    versions = VersionFolder(kept, clock)
    for number in range(MOST + 5):
        clock.advance(1)
        versions.keep("a.md", str(number).encode())
        versions.keep("a.md", str(number).encode())
    found = versions.list("a.md")
    assert len(found) == MOST
    assert versions.get("a.md", found[0].id) == str(MOST + 4).encode()
    kept.close()
