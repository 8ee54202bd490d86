"""An article with a photograph: its page, its feeds, its mail, on both backends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest

from pressrun.domain.caching import FOREVER
from pressrun.domain.newsletters import Newsletter
from pressrun.rendering.mail import article_letter
from pressrun.services.composing import read_article
from pressrun.services.pictures import GRACE
from pressrun.services.sweep import tick
from tests.conftest import FrozenClock
from tests.e2e.test_publishing import Desk
from tests.handlers.conftest import (  # noqa: F401 - fixtures
    Cloud,
    bucket,
    cloud,
    dynamo_name,
    dynamodb,
    moto_url,
    s3,
    sqs,
)
from tests.pictures import GPS, opened, photo

WALK = (
    "---\ntitle: A walk\ndate: 2026-01-01\nimage: lead.webp\nimage_alt: The sea\n---\n![A wall](/wall.jpg)\n"
)


@pytest.fixture
def desk(tmp_path: Path, clock: FrozenClock) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    desk.house.publisher.clock = desk.house.publisher.pictures._clock = clock
    desk.write("walk.md", WALK)
    desk.write("wall.jpg", photo())
    desk.write("lead.webp", photo(1300, 700, "WEBP"))
    yield desk
    desk.house.close()


def offered(html: str) -> list[str]:
    """The keys of the variants that a page offers."""
    return re.findall(r"/(derived/[^ ]+) \d+w", html)


def variants(desk: Desk) -> set[str]:
    return {name for name in desk.everything() if name.startswith("derived/") and "/cards/" not in name}


def test_a_page_offers_what_is_there(desk: Desk) -> None:
    """Golden: the picture in the text, in every size; each file is immutable, and smaller than the photograph."""
    desk.publish()
    html = desk.page("walk")
    mark = re.search(r"/derived/files/wall.jpg/(\w+)-480.webp", html)
    assert mark
    place = f"/derived/files/wall.jpg/{mark[1]}"
    assert (
        f'<picture><source type="image/webp" srcset="{place}-480.webp 480w, {place}-800.webp 800w, '
        f'{place}-1000.webp 1000w" sizes="auto, (min-width: 700px) 660px, 100vw"><img src="/wall.jpg" width="1000" '
        'height="600" alt="A wall" decoding="async" loading="lazy"></picture>'
    ) in html
    assert len(offered(html)) == 6  # the lead's, too
    for name in offered(html):
        assert len((desk.site / name).read_bytes()) < len(photo())
        assert desk.house.site.head(name).cache_control == FOREVER
    assert html.count('fetchpriority="high"') == 1


def test_a_pictures_name_may_hold_an_ampersand(desk: Desk) -> None:
    """Its sizes are where the page says."""
    desk.write("b&w 1.jpg", photo(500, 300))
    desk.write("walk.md", "---\ntitle: A walk\ndate: 2026-01-01\n---\n![A](<b&w 1.jpg>)\n")
    desk.publish()
    (named,) = (unquote(unescape(name)) for name in offered(desk.page("walk")))
    assert (desk.site / named).is_file()


def test_feeds_show_one_plain_picture(desk: Desk) -> None:
    """An address that mails and feed readers know, of a type and a width that all of them show."""
    desk.publish()
    entry = json.loads((desk.site / "feed.json").read_bytes())["items"][0]
    assert entry["image"].endswith("/derived/files/lead.webp/plain.jpg")
    assert '<img src="http://127.0.0.1:8000/wall.jpg" width="1000" height="600"' in entry["content_html"]
    assert "<picture" not in entry["content_html"]
    for name in ("feed.xml", "atom.xml"):
        assert ".webp " not in (desk.site / name).read_text()


def test_mails_show_what_outlook_can(desk: Desk) -> None:
    """A WebP file as JPEG, twice as wide as it is shown, with both sides given."""
    desk.write(
        "walk.md", WALK.replace("wall.jpg", "lead.webp").replace("image: lead.webp", "image: wall.jpg")
    )
    desk.publish()
    house = desk.house
    body = house.content.get("walk.md").body
    imprint = house.imprints.current()
    article = read_article(
        "walk.md",
        body,
        publication=imprint.publication,
        table=house.table,
        now=house.publisher.clock.now(),
        old=None,
    ).article
    newsletter = Newsletter(slug="news", name="News", sender="n@example.org", postal_address="1 Quay")
    html = article_letter(imprint.theme, newsletter, article, date=article.date).html
    shown = re.search(r'<img src="([^"]+)"[^>]* width="600" height="323"', html)
    assert shown
    assert shown[1] == "http://127.0.0.1:8000/derived/files/lead.webp/plain.jpg"
    assert opened((desk.site / "derived/files/lead.webp/plain.jpg").read_bytes()).size == (1200, 646)
    assert ".webp" not in html.replace("lead.webp/plain.jpg", "")


def test_pictures_are_made_once(desk: Desk) -> None:
    """Not when the article changes, and not when the site is rendered anew."""
    desk.publish()
    before = {name: (desk.site / name).stat().st_mtime_ns for name in variants(desk)}
    desk.write("walk.md", WALK + "More.\n")
    desk.write("pressrun.toml", 'title = "Another"\n')
    desk.publish()
    assert before == {name: (desk.site / name).stat().st_mtime_ns for name in variants(desk)}


def test_nobody_is_told_where_a_picture_was_taken(desk: Desk) -> None:
    """Unless the publication wants it told; its sizes stay as they are made."""
    desk.publish()
    before, published = variants(desk), (desk.site / "wall.jpg").read_bytes()
    assert GPS in opened(photo()).getexif()
    assert GPS not in opened(published).getexif()
    desk.write("pressrun.toml", "[images]\nlocation = true\n")
    desk.publish()
    assert ((desk.site / "wall.jpg").read_bytes(), variants(desk)) == (photo(), before)
    (desk.content / "pressrun.toml").unlink()
    desk.publish()
    assert (desk.site / "wall.jpg").read_bytes() == published


def test_variants_go_when_their_picture_is_replaced(desk: Desk, clock: FrozenClock) -> None:
    """Not at once: somebody may be reading a page of a minute ago. Plain ones keep their address."""
    desk.publish()
    former = set(offered(desk.page("walk")))
    desk.write("wall.jpg", photo(700, 500))
    desk.publish()
    now = set(offered(desk.page("walk")))
    assert len(former & now) == 3
    assert former | now <= variants(desk)
    clock.advance(GRACE.total_seconds() + 1)
    tick(desk.house.publisher)
    assert variants(desk) == now | {"derived/files/lead.webp/plain.jpg"}
    assert not list(desk.house.table.query("due"))


def test_variants_go_with_their_picture(desk: Desk) -> None:
    """And come back with it."""
    desk.publish()
    before = variants(desk)
    (desk.content / "wall.jpg").unlink()
    desk.publish()
    assert not [name for name in variants(desk) if "wall" in name]
    assert "derived/files/wall" not in desk.page("walk")
    desk.write("wall.jpg", photo())
    desk.publish()
    assert variants(desk) == before


def test_what_was_lost_is_made_again(desk: Desk) -> None:
    """By the next run over everything."""
    desk.publish()
    before = desk.everything()
    for name in variants(desk):
        (desk.site / name).unlink()
    desk.publish()
    assert desk.everything() == before


def test_pictures_of_an_older_version_get_their_variants(desk: Desk) -> None:
    """Rows without a recipe are those of a publisher that made none."""
    desk.publish()
    before = desk.everything()
    row = desk.house.table.get("source", "wall.jpg")
    assert row
    kept = {name: row.item[name] for name in ("etag", "sha", "state", "type", "width", "height", "size")}
    from pressrun.ports import Save

    desk.house.table.write([Save(partition="source", sort="wall.jpg", item=kept)])
    for name in variants(desk):
        if "wall" in name:
            (desk.site / name).unlink()
    desk.publish()
    assert desk.everything() == before


def test_a_picture_that_would_fill_the_memory_is_refused(desk: Desk) -> None:
    """With its file and what to do; nothing of it is decoded."""
    bomb = bytearray(photo(64, 64, "PNG"))
    bomb[16:24] = (100_000).to_bytes(4, "big") + (100_000).to_bytes(4, "big")
    desk.write("bomb.png", bytes(bomb))
    (problem,) = desk.state("bomb.png").problems
    assert (problem.file, problem.code, problem.severity) == ("bomb.png", "pixels", "error")
    assert "10000 million pixels" in problem.what
    assert "64 million" in problem.todo


def test_a_damaged_picture_is_published_as_it_is(desk: Desk) -> None:
    """Its author is told."""
    desk.write("wall.jpg", photo()[:2000])
    (problem,) = desk.state("wall.jpg").problems
    assert (problem.code, problem.severity) == ("picture", "warning")
    assert '<img src="/wall.jpg"' in desk.page("walk")
    assert "derived/files/wall" not in desk.page("walk")


def test_an_animation_is_left_alone(desk: Desk) -> None:
    """Its variants would stand still."""
    import io

    frames = [opened(photo(300, 200)), opened(photo(300, 200, turn=3))]
    for name, kind in (("wall.jpg", "WEBP"), ("lead.webp", "PNG")):
        written = io.BytesIO()
        frames[0].save(written, kind, save_all=True, append_images=frames[1:])
        desk.write(name, written.getvalue())
    desk.publish()
    assert not variants(desk)


def article(desk: Desk, title: str, slug: str = "plain") -> None:
    desk.write("plain.md", f"---\ntitle: {title}\ndate: 2026-01-01\nslug: {slug}\n---\nText.\n")


def cards(desk: Desk) -> dict[str, bytes]:
    return {name: body for name, body in desk.everything().items() if name.startswith("derived/cards/")}


def shared(desk: Desk, path: str) -> str:
    """The address of the picture that a link to a page is shown with."""
    found = re.search(r'property="og:image" content="http://127.0.0.1:8000/([^"]+)"', desk.page(path))
    return found[1] if found else ""


def test_an_article_without_a_photograph_has_a_card(desk: Desk) -> None:
    """Of its title: named with its size and text, there when the page is, gone with the article."""
    article(desk, "Plain & simple")
    desk.write("drawn.md", "---\ntitle: Drawn\ndate: 2026-01-01\nimage: d.svg\n---\nText.\n")
    desk.publish()
    assert len(cards(desk)) == 2
    key, _, mark = shared(desk, "plain").partition("?v=")
    assert key in cards(desk)
    assert len(mark) == 12
    assert shared(desk, "drawn").startswith("derived/cards/")
    assert shared(desk, "walk") == "derived/files/lead.webp/plain.jpg"
    html = desk.page("plain")
    assert '<meta property="og:image:alt" content="Plain &amp; simple">' in html
    assert (
        '<meta property="og:image:width" content="1200">\n<meta property="og:image:height" content="630">'
        in html
    )
    (desk.content / "plain.md").unlink()
    desk.publish()
    assert key not in cards(desk)


def test_a_card_is_drawn_once_for_a_title(desk: Desk) -> None:
    """An edit of the text leaves it alone; another title draws it anew, at the same address."""
    path = desk.content / "plain.md"
    article(desk, "Plain")
    desk.publish()
    first = shared(desk, "plain")
    card = desk.site / first.partition("?")[0]
    written = card.stat().st_mtime_ns
    path.write_text(path.read_text() + "More.\n")
    desk.publish()
    assert (shared(desk, "plain"), card.stat().st_mtime_ns) == (first, written)
    path.write_text(path.read_text().replace("title: Plain", "title: Fancy"))
    before = card.read_bytes()
    desk.publish()
    assert shared(desk, "plain") != first
    assert shared(desk, "plain").partition("?")[0] == first.partition("?")[0]
    assert card.read_bytes() != before


def test_cards_follow_the_settings_and_the_address(desk: Desk) -> None:
    """Turned off they go; a moved article takes its card along."""
    article(desk, "Plain")
    desk.publish()
    first = shared(desk, "plain")
    article(desk, "Plain", "moved")
    desk.publish()
    assert list(cards(desk)) == [shared(desk, "moved").partition("?")[0]] != [first]
    for name in cards(desk):
        (desk.site / name).unlink()
    desk.publish()
    assert len(cards(desk)) == 1  # what was lost is drawn again
    desk.write("pressrun.toml", "[images]\ncards = false\n")
    desk.publish()
    assert not cards(desk)
    assert shared(desk, "moved") == ""


def test_s3_holds_the_same_bytes(desk: Desk, cloud: Cloud) -> None:  # noqa: F811
    """Variants and all."""
    desk.publish()
    keys = [str(path.relative_to(desk.content)) for path in desk.content.rglob("*") if path.is_file()]
    for key in keys:
        cloud.upload(key, (desk.content / key).read_bytes())
    cloud.publish(keys)
    assert cloud.objects() == desk.everything()
    assert len(variants(desk)) == 7
