"""`pressrun status`, `redrive` and `cost` as an operator meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pressrun import bootstrap
from pressrun.cli import app
from pressrun.commands.operate import survey
from pressrun.domain.letters import Handover, Quota
from tests.fakes.office import Office


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    content = tmp_path / "content"
    content.mkdir()
    (content / "tide.md").write_text("---\ntitle: The tide\ndate: 2024-01-01\n---\ntext")
    monkeypatch.setenv("PRESSRUN_CONTENT", str(content))
    monkeypatch.setenv("PRESSRUN_HOME", str(tmp_path / "home"))
    assert run("publish", str(content))
    return tmp_path


def run(*arguments: str, code: int = 0, answer: str = "") -> str:
    found = CliRunner().invoke(app, list(arguments), input=answer)
    assert found.exit_code == code, found.output
    return found.output


def bury(home: Path, body: str, cause: str) -> None:
    house = bootstrap.local(home / "content", home / "home")
    house.queue.send([body])
    for _ in range(5):
        [message] = house.queue.receive()
        house.queue.release(message, cause=cause)
    house.close()


def test_a_quiet_publication_has_nothing_to_say(home: Path) -> None:
    said = run("status")
    assert "queue publish   0 waiting, 0 in hand" in said
    assert "last written    just now" in said
    assert "0 mails of issues, 0.00" in said


def test_what_waits_for_a_person_is_named_and_fails(home: Path) -> None:
    (home / "content" / "bad.md").write_text("---\ntitle: [\n---\n")
    run("publish", str(home / "content"), code=1)
    bury(home, '{"pressrun": "publish", "keys": ["a.md"]}', "the disk is full")
    said = run("status", code=1)
    assert "refused         1 file: bad.md" in said
    assert "1 dead letter: pressrun redrive publish" in said
    found = json.loads(run("status", "--format", "json", code=1))
    assert found["queues"]["publish"]["dead"] == 1
    assert found["refused"] == ["bad.md"]


def test_dead_letters_are_shown_with_their_causes_and_sent_again(home: Path) -> None:
    bury(home, '{"pressrun": "publish", "keys": ["a.md"]}', "the disk is full")
    said = run("redrive")
    assert "1 × the disk is full" in said
    assert "mail: no dead letters" in said
    assert "sent again" not in run("redrive", "publish", answer="n\n")
    assert "1 message sent again." in run("redrive", "publish", answer="y\n")
    assert "no dead letters" in run("redrive", "publish", "--yes")
    assert "there is no queue post" in run("redrive", "post", code=2)


def test_issues_and_their_price_are_told(tmp_path: Path) -> None:
    """Uncertain recipients, what was sent this month, and what waits."""
    office = Office(tmp_path)
    office.sink.allowed = Quota(per_second=1000, per_day=50_000, sent_today=3)
    office.publish()
    office.readers(60)
    office.sink.fates = {"reader7@example.org": [Handover(fate="unknown", reason="no answer")]}
    office.publish("a.md")
    found = survey(office.house)
    assert (found.issues, found.sent) == ({"cooling": 1}, 0)
    office.clock.advance(660)
    office.house.newsroom.tick()
    office.work()
    found = survey(office.house)
    assert (found.sent, found.uncertain, found.price) == (59, 1, 0.01)
    assert found.quota == office.sink.allowed
    assert found.subscribers == {"active": 60}


def test_cost_is_a_table_whose_prices_are_ours_to_set() -> None:
    weekly = ("cost", "--subscribers", "10000", "--issues", "4.333", "--views", "1000000")
    assert "43,330 mails" in run(*weekly)
    assert "4.33" in run(*weekly)
    assert "8.67" in run(*weekly, "--price", "ses.thousand=0.2")
    assert "there is no price ses.mail" in run("cost", "--price", "ses.mail=1", code=2)
    assert "ses.thousand" in run("cost", "--list-prices")
