"""What SmtpMailer makes of servers that refuse, that are slow, and that go away."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pressrun.adapters.local.smtp import SmtpMailer, server_from
from pressrun.domain.letters import place
from pressrun.errors import Permanent
from tests.contract.mailers import letter, recipient, recipients
from tests.fakes.smtp import CLOSE, Post, certificate, serving

SECOND = "reader1@example.org"


@pytest.fixture(params=[True, False], ids=["pipelining", "step by step"])
def post(request: pytest.FixtureRequest) -> Iterator[Post]:
    with serving(Post(pipelining=request.param)) as post:
        yield post


@contextmanager
def mailer_to(post: Post, more: str = "", scheme: str = "smtp", timeout: float = 10) -> Iterator[SmtpMailer]:
    mailer = SmtpMailer(server_from(f"{scheme}://127.0.0.1:{post.port}{more}").server, timeout=timeout)
    try:
        yield mailer
    finally:
        mailer.close()


@pytest.mark.parametrize(
    ("stage", "answer", "fate"),
    [
        ("rcpt", "550 5.1.1 no such user", "refused"),
        ("rcpt", "450 4.2.0 greylisted", "later"),
        ("rcpt", "452 4.3.1 no space", "throttled"),
        ("rcpt", "451 4.7.1 too many mails, slow down", "throttled"),
        ("rcpt", "421 4.3.2 shutting down", "throttled"),
        ("rcpt", CLOSE, "later"),
        ("data", "554 5.7.1 no", "refused"),
        ("data", "451 4.3.0 local error", "later"),
        ("data", CLOSE, "later"),
        ("content", "554 5.6.0 spam", "refused"),
        ("content", "451 4.3.0 try again", "later"),
        ("content", "421 4.3.2 shutting down", "throttled"),
        ("content", CLOSE, "unknown"),
    ],
)
def test_an_answer_concerns_one_recipient(post: Post, stage: str, answer: str, fate: str) -> None:
    """Everybody else still gets their mail, and nobody gets it twice."""
    post.refuse(stage, SECOND, answer)
    with mailer_to(post) as mailer:
        handed = mailer.send(letter(), recipients(4))
    assert [result.fate for result in handed] == ["sent", fate, "sent", "sent"]
    assert handed[1].reason
    rest = [address for address in post.recipients if address != SECOND]
    assert rest == ["reader0@example.org", "reader2@example.org", "reader3@example.org"]
    assert post.recipients.count(SECOND) == (fate == "unknown")


def test_the_last_in_a_batch_may_be_refused(post: Post) -> None:
    """The connection is clean afterwards."""
    post.refuse("rcpt", SECOND, "550 5.1.1 no such user")
    with mailer_to(post) as mailer:
        for _ in range(3):
            fates = [result.fate for result in mailer.send(letter(), recipients(2))]
            assert fates == ["sent", "refused"]
    assert post.counts["ehlo"] == 1


def test_a_refused_sender_stops_everything(post: Post) -> None:
    post.refuse("mail", "", "550 5.7.1 sender not allowed")
    with mailer_to(post) as mailer, pytest.raises(Permanent, match="sender not allowed"):
        mailer.send(letter(), recipients(3))
    assert post.counts["mail"] == 1


def test_a_sender_refused_halfway_keeps_what_is_known(post: Post) -> None:
    def then_refuse() -> None:
        post.refuse("mail", "", "550 5.7.1 enough")

    post.after_content = then_refuse
    with mailer_to(post) as mailer:
        handed = mailer.send(letter(), recipients(3))
    assert [result.fate for result in handed] == ["sent", "later", "later"]


def test_connections_are_kept(post: Post) -> None:
    with mailer_to(post) as mailer:
        for _ in range(3):
            mailer.send(letter(), recipients(5))
    assert post.counts["ehlo"] == 1
    assert len(post.taken) == 15


@pytest.mark.parametrize("most", [1, 3])
def test_a_server_may_end_connections_after_some_mails(post: Post, most: int) -> None:
    """As many do. Nothing was taken of the mail that met the end: it goes out on the next connection."""
    post.mails_per_connection = most
    with mailer_to(post) as mailer:
        handed = mailer.send(letter(), recipients(7))
    assert {result.fate for result in handed} == {"sent"}
    assert sorted(post.recipients) == sorted(f"reader{number}@example.org" for number in range(7))


def test_a_kept_connection_may_have_gone(post: Post) -> None:
    with mailer_to(post) as mailer:
        mailer.send(letter(), recipients(1))
        post.hang_up()
        assert [result.fate for result in mailer.send(letter(), recipients(3))] == ["sent"] * 3
    assert len(post.taken) == 4


def test_a_server_that_always_closes_is_not_tried_for_each(post: Post) -> None:
    post.refuse("mail", "", CLOSE)
    with mailer_to(post) as mailer:
        handed = mailer.send(letter(), recipients(20))
    assert {result.fate for result in handed} == {"later"}
    assert post.counts["ehlo"] == 3


def test_a_mail_larger_than_the_server_takes_is_refused_unsent() -> None:
    with serving(Post(), size=20_000) as post, mailer_to(post) as mailer:
        big = recipient(1, name="x" * 30_000)
        handed = mailer.send(letter(), [recipient(0), big, recipient(2), big])
    assert [result.fate for result in handed] == ["sent", "refused", "sent", "refused"]
    assert "20000" in handed[1].reason
    assert post.counts["mail"] == 2


def test_nobody_there_is_later() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mailer = SmtpMailer(server_from(f"smtp://127.0.0.1:{port}").server)
    assert {result.fate for result in mailer.send(letter(), recipients(3))} == {"later"}


# --- a server of bytes: what no real one does on demand ---


@contextmanager
def scripted(talk: Callable[[socket.socket], None]) -> Iterator[Post]:
    """A server that holds one conversation, and then is gone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            listener.close()
            with connection:
                talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        post = Post()
        post.port = listener.getsockname()[1]
        try:
            yield post
        finally:
            thread.join()


def _until_data(connection: socket.socket) -> None:
    connection.sendall(b"220 x\r\n")
    connection.recv(4096)
    connection.sendall(b"250-x\r\n250 PIPELINING\r\n")
    connection.recv(4096)
    connection.sendall(b"250 ok\r\n250 ok\r\n354 go\r\n")


def test_a_connection_lost_amid_the_content_took_nothing() -> None:
    """The last line was not sent: it is certain, and the mail may be sent again."""

    def talk(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        _until_data(connection)
        connection.recv(1000)  # closing with unread bytes resets the connection

    big = [recipient(0, name="x" * 3_000_000), recipient(1)]
    with scripted(talk) as post, mailer_to(post) as mailer:
        handed = mailer.send(letter(), big)
    assert [result.fate for result in handed] == ["later", "later"]


@pytest.mark.parametrize("answer", [b"", b"what?\r\n", b"2"])
def test_an_answer_lost_after_the_content_is_unknown(answer: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        _until_data(connection)
        received = b""
        while b"\r\n.\r\n" not in received:
            received += connection.recv(65536)
        connection.sendall(answer)

    with scripted(talk) as post, mailer_to(post) as mailer:
        handed = mailer.send(letter(), recipients(2))
    assert [result.fate for result in handed] == ["unknown", "later"]


def test_a_server_that_falls_silent_is_not_waited_for_for_ever() -> None:
    done = threading.Event()

    def talk(connection: socket.socket) -> None:
        _until_data(connection)
        done.wait(20)

    with scripted(talk) as post, mailer_to(post, timeout=0.3) as mailer:
        handed = mailer.send(letter(), recipients(2))
        done.set()
    assert [result.fate for result in handed] == ["unknown", "later"]


def test_no_mail_is_begun_after_the_time_is_up(post: Post) -> None:
    mailer = SmtpMailer(server_from(f"smtp://127.0.0.1:{post.port}").server, budget=0)
    assert {result.fate for result in mailer.send(letter(), recipients(3))} == {"later"}
    mailer.close()
    assert post.taken == []


# --- the envelope ---


def test_bounces_go_to_the_sender(post: Post) -> None:
    with mailer_to(post) as mailer:
        mailer.send(letter(), recipients(1))
    assert [taken.sender for taken in post.taken] == ["letters@example.org"]


def test_bounces_can_go_to_an_address_for_each_recipient(post: Post) -> None:
    """VERP."""
    readers = [recipient(number, verp=f"{number:050x}") for number in range(2)]
    with mailer_to(post) as mailer:
        mailer.send(letter(return_path=f"bounces+{place('verp')}@example.org"), readers)
    assert [taken.sender for taken in post.taken] == [
        f"bounces+{number:050x}@example.org" for number in range(2)
    ]


@pytest.mark.parametrize("value", ["a b", "a>\r\nRCPT TO:<x@example.org"])
def test_a_return_path_cannot_be_broken_out_of(post: Post, value: str) -> None:
    with mailer_to(post) as mailer:
        handed = mailer.send(
            letter(return_path=f"b+{place('verp')}@example.org"),
            [recipient(0, verp=value), recipient(1, verp="ok")],
        )
    assert [result.fate for result in handed] == ["refused", "sent"]
    assert len(post.taken) == 1


# --- TLS and logging in ---


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_tls_and_a_password(tmp_path: Path, scheme: str) -> None:
    path, context = certificate(tmp_path)
    tls = {"tls" if scheme == "smtps" else "starttls": context}
    with serving(Post(), password="p@ss/wörd", **tls) as post:  # type: ignore[arg-type]
        url = f"{scheme}://letters:p%40ss%2Fword@127.0.0.1:{post.port}?cafile={path}"
        wrong = SmtpMailer(server_from(url).server)
        with pytest.raises(Permanent, match="credentials"):
            wrong.send(letter(), recipients(1))
    with serving(Post(), password="p@ss/word", **tls) as post:  # type: ignore[arg-type]
        url = f"{scheme}://letters:p%40ss%2Fword@127.0.0.1:{post.port}?cafile={path}"
        mailer = SmtpMailer(server_from(url).server)
        assert [result.fate for result in mailer.send(letter(), recipients(2))] == ["sent"] * 2
        mailer.close()
    assert [(taken.tls, taken.user) for taken in post.taken] == [(True, "letters")] * 2


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path, scheme: str) -> None:
    _, context = certificate(tmp_path)
    tls = {"tls" if scheme == "smtps" else "starttls": context}
    with (
        serving(Post(), **tls) as post,  # type: ignore[arg-type]
        mailer_to(post, scheme=scheme) as mailer,
        pytest.raises(Permanent, match="certificate"),
    ):
        mailer.send(letter(), recipients(1))
    assert post.taken == []


def test_tls_can_be_required(post: Post) -> None:
    with mailer_to(post, "?starttls=require") as mailer, pytest.raises(Permanent, match="STARTTLS"):
        mailer.send(letter(), recipients(1))


def test_tls_can_be_left_out(tmp_path: Path) -> None:
    _, context = certificate(tmp_path)
    with serving(Post(), starttls=context) as post, mailer_to(post, "?starttls=never") as mailer:
        mailer.send(letter(), recipients(1))
    assert [taken.tls for taken in post.taken] == [False]


def test_a_password_never_goes_in_clear(post: Post) -> None:
    url = f"smtp://letters:secret@127.0.0.1:{post.port}"
    with pytest.raises(Permanent, match="in clear"):
        SmtpMailer(server_from(url).server).send(letter(), recipients(1))


# --- the URL ---


def test_a_url_names_the_server() -> None:
    server, connections = server_from(
        "smtps://a%40b:p%3Aw@mail.example.org?name=us.example.org&connections=9"
    )
    assert (server.host, server.port, server.user, server.password) == ("mail.example.org", 465, "a@b", "p:w")
    assert (server.name, server.tls, connections) == ("us.example.org", True, 9)
    assert server_from("smtp://mail.example.org").server.port == 25
    assert server_from("smtp://u:p@mail.example.org").server.port == 587
    assert "p:w" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "https://u:secret@mail.example.org",
        "smtp://u:secret@:25",
        "smtp://u:secret@h:port",
        "smtp://u:secret@h?starttls=maybe",
        "smtp://u:secret@h?tls=1",
        "smtp://u:secret@h?connections=0",
        "smtp://u:secret@h?cafile=/nowhere.pem",
    ],
)
def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(Permanent) as refused:
        server_from(url)
    assert "secret" not in str(refused.value)
