"""A file takes over what another one had, before anybody has looked at the other one again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pressrun.domain.spans import SITE
from pressrun.errors import Transient
from pressrun.ports import Put, Save
from pressrun.services import commits
from pressrun.services.renditions import Renditions
from tests.chaos.readers import archived
from tests.chaos.sources import PICTURE, SETTINGS_KEY, Draft, png, settings
from tests.chaos.world import World

FIRST = Draft(id="one", title="One", tags=("sea",), slug="first")


@pytest.fixture
def world() -> World:
    world = World()
    world.upload(SETTINGS_KEY, settings(), 0)
    world.write("a.md", FIRST, 0)
    world.settle()
    return world


@pytest.mark.parametrize("date", [FIRST.date, "2025-06-15"])
def test_word_of_a_withdrawal_comes_after_another_file_took_the_id(world: World, date: str) -> None:
    """The article that has the id by now stays in its feeds."""
    world.remove("a.md")
    world.write("b.md", replace(FIRST, slug="second", date=date))
    world.publisher().publish(["b.md"])
    world.publisher().publish(["a.md"])
    world.check()
    assert "second/index.html" in world.there.site.objects


def test_an_article_that_gets_another_id_leaves_the_old_one_to_who_has_it(world: World) -> None:
    """It was gone for a moment, and back with another id before anybody looked."""
    world.remove("a.md")
    world.write("b.md", replace(FIRST, slug="second"))
    world.publisher().publish(["b.md"])
    world.write("a.md", replace(FIRST, id="two"))
    world.publisher().publish(["a.md"])
    world.check()


def test_both_come_in_one_batch(world: World) -> None:
    """In either order."""
    world.remove("a.md")
    world.write("b.md", replace(FIRST, slug="second", date="2025-06-15"))
    world.publisher().publish(["b.md", "a.md"])
    world.check()


def test_a_file_comes_back_after_another_took_its_id(world: World) -> None:
    """It is as the catalogue knows it, to the byte, and yet it has to be looked at."""
    world.remove("a.md")
    world.write("b.md", replace(FIRST, slug="second"))
    world.publisher().publish(["b.md"])
    world.write("a.md", FIRST, 0)
    world.check()


def test_files_that_are_gone_do_not_wake_each_other_for_ever(world: World) -> None:
    """Each was about to be published with a reference to the other when its worker died."""
    there = world.there
    there.table.write([Save(partition="uses c.md", sort="b.md", item={})])
    there.table.write([Save(partition="uses b.md", sort="c.md", item={})])
    world.publisher().publish(["b.md", "c.md"], force=True)
    assert not there.queue.waiting()
    world.check()


@pytest.mark.parametrize("last", ["", "Save path/second", "site.put second/index.html"])
@pytest.mark.parametrize("spoiled", [True, False, None])
def test_an_address_is_taken_from_a_file_that_is_refused_before_it_moved(
    world: World, *, last: str, spoiled: bool | None
) -> None:
    """Neither feeds nor the redirect from where it stood earlier lead to the other file's page.

    Whoever gives it away may die at once, and the refused file be wrong in another way by then.
    """
    world.write("a.md", replace(FIRST, slug="second"), 0)
    world.write("c.md", Draft(id="three", title="Three", slug="third"), 0)
    world.settle()
    world.write("a.md", replace(FIRST, slug="third"))
    world.write("b.md", Draft(id="two", title="Two", slug="second"))
    if last:
        _begin(world, ["b.md"], last)
        world.scheduler.kill()
    else:
        world.publisher().publish(["b.md"])
    if spoiled:
        world.spoil("a.md", b"---\ntitle: [\n---\n", 0)
    elif spoiled is not None:
        world.write("a.md", replace(FIRST, slug="second"), 0)
    world.settle()
    site = world.there.site
    assert {entry.title for entry in archived(site, "feed.xml")} == {"Two", "Three"}
    assert site.objects["first/index.html"].metadata["status"] == "410"
    world.check()


def _begin(world: World, keys: list[str], last: str) -> None:
    """Another worker begins to publish files, and stands still after the step `last`."""
    scheduler = world.scheduler
    others, scheduler.workers = scheduler.workers, []
    scheduler.spawn(lambda: world.publisher().publish(keys) and None)
    before = len(scheduler.trace)
    while not any(last in step for step in scheduler.trace[before:]):
        assert scheduler.workers, f"has ended without {last}"
        world.work(1, 1, trouble=0, turn=1)
    scheduler.workers = others + scheduler.workers


def _deliver(world: World) -> None:
    """What has been asked for is done, without a tick."""
    while world.there.queue.waiting():
        world.invoke()
        world.work(1, None, trouble=0, turn=0.5)


def test_an_article_goes_while_the_feed_that_shows_it_is_rendered(world: World) -> None:
    """Whoever renders it comes again."""
    for key, day in (("b.md", "11"), ("c.md", "12")):
        world.write(key, Draft(id=key, date=f"2026-01-{day}"), 0)
    world.settle()
    imprint = world.publisher().imprints.current()
    site, edge = (Renditions(world.there.table, imprint) for _ in range(2))
    for reading in (site, edge):
        assert len(reading._head(SITE)) == 3
    world.remove("a.md", 0)
    world.settle()
    with pytest.raises(Transient):
        site.of(SITE)
    with pytest.raises(Transient):
        edge.overflow()


def test_two_withdraw_an_article_and_the_faster_one_is_slower_then(world: World) -> None:
    """The page goes after the feeds that name it, whoever of the two takes it away."""
    world.remove("a.md")
    _begin(world, ["a.md"], "get path, first")
    _begin(world, ["a.md"], "Drop source/a.md")
    world.scheduler.workers.pop()
    world.work(1, None, trouble=0, turn=1)
    assert not archived(world.there.site, "feed.xml")
    world.check()


LINKS = Draft(id="two", title="Two", body="See [what b says](@/b.md).", series=("Log", 2))
LINKED = Draft(id="three", title="Three", slug="here", body="![A dot](@/assets/dot.png)", series=("Log", 1))


@pytest.mark.parametrize(
    ("order", "at_once", "asked"),
    [
        ([PICTURE, "b.md", "c.md"], 100, 0),
        (["c.md", "b.md", PICTURE], 100, 0),
        (["b.md", "c.md"], 1, 1),
        (["c.md", "b.md"], 1, 1),
    ],
)
def test_files_that_come_together_are_made_with_each_other(
    world: World, monkeypatch: pytest.MonkeyPatch, order: list[str], at_once: int, asked: int
) -> None:
    """Once, and not again: unless somebody could have come between the two, and have seen the one without the other."""
    monkeypatch.setattr(commits, "MAX_WRITE", at_once)
    world.upload(PICTURE, png(3, 2))
    world.write("b.md", LINKED)
    world.write("c.md", LINKS)
    if PICTURE not in order:
        world.publisher().publish([PICTURE])
    world.publisher().publish(order)
    assert world.there.queue.waiting() == asked
    pages = world.there.site.objects
    assert b'width="24"' in pages["here/index.html"].body
    assert b'<a href="/here/">what b says' in pages["c/index.html"].body
    assert b"Part 2 of 2" in pages["c/index.html"].body
    world.check()


def test_an_article_moves_to_the_address_of_one_that_is_gone_unseen(world: World) -> None:
    """That one leaves the feeds before: they would name a page that the mover may take along any time."""
    world.write("b.md", Draft(id="two", title="Two", slug="second"), 0)
    world.settle()
    world.remove("b.md")
    world.write("a.md", replace(FIRST, slug="second"))
    world.publisher().publish(["a.md"])
    assert {entry.title for entry in archived(world.there.site, "feed.xml")} == {"One"}
    world.remove("a.md")
    world.publisher().publish(["a.md"])
    world.check()


def test_an_article_takes_the_address_that_another_has_left_unseen(world: World) -> None:
    """That one moves along at once: its entry would lead to whatever becomes of the page."""
    world.write("b.md", Draft(id="two", title="Two", slug="second"), 0)
    world.settle()
    world.write("b.md", Draft(id="two", title="Two", slug="third"))
    world.write("a.md", replace(FIRST, slug="second"))
    world.publisher().publish(["a.md"])
    found = {entry.title: entry.path for entry in archived(world.there.site, "feed.xml")}
    assert found == {"One": "second/index.html", "Two": "third/index.html"}
    world.remove("a.md")
    world.publisher().publish(["a.md"])
    world.check()


@pytest.mark.parametrize("article", [FIRST, replace(FIRST, id="two")], ids=["moved", "another"])
def test_who_stands_where_a_file_stood_that_is_gone_gives_up_its_aliases(
    world: World, article: Draft
) -> None:
    """They are free for others: the file that had them is gone, and the one that has its place does not name them."""
    world.write("a.md", replace(FIRST, alias="/old/"), 0)
    world.write("c.md", Draft(id="three", title="Three", slug="third", alias="/old/"))
    world.settle()
    world.remove("a.md")
    world.write("b.md", article)
    world.publisher().publish(["b.md"])
    _deliver(world)
    assert world.there.site.objects["old/index.html"].metadata.get("location") == "/third/"
    world.check()


def test_an_article_that_moved_while_it_was_withdrawn_knows_where_it_stood(world: World) -> None:
    """Its former address leads to it at once, and does so when it moves again."""
    world.write("a.md", replace(FIRST, slug="second"))
    _begin(world, ["a.md"], "get_many [('source', 'a.md')")
    world.remove("a.md")
    world.publisher().publish(["a.md"])
    world.write("a.md", replace(FIRST, slug="second"), 0)
    world.work(1, None, trouble=0, turn=1)
    assert world.there.site.objects["first/index.html"].metadata.get("location") == "/second/"
    world.write("a.md", replace(FIRST, slug="third"), 0)
    world.check()
    assert world.there.site.objects["first/index.html"].metadata.get("location") == "/third/"


@pytest.mark.parametrize("goes", ["a.md c.md", "a.md|c.md", "c.md|a.md", "c.md b.md", "c.md"])
def test_what_refers_to_a_file_by_its_name_is_made_anew_when_it_is_renamed(world: World, goes: str) -> None:
    """The former name leads nowhere, the new one does, whatever the address; its own references, too."""
    body = "See [the one](@/a.md) and [the other](@/c.md)."
    article = replace(FIRST, body=body)
    world.write("a.md", article, 0)
    world.write("b.md", Draft(id="two", title="Two", body=body), 0)
    world.settle()
    world.remove("a.md")
    world.write("c.md", article)
    for keys in goes.split("|"):
        world.publisher().publish(keys.split())
    _deliver(world)
    for path in ("first", "b"):
        page = world.there.site.objects[f"{path}/index.html"].body
        assert b'<a href="/a.md">the one</a> and <a href="/first/">the other</a>' in page
    world.check()


@pytest.mark.parametrize("renamed", [True, False])
def test_what_refers_to_an_article_hears_of_its_end_though_the_worker_died(
    world: World, *, renamed: bool
) -> None:
    """Its rows say so already, and no event of it comes again."""
    world.write("c.md", Draft(id="three", title="Three", body="See [the one](@/a.md)."), 0)
    world.settle()
    if renamed:
        world.remove("a.md")
        world.write("b.md", FIRST)
        _begin(world, ["b.md"], "Drop source/a.md")
    else:
        world.write("a.md", replace(FIRST, draft=True))
        _begin(world, ["a.md"], "Save source/a.md")
    world.scheduler.kill()
    world.settle()
    assert b'<a href="/a.md">the one</a>' in world.there.site.objects["c/index.html"].body
    world.check()


@pytest.mark.parametrize("moves", [True, False])
def test_an_address_goes_back_where_who_took_it_is_refused_before_it_stood_there(
    world: World, *, moves: bool
) -> None:
    """The feeds still name it as the first one's, until that one leaves."""
    if moves:
        world.write("a.md", replace(FIRST, slug="second"))
    else:
        world.remove("a.md")
    world.write("b.md", replace(FIRST, id="two", title="Two"))
    _begin(world, ["b.md"], "Save path/first")
    world.scheduler.kill()
    world.spoil("b.md", b"---\ntitle: [\n---\n")
    world.publisher().publish(["b.md"])
    world.publisher().renew(["first/"])
    site = world.there.site
    entries = {entry.title: entry.path for entry in archived(site, "feed.xml")}
    assert entries == ({"One": "second/index.html"} if moves else {})
    assert site.objects["first/index.html"].metadata["status"] == ("301" if moves else "410")
    world.check()


@pytest.mark.parametrize("article", [FIRST, replace(FIRST, id="two")], ids=["moved", "another"])
def test_a_file_takes_the_next_address_of_one_that_never_came_to_stand_there(
    world: World, article: Draft
) -> None:
    """Where that one stood before leads to it, too, and goes on to do so."""
    world.write("a.md", replace(FIRST, slug="second"))
    _begin(world, ["a.md"], "Save path/second")
    world.scheduler.kill()
    world.remove("a.md")
    for slug in ("second", "third"):
        world.write("b.md", replace(article, slug=slug), 0)
        _deliver(world)
    world.check()
    assert world.there.site.objects["first/index.html"].metadata.get("location") == "/third/"


def test_who_takes_a_place_and_dies_leaves_word_of_all_that_showed_the_one_before(world: World) -> None:
    """Its feeds go, where it was alone in them."""
    world.remove("a.md")
    world.write("b.md", replace(FIRST, id="two", author="Grace", tags=("land",)))
    _begin(world, ["b.md"], "Drop source/a.md")
    world.scheduler.kill()
    world.check()


def test_a_report_of_settings_goes_though_its_row_has_gone_before(world: World) -> None:
    """Who refused them wrote it when others had taken the right ones into force already."""
    report = Put(key=f"{SETTINGS_KEY}.json", body=b'{"problems": []}', content_type="application/json")
    world.there.reports.put(report)
    world.publisher().publish([SETTINGS_KEY])
    world.check()


def test_a_page_goes_though_its_address_was_claimed_anew_by_one_who_died(world: World) -> None:
    """Put off, taken back and put off again, each by a worker who died half-way."""
    later = replace(FIRST, publish_at="2027-01-01T00:00:00+00:00")
    for article, last in ((later, "Save source/a.md"), (FIRST, "Save path/first")):
        world.write("a.md", article)
        _begin(world, ["a.md"], last)
        world.scheduler.kill()
    world.write("a.md", later)
    world.check()
    assert world.there.site.objects["first/index.html"].metadata["status"] == "410"


@pytest.mark.parametrize("article", [FIRST, replace(FIRST, id="")], ids=["its own id", "its first place's"])
def test_a_moved_article_is_edited_while_the_one_who_saw_the_move_stands_still(
    world: World, article: Draft
) -> None:
    """Its id has its new file's name by then, and its entry still stands in the feeds by its old one's."""
    world.write("a.md", article, 0)
    world.settle()
    world.remove("a.md")
    world.write("b.md", article)
    _begin(world, ["a.md", "b.md"], "Save id/")
    world.write("b.md", replace(article, date="2025-06-15"))
    world.publisher().publish(["b.md"])
    world.settle()
    assert [entry.title for entry in archived(world.there.site, "feed.xml")] == ["One"]


@pytest.mark.parametrize("change", [{"id": "two"}, {"draft": True}, {}], ids=["another id", "draft", "gone"])
def test_who_waits_for_an_id_gets_it_when_it_is_free(world: World, change: dict[str, object]) -> None:
    """Whoever has it gives it up a moment later: nobody has to save the waiting file again."""
    world.write("b.md", replace(FIRST, slug="second"), 0)
    world.invoke()
    world.work(1, None, trouble=0, turn=0.5)
    assert world.there.table.get("refused", "b.md")
    if change:
        world.write("a.md", replace(FIRST, **change), 0)  # type: ignore[arg-type]
    else:
        world.remove("a.md", 0)
    _deliver(world)
    assert world.there.table.get("refused", "b.md") is None
    world.check()
