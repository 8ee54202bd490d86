"""Settings are checked when they are read, and a wrong one is named with its line."""

from __future__ import annotations

import pytest

from pressrun.config import environment_settings, publication_from, read_settings
from pressrun.domain.publication import Publication
from pressrun.errors import Invalid


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(Invalid) as refused:
        read_settings(text.encode())
    return [(problem.line, problem.what) for problem in refused.value.problems]


def test_no_settings_are_settings() -> None:
    """Every default works."""
    assert publication_from({}, {}) == Publication()


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('[[authors]]\nname = "A <a@x.org>"\n', 2, "`authors.name`"),
        ('[[nav]]\ntitle = "A"\nurl = "javascript:x"\n', 3, "`nav.url`"),
        ('[[nav]]\ntitle = "A"\nurl = "archive/"\n', 3, "`nav.url`"),
        ('[[nav]]\ntitle = "A"\nurl = "/"\n[[nav]]\ntitle = "B"\nurl = ""\n', 6, "`nav.url`"),
        ('[[authors]]\nname = "A"\nurl = "ftp://a"\n', 3, "`authors.url`"),
        ('title = "A"\nurl = "example.org"\n', 2, "`url`"),
        ('title = "A"\nurl = "https://example.org/"\n', 2, "`url`"),
        ('language = "not a language"\n', 1, "`language`"),
        ('\n\ntimezone = "Mars/Olympus"\n', 3, "`timezone`"),
        ("[feed]\nentries = 0\n", 2, "`feed.entries`"),
        ("[views]\nkeep_logs_days = 3\n", 2, "`views.keep_logs_days`"),
        ('[views]\nbeacon = true\nown = ["x"]\n', 3, "`views.own`"),
        ('[feed]\nentries = "many"\n', 2, "`feed.entries`"),
        ("[feed]\nttl_minutes = 1\n", 2, "`feed.ttl_minutes`"),
        ('id_authority = "nonsense"\n', 1, "`id_authority`"),
        ('[[authors]]\nname = "A"\n[[authors]]\nnmae = "B"\n', 4, "`authors.nmae`"),
        ("title = \n", 1, "is not TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_line(text: str, line: int, what: str) -> None:
    """File and line, what is wrong, and what to do."""
    found = problems(text)
    assert any(place == line and what in said for place, said in found), found


def test_all_wrong_settings_are_named_at_once() -> None:
    """An editor mends them in one go."""
    assert [line for line, _ in problems('language = "?"\ntimezone = "?"\n')] == [1, 2]


def test_settings_survive_being_stored() -> None:
    """What is kept in the catalogue is what was read."""
    text = b'title = "A"\n[feed]\nentries = 7\n[[authors]]\nname = "Ada"\n[podcast]\ncategory = "Arts"\n'
    text += b'[views]\nbeacon = true\nkeep_logs_days = 0\nown = ["192.0.2.0/24"]\n'
    publication = publication_from(read_settings(text), {})
    assert Publication.from_item(publication.to_item()) == publication


def test_the_environment_overrides_what_it_names_alone() -> None:
    """Variables that choose backends are no settings."""
    variables = {"PRESSRUN_URL": "https://a.example", "PRESSRUN_TABLE": "t", "PRESSRUN_FEED__ENTRIES": "9"}
    found = environment_settings(variables)
    assert found == {"url": "https://a.example", "feed.entries": "9"}
    assert publication_from({}, found).feed.entries == 9


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PRESSRUN_URL", "example.org", "$PRESSRUN_URL: `url`: 'example.org' is not a site's address"),
        ("PRESSRUN_FEED__ENTRIES", "0", "$PRESSRUN_FEED__ENTRIES: `feed.entries` and"),
        (
            "PRESSRUN_FEED__ENTRIES",
            "a",
            "$PRESSRUN_FEED__ENTRIES: `feed.entries`: a whole number is expected",
        ),
        ("PRESSRUN_FEED__ENTRY", "1", "$PRESSRUN_FEED__ENTRY: `feed.entry` is not a setting"),
        ("PRESSRUN_NAV", "x", "$PRESSRUN_NAV: `nav`: a list is expected"),
        ("PRESSRUN_FEED", "x", "$PRESSRUN_FEED: `feed`: a table is expected"),
        ("PRESSRUN_AUTHORS__NAME", "x", "$PRESSRUN_AUTHORS__NAME: `authors`: a list is expected"),
        ("PRESSRUN_TITLE__X", "x", "$PRESSRUN_TITLE__X: `title` has no such part"),
    ],
)
def test_a_wrong_override_is_blamed_on_its_variable(name: str, value: str, said: str) -> None:
    """The file is right; the shell is where to look."""
    with pytest.raises(Invalid) as refused:
        publication_from({"title": "A"}, environment_settings({name: value}), 'title = "A"')
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('nav = "x"\n', 1, "`nav`: a list is expected, […] or [[tables]]"),
        ("title = 3\n", 1, '`title`: text in quotes is expected, "…"'),
        ("feed = 3\n", 1, "`feed`: a table is expected, not a single value"),
        ('smart_punctuation = "perhaps"\n', 1, "`smart_punctuation`: true or false is expected"),
        ('[[nav]]\nurl = "/"\n', 1, "`nav.title` is missing"),
    ],
)
def test_what_a_setting_must_be_is_said_in_plain_words(text: str, line: int, what: str) -> None:
    """Not in those of the library that checks it."""
    assert problems(text) == [(line, what)]
