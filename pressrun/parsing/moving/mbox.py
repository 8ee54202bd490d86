"""Mails in an mbox file (RFC 4155): each is an article, its attachments are files beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from email.utils import parseaddr, parsedate_to_datetime
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO, Final
from urllib.parse import quote

from pressrun.domain.slugs import slugify
from pressrun.parsing.encoding import legal
from pressrun.parsing.moving.archives import Export, Member, damage
from pressrun.parsing.moving.model import File, Hints, Item, Missed, Options, Place, Post, Skipped
from pressrun.parsing.moving.pictures import carried, rewritten

MAX_MAIL: Final = 32 * 2**20
"""Bytes of a mail."""
MAX_PARTS: Final = 200
_LINE = 1 << 16
_PARSER = BytesParser(policy=policy.default)
_BODY = re.compile(r"<body\b[^<>]*>(.*?)(?:</body\s*>|\Z)", re.S | re.I)
_STYLE = re.compile(r"<(style|title)\b.{0,100000}?</\1\s*>", re.S | re.I)
_OPENED = re.compile(r"""<img\b(?=[^<>]*\s(?:width|height)\s*=\s*["']?[01](?:px)?["'\s/>])[^<>]*>""", re.I)
_LEAVING = re.compile(r"<a\b[^<>]*(?:unsub|opt-?out|manage[-_]?pref)[^<>]*>|https?://\S*unsub", re.I)
_SIGNATURES = {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
_NEEDED = ("from", "date", "subject")
_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp",
             "application/pdf": ".pdf", "audio/mpeg": ".mp3"}  # fmt: skip


def mbox(export: Export, options: Options) -> Iterator[Item]:
    """One article for each mail, of its HTML or else of its text."""
    yield Hints(url=options.url)
    for name, member in export.members.items():
        if not export.single and not name.lower().endswith((".mbox", ".mbx", ".eml")):
            continue
        place = export.place(name)
        with damage(place), member.open() as stream:
            for line, raw in _mails(stream):
                if raw is None:
                    where = Place(file=place, line=line)
                    yield Skipped(place=where, reason=f"the mail has more than {MAX_MAIL // 2**20} MiB")
                else:
                    yield from _mail(raw, place, line)


def _mails(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Each mail with the line that it begins on; None where it is too large. A file without "From " lines is one."""
    pieces: list[bytes] = []
    size = start = number = 0
    blank = fresh = True
    while line := stream.readline(_LINE):
        if fresh:
            number += 1
        if fresh and blank and line.startswith(b"From "):
            if pieces or size:
                yield start, b"".join(pieces) if size <= MAX_MAIL else None
            pieces, size, start = [], 0, number
        else:
            start = start or number
            size += len(line)
            if size > MAX_MAIL:
                pieces.clear()
            else:
                pieces.append(line[1:] if fresh and re.match(rb">+From ", line) else line)
        blank = fresh and not line.strip()
        fresh = line.endswith(b"\n")
    if pieces or size:
        yield start, b"".join(pieces) if size <= MAX_MAIL else None


def _mail(raw: bytes, file: str, line: int) -> Iterator[Item]:
    place = Place(file=file, line=line)
    try:
        message = _PARSER.parsebytes(raw)
        if not isinstance(message, EmailMessage):
            raise ValueError("it is no mail")  # noqa: TRY004, TRY301 - as any other mail that cannot be read
        if not any(name in message for name in _NEEDED):
            yield Skipped(place=place, reason="is no mail: it has neither sender, date nor subject")
            return
        place = Place(file=file, line=line, name=_header(message, "subject"))
        yield from _article(message, place)
    except (
        ValueError,
        LookupError,
        MessageError,
        AttributeError,
        RecursionError,
        IndexError,
        TypeError,
    ) as error:
        # The standard library's parser raises all of these for headers and parts that are not as they should be.
        yield Skipped(place=place, reason=f"cannot be read: {str(error)[:120]}")


def _article(message: EmailMessage, place: Place) -> Iterator[Item]:
    title = place.name or "Without a subject"
    date = _date(_header(message, "date"))
    slug = slugify(title)
    folder = f"posts/{date:%Y-%m-%d}-{slug}" if date else f"posts/{slug}"
    body = message.get_body(("html", "plain"))
    if body is None:
        yield Skipped(place=place, reason="holds neither HTML nor text")
        return
    text = _text(body)
    files: dict[str, str] = {}
    for number, part in enumerate(message.walk()):
        if number > MAX_PARTS:
            yield Skipped(place=place, reason=f"has more than {MAX_PARTS} parts; the rest is left")
            break
        kind = part.get_content_type()
        if part is body or part.is_multipart() or kind.startswith("text/") or kind in _SIGNATURES:
            continue
        payload = part.get_payload(decode=True)
        if not isinstance(payload, bytes) or not payload:
            continue
        key = f"{folder}/{_filename(part, payload)}".replace("posts/", "files/", 1)
        member = Member(key, len(payload), lambda payload=payload: BytesIO(payload))  # type: ignore[misc]
        yield File(place=place, key=key, member=member)
        files[_header(part, "content-id").strip("<> ") or key] = key
    html = body.get_content_type() == "text/html"
    if html:
        found = _BODY.search(text)
        text = _OPENED.sub("", _STYLE.sub("", found[1] if found else text))  # what told who opened the mail
        shown = set()

        def change(url: str) -> str:
            if url.startswith("cid:") and url[4:] in files:
                shown.add(url[4:])
                return f"/{quote(files[url[4:]])}"
            return url

        text, items = carried(rewritten(text, change), place)
        yield from items
        files = {cid: key for cid, key in files.items() if cid not in shown}
    if files:
        names = [(key, key.rpartition("/")[2]) for key in files.values()]
        if html:
            listed = "".join(f'<li><a href="/{quote(key)}">{name}</a></li>' for key, name in names)
            text = f"{text}\n<ul>{listed}</ul>"
        else:
            text = f"{text.rstrip()}\n\n" + "\n".join(f"{name}: /{quote(key)}" for key, name in names)
    if not text.strip():
        yield Skipped(place=place, reason="has no text")
        return
    if _LEAVING.search(text):
        yield Missed(place=place, what="holds a link by which one reader leaves the list",
                     todo="take it out: whoever follows it may sign that reader off")  # fmt: skip
    name, address = parseaddr(_header(message, "from"))
    identifier = re.sub(r"\s", "", _header(message, "message-id").strip("<> "))
    yield Post(
        place=place,
        title=title,
        body=text,
        form="html" if html else "txt",
        date=date,
        authors=tuple(filter(None, [name or address.partition("@")[0]])),
        slug=slug,
        id=f"mid:{quote(identifier, safe='@.+-_=')}" if 0 < len(identifier) < 150 else "",
    )


def _text(part: MIMEPart) -> str:
    payload = part.get_payload(decode=True)
    body = payload if isinstance(payload, bytes) else b""
    charset = part.get_content_charset("utf-8")
    try:
        text = body.decode(charset)
    except (LookupError, UnicodeDecodeError):
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            text = body.decode("cp1252", "replace")
    text = legal(text.replace("\r\n", "\n").replace("\r", "\n"))
    if part.get_param("format") == "flowed":
        text = _joined(text, "" if str(part.get_param("delsp")).lower() == "yes" else " ")
    return text


def _joined(text: str, space: str) -> str:
    """Lines that were broken for the way only, as one (RFC 3676)."""
    lines = [line.removeprefix(" ") for line in text.split("\n")]
    return "".join(
        line.rstrip(" ") + space if line.endswith(" ") and line != "-- " else f"{line}\n" for line in lines
    )


def _header(part: MIMEPart, name: str) -> str:
    return " ".join(legal(str(part.get(name, ""))).split())


def _date(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found if 1000 <= found.year <= 9998 else None


def _filename(part: MIMEPart, payload: bytes) -> str:
    """A name without folders, led by a digest of what it holds: two files of one name stay two."""
    name = re.split(r"[/\\]", legal(part.get_filename() or ""))[-1]
    stem, dot, suffix = name.rpartition(".")
    suffix = re.sub(r"[^a-z0-9]", "", suffix.lower())[:8] if dot else ""
    ending = f".{suffix}" if suffix else _SUFFIXES.get(part.get_content_type(), ".bin")
    return f"{slugify(stem or 'file')[:60]}-{sha256(payload).hexdigest()[:8]}{ending}"
