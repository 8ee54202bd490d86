"""The calendar that archives are cut by."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from pressrun.domain.spans import Span, instant, parse_span, sort_key, spans_of

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, LAST = datetime(1000, 1, 2), datetime(9998, 12, 30)  # noqa: DTZ001 - Hypothesis adds the zone
MOMENTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC))


def test_a_month_begins_when_it_does_at_home() -> None:
    """Half past eleven in the evening of 31 October, UTC, is November in Berlin."""
    sort = sort_key(datetime(2026, 10, 31, 23, 30, tzinfo=UTC), "id")
    assert spans_of(("site",), sort, BERLIN) == ("site/2026", "site/2026-11")
    assert spans_of(("site",), sort, ZoneInfo("UTC")) == ("site/2026", "site/2026-10")


@given(MOMENTS)
def test_an_article_stands_within_the_bounds_of_its_spans(moment: datetime) -> None:
    """Whatever the moment, its sort key lies between those of the span's beginning and end."""
    sort = sort_key(moment, "tag:x")
    for name in spans_of(
        (
            "site",
            "tags/a",
        ),
        sort,
        BERLIN,
    ):
        span = parse_span(name)
        assert span is not None
        low, high = span.bounds(BERLIN)
        assert low <= sort < high


@given(MOMENTS, MOMENTS)
def test_sort_keys_sort_as_time_does(one: datetime, other: datetime) -> None:
    """Text order is the order of time, to the second."""
    one, other = one.replace(microsecond=0), other.replace(microsecond=0)
    assert (one < other) == (instant(one) < instant(other))


def test_names_of_spans_and_collections_are_told_apart() -> None:
    """A tag that looks like a year is a tag."""
    assert parse_span("site/2026-11") == Span("site", 2026, 11)
    assert parse_span("tags/2026") is None
    assert parse_span("tags/2026/2025") == Span("tags/2026", 2025)
    assert parse_span("site") is None


def test_the_last_month_of_the_calendar_has_no_end() -> None:
    """No datetime follows it; every sort key of that year is below its upper bound."""
    for span in (Span("site", 9999), Span("site", 9999, 12)):
        low, high = span.bounds(ZoneInfo("UTC"))
        assert low == f"9999-{span.month or 1:02}-01T00:00:00"
        assert high > "9999-12-31T23:59:59#tag:x"
    assert Span("site", 9999, 11).bounds(ZoneInfo("UTC"))[1] == "9999-12-01T00:00:00"
