"""A reader is eight bytes, for one day."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.services.visitors import ENTRY, ROOM, Memory, seen_from, signer


@given(st.binary(max_size=200), st.binary(max_size=500))
def test_a_signature_is_hmac_sha256(key: bytes, message: bytes) -> None:
    """RFC 2104, with keys longer than a block, too; and the same once more."""
    sign = signer(key)
    assert [sign(message), sign(message)] == [hmac.digest(key, message, "sha256")] * 2


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        (b"198.51.100.7", b"198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", b"2001:db8:1:2::/64"),
        (b"2001:db8:1:2:ffff::%eth0", b"2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", b"198.51.100.7"),
        (b"not:an:address", b"not:an:address"),
    ],
)
def test_an_ipv6_address_is_seen_as_its_network(address: str | bytes, wanted: bytes) -> None:
    assert seen_from(address) == wanted


def test_a_memory_forgets_before_it_is_too_large() -> None:
    """By the bytes of its entries, not their number."""
    memory: Memory[int, int] = Memory()
    for number in range(10):
        memory.keep(number, number, ROOM // 4)
    assert list(memory) == [9]
    for number in range(ROOM // ENTRY // 2):
        memory.keep(number, number, 0)
    assert len(memory) == ROOM // ENTRY // 2
