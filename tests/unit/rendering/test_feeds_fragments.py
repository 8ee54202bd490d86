"""Fragments: what feedgen and orjson would have written, whatever an entry says."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from pressrun.domain.articles import Enclosure, Image
from pressrun.domain.feeds import FORMATS, Entry, Feed, Fragment
from pressrun.domain.publication import Person, Podcast
from pressrun.rendering.feed_items import address, byline, clean, item_of, language_tag
from pressrun.rendering.feedgen_extensions import add_item, generator
from pressrun.rendering.feeds import RENDERERS, render_entries, render_entry, rss_references
from pressrun.rendering.jsonfeed import json_feed, json_item

DATA = Path(__file__).parents[2] / "data"
HOSTILE = Path(__file__).parents[4] / "shared" / "data" / "hostile"
SITE = "https://example.org/"
FEED = Feed(id="tag:example.org,2026:feed", title="News & <more>", home=SITE, place=SITE, description="a & b")
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
ENTRY = Entry(id="tag:example.org,2026:1", url=f"{SITE}1/", title="One", published=WHEN, updated=WHEN)

unhurried = settings(deadline=None)
any_text = st.text(st.characters(codec=None), max_size=30) | st.sampled_from(
    [
        '%s "%d" \ufdd0 \ufdd17\ufdd1',
        "]]>&amp;<b>",
        "\r\n\t\x85\u2028",
        "\ud800\udfff",
        "a@b.example <c@d.example>",
    ]
)
urls = st.just("") | any_text.map(lambda text: SITE + text)
moments = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - the time zone is drawn apart
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-3)), timezone(timedelta(seconds=1172))]),
)
persons = st.builds(Person, name=any_text, url=urls)
podcasts = st.none() | st.just(Podcast())
entries = st.builds(
    Entry,
    id=st.uuids().map(lambda uuid: f"tag:example.org,2026:{uuid}"),
    url=st.just(SITE),
    title=any_text,
    published=moments,
    updated=moments,
    summary=any_text,
    content=any_text,
    authors=st.lists(persons, max_size=3).map(tuple),
    tags=st.lists(any_text, max_size=3).map(tuple),
    tag_scheme=urls,
    image=st.none() | st.builds(Image, src=urls, alt=any_text),
    enclosure=st.none()
    | st.builds(Enclosure, src=urls, type=any_text, length=st.integers(), duration=st.integers()),
    language=st.sampled_from(["", "fr", "de_AT", "gsw", "?", "zz"]),
    season=st.integers(-1, 2),
    episode=st.integers(-1, 2),
)


def by_feedgen(some: Sequence[Entry], podcast: Podcast | None) -> tuple[bytes, bytes]:
    """RSS and Atom, with every entry written by feedgen itself."""
    made = generator(FEED)
    marks = [f"[content {number}]" for number, _ in enumerate(some)]
    for entry, mark in zip(some, marks, strict=True):
        add_item(made, item_of(entry, podcast), mark)
    rss, atom = made.rss_str(pretty=True).decode(), made.atom_str(pretty=True).decode()
    return (
        filled(rss_references(rss), some, marks),
        filled(atom, some, marks),
    )


def filled(xml: str, some: Sequence[Entry], marks: Sequence[str]) -> bytes:
    for entry, mark in zip(some, marks, strict=True):
        element = etree.Element("c")
        element.text = clean(entry.content)
        written = etree.tostring(element, encoding="utf-8").decode().removesuffix("</c>")
        xml = xml.replace(f">{mark}</", f">{written.removeprefix('<c>').removesuffix('<c/>')}</")
    return xml.encode()


def without_comment(document: bytes) -> bytes:
    lines = document.split(b"\n")
    return b"\n".join([lines[0], *lines[2:]])


@unhurried
@given(st.lists(entries, max_size=4), podcasts)
def test_xml_is_to_the_byte_what_feedgen_writes(some: list[Entry], podcast: Podcast | None) -> None:
    fragments = render_entries(some, podcast)
    rss, atom = by_feedgen(some, podcast)
    assert without_comment(RENDERERS["rss"].render(FEED, fragments)) == rss
    assert without_comment(RENDERERS["atom"].render(FEED, fragments)) == atom


@unhurried
@given(st.lists(entries, max_size=4), podcasts)
def test_json_is_to_the_byte_what_orjson_writes(some: list[Entry], podcast: Podcast | None) -> None:
    items = [json_item(item_of(entry, podcast), clean(entry.content)) for entry in some]
    expected = orjson.dumps({**json_feed(FEED), "items": items})
    assert RENDERERS["json"].render(FEED, render_entries(some, podcast)) == expected


@unhurried
@given(entries, podcasts)
def test_the_size_is_that_of_the_largest_format(entry: Entry, podcast: Podcast | None) -> None:
    fragment = render_entry(entry, podcast)
    empty = {form: len(RENDERERS[form].render(FEED, [])) for form in FORMATS}
    assert fragment.size == max(
        len(RENDERERS[form].render(FEED, [fragment])) - empty[form] for form in FORMATS
    )


@unhurried
@given(entries)
def test_a_fragment_survives_its_storage(entry: Entry) -> None:
    fragment = render_entry(entry)
    assert Fragment.from_item(json.loads(json.dumps(fragment.to_item()))) == fragment


@unhurried
@given(st.text(st.characters(codec=None)))
def test_clean_text_holds_nothing_that_a_feed_may_not(text: str) -> None:
    kept = clean(text)
    assert kept == clean(kept)
    assert all(unicodedata.category(c) not in {"Cc", "Cs"} or c in "\t\n\r" for c in kept)
    assert all(ord(c) & 0xFFFE != 0xFFFE and not 0xFDD0 <= ord(c) <= 0xFDEF for c in kept)
    assert kept == "".join(c for c in text if c in kept)


def test_every_noncharacter_and_control_is_removed() -> None:
    planes = [chr(plane + end) for plane in range(0, 0x110000, 0x10000) for end in (0xFFFE, 0xFFFF)]
    for c in [*planes, *map(chr, range(0xFDD0, 0xFDF0)), *map(chr, range(0x7F, 0xA0)), "\x00", "\ud83d"]:
        assert clean(f"a{c}b") == "ab"


def test_an_ordinary_text_is_kept_as_it_is() -> None:
    text = "Zoë\u00a0– ½ «x» 👩‍💻 \U0001f1e8\U0001f1ed \ufeff\ue000 ሿ\u0fff"
    assert clean(text) == text


@pytest.mark.parametrize(
    ("given_url", "expected"),
    [
        ("https://example.org/a?b=c&d#e", "https://example.org/a?b=c&d#e"),
        ("https://example.org/ü b\"<'>?q=ä", "https://example.org/%C3%BC%20b%22%3C'%3E?q=%C3%A4"),
        ("https://münchen.example/100%", "https://xn--mnchen-3ya.example/100%25"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x"),
        ("javascript:alert(1)", ""),
        ("ftp://example.org/", ""),
        ("mailto:ann@example.net", ""),
        ("https://ann:secret@example.net/", ""),
        ("/relative", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_only_web_addresses_pass_and_in_ascii(given_url: str, expected: str) -> None:
    assert address(given_url) == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en", "en"),
        ("pt_BR", "pt-BR"),
        ("gsw-CH", "gsw-CH"),
        ("zz", ""),
        ("qqq", ""),
        ("english", ""),
        ("", ""),
    ],
)
def test_a_language_is_one_that_is_spoken(tag: str, expected: str) -> None:
    assert language_tag(tag) == expected


def test_a_name_loses_its_mail_address() -> None:
    assert byline("Ann  Lee <ann@example.net>") == "Ann Lee"
    assert byline("ann@example.net") == "ann"
    assert byline("@ann") == "@ann"


def test_an_entry_without_an_address_or_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="not an absolute http or https address: '/1/'"):
        render_entry(replace(ENTRY, url="/1/"))
    with pytest.raises(ValueError, match="time zone"):
        render_entry(replace(ENTRY, published=datetime(2026, 1, 1)))  # noqa: DTZ001 - the point


HOSTILE_PLACES: dict[str, Callable[[str], Entry]] = {
    "title": lambda text: replace(ENTRY, title=text),
    "summary": lambda text: replace(ENTRY, summary=text),
    "author": lambda text: replace(ENTRY, authors=(Person(name=text, url=text),)),
    "tag": lambda text: replace(ENTRY, tags=(text, f"{text}%s{text}"), tag_scheme=text),
    "picture": lambda text: replace(ENTRY, image=Image(src=f"{SITE}{text}", alt=text), language=text),
    "file": lambda text: replace(ENTRY, enclosure=Enclosure(src=f"{SITE}{text}", type=text)),
}


@pytest.mark.skipif(not HOSTILE.exists(), reason="the collections of hostile strings are not here")
@pytest.mark.parametrize("place", HOSTILE_PLACES)
def test_hostile_strings_leave_every_document_valid(place: str) -> None:
    strings = json.loads((HOSTILE / "blns.json").read_text())
    strings += [found["payload"] for found in json.loads((HOSTILE / "xss-dompurify-expect.json").read_text())]
    fragments = render_entries(HOSTILE_PLACES[place](text) for text in strings)
    schema = etree.RelaxNG(etree.parse(DATA / "atom.rng"))
    schema.assertValid(etree.fromstring(RENDERERS["atom"].render(FEED, fragments)))
    rss = etree.fromstring(RENDERERS["rss"].render(FEED, fragments))
    found = json.loads(RENDERERS["json"].render(FEED, fragments))
    assert rss.xpath("//item/title/text()") == [item["title"] for item in found["items"]]
    assert len(found["items"]) == len(strings)
