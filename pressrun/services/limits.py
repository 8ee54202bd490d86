"""How often somebody may ask to subscribe, or report a view: fixed windows of an hour, counted in the Table.

| partition | sort | what |
|---|---|---|
| `limits` | `<window> <key>` | a counter; the window is its first hour, the key a keyed hash |

No address and no network can be read from a row, nor be followed from one window to the next.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from pressrun.ports import Clock, Drop, Table

PARTITION: Final = "limits"
WINDOW: Final = timedelta(hours=1)
KEPT: Final = timedelta(days=1)  # then a backend may remove a counter that no `sweep` has
SWEPT: Final = 1_000  # old counters that one call of `sweep` removes at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """Requests in an hour. A network is an IPv4 /24 or an IPv6 /64."""

    address: int = 5
    network: int = 60
    domain: int = 1_000
    everybody: int = 5_000
    views: int = 600  # that a network reports
    all_views: int = 5_000  # each leaves an id in its day's object, which is written as a whole


class Limits:
    """Counts requests. `secret` gives the key of the hashes."""

    def __init__(
        self, table: Table, clock: Clock, secret: Callable[[], bytes], ceilings: Ceilings | None = None
    ) -> None:
        self._table = table
        self._clock = clock
        self._secret = secret
        self._ceilings = ceilings or Ceilings()

    def network(self, client: str) -> bool:
        """Counts a request from this IP address; whether its network, and all together, stay within bounds."""
        return self._within("network", network_of(client), self._ceilings.network) and self._within(
            "everybody", "", self._ceilings.everybody
        )

    def view(self, client: str) -> bool:
        """Counts a view that this IP address reports; whether its network, and all together, stay within bounds."""
        return self._within("views", network_of(client), self._ceilings.views) and self._within(
            "all views", "", self._ceilings.all_views
        )

    def domain(self, address: str) -> bool:
        """Counts a request for an address of this domain; False where there were too many."""
        return self._within("domain", address.rpartition("@")[2].lower(), self._ceilings.domain)

    def address(self, identifier: str) -> bool:
        """Counts a request for this subscriber id; False where there were too many."""
        return self._within("address", identifier, self._ceilings.address)

    def sweep(self) -> int:
        """Removes counters of windows that are over, a thousand at most; how many."""
        high = f"{self._clock.now() - WINDOW:%Y-%m-%dT%H}"
        old = list(self._table.query(PARTITION, high=high, limit=SWEPT))
        self._table.write_each(Drop(partition=row.partition, sort=row.sort) for row in old)
        return len(old)

    def _within(self, kind: str, value: str, ceiling: int) -> bool:
        now = self._clock.now()
        window = f"{now:%Y-%m-%dT%H}"
        name = f"{kind} {window} {value}".encode()
        key = hmac.new(self._secret(), name, sha256).hexdigest()[:32]
        return self._table.increment(PARTITION, f"{window} {key}", until=now + KEPT) <= ceiling


def network_of(client: str) -> str:
    """The network that an IP address belongs to; "" for what is none. IPv4 in IPv6 counts as IPv4."""
    try:
        address: IPv4Address | IPv6Address = ip_address(client.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    kept = 24 if address.version == 4 else 64
    return f"{int(address) >> (address.max_prefixlen - kept):x}/{kept}"
