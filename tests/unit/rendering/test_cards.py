"""The card of an article's title."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops

from pressrun.rendering.cards import card_mark, draw_card
from tests.pictures import opened

GROUND, WHITE, DARK = (163, 18, 74), (255, 255, 255), (23, 21, 26)


def card(title: str, name: str = "Slack Water", colour: str = "#a3124a") -> Image.Image:
    return opened(draw_card(title, name, colour)).convert("RGB")


def letters(image: Image.Image) -> tuple[int, int, int, int]:
    """Where something stands on the ground, above the line over the publication's name."""
    above = image.crop((0, 0, 1200, 500))
    box = ImageChops.difference(above, Image.new("RGB", above.size, above.getpixel((0, 0)))).getbbox()
    return box or (0, 0, 0, 0)


def test_a_card_has_the_size_that_networks_ask_for_and_the_publications_colour() -> None:
    """Light letters on a dark ground, dark ones on a light ground; a few kilobytes."""
    image = card("A tide table of your own")
    assert image.size == (1200, 630)
    assert image.getpixel((0, 0)) == GROUND
    assert WHITE in image.get_flattened_data()
    assert DARK in card("A", colour="#ffd966").get_flattened_data()
    assert len(draw_card("A tide table of your own", "Slack Water", "#a3124a")) < 30_000


@pytest.mark.parametrize("title", ["Tides", "Wasserstandsmeldungsverordnung " * 9, "W" * 290, "word " * 60])
def test_a_title_of_any_length_stays_within_the_margins(title: str) -> None:
    """It is wrapped and made smaller, words are broken, and the rest is cut."""
    left, top, right, bottom = letters(card(title))
    assert left >= 76
    assert right <= 1124
    assert top >= 60
    assert bottom < 500


@pytest.mark.parametrize(
    "title", ["Größe, Straße", "Où est l’œuvre ?", "Приливы", "Παλίρροια", "Łódź", "Tiếng"]
)
def test_the_scripts_of_the_font_are_drawn(title: str) -> None:
    """Not the publication's name in their place."""
    assert draw_card(title, "Sea", "#a3124a") != draw_card("", "Sea", "#a3124a")


@pytest.mark.parametrize("title", ["مرحبا بالعالم", "שלום", "潮汐表", "नमस्ते", "Ebbe 潮"])
def test_without_letters_for_a_title_the_name_stands_alone(title: str) -> None:
    """Better than boxes."""
    assert draw_card(title, "Sea", "#a3124a") == draw_card("", "Sea", "#a3124a")


def test_signs_that_the_font_lacks_are_left_out() -> None:
    """The words stay."""
    assert draw_card("\N{PARTY POPPER} We launch", "Sea", "#a3124a") == draw_card(
        "We launch", "Sea", "#a3124a"
    )


def test_a_mark_changes_with_all_that_a_card_shows() -> None:
    """And with nothing else."""
    marks = {
        card_mark(*values) for values in (("a", "b", "c"), ("x", "b", "c"), ("a", "x", "c"), ("a", "b", "x"))
    }
    assert len(marks) == 4
    assert card_mark("a", "b", "c") in marks
