"""CSV as it comes (RFC 4180 and what spreadsheets make of it): one bad record never takes others with it."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final

MAX_RECORD: Final = 65_536
"""Characters of a record, and of a line."""
MAX_LINES: Final = 200
"""Lines of a record: a quotation mark that is never closed does not swallow the rest of the file."""
HEAD: Final = 65_536  # bytes looked at to guess
_DELIMITERS: Final = ",;\t|"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_ESCAPED = re.compile("[\udc80-\udcff]")
_SEPARATOR_LINE = re.compile(r"sep=([,;\t|])[\r\n]*")

Open = Callable[[], BinaryIO]
"""Opens the file from its beginning."""


@dataclass(frozen=True, slots=True)
class Record:
    """Cells, and the line that they begin on."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Damage:
    """A line that could not be read, and why."""

    line: int
    text: str
    what: str


class CsvFile:
    """A file that is read in one pass, as often as needed, in memory that its size has no part in.

    Without `encoding`, it is UTF-8 or UTF-16 as its first bytes say; a line that is not UTF-8 is read as
    Windows-1252, and `legacy` counts these. Without `delimiter`, it is what gives the first lines an even width.
    """

    def __init__(self, opened: Open, *, encoding: str = "", delimiter: str = "") -> None:
        self._open = opened
        self.legacy = 0
        with opened() as stream:
            head = stream.read(HEAD)
        self.encoding = encoding or _encoding(head)
        lines = head.decode(self.encoding, "replace").splitlines(keepends=True)
        if len(head) == HEAD:
            lines = lines[:-1] or lines
        stated = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
        self._skip = 1 if stated else 0
        self.delimiter = delimiter or (stated[1] if stated else _delimiter(lines))

    def records(self, tell: Callable[[int], None] = lambda _: None) -> Iterator[Record | Damage]:
        """The records that are not empty. `tell` hears, now and then, how many bytes have been read."""
        self.legacy = 0
        utf8 = codecs.lookup(self.encoding).name in {"utf-8", "utf-8-sig"}
        with self._open() as stream:
            text = io.TextIOWrapper(
                stream, self.encoding, errors="surrogateescape" if utf8 else "replace", newline=""
            )
            lines = _Lines(text)
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True, skipinitialspace=True)
            for _ in islice(lines, self._skip):
                pass
            while True:
                start = lines.begin() + 1
                if start % 4_096 == 0:
                    tell(stream.tell())
                try:
                    cells = next(reader)
                except StopIteration:
                    break
                except csv.Error as error:
                    yield Damage(start, lines.give_back(), _reason(str(error)))
                    continue
                if any(cell and not cell.isspace() for cell in cells):
                    yield Record(start, cells)
            self.legacy = lines.legacy
            tell(stream.tell())

    def first(self, count: int) -> list[Record]:
        """The first records that can be read."""
        return list(islice((found for found in self.records() if isinstance(found, Record)), count))


class _Lines:
    """Physical lines; those of a record that failed can be given back, all but its first."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._back: deque[str] = deque()
        self._taken: list[str] = []
        self._size = 0
        self._number = 0
        self.legacy = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._read()
        self._number += 1
        self._taken.append(line)
        self._size += len(line)
        if len(line) > MAX_RECORD:
            raise csv.Error(f"the line has more than {MAX_RECORD:,} characters")
        if self._size > MAX_RECORD or len(self._taken) > MAX_LINES:
            raise csv.Error("unexpected end of data")
        if "\0" in line:
            raise csv.Error("the line holds a NUL byte; is this a text file?")
        return line

    def begin(self) -> int:
        """A record begins; the number of the line before it."""
        self._taken.clear()
        self._size = 0
        return self._number

    def give_back(self) -> str:
        """All lines since `begin` but the first, which is returned."""
        first, *rest = self._taken or [""]
        self._back.extendleft(reversed(rest))
        self._number -= len(rest)
        return first

    def _read(self) -> str:
        line = self._text.readline(MAX_RECORD + 1)
        if not line:
            raise StopIteration
        if len(line) > MAX_RECORD:
            rest = line
            while rest and not rest.endswith(("\n", "\r")):
                rest = self._text.readline(MAX_RECORD)
        elif not line.isascii() and _ESCAPED.search(line):
            self.legacy += 1
            return line.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
        return line


def _reason(message: str) -> str:
    if message == "unexpected end of data":
        return "a quotation mark is not closed"
    if "expected after" in message:
        return "text follows a closing quotation mark"
    return message


def _encoding(head: bytes) -> str:
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    even, odd = head[0:4096:2].count(0), head[1:4096:2].count(0)
    if max(even, odd) * 3 > len(head[:4096]) / 2:
        return "utf-16-be" if even > odd else "utf-16-le"
    return "utf-8"


def _delimiter(lines: Sequence[str]) -> str:
    """What divides most of the first lines into one and the same number of cells, the greatest such number."""
    best, score = ",", (0.0, 1)
    for delimiter in _DELIMITERS:
        rows = list(islice(csv.reader(lines[:50], delimiter=delimiter), 50))
        widths = Counter(len(row) for row in rows if row)
        width, count = max(widths.items(), key=lambda found: (found[0] > 1, found[1]), default=(1, 0))
        found = (round(count / max(1, widths.total()), 1), width)
        if width > 1 and found > score:
            best, score = delimiter, found
    return best
