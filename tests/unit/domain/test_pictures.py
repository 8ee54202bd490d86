"""Which sizes a picture has, and the HTML that offers them."""

from __future__ import annotations

import re

import pytest

from pressrun.domain.articles import Image
from pressrun.domain.markup import SITE
from pressrun.domain.pictures import fallback, plain, responsive, widths_for

PHOTO = Image(src=f"{SITE}/a.jpg", width=2000, height=1000, mark="m", widths=(480, 1200), plain="jpg")
TAG = f'<img src="{SITE}/a.jpg" width="2000" height="1000" alt="A" loading="lazy" decoding="async">'


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (300, (300,)),
        (480, (480,)),
        (500, (500,)),
        (1000, (480, 800, 1000)),
        (1600, (480, 800, 1200, 1600)),
        (6000, (480, 800, 1200, 1600)),
    ],
)
def test_no_width_is_above_the_pictures_own(width: int, expected: tuple[int, ...]) -> None:
    """And none is so near to another that it would not pay."""
    assert widths_for(width) == expected


def test_a_page_offers_every_size_and_its_first_picture_at_once() -> None:
    """The others wait until they are scrolled to."""
    html = responsive(f"{TAG}{TAG}", {PHOTO.src: PHOTO}, lead=False)
    first, second = html.split("</picture>")[:2]
    variants = f"{SITE}/derived/files/a.jpg/m-480.webp 480w, {SITE}/derived/files/a.jpg/m-1200.webp 1200w"
    assert f'srcset="{variants}" sizes="(min-width: 700px) 660px, 100vw"' in first
    assert f'<img src="{SITE}/a.jpg" width="2000" height="1000"' in first
    assert 'fetchpriority="high"' in first
    assert "lazy" not in first
    assert 'loading="lazy"' in second
    assert 'sizes="auto, (min-width' in second
    assert 'loading="lazy"' in responsive(TAG, {PHOTO.src: PHOTO}, lead=True)


def test_a_picture_between_words_is_told_from_one_with_a_line_of_its_own() -> None:
    icon = '<img src="x.png" alt="x" loading="lazy">'
    chosen = f"<div><picture>\n<source srcset=y>\n{icon}\n</picture></div>"
    words = f"<p>Press {icon}.</p><p>{icon} {icon}</p><p>{TAG} and\nthen\n{icon} now</p>{chosen}"
    assert "<span" not in responsive(words, {PHOTO.src: PHOTO}, lead=True)
    alone = f'<p>{TAG}</p><p><a href="y">{icon}</a></p><p>{icon}\n<em>What it shows</em></p>'
    shown = responsive(words + alone, {PHOTO.src: PHOTO}, lead=True)
    assert re.findall('<span class="picture">(<[a-z]+)', shown) == ["<picture", "<a", "<img"]
    assert shown.count("</picture></span></p>") == shown.count("</a></span></p>") == 1


def test_what_the_author_chose_stays() -> None:
    """A width of their own is the size that is loaded; a srcset or a picture of their own is left alone."""
    narrow = TAG.replace('width="2000"', 'width="240"')
    assert "240px, 100vw" in responsive(narrow, {PHOTO.src: PHOTO}, lead=False)
    own = f'<picture><source srcset="{SITE}/b.avif">{TAG}</picture>'
    assert responsive(own, {PHOTO.src: PHOTO}, lead=False) == own
    given = TAG.replace(" alt", f' srcset="{SITE}/b.jpg 2x" alt')
    assert "<picture>" not in responsive(given, {PHOTO.src: PHOTO}, lead=False)


def test_feeds_and_mails_show_a_moderate_jpeg() -> None:
    """With its own size, unless the author gave one."""
    shown = fallback(PHOTO)
    assert (shown.src, shown.width, shown.height) == (f"{SITE}/derived/files/a.jpg/plain.jpg", 1200, 600)
    assert f'src="{shown.src}" width="1200" height="600"' in plain(TAG, {PHOTO.src: PHOTO})
    assert 'width="240"' in plain(TAG.replace('width="2000"', 'width="240"'), {PHOTO.src: PHOTO})
    assert plain(TAG, {}) == TAG
