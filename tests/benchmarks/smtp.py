"""Mails handed to a mail server: our SMTP mailer, the standard library's client and nodemailer to the same sink."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from statistics import median
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from pressrun.adapters.local.dkim import Signer
from pressrun.adapters.local.smtp import SmtpMailer
from pressrun.adapters.local.smtp_session import Mail, Server, Session
from pressrun.domain.letters import Letter, Mailbox, Recipient, place
from pressrun.ports import MAX_RECIPIENTS
from pressrun.rendering.mime import Composer
from tests.benchmarks.measure import print_table, say, spread

NOTE = (
    "Messages a second, by the wall clock, into a sink in a process of its own. `ready`: the bytes of each mail are\n"
    "there before; `composing`: each is made from the letter and the recipient's values while it is being sent.\n"
    "nodemailer is helped by TCP_NODELAY, which it does not set by itself."
)
PARAGRAPH = (
    "The harbour at half tide is neither one thing nor the other, and the charts say so in small print. " * 4
)
LETTER = Letter(
    sender=Mailbox(address="letters@example.org", name="Letters"),
    subject="The tide tables of 1842",
    text=f"Hello {place('name')},\n\n" + f"{PARAGRAPH}\n\n" * 8 + f"Leave: {place('unsubscribe')}\n",
    html=f"<p>Hello {place('name')}</p>"
    + f'<p style="margin:0 0 16px;font:16px/1.5 Georgia,serif;color:#222">{PARAGRAPH}</p>\n' * 8
    + f'<a href="{place("unsubscribe")}">leave</a>',
    date=datetime(2026, 3, 1, tzinfo=UTC),
    headers=(
        ("List-Unsubscribe", f"<{place('unsubscribe')}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ),
    domain="example.org",
)
_POLICY = SMTP.clone(max_line_length=998)
# Without setNoDelay nodemailer waits for a delayed acknowledgement, 40 ms, at each mail: 22 a second on a connection.
_NODE = """
const net = require("net"), connect = net.connect;
net.connect = (...all) => connect(...all).setNoDelay(true);
const nodemailer = require("nodemailer");
const { port, connections, mails } = JSON.parse(require("fs").readFileSync(0));
const transport = nodemailer.createTransport({
  host: "127.0.0.1", port, pool: true, maxConnections: connections, maxMessages: Infinity, ignoreTLS: true });
transport.verify().then(async () => {
  const started = process.hrtime.bigint();
  await Promise.all(mails.map((mail) => transport.sendMail(mail)));
  console.log(Number(process.hrtime.bigint() - started) / 1e9);
  transport.close();
});
"""


def measure(bench: Path, count: int, turns: int) -> dict[str, Any]:
    """Messages a second of each client, `turns` times in turn, and signatures a second."""
    readers = [_reader(number) for number in range(count)]
    composer = Composer(LETTER)
    ready = [composer.message(reader, message_id=f"{reader.id}@example.org") for reader in readers]
    with _sink(bench) as (port, name):
        runs: list[tuple[str, Callable[[], float]]] = [
            ("smtplib, 1 kept connection, ready", lambda: _smtplib(port, readers, ready)),
            ("pressrun, 1 connection, ready", lambda: _ours_ready(port, readers, ready, 1)),
            ("pressrun, 4 connections, ready", lambda: _ours_ready(port, readers, ready, 4)),
            ("smtplib and EmailMessage, composing", lambda: _smtplib(port, readers[: count // 16], None)),
            ("pressrun, 1 connection, composing", lambda: _ours(port, readers[: count // 2], 1)),
            ("pressrun, 4 connections, composing", lambda: _ours(port, readers[: count // 2], 4)),
        ]
        if node := _nodemailer(bench):
            runs += [
                ("nodemailer, pool of 1, ready", lambda: _node(node, port, readers[: count // 4], ready, 1)),
                ("nodemailer, pool of 4, ready", lambda: _node(node, port, readers[: count // 4], ready, 4)),
                (
                    "nodemailer, pool of 4, composing",
                    lambda: _node(node, port, readers[: count // 16], None, 4),
                ),
            ]
        found: dict[str, list[float]] = {name: [] for name, _ in runs}
        for turn in range(turns):
            say(f"smtp: turn {turn + 1} of {turns}")
            for title, run in runs:
                found[title].append(run())
    title = f"Handing over {count} mails of {len(ready[0]) / 1024:.0f} KB to {name}"
    rows = [[title, spread(rates, "{:,.0f}")] for title, rates in found.items()]
    print_table(title, ["client", "mails/s"], rows)
    middle = {title: median(rates) for title, rates in found.items()}
    base = middle["smtplib, 1 kept connection, ready"]
    print(f"  pressrun by smtplib's kept connection: {middle['pressrun, 1 connection, ready'] / base:.1f}")
    if "nodemailer, pool of 4, ready" in middle:
        ours = middle["pressrun, 4 connections, ready"]
        print(
            f"  pressrun by nodemailer, both pools of 4: {ours / middle['nodemailer, pool of 4, ready']:.1f}"
        )
        whole = middle["pressrun, 4 connections, composing"] / middle["nodemailer, pool of 4, composing"]
        print(f"  the same, both composing: {whole:.1f}")
    return {"mails_per_second": middle, "signatures_per_second": _signing(ready, turns)}


def _reader(number: int) -> Recipient:
    url = f"https://example.org/api/unsubscribe?t={number:090x}"
    values = {"name": f"Reader {number}", "unsubscribe": url}
    return Recipient(id=f"{number:032x}", address=f"reader{number}@example.org", values=values)


def _signing(ready: Sequence[bytes], turns: int) -> dict[str, float]:
    """Signatures a second of CPU, canonicalisation and hashing included."""
    keys = {
        "RSA-2048": generate_private_key(public_exponent=65537, key_size=2048),
        "Ed25519": Ed25519PrivateKey.generate(),
    }
    found: dict[str, list[float]] = {name: [] for name in keys}
    for _ in range(turns):
        for name, key in keys.items():
            signer = Signer(key, domain="example.org", selector="june")
            started = time.process_time()
            for mail in ready[:500]:
                signer.sign(mail)
            found[name].append(len(ready[:500]) / (time.process_time() - started))
    print_table("DKIM", ["key", "mails/s and core"], [[n, spread(r, "{:,.0f}")] for n, r in found.items()])
    return {name: median(rates) for name, rates in found.items()}


# --- clients ---


def _smtplib(port: int, readers: Sequence[Recipient], ready: Sequence[bytes] | None) -> float:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="bench.test") as client:
        client.ehlo()
        started = time.perf_counter()
        for number, reader in enumerate(readers):
            data = ready[number] if ready else _by_library(reader)
            client.sendmail("letters@example.org", [reader.address], data)
        return len(readers) / (time.perf_counter() - started)


def _by_library(reader: Recipient) -> bytes:
    def fill(text: str) -> str:
        return text.replace(place("name"), reader.values["name"]).replace(
            place("unsubscribe"), reader.values["unsubscribe"]
        )

    mail = EmailMessage(policy=_POLICY)
    mail["From"], mail["To"], mail["Subject"] = "letters@example.org", reader.address, LETTER.subject
    mail["Message-ID"] = f"<{reader.id}@example.org>"
    for name, value in LETTER.headers:
        mail[name] = fill(value)
    mail.set_content(fill(LETTER.text))
    mail.add_alternative(fill(LETTER.html), subtype="html")
    return mail.as_bytes()


def _ours_ready(port: int, readers: Sequence[Recipient], ready: Sequence[bytes], connections: int) -> float:
    mails = [
        Mail(turn=n, id="", sender="letters@example.org", recipient=reader.address, data=ready[n])
        for n, reader in enumerate(readers)
    ]
    server = Server(host="127.0.0.1", port=port, starttls="never", name="bench.test")
    sessions = [Session(server, 30) for _ in range(connections)]

    def send(number: int) -> int:
        return sum(h.fate == "sent" for _, h in sessions[number].deliver(iter(mails[number::connections])))

    with ThreadPoolExecutor(connections) as pool:
        started = time.perf_counter()
        done = sum(pool.map(send, range(connections)))
        wall = time.perf_counter() - started
    for session in sessions:
        session.close(politely=True)
    return _complete(done, len(readers)) / wall


def _ours(port: int, readers: Sequence[Recipient], connections: int) -> float:
    server = Server(host="127.0.0.1", port=port, starttls="never", name="bench.test")
    mailer = SmtpMailer(server, connections=connections)
    groups = [readers[at : at + MAX_RECIPIENTS] for at in range(0, len(readers), MAX_RECIPIENTS)]
    mailer.send(LETTER, readers[:1])

    def send(group: Sequence[Recipient]) -> int:
        return sum(handed.fate == "sent" for handed in mailer.send(LETTER, group))

    with ThreadPoolExecutor(connections) as pool:
        started = time.perf_counter()
        done = sum(pool.map(send, groups))
        wall = time.perf_counter() - started
    mailer.close()
    return _complete(done, len(readers)) / wall


def _node(
    folder: Path, port: int, readers: Sequence[Recipient], ready: Sequence[bytes] | None, connections: int
) -> float:
    mails: list[dict[str, Any]] = []
    for number, reader in enumerate(readers):
        if ready:
            envelope = {"from": "letters@example.org", "to": reader.address}
            mails.append({"envelope": envelope, "raw": ready[number].decode("ascii")})
        else:
            values = {place(name): value for name, value in reader.values.items()}
            text, html = LETTER.text, LETTER.html
            for mark, value in values.items():
                text, html = text.replace(mark, value), html.replace(mark, value)
            mails.append(
                {
                    "from": "letters@example.org",
                    "to": reader.address,
                    "subject": "S",
                    "text": text,
                    "html": html,
                }
            )
    task = json.dumps({"port": port, "connections": connections, "mails": mails})
    done = subprocess.run(
        ["node", "-e", _NODE], cwd=folder, input=task, capture_output=True, text=True, check=True, timeout=300
    )
    return len(readers) / float(done.stdout)


def _complete(done: int, wanted: int) -> int:
    if done != wanted:
        raise RuntimeError(f"{done} of {wanted} mails were taken")
    return done


# --- what is not ours ---


def _nodemailer(bench: Path) -> Path | None:
    """The folder that nodemailer is installed in; None where npm is missing."""
    folder = bench / "nodemailer"
    if not (folder / "node_modules/nodemailer").is_dir():
        npm = shutil.which("npm")
        folder.mkdir(parents=True, exist_ok=True)
        install = ["install", "--no-audit", "--no-fund", "--prefix", str(folder), "nodemailer@7"]
        if not npm or subprocess.run([npm, *install], capture_output=True, check=False).returncode:
            say("nodemailer is not available")
            return None
    return folder


@contextmanager
def _sink(bench: Path) -> Iterator[tuple[int, str]]:
    """A server that takes everything: postfix's smtp-sink where Debian brings it, else our own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    environment, command = {**os.environ}, [sys.executable, "-m", "tests.fakes.sink", f"--port={port}"]
    name, program = "a sink of our own", _smtp_sink(bench)
    if program:
        environment["LD_LIBRARY_PATH"] = str(program.parents[1] / "lib/postfix")
        user = ["-u", pwd.getpwuid(65534).pw_name] if os.getuid() == 0 else []
        command, name = [str(program), *user, f"127.0.0.1:{port}", "100"], "postfix's smtp-sink"
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _await(port, process)
        yield port, name
    finally:
        process.kill()
        process.wait()


def _smtp_sink(bench: Path) -> Path | None:
    if found := shutil.which("smtp-sink"):
        return Path(found)
    folder = bench / "postfix"
    program = folder / "usr/sbin/smtp-sink"
    if not program.exists() and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "postfix"], cwd=folder, capture_output=True, check=False)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], capture_output=True, check=False)
    return program if program.exists() else None


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the sink did not start")
