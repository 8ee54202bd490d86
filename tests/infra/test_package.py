"""What is shipped: the wheel, the locks, and what the README says of them."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pressrun.config import publication_from, read_settings
from pressrun.domain.publication import Publication
from pressrun.parsing.source import parse_article

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The README's code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_publishes_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    """It brings its templates and words along."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "a.md").write_text("---\ntitle: A\ndate: 2026-01-01\n---\nText.\n")
    program = "import sys; sys.path.insert(0, 'installed'); from pressrun.cli import main; main()"
    command = [sys.executable, "-c", program, "publish", "content", "--home", "home"]
    said = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "1 published." in said.stdout
    assert (tmp_path / "home/site/a/index.html").read_bytes().startswith(b"<!doctype html>")
    where = "import sys; sys.path.insert(0, 'installed'); import pressrun; print(pressrun.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert "installed" in found.stdout


def test_locks_hold_hashes_and_name_no_host() -> None:
    """Every requirement is pinned, and every pin has a hash."""
    for lock in (ROOT / "infra" / "lock").glob("*.txt"):
        text = lock.read_text("utf-8")
        assert "://" not in text
        pins = re.findall(r"^([\w.\[\]-]+)==", text, re.M)
        assert len(pins) > 10
        assert text.count("--hash=sha256:") >= len(pins)


def test_the_settings_in_the_readme_are_settings() -> None:
    """And it lists all of them."""
    (text,) = blocks("toml")
    publication_from(read_settings(text.encode()), {})
    for name in Publication.__dataclass_fields__:
        assert re.search(rf"^(\[\[?)?{name}\b", text, re.M), name


def test_the_front_matter_in_the_readme_is_understood() -> None:
    """Each name in it means what the README says."""
    (text,) = blocks("yaml")
    article = parse_article("a.md", f"{text}Body.".encode(), Publication())
    assert (article.title, article.slug, article.id) == (
        "The tide tables of 1842",
        "tide-tables",
        "tide-tables-1842",
    )
    assert article.aliases == ("/old/address/",)
    assert article.image is not None
    assert article.image.alt == "A printed table of tides"
    assert not article.extra


def test_every_command_in_the_readme_exists() -> None:
    """`pressrun <command>` and `make <target>`."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"\bmake ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.M), target
    program = "from pressrun.cli import main; main()"
    listed = subprocess.run(
        [sys.executable, "-c", program, "--help"], check=True, capture_output=True, text=True
    )
    for command in re.findall(r"^pressrun ([a-z]+)", README, re.M):
        assert re.search(rf"\b{command}\b", listed.stdout), command
