"""A Mailer over SMTP, to a relay or a provider's submission port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from pressrun.adapters.local.smtp_session import Lost, Mail, Server, Session
from pressrun.adapters.rules import message_id, require_recipients
from pressrun.domain.letters import Fate, Handover, Letter, Quota, Recipient, envelope, filled
from pressrun.errors import Permanent, Transient
from pressrun.rendering.mime import Composer

if TYPE_CHECKING:
    from pressrun.adapters.local.dkim import Signer

TIMEOUT: Final = (
    45.0  # seconds for one answer; RFC 5321 (4.5.3.2) asks for minutes, which no claim of ours lasts
)
BUDGET: Final = (
    150.0  # seconds after which no mail of a batch is begun any more: whoever calls holds a claim on it
)

IDLE: Final = 60.0  # seconds after which a kept connection is not trusted any more
CONNECTIONS: Final = 4
FAILURES: Final = 3  # new connections in a row that were of no use, after which the rest of a batch waits


class SmtpMailer:
    """Hands mails to one server over kept connections, each used by one thread at a time.

    A mail whose connection was lost is tried once more where that connection was an old one and the mail certainly
    was not taken: servers close idle connections, and those that had their share of mails.
    """

    def __init__(
        self,
        server: Server,
        *,
        signer: Signer | None = None,
        connections: int = CONNECTIONS,
        timeout: float = TIMEOUT,
        budget: float = BUDGET,
    ) -> None:
        self._server = server
        self._signer = signer
        self._timeout = timeout
        self._budget = budget
        self._free = threading.BoundedSemaphore(connections)
        self._lock = threading.Lock()
        self._idle: list[Session] = []

    def send(
        self,
        letter: Letter,
        recipients: Sequence[Recipient],
        *,
        tags: Mapping[str, str] | None = None,
    ) -> list[Handover]:
        """One mail to each recipient; see Mailer."""
        require_recipients(recipients)
        batch = _Batch(letter, recipients, tags, self._signer, until=time.monotonic() + self._budget)
        with self._free:
            failures = 0
            while batch.waiting and failures < FAILURES:
                failures = self._some(batch, failures)
                if batch.late:
                    batch.delay(Handover(fate="later", reason="the mail server is slow"))
        return batch.results()

    def _some(self, batch: _Batch, failures: int) -> int:
        """Hands over what it can on one connection; how many in a row were of no use by now."""
        session = self._kept()
        try:
            if session is None:
                session = Session(self._server, self._timeout)
            old = session.taken > 0
            for mail, handover in session.deliver(batch.mails()):
                batch.fates[mail.turn] = handover
                failures = 0
        except Permanent as error:
            _end(session)
            if batch.nothing_sent:
                raise
            batch.delay(Handover(fate="later", reason=str(error)))
        except Lost as lost:
            _end(session)
            if session is None:  # nobody is there: neither for the others
                batch.delay(lost.handover)
            elif lost.handover.fate == "unknown" or not (old or session.taken):
                batch.fates[batch.waiting[0]] = lost.handover
                failures += 1
                if failures >= FAILURES:
                    fate: Fate = "throttled" if lost.handover.fate == "throttled" else "later"
                    batch.delay(Handover(fate=fate, reason=lost.handover.reason))
        except BaseException:
            _end(session)
            raise
        else:
            with self._lock:
                self._idle.append(session)
        return failures

    def _kept(self) -> Session | None:
        """An open connection that nobody uses, if there is one."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                session = self._idle.pop()
            if time.monotonic() - session.used < IDLE:
                return session
            session.close()

    def greet(self) -> None:
        """Connects as for mail, and says good-bye. Raises Permanent or Transient where no mail could be sent now."""
        try:
            Session(self._server, self._timeout).close(politely=True)
        except Lost as lost:
            raise Transient(lost.handover.reason) from lost

    def quota(self) -> Quota:
        """SMTP names none; what a provider allows can be set in `[mail]`."""
        return Quota()

    def close(self) -> None:
        """Ends the connections that nobody uses now."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close(politely=True)


class _Batch:
    """The recipients of one `send`, and what became of each."""

    def __init__(
        self,
        letter: Letter,
        recipients: Sequence[Recipient],
        tags: Mapping[str, str] | None,
        signer: Signer | None,
        *,
        until: float,
    ) -> None:
        self._letter = letter
        self._recipients = recipients
        self._tags = tags
        self._signer = signer
        self._composer = Composer(letter)
        self._until = until
        self.fates: dict[int, Handover] = {}

    @property
    def waiting(self) -> list[int]:
        """Whose fate is open, by their turn."""
        return [turn for turn in range(len(self._recipients)) if turn not in self.fates]

    @property
    def late(self) -> bool:
        """Whether no further mail is to be begun."""
        return time.monotonic() >= self._until

    @property
    def nothing_sent(self) -> bool:
        """Whether it is certain that nothing was handed over."""
        return not any(handover.fate in {"sent", "unknown"} for handover in self.fates.values())

    def delay(self, handover: Handover) -> None:
        """The same for all whose fate is open."""
        self.fates.update(dict.fromkeys(self.waiting, handover))

    def results(self) -> list[Handover]:
        return [self.fates[turn] for turn in range(len(self._recipients))]

    def mails(self) -> Iterator[Mail]:
        """The mails that are still to go, each composed when it is asked for."""
        for turn in self.waiting:
            if self.late:
                return
            try:
                mail = self._mail(turn, self._recipients[turn])
            except ValueError as error:
                self.fates[turn] = Handover(fate="refused", reason=str(error))
            else:
                yield mail

    def _mail(self, turn: int, recipient: Recipient) -> Mail:
        letter, identifier = self._letter, message_id(self._letter.domain, self._tags)
        sender = filled(letter.return_path or letter.sender.address, recipient.values)
        address = envelope(recipient.address)
        data = self._composer.message(recipient, message_id=identifier)
        if self._signer:
            data = self._signer.sign(data)
        return Mail(turn=turn, id=identifier, sender=envelope(sender), recipient=address, data=data)


def _end(session: Session | None) -> None:
    if session is not None:
        session.close()


class Settings(NamedTuple):
    """What a URL says."""

    server: Server
    connections: int


def server_from(url: str) -> Settings:
    """Reads ``smtp[s]://user:password@host:port?starttls=require|never&cafile=…&name=…&connections=4``.

    User and password are percent-encoded. Without a port it is 465 for smtps, 587 with a user, else 25. Raises
    Permanent, without showing the password.
    """
    try:
        parts = urlsplit(url)
        query = {
            name: values[-1]
            for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()
        }
        port, connections = parts.port, int(query.pop("connections", CONNECTIONS))
    except ValueError:
        raise _wrong("cannot be read") from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or connections < 1:
        raise _wrong("is no SMTP address")
    starttls = _starttls(query.pop("starttls", "offered"))
    cafile, name = query.pop("cafile", None), query.pop("name", None)
    if query:
        raise _wrong(f"says {', '.join(query)}, which means nothing")
    if cafile and not Path(cafile).is_file():
        raise _wrong(f"names {cafile}, which is not there")
    tls, user = parts.scheme == "smtps", unquote(parts.username or "")
    server = Server(
        host=parts.hostname,
        port=port or (465 if tls else 587 if user else 25),
        user=user,
        password=unquote(parts.password or ""),
        tls=tls,
        starttls=starttls,
        cafile=cafile,
        name=name,
    )
    return Settings(server, connections)


def _starttls(word: str) -> Literal["offered", "require", "never"]:
    if word in {"offered", "require", "never"}:
        return word  # type: ignore[return-value] # mypy does not follow the set
    raise _wrong(f"says starttls={word}; write require or never, or leave it out")


def _wrong(what: str) -> Permanent:
    return Permanent(f"PRESSRUN_SMTP_URL {what}; write it as smtp://user:password@mail.example.org:587")
