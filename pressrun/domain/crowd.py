"""Which addresses are told apart: all that the publication knows, and a bounded number of others.

A host may answer 200 to whatever it is asked for; whoever asks for a million addresses would be given a million
counts. Of the addresses that nobody published, those with the lowest ranks stay. A rank depends on the address alone,
so what stays of some logs together is the same in whatever order they come, however they are parted: an address that
is among the lowest of all is among the lowest of every part that it is in, and nothing of it was left out before.
"""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections.abc import Collection, Iterable
from hashlib import sha256
from typing import Final

MOST: Final = 4096  # addresses of a day that no article, feed or file has or had
EVER: Final = 16 * MOST  # in the sum of all days


def rank(path: str) -> int:
    """An address's place among all there can be, 0 <= rank < 2**64: spread evenly, and in no order of meaning."""
    return int.from_bytes(sha256(path.encode("utf-8", "replace")).digest()[:8], "big")


class Known:
    """Addresses that a publication has or has had, eight bytes for each."""

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._ranks = array("Q", sorted({rank(path) for path in paths}))

    def __contains__(self, path: str) -> bool:
        wanted = rank(path)
        place = bisect_left(self._ranks, wanted)
        return place < len(self._ranks) and self._ranks[place] == wanted

    def stored(self) -> str:
        """As JSON holds it: the same for the same addresses."""
        return b64encode(b"".join(number.to_bytes(8, "big") for number in self._ranks)).decode()

    @classmethod
    def of(cls, stored: str) -> Known:
        """What `stored` was called on."""
        packed, found = b64decode(stored), cls()
        found._ranks = array(
            "Q", [int.from_bytes(packed[i : i + 8], "big") for i in range(0, len(packed), 8)]
        )
        return found


def surplus(paths: Collection[str], known: Known, most: int) -> list[str]:
    """Those that are left out, the lowest rank first."""
    others = sorted((rank(path), path) for path in paths if path not in known)
    return [path for _, path in others[most:]]
