"""`pressrun issue …`, as an editor calls it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pressrun import bootstrap, cli
from pressrun.services.sweep import bring_in_line
from tests.fakes.office import SETTINGS

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A publication with one reader and one issue that cools off."""
    content = tmp_path / "content"
    content.mkdir()
    (content / "pressrun.toml").write_text(SETTINGS)
    now = datetime.now(UTC).isoformat()
    (content / "tides.md").write_text(f"---\ntitle: Tides\ndate: {now}\n---\nSee [nothing](/nothing/).\n")
    house = bootstrap.local(content, tmp_path / "home", {})
    bring_in_line(house.publisher)
    house.close()
    return content


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Calls the command line; the exit code, and what it printed."""

    def call(*arguments: str) -> tuple[int, str]:
        home = str(folder.parent / "home")
        place = [str(folder)] if arguments[0] == "work" else ["--content", str(folder)]
        monkeypatch.setattr("sys.argv", ["pressrun", *arguments, *place, "--home", home])
        monkeypatch.setenv("COLUMNS", "200")
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        else:
            code = 0
        said = capsys.readouterr()
        return code, said.out + said.err

    return call


def issue_id(run: Run) -> str:
    _, said = run("issue", "list", "--format", "json")
    return str(json.loads(said)[0]["id"])


def test_an_issue_is_listed_shown_and_sent(run: Run, folder: Path) -> None:
    """Before it is sent its forecast is shown, afterwards what became of it."""
    assert run("subscribers", "add", "ada@example.org", "--confirmed")[0] == 0
    code, said = run("issue", "list")
    assert code == 0 and "cooling" in said and "Tides" in said
    name = issue_id(run)
    code, said = run("issue", "show", name[:5])
    assert code == 0 and "recipients  1" in said and "https://tides.example/nothing/" in said
    code, said = run("issue", "send", name, "--yes")
    assert code == 0 and "planning" in said
    assert run("work", "--until-idle")[0] == 0
    code, said = run("issue", "show", name, "--recipients")
    assert code == 0 and "sent        1" in said and "ada@example.org" in said
    assert len(list((folder.parent / "home" / "outbox").glob("*.eml"))) == 1
    code, said = run("issue", "send", name, "--yes")
    assert code == 2 and "is sent" in said


def test_it_can_be_stopped_scheduled_and_cancelled(run: Run) -> None:
    """Each command says what the issue is now, and why not where it cannot be."""
    name = issue_id(run)
    assert run("issue", "pause", name)[1].startswith("letters/a-")
    assert "waiting" in run("issue", "list")[1]
    code, said = run("issue", "resume", name)
    assert code == 2 and f"issue send {name}" in said
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d %H:%M")
    assert "cooling" in run("issue", "schedule", name, later)[1]
    summer = "2099-07-01 08:00"  # in Lisbon, an hour before UTC
    assert f"due {summer}" in run("issue", "schedule", name, summer)[1]
    assert f"due {summer}" in run("issue", "list")[1]
    assert f"due {summer}" in run("status")[1]
    code, said = run("issue", "schedule", name, "2020-01-01 08:00")
    assert code == 2 and "has passed" in said
    code, said = run("issue", "schedule", name, "soon")
    assert code == 2 and "write it as" in said
    code, said = run("issue", "resume", name)
    assert code == 2 and "cooling" in said
    assert "cancelled" in run("issue", "cancel", name, "--yes")[1]
    code, said = run("issue", "send", name, "--yes")
    assert code == 2 and "cancelled" in said


def test_what_is_under_way_can_be_stopped_when_its_newsletter_has_gone_from_the_settings(
    run: Run, folder: Path
) -> None:
    name = issue_id(run)
    run("issue", "send", name, "--yes")
    (folder / "pressrun.toml").write_text('url = "https://tides.example"\n')
    assert name in run("issue", "list")[1]
    assert "cancelled" in run("issue", "cancel", name, "--yes")[1]


def test_a_test_mail_and_a_preview_show_it_as_it_is(run: Run, folder: Path, tmp_path: Path) -> None:
    """To one address, and in a page; nothing is recorded."""
    name = issue_id(run)
    assert run("issue", "test", name, "ed@example.org")[0] == 0
    (mail,) = (folder.parent / "home" / "outbox").glob("*.eml")
    assert b"Subject: [Test] Tides" in mail.read_bytes()
    assert run("issue", "preview", name, "--output", str(tmp_path / "page.html"))[0] == 0
    page = (tmp_path / "page.html").read_text()
    assert page.count("<iframe") == 5 and "Tides" in page
    assert "recipients" not in json.loads(run("issue", "show", name, "--format", "json")[1])


def test_an_issue_by_hand_and_a_correction_wait(run: Run) -> None:
    """Of published articles alone."""
    code, said = run("issue", "create", "letters", "tides.md")
    assert code == 0 and "m-" in said
    code, said = run("issue", "create", "letters", "tides.md", "--correction", "It is ten.")
    assert code == 0 and "c-" in said
    code, said = run("issue", "create", "letters", "absent.md")
    assert code == 1 and "absent.md is not published" in said
    code, said = run("issue", "create", "others", "tides.md")
    assert code == 2 and "no newsletter 'others'" in said


def test_an_unknown_issue_is_said(run: Run) -> None:
    """With what to do."""
    code, said = run("issue", "show", "zzz")
    assert code == 2 and "`pressrun issue list` shows them" in said
