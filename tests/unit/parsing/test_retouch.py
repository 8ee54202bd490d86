"""Changing a field leaves everything else as it was."""

from __future__ import annotations

import pytest

from pressrun.domain.publication import Publication
from pressrun.parsing.retouch import with_field
from pressrun.parsing.source import parse_article


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\ntitle: x\n---\nText.\n", "---\ntitle: x\ndraft: true\n---\nText.\n"),
        ("---\ndraft: false # not yet\ntitle: x\n---\n", "---\ndraft: true\ntitle: x\n---\n"),
        ("---\r\ntitle: x\r\n---\r\n", "---\r\ntitle: x\r\ndraft: true\r\n---\r\n"),
        (
            '+++\ntitle = "x"\n[extra]\ndraft = 1\n+++\n',
            '+++\ntitle = "x"\ndraft = true\n[extra]\ndraft = 1\n+++\n',
        ),
        ("Title: x\n\ndraft: no\n", "Title: x\ndraft: true\n\ndraft: no\n"),
        ("# Hello\n", "---\ndraft: true\n---\n# Hello\n"),
        ("", "---\ndraft: true\n---\n"),
    ],
)
def test_a_field_is_set_where_metadata_stands(text: str, expected: str) -> None:
    assert with_field(text, "draft", "true") == expected


def test_a_field_is_taken_out_with_what_goes_on_below_it() -> None:
    assert (
        with_field("---\nsummary: >-\n  a\n  b\ntitle: x\n---\n", "summary", None) == "---\ntitle: x\n---\n"
    )
    assert with_field("# Hello\n", "draft", None) == "# Hello\n"


@pytest.mark.parametrize("text", ["---\ntitle: x\n---\n", '+++\ntitle = "x"\n+++\n', "Title: x\n\nText"])
def test_a_time_is_read_back(text: str) -> None:
    written = with_field(text, "publish_at", "2026-05-01 18:00+01:00")
    article = parse_article("a.md", written.encode(), Publication())
    assert article.publish_at is not None
    assert article.publish_at.isoformat() == "2026-05-01T18:00:00+01:00"
