"""One connection to a mail server (RFC 5321), with pipelining where the server offers it (RFC 2920).

Connecting, TLS and authentication are smtplib's. Handing over is ours: a mail costs two round trips, since its
content and the next mail's envelope travel together, and it is always known whether the content's last line went out.
"""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from pressrun.domain.letters import Fate, Handover
from pressrun.errors import Permanent

END: Final = b".\r\n"
_RATE = re.compile(r"\brat(?:e|ing)\b|too (?:many|fast|much)|throttl|slow down|4\.7\.28", re.I)
_SIZE = re.compile(r"\b5\.[23]\.[34]\b|too (?:large|big)|size", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where and how to connect. `starttls`: "offered" takes it where it is offered."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False  # from the first byte on
    starttls: Literal["offered", "require", "never"] = "offered"
    cafile: str | None = None  # whom to trust instead of the machine's authorities
    name: str | None = None  # ours, for EHLO; None: the machine's


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What is handed over. `turn` says which recipient it is for; `data` has lines ended by CRLF."""

    turn: int
    id: str
    sender: str  # addresses that SMTP can carry
    recipient: str
    data: bytes


class Reply(NamedTuple):
    """A server's answer."""

    code: int
    text: str

    @property
    def good(self) -> bool:
        return 200 <= self.code < 300

    def __str__(self) -> str:
        return f"{self.code} {self.text}"[:500]


class Lost(Exception):  # noqa: N818 - a condition that the mailer acts on
    """The connection is of no more use. `fate`: what became of the mail that was under way."""

    def __init__(self, fate: Fate, reason: str) -> None:
        super().__init__(reason)
        self.handover = Handover(fate=fate, reason=reason[:500])


def temporary(reply: Reply) -> Fate:
    """What a 4xx answer means: that we are too fast, or that this mail cannot be taken now."""
    return "throttled" if reply.code in {421, 452} or _RATE.search(reply.text) else "later"


class Session:
    """A connection, ready to hand mails over. Not for two threads at once."""

    def __init__(self, server: Server, timeout: float) -> None:
        """Connects. Raises Lost (with "later" or "throttled"); Permanent where no other try would do better."""
        self.taken = 0  # mails that the server answered for
        self.used = time.monotonic()
        self._smtp = _connected(server, timeout)
        self._pipelining = self._smtp.has_extn("pipelining")
        size = self._smtp.esmtp_features.get("size", "")
        self._most = int(size) if size.isdigit() else 0
        self._sizes = self._smtp.has_extn("size")

    def close(self, *, politely: bool = False) -> None:
        """Ends the connection."""
        with suppress(OSError, smtplib.SMTPException):
            if politely:
                self._smtp.quit()
        self._smtp.close()

    def deliver(self, mails: Iterable[Mail]) -> Iterator[tuple[Mail, Handover]]:
        """Hands the mails over in turn; up to two of `mails` are taken beyond those that were answered for.

        Raises Lost for the first mail without an answer; Permanent where the server refuses the sender.
        """
        for mail, handover in self._grouped(iter(mails)) if self._pipelining else self._stepwise(mails):
            self.taken += 1
            self.used = time.monotonic()
            yield mail, handover

    def _grouped(self, mails: Iterator[Mail]) -> Iterator[tuple[Mail, Handover]]:
        mail = self._fitting(mails)
        following = self._fitting(mails)
        if isinstance(mail, Mail):
            self._write(b"".join(self._commands(mail)))
        while mail is not None:
            if isinstance(mail, tuple):
                yield mail
                if isinstance(following, Mail):
                    self._write(b"".join(self._commands(following)))
                mail, following = following, self._fitting(mails)
                continue
            replies = [self._read() for _ in range(3)]
            handover = _refusal(replies)
            opening = b"".join(self._commands(following)) if isinstance(following, Mail) else b""
            if handover is None:
                content = _stuffed(mail.data)
                self._write(content + opening, end=len(content))
                after = self._fitting(mails)  # composed while the server works
                handover = _taken(mail, self._read(end=True))
            else:
                emptied = replies[2].code == 354  # nobody to go to: an empty mail ends it (RFC 2920, 3.1)
                self._write((END if emptied else b"") + b"RSET\r\n" + opening)
                after = self._fitting(mails)
                for _ in range(1 + emptied):
                    self._read()
            yield mail, handover
            mail, following = following, after

    def _stepwise(self, mails: Iterable[Mail]) -> Iterator[tuple[Mail, Handover]]:
        rest = iter(mails)
        while (mail := self._fitting(rest)) is not None:
            if isinstance(mail, tuple):
                yield mail
                continue
            replies: list[Reply] = []
            for command in self._commands(mail):
                self._write(command)
                replies.append(self._read())
                if (handover := _refusal(replies)) is not None:
                    self._write(b"RSET\r\n")
                    self._read()
                    break
            else:
                content = _stuffed(mail.data)
                self._write(content, end=len(content))
                handover = _taken(mail, self._read(end=True))
            yield mail, handover

    def _fitting(self, mails: Iterator[Mail]) -> Mail | tuple[Mail, Handover] | None:
        """The next mail, or its refusal where it is larger than the server takes; None: there are no more."""
        mail = next(mails, None)
        if mail is None or not self._most or len(mail.data) <= self._most:
            return mail
        reason = f"the mail has {len(mail.data)} bytes, and the server takes {self._most}"
        return mail, Handover(fate="refused", reason=reason)

    def _commands(self, mail: Mail) -> tuple[bytes, bytes, bytes]:
        size = f" SIZE={len(mail.data)}" if self._sizes else ""
        start = f"MAIL FROM:<{mail.sender}>{size}\r\n".encode()
        return start, f"RCPT TO:<{mail.recipient}>\r\n".encode(), b"DATA\r\n"

    def _write(self, data: bytes, *, end: int = 0) -> None:
        """Sends everything; `end` is where a mail's last line ends, before which it cannot have been taken."""
        sent, view = 0, memoryview(data)
        try:
            while sent < len(data):
                if self._smtp.sock is None:
                    raise ConnectionError("the connection is closed")
                sent += self._smtp.sock.send(view[sent:])
        except OSError as error:
            # How much of the rest reached the server is not known: the last line may have, once all before it went.
            unsure = end and sent > end - len(END)
            raise Lost("unknown" if unsure else "later", f"the connection was lost: {error}") from error

    def _read(self, *, end: bool = False) -> Reply:
        """The next answer; `end`: a mail's last line went out before. Raises Lost, also for a 421 answer."""
        fate: Fate = "unknown" if end else "later"
        try:
            code, text = self._smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise Lost(fate, f"no answer came: {error}") from error
        reply = Reply(code, " ".join(text.decode("utf-8", "replace").split()))
        if code == 421:  # the server closes the connection, and took nothing (RFC 5321, 3.8)
            raise Lost("throttled", str(reply))
        if not 200 <= code < 600:
            raise Lost(fate, f"the server answered {reply}, which is no SMTP")
        return reply


def _stuffed(data: bytes) -> bytes:
    """The content as it is sent: dots at the start of lines doubled, ended by a line with a dot (RFC 5321, 4.5.2)."""
    stuffed = data.replace(b"\n.", b"\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + END


def _refusal(replies: list[Reply]) -> Handover | None:
    """What the answers to MAIL, RCPT and DATA (or to the first of them) say; None: nothing against the mail.

    Raises Permanent where the sender is refused: no mail would be taken from it.
    """
    sender = replies[0]
    if sender.code >= 500 and not _SIZE.search(sender.text):
        raise Permanent(f"the mail server refuses the sender: {sender}")
    for reply, good in zip(replies, (250, 250, 354), strict=False):
        if reply.code >= 400:
            return Handover(fate="refused" if reply.code >= 500 else temporary(reply), reason=str(reply))
        if not (reply.good if good == 250 else reply.code == good):
            raise Lost("later", f"the server answered {reply} where {good} was due")
    return None


def _taken(mail: Mail, reply: Reply) -> Handover:
    if reply.good:
        return Handover(fate="sent", id=mail.id)
    return Handover(fate="refused" if reply.code >= 500 else temporary(reply), reason=str(reply))


def _connected(server: Server, timeout: float) -> smtplib.SMTP:
    where = f"{server.host}, port {server.port}"
    smtp: smtplib.SMTP | None = None
    try:
        if server.tls:
            smtp = smtplib.SMTP_SSL(local_hostname=server.name, timeout=timeout, context=_context(server))
        else:
            smtp = smtplib.SMTP(local_hostname=server.name, timeout=timeout)
        smtp._host = server.host  # type: ignore[attr-defined] # for SNI; its constructor would connect at once
        code, text = smtp.connect(server.host, server.port)
        if code != 220:
            raise smtplib.SMTPResponseException(code, text)  # noqa: TRY301 - one way out
        smtp.ehlo_or_helo_if_needed()
        _secure(smtp, server)
        if server.user:
            _log_in(smtp, server)
    except ssl.SSLCertVerificationError as error:
        _drop(smtp)
        raise Permanent(f"the certificate of {where} is not trusted: {error.verify_message}") from error
    except smtplib.SMTPNotSupportedError as error:
        _drop(smtp)
        raise Permanent(f"{where}: {error}") from error
    except smtplib.SMTPResponseException as error:
        _drop(smtp)
        said = error.smtp_error
        reply = Reply(error.smtp_code, said.decode("utf-8", "replace") if isinstance(said, bytes) else said)
        if reply.code >= 500:
            what = (
                "refuses the credentials"
                if isinstance(error, smtplib.SMTPAuthenticationError)
                else "refuses us"
            )
            raise Permanent(f"{where} {what}: {reply}") from error
        raise Lost(temporary(reply), f"{where}: {reply}") from error
    except (OSError, smtplib.SMTPException) as error:
        _drop(smtp)
        raise Lost("later", f"{where} cannot be reached: {error}") from error
    except BaseException:
        _drop(smtp)
        raise
    return smtp


def _secure(smtp: smtplib.SMTP, server: Server) -> None:
    """STARTTLS as the settings want it. A password never goes over a line that anybody can read."""
    where = f"{server.host}, port {server.port},"
    if server.tls or server.starttls == "never":
        return
    if smtp.has_extn("starttls"):
        smtp.starttls(context=_context(server))
        smtp.ehlo()
    elif server.starttls == "require":
        raise Permanent(f"{where} offers no STARTTLS, which the settings require")
    elif server.user:
        raise Permanent(
            f"{where} offers no STARTTLS, and a password would go in clear; use smtps:// or starttls=never"
        )


def _log_in(smtp: smtplib.SMTP, server: Server) -> None:
    try:
        smtp.login(server.user, server.password)
    except (OSError, smtplib.SMTPResponseException, smtplib.SMTPServerDisconnected):
        raise
    except smtplib.SMTPException as error:  # no method that both know
        raise Permanent(f"{server.host}, port {server.port}: {error}") from error


def _context(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.cafile)


def _drop(smtp: smtplib.SMTP | None) -> None:
    if smtp is not None:
        smtp.close()
