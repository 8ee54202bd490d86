"""`pressrun push` and `pull` against a bucket whose uploads the publisher's function handles."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pressrun import cli
from tests.handlers.conftest import Cloud, eventbridge

GOOD = "---\ntitle: {0}\ndate: 2026-01-01\n---\nText of {0}.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    content = tmp_path / "content"
    (content / "posts").mkdir(parents=True)
    (content / "posts" / "tide.md").write_text(GOOD.format("Tide"))
    (content / "moon.md").write_text(GOOD.format("Moon"))
    return content


class Terminal:
    """Runs `pressrun` and keeps what it printed."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self._home = home

    def __call__(self, *arguments: object, code: int = 0) -> str:
        command = ["pressrun", *map(str, arguments), "--home", str(self._home)]
        self._monkeypatch.setattr("sys.argv", command)
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        printed = self._capsys.readouterr()
        assert int(stopped.value.code or 0) == code, printed
        return printed.out + printed.err


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, cloud: Cloud
) -> Terminal:
    return Terminal(monkeypatch, capsys, tmp_path / "home")


@contextmanager
def publisher(cloud: Cloud) -> Iterator[None]:
    """Tells the function of every object that comes, changes or goes, as the bucket's events do."""
    done = threading.Event()
    seen = listing(cloud)

    def work() -> None:
        known = dict(seen)
        while not done.is_set():
            now = listing(cloud)
            for key in now.keys() | known.keys():
                if now.get(key) != known.get(key):
                    cloud.handle([eventbridge(key)])
            known = now
            done.wait(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def listing(cloud: Cloud) -> dict[str, str]:
    found = cloud.s3.list_objects_v2(Bucket=cloud.content, Prefix="content/").get("Contents", [])
    return {each["Key"].removeprefix("content/"): each["ETag"] for each in found}


def test_what_has_changed_is_uploaded_and_nothing_else(run: Terminal, folder: Path, cloud: Cloud) -> None:
    """And the publisher's answer is shown: the address, or file and line."""
    (folder / "posts" / "bad.md").write_text("---\ntitle: Bad\ndate: yesterday or so\n---\n")
    with publisher(cloud):
        said = run("push", folder, "--wait", 20, code=1)
        assert "3 uploaded, 0 deleted, 0 the same." in said
        assert "published  http://127.0.0.1:8000/moon/" in said
        assert "published  http://127.0.0.1:8000/tide/" in said
        assert "posts/bad.md:3: " in said
        (folder / "posts" / "bad.md").write_text(GOOD.format("Good"))
        said = run("push", folder, "--wait", 20)
        assert "1 uploaded, 0 deleted, 2 the same." in said
        assert "published  http://127.0.0.1:8000/bad/" in said
    assert "0 uploaded, 0 deleted, 3 the same." in run("push", folder, "--wait", 20)


def test_what_is_gone_is_deleted_only_with_a_word(run: Terminal, folder: Path, cloud: Cloud) -> None:
    run("push", folder, "--wait", 0)
    (folder / "moon.md").unlink()
    assert "gone     moon.md" in run("push", folder, "--dry-run")
    assert "--yes or --keep" in run("push", folder, "--wait", 0, code=2)
    assert "0 deleted" in run("push", folder, "--keep", "--wait", 0)
    assert sorted(listing(cloud)) == ["moon.md", "posts/tide.md"]
    cloud.publish(sorted(listing(cloud)))
    with publisher(cloud):
        said = run("push", folder, "--yes", "--wait", 20)
    assert "1 deleted" in said
    assert "withdrawn  moon.md" in said
    assert sorted(listing(cloud)) == ["posts/tide.md"]


def test_an_empty_folder_deletes_nothing(run: Terminal, folder: Path, cloud: Cloud, tmp_path: Path) -> None:
    run("push", folder, "--wait", 0)
    (tmp_path / "empty").mkdir()
    assert "is empty" in run("push", tmp_path / "empty", "--yes", code=1)
    assert len(listing(cloud)) == 2


def test_a_change_that_somebody_makes_meanwhile_is_not_written_over(
    run: Terminal, folder: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was compared is what is replaced."""
    from pressrun.services import exchange

    run("push", folder, "--wait", 0)
    (folder / "moon.md").write_text(GOOD.format("Mine"))
    real = exchange.upload

    def late(*arguments: object, **named: object) -> object:
        cloud.upload("moon.md", b"theirs")
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(exchange, "upload", late)
    assert "somebody else changed it" in run("push", folder, "--wait", 0, code=1)
    assert cloud.s3.get_object(Bucket=cloud.content, Key="content/moon.md")["Body"].read() == b"theirs"


def test_files_whose_etag_is_no_digest_are_known_by_their_metadata(
    run: Terminal, folder: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under a key of KMS: a second push uploads nothing."""
    from pressrun.services import exchange

    run("push", folder, "--wait", 0)
    monkeypatch.setattr(exchange, "md5", lambda body, **_: exchange.sha256(body))
    assert "0 uploaded, 0 deleted, 2 the same." in run("push", folder)


def test_settings_are_answered_too(run: Terminal, folder: Path, cloud: Cloud) -> None:
    with publisher(cloud):
        (folder / "pressrun.toml").write_text('title = "Tides"\n')
        assert "in force   pressrun.toml" in run("push", folder, "--wait", 20)
        (folder / "pressrun.toml").write_text('# a comment\ntitle = "Tides"\n')
        assert "in force   pressrun.toml" in run("push", folder, "--wait", 20)
        (folder / "pressrun.toml").write_text('titel = "Tides"\n')
        assert "pressrun.toml:1: " in run("push", folder, "--wait", 20, code=1)


def test_silence_is_said(run: Terminal, folder: Path) -> None:
    assert "No answer yet to 2 files after 1 seconds" in run("push", folder, "--wait", 1)


def test_pull_takes_what_is_missing_and_leaves_what_differs(
    run: Terminal, folder: Path, cloud: Cloud, tmp_path: Path
) -> None:
    run("push", folder, "--wait", 0)
    other = tmp_path / "other"
    assert "2 written" in run("pull", other)
    assert (other / "posts" / "tide.md").read_text() == GOOD.format("Tide")
    (other / "moon.md").write_text("mine")
    (other / "new.md").write_text("new")
    said = run("pull", other, code=1)
    assert "moon.md: differs here; it stays" in said
    assert "0 written, 1 the same, 1 only here." in said
    assert (other / "moon.md").read_text() == "mine"
    run("pull", other, "--force")
    assert (other / "moon.md").read_text() == GOOD.format("Moon")
    assert (other / "new.md").exists()


def test_the_environment_that_deploy_wrote_is_read(
    run: Terminal, folder: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PRESSRUN_CONTENT_BUCKET")
    assert "PRESSRUN_CONTENT_BUCKET not set" in run("push", folder, code=1)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "aws.env").write_text(f"# written\nPRESSRUN_CONTENT_BUCKET={cloud.content}\n")
    assert "2 uploaded" in run("push", folder, "--wait", 0)
