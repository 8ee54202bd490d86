"""Subscribers: who has asked for what, and whether mail may be sent to them."""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any, Literal

from pressrun.domain.newsletters import Cadence

SubscriberState = Literal["pending", "active", "unsubscribed", "bounced", "complained", "suppressed"]
"""`pending` has not confirmed yet. Mail goes to `active` alone; `pending` is sent the confirmation and nothing else."""

SHARDS = 64
"""Partitions that the subscribers of a publication are spread over, so that a million can be walked in parallel."""


def normalised(address: str) -> str:
    """The address as it is compared: NFC, case folded, the domain in its ASCII form.

    Providers treat dots and `+tags` differently; two addresses that differ in these are two subscribers.
    """
    local, _, domain = unicodedata.normalize("NFC", address.strip()).rpartition("@")
    with contextlib.suppress(UnicodeError):
        domain = domain.encode("idna").decode("ascii")
    return f"{local.casefold()}@{domain.lower()}"


def subscriber_id(address: str) -> str:
    """32 hex digits, the same for every spelling of an address."""
    return sha256(normalised(address).encode()).hexdigest()[:32]


def shard_of(identifier: str) -> int:
    """The shard of a subscriber id: 0 to SHARDS - 1."""
    return int(identifier[:2], 16) % SHARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """That somebody agreed, or withdrew: when (ISO 8601), how ("form", "confirmed", "import", "one-click", …), and
    which text they saw (its digest or name)."""

    at: str
    how: str
    text: str = ""
    newsletters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A reader. `address` as typed; `lists` maps a newsletter's slug to the rhythm chosen.

    Times are ISO 8601 in UTC. `nonce` makes a confirmation link good for one use. `soft` counts soft bounces, as of
    `soft_at`, and decays. An erased subscriber's row keeps nothing but its id and `state` "suppressed".
    """

    address: str
    state: SubscriberState = "pending"
    name: str = ""
    lists: Mapping[str, Cadence] = field(default_factory=dict)
    wanted: Mapping[str, Cadence] = field(default_factory=dict)  # asked for, not confirmed yet
    language: str = ""
    created: str = ""
    confirmed: str = ""  # when it last became active
    nonce: str = ""
    mailed: str = ""  # when the last confirmation or reminder went out
    claim: str = ""  # the request whose mail is on its way: it may have left, or not
    soft: float = 0.0
    soft_at: str = ""
    reason: str = ""  # of its state, where not chosen by the reader
    consents: tuple[Consent, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)  # columns of an import that have no meaning here

    def to_item(self) -> dict[str, Any]:
        """A value that JSON can hold; empty fields are left out."""
        # Measured: dataclasses.asdict takes five times as long, a third of the time of a large import.
        item: dict[str, Any] = {name: value for name in self.__slots__ if (value := getattr(self, name))}
        item |= {name: dict(item[name]) for name in ("lists", "wanted", "extra") if name in item}
        if self.consents:
            item["consents"] = [{k: v for k, v in asdict(c).items() if v} for c in self.consents]
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Subscriber:
        """The subscriber that `to_item` was called on."""
        fields = dict(item)
        consents = [
            Consent(**{**consent, "newsletters": tuple(consent.get("newsletters", ()))})
            for consent in item.get("consents", ())
        ]
        return cls(**{**fields, "address": item.get("address", ""), "consents": tuple(consents)})
