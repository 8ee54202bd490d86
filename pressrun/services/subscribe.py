"""What follows an application to subscribe: a row that waits, and one mail at most in an hour.

| partition | sort | what |
|---|---|---|
| `waiting` | `<time> <subscriber id>` | when to look whether a pending reader has confirmed |

A mail is claimed in the reader's row before it is sent, so that of two workers, or of a worker that died and its
successor, one sends it. Where nobody knows whether it left, the next one goes when an hour has passed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from pressrun.domain.letters import Letter, Recipient
from pressrun.domain.links import reader_link
from pressrun.domain.subscribers import Consent, Subscriber, subscriber_id
from pressrun.errors import Conflict, Transient
from pressrun.ports import Drop, Save
from pressrun.services.adding import Asked
from pressrun.services.imprint import Imprint
from pressrun.services.readers import MUTE, Readers, noted, offered
from pressrun.services.subscribers import Change, left, partition_of

WINDOW: Final = timedelta(hours=1)
"""In which a reader is sent at most one confirmation, or one word that they are subscribed already."""
RETRY: Final = 900  # seconds until a mail whose fate is unknown is looked at again
SWEPT: Final = 500  # waiting readers that one call of `expire` looks at

Step = Literal["confirm", "known", "wait", "nothing"]


def handle_subscription(readers: Readers, body: dict[str, Any]) -> None:
    """Does what a message of the mail queue asks for: `Readers.apply` and `Readers.confirm` write them.

    Raises Transient where the message is to come again, Permanent where no mail can be sent at all.
    """
    if "welcome" in body:
        _welcome(readers, str(body["welcome"]))
        return
    publication = readers.imprint().publication
    asked = Asked(
        id=body["id"],
        address=body["address"],
        name=body["name"],
        language=body["language"],
        wanted=offered(publication, body["wanted"]),
        at=body["at"],
        how=body["how"],
        text=body["text"],
    )
    due = datetime.fromisoformat(asked.at) + timedelta(hours=publication.mail.confirm_hours)
    if not asked.wanted or readers.clock.now() > due:
        return
    _answer(readers, asked, due)


def decide(before: Subscriber | None, asked: Asked, now: datetime) -> tuple[Step, Subscriber | None]:
    """What is sent to somebody who asks, and what becomes of their row (None: it stays as it is)."""
    if before is not None:
        if before.state in MUTE:
            return "nothing", None
        if before.state == "unsubscribed" and before.consents and before.consents[-1].at > asked.at:
            return "nothing", None  # they have left since they asked
        if before.nonce == asked.id and before.claim != asked.id:
            return "nothing", None  # this message was handled before
        if before.mailed and now - datetime.fromisoformat(before.mailed) < WINDOW:
            return ("wait" if before.claim == asked.id else "nothing"), None
    stamp = now.isoformat()
    if before is not None and before.state == "active":
        return "known", replace(before, mailed=stamp, claim=asked.id)
    base = before or Subscriber(address=asked.address, created=stamp)
    consent = Consent(at=asked.at, how=asked.how, text=asked.text, newsletters=tuple(asked.wanted))
    return "confirm", replace(
        base,
        address=asked.address,
        state="pending",
        wanted=asked.wanted,
        name=asked.name or base.name,
        language=asked.language or base.language,
        nonce=asked.id,
        claim=asked.id,
        mailed=stamp,
        consents=base.consents if consent in base.consents else noted(base, consent),
    )


def _answer(readers: Readers, asked: Asked, due: datetime) -> None:
    identifier = subscriber_id(asked.address)
    waiting = Save(partition="waiting", sort=f"{due.isoformat()} {identifier}", item={})
    readers.table.write([waiting])  # before the row that it is to find, lest a crash leave that for ever
    step: Step = "nothing"

    def choose(before: Subscriber | None) -> Subscriber | None:
        nonlocal step
        step, after = decide(before, asked, readers.clock.now())
        return after

    after = readers.subscribers.change(identifier, choose)
    if step == "wait":
        readers.queue.send([asked.message()], delay=RETRY)
    elif after is not None and step != "nothing":
        _mail(readers, identifier, after, step, asked)


def _mail(
    readers: Readers, identifier: str, subscriber: Subscriber, kind: Literal["confirm", "known"], asked: Asked
) -> None:
    """Sends what was claimed, and clears the claim once its fate is known."""

    def settle(before: Subscriber | None) -> Subscriber | None:
        return replace(before, claim="") if before and before.claim == asked.id else None

    def undo(before: Subscriber | None) -> Subscriber | None:
        """As if it had not been claimed; the nonce goes, too, lest the message be taken for done."""
        if before is None or before.claim != asked.id:
            return None
        return replace(before, claim="", mailed="", nonce="" if kind == "confirm" else before.nonce)

    slugs = asked.wanted if kind == "confirm" else subscriber.lists
    errand = _Errand(
        id=identifier,
        to=subscriber,
        kind=kind,
        slugs=tuple(slugs),
        nonce=asked.id if kind == "confirm" else "",
    )
    if _sent(readers, errand, undo):
        readers.subscribers.change(identifier, settle)
    else:
        readers.queue.send([asked.message()], delay=RETRY)


def _welcome(readers: Readers, identifier: str) -> None:
    """Greets a reader who has confirmed, at most once."""
    stamp = readers.clock.now().isoformat()
    claimed = False

    def claim(before: Subscriber | None) -> Subscriber | None:
        nonlocal claimed
        claimed = before is not None and before.state == "active" and not before.mailed
        return replace(before, mailed=stamp) if before is not None and claimed else None

    def undo(before: Subscriber | None) -> Subscriber | None:
        return replace(before, mailed="") if before and before.mailed == stamp else None

    after = readers.subscribers.change(identifier, claim)
    if claimed and after is not None:
        _sent(readers, _Errand(id=identifier, to=after, kind="welcome", slugs=tuple(after.lists)), undo)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Errand:
    """A mail to one reader. `slugs`: the newsletters that it is about."""

    id: str
    to: Subscriber
    kind: Literal["confirm", "known", "welcome"]
    slugs: tuple[str, ...]
    nonce: str = ""


def _sent(readers: Readers, errand: _Errand, undo: Change) -> bool:
    """Hands the mail over; False where nobody knows whether it left.

    Where it surely did not, undoes its claim and raises.
    """
    imprint = readers.imprint()
    try:
        letter = _letter(imprint, errand, readers.clock.now())
        (handover,) = readers.mailer().send(letter, [_recipient(readers, errand)], tags={"kind": errand.kind})
    except Exception:
        readers.subscribers.change(errand.id, undo)
        raise
    if handover.fate in {"later", "throttled", "quota"}:
        readers.subscribers.change(errand.id, undo)
        raise Transient(f"the mailer takes no mail now: {handover.reason or handover.fate}")
    return handover.fate != "unknown"


def _letter(imprint: Imprint, errand: _Errand, now: datetime) -> Letter:
    """The mail, about those of the newsletters that there still are, in the reader's language."""
    from pressrun.rendering.mail import confirm_letter, known_letter, welcome_letter

    publication = imprint.publication
    named = [one for one in publication.newsletters if one.slug in errand.slugs] or publication.newsletters
    compose = {"confirm": confirm_letter, "known": known_letter, "welcome": welcome_letter}[errand.kind]
    return compose(imprint.theme, named, language=errand.to.language, date=now)


def _recipient(readers: Readers, errand: _Errand) -> Recipient:
    """Who the mail goes to, with their links; the one to leave is for all newsletters."""
    url, tokens = readers.imprint().publication.url, readers.tokens
    values = {
        "unsubscribe": reader_link(url, "unsubscribe", tokens.make("unsubscribe", errand.id)),
        "preferences": reader_link(url, "preferences", tokens.make("preferences", errand.id)),
        "address": errand.to.address,
        "name": errand.to.name,
    }
    if errand.nonce:
        token = tokens.make("confirm", errand.id, nonce=errand.nonce)
        values["confirm"] = reader_link(url, "confirm", token)
    return Recipient(id=errand.id, address=errand.to.address, values=values)


def expire(readers: Readers) -> int:
    """Forgets who asked and did not confirm in time; how many. Old counters go, too. For the tick.

    Somebody who had left before is again somebody who has left.
    """
    now = readers.clock.now()
    forgotten = 0
    for row in list(readers.table.query("waiting", high=now.isoformat(), limit=SWEPT)):
        forgotten += _expired(readers, row.sort.partition(" ")[2], now)
        readers.table.write([Drop(partition=row.partition, sort=row.sort)])
    readers.limits.sweep()
    return forgotten


def _expired(readers: Readers, identifier: str, now: datetime) -> bool:
    there = readers.subscribers.get(identifier)
    if there is None or there.subscriber.state != "pending":
        return False
    subscriber = there.subscriber
    hours = timedelta(hours=readers.imprint().publication.mail.confirm_hours)
    until = datetime.fromisoformat(subscriber.mailed or subscriber.created) + hours
    if until > now:  # another mail went out meanwhile
        readers.table.write([Save(partition="waiting", sort=f"{until.isoformat()} {identifier}", item={})])
        return False
    if subscriber.confirmed or any(consent.how not in {"form", "api"} for consent in subscriber.consents):

        def end(before: Subscriber | None) -> Subscriber | None:
            return left(before) if before == subscriber else None

        readers.subscribers.change(identifier, end)
        return True
    with suppress(Conflict):  # they have just asked again
        gone = Drop(partition=partition_of(identifier), sort=identifier, expect=there.version)
        readers.table.write([gone])
        return True
    return False
