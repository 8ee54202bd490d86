"""Uploads to S3 become the site, whatever the shape, the order and the number of the events."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from handlers.house import house
from pressrun import bootstrap
from pressrun.services.sweep import bring_in_line
from tests.handlers.conftest import Cloud, eventbridge, s3_notification

CONTENT = Path(__file__).parents[2] / "content"
REAL = Path(__file__).parents[3] / "shared/data/content/rust-blog"


def local_bytes(content: Path, home: Path) -> dict[str, bytes]:
    """The site as the local backends make it."""
    there = bootstrap.local(content, home, {})
    bring_in_line(there.publisher)
    found = {stat.key: there.site.get(stat.key).body for stat in there.site.list()}
    there.close()
    return found


def upload_all(cloud: Cloud, folder: Path) -> list[str]:
    keys = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file()]
    for key in keys:
        cloud.upload(key, (folder / key).read_bytes())
    return keys


@pytest.mark.parametrize(
    "parts",
    [("*.toml", "tides/*.md", "print/**/*", "assets/*.mp3"), pytest.param(("**/*",), marks=pytest.mark.slow)],
)
def test_the_sample_publication_is_the_same_on_s3_as_at_home(
    cloud: Cloud, tmp_path: Path, parts: tuple[str, ...]
) -> None:
    """Every object has the bytes that the local publish gives it. In short: a series, pictures, and a recording."""
    folder = tmp_path / "content"
    for path in {path for part in parts for path in CONTENT.glob(part) if path.is_file()}:
        there = folder / path.relative_to(CONTENT)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(path.read_bytes())
    cloud.publish(upload_all(cloud, folder))
    found = cloud.objects()
    assert any(key.endswith(".webp") for key in found)
    assert found == local_bytes(folder, tmp_path / "home")


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="the real blog lies beside the repository")
@pytest.mark.timeout(3000)
def test_a_real_blog_is_the_same_on_s3_as_at_home(cloud: Cloud, tmp_path: Path) -> None:
    """Real posts, eight events at a time, in random order; all 349 of them with PRESSRUN_POSTS=349."""
    posts = sorted(path.name for path in REAL.glob("*.md"))
    some = posts[:: max(1, len(posts) // int(os.environ.get("PRESSRUN_POSTS", "50")))]
    folder = tmp_path / "content"
    folder.mkdir()
    for name in some:
        (folder / name).write_bytes((REAL / name).read_bytes())
    cloud.publish(upload_all(cloud, folder))
    found, wanted = cloud.objects(), local_bytes(folder, tmp_path / "home")
    assert sorted(found) == sorted(wanted)
    assert [key for key in wanted if found[key] != wanted[key]] == []


def test_objects_say_what_they_are(cloud: Cloud) -> None:
    """Media types and caching are stored with each object."""
    cloud.upload("a.md", b"---\ntitle: A\ndate: 2026-01-01\n---\ntext")
    cloud.publish(["a.md"])
    types = {
        key: house().site.head(key).content_type
        for key in ("a/index.html", "feed.xml", "atom.xml", "feed.json")
    }
    assert types == {
        "a/index.html": "text/html; charset=utf-8",
        "feed.xml": "application/rss+xml; charset=utf-8",
        "atom.xml": "application/atom+xml; charset=utf-8",
        "feed.json": "application/feed+json; charset=utf-8",
    }
    assert house().site.head("feed.xml").cache_control == "public, max-age=3600"


def test_a_deletion_withdraws_and_an_older_event_does_not_bring_back(cloud: Cloud) -> None:
    """An event is a hint: what counts is what is in the bucket."""
    cloud.upload("a.md", b"---\ntitle: A\ndate: 2026-01-01\n---\ntext")
    cloud.publish(["a.md"])
    cloud.delete("a.md")
    cloud.publish(["a.md"])
    assert house().site.head("a/index.html").metadata["status"] == "410"
    cloud.handle([eventbridge("a.md"), s3_notification("a.md")])
    assert json.loads(house().site.get("feed.json").body)["items"] == []
    cloud.upload("pressrun.toml", b'title = "The Daily Test"')
    cloud.publish(["pressrun.toml"])
    assert b"The Daily Test" in house().site.get("a/index.html").body


def test_a_bad_upload_is_reported_where_no_upload_is_watched(cloud: Cloud) -> None:
    """Its author finds file and line in errors/<key>.json of the content bucket."""
    cloud.upload("posts/bad.md", b"---\ntitle: [\n---\n")
    cloud.publish(["posts/bad.md"])
    stored = cloud.s3.get_object(Bucket=cloud.content, Key="errors/posts/bad.md.json")["Body"].read()
    problem = json.loads(stored)["problems"][0]
    assert problem["file"] == "posts/bad.md"
    assert problem["line"] in {2, 3}


def test_a_poison_message_holds_up_nothing_else(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """It alone comes again; the others are done."""
    cloud.upload("a.md", b"---\ntitle: A\ndate: 2026-01-01\n---\ntext")
    assert cloud.handle([eventbridge("a.md"), "no event at all", "{}"]) == ["1", "2"]
    assert house().site.head("a/index.html").etag


def test_a_file_that_fails_does_not_take_its_batch_along(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a batch fails as a whole, each message is tried on its own."""
    for name in ("a", "b"):
        cloud.upload(f"{name}.md", f"---\ntitle: {name}\ndate: 2026-01-01\n---\ntext".encode())
    read = house().content.get

    def failing(key: str) -> Any:
        if key == "b.md":
            raise RuntimeError("broken disk")
        return read(key)

    monkeypatch.setattr(house().content, "get", failing)
    assert cloud.handle([eventbridge("a.md"), eventbridge("b.md")]) == ["1"]
    assert house().site.head("a/index.html").etag


def test_the_tick_publishes_what_is_due_and_finds_lost_events(cloud: Cloud) -> None:
    """A file that no event told of is published all the same."""
    cloud.upload("lost.md", b"---\ntitle: Lost\ndate: 2026-01-01\n---\ntext")
    cloud.tick()
    cloud.drain()
    assert [item["title"] for item in json.loads(house().site.get("feed.json").body)["items"]] == ["Lost"]


def test_keys_with_spaces_and_umlauts_are_read_from_either_shape(cloud: Cloud) -> None:
    """S3's own notifications form-encode keys; EventBridge's do not."""
    for key, shape in (("ein käse+brot.md", s3_notification), ("ein apfel.md", eventbridge)):
        cloud.upload(key, f"---\ntitle: {key}\ndate: 2026-01-01\n---\ntext".encode())
        assert cloud.handle([shape(key)]) == []
    assert {item["title"] for item in json.loads(house().site.get("feed.json").body)["items"]} == {
        "ein käse+brot.md",
        "ein apfel.md",
    }
