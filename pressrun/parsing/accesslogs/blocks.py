"""A log's bytes as blocks of whole lines, gzip undone, whatever the log's size in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from isal import igzip_lib

from pressrun.errors import Permanent

BLOCK: Final = 262_144  # bytes taken from gzip at once
LONGEST: Final = 65_536  # bytes of a line; CloudFront's have about 500, and at most some 20 KB
LARGEST: Final = 16 << 30  # bytes of a log, gzip undone
RATIO: Final = 400  # of gzip beyond the first FREE bytes; logs reach 20 to 60, zeros 1,000
FREE: Final = 64 << 20
_MAGIC = b"\x1f\x8b"


@dataclass(slots=True)
class Block:
    """Whole lines, each ended by one newline. `long` lines were left out before it."""

    lines: bytes
    long: int = 0


def blocks(chunks: Iterable[bytes]) -> Iterator[Block]:
    """The log in blocks. A last line without an end is given one.

    Raises Permanent where gzip is broken or cut off, or where it holds more than any log does.
    """
    tail = b""
    long, skipping = 0, False
    for piece in plain(chunks):
        text = tail + piece
        if skipping:  # the rest of a line that was too long
            end = piece.find(b"\n")
            if end < 0:
                continue
            text, skipping = piece[end + 1 :], False
        cut = text.rfind(b"\n") + 1
        tail = text[cut:]
        if len(tail) > LONGEST:
            long, tail, skipping = long + 1, b"", True
        if cut:
            lines, removed = _without_long(text[:cut])
            yield Block(lines, long + removed)
            long = 0
    if tail or long:
        yield Block(tail + b"\n" if tail else b"", long)


def _without_long(lines: bytes) -> tuple[bytes, int]:
    if not _has_long(lines):
        return lines, 0
    kept = [line for line in lines.split(b"\n") if len(line) <= LONGEST]
    removed = lines.count(b"\n") + 1 - len(kept)
    return b"\n".join(kept), removed


def _has_long(lines: bytes) -> bool:
    """Whether a line is longer than LONGEST: hops from newline to newline, as far as each hop may go."""
    place = 0
    while len(lines) - place > LONGEST + 1:
        end = lines.rfind(b"\n", place, place + LONGEST + 1)
        if end < 0:
            return True
        place = end + 1
    return False


def plain(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A log's bytes with gzip undone. Raises Permanent as `blocks` does."""
    stream = iter(chunks)
    start = b""
    for chunk in stream:
        start += chunk
        if len(start) >= 2:
            break
    pieces = _unpacked(start, stream) if start.startswith(_MAGIC) else _cut(start, stream)
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > LARGEST:
            raise Permanent(f"more than {LARGEST >> 30} GiB in one log")
        yield piece


def _cut(start: bytes, stream: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chain((start,), stream):
        yield from (chunk[at : at + BLOCK] for at in range(0, len(chunk), BLOCK))


def _unpacked(start: bytes, stream: Iterator[bytes]) -> Iterator[bytes]:
    """gzip, of any number of members (RFC 1952, 2.2); what follows the last and is none is ignored, as gzip does."""
    packed, unpacked, rest = len(start), 0, start
    while rest.startswith(_MAGIC):
        member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        feed = rest
        while not member.eof:
            if member.needs_input and not feed:
                feed = next(stream, b"")
                packed += len(feed)
                if not feed:
                    raise Permanent("gzip that is cut off; upload the whole file")
            try:
                piece = member.decompress(feed, BLOCK)
            except igzip_lib.IsalError as error:  # type: ignore[misc]
                raise Permanent(f"broken gzip: {error}") from None
            feed = b""
            unpacked += len(piece)
            if unpacked > FREE and unpacked > RATIO * packed:
                raise Permanent(f"gzip that unfolds to more than {RATIO} times its size")
            if piece:
                yield piece
        rest = member.unused_data
        while len(rest) < 2:
            more = next(stream, b"")
            if not more:
                break
            packed += len(more)
            rest += more
