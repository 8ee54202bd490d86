"""A publication to move into, from outside: the command line, the folder, the published feed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import feedparser
import pytest

from pressrun import cli

DATA = Path(__file__).parents[2] / "data" / "moving"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e366"
    "0000000049454e44ae426082"
)


class Move:
    """Runs `pressrun …` in an empty folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        self.folder = folder
        self.content = folder / "content"
        self._patch, self._capsys = monkeypatch, capsys
        self.out = self.err = ""

    def __call__(self, *arguments: object) -> int:
        self._patch.setattr("sys.argv", ["pressrun", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        self.out, self.err = self._capsys.readouterr()
        assert "Traceback" not in self.err
        return code

    def files(self) -> dict[str, bytes]:
        """All that lies in the content folder."""
        return {
            path.relative_to(self.content).as_posix(): path.read_bytes()
            for path in sorted(self.content.rglob("*"))
            if path.is_file()
        }

    def text(self, key: str) -> str:
        return (self.content / key).read_text(encoding="utf-8")

    def published(self) -> dict[str, Any]:
        """The entries of the site's feed by title, once it is published."""
        assert self("publish", "--jobs", "1") == 0, self.err
        parsed = feedparser.parse(str(self.folder / ".pressrun" / "site" / "atom.xml"))
        assert not parsed.bozo
        return {entry.title: entry for entry in parsed.entries}

    def page(self, path: str) -> str:
        return (self.folder / ".pressrun" / "site" / path / "index.html").read_text(encoding="utf-8")


@pytest.fixture
def move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Move:
    monkeypatch.chdir(tmp_path)
    return Move(tmp_path, monkeypatch, capsys)


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[dict[str, str | bytes]], Path]:
    """Makes a folder of files."""

    def make(files: dict[str, str | bytes]) -> Path:
        root = tmp_path / "source"
        for name, body in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body.encode() if isinstance(body, str) else body)
        return root

    return make
