"""`pressrun views` in the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pressrun import runs
from pressrun.cli import app
from tests.accesslogs import CHROME, FEEDLY, GOOGLEBOT, combined, gz
from tests.fakes.office import Office


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    content = tmp_path / "content"
    content.mkdir()
    (content / "tide.md").write_text("---\ntitle: The tide\ndate: 2024-01-01\nviews: 1204\n---\ntext")
    monkeypatch.setenv("PRESSRUN_CONTENT", str(content))
    monkeypatch.setenv("PRESSRUN_HOME", str(tmp_path / "home"))
    assert CliRunner().invoke(app, ["publish", str(content)]).exit_code == 0
    return tmp_path


def views(*arguments: str, code: int = 0) -> str:
    found = CliRunner().invoke(app, ["views", *arguments])
    assert found.exit_code == code, found.output
    return found.output


def test_an_old_site_s_logs_are_counted_and_shown(home: Path) -> None:
    """Once, under whatever name; all commands agree."""
    lines = combined(time="01/Feb/2024:10:00:00 +0000") * 2 + combined(
        time="02/Feb/2024:10:00:00 +0000", agent=GOOGLEBOT
    )
    lines += combined("/feed.xml", time="02/Feb/2024:10:00:00 +0000", agent=FEEDLY.format(87))
    (home / "old.log").write_bytes(lines)
    (home / "same.log.gz").write_bytes(lines)
    (home / "bad.log").write_bytes(gz(lines)[:50])
    assert "4 lines" in views("count", str(home / "old.log"))
    views("count", str(home / "same.log.gz"))
    assert "cut off" in views("count", str(home / "bad.log"), code=1)
    assert "1,205" in views("top")
    assert "1,205 views, 1,204 of them imported; 2 hits" in views("show", "/tide/")
    assert "Reach: 1,205, views alone" in views("show", "/tide/")
    assert "87" in views("feeds")
    assert "4 lines in all" in views("reasons")
    day = next(line for line in views("days").splitlines() if line.startswith("2024-02-01"))
    assert day.split()[:5] == ["2024-02-01", "1", "2", "0", "0"]


def test_many_logs_are_counted_at_once_and_a_packed_one_is_no_other(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By several processes: as many views as by one, and each log once."""
    monkeypatch.setattr(runs, "COUNTED_TOGETHER", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    names = []
    for number in range(6):
        lines = combined(time=f"01/Feb/2024:10:00:0{number} +0000", agent=f"{CHROME} {number}") * (number + 1)
        name = home / f"{number}.log"
        name.write_bytes(gz(lines) if number % 2 else lines)
        (home / f"{number}.again").write_bytes(lines if number % 2 else gz(lines))
        names += [str(name), str(home / f"{number}.again")]
    (home / "bad.log").write_bytes(gz(lines)[:40])
    found = views("count", *names, str(home / "bad.log"), code=1)
    assert [int(line.split()[-2]) for line in found.splitlines() if line.endswith(("line", "lines"))] == [
        number + 1 for number in range(6) for _ in range(2)
    ]
    assert "1,210 views, 1,204 of them imported; 21 hits" in views("show", "tide")
    assert "21 lines in all" in views("reasons")


def test_what_is_not_there_is_said(home: Path) -> None:
    assert "Nothing has been counted" in views("days")
    assert "no article at /moon/" in views("show", "moon", code=2)
    assert "nothing to count anew" in views("replay")


def test_an_article_has_its_mail_and_its_reach(tmp_path: Path) -> None:
    """What bounced is told, and not in it."""
    office = Office(tmp_path)
    office.readers(3)
    office.publish("tides.md", views="100")
    office.minutes(12)
    assert office.hear("bounce", "reader1@example.org", bounce_type="permanent")
    (path,) = (read.path for read in office.house.history().most())
    shown = views("show", path, "--content", str(office.folder), "--home", str(tmp_path))
    assert "2 mails delivered, 1 bounced\n" in shown
    assert "Reach: ≈ 102; 100 if the same people came by every way" in shown
