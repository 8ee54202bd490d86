"""Moving out: what leaves is whole, and gives the same publication wherever it is published."""

from __future__ import annotations

import csv
import mailbox
import shutil
import stat
from pathlib import Path
from typing import Any

import feedparser
import pytest

from tests.unit.moving.conftest import DATA, Move

SAMPLE = Path(__file__).parents[3] / "content"
LETTER = """
url = "https://tides.example.org"
id_authority = "example.org,2026"
[[authors]]
name = "Ada Marsh"
[[newsletters]]
slug = "letters"
name = "Letters"
sender = "news@example.org"
postal_address = "1 Quay Street"
cooling_minutes = 0
"""


def ids(site: Path) -> dict[str, Any]:
    """What readers know entries by, in every feed of a site."""
    return {
        path.relative_to(site).as_posix(): [
            (one.id, one.link, one.published) for one in feedparser.parse(str(path)).entries
        ]
        for path in sorted(site.rglob("atom.xml"))
    }


def pages(site: Path) -> dict[str, bytes]:
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*.html")}


def test_the_sample_publication_exported_and_published_is_the_same(move: Move) -> None:
    """The same ids, addresses and dates in every feed, and the same pages."""
    shutil.copytree(SAMPLE, move.content)
    for picture in (move.content / "assets").glob(
        "*.*p*g"
    ):  # what is exported of one is tried with the others
        picture.unlink()
    assert move("publish", "--jobs", "1") == 0
    assert move("export", "markdown", "out") == 0, move.err
    assert move("publish", "out", "--home", "other", "--jobs", "1") == 0, move.err
    before, after = Path(".pressrun/site"), Path("other/site")
    assert len(ids(before)) > 5
    assert ids(after) == ids(before)
    assert pages(after) == pages(before)


def test_what_only_the_catalogue_knows_is_stated(move: Move) -> None:
    """The id of the first file, the first upload's date, the address before a rename."""
    (move.content / "notes").mkdir(parents=True)
    (move.content / "pressrun.toml").write_text(LETTER)
    (move.content / "notes" / "a.md").write_text("# One\n\nText.\n")
    (move.content / "notes" / "b.txt").write_text("Two\n\nText.\n")
    (move.content / "notes" / "c.html").write_text("<title>Three</title><p>Text.</p>")
    move("publish", "--jobs", "1")
    (move.content / "notes" / "a.md").rename(move.content / "notes" / "renamed.md")
    move("publish", "--jobs", "1")
    assert move("export", "markdown", "out") == 0
    text = Path("out/notes/renamed.md").read_text()
    assert 'id: "tag:example.org,2026:notes/a"' in text
    assert 'aliases: ["/a/"]' in text
    assert 'authors: ["Ada Marsh"]' in text
    assert "date: " in text
    move("publish", "out", "--home", "other", "--jobs", "1")
    assert ids(Path("other/site")) == ids(Path(".pressrun/site"))
    assert Path("other/site/a/index.html").exists()
    assert "<h1" in Path("other/site/b/index.html").read_text()


def test_a_refused_article_leaves_as_it_is(move: Move) -> None:
    """And is named: nothing is left behind for being wrong."""
    move.content.mkdir()
    (move.content / "a.md").write_text("---\ntitle: A\n---\n\nText.\n")
    move("publish", "--jobs", "1")
    (move.content / "a.md").write_text("---\ntitle: A\ndate: soon\n---\n\nText.\n")
    assert move("export", "markdown", "out") == 1
    assert "a.md:3: date:" in move.err
    assert Path("out/a.md").read_text() == (move.content / "a.md").read_text()


def test_the_site_leaves_as_plain_files(move: Move) -> None:
    """All of them, byte for byte; never into a folder that holds something."""
    move("import", "ghost", DATA / "ghost.json")
    move("publish", "--jobs", "1")
    assert move("export", "site", "out") == 0
    site = Path(".pressrun/site")
    files = {path.relative_to(site): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    assert {
        path.relative_to("out"): path.read_bytes() for path in Path("out").rglob("*") if path.is_file()
    } == files
    assert move("export", "site", "out") == 2
    assert "out is not empty" in move.err


def test_subscribers_leave_in_a_private_file(move: Move) -> None:
    """A cell that a spreadsheet would run is neutralised; a file that is there stays."""
    move.content.mkdir()
    (move.content / "pressrun.toml").write_text(LETTER)
    move("subscribers", "add", "--confirmed", "ada@example.org", "--name", "=1+1")
    assert move("export", "subscribers", "out.csv") == 0
    (row,) = csv.DictReader(Path("out.csv").read_text().splitlines())
    assert (row["address"], row["name"]) == ("ada@example.org", "'=1+1")
    assert stat.S_IMODE(Path("out.csv").stat().st_mode) == 0o600
    assert move("export", "subscribers", "out.csv") == 2


def test_what_was_sent_leaves_as_mails_to_nobody(move: Move) -> None:
    """Each issue once, as it was frozen; no reader's address, no link that acts for one. It can be imported again."""
    move.content.mkdir()
    (move.content / "pressrun.toml").write_text(LETTER)
    move("subscribers", "add", "--confirmed", "ada@example.org", "bob@example.org")
    (move.content / "a.md").write_text("---\ntitle: A letter\n---\n\nHello.\n\nFrom the sea.\n")
    move("publish", "--jobs", "1")
    move("work", "--until-idle")
    assert len(list(Path(".pressrun/outbox").rglob("*.eml"))) == 2
    assert move("export", "mbox", "out.mbox") == 0, move.err
    assert "1 mail written to out.mbox." in move.out
    box = mailbox.mbox("out.mbox")
    (mail,) = box
    box.close()
    assert (mail["Subject"], mail["To"]) == ("A letter", "reader@example.invalid")
    text = Path("out.mbox").read_text()
    assert "ada@example.org" not in text and "/api/" not in text
    assert move("import", "mbox", "out.mbox", "again") == 0, move.err
    assert move("check", "again") == 0
    assert any("a-letter" in path.name for path in Path("again/posts").iterdir())


@pytest.mark.parametrize("system", ["markdown", "site", "mbox"])
def test_an_export_of_nothing_says_so(move: Move, system: str) -> None:
    """Where no publication is yet."""
    assert move("export", system, "out") == 2
    assert "there is nothing in .pressrun yet" in move.err
