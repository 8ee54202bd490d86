"""Subscribers as rows of an export."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.domain.newsletters import CADENCES
from pressrun.domain.roster import COLUMNS, STATES, RosterError, as_row, from_row, neutral, plain
from pressrun.domain.subscribers import Consent, Subscriber

TEXT = st.text(max_size=20)
WORD = st.text(min_size=1, max_size=20)
SLUGS = st.dictionaries(st.from_regex("[a-z]{1,8}", fullmatch=True), st.sampled_from(CADENCES), max_size=3)
CONSENTS = st.builds(Consent, at=WORD, how=WORD, text=TEXT, newsletters=st.lists(TEXT, max_size=2).map(tuple))
SUBSCRIBERS = st.builds(
    Subscriber, address=st.just("a@example.org"), state=st.sampled_from(STATES), name=TEXT, lists=SLUGS, wanted=SLUGS,
    language=TEXT, created=TEXT, confirmed=TEXT, reason=TEXT, consents=st.lists(CONSENTS, max_size=2).map(tuple),
    extra=st.dictionaries(TEXT, TEXT, max_size=2),
)  # fmt: skip


@given(SUBSCRIBERS)
def test_a_row_says_all_that_an_export_is_to_say(subscriber: Subscriber) -> None:
    """Reading it gives the same subscriber."""
    row = dict(zip(COLUMNS, [plain(neutral(cell)) for cell in as_row("0" * 32, subscriber)], strict=True))
    assert from_row(row) == ("", subscriber)


@given(st.text())
def test_no_cell_is_a_formula_and_none_is_lost(cell: str) -> None:
    """Nothing begins with what a spreadsheet would compute; the apostrophe can be taken away again."""
    assert not neutral(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert plain(neutral(cell)) == cell


def test_secrets_and_counters_stay_out() -> None:
    """What makes a link good, and what counts bounces, is nobody else's."""
    row = as_row(
        "0" * 32, Subscriber(address="a@example.org", nonce="secret", mailed="then", soft=2.5, soft_at="now")
    )
    assert row == ["a@example.org", "pending", *[""] * 10]


def test_of_somebody_erased_the_id_alone_is_kept() -> None:
    """So that a list that is moved does not bring them back."""
    row = as_row("ab" * 16, Subscriber(address="", state="suppressed", reason="erased"))
    read = from_row(dict(zip(COLUMNS, row, strict=True)))
    assert read == ("ab" * 16, Subscriber(address="", state="suppressed", reason="erased"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "happy"},
        {"state": ""},
        {"lists": "letters"},
        {"lists": "letters=hourly"},
        {"consents": "{}"},
        {"consents": "[1]"},
        {"consents": '[{"how": "x"}]'},
        {"extra": "[" * 100_000},
        {"address": "", "id": "../x"},
        {"address": "", "id": "ab" * 16},
    ],
)
def test_a_row_that_was_tampered_with_is_refused(wrong: dict[str, str]) -> None:
    """With a reason, whatever is in it."""
    with pytest.raises(RosterError):
        from_row({"address": "a@example.org", "state": "active"} | wrong)
