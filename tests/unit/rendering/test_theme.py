"""The theme: words, dates, addresses, the stylesheet, and what it takes for pages to be rendered anew."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from markupsafe import Markup

from pressrun.domain.publication import Publication
from pressrun.errors import Invalid
from pressrun.rendering.pages import not_found_page
from pressrun.rendering.shipped import shipped
from pressrun.rendering.theme import Theme
from pressrun.rendering.words import words_for

PUBLICATION = Publication(title="Harbour", url="https://example.org")


def refusal(overrides: dict[str, str], language: str = "en") -> str:
    with pytest.raises(Invalid) as caught:
        Theme(replace(PUBLICATION, language=language), overrides)
    return str(caught.value)


@pytest.mark.parametrize("name", [name for name in shipped() if name.endswith(".html")])
def test_no_shipped_template_prints_words_of_its_own(name: str) -> None:
    text = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}|<!doctype html>", "", shipped()[name], flags=re.S)
    attributes = re.findall(r'(?:alt|aria-label|title|placeholder)="([^"]*)"', text)
    between = re.sub(r"<[^>]*>", "", text)
    assert re.findall(r"\w+", between + "".join(attributes)) == []


@pytest.mark.parametrize("language", ["de", "fr"])
def test_the_shipped_tables_have_the_same_words_and_places(language: str) -> None:
    english, other = (words_for(code, shipped(), {}) for code in ("en", language))
    own = words_for("en", {"words/en.toml": shipped()[f"words/{language}.toml"]}, {})

    def places(words: object) -> dict[str, list[str]]:
        return {key: sorted(parts[1::2]) for key, parts in vars(words)["_plain"].items()}

    assert places(own) == places(english) == places(other)


def test_every_word_that_a_template_asks_for_is_in_the_table() -> None:
    known = vars(words_for("en", shipped(), {}))["_plain"]
    asked = {key for text in shipped().values() for key in re.findall(r'\bt\("([\w.]+)"', text)}
    assert {key for key in asked if key not in known and f"{key}.other" not in known} == set()


@pytest.mark.parametrize(
    ("language", "words"), [("de-AT", "Startseite"), ("FR", "Accueil"), ("nl", "Home"), ("tlh", "Home")]
)
def test_words_are_of_the_tag_then_its_language_then_english(language: str, words: str) -> None:
    assert words_for(language, shipped(), {}).text("home") == words


def test_an_opened_feed_says_what_it_is_whatever_the_words() -> None:
    """They stand in a string of CSS, which they cannot end."""
    words = {"words/en.toml": '[feeds]\nopened = """A "feed"\n\\\\ at {url}"""'}
    css = Theme(PUBLICATION, words).feed_stylesheet.decode()
    assert css.endswith('content: "A \\22 feed\\22 \\a \\5c  at https://example.org/feeds/"; }\n')


def test_a_publication_adds_a_language_and_changes_words() -> None:
    brought = {"words/nl.toml": 'home = "Thuis"', "words/de-at.toml": 'home = "Daheim"'}
    assert words_for("nl-BE", shipped(), brought).text("home") == "Thuis"
    assert words_for("de-AT", shipped(), brought).text("home") == "Daheim"
    assert words_for("de", shipped(), brought).text("home") == "Startseite"
    assert words_for("nl", shipped(), brought).text("skip") == "Skip to content"


def test_plurals_follow_the_language() -> None:
    brought = {"words/pl.toml": '[mail.articles]\none="{count} a"\nfew="{count} b"\nother="{count} c"'}
    polish = words_for("pl", shipped(), brought)
    assert [polish.text("mail.articles", count=n) for n in (1, 2, 5)] == ["1 a", "2 b", "5 c"]
    assert words_for("fr", shipped(), {}).text("mail.articles", count=0) == "0 article"
    assert words_for("de", shipped(), {}).text("mail.articles", count=12345) == "12.345 Artikel"


def test_values_in_words_are_escaped_unless_they_are_markup() -> None:
    words = words_for("en", shipped(), {"words/en.toml": '[article]\nby = "<By> {authors}"'})
    assert words.markup("article.by", authors="<b>{authors}") == "&lt;By&gt; &lt;b&gt;{authors}"
    assert words.markup("article.by", authors=Markup("<b>A</b>")) == "&lt;By&gt; <b>A</b>"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('home = "a"\nskip = a', "templates/words/nl.toml:2: is not TOML"),
        ('home = "a"\nskip = 3', "templates/words/nl.toml:2: `skip` is not text"),
        ('\nhome = "{who.__class__} {who}"', "templates/words/nl.toml:2: `home` has a place for `{who}`"),
    ],
)
def test_a_broken_table_of_words_is_refused_with_its_line(text: str, said: str) -> None:
    assert refusal({"words/nl.toml": text}, "nl").startswith(said)


@pytest.mark.parametrize(
    ("language", "said"),
    [("en-GB", "3 November 2025"), ("de", "3. November 2025"), ("fr", "3 novembre 2025")],
)
def test_dates_are_written_as_the_language_writes_them(language: str, said: str) -> None:
    theme = Theme(replace(PUBLICATION, language=language))
    assert theme.day(date(2025, 11, 3)) == said


def test_a_time_element_is_local_and_machine_readable() -> None:
    theme = Theme(replace(PUBLICATION, timezone="Pacific/Auckland"))
    moment = datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert theme.time(moment) == '<time datetime="2026-01-01T12:00:00+13:00">January 1, 2026</time>'
    assert theme.time(datetime(1, 1, 1, tzinfo=UTC)).endswith("January 1, 1</time>")


def test_direction_follows_the_script() -> None:
    assert b'<html lang="he" dir="rtl">' in not_found_page(Theme(replace(PUBLICATION, language="he")))
    assert Theme(PUBLICATION).direction("fa-IR") == "rtl"


def test_addresses_are_encoded_once() -> None:
    theme = Theme(replace(PUBLICATION, url="https://example.org/a b"))
    assert theme.href("/tags/é/") == "/a%20b/tags/%C3%A9/"
    assert theme.href("/x/?q=1&r=%20#é") == "/a%20b/x/?q=1&r=%20#%C3%A9"
    assert theme.href("//evil.example") == ""


def test_the_stylesheets_name_changes_with_its_text() -> None:
    plain, more = Theme(PUBLICATION), Theme(PUBLICATION, {"web/extra.css": ".x { color: red }"})
    assert more.stylesheet.startswith(plain.stylesheet)
    assert more.stylesheet.endswith(b".x { color: red }")
    assert re.fullmatch(r"/style\.[0-9a-f]{10}\.css", plain.stylesheet_path)
    assert plain.stylesheet_path != more.stylesheet_path
    assert Theme(PUBLICATION, {"web/style.css": "a{}"}).stylesheet == b"a{}"


def test_the_fingerprint_changes_with_whatever_changes_pages() -> None:
    same = Theme(PUBLICATION).fingerprint
    others = [
        Theme(replace(PUBLICATION, description="New")),
        Theme(PUBLICATION, {"web/style.css": ""}),
        Theme(PUBLICATION, {"web/gone.html": "gone"}),
        Theme(PUBLICATION, {"words/en.toml": 'home = "Start"'}),
    ]
    assert Theme(PUBLICATION).fingerprint == same
    assert len({same, *(theme.fingerprint for theme in others)}) == 5
