"""What readers do themselves: ask, confirm, change what they get, leave, take their data, be forgotten.

| partition | sort | what |
|---|---|---|
| `consent` | digest | the words that a reader agreed to: `text`, `language` |

Asking only counts and queues (`services.subscribe` does the rest), so that nobody learns from an answer, or from how
long it takes, whether an address is known. All else needs a token from a mail; its GET side reads and nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final, Literal

import orjson

from pressrun.domain.letters import in_text
from pressrun.domain.newsletters import Cadence
from pressrun.domain.publication import Publication
from pressrun.domain.subscribers import Consent, Subscriber, subscriber_id
from pressrun.errors import Conflict
from pressrun.parsing.address import AddressError, mail_address
from pressrun.ports import ABSENT, Clock, Mailer, Queue, Save, Table
from pressrun.services.adding import Asked
from pressrun.services.imprint import Imprint, Imprints
from pressrun.services.limits import Limits
from pressrun.services.subscribers import Subscribers, left
from pressrun.services.tokens import Claim, Tokens

MAX_NAME: Final = 100  # characters
MAX_CONSENTS: Final = 50  # that are kept of one reader, the newest
PREFERENCES_DAYS: Final = 400  # for how long a link to the preferences is good
EXPORT_HOURS: Final = 1
MUTE: Final = frozenset({"bounced", "complained", "suppressed"})
"""States that a reader does not leave by a form or a link: mail to them came back, or was unwanted."""

Refusal = Literal["no_address", "smtputf8", "no_newsletter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The form as it was filled in. `rhythms` by newsletter, "" for none; `trap` is for robots."""

    email: str
    name: str = ""
    language: str = ""
    rhythms: Mapping[str, str]
    trap: str = ""
    how: str = "form"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What became of an application: `accepted` says nothing of what is known of the address."""

    state: Literal["accepted", "refused", "limited"]
    problem: Refusal | None = None
    detail: str = ""  # what is wrong with the address, in a few words


ACCEPTED: Final = Reply(state="accepted")
LIMITED: Final = Reply(state="limited")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a reader wants from now on; None: as it was. `rhythms` by newsletter, "" for none."""

    rhythms: Mapping[str, str] | None = None
    name: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """The readers' own verbs, and the parts that `services.subscribe` works with."""

    table: Table
    queue: Queue
    clock: Clock
    imprints: Imprints
    subscribers: Subscribers
    tokens: Tokens
    limits: Limits
    mailer: Callable[[], Mailer]
    nonce: Callable[[], str]  # lower-case letters and digits
    forget: Callable[[str], object]  # erases the subscriber of an id

    def imprint(self) -> Imprint:
        """The publication in force."""
        return self.imprints.current()

    # --- asking ---------------------------------------------------------------------------------------------

    def apply(self, application: Application, client: str) -> Reply:
        """Takes an application from an IP address; a mail to the address follows, or none does."""
        if not self.limits.network(client):
            return LIMITED
        imprint = self.imprint()
        wanted = offered(imprint.publication, application.rhythms)
        try:
            address = mail_address(application.email)
        except AddressError as error:
            return Reply(
                state="refused",
                problem="smtputf8" if "SMTPUTF8" in error.what else "no_address",
                detail=error.what,
            )
        if not wanted:
            return Reply(state="refused", problem="no_newsletter")
        if not self.limits.domain(address):
            return LIMITED
        if application.trap or not self.limits.address(subscriber_id(address)):
            return ACCEPTED
        text = imprint.theme.words.text("subscribe.consent")
        asked = Asked(
            id=self.nonce(),
            address=address,
            name=tidy(application.name),
            language=application.language if application.language in imprint.theme.languages else "",
            wanted=dict(wanted),
            at=self._now(),
            how=application.how,
            text=self._kept(text, imprint.publication.language),
        )
        self.queue.send([asked.message()])
        return ACCEPTED

    # --- confirming -----------------------------------------------------------------------------------------

    def awaiting(self, token: str) -> Subscriber | None:
        """Who a confirmation link would confirm; None where it is not good (any more)."""
        claim = self._confirmation(token)
        there = self.subscribers.get(claim.subscriber) if claim else None
        return there.subscriber if claim and there and _bears(there.subscriber, claim) else None

    def confirm(self, token: str) -> Subscriber | None:
        """Makes a pending reader active; None where the link is not good. A second click finds it done."""
        claim = self._confirmation(token)
        if claim is None:
            return None
        now = self._now()

        def decide(before: Subscriber | None) -> Subscriber | None:
            if before is None or before.state != "pending" or not _bears(before, claim):
                return None
            return replace(
                before,
                state="active",
                lists={**before.lists, **before.wanted},
                wanted={},
                confirmed=now,
                mailed="",
                claim="",
                reason="",
                consents=noted(before, Consent(at=now, how="confirmed", newsletters=tuple(before.wanted))),
            )

        after = self.subscribers.change(claim.subscriber, decide)
        if after is None or after.state != "active" or not _bears(after, claim):
            return None
        if not after.mailed:
            self.queue.send([orjson.dumps({"pressrun": "subscribe", "welcome": claim.subscriber}).decode()])
        return after

    # --- leaving --------------------------------------------------------------------------------------------

    def leaving(self, token: str) -> tuple[Claim, Subscriber | None] | None:
        """What an unsubscribe link is for; None where it is not genuine. It never expires."""
        claim = self.tokens.read("unsubscribe", token)
        if claim is None:
            return None
        there = self.subscribers.get(claim.subscriber)
        return claim, there.subscriber if there else None

    def unsubscribe(self, token: str, *, how: str, everything: bool = False) -> bool:
        """Takes the reader off the link's newsletter, or off all; False where the link is not genuine.

        Once it returns, nothing is sent any more. Doing it again changes nothing.
        """
        claim = self.tokens.read("unsubscribe", token)
        if claim is None:
            return False
        newsletter, now = "" if everything else claim.newsletter, self._now()

        def decide(before: Subscriber | None) -> Subscriber | None:
            after = left(before, newsletter) if before else None
            if before is None or after is None or after == before:
                return None
            gone = {*before.lists, *before.wanted} - {*after.lists, *after.wanted}
            return replace(
                after, consents=noted(before, Consent(at=now, how=how, newsletters=tuple(sorted(gone))))
            )

        self.subscribers.change(claim.subscriber, decide)
        return True

    # --- preferences ----------------------------------------------------------------------------------------

    def reader(self, token: str) -> Subscriber | None:
        """Whose preferences a link opens; None where it is not good, or the reader is forgotten."""
        claim = self._preferences(token)
        there = self.subscribers.get(claim.subscriber) if claim else None
        return there.subscriber if there and there.subscriber.address else None

    def prefer(self, token: str, choice: Choice) -> Subscriber | None:
        """Changes what a reader gets, and how they are named; None where the link is not good.

        The link came to the reader's own mailbox: what it asks for needs no second confirmation. Nothing is changed
        for those whom mail does not reach.
        """
        claim = self._preferences(token)
        if claim is None:
            return None
        imprint, now = self.imprint(), self._now()
        text = self._kept(imprint.theme.words.text("preferences.title"), imprint.publication.language)

        def decide(before: Subscriber | None) -> Subscriber | None:
            if before is None or not before.address or before.state in MUTE:
                return None
            after = _chosen(before, choice, imprint)
            after = replace(after, confirmed=before.confirmed or now) if after.state == "active" else after
            if after.lists == before.lists and after.state == before.state:
                return after
            consent = Consent(at=now, how="preferences", text=text, newsletters=tuple(after.lists))
            return replace(after, consents=noted(before, consent))

        after = self.subscribers.change(claim.subscriber, decide)
        return after if after and after.address else None

    def export_token(self, token: str) -> str:
        """A token that takes out the data of the reader whose preferences `token` opens, for an hour."""
        claim = self._preferences(token)
        return self.tokens.make("export", claim.subscriber) if claim else ""

    def export(self, token: str) -> dict[str, Any] | None:
        """All that is stored of a reader, as JSON holds it; None where the link is not good."""
        claim = self.tokens.read("export", token, max_age=timedelta(hours=EXPORT_HOURS))
        there = self.subscribers.get(claim.subscriber) if claim else None
        if there is None or not there.subscriber.address:
            return None
        item = there.subscriber.to_item()
        for secret in ("nonce", "claim"):
            item.pop(secret, None)
        digests = sorted({consent.text for consent in there.subscriber.consents if consent.text})
        rows = self.table.get_many([("consent", digest) for digest in digests])
        texts = {sort: row.item["text"] for (_, sort), row in rows.items()}
        return {"publication": self.imprint().publication.title, "subscriber": item, "texts": texts}

    def erase(self, token: str) -> bool:
        """Forgets a reader; False where the link is not good. Doing it again changes nothing."""
        claim = self._preferences(token)
        if claim is None:
            return False
        self.forget(claim.subscriber)
        return True

    # --- the parts ------------------------------------------------------------------------------------------

    def _confirmation(self, token: str) -> Claim | None:
        hours = self.imprint().publication.mail.confirm_hours
        return self.tokens.read("confirm", token, max_age=timedelta(hours=hours))

    def _preferences(self, token: str) -> Claim | None:
        return self.tokens.read("preferences", token, max_age=timedelta(days=PREFERENCES_DAYS))

    def _now(self) -> str:
        return self.clock.now().isoformat()

    def _kept(self, text: str, language: str) -> str:
        """The digest of words that a reader saw, which are kept under it."""
        digest = sha256(text.encode()).hexdigest()[:16]
        if self.table.get("consent", digest) is None:
            item: Any = {"text": text, "language": language}
            with suppress(Conflict):  # somebody else has just kept the same words
                self.table.write([Save(partition="consent", sort=digest, item=item, expect=ABSENT)])
        return digest


def offered(publication: Publication, rhythms: Mapping[str, str]) -> dict[str, Cadence]:
    """Those of the newsletters asked for that there are, in a rhythm that they can be had in."""
    return {
        one.slug: rhythm
        for one in publication.newsletters
        for rhythm in one.rhythms
        if rhythm == rhythms.get(one.slug)
    }


def _chosen(before: Subscriber, choice: Choice, imprint: Imprint) -> Subscriber:
    """The reader after a choice. A newsletter that the publication no longer has stays as it was."""
    after = before
    if choice.name is not None:
        after = replace(after, name=tidy(choice.name))
    if choice.language is not None:
        known = choice.language in imprint.theme.languages
        after = replace(after, language=choice.language if known else "")
    if choice.rhythms is None:
        return after
    publication = imprint.publication
    others = {slug: rhythm for slug, rhythm in before.lists.items() if not publication.newsletter(slug)}
    lists = {**others, **offered(publication, choice.rhythms)}
    return replace(after, lists=lists, wanted={}, state="active") if lists else left(after)


def tidy(name: str) -> str:
    """A name as it is kept: one line without controls, of bounded length."""
    return " ".join(in_text(name).split())[:MAX_NAME]


def noted(subscriber: Subscriber, consent: Consent) -> tuple[Consent, ...]:
    """The reader's consents with one more, the newest ones."""
    return (*subscriber.consents, consent)[-MAX_CONSENTS:]


def _bears(subscriber: Subscriber, claim: Claim) -> bool:
    """Whether the link is the one that this reader was sent last."""
    return bool(subscriber.nonce) and compare_digest(subscriber.nonce, claim.nonce)
