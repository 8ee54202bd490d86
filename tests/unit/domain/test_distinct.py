"""Sets of tokens: exact while small, estimated when large, the same however they come together."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from pressrun.domain.distinct import EXACT, Distinct

tokens = st.lists(st.integers(0, 2**64 - 1), max_size=300)


@given(tokens, tokens, tokens)
def test_merging_is_commutative_associative_and_idempotent(a: list[int], b: list[int], c: list[int]) -> None:
    """Whatever the order and however often, it is the union."""
    left, right = Distinct(a), Distinct(c)
    left.merge(Distinct(b))
    left.merge(Distinct(c))
    right.merge(Distinct(b))
    right.merge(Distinct(a))
    right.merge(Distinct(a))
    assert left.stored() == right.stored() == Distinct([*a, *b, *c]).stored()
    assert left.count() == len({*a, *b, *c})


@given(tokens)
def test_what_is_stored_comes_back(a: list[int]) -> None:
    assert Distinct.of(Distinct(a).stored()).stored() == Distinct(a).stored()


def test_large_sets_are_the_same_however_they_came_together() -> None:
    """Also where parts of them were exact, and parts were not."""
    source = random.Random(1)
    many = [source.getrandbits(64) for _ in range(3 * EXACT)]
    whole = Distinct(many)
    parts = [Distinct(many[start::7]) for start in range(7)] + [Distinct(many[: EXACT + 1])]
    source.shuffle(parts)
    joined = Distinct()
    for part in parts:
        joined.merge(part)
    assert joined.approximate
    assert joined.stored() == whole.stored() == Distinct.of(whole.stored()).stored()


def test_exact_ends_after_4096_different_tokens() -> None:
    """Repeats do not matter."""
    few = Distinct([*range(EXACT)] * 3)
    assert (few.count(), few.approximate) == (EXACT, False)
    few.add(EXACT)
    assert few.approximate


def test_estimates_are_within_their_error() -> None:
    """1.6 % is one standard error; of 40 estimates none is beyond four, and they are right on average."""
    source = random.Random(2)
    errors = []
    for size in (EXACT + 1, 6_000, 10_000, 40_000):
        for _ in range(10):
            counted = Distinct(source.getrandbits(64) for _ in range(size)).count()
            errors.append(counted / size - 1)
    assert max(map(abs, errors)) < 4 * 0.01625
    assert abs(sum(errors) / len(errors)) < 0.01
