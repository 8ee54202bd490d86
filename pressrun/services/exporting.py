"""Subscribers as CSV or as lines of JSON, one after the other: a list of any size in the same memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Literal

from pressrun.domain.roster import COLUMNS, as_row, neutral, public
from pressrun.services.subscribers import Stored

ListFormat = Literal["csv", "json"]


def exported(subscribers: Iterable[Stored], form: ListFormat) -> Iterator[str]:
    """Pieces of the text, with the columns of `domain.roster`.

    CSV is as RFC 4180 has it, with a header; JSON is one object to a line.
    """
    if form == "json":
        for one in subscribers:
            item = (
                public(one.subscriber) if one.subscriber.address else {"id": one.id} | public(one.subscriber)
            )
            yield json.dumps(item, ensure_ascii=False) + "\n"
        return
    yield ",".join(COLUMNS) + "\r\n"
    line = io.StringIO(newline="")
    writer = csv.writer(line)
    for one in subscribers:
        writer.writerow([neutral(cell) for cell in as_row(one.id, one.subscriber)])
        yield line.getvalue()
        line.seek(0)
        line.truncate()
