"""Bytes to clean text, or a located error that names the encoding a file seems to have."""

from __future__ import annotations

import re

from pressrun.errors import Invalid

MAX_SOURCE = 1024 * 1024
"""The largest article in bytes: some 150,000 words."""

_BOMS = (
    (b"\xff\xfe\x00\x00", "UTF-32 (little endian)"),
    (b"\x00\x00\xfe\xff", "UTF-32 (big endian)"),
    (b"\xff\xfe", "UTF-16 (little endian)"),
    (b"\xfe\xff", "UTF-16 (big endian)"),
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
_CONTROL_BYTES = bytes([*range(9), 0x0B, *range(0x0E, 0x20), 0x7F])
_STRIPPED = re.compile("[\x80-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_CP1252_ONLY = re.compile(rb"[\x80-\x9f]")


def decode(key: str, data: bytes) -> str:
    """The text of a source, lines ended by LF, without controls and without the marks of `domain.markup`."""
    if len(data) > MAX_SOURCE:
        raise Invalid.at(
            key,
            0,
            f"the file has {len(data) / MAX_SOURCE:.1f} MiB; an article may have {MAX_SOURCE // 2**20} MiB",
            "split it, or move what it embeds into files of their own",
            code="too-large",
        )
    text = _utf8(key, data)
    if b"\r" in data:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if b"\f" in data:
        text = text.replace("\f", "\n")
    # Measured: deleting bytes takes a fifth of the time of a search by a character class.
    if len(data.translate(None, _CONTROL_BYTES)) != len(data) and (found := _CONTROL.search(text)):
        raise Invalid.at(
            key,
            line_of(text, found.start()),
            f"a control character (U+{ord(found[0]):04X})",
            "delete it; is this a text file?",
            code="control-character",
        )
    if data.isascii() or (b"\xc2" not in data and b"\xef" not in data):  # where what is stripped begins
        return text
    return _STRIPPED.sub("", text)


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def legal(text: str) -> str:
    """`text` without what XML cannot carry and without marks: for what entities or escapes brought in."""
    return _ILLEGAL.sub("", text)


def _utf8(key: str, data: bytes) -> str:
    for bom, name in _BOMS:
        if data.startswith(bom):
            raise Invalid.at(key, 1, f"the file is {name}, not UTF-8", "save it as UTF-8", code="not-utf8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start  # counted without the byte order mark, as error.object is
        head = error.object[:offset].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        line = head.count(b"\n") + 1
        column = len(head.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        raise Invalid.at(
            key,
            line,
            f"not UTF-8: byte 0x{error.object[offset]:02X} at column {column}; looks like {_guess(data)}",
            "save it as UTF-8",
            code="not-utf8",
        ) from None


def _guess(data: bytes) -> str:
    if data[:4096].count(0) * 3 > len(data[:4096]):
        return "UTF-16 without a byte order mark"
    if b"\x1b$" in data:
        return "ISO-2022-JP"
    high = sum(byte > 0x7F for byte in data[:65536])
    if high * 4 < len(data[:65536]):
        return "Windows-1252" if _CP1252_ONLY.search(data) else "Windows-1252 or ISO-8859-1"
    return "a legacy encoding that is not Western European"
