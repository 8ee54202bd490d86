"""Pages that show the outbox, for demos and for whoever writes templates: on this machine only.

| address | what |
|---|---|
| `/outbox/` | the mails, the newest first |
| `/outbox/<name>/` | one mail: its head, its HTML in a frame, its text |
| `/outbox/<name>/html` | the HTML by itself; it runs nothing, and its links open in a new tab |
| `/outbox/<name>/source` | the bytes |
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import escape
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, unquote

from pressrun.adapters.local.outbox import Kept, Outbox
from pressrun.server.messages import Answer, Request
from pressrun.server.policies import security
from pressrun.server.site import PLAIN

FOLDER: Final = "outbox"
SHOWN: Final = 200  # mails on the list

_HTML: Final = "text/html; charset=utf-8"
_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)
# What a mail's HTML may do in a mail program: show pictures and styles. The sandbox gives it no origin of its own.
_MAIL_POLICY: Final = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src * data:; "
    "style-src 'unsafe-inline'; font-src https:; frame-ancestors 'self'"
)
_HEAD: Final = re.compile(r"<head\b[^>]*>", re.I)
# What proxies add: one on this machine asks from it, and some under its name, for whoever asked them.
_PASSED_ON: Final = ("x-forwarded-for", "x-real-ip", "forwarded", "via")
_LOCAL: Final = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?", re.I)


class OutboxPages:
    """Answers for the outbox. Changes nothing; may be called from any thread."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def covers(self, target: bytes, base: str) -> bool:
        """Whether an address is one of the outbox's."""
        root = f"{base}/{FOLDER}".encode()
        return target == root or target.startswith(root + b"/")

    def answer(self, request: Request, base: str) -> Answer:
        """The page. To other machines there is no outbox; nor to a page elsewhere that got hold of a name for us."""
        if not from_this_machine(request):
            return _plain(request, 404, "There is nothing here.")
        if request.method not in {"GET", "HEAD"}:
            return _plain(request, 405, "Only GET and HEAD are answered here.")
        path = unquote(request.target.decode("ascii", "replace")).removeprefix(f"{base}/{FOLDER}")
        if path in {"", "/"}:
            return self._index(request) if path else _moved(request, f"{base}/{FOLDER}/")
        if path == "/style.css":
            return _answer(request, "text/css; charset=utf-8", _STYLE, _PAGE_POLICY)
        name, slash, part = path[1:].partition("/")
        body = self._outbox.read(name)
        if body is None:
            return _plain(request, 404, "There is no such mail in the outbox.")
        if not slash:
            return _moved(request, f"{base}/{FOLDER}/{quote(name)}/")
        if part == "source":
            return _answer(request, PLAIN, body.decode("utf-8", "replace"), _PAGE_POLICY)
        mail = message_from_bytes(body, policy=default)
        if part == "html":
            return _answer(request, _HTML, _in_new_tabs(_part(mail, "html")), _MAIL_POLICY)
        if part == "":
            return _answer(request, _HTML, _mail_page(mail), _PAGE_POLICY)
        return _plain(request, 404, "There is nothing here.")

    def _index(self, request: Request) -> Answer:
        count, mails = len(self._outbox.names()), self._outbox.listing(SHOWN)
        return _answer(request, _HTML, _index_page(mails, count), _PAGE_POLICY)


def from_this_machine(request: Request) -> bool:
    """Whether a program on this machine asks, under this machine's own name and for nobody else."""
    passed_on = any(request.header(name) for name in _PASSED_ON)
    return not passed_on and _is_loopback(request.peer) and bool(_LOCAL.fullmatch(request.header("host")))


def _is_loopback(peer: str) -> bool:
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False


def _in_new_tabs(html: str) -> str:
    """The site's pages may not be framed: a link of the mail opens beside it."""
    base = '<base target="_blank">'
    found = _HEAD.search(html)
    return f"{html[: found.end()]}{base}{html[found.end() :]}" if found else base + html


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if isinstance(part, EmailMessage) else ""


def _index_page(mails: list[Kept], count: int) -> str:
    rows = "".join(
        f'<li><a href="{quote(mail.name)}/"><strong>{escape(mail.subject) or "(no subject)"}</strong>'
        f"<span>{escape(mail.to)}</span>{_time(mail.at)}</a></li>"
        for mail in mails
    )
    more = f"<p>{count - len(mails):,} older ones are in the folder.</p>" if count > len(mails) else ""
    empty = "<p>No mail yet. What is sent lands here, and nowhere else.</p>"
    number = f"{count:,} mail{'' if count == 1 else 's'}, the newest first. None of them left this machine."
    body = f"<h1>Outbox</h1>{f'<p>{number}</p><ul>{rows}</ul>{more}' if mails else empty}"
    return _page("Outbox", body, ".")


def _mail_page(mail: EmailMessage) -> str:
    subject = escape(str(mail["Subject"] or "")) or "(no subject)"
    shown = "".join(
        f"<dt>{name}</dt><dd>{escape(str(mail[name]))}</dd>" for name in ("From", "To", "Date") if mail[name]
    )
    headers = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in mail.items())
    html, text = _part(mail, "html"), _part(mail, "plain")
    frame = f'<iframe src="html" title="{subject}" sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>'
    body = (
        f'<p><a href="../">Outbox</a></p><h1>{subject}</h1><dl>{shown}</dl>'
        f"{frame if html else ''}"
        f"<details{'' if html else ' open'}><summary>Text</summary><pre>{_linked(text)}</pre></details>"
        f"<details><summary>All headers</summary><dl>{headers}</dl></details>"
        f'<p><a href="html">HTML alone</a> · <a href="source">Source</a></p>'
    )
    return _page(subject, body, "..")


_URL: Final = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]]")


def _linked(text: str) -> str:
    """The text, escaped, with its addresses as links."""
    out, last = [], 0
    for found in _URL.finditer(text):
        url = escape(found[0])
        out += [
            escape(text[last : found.start()]),
            f'<a href="{url}" target="_blank" rel="noopener">{url}</a>',
        ]
        last = found.end()
    return "".join([*out, escape(text[last:])])


def _time(at: datetime) -> str:
    """In UTC: there is no script that could tell the reader's own zone."""
    at = at.astimezone(UTC)
    return f'<time datetime="{at.isoformat()}">{at:%Y-%m-%d %H:%M:%S} UTC</time>'


def _page(title: str, body: str, root: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="{root}/style.css">'
        f"</head><body><main>{body}</main></body></html>"
    )


def _answer(request: Request, kind: str, body: str, policy: str) -> Answer:
    headers = [("Content-Type", kind), ("Cache-Control", "no-store"), *security(request.scheme, policy)]
    return Answer(status=200, headers=headers, body=body.encode("utf-8", "replace"))


def _plain(request: Request, status: int, text: str) -> Answer:
    headers = [("Content-Type", PLAIN), ("Cache-Control", "no-store"), *security(request.scheme)]
    if status == 405:
        headers.append(("Allow", "GET, HEAD"))
    return Answer(status=status, headers=headers, body=f"{text}\n".encode())


def _moved(request: Request, location: str) -> Answer:
    headers = [("Location", location), ("Cache-Control", "no-store"), *security(request.scheme)]
    return Answer(status=308, headers=headers)


_STYLE: Final = """\
:root { color-scheme: light dark; --line: #8884; --quiet: #6b6b6b; --link: #0a58ca; }
@media (prefers-color-scheme: dark) { :root { --quiet: #a0a0a0; --link: #7fb2ff; } }
body { margin: 0; background: Canvas; color: CanvasText; font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0 1rem; overflow-wrap: anywhere; }
a { color: var(--link); }
ul { list-style: none; padding: 0; border-top: 1px solid var(--line); }
li { border-bottom: 1px solid var(--line); }
li a { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; padding: .7rem .3rem;
  color: inherit; text-decoration: none; overflow-wrap: anywhere; }
li a:hover, li a:focus-visible { background: #8881; }
li span, time, dt { color: var(--quiet); font-size: .9rem; }
time { grid-column: 2; grid-row: 1; font-variant-numeric: tabular-nums; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0 0 1rem; }
dd { margin: 0; overflow-wrap: anywhere; }
iframe { width: 100%; height: 75vh; border: 1px solid var(--line); border-radius: .4rem; background: #fff; }
details { border-top: 1px solid var(--line); padding: .6rem 0; }
summary { cursor: pointer; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: .9rem/1.5 ui-monospace, monospace; }
@media (max-width: 34rem) { li a, dl { grid-template-columns: 1fr; } time { grid-column: 1; grid-row: auto; } }
"""
