"""The editor's story on the local backends: files change, and the site follows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import feedparser
import pytest

from pressrun import bootstrap
from pressrun.errors import Permanent
from pressrun.services.catalogue import Attempt
from pressrun.services.sweep import Report, bring_in_line
from pressrun.services.work import Outcome


class Desk:
    """An editor's folder, and what comes of it."""

    def __init__(self, root: Path) -> None:
        self.content = root / "content"
        self.content.mkdir()
        self.site = root / "home" / "site"
        self.house = bootstrap.local(self.content, root / "home", {})

    def write(self, key: str, text: str | bytes) -> None:
        path = self.content / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)

    def article(self, key: str, title: str, body: str = "Some text.", **metadata: str) -> None:
        lines = "".join(f"{name}: {value}\n" for name, value in metadata.items())
        self.write(key, f"---\ntitle: {title}\ndate: 2026-05-01\n{lines}---\n{body}\n")

    def publish(self) -> Report:
        return bring_in_line(self.house.publisher)

    def state(self, key: str) -> Outcome:
        return next(outcome for outcome in self.publish().outcomes if outcome.key == key)

    def page(self, path: str) -> str:
        return (self.site / path / "index.html").read_text("utf-8")

    def titles(self, path: str = "") -> list[str]:
        """The titles in a folder's feeds, which must agree."""
        rss = [
            entry.title for entry in feedparser.parse((self.site / path / "feed.xml").read_bytes()).entries
        ]
        atom = [
            entry.title for entry in feedparser.parse((self.site / path / "atom.xml").read_bytes()).entries
        ]
        feed = json.loads((self.site / path / "feed.json").read_bytes())
        assert rss == atom == [item["title"] for item in feed["items"]]
        return rss

    def ids(self) -> dict[str, str]:
        return {
            item["title"]: item["id"] for item in json.loads((self.site / "feed.json").read_bytes())["items"]
        }

    def meta(self, key: str) -> dict[str, str]:
        return dict(self.house.site.head(key).metadata)

    def everything(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.site)): p.read_bytes() for p in self.site.rglob("*") if p.is_file()}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.house.close()


def test_an_upload_appears_on_page_index_and_feeds(desk: Desk) -> None:
    """One file makes its page, and stands in every list that it belongs to."""
    desk.article("hello.md", "Hello", tags="[Sea]", author="Ada")
    assert desk.state("hello.md").state == "published"
    assert "<h1" in desk.page("hello")
    assert (
        "Hello" in desk.page("") and "Hello" in desk.page("tags/sea") and "Hello" in desk.page("authors/ada")
    )
    for folder in ("", "tags/sea", "authors/ada"):
        assert desk.titles(folder) == ["Hello"]


def test_a_second_run_writes_nothing(desk: Desk) -> None:
    """Publishing again what has not changed leaves every file alone."""
    desk.article("a.md", "A", tags="[x]")
    desk.publish()
    before = {path: path.stat().st_mtime_ns for path in desk.site.rglob("*")}
    report = desk.publish()
    assert not [outcome for outcome in report.outcomes if outcome.state != "unchanged"]
    assert before == {path: path.stat().st_mtime_ns for path in desk.site.rglob("*")}


def test_an_edit_keeps_the_id_and_a_new_slug_redirects(desk: Desk) -> None:
    """An entry is known by the same id under every title and address."""
    desk.article("a.md", "First")
    desk.publish()
    known = desk.ids()["First"]
    desk.article("a.md", "Second", slug="elsewhere")
    assert desk.state("a.md").path == "elsewhere/"
    assert desk.ids() == {"Second": known}
    assert desk.meta("a/index.html")["location"] == "/elsewhere/"


def test_a_withdrawn_article_leaves_everything(desk: Desk) -> None:
    """It is in no list any more, and its address says that it is gone."""
    desk.article("a.md", "A", tags="[only]")
    desk.article("b.md", "B")
    desk.publish()
    (desk.content / "a.md").unlink()
    assert desk.state("a.md").state == "withdrawn"
    assert desk.titles() == ["B"]
    assert desk.meta("a/index.html")["status"] == "410"
    assert not (desk.site / "tags/only/feed.xml").exists()
    assert "only" not in desk.page("tags")


def test_a_renamed_file_keeps_its_identity(desk: Desk) -> None:
    """The same bytes under a new name are the same article; its old address leads to the new one."""
    desk.article("old-name.md", "A")
    desk.publish()
    known = desk.ids()["A"]
    (desk.content / "old-name.md").rename(desk.content / "new-name.md")
    desk.publish()
    assert desk.ids() == {"A": known}
    assert desk.meta("old-name/index.html")["location"] == "/new-name/"


def test_a_moved_and_edited_file_keeps_its_identity(desk: Desk) -> None:
    """Whoever takes the address of a file that is gone is that file."""
    desk.article("a.md", "A")
    desk.publish()
    known = desk.ids()["A"]
    (desk.content / "a.md").unlink()
    desk.article("posts/a.md", "A, edited")
    desk.publish()
    assert desk.ids() == {"A, edited": known}


def test_two_files_with_one_slug_are_refused_and_let_in_when_it_is_free(desk: Desk) -> None:
    """The first keeps the address; the second is told whose it is, and published once it is free."""
    desk.article("a.md", "A", slug="same")
    desk.publish()
    desk.article("b.md", "B", slug="same")
    refused = desk.state("b.md")
    assert (refused.state, refused.problems[0].line) == ("refused", 4)
    assert "a.md" in refused.problems[0].what
    assert desk.titles() == ["A"]
    desk.article("a.md", "A", slug="other")
    desk.publish()
    assert sorted(desk.titles()) == ["A", "B"]


def test_a_bad_edit_changes_nothing_that_is_published(desk: Desk) -> None:
    """The author is told the line; readers see what they saw; a report lies beside the site."""
    desk.article("a.md", "A")
    desk.publish()
    before = desk.everything()
    desk.write("a.md", "---\ntitle: A\ndate: [unclosed\n---\ntext\n")
    outcome = desk.state("a.md")
    assert outcome.state == "refused"
    assert outcome.problems[0].line in {3, 4}
    assert before == desk.everything()
    report = json.loads((desk.site.parent / "errors" / "a.md.json").read_bytes())
    assert report["problems"][0]["line"] == outcome.problems[0].line
    desk.article("a.md", "A, mended")
    desk.publish()
    assert not (desk.site.parent / "errors" / "a.md.json").exists()


def test_a_picture_that_comes_later_gives_the_page_its_size(desk: Desk) -> None:
    """Whatever the order of uploads, the page knows the picture's width and height."""
    png = bytes.fromhex("89504e470d0a1a0a0000000d494844520000000300000002080200000012168c3d")
    desk.article("posts/a.md", "A", body="![A dot](dot.png)")
    desk.publish()
    desk.write("posts/dot.png", png + b"\x00" * 16)
    desk.publish()
    assert 'src="/posts/dot.png" width="3" height="2"' in desk.page("a")
    assert "http://127.0.0.1:8000/posts/dot.png" in (desk.site / "feed.xml").read_text()


def test_a_link_to_a_file_follows_it_to_its_new_address(desk: Desk) -> None:
    """A relative link to an article's file leads to its page, wherever that moves."""
    desk.article("a.md", "A", body="See [b](b.md#part).")
    desk.article("b.md", "B")
    desk.publish()
    assert 'href="/b/#' in desk.page("a")
    desk.article("b.md", "B", slug="moved")
    desk.publish()
    assert 'href="/moved/#' in desk.page("a")


def test_drafts_and_future_articles_wait(desk: Desk) -> None:
    """Neither is in any list before its time."""
    desk.article("a.md", "A", draft="true")
    desk.article("b.md", "B", publish_at="2999-01-01")
    report = desk.publish()
    assert {outcome.key: outcome.state for outcome in report.outcomes} == {
        "a.md": "draft",
        "b.md": "scheduled",
    }
    assert desk.titles() == []


def test_new_settings_reach_every_page(desk: Desk) -> None:
    """A new title is on every page and in every feed; redirects and tombstones follow to another host."""
    desk.article("a.md", "A", aliases="[/old/]")
    desk.article("b.md", "B")
    desk.publish()
    (desk.content / "b.md").unlink()
    desk.publish()
    desk.write("pressrun.toml", 'title = "The Daily Test"\nurl = "https://example.org/daily"\n')
    desk.publish()
    assert "The Daily Test" in desk.page("a")
    assert desk.meta("old/index.html")["location"] == "/daily/a/"
    assert "url=/daily/a/" in desk.page("old")
    assert "The Daily Test" in desk.page("b")
    assert desk.publish().of("unchanged", "updated") == []
    assert feedparser.parse((desk.site / "feed.xml").read_bytes()).feed.title == "The Daily Test"


def test_wrong_settings_are_refused_with_their_line(desk: Desk) -> None:
    """The settings in force stay so."""
    desk.write("pressrun.toml", 'title = "Right"\n')
    desk.article("a.md", "A")
    desk.publish()
    desk.write("pressrun.toml", 'title = "Wrong"\nlanguage = "klingon!"\n')
    refused = desk.publish().of("refused")
    assert [(outcome.key, outcome.problems[0].line) for outcome in refused] == [("pressrun.toml", 2)]
    assert "Right" in desk.page("a")


def test_the_order_of_uploads_does_not_matter(tmp_path: Path) -> None:
    """The same files give the same bytes, one at a time in any order or all at once."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = Desk(tmp_path / "one"), Desk(tmp_path / "two")
    names = [f"{number}.md" for number in range(12)]
    for desk, order in ((one, names), (two, names[::-1])):
        for name in order:
            number = int(name[:-3])
            desk.article(name, f"T{number}", tags=f"[t{number % 3}]", updated=f"2026-05-{number + 2:02}")
            if desk is one:
                desk.publish()
        desk.publish()
    assert one.everything() == two.everything()
    one.house.close()
    two.house.close()


def test_an_address_that_a_file_system_cannot_hold_is_refused(desk: Desk) -> None:
    """A file and a folder cannot have one name; what can be published is."""
    desk.write("notes", "just notes")
    desk.article("a.md", "A", slug="notes")
    desk.article("b.md", "B")
    report = desk.publish()
    assert {outcome.key: outcome.state for outcome in report.outcomes} == {
        "a.md": "refused",
        "b.md": "published",
        "notes": "published",
    }
    assert desk.titles() == ["B"]


def test_a_file_that_changes_or_goes_is_replaced_or_gone(desk: Desk) -> None:
    """Files follow their source as articles do, and pages that show them follow too."""
    desk.article("a.md", "A", body="[data](data.csv)")
    desk.write("data.csv", "1,2")
    desk.publish()
    desk.write("data.csv", "1,2,3")
    assert desk.state("data.csv").state == "updated"
    assert (desk.site / "data.csv").read_text() == "1,2,3"
    (desk.content / "data.csv").unlink()
    assert desk.state("data.csv").state == "withdrawn"
    assert not (desk.site / "data.csv").exists()


def test_two_articles_can_swap_addresses(desk: Desk) -> None:
    """Each takes what the other no longer wants; both keep their ids."""
    desk.article("a.md", "A", slug="one")
    desk.article("b.md", "B", slug="two")
    desk.publish()
    known = desk.ids()
    desk.article("a.md", "A", slug="two")
    desk.article("b.md", "B", slug="one")
    assert desk.publish().of("refused") == []
    assert desk.ids() == known
    assert "<h1" in desk.page("one")
    assert "B" in desk.page("one")
    assert "A" in desk.page("two")


def test_a_restored_article_has_its_redirects_again(desk: Desk) -> None:
    """Withdrawn and put back, it is found at every address that it ever had."""
    desk.article("a.md", "A", slug="one")
    desk.publish()
    desk.article("a.md", "A", slug="two")
    desk.publish()
    (desk.content / "a.md").unlink()
    desk.article("b.md", "B")
    desk.publish()
    assert desk.meta("one/index.html")["status"] == "410"
    desk.article("a.md", "A", slug="two")
    desk.publish()
    assert desk.meta("one/index.html")["location"] == "/two/"


def test_lost_output_is_made_again(desk: Desk) -> None:
    """Whatever somebody deletes from the site or writes over comes back with the next run."""
    desk.article("a.md", "A", tags="[x]", slug="new", aliases="[/old/]")
    desk.write("data.csv", "1")
    desk.publish()
    before = desk.everything()
    for key in ("new/index.html", "old/index.html", "feed.xml", "tags/x/index.html", "data.csv"):
        (desk.site / key).unlink()
    (desk.site / "index.html").write_text("oops")
    desk.publish()
    assert desk.everything() == before


def test_no_link_of_a_published_site_leads_nowhere(desk: Desk) -> None:
    """Each page, feed, style and script that a page or feed names is there, before anything was counted."""
    settings = '[[newsletters]]\nslug = "l"\nname = "L"\nsender = "l@example.org"\n'
    desk.write("pressrun.toml", settings)
    desk.article("tide.md", "The tide", tags="[Sea]", series="Water", authors="[Ada]")
    desk.article("moon.md", "The moon", tags="[Sea]", series="Water", aliases="[/old/]")
    desk.publish()
    found = {
        link
        for page in desk.site.rglob("*.html")
        for link in re.findall(r'(?:href|src)="/([^"#?]*)', page.read_text("utf-8"))
    }
    assert {"readers/", "feeds/", "subscribe/", "search/", "tags/sea/feed.xml", "series/water/"} <= found
    places = {link + "index.html" if link.endswith("/") or not link else link for link in found}
    assert [place for place in sorted(places) if not (desk.site / place).is_file()] == []
    for authors in ("", '[[authors]]\nname = "Ada"\n[[authors]]\nname = "Of whom nothing is here yet"\n'):
        desk.write("pressrun.toml", settings + authors)
        desk.publish()
        named = {
            re.sub("(^|/)$", r"\1index.html", link)
            for name in ("feed.xml", "atom.xml", "feed.json")
            for feed in desk.site.rglob(name)
            for link in re.findall(r"http://127\.0\.0\.1:8000/([^\s\"\\<#]*)", feed.read_text("utf-8"))
        }
        assert {"moon/index.html", "authors/ada/index.html"} <= named
        assert [place for place in sorted(named) if not (desk.site / place).is_file()] == []


def test_an_article_leaves_a_folder_with_the_name_of_a_page(desk: Desk) -> None:
    """Its redirect stands in that folder, and ends no publish for want of the name."""
    desk.article("a.md", "A", path="v.1/x.asp")
    desk.publish()
    desk.article("a.md", "A", path="v.1/x", aliases="[/v.1/x.asp]")
    assert desk.state("a.md").path == "v.1/x/"
    assert "url=/v.1/x/" in desk.page("v.1/x.asp")


def test_a_file_is_told_of_once_however_many_runs_died_over_it(desk: Desk) -> None:
    desk.write("bad.md", "---\ntitle: Bad\ndate: soon\n---\n")
    desk.article("a.md", "A")
    for sort in ("1", "2"):
        desk.house.table.write([Attempt(sort=sort, keys=("bad.md", "a.md")).save()])
    assert sorted((o.key, o.state) for o in desk.publish().outcomes) == [
        ("a.md", "published"),
        ("bad.md", "refused"),
    ]


def test_an_article_with_more_links_than_fit_into_a_transaction_comes_and_goes(desk: Desk) -> None:
    """A gallery of 150 pictures, say: each is a row, so that it is shown as soon as it is there."""
    desk.article("a.md", "A")
    desk.article("gallery.md", "Gallery", "\n".join(f"[{n}](picture-{n}.zip)" for n in range(150)))
    assert len(desk.publish().of("published")) == 2
    desk.article("gallery.md", "Gallery", "None.")
    assert desk.state("gallery.md").state == "updated"
    assert list(desk.house.table.query("uses picture-149.zip")) == []
    (desk.content / "gallery.md").unlink()
    assert desk.state("gallery.md").state == "withdrawn"


@pytest.mark.parametrize("other", ["aliases: [/feed.php/x]", "path: feed.php/x", "slug: feed.php"])
def test_an_alias_with_the_name_of_a_folder_ends_no_publish(desk: Desk, other: str) -> None:
    """No file system has both; whichever cannot be had, the rest is published."""
    desk.article("a.md", "A", aliases="[/feed.php]")
    desk.write("b.md", f"---\ntitle: B\ndate: 2026-05-01\n{other}\n---\nText.\n")
    desk.article("c.md", "C")
    report = desk.publish()
    assert {"A", "C"} <= set(desk.titles())
    assert len(report.of("published")) + len(report.of("refused")) == 3
    assert desk.publish().of("published", "updated", "withdrawn") == []


def test_an_article_takes_no_address_of_a_file(desk: Desk) -> None:
    """Neither as an alias nor as its own; it is let in when the file goes, and writes over none that comes later."""
    desk.write("map.gif", b"GIF89a")
    desk.write("plan", b"text")
    desk.article("a.md", "A", aliases="[/old/, /map.gif]")
    desk.article("plan.md", "Plan")
    report = desk.publish()
    assert [str(o.problems[0]) for o in report.of("refused")] == [
        "a.md:4: the alias /map.gif is the address of the file map.gif; remove it from `aliases`",
        "plan.md:1: /plan/ is the address of the file plan; give the article another `slug`, or the file another name",
    ]
    assert (desk.site / "map.gif").read_bytes() == b"GIF89a"
    (desk.content / "map.gif").unlink()
    (desk.content / "plan").unlink()
    assert desk.publish().of("refused") == []
    assert set(desk.titles()) == {"A", "Plan"}
    assert "url=/a/" in (desk.site / "map.gif").read_text()
    desk.write("map.gif", b"GIF89a")
    desk.publish()
    (desk.content / "a.md").unlink()
    desk.publish()
    assert (desk.site / "map.gif").read_bytes() == b"GIF89a"


def test_what_begins_with_an_underscore_is_left_alone(desk: Desk) -> None:
    """A draft, and all of a folder, also where it was published before; but no picture of a camera."""
    desk.article("a.md", "A")
    desk.write("notes/plan.pdf", b"%PDF-1.4")
    desk.publish()
    (desk.content / "a.md").rename(desk.content / "_a.md")
    (desk.content / "notes").rename(desk.content / "_notes")
    desk.write("_DSC0815.txt.jpg", b"\xff\xd8\xff")
    assert len(desk.publish().of("withdrawn")) == 2
    assert desk.titles() == []
    files = {path.name for path in desk.site.rglob("*")}
    assert files.isdisjoint({"_a.md", "plan.pdf"})
    assert "_DSC0815.txt.jpg" in files
    assert desk.house.publisher.publish(["_a.md"])[0].state == "ignored"


def test_an_empty_folder_does_not_withdraw_everything(desk: Desk) -> None:
    """It is more likely a mistyped name, or a disk that is not there."""
    desk.article("a.md", "A")
    desk.publish()
    (desk.content / "a.md").unlink()
    with pytest.raises(Permanent, match="the content is empty"):
        desk.publish()
    assert desk.titles() == ["A"]
