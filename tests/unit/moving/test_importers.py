"""Moving in from services: what comes along, what is said of the rest, and that nothing is ever lost by it."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.moving.conftest import DATA, PIXEL, Move

NEWSLETTER = """
title = "Mine"
[[newsletters]]
slug = "letters"
name = "Letters"
sender = "news@example.org"
"""


def zipped(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder).as_posix())
    return target


def test_ghost_brings_articles_pages_pictures_and_settings(move: Move, tmp_path: Path) -> None:
    """Pictures that lie beside the JSON file come along under the addresses that they had."""
    export = tmp_path / "export"
    (export / "content/images/2024/05").mkdir(parents=True)
    (export / "content/images/2024/05/tables.png").write_bytes(PIXEL)
    (export / "content/images/2024/05/cover.png").write_bytes(PIXEL)
    shutil.copy(DATA / "ghost.json", export)
    (export / "redirects.yaml").write_text("301:\n  /old/: /hello/\n")
    assert move("import", "ghost", export) == 1
    assert "redirects.yaml: addresses that it redirects are left" in move.err
    assert "5 articles written, 2 files, pressrun.toml, 1 skipped" in move.out
    assert "“Never rendered” has no HTML" in move.err
    assert "“For members” was for paid alone, and is a draft now" in move.err
    assert "embeds https://www.youtube.com/watch?v=tide-7, which is shown as a link" in move.err
    assert 'title = "The Tide Table"' in move.text("pressrun.toml")
    assert 'timezone = "Europe/Lisbon"' in move.text("pressrun.toml")

    entries = move.published()
    assert set(entries) == {"The tide tables of 1842", "Hello", "About"}
    entry = entries["The tide tables of 1842"]
    assert [one.name for one in entry.authors] == ["Ada Marsh", "Ben Quay"]
    assert [one.term for one in entry.tags] == ["Tides", "Print"]
    assert entry.published_parsed[:5] == (2024, 5, 2, 9, 30)
    assert entry.summary == 'What a printer knew about water: "a lot".'
    page = move.page("tide-tables")
    assert 'src="/content/images/2024/05/tables.png"' in page
    assert 'href="/hello/"' in page
    assert "__GHOST_URL__" not in page
    assert 'rel="canonical" href="https://elsewhere.example.net/tides/"' in page


def test_ghost_without_its_pictures_names_each(move: Move) -> None:
    """Where the old site's address is known, they stay there; else they are said to be missing."""
    move("import", "ghost", DATA / "ghost.json")
    assert "the picture /content/images/2024/05/tables.png is not in the export" in move.err
    move("import", "ghost", DATA / "ghost.json", "other", "--url", "https://old.example.org/")
    assert "https://old.example.org/content/images/2024/05/tables.png stays where it is" in move.err


def test_wordpress_brings_paragraphs_captions_and_old_addresses(move: Move) -> None:
    """Shortcodes, comments and passwords are named with the item's line."""
    assert move("import", "wordpress", DATA / "wordpress.xml") == 1
    assert "wordpress.xml:105: “Behind a password” is behind a password" in move.err
    assert "wordpress.xml:22: “The tide tables of 1842” uses the shortcode [tides]" in move.err
    assert "its 1 comments do not come along" in move.err
    assert "“nav_menu_item” 1 of this kind are left" in move.err
    assert "“Blocks & bricks” uses the block latest-posts, which WordPress fills" in move.err
    assert "“Blocks & bricks” has 31 tags, of which it keeps 29" in move.err
    assert "“Blocks & bricks” its id is another article's, too" in move.err
    assert "secret" not in " ".join(move.files())
    entries = move.published()
    assert "Said in many posts." in entries["Blocks &amp; bricks"].content[0].value
    entry = entries["The tide tables of 1842"]
    assert entry.id == "https://old.example.org/?p=7"
    assert [one.term for one in entry.tags] == ["Tides", "Print & paper"]
    page = move.page("tide-tables")
    assert "<strong>Lisbon</strong>.<br>" in page
    assert "<figcaption>Tables</figcaption>" in page
    assert "a\n\nb" in page
    assert (
        'src="https://old.example.org/wp-content/uploads/2024/05/tables.png" alt="A printed table of tides"'
        in page
    )
    assert '<audio src="https://old.example.org/wp-content/uploads/2024/05/sea.mp3"' in page
    assert '<a href="https://video.example.net/watch?v=8">' in page
    old = (move.folder / ".pressrun/site/2024/05/02/tide-tables/index.html").read_text()
    assert "/tide-tables/" in old
    assert (move.folder / ".pressrun/site/2024/05/02/tables-of-tides/index.html").exists()
    blocks = move.text("posts/2024-04-02-blocks.html")
    assert '<a href="/2024/05/02/tide-tables/#top">' in blocks
    assert '<a href="/2024/05/02/tide-tables/">a short one' in blocks
    assert '<a href="https://old.example.org/shop/">' in blocks


def test_a_blog_below_a_folder_of_its_host_keeps_its_addresses(move: Move) -> None:
    """Where it stays there, they have the folder from its address; elsewhere both forms of them redirect."""
    text = (
        (DATA / "wordpress.xml")
        .read_text()
        .replace("https://old.example.org", "https://old.example.org/blog")
    )
    Path("e.xml").write_text(text.replace("http://www.old.example.org", "http://www.old.example.org/blog"))
    move("import", "wordpress", "e.xml")
    assert 'url = "https://old.example.org/blog"' in move.text("pressrun.toml")
    article = "posts/2024-05-02-tide-tables.html"
    assert 'aliases: ["/2024/05/02/tide-tables/", "/2024/05/02/tables-of-tides/"]' in move.text(article)
    assert '<a href="/2024/05/02/tide-tables/#top">' in move.text("posts/2024-04-02-blocks.html")
    (move.content / "pressrun.toml").write_text('url = "https://new.example.org"')
    (move.content / article).unlink()
    move("import", "wordpress", "e.xml")
    assert 'aliases: ["/2024/05/02/tide-tables/", "/blog/2024/05/02/tide-tables/", ' in move.text(article)


def test_wordpress_finds_its_uploads_beside_the_file(move: Move, tmp_path: Path) -> None:
    """The picture as it was uploaded stands in for sizes that are not there."""
    export = tmp_path / "backup"
    (export / "wp-content/uploads/2024/05").mkdir(parents=True)
    (export / "wp-content/uploads/2024/05/tables.png").write_bytes(PIXEL)
    shutil.copy(DATA / "wordpress.xml", export)
    move("import", "wordpress", zipped(export, tmp_path / "backup.zip"))
    assert move.files()["wp-content/uploads/2024/05/tables.png"] == PIXEL
    text = move.text("posts/2024-05-02-tide-tables.html")
    assert 'src="/wp-content/uploads/2024/05/tables.png"' in text
    assert 'image: "/wp-content/uploads/2024/05/tables.png"' in text


def test_substack_brings_posts_and_hands_its_list_over(move: Move, tmp_path: Path) -> None:
    """Only the list itself: who was sent a post is no subscriber for that. What was paid for is a draft."""
    move.content.mkdir()
    (move.content / "pressrun.toml").write_text(NEWSLETTER)
    assert move("import", "substack", zipped(DATA / "substack", tmp_path / "substack.zip")) == 1
    assert "2 added: now 1 active, 1 unsubscribed." in move.out
    assert "“Talk to me” is a thread" in move.err
    assert "draft: true" in move.text("posts/2024-05-03-for-paying.html")
    assert "Thanks for reading" not in move.text("posts/2024-05-02-tide-tables.html")
    assert move.text("pressrun.toml") == NEWSLETTER
    assert set(move.published()) == {"The tide tables of 1842"}
    assert "Printed in" in move.page("tide-tables")
    assert (move.folder / ".pressrun/site/p/tide-tables/index.html").exists()


def test_subscribers_wait_where_there_is_no_newsletter(move: Move) -> None:
    """It is said where they are, and nobody is taken in."""
    move("import", "substack", DATA / "substack")
    assert "Subscribers are left in email_list.tides.csv: declare a newsletter" in move.err


@pytest.mark.parametrize("name", ["feed.xml", "feed.json"])
def test_a_feed_brings_its_entries_under_their_ids(move: Move, name: str) -> None:
    """Who follows the old feed sees nothing twice."""
    assert move("import", "feed", DATA / name) == 0
    entry = move.published()["The tide tables of 1842"]
    assert entry.id in {"tag:old.example.org,2024:7", "https://old.example.org/tide-tables/"}
    assert entry.published_parsed[:5] == (2024, 5, 2, 9, 30)
    assert "<strong>Lisbon</strong>" in entry.content[0].value
    assert entry.authors[0].name == "Ada Marsh"


def test_a_feed_of_summaries_says_so(move: Move) -> None:
    """With the entry's line; its old address, which ends in .html, redirects."""
    move("import", "feed", DATA / "feed.xml")
    assert "feed.xml:20: “A summary alone” the feed holds its summary alone" in move.err
    move.published()
    assert (move.folder / ".pressrun/site/2024/tide-tables.html").exists()


def test_an_mbox_brings_mails_with_their_attachments(move: Move) -> None:
    """Names of attachments lead nowhere but beside the article; text stays text."""
    assert move("import", "mbox", DATA / "letters.mbox") == 0
    assert (
        "letters.mbox:1: “The tide tables of 1842 — sold” holds a link by which one reader leaves" in move.err
    )
    names = move.files()
    assert not any("evil" in name or ".." in name for name in names)
    assert sum(name.endswith(".pdf") for name in names) == 1
    entries = move.published()
    entry = entries["The tide tables of 1842 — sold"]
    assert entry.id == "mid:1842.tides@example.org"
    assert entry.authors[0].name == "Ada Marsh"
    (picture,) = [name for name in names if name.endswith(".png")]
    assert f"/{picture}" in entry.content[0].value
    assert "From the sea." in entries["Plain"].content[0].value
    assert "Two paragraphs." in entries["Plain"].content[0].value
    assert "open.example.net" not in entry.content[0].value
    assert "color: red" not in entry.content[0].value


SOURCES = [("ghost", "ghost.json"), ("wordpress", "wordpress.xml"), ("substack", "substack"),
           ("feed", "feed.xml"), ("mbox", "letters.mbox")]  # fmt: skip


@pytest.mark.parametrize(("system", "name"), SOURCES)
def test_a_second_import_changes_nothing(move: Move, system: str, name: str) -> None:
    """Nor does one overwrite what was edited since."""
    move("import", system, DATA / name)
    before = move.files()
    edited = next(key for key in before if key.endswith((".html", ".txt")))
    (move.content / edited).write_bytes(b"mine")
    assert move("import", system, DATA / name) == 1
    assert f"{edited} is there already, and stays as it is" in move.err
    assert move.files() == before | {edited: b"mine"}


@pytest.mark.parametrize(("system", "name"), SOURCES)
def test_a_dry_run_says_the_same_and_writes_nothing(move: Move, system: str, name: str) -> None:
    """The lines of its report are those of the import."""

    def lines() -> object:
        return json.loads(move.out)["lines"]

    move("import", system, DATA / name, "--dry-run", "--format", "json")
    tried = lines()
    assert not move.content.exists()
    move("import", system, DATA / name, "--format", "json")
    assert lines() == tried


def test_nothing_that_is_imported_is_ever_mailed(move: Move) -> None:
    """However young it is: an article of this minute makes no issue."""
    move.content.mkdir()
    (move.content / "pressrun.toml").write_text(NEWSLETTER)
    now = datetime.now(UTC).replace(microsecond=0)
    Path("young.json").write_text(
        json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": [
            {"id": "1", "url": "https://old.example.org/x", "title": "Young", "content_html": "<p>x</p>",
             "date_published": now.isoformat()}]})
    )  # fmt: skip
    move("import", "feed", "young.json")
    assert set(move.published()) == {"Young"}
    assert move("issue", "list", "--format", "json") == 0
    assert json.loads(move.out) == []


def test_the_report_lists_everything(move: Move) -> None:
    """One row for each file written, each article skipped, each thing to look at."""
    move("import", "wordpress", DATA / "wordpress.xml", "--report", "report.csv")
    rows = list(csv.DictReader(Path("report.csv").read_text().splitlines()))
    assert {row["outcome"] for row in rows} == {"written", "skipped", "missed"}
    (skipped,) = [row for row in rows if row["outcome"] == "skipped"]
    assert (skipped["line"], skipped["name"]) == ("105", "Behind a password")
