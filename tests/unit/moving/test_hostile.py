"""Exports that are none: each gives a located error, and nothing outside of the content folder is touched."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.unit.moving.conftest import DATA, Move


def zip_of(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
        for name, target in (links or {}).items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o120777 << 16
            archive.writestr(info, target)
    return path


def tar_of(path: Path, *infos: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info in infos:
            archive.addfile(info, io.BytesIO(b"x" * info.size))
    return path


def tar_info(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size, link
    return info


@pytest.mark.parametrize("name", ["../x.html", "/etc/x.html", "a/../../x.html", "..\\x.html", "C:/x.html"])
def test_a_path_that_leads_out_of_an_archive_is_refused(move: Move, name: str) -> None:
    """In zip and tar alike, before anything is written."""
    for path in (zip_of(Path("e.zip"), {name: b"x"}), tar_of(Path("e.tar.gz"), tar_info(name))):
        assert move("import", "ghost", path) == 1
        assert f"{path}: the archive holds a path that leads out of it" in move.err
    assert move.files() == {}


def test_links_in_archives_are_refused(move: Move) -> None:
    """Symbolic and hard ones, and devices."""
    assert move("import", "ghost", zip_of(Path("e.zip"), {}, {"x.json": "/etc/passwd"})) == 1
    assert "holds a link" in move.err
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
        assert (
            move("import", "ghost", tar_of(Path("e.tgz"), tar_info("x.json", kind, link="/etc/passwd"))) == 1
        )
        assert "holds a link or a device" in move.err


def test_a_bomb_is_refused_by_what_it_says_and_by_what_it_is(move: Move) -> None:
    """Forty megabytes of nothing, in either kind of archive; a tar header that wants a gigabyte."""
    assert move("import", "ghost", zip_of(Path("e.zip"), {"x.json": b"\0" * 40_000_000})) == 1
    assert "holds a file that unpacks to 40,000,000 bytes" in move.err
    assert move("import", "ghost", tar_of(Path("e.tgz"), tar_info("x.json", size=40_000_000))) == 1
    assert "unpacks to more than" in move.err
    header = tar_info("x", tarfile.XHDTYPE, size=2**30)
    Path("h.tar.gz").write_bytes(gzip.compress(header.tobuf() + b"\0" * 10_000))
    assert move("import", "ghost", "h.tar.gz") == 1
    assert "h.tar.gz: the archive" in move.err


def test_two_members_of_one_name_are_refused(move: Move) -> None:
    """Which of them an editor has looked at is not known."""
    with zipfile.ZipFile("e.zip", "w") as archive:
        archive.writestr("x.json", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.json", b"2")
    assert move("import", "ghost", "e.zip") == 1
    assert "two files of one name" in move.err


def test_a_damaged_archive_says_so(move: Move) -> None:
    """Cut off, and with a member whose sum is wrong."""
    whole = zip_of(Path("e.zip"), {"x.json": b'{"db": []}' * 50}).read_bytes()
    Path("cut.zip").write_bytes(whole[: len(whole) // 2])
    assert move("import", "ghost", "cut.zip") == 1
    assert "cut.zip: the archive is damaged" in move.err
    Path("flip.zip").write_bytes(whole[:45] + bytes([whole[45] ^ 0xFF]) + whole[46:])
    assert move("import", "ghost", "flip.zip") == 1
    assert "is damaged" in move.err


BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>\n'
    "<rss version='2.0'><channel><title>&b;</title></channel></rss>"
)


@pytest.mark.parametrize("system", ["wordpress", "feed"])
def test_a_document_type_is_refused_with_its_line(move: Move, system: str) -> None:
    """So that no entity can grow, and none reads a file."""
    Path("e.xml").write_text(BOMB)
    assert move("import", system, "e.xml") == 1
    assert "e.xml:2: a document type or entities" in move.err
    Path("f.xml").write_text(
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>\n<rss><channel>&f;</channel></rss>'
    )
    assert move("import", system, "f.xml") == 1
    assert "f.xml:1: a document type" in move.err


@pytest.mark.parametrize("system", ["wordpress", "feed"])
def test_broken_and_deep_xml_is_refused_with_its_line(move: Move, system: str) -> None:
    """What was read before stays readable: nothing of it is half written."""
    Path("e.xml").write_text("<rss>\n<channel>\n<title>x</channel></rss>")
    assert move("import", system, "e.xml") == 1
    assert "e.xml:3: this is not well-formed XML" in move.err
    Path("d.xml").write_text("<rss>\n" + "<a>" * 5_000)
    assert move("import", system, "d.xml") == 1
    assert "d.xml:2: elements nested deeper than 100 levels" in move.err


@pytest.mark.parametrize(
    ("system", "body", "what"),
    [
        ("ghost", b"{", "e.json:1: this is not JSON"),
        ("ghost", b"[" * 100_000, "this is not JSON"),
        ("ghost", b'{"db": [{"data": {"posts": 7}}]}', "no JSON file in it is an export of Ghost"),
        ("feed", b'{"version": 1}', "this is no JSON Feed"),
        ("feed", b"<html/>", "this is no RSS or Atom feed"),
        ("wordpress", b"<rss><channel/></rss>", "is an export of WordPress"),
        ("substack", b"x", "there is no posts.csv in it"),
        ("mbox", b"<rss/>", "is no mail: it has neither sender, date nor subject"),
    ],
)
def test_what_is_no_export_is_said_to_be_none(move: Move, system: str, body: bytes, what: str) -> None:
    """With what to do to get one."""
    Path("e.json").write_bytes(body)
    assert move("import", system, "e.json") == 1
    assert what in move.err


def test_fields_that_are_not_what_they_should_be_do_no_harm(move: Move) -> None:
    """Numbers, lists and nothing where text is expected."""
    Path("e.json").write_text(
        '{"data": {"posts": [{"id": [], "title": 7, "slug": {}, "html": "<p>x</p>", "status": "published",'
        ' "published_at": 99999999999999999, "created_at": "soon"}, 7, {"html": 7}], "tags": [7], "users": {},'
        ' "posts_tags": [{"sort_order": "x"}], "settings": [{"key": "title"}]}}'
    )
    assert move("import", "ghost", "e.json") == 1
    assert 'title: "7"' in move.text(
        "pages/7.html" if (move.content / "pages/7.html").exists() else "posts/7.html"
    )


@pytest.mark.parametrize(
    "slug", ["../../x", "tags", "a/b", "con trol", ".hidden", "_x", "x" * 400, "index.html"]
)
def test_a_slug_cannot_lead_anywhere_else(move: Move, slug: str) -> None:
    """It is made a name that can be an address, which is said."""
    posts = [{"id": "1", "title": "T", "slug": slug, "html": "<p>x</p>", "status": "published"}]
    Path("e.json").write_text(json.dumps({"data": {"posts": posts}}))
    assert move("import", "ghost", "e.json") == 0
    (name,) = move.files()
    assert name.startswith("posts/")
    assert "its address is" in move.err
    assert sorted(path.name for path in move.folder.iterdir()) == ["content", "e.json"]
    assert move("publish", "--jobs", "1") == 0, move.err


def test_two_articles_of_one_slug_get_two_addresses(move: Move) -> None:
    """Case and composition count as the same."""
    posts = [{"id": str(n), "title": f"T{n}", "slug": slug, "html": "<p>x</p>", "status": "published"}
             for n, slug in enumerate(["caf\u00e9", "CAFE\u0301", "x"])]  # fmt: skip
    Path("e.json").write_text(json.dumps({"data": {"posts": posts}}))
    move("import", "ghost", "e.json")
    assert len(move.published()) == 3


def test_what_an_export_writes_cannot_become_settings_or_templates(move: Move, tmp_path: Path) -> None:
    """Whatever its pictures are called."""
    folder = tmp_path / "export"
    folder.mkdir()
    text = (
        (DATA / "ghost.json")
        .read_text()
        .replace("content/images/2024/05/tables.png", "content/../templates/web/a.png")
    )
    (folder / "ghost.json").write_text(text)
    (folder / "templates").mkdir()
    (folder / "templates" / "a.png").write_bytes(b"x")
    move("import", "ghost", folder)
    assert not any(name.startswith("templates") for name in move.files())


def test_front_matter_holds_whatever_a_title_does(move: Move) -> None:
    """Quotes, line breaks, rules, marks and controls: the title that is published is the one that was written."""
    title = 'He said: "no"\n---\ndraft: true # \u2028 {{7*7}} \ufdd0 é 😀'
    posts = [{"id": "1", "title": title, "slug": "x", "html": "<p>x</p>", "status": "published"}]
    Path("e.json").write_text(json.dumps({"data": {"posts": posts}}))
    move("import", "ghost", "e.json")
    assert set(move.published()) == {'He said: "no" --- draft: true # {{7*7}} é 😀'}


OPENED = ["[", "[a ", "[gallery ", "[audio ", "<!-- wp:a {",
          "[caption]", "[caption ", "[embed", "<iframe src=", "<pre>", "<img ", "<!-- ", "\n",
          "<p>", " src=", '<img src="data:image/png;base64,']  # fmt: skip


@pytest.mark.parametrize("opened", OPENED)
@pytest.mark.timeout(30)
def test_no_text_takes_more_than_its_length(move: Move, opened: str) -> None:
    """What is opened thousands of times and never closed is read in seconds."""
    body = opened * 40_000
    channel = f"<item><title>x</title><content:encoded><![CDATA[{body}x]]></content:encoded>"
    names = (
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:wp="http://wordpress.org/export/1.2/"'
    )
    Path("e.xml").write_text(
        f"<rss {names}><channel>{channel}<wp:post_type>post</wp:post_type></item></channel></rss>"
    )
    move("import", "wordpress", "e.xml", "--dry-run", "--report", "report.csv")
    assert "1 article would be written" in move.out or "1 skipped" in move.out
