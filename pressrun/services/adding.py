"""Applications, as the mail queue carries them; readers whom an operator brings, by their word or by one of these."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import orjson

from pressrun.domain.newsletters import Cadence
from pressrun.domain.subscribers import Consent, Subscriber


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An application that was accepted; `id` is the nonce of its confirmation."""

    id: str
    address: str
    name: str
    language: str
    wanted: Mapping[str, Cadence]
    at: str
    how: str
    text: str

    def message(self) -> str:
        """The message of the mail queue that has it answered."""
        return orjson.dumps({"pressrun": "subscribe", **asdict(self)}).decode()


def vouched(
    there: Subscriber | None, address: str, name: str, lists: Mapping[str, Cadence], at: str
) -> Subscriber:
    """The reader made active, on the operator's word that they agreed.

    Whoever has left, bounced, complained or been erased stays so: their own confirmation alone brings them back, and
    nothing where their state is to last.
    """
    if there is not None and there.state not in {"active", "pending"}:
        return there
    base = there or Subscriber(address=address, created=at)
    new = {slug: rhythm for slug, rhythm in lists.items() if slug not in base.lists}
    if not new:
        return base
    return replace(
        base,
        state="active",
        name=base.name or name,
        lists={**base.lists, **new},
        wanted={slug: rhythm for slug, rhythm in base.wanted.items() if slug not in new},
        confirmed=base.confirmed or at,
        nonce="",
        consents=(*base.consents, Consent(at=at, how="added by hand", newsletters=tuple(sorted(new)))),
    )


def application(
    address: str, name: str, lists: Mapping[str, Cadence], *, at: str, how: str, text: str = ""
) -> str:
    """The message of the mail queue that sends somebody the confirmation, as the form's does, within its limits."""
    identifier = secrets.token_hex(6)
    asked = Asked(
        id=identifier, address=address, name=name, language="", wanted=dict(lists), at=at, how=how, text=text
    )
    return asked.message()
