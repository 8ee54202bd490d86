"""The columns of an exported list of subscribers, and a subscriber as a row of them.

| column | what |
|---|---|
| `address` | as typed; empty for somebody who was erased |
| `state` | pending, active, unsubscribed, bounced, complained or suppressed |
| `name`, `language` | as the reader gave them |
| `lists` | newsletters and rhythms, `letters=article digest=weekly` |
| `wanted` | the same, asked for and not confirmed yet |
| `created`, `confirmed` | ISO 8601, UTC |
| `reason` | of the state, where the reader did not choose it |
| `consents` | a JSON array: `at`, `how`, `text`, `newsletters` |
| `extra` | a JSON object: columns of an earlier import |
| `id` | of somebody who was erased: all that is kept |

What makes links work and what counts bounces stays out. A cell that a spreadsheet would take for a formula gets an
apostrophe in front (CWE-1236); so does one that begins with an apostrophe, so that it can be taken away again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pressrun.domain.newsletters import CADENCES, Cadence
from pressrun.domain.subscribers import Consent, Subscriber, SubscriberState

COLUMNS = ("address", "state", "name", "language", "lists", "wanted", "created", "confirmed", "reason", "consents",
           "extra", "id")  # fmt: skip
STATES: tuple[SubscriberState, ...] = get_args(SubscriberState)
_RISKY = tuple("=+-@\t\r\n'")
_ID = re.compile(r"[0-9a-f]{32}")


class RosterError(ValueError):
    """A row that no export of ours wrote. `what` is wrong with it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def neutral(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_RISKY) else cell


def plain(cell: str) -> str:
    """The cell that `neutral` was called on."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_RISKY) else cell


def as_row(identifier: str, subscriber: Subscriber) -> list[str]:
    """The cells of COLUMNS, before `neutral`."""
    item = public(subscriber)
    return [
        subscriber.address,
        subscriber.state,
        subscriber.name,
        subscriber.language,
        _joined(subscriber.lists),
        _joined(subscriber.wanted),
        subscriber.created,
        subscriber.confirmed,
        subscriber.reason,
        _json(item.get("consents")),
        _json(item.get("extra")),
        "" if subscriber.address else identifier,
    ]


def public(subscriber: Subscriber) -> dict[str, Any]:
    """What an export says of a subscriber, by column; empty ones are left out."""
    return {name: value for name, value in subscriber.to_item().items() if name in COLUMNS}


def from_row(row: Mapping[str, str]) -> tuple[str, Subscriber]:
    """The subscriber of a row (by column, after `plain`), with their id where they were erased.

    Raises RosterError. The address is not judged here.
    """
    state = next((known for known in STATES if known == row.get("state", "")), None)
    if state is None:
        raise RosterError(f"no state {row.get('state', '')!r}")
    identifier = "" if row.get("address") else row.get("id", "")
    if identifier and not (_ID.fullmatch(identifier) and state == "suppressed"):
        raise RosterError("neither an address nor the id of somebody erased")
    consents = _loaded(row, "consents", list)
    extra = _loaded(row, "extra", dict)
    try:
        return identifier, Subscriber(
            address=row.get("address", ""),
            name=row.get("name", ""),
            language=row.get("language", ""),
            created=row.get("created", ""),
            confirmed=row.get("confirmed", ""),
            reason=row.get("reason", ""),
            state=state,
            lists=_rhythms(row.get("lists", "")),
            wanted=_rhythms(row.get("wanted", "")),
            consents=tuple(_consent(consent) for consent in consents),
            extra={str(name): str(value) for name, value in extra.items()},
        )
    except (TypeError, AttributeError, KeyError):
        raise RosterError("`consents` are not as an export writes them") from None


def _consent(item: Mapping[str, Any]) -> Consent:
    newsletters = tuple(str(slug) for slug in item.get("newsletters", ()))
    return Consent(
        at=str(item["at"]), how=str(item["how"]), text=str(item.get("text", "")), newsletters=newsletters
    )


def _joined(lists: Mapping[str, Cadence]) -> str:
    return " ".join(f"{slug}={rhythm}" for slug, rhythm in sorted(lists.items()))


def _rhythms(cell: str) -> dict[str, Cadence]:
    found: dict[str, Cadence] = {}
    for pair in cell.split():
        slug, _, name = pair.partition("=")
        rhythm = next((known for known in CADENCES if known == name), None)
        if rhythm is None or not slug:
            raise RosterError(f"`{pair[:60]}` is no newsletter and rhythm, such as letters=weekly")
        found[slug] = rhythm
    return found


def _json(value: Sequence[Any] | Mapping[str, Any] | None) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else ""


def _loaded(row: Mapping[str, str], column: str, kind: type) -> Any:
    try:
        value = json.loads(row.get(column) or ("[]" if kind is list else "{}"))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, kind):
        raise RosterError(f"`{column}` is not as an export writes it")
    return value
