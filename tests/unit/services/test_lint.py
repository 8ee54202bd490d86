"""What `pressrun check` finds, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from pressrun.runs import check_all


@pytest.fixture
def found(tmp_path: Path):
    """Checks files given by name; (file, line, code) of each finding."""

    def check(**files: str) -> list[tuple[str, int, str]]:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_md", ".md").replace("_png", ".png")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return [
            (problem.file, problem.line, problem.code)
            for problem in check_all(tmp_path, tmp_path / ".pressrun")
        ]

    return check


def article(body: str, extra: str = "") -> str:
    return f"---\ntitle: T\ndate: 2026-01-01\n{extra}---\n{body}\n"


def test_a_clean_publication_has_nothing_to_mend(found) -> None:
    """Links to other files, pages, tags and places are found."""
    text = "[b](b.md) [tag](/tags/x/) [feed](/feed.xml) [archive](/archive/) [place](b.md#part)"
    assert found(a_md=article(text, "tags: [x]\n"), b_md=article("## Part")) == []


def test_pages_that_pressrun_writes_are_no_dead_links(found, tmp_path: Path) -> None:
    """The form for mail is there as soon as there is a newsletter, a series' page as soon as it has a part."""
    one = article("[a](/search/) [b](/readers/) [c](/series/sea/) [d](/subscribe/)", "series: Sea\n")
    assert found(a_md=one) == [("a.md", 6, "dead-link")]
    letters = '[[newsletters]]\nslug = "l"\nname = "L"\nsender = "l@example.org"\n'
    (tmp_path / "pressrun.toml").write_text(letters)
    assert found(a_md=one) == []
    assert found(a_md=article("[c](/series/sea/)")) == [("a.md", 5, "dead-link")]


def test_missing_files_and_dead_links_are_found_on_their_line(found) -> None:
    """A picture that is not there, a page that is not there, a place that is not there."""
    body = "one\n\n![x](gone.png)\n\n[y](/nowhere/)\n\n[z](b.md#nothing)"
    assert found(a_md=article(body), b_md=article("text")) == [
        ("a.md", 7, "missing-file"),
        ("a.md", 9, "dead-link"),
        ("a.md", 11, "dead-anchor"),
    ]


def test_an_alias_where_a_file_stands_is_found(found) -> None:
    """The redirect would be written over the file."""
    one = article("text", "aliases: [/map.gif]\n")
    assert found(**{"a_md": one, "map.gif": "GIF89a"}) == [("a.md", 4, "duplicate-slug")]


def test_two_articles_with_one_address_or_id_are_found(found) -> None:
    """The second is told whose it is."""
    codes = found(a_md=article("x", "slug: same\nid: one\n"), b_md=article("x", "slug: same\nid: one\n"))
    assert codes == [("b.md", 4, "duplicate-slug"), ("b.md", 5, "duplicate-id")]


def test_reserved_names_are_found(found) -> None:
    """An article cannot stand where the publisher's own pages do."""
    assert found(a_md=article("x", "slug: tags\n")) == [("a.md", 4, "slug")]


def test_an_entry_that_no_feed_can_hold_is_found(found) -> None:
    """Full content never becomes a summary: so the editor is told."""
    codes = {code for _, _, code in found(a_md=article("word " * 60_000))}
    assert codes == {"feed-size"}


def test_the_slug_that_is_suggested_can_be_taken(found, tmp_path: Path) -> None:
    """Not the reserved one again, whether it was written or comes from the file's name."""
    found(a_md=article("x", "slug: tags\n"), feeds_md=article("x"))
    todos = [problem.todo for problem in check_all(tmp_path, tmp_path / ".pressrun")]
    assert todos == ["write one such as tags-page", "write slug: feeds-page, or another"]


def test_a_file_that_is_not_what_its_name_says_is_found(found) -> None:
    """Such as an error page that was saved as a picture."""
    svg = "<svg xmlns='http://www.w3.org/2000/svg'/>"
    assert found(**{"x_png": "<!doctype html><p>Not found", "y.svg": svg, "z.csv": "a,b"}) == [
        ("x.png", 0, "file-type")
    ]


def test_a_robots_txt_below_the_hosts_root_is_found(found) -> None:
    """No crawler reads it there."""
    files = {"robots.txt": "User-agent: *", "pressrun.toml": 'url = "https://example.org/blog"'}
    assert found(**files) == [("robots.txt", 0, "robots")]
    assert found(**{"pressrun.toml": ""}) == []
