"""The stylesheet: readable in both schemes, complete, and asking nobody else for anything."""

from __future__ import annotations

import gzip
import re

import pytest

from pressrun.rendering.shipped import shipped

SHEET = shipped()["web/style.css"]
SCHEMES = {
    "light": SHEET[: SHEET.index("@media")],
    "dark": SHEET[SHEET.index("prefers-color-scheme: dark") : SHEET.index(".content img")],
}
TEXT = ("ink", "muted", "accent", "blue", "green", "amber", "violet")


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("text", TEXT)
@pytest.mark.parametrize("ground", ["paper", "tint"])
def test_every_colour_of_text_is_readable_on_every_ground(scheme: str, text: str, ground: str) -> None:
    palette = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", SCHEMES[scheme]))
    assert contrast(palette[text], palette[ground]) >= 4.5


def test_text_is_coloured_from_the_palette_alone() -> None:
    used = set(re.findall(r"(?<![-\w])color: var\(--(\w+)\)", SHEET))
    assert used <= {*TEXT, "paper", "line", "mark"}
    rules = re.sub(r":root {[^}]*}|linear-gradient\(.*?\);", "", SHEET)
    assert re.findall(r"#[0-9a-f]{3,8}\b", rules) == ["#f7e08a", "#1c1a1f"]  # <mark>
    assert contrast("#f7e08a", "#1c1a1f") >= 4.5


def test_it_needs_nothing_from_elsewhere() -> None:
    assert re.findall(r"url\(|@import|@font-face", SHEET) == []


def test_code_is_coloured_wherever_highlighting_marks_it() -> None:
    styled = set(re.findall(r"\.hl-(\w+)", SHEET))
    common = {
        "c1",
        "cm",
        "k",
        "kd",
        "kn",
        "kt",
        "s1",
        "s2",
        "mi",
        "mf",
        "nf",
        "nc",
        "nb",
        "nt",
        "na",
        "gd",
        "gi",
    }
    assert common <= styled


def test_it_serves_print_motion_keyboards_and_both_directions() -> None:
    for needed in ("@media print", "prefers-reduced-motion", ":focus-visible", "color-scheme: light dark"):
        assert needed in SHEET
    sided = re.findall(r"(?:margin|padding|border)-(?:left|right)|(?<![-\w])(?:left|right):", SHEET)
    assert sided == []


def test_it_is_small() -> None:
    assert len(gzip.compress(SHEET.encode(), mtime=0)) < 6_000
