"""The example of each command does what its help says: one publication's life, by its examples alone."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.main import get_command

from pressrun import cli
from pressrun.commands.examples import EXAMPLES, PANELS, commands
from tests.accesslogs import CHROME

NEWSLETTER = """
[[newsletters]]
slug = "letters"
name = "Letters"
sender = "letters@tides.example"
postal_address = "1 Quay Street, Lisbon"
"""
ID = "m-2026-05-01"


def has(path: str, text: str = "") -> Callable[[str], bool]:
    """Whether a file was written that holds a text."""
    return lambda _: text in Path(path).read_text("utf-8", errors="replace")


def says(pattern: str) -> Callable[[str], bool]:
    """Whether something of this kind was printed."""
    return lambda said: re.search(pattern, said) is not None


# In this order; what of it must be true afterwards would not be if a command did nothing, or something else.
STORY: list[tuple[str, Callable[[str], bool]]] = [
    ("init", has("content/pressrun.toml", 'title = "The Tide Table"')),
    ("check", lambda said: json.loads(said) is not None),
    ("publish", has(".pressrun/site/index.html", "The Tide Table")),
    ("doctor", says(r"The Tide Table")),
    ("reference", says(r"PRESSRUN_FEED__ENTRIES")),
    ("subscribers add", says(r"ada@example\.org")),
    ("subscribers list", says(r"ada@example\.org")),
    ("subscribers show", says(r"active")),
    ("subscribers remove", says(r"unsubscribed")),
    ("subscribers suppress", says(r"suppressed")),
    ("subscribers erase", says(r"erased")),
    ("subscribers import", says(r"1 added[\s\S]*dry run")),
    ("subscribers export", has("active.csv", "ada@example.org")),
    ("subscribers rotate-keys", says(r"signed with a new key")),
    ("issue create", says(r"m-\d{4}-\d\d-\d\d")),
    ("issue list", says(r"waiting")),
    ("issue show", says(r"recipients\s+1")),
    ("issue preview", has("mail.html", "<iframe")),
    ("issue test", says(r"me@example\.org")),
    ("issue schedule", says(r"2030-05-01")),
    ("issue send", says(r"planning")),
    ("issue pause", says(r"paused")),
    ("issue resume", says(r"planning")),
    ("work", says(r"[1-9]\d* messages handled")),
    ("issue resolve", says(r"0 recipients taken for sent")),
    ("issue cancel", says(r"cancelled")),
    ("bounce", says(r"0 messages read")),
    ("views count", says(r"access\.log: 1 line")),
    ("views top", says(r"/hello/\s+1")),
    ("views show", says(r"1 view; 1 hit\s+1 mail delivered")),
    ("views feeds", says(r"No reader has asked")),
    ("views reasons", says(r"article\s+1")),
    ("views days", says(r"2026-05-01\s+1\s+1")),
    ("views replay", says(r"nothing to count anew")),
    ("import", says(r"1 article would be written")),
    ("export markdown", has("out/content/posts/hello.md", "id:")),
    ("export site", has("out/site/index.html", "The Tide Table")),
    ("export subscribers", has("readers.csv", "ada@example.org")),
    ("export mbox", has("sent.mbox", "Subject:")),
    ("status", lambda said: "queues" in json.loads(said)),
    ("redrive", says(r"mail: no dead letters")),
    ("cost", says(r"40,000 mails")),
    ("backup", has("tides.pressrun.zip", "PK")),
    ("restore", says(r"2 issues")),
]
# These run until they are stopped, or on AWS: tests of their own do what they do; here, that they are understood.
ELSEWHERE = {"serve", "desk", "push", "pull", "deploy", "destroy"}


def test_every_command_has_an_example_that_its_help_shows() -> None:
    infos = dict(commands(cli.app))
    assert set(infos) == set(EXAMPLES) == {name for name, _ in STORY} | ELSEWHERE
    assert all(EXAMPLES[name] in str(info.epilog) for name, info in infos.items())


def test_the_help_names_each_command_under_what_it_is_for() -> None:
    """Somebody new meets `init` first."""
    group = get_command(cli.app)
    panels = {name: one.rich_help_panel for name, one in group.commands.items()}  # type: ignore[attr-defined]
    assert panels == {name: panel for panel, names in PANELS.items() for name in names}
    assert cli.app.registered_commands[0].callback is cli.init


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_an_example_is_understood(name: str) -> None:
    """Its options and arguments are those of the command."""
    words = shlex.split(EXAMPLES[name])[1:]
    command = get_command(cli.app).commands[words[0]]  # type: ignore[attr-defined]
    assert command.make_context(words[0], words[1:]).params


def test_the_examples_are_a_publications_life(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("PRESSRUN_CONTENT", "PRESSRUN_HOME", "PRESSRUN_TARGET"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "members.csv").write_text("email\neve@example.org\n")
    (tmp_path / "old-site/content/posts").mkdir(parents=True)
    (tmp_path / "old-site/content/posts/one.md").write_text("---\ntitle: One\ndate: 2024-01-01\n---\nText.\n")
    (tmp_path / "old-site/hugo.toml").write_text('title = "Old"\nbaseURL = "https://old.example/"\n')
    for part in ("new", "cur", "tmp"):
        (tmp_path / "bounces" / part).mkdir(parents=True)
    visit = f'203.0.113.9 - - [01/May/2026:10:00:00 +0000] "GET /hello/ HTTP/1.1" 200 9000 "-" "{CHROME}"\n'
    (tmp_path / "access.log").write_text(visit)

    def run(command: str) -> str:
        monkeypatch.setattr("sys.argv", shlex.split(command))
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        said = capsys.readouterr()
        assert not stopped.value.code, f"{command}: {said.out}{said.err}"
        return said.out + said.err

    made: list[str] = []
    for name, holds in STORY:
        if name == "subscribers add":
            settings = tmp_path / "content/pressrun.toml"
            settings.write_text(settings.read_text() + NEWSLETTER)
            run("pressrun publish")
            run("pressrun subscribers add bob@example.org cyd@example.org dan@example.org --confirmed")
        if name == "issue cancel":
            made += re.findall(r"m-\d{4}-\d\d-\d\d-\w+", run(EXAMPLES["issue create"]))
        said = run(EXAMPLES[name].replace(ID, made[-1] if made else ID))
        if name == "issue create":
            made += re.findall(r"m-\d{4}-\d\d-\d\d-\w+", said)
        assert holds(said), (name, said)
    assert "ada@example.org" in run("pressrun subscribers list")
