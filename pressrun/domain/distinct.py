"""How many different readers there were: exactly up to EXACT of them, then estimated."""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable
from math import sqrt
from typing import Final

EXACT: Final = 4096  # tokens that are kept one by one
PRECISION: Final = 12  # of the estimate: 4,096 registers, a standard error of 1.04/sqrt(4096) = 1.6 %
_REGISTERS: Final = 1 << PRECISION
_REST: Final = 64 - PRECISION
_MASK: Final = (1 << _REST) - 1
_ALPHA: Final = 0.7213475204444817  # 1 / (2 ln 2), the limit of Flajolet's constant

Stored = dict[str, str]


class Distinct:
    """A set of 64-bit tokens, at most 32 KiB + 4 KiB of memory however many are added.

    Whether it is kept exactly depends on how many different tokens were added, and on nothing else: neither on
    their order nor on how they came (added, merged). So `merge` is commutative, associative and idempotent.
    Estimates follow Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), algorithm 6:
    no tables, and no bias where the estimate takes over from the exact set.
    """

    __slots__ = ("_limit", "_registers", "_tokens")

    def __init__(self, tokens: Iterable[int] = ()) -> None:
        self._tokens = array("Q")  # repeats are removed when it is full
        self._limit = 64
        self._registers: bytearray | None = None
        for token in tokens:
            self.add(token)

    def add(self, token: int) -> None:
        """Adds a token, 0 <= token < 2**64. Tokens must be spread evenly, as a hash's bits are."""
        self._tokens.append(token)
        if len(self._tokens) >= self._limit:
            self._settle()

    def update(self, tokens: list[int]) -> None:
        """Adds tokens, together: a list of n takes 8n bytes more for a moment."""
        self._tokens.extend(tokens)
        if len(self._tokens) >= self._limit:
            self._settle()

    def merge(self, other: Distinct) -> None:
        """Adds all that was added to `other`."""
        other._settle()
        if other._registers is not None:
            self._estimate()
            mine, theirs = self._registers, other._registers
            if mine is not None:  # it is: _estimate has just made it
                mine[:] = bytes(map(max, mine, theirs))
        else:
            self._tokens.extend(other._tokens)
            self._settle()

    @property
    def approximate(self) -> bool:
        """Whether `count` is an estimate."""
        self._settle()
        return self._registers is not None

    def count(self) -> int:
        """How many different tokens were added."""
        self._settle()
        return len(self._tokens) if self._registers is None else round(_estimate(self._registers))

    def stored(self) -> Stored:
        """As JSON holds it; the same for the same set."""
        self._settle()
        if self._registers is not None:
            return {"hll": b64encode(self._registers).decode()}
        ordered = sorted(self._tokens)
        return {"set": b64encode(b"".join(token.to_bytes(8, "big") for token in ordered)).decode()}

    @classmethod
    def of(cls, stored: Stored) -> Distinct:
        """What `stored` was called on. Raises ValueError, KeyError where it is no such thing."""
        found = cls()
        if "hll" in stored:
            registers = bytearray(b64decode(stored["hll"], validate=True))
            if len(registers) != _REGISTERS:
                raise ValueError("not a set of registers")
            found._registers = registers
            return found
        packed = b64decode(stored["set"], validate=True)
        found._tokens = array(
            "Q", [int.from_bytes(packed[i : i + 8], "big") for i in range(0, len(packed), 8)]
        )
        found._settle()
        return found

    def _settle(self) -> None:
        """Removes repeats; goes over to registers where more than EXACT are left."""
        if self._registers is not None:
            self._absorb()
            return
        tokens = set(self._tokens)
        if len(tokens) > EXACT:
            self._estimate()
        elif len(tokens) != len(self._tokens):
            self._tokens = array("Q", tokens)
        self._limit = max(64, 2 * len(self._tokens))

    def _estimate(self) -> None:
        if self._registers is None:
            self._registers = bytearray(_REGISTERS)
        self._absorb()

    def _absorb(self) -> None:
        registers = self._registers
        if registers is None or not self._tokens:
            return
        for token in self._tokens:
            rank = _REST + 1 - (token & _MASK).bit_length()
            place = token >> _REST
            if rank > registers[place]:  # noqa: PLR1730 - a call of max would take twice the time
                registers[place] = rank
        self._tokens = array("Q")
        self._limit = 256


def _estimate(registers: bytearray) -> float:
    counts = [0] * (_REST + 2)
    for rank in registers:
        counts[rank] += 1
    sum_ = _REGISTERS * _tau(1 - counts[_REST + 1] / _REGISTERS)
    for rank in range(_REST, 0, -1):
        sum_ = (sum_ + counts[rank]) / 2
    return _ALPHA * _REGISTERS**2 / (sum_ + _REGISTERS * _sigma(counts[0] / _REGISTERS))


def _sigma(part: float) -> float:
    """What registers that are still empty add. `part` of them is; never all."""
    weight, total, before = 1.0, part, -1.0
    while total != before:
        part *= part
        before = total
        total += part * weight
        weight += weight
    return total


def _tau(part: float) -> float:
    """What registers that are full add. All but `part` of them are."""
    if part in {0.0, 1.0}:
        return 0.0
    weight, total, before = 1.0, 1 - part, -1.0
    while total != before:
        part = sqrt(part)
        before = total
        weight /= 2
        total -= (1 - part) ** 2 * weight
    return total / 3
