"""Dates in every usual notation; what could be two days is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from pressrun.parsing.dates import DateError, parse_date

ROME = ZoneInfo("Europe/Rome")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-01", "2024-05-01T00:00:00+02:00"),
        ("2024-12-01", "2024-12-01T00:00:00+01:00"),
        ("2024/5/1", "2024-05-01T00:00:00+02:00"),
        ("20240501", "2024-05-01T00:00:00+02:00"),
        ("2024-05-01 10:30", "2024-05-01T10:30:00+02:00"),
        ("2024-05-01T10:30:15.123456Z", "2024-05-01T10:30:15.123456+00:00"),
        ("2024-05-01T10:30:15.123456789+05:30", "2024-05-01T10:30:15.123456+05:30"),
        ("2024-05-01 10:30:15 -0500", "2024-05-01T10:30:15-05:00"),
        ("2024-05-01 10:30 UTC", "2024-05-01T10:30:00+00:00"),
        ("Wed, 1 May 2024 10:30 EDT", "2024-05-01T10:30:00-04:00"),  # the zones of RFC 5322, 4.3
        ("Fri, 1 Mar 2024 10:30 EST", "2024-03-01T10:30:00-05:00"),
        ("Fri, 1 Mar 2024 10:30 CST", "2024-03-01T10:30:00-06:00"),
        ("Wed, 1 May 2024 10:30 CDT", "2024-05-01T10:30:00-05:00"),
        ("Fri, 1 Mar 2024 10:30 MST", "2024-03-01T10:30:00-07:00"),
        ("Wed, 1 May 2024 10:30 MDT", "2024-05-01T10:30:00-06:00"),
        ("Fri, 1 Mar 2024 10:30 PST", "2024-03-01T10:30:00-08:00"),
        ("Wed, 1 May 2024 10:30 PDT", "2024-05-01T10:30:00-07:00"),
        ("Wed, 01 May 2024 10:30:15 GMT", "2024-05-01T10:30:15+00:00"),
        ("Wed, 1 May 2024 10:30:15 +0200", "2024-05-01T10:30:15+02:00"),
        ("May 1, 2024", "2024-05-01T00:00:00+02:00"),
        ("May 1st, 2024 at 3:05 pm", "2024-05-01T15:05:00+02:00"),
        ("1 May 2024", "2024-05-01T00:00:00+02:00"),
        ("1-Sept-2024", "2024-09-01T00:00:00+02:00"),
        ("Sunday, 29 Feb 2032, 12:15 AM", "2032-02-29T00:15:00+01:00"),
    ],
)
def test_a_date_is_read_and_aware(text, expected):
    assert parse_date(text, ROME).isoformat() == expected


@pytest.mark.parametrize(
    "text",
    [
        "soon", "2023-02-29", "2026-13-40", "2024-05-01 25:00", "2024-05-01 10:00 +25:00", "2024-05", "13:00",
        "2024-05-01 10:00 XYZ", "Mai 1, 2024", "0001-01-01", "9999-12-31", "2024", "", "1 2 2024", "5" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_date_is_refused_with_an_example(text):
    with pytest.raises(DateError) as caught:
        parse_date(text, ROME)
    assert caught.value.todo
    assert len(caught.value.what) < 120


def test_a_date_that_could_be_two_days_names_both():
    with pytest.raises(DateError) as caught:
        parse_date("03/04/2024", ROME)
    assert caught.value.todo == "write the year first: 2024-04-03 or 2024-03-04"


def test_front_matter_dates_are_in_the_publications_zone(parse):
    yaml = parse("---\ntitle: T\ndate: 2024-05-01 10:00\n---\n", timezone="Asia/Tokyo")
    toml = parse('+++\ntitle = "T"\ndate = 2024-05-01T10:00:00\n+++\n', timezone="Asia/Tokyo")
    assert yaml.date == toml.date == datetime(2024, 5, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "front", "day"),
    [
        ("posts/2024-05-01-hello.md", "", "2024-05-01"),
        ("2024/05/02/hello.md", "", "2024-05-02"),
        ("2024-05-03-trip/index.md", "", "2024-05-03"),
        ("hello.md", "path: 2024/05/04/hello\n", "2024-05-04"),
        ("2024-05-01-x.md", "date: 2023-01-01\n", "2023-01-01"),
    ],
)
def test_a_missing_date_comes_from_the_path(parse, key, front, day):
    assert parse(f"---\ntitle: T\n{front}---\n", key).date.date().isoformat() == day


@pytest.mark.parametrize("key", ["hello.md", "2024-13-45-x.md", "12024-05-01-x.md", "20240501.md"])
def test_a_name_without_a_date_gives_none(parse, key):
    assert parse("# T\n", key).date is None
