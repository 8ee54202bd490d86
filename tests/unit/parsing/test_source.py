"""Files as they come: names, encodings, sizes; summaries and counts."""

from __future__ import annotations

import pytest

from pressrun.domain.slugs import MAX_BYTES, slugify
from pressrun.parsing.encoding import MAX_SOURCE
from pressrun.parsing.keys import default_slug, is_article


@pytest.mark.parametrize("key", ["a.md", "x/y/b.MARKDOWN", "c.html", "d.htm", "e.txt", "posts/assets/a.md"])
def test_articles_are_known_by_their_names(key):
    assert is_article(key)


@pytest.mark.parametrize(
    "key",
    [
        "a.png",
        "assets/a.md",
        "templates/web/a.html",
        "words/de.txt",
        "_drafts/a.md",
        "x/.git/a.md",
        "x/_a.md",
        "md",
    ],
)
def test_other_files_are_not_articles(key):
    assert not is_article(key)


@pytest.mark.parametrize(
    ("key", "slug"),
    [
        ("Hello World.md", "hello-world"),
        ("posts/2024-05-01-Hello.md", "hello"),
        ("trip/index.md", "trip"),
        ("2024-05-01-trip/index.html", "trip"),
        ("2024-05-01.md", "2024-05-01"),
        ("Rust-1.0@1.md", "rust-1-0-1"),
        ("日本語.md", "日本語"),
    ],
)
def test_a_slug_comes_from_the_file_or_its_folder(key, slug):
    assert default_slug(key) == slug


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Crème Brûlée, 2nd!", "crème-brûlée-2nd"),
        ("Don’t stop", "dont-stop"),
        ("C++", "c-plus-plus"),
        ("C#", "c-sharp"),
        ("C", "c"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("हिन्दी", "हिन्दी"),
        ("ﬁne", "fine"),
        ("../../etc", "etc"),
    ],
)
def test_slugs_keep_letters_of_every_script(text, slug):
    assert slugify(text) == slug


def test_slugs_are_never_empty_never_long_and_stay_apart():
    assert slugify("!!!") != slugify("???") != ""
    long, other = slugify("ü" * 500 + "a"), slugify("ü" * 500 + "b")
    assert long != other
    assert max(len(long.encode()), len(other.encode())) <= MAX_BYTES


def test_composition_does_not_matter(parse):
    assert slugify("Cafe\u0301") == slugify("Café")
    assert parse("---\ntitle: T\nslug: cafe\u0301\n---\n").slug == "café"


def test_a_byte_order_mark_and_foreign_line_ends_do_not_matter(parse):
    text = "---\ntitle: T\n---\n\nA\n\n- b\n"
    plain = parse(text)
    assert (
        parse(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
        == plain
        == parse(text.replace("\n", "\r"))
    )


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        ("# Ü\n".encode("utf-16"), 1, "UTF-16"),
        ("# T\n".encode("utf-16-le"), 1, "UTF-16"),
        (
            "# T\n\nab caf\u00e9 au lait\n".encode("latin-1"),
            3,
            "byte 0xE9 at column 7; looks like Windows-1252",
        ),
        ("\ufeff# T\r\n\r\n\u00fc".encode() + b"\xff", 3, "byte 0xFF at column 2"),
        ("# T\n\n日本語日本語日本語".encode("shift-jis"), 3, "legacy encoding"),
    ],
)
def test_another_encoding_is_named_with_its_place(problems, data, line, words):
    problem = problems(data)[0]
    assert (problem.line, problem.todo) == (line, "save it as UTF-8") or problem.code == "control-character"
    assert words in problem.what or problem.code == "control-character"


def test_control_characters_are_refused_on_their_line(problems):
    (problem,) = problems("# T\n\na\x08b\n")
    assert (problem.line, problem.code) == (3, "control-character")
    assert "U+0008" in problem.what


def test_a_file_of_50_megabytes_is_refused_unread(problems):
    (problem,) = problems(b"x" * (50 * 2**20))
    assert (problem.code, "50.0 MiB" in problem.what) == ("too-large", True)
    assert problems(b"# T\n" + b"x " * (MAX_SOURCE // 2 - 2)) == []


def test_the_summary_is_the_authors_or_the_first_paragraph_cut_at_a_word(parse):
    body = "word " * 100
    assert parse(f"---\ntitle: T\nsummary: Mine\n---\n{body}").summary == "Mine"
    cut = parse(f"# T\n\n## Head\n\n![x](y.png)\n\n*{body.strip()}*[^1]\n\n[^1]: n").summary
    assert cut.endswith("word…")
    assert 150 < len(cut) <= 201


def test_words_are_counted_and_characters_where_there_are_no_spaces(parse):
    assert parse("# Title\n\nOne *two* three.\n\n- four\n- five\n").words == 5
    assert parse("# Title\n\n日本語 and カナ\n").words == 6
