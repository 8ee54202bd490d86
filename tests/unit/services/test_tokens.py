"""Tokens: opaque, bound to reader, newsletter and purpose, and broken by every change of a byte."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pressrun.adapters.local.sqlite import SqliteTable
from pressrun.domain.subscribers import subscriber_id
from pressrun.services.tokens import Tokens
from tests.conftest import FrozenClock

READER = subscriber_id("ada@example.org")
PURPOSES = ("confirm", "unsubscribe", "preferences", "export", "bounce")


@pytest.fixture
def table(tmp_path: Path) -> Iterator[SqliteTable]:
    table = SqliteTable(tmp_path / "catalogue.db")
    yield table
    table.close()


@pytest.fixture
def tokens(table: SqliteTable, clock: FrozenClock) -> Tokens:
    return Tokens(table, clock)


def test_a_token_says_what_it_was_made_for(tokens: Tokens, clock: FrozenClock) -> None:
    claim = tokens.read("confirm", tokens.make("confirm", READER, "letters", "abc123"))
    assert claim is not None
    assert (claim.subscriber, claim.newsletter, claim.nonce, claim.at) == (
        READER,
        "letters",
        "abc123",
        clock.now(),
    )


def test_every_change_of_one_byte_fails(tokens: Tokens) -> None:
    """At every place: the neighbouring bytes, the other case, and bytes that decoders like to ignore."""
    token = tokens.make("unsubscribe", READER, "letters")
    for place, byte in enumerate(token.encode()):
        for other in {byte ^ 1, byte ^ 2, byte ^ 4, byte ^ 8, byte ^ 32, *b"A=.-_ \n\0%"} - {byte}:
            changed = token[:place] + chr(other) + token[place + 1 :]
            assert tokens.read("unsubscribe", changed) is None, (place, other)
        assert tokens.read("unsubscribe", token[:place] + token[place + 1 :]) is None
        assert tokens.read("unsubscribe", token[:place]) is None
    for more in ("=", "==", " ", "\n", "A", ".", "é", "x" * 300):
        assert tokens.read("unsubscribe", token + more) is None
        assert tokens.read("unsubscribe", more + token) is None


@pytest.mark.parametrize("made", PURPOSES)
@pytest.mark.parametrize("read", PURPOSES)
def test_purposes_do_not_mix(tokens: Tokens, made: str, read: str) -> None:
    token = tokens.make(made, READER, "letters")  # type: ignore[arg-type]
    assert (tokens.read(read, token) is not None) == (made == read)  # type: ignore[arg-type]


def test_a_token_expires_to_the_second(tokens: Tokens, clock: FrozenClock) -> None:
    token = tokens.make("confirm", READER)
    clock.advance(48 * 3600)
    assert tokens.read("confirm", token, max_age=timedelta(hours=48)) is not None
    clock.advance(1)
    assert tokens.read("confirm", token, max_age=timedelta(hours=48)) is None
    assert tokens.read("confirm", token) is not None


def test_a_token_of_the_future_has_no_age(tokens: Tokens, clock: FrozenClock) -> None:
    """Where a clock was put back it would be good for longer than it was made for."""
    clock.advance(3600)
    token = tokens.make("confirm", READER)
    clock.advance(-3600)
    assert tokens.read("confirm", token, max_age=timedelta(hours=48)) is None
    clock.advance(3600)
    assert tokens.read("confirm", token, max_age=timedelta(hours=48)) is not None


def test_rotated_keys_sign_and_older_ones_verify_for_a_while(
    table: SqliteTable, tokens: Tokens, clock: FrozenClock
) -> None:
    first = tokens.make("unsubscribe", READER)
    tokens.rotate()
    second = tokens.make("unsubscribe", READER)
    assert first != second
    assert tokens.read("unsubscribe", first) == tokens.read("unsubscribe", second)
    tokens.rotate(keep=1)
    assert tokens.read("unsubscribe", first) is None
    assert tokens.read("unsubscribe", second) is not None
    assert Tokens(table, clock).read("unsubscribe", second) is not None


def test_a_process_that_stays_warm_learns_of_a_rotation(
    table: SqliteTable, tokens: Tokens, clock: FrozenClock
) -> None:
    """Its keys are read again once a token fails, at most once a minute."""
    other = Tokens(table, clock)
    assert other.read("unsubscribe", tokens.make("unsubscribe", READER)) is not None
    tokens.rotate()
    token = tokens.make("unsubscribe", READER)
    assert other.read("unsubscribe", token) is None
    clock.advance(60)
    assert other.read("unsubscribe", token) is not None
