"""A mail server on loopback (aiosmtpd) that does what a test says, and remembers what it took."""

from __future__ import annotations

import asyncio
import ssl
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CLOSE = "close"
"""In the place of an answer: the server closes the connection."""


@dataclass(frozen=True)
class Taken:
    """A mail that the server answered for, or took before it closed the connection."""

    sender: str
    recipient: str
    data: bytes
    tls: bool
    user: str


class Post:
    """What the server does. `answers` maps (a stage: "mail", "rcpt", "data" or "content"; an address, or "" for
    all) to what it answers in the place of its own; each is used as often as `times` says, or always.
    """

    def __init__(self, *, pipelining: bool = True) -> None:
        self.pipelining = pipelining
        self.answers: dict[tuple[str, str], str] = {}
        self.times: dict[tuple[str, str], int] = {}
        self.taken: list[Taken] = []
        self.counts: Counter[str] = Counter()
        self.mails_per_connection = 0  # 0: any number
        self.port = 0
        self.after_content: Callable[[], object] = lambda: None  # called before a content is answered for
        self.open: set[Any] = set()
        self.loop: asyncio.AbstractEventLoop | None = None

    @property
    def recipients(self) -> list[str]:
        return [taken.recipient for taken in self.taken]

    def refuse(self, stage: str, address: str, answer: str, times: int = 0) -> None:
        """Answers so at this stage for this address, every time or so many times."""
        self.answers[stage, address] = answer
        if times:
            self.times[stage, address] = times

    def hang_up(self) -> None:
        """Closes all connections, and waits until they are."""

        async def close() -> None:
            for transport in self.open:
                transport.abort()

        assert self.loop
        asyncio.run_coroutine_threadsafe(close(), self.loop).result(10)

    def _answer(self, stage: str, address: str) -> str | None:
        for key in ((stage, address), (stage, "")):
            if key in self.answers and self.times.get(key, 1) > 0:
                if key in self.times:
                    self.times[key] -= 1
                return self.answers[key]
        return None

    async def handle_EHLO(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.open.add(server.transport)
        self.counts["ehlo"] += 1
        return [*responses[:-1], "250-PIPELINING", responses[-1]] if self.pipelining else responses

    async def handle_MAIL(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        self.counts["mail"] += 1
        done = server.done_here
        full = self.mails_per_connection and done >= self.mails_per_connection
        answer = "421 4.7.0 that is enough" if full else self._answer("mail", address)
        if answer is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return await server.act(answer or "250 OK")

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        answer = self._answer("rcpt", address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return await server.act(answer or "250 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        [recipient] = envelope.rcpt_tos
        answer = self._answer("content", recipient)
        if answer in {None, CLOSE}:
            user = session.auth_data.login.decode() if session.auth_data else ""
            tls = server.transport.get_extra_info("sslcontext") is not None
            self.taken.append(Taken(envelope.mail_from, recipient, envelope.content, tls, user))
        server.done_here += 1
        self.after_content()
        return await server.act(answer or "250 OK")


class Server(SMTP):
    """aiosmtpd's, which can also close, or refuse DATA."""

    done_here = 0

    async def act(self, answer: str) -> str:
        if answer == CLOSE or answer.startswith("421"):
            if answer != CLOSE:
                await self.push(answer)
            self.transport.close()
            raise ConnectionResetError
        return answer

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        recipients = self.envelope.rcpt_tos if self.envelope else []
        answer = self.event_handler._answer("data", recipients[0]) if recipients else None
        if answer:
            await self.push(await self.act(answer))
        else:
            await super().smtp_DATA(arg)


@contextmanager
def serving(
    post: Post,
    *,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    password: str = "",
    size: int = 33_554_432,
) -> Iterator[Post]:
    """Runs the server on a free port of 127.0.0.1. With a `password`, everybody must log in with it."""

    def check(server: Any, session: Any, envelope: Any, mechanism: str, auth: Any) -> AuthResult:
        good = isinstance(auth, LoginPassword) and auth.password.decode() == password
        return AuthResult(success=good, auth_data=auth, handled=False)

    def factory() -> Server:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # that passwords may go in clear is what a test wants
            return Server(
                post,
                hostname="mail.test",
                enable_SMTPUTF8=False,
                tls_context=starttls,
                authenticator=check,
                auth_required=bool(password),
                auth_require_tls=bool(starttls),
                data_size_limit=size,
                timeout=30,
                loop=loop,
            )

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(factory, "127.0.0.1", 0, ssl=tls))
    post.loop = loop
    post.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield post
    finally:
        asyncio.run_coroutine_threadsafe(_stopped(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stopped(server: asyncio.Server) -> None:
    server.close()
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    await asyncio.sleep(0.01)  # transports that were closed call back once more


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that signed itself, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path, private = folder / "certificate.pem", folder / "key.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, private)
    return path, context
