"""A letter and a recipient, as the bytes of a mail (RFC 5322, RFC 2045, RFC 2046).

The letter is written once, with the standard library, and cut at its places; a recipient's mail is joined from the
pieces. Where a value stands in a quoted-printable line, its length decides where the line breaks: values of one shape
(tokens have one length) share a layout, which is made at the first of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.policy import SMTP
from email.quoprimime import body_encode
from email.utils import format_datetime
from hashlib import sha256
from operator import itemgetter
from typing import NamedTuple

from pressrun.domain.letters import (
    LINKS,
    PLACE,
    Letter,
    Mailbox,
    Recipient,
    envelope,
    header_problem,
    in_html,
    in_text,
)
from pressrun.errors import Permanent

MAX_LINE = 998
"""Octets of a line, without its CRLF (RFC 5322, section 2.1.1)."""
_WIDTH = 76  # of a quoted-printable line (RFC 2045, section 6.7)
_POLICY = SMTP.clone(max_line_length=MAX_LINE)
"""Longer than any URL of ours: at the usual 78 the library would write List-Unsubscribe by RFC 2047."""
_LINK = re.compile(r"https?://(?:=(?!\?)|[!#$%&()*+,\-./0-9:;?@A-Z\[\]_a-z~])+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_OURS = {"from", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "mime-version"}
_SHAPES = bytes(120 if 32 < byte < 127 and byte != 61 else byte for byte in range(256))
"""What is written as it is, as an `x`; all else (spaces, `=`, what is not ASCII) as itself."""
_STANDS = 0xE000  # a private character for each value; body_encode leaves those alone
_RUN = re.compile("([\ue000-\uf8ff])\\1*")
_LAYOUTS = 256  # kept at a time: names have many shapes, tokens have one


class _Part(NamedTuple):
    """A stretch of the mail: what stands around values, and which values. `encoded`: a quoted-printable line.

    `optional`: the last of several lines, not ended itself, which is none where its values are empty.
    """

    around: tuple[str, ...]
    values: tuple[int, ...] = ()
    encoded: bool = False
    optional: bool = False


class _Layout(NamedTuple):
    """Pieces, and for each that is a value's: its number, the value's, and from where to where."""

    pieces: list[bytes]
    slots: tuple[tuple[int, int, int, int], ...]


class Composer:
    """Makes the mails of one letter. Not for several threads at once.

    Raises Permanent where nobody can be sent this letter: a header that could be taken for two, an address that needs
    SMTPUTF8 (RFC 6531).
    """

    def __init__(self, letter: Letter) -> None:
        self._date, self._stamp = letter.date, format_datetime(letter.date).encode()
        self._names: list[str] = []  # of the values, behind the address, the date and the id
        self._layouts: dict[tuple[bytes, ...], _Layout] = {}
        self._parts = self._written(letter)
        self._values = [(name.removesuffix(" in HTML"), name.endswith(" in HTML")) for name in self._names]

    def message(self, recipient: Recipient, *, message_id: str, date: datetime | None = None) -> bytes:
        """The whole mail, lines ended by CRLF, dated as its letter or with `date`. `message_id` has no angle brackets.

        Raises ValueError where the recipient's address cannot be written, or a place's value is missing or wrong.
        """
        stamp = self._stamp if date is None or date == self._date else format_datetime(date).encode()
        values = [envelope(recipient.address).encode(), stamp, message_id.encode()]
        for name, html in self._values:
            values.append(_value(recipient, name, html=html))
        shape = tuple([value.translate(_SHAPES) for value in values[3:]])
        layout = self._layouts.get(shape) or self._laid_out(shape)
        pieces = layout.pieces.copy()
        for at, which, start, stop in layout.slots:
            pieces[at] = values[which][start:stop]
        return b"".join(pieces)

    def _written(self, letter: Letter) -> list[_Part]:
        try:
            boundary = "=_" + sha256(f"{letter.text}\0{letter.html}".encode()).hexdigest()[:32]
        except UnicodeEncodeError:
            raise Permanent("the letter holds half a character (a lone surrogate): write it anew") from None
        parts = [_Part((f"{_folded('From', _mailbox(letter.sender))}To: ", "\r\n"), (0,))]
        if letter.reply_to:
            parts.append(_Part((_folded("Reply-To", _mailbox(letter.reply_to)),)))
        parts += [
            self._header("Subject", letter.subject),
            _Part(("Date: ", "\r\nMessage-ID: <", ">\r\n"), (1, 2)),
            *[self._header(name, value) for name, value in _named(letter.headers)],
            _Part(
                (f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n',)
            ),
        ]
        for kind, body in (("plain", letter.text), ("html", letter.html)):
            head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n'
            parts.append(_Part((f"--{boundary}\r\n{head}\r\n",)))
            parts += self._body(body, " in HTML" if kind == "html" else "")
            parts.append(_Part(("\r\n",)))
        return [*parts, _Part((f"--{boundary}--\r\n",))]

    def _header(self, name: str, value: str) -> _Part:
        """A header. Its places hold links alone, and are not folded or encoded."""
        around = PLACE.split(value)
        written, places = around[::2], around[1::2]
        problem = next(filter(None, map(header_problem, written)), None)
        if problem:
            raise Permanent(
                f"the header {name} holds {problem}: take it out of the title, the subject or the settings"
            )
        if not set(places) <= set(LINKS):
            raise Permanent(
                f"the header {name} has a place for what a subscriber wrote: take it out of the subject"
            )
        probe = "0p1a2c3e4"
        folded = _folded(name, probe.join(written)).split(probe)
        if len(folded) != len(written):
            raise Permanent(f"the header {name} cannot hold a link here: shorten it, and keep it to ASCII")
        return _Part(tuple(folded), tuple(self._number(place) for place in places))

    def _body(self, body: str, form: str) -> list[_Part]:
        """A body in lines: those that hold places on their own, the others together."""
        parts: list[_Part] = []
        plain: list[str] = []

        def flush() -> None:
            if plain:
                parts.append(_Part((_quoted("\n".join(plain)) + "\r\n",)))
                plain.clear()

        for line in _lines(body):
            around = PLACE.split(line)
            if len(around) == 1:
                plain.append(line)
                continue
            flush()
            values = tuple(self._number(f"{name}{form}") for name in around[1::2])
            parts.append(_Part(tuple(around[::2]), values, encoded=True))
        flush()
        if len(parts) > 1 and parts[-1].encoded and not body.endswith(("\r", "\n")):
            parts[-1] = parts[-1]._replace(optional=True)
        return parts

    def _number(self, name: str) -> int:
        if name not in self._names:
            self._names.append(name)
        return self._names.index(name) + 3

    def _laid_out(self, shape: tuple[bytes, ...]) -> _Layout:
        """Where values of these shapes go."""
        pieces: list[bytes] = []
        slots: list[tuple[int, int, int, int]] = []
        still: list[str] = []

        def settle() -> None:
            if still:
                pieces.append("".join(still).encode())
                still.clear()

        for part in self._parts:
            if not part.encoded:
                _check_width(part, shape)
                for around, which in zip(part.around, (*part.values, None), strict=True):
                    still.append(around)
                    if which is not None:
                        settle()
                        slots.append((len(pieces), which, 0, MAX_LINE))
                        pieces.append(b"")
                continue
            cut = _cut(part, shape)
            if part.optional and not cut:
                continue
            for text, which, start, stop in cut:
                if text:
                    still.append(text)
                else:
                    settle()
                    slots.append((len(pieces), which, start, stop))
                    pieces.append(b"")
            still.append("\r\n")
        settle()
        if len(self._layouts) >= _LAYOUTS:
            self._layouts.clear()
        self._layouts[shape] = layout = _Layout(pieces, tuple(sorted(slots, key=itemgetter(0))))
        return layout


def _value(recipient: Recipient, name: str, *, html: bool) -> bytes:
    value = recipient.values.get(name)
    if value is None:
        raise ValueError(f"there is no value for the place {name!r}")
    if name in LINKS:
        if not _LINK.fullmatch(value):
            raise ValueError(f"the value of the place {name!r} is not an http(s) URL in ASCII")
        return (value.replace("&", "&amp;") if html else value).encode()
    return (in_html(value) if html else in_text(value)).encode("utf-8", "replace")


def _check_width(part: _Part, shape: tuple[bytes, ...]) -> None:
    """Raises ValueError where a link makes a header's line longer than mail can have."""
    links = [len(shape[which - 3]) for which in part.values if which > 2]
    if links and sum(links) + sum(map(len, part.around)) > MAX_LINE:
        raise ValueError(f"a header would be longer than {MAX_LINE} octets: the site's address is too long")


def _cut(part: _Part, shape: tuple[bytes, ...]) -> list[tuple[str, int, int, int]]:
    """A quoted-printable line with values of these shapes, cut into text and stretches of values."""
    line = [_latin(part.around[0])]
    for turn, which in enumerate(part.values):
        stand = chr(_STANDS + turn)
        line.append("".join(stand if byte == 120 else chr(byte) for byte in shape[which - 3]))
        line.append(_latin(part.around[turn + 1]))
    written = body_encode("".join(line), _WIDTH, "\r\n")
    offsets = [iter([at for at, byte in enumerate(shape[which - 3]) if byte == 120]) for which in part.values]
    cut: list[tuple[str, int, int, int]] = []
    end = 0
    for run in _RUN.finditer(written):
        turn = ord(run[1]) - _STANDS
        start, *_ = [next(offsets[turn]) for _ in run[0]]
        cut += [(written[end : run.start()], 0, 0, 0), ("", part.values[turn], start, start + len(run[0]))]
        end = run.end()
    cut.append((written[end:], 0, 0, 0))
    return [piece for piece in cut if piece[0] or piece[3]]


def _lines(body: str) -> list[str]:
    return re.split(r"\r\n|\r|\n", re.sub(r"(?:\r\n|\r|\n)\Z", "", body))


def _quoted(text: str) -> str:
    return body_encode(_latin(text), _WIDTH, "\r\n")


def _latin(text: str) -> str:
    """The UTF-8 bytes of a text, a character each, as the standard library's encoder takes them."""
    return text.encode().decode("latin-1")


def _folded(name: str, value: str) -> str:
    return str(_POLICY.header_factory(name, value).fold(policy=_POLICY))


def _mailbox(mailbox: Mailbox) -> str:
    problem = header_problem(mailbox.name)
    if problem:
        raise Permanent(f"the name {mailbox.name!r} holds {problem}: take it out of the settings")
    try:
        return str(Address(mailbox.name, addr_spec=envelope(mailbox.address)))
    except ValueError as error:
        raise Permanent(f"mail cannot come from {mailbox.address!r}: {error}") from None


def _named(headers: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """The headers, where each has a name that is not ours and comes once."""
    names = [name.lower() for name, _ in headers]
    for name in names:
        if not _NAME.fullmatch(name) or name in _OURS or name.startswith("content-") or names.count(name) > 1:
            raise Permanent(
                f"a letter cannot bring the header {name!r}: there is one already, or it is not a name"
            )
    return headers
