"""`pressrun subscribers`, as an operator meets it."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pressrun import cli
from pressrun.adapters.local.sqlite import SqliteQueue
from pressrun.bootstrap import SystemClock

SETTINGS = """
[[newsletters]]
slug = "letters"
name = "Letters"
sender = "news@example.org"
"""
LIST = "email,name,status\nada@example.org,Ada,subscribed\nbob@example.org,Bob,unsubscribed\nnobody,,subscribed\n"


class Desk:
    """Runs `pressrun subscribers …` in a folder with a publication."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self._patch = monkeypatch
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: object) -> int:
        self._patch.setattr("sys.argv", ["pressrun", "subscribers", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        self.out, self.err = self._capsys.readouterr()
        assert "Traceback" not in self.err
        return int(stopped.value.code or 0)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def everybody(self) -> dict[str, dict[str, Any]]:
        assert self("export", "--format", "json") == 0
        return {one.get("address", ""): one for one in map(json.loads, self.out.splitlines())}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "pressrun.toml").write_text(SETTINGS)
    return Desk(tmp_path, monkeypatch, capsys)


def test_an_import_says_what_it_did_and_names_each_row_it_refused(desk: Desk) -> None:
    """With file and line, on the terminal and in the report; exit status 1."""
    desk.write("list.csv", LIST)
    assert desk("import", "list.csv", "--report", "report.csv") == 1
    assert "list.csv:4: nobody: has no @" in desk.err
    assert "2 added, 1 refused: now 1 active, 1 unsubscribed." in desk.out
    (row,) = csv.DictReader(Path("report.csv").read_text().splitlines())
    assert row == {
        "file": "list.csv",
        "line": "4",
        "value": "nobody",
        "outcome": "refused",
        "reason": "has no @",
    }
    assert {name: one["state"] for name, one in desk.everybody().items()} == {
        "ada@example.org": "active", "bob@example.org": "unsubscribed",
    }  # fmt: skip


def test_a_dry_run_leaves_no_trace(desk: Desk) -> None:
    """Not even a home."""
    desk.write("list.csv", LIST)
    assert desk("import", "list.csv", "--dry-run") == 1
    assert "2 added, 1 refused" in desk.out
    assert "nothing was written" in desk.out
    assert sorted(path.name for path in desk.folder.iterdir()) == ["content", "list.csv"]


def test_of_many_refused_rows_twenty_are_shown(desk: Desk) -> None:
    """Long and strange values are cut, and markup in them is text."""
    desk.write("list.csv", "email\nok@example.org\n" + "[bold]x\x1b[31m" + "y" * 900 + "\n" + "bad\n" * 30)
    assert desk("import", "list.csv") == 1
    assert desk.err.count("has no @") == 20
    assert "… and 11 more; --report FILE lists them all" in desk.err
    assert "[bold]x" in desk.err.splitlines()[0]
    assert "\x1b" not in desk.err
    assert len(desk.err.splitlines()[0]) < 120


def test_a_zip_of_mailchimp_is_taken_whole(desk: Desk) -> None:
    """Each file as what it is; what is no list is named and left out."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("subscribed_members_export_a.csv", "Email Address,LEID,EUID\nada@example.org,1,1\n")
        archive.writestr("cleaned_members_export_a.csv", "Email Address,LEID,EUID\nbob@example.org,1,1\n")
        archive.writestr("campaigns.csv", "Title,Sent\nMay,9\n")
    desk.write("audience.zip", stream.getvalue())
    assert desk("import", "audience.zip") == 0
    assert "left out campaigns.csv" in desk.err
    assert {name: one["state"] for name, one in desk.everybody().items()} == {
        "ada@example.org": "active", "bob@example.org": "bounced",
    }  # fmt: skip
    assert (
        desk.everybody()["ada@example.org"]["consents"][0]["text"]
        == "audience.zip/subscribed_members_export_a.csv"
    )


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (["import", "nowhere.csv"], "there is no file nowhere.csv", 2),
        (["import", "list.csv", "--map", "phone=2"], "the roles are address, name", 2),
        (["import", "list.csv", "--map", "name=Phone"], "list.csv: no column 'Phone'", 1),
        (["import", "list.csv", "--encoding", "klingon"], "is no encoding", 2),
        (["import", "list.csv", "--delimiter", "::"], "one character", 2),
        (["import", "list.csv", "--newsletter", "other"], "declares letters", 2),
        (["import", "wrong.csv"], "no column holds addresses; there are: a, b", 1),
        (["import", "empty.csv"], "empty.csv: there is nothing in it", 1),
        (["import", "cut.zip"], "cut.zip: the archive is damaged", 1),
        (["import", "list.csv", "--report", "no/such/folder.csv"], "folder.csv", 1),
        (["export", "no/such/folder.csv", "--home", "home"], "there is nothing in home", 2),
        (["list"], "there is nothing in .pressrun yet", 2),
        (["show", "nobody"], "'nobody' has no @", 2),
        (["suppress", "ädä@example.org"], "SMTPUTF8", 2),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(desk: Desk, arguments: list[str], said: str, status: int) -> None:
    """2 where the call was wrong, 1 where a file is."""
    desk.write("list.csv", LIST)
    desk.write("wrong.csv", "a,b\n1,2\n")
    desk.write("empty.csv", "")
    desk.write("cut.zip", b"PK\x03\x04 and no more")
    assert desk(*arguments) == status
    assert said in desk.err


def test_without_a_newsletter_nobody_can_be_imported(desk: Desk) -> None:
    """With several, one must be named."""
    desk.write("list.csv", LIST)
    desk.write("content/pressrun.toml", "")
    assert desk("import", "list.csv") == 2
    assert "declares no newsletter" in desk.err
    desk.write("content/pressrun.toml", SETTINGS + SETTINGS.replace('"letters"', '"digest"'))
    assert desk("import", "list.csv") == 2
    assert "--newsletter letters or digest" in desk.err
    desk("import", "list.csv", "--newsletter", "digest")
    assert desk.everybody()["ada@example.org"]["lists"] == {"digest": "article"}


def test_list_filters_and_counts(desk: Desk) -> None:
    """Counts are of all; rows are those asked for."""
    desk.write("list.csv", LIST)
    desk("import", "list.csv")
    assert desk("list", "--state", "unsubscribed") == 0
    assert "bob@example.org" in desk.out
    assert "ada@example.org" not in desk.out
    assert "2 subscribers: 1 active, 1 unsubscribed; active in 1 letters." in desk.out
    assert desk("list", "--newsletter", "letters", "--format", "json") == 0
    found = json.loads(desk.out)
    assert [one["address"] for one in found["subscribers"]] == ["ada@example.org"]
    assert found["counts"] == {
        "total": 2, "found": 1, "states": {"active": 1, "unsubscribed": 1}, "newsletters": {"letters": 1},
    }  # fmt: skip
    assert desk("list", "--limit", "1") == 0
    assert "… and 1 more" in desk.out


def test_show_tells_all_in_any_spelling(desk: Desk) -> None:
    """And exits with 1 for a stranger."""
    desk.write("list.csv", LIST)
    desk("import", "list.csv")
    assert desk("show", "ADA@Example.ORG") == 0
    assert "letters: article" in desk.out
    assert "import list.csv (letters)" in desk.out
    assert desk("show", "cyd@example.org") == 1
    assert "cyd@example.org is no subscriber" in desk.err


def test_remove_suppress_and_erase_hold_against_another_import(desk: Desk) -> None:
    """Whoever is told of, in any spelling; an unknown address can be suppressed, and is told of otherwise."""
    desk.write(
        "list.csv", "email\n" + "".join(f"{name}@example.org\n" for name in ("ada", "bob", "cyd", "new"))
    )
    desk("import", "list.csv")
    assert desk("remove", "ADA@example.org", "stranger@example.org") == 1
    assert "ADA@example.org: unsubscribed" in desk.out
    assert "stranger@example.org is no subscriber" in desk.err
    assert desk("suppress", "bob@example.org", "stranger@example.org", "--reason", "asked by phone") == 0
    assert desk("erase", "nobody@example.org", "cyd@example.org", "--yes") == 1
    assert "nobody@example.org is no subscriber" in desk.err and "cyd@example.org: erased" in desk.out
    assert desk("remove", "ada@example.org") == 0
    assert "already unsubscribed" in desk.out
    assert desk("import", "list.csv") == 0
    assert "1 unchanged, 3 kept" in desk.out
    found = desk.everybody()
    assert found["ada@example.org"]["consents"][-1]["how"] == "removed by hand"
    assert (found["bob@example.org"]["state"], found["bob@example.org"]["reason"]) == (
        "suppressed",
        "asked by phone",
    )
    assert found["stranger@example.org"]["state"] == "suppressed"
    assert set(found[""]) == {"id", "state", "created", "reason"}
    assert "cyd@example.org" not in found


def test_one_newsletter_can_be_left_alone(desk: Desk) -> None:
    """The others go on."""
    desk.write("content/pressrun.toml", SETTINGS + SETTINGS.replace('"letters"', '"digest"'))
    desk.write("list.csv", "email\nada@example.org\n")
    desk("import", "list.csv", "--newsletter", "digest", "--newsletter", "letters")
    assert desk("remove", "ada@example.org", "--newsletter", "letters") == 0
    assert "active, digest (article)" in desk.out


def test_erase_asks_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """And does nothing without a yes."""
    desk.write("list.csv", LIST)
    desk("import", "list.csv")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert desk("erase", "ada@example.org") == 1
    assert "ada@example.org" in desk.everybody()


def test_an_export_is_private_and_comes_back(desk: Desk) -> None:
    """Only its owner can read it; another publication takes it in as it was."""
    desk.write("list.csv", LIST.replace("Ada", "=Ada"))
    desk("import", "list.csv")
    assert desk("export", "out.csv") == 0
    assert Path("out.csv").stat().st_mode & 0o777 == 0o600
    assert "ada@example.org,active,'=Ada," in Path("out.csv").read_text()
    assert desk("import", "out.csv", "--home", "other") == 0
    assert desk("export", "again.csv", "--home", "other") == 0
    assert Path("again.csv").read_bytes() == Path("out.csv").read_bytes()


def mailed(desk: Desk) -> list[dict[str, Any]]:
    with SqliteQueue(desk.folder / ".pressrun" / "queue.db", "mail", SystemClock()) as queue:
        return [json.loads(message.body) for message in queue.receive(10)]


def test_somebody_added_without_a_word_of_theirs_is_asked_first(desk: Desk) -> None:
    """A message for the confirmation, and no row."""
    assert desk("add", "ada@example.org", "--name", "Ada") == 0
    assert "will be sent a confirmation" in desk.out
    assert not (desk.folder / ".pressrun" / "catalogue.db").exists()
    (body,) = mailed(desk)
    assert (body["pressrun"], body["address"], body["wanted"]) == (
        "subscribe",
        "ada@example.org",
        {"letters": "article"},
    )


def test_somebody_who_agreed_is_added_at_once_but_never_against_their_will(desk: Desk) -> None:
    """With the consent recorded; who has left stays out."""
    assert desk("add", "ada@example.org", "--confirmed") == 0
    assert desk("add", "ada@example.org", "--confirmed") == 0
    found = desk.everybody()["ada@example.org"]
    assert (found["state"], [one["how"] for one in found["consents"]]) == ("active", ["added by hand"])
    desk("remove", "ada@example.org")
    assert desk("add", "ada@example.org", "--confirmed") == 1
    assert "is unsubscribed and stays so" in desk.err
    assert desk.everybody()["ada@example.org"]["state"] == "unsubscribed"
    assert mailed(desk) == []


def test_the_unconfirmed_of_an_import_are_asked_where_that_is_wanted(desk: Desk) -> None:
    """Never in a dry run, and never those who are known here."""
    desk("suppress", "bob@example.org")
    desk.write("list.csv", "email,status\nada@example.org,pending\nbob@example.org,pending\n")
    for arguments in ([], ["--confirm", "--dry-run"]):
        assert desk("import", "list.csv", *arguments) == 0
        assert mailed(desk) == []
    assert desk("import", "list.csv", "--confirm") == 0
    assert [(body["address"], body["how"], body["text"]) for body in mailed(desk)] == [
        ("ada@example.org", "import", "list.csv")
    ]


def test_keys_are_rotated_and_old_links_stay_good(desk: Desk) -> None:
    """A link that was made before is read with the key it was made with."""
    from pressrun import bootstrap

    assert desk("add", "ada@example.org", "--confirmed") == 0
    house = bootstrap.local(desk.folder / "content", desk.folder / ".pressrun", {})
    old = house.tokens.make("unsubscribe", "00" * 16, "letters")
    house.close()
    assert desk("rotate-keys") == 0 and "new key" in desk.out
    house = bootstrap.local(desk.folder / "content", desk.folder / ".pressrun", {})
    new = house.tokens.make("unsubscribe", "00" * 16, "letters")
    assert house.tokens.read("unsubscribe", old) is not None
    assert new.rpartition(".")[2] != old.rpartition(".")[2]
    house.close()
