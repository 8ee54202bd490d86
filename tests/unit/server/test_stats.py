"""Statistics: what the commands and the totals say, drawn; for this machine alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from pressrun.domain.views import Figure, Figures
from pressrun.rendering.charts import bars, columns
from pressrun.server.messages import Answer, Request
from pressrun.server.stats import StatsPages
from pressrun.services.catalogue import Source
from pressrun.services.report import History
from pressrun.services.totals import Articles, Read


class Known(Articles):
    """One article."""

    def __init__(self) -> None:
        self._source = Source(
            key="a.md",
            etag="",
            sha="",
            state="published",
            path="tide/",
            title="The <tide>",
            sort="2026-03-01T08:00:00#a",
            collections=("site",),
        )

    def at(self, path: str) -> Source | None:
        return self._source if path == "tide/" else None


HISTORY = History(
    now=datetime(2026, 3, 1, tzinfo=UTC),
    days={
        "2026-03-01": Figures(
            pages={"tide/": Figure(5000, 9000, approximate=True), "": Figure(3, 3)},
            feeds={"feed.xml": {"Feedly": Figure(870, 3)}},
        )
    },
    articles=Known(),
    reads={
        "tide/": Read(
            path="tide/", title="The <tide>", counted=Figure(5000, 9000, approximate=True), imported=7
        )
    },
)


def ask(
    path: str, *, peer: str = "127.0.0.1", host: str = "127.0.0.1:8000", method: str = "GET", **headers: str
) -> Answer:
    request = Request(
        method=method,
        target=path.encode(),
        query="",
        headers={"host": host, **headers},
        scheme="http",
        version="1.1",
        peer=peer,
        port=1,
    )
    return StatsPages(lambda: HISTORY).answer(request, "")


def test_the_overview_has_every_number() -> None:
    body = ask("/stats/").body.decode()
    for said in (
        "The &lt;tide&gt;",
        "≈ 5,007",
        "9,000",
        "870",
        "2026-03-01: 5,000 of 9,000",
        "Nobody is followed",
    ):
        assert said in body
    assert "style=" not in body
    assert "<script" not in body


def test_an_article_has_a_page_and_says_how_sure_the_number_is() -> None:
    body = ask("/stats/tide/").body.decode()
    assert "7 of them brought along" in body
    assert "an estimate" in body
    assert "<strong>≈ 5,877</strong>; 5,007 if the same people came by every way." in body
    assert ask("/stats/moon/").status == 404


@pytest.mark.parametrize(
    "change",
    [
        {"peer": "203.0.113.7"},
        {"host": "evil.example"},
        *({name: "203.0.113.7"} for name in ("x-forwarded-for", "x-real-ip", "forwarded", "via")),
    ],
)
def test_nobody_else_sees_them(change: dict[str, str]) -> None:
    assert ask("/stats/", **change).status == 404


def test_they_change_nothing() -> None:
    assert ask("/stats/", method="POST").status == 405
    assert ask("/stats").header("location") == "/stats/"


def test_plots_are_to_scale() -> None:
    """A column twice as high stands for twice as many."""
    plot = columns({"a": 50, "b": 100}, "x")
    assert 'height="64.0"' in plot
    assert 'height="128.0"' in plot
    assert (columns({}, "x"), bars([], "x")) == ("", "")
    assert all(
        float(width) < 40 for width in re.findall(r'width="(\d+\.\d)"', plot)
    )  # two days are no two walls
