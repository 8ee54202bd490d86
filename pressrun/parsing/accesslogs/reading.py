"""A log as batches of rows: its format is told from its first line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from pressrun.parsing.accesslogs.blocks import blocks
from pressrun.parsing.accesslogs.columns import FIELDS, VERSION, Columns
from pressrun.parsing.accesslogs.lines import COMBINED, S3, Combined, S3Log
from pressrun.parsing.accesslogs.objects import Objects
from pressrun.parsing.accesslogs.rows import Batch, Reader

_DATED = re.compile(rb"\d{4}-\d\d-\d\d([\t ,])\d\d:\d\d:\d\d\1")


def read(chunks: Iterable[bytes]) -> Iterator[Batch]:
    """Every line of a log once: as a row, or in a batch's reasons.

    Takes gzip and plain text. Raises Permanent where the whole log cannot be read: a version or fields that are
    not known, broken gzip, a bomb. Lines before the first that tells the format are malformed.
    """
    reader: Reader | None = None
    for block in blocks(chunks):
        if block.long:
            yield Batch(reasons=Counter(long=block.long))
        if not block.lines:
            continue
        if reader is None:
            reader = _format(block.lines)
        if reader is None:
            blank = sum(not line.strip() for line in block.lines.split(b"\n")[:-1])
            lines = block.lines.count(b"\n")
            yield Batch(reasons=+Counter(blank=blank, malformed=lines - blank))
        else:
            yield from reader.read(block.lines)


def _format(lines: bytes) -> Reader | None:
    """The format of the first lines that have one."""
    for number, line in enumerate(lines.split(b"\n")):
        if number == 1000:
            break
        if line.startswith((VERSION, FIELDS)):
            return Columns(_separator(lines))
        if line.startswith(b"{"):
            return Objects()
        dated = _DATED.match(line)
        if dated:
            return Columns(dated[1])
        if S3.match(line):
            return S3Log()
        if COMBINED.match(line):
            return Combined()
    return None


def _separator(lines: bytes) -> bytes:
    """Of the first line that is no header: v2's can be chosen."""
    for line in lines.split(b"\n"):
        dated = None if line.startswith(b"#") else _DATED.match(line)
        if dated:
            return dated[1]
    return b"\t"
