"""The beacon: views that pages report themselves, for hosts that give no logs.

A report becomes a line of a log, which is counted there and then: the same day, salt, class and token as any other
line has, and one delta, which is folded as all are. Nothing else is stored: neither address nor agent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

import orjson

from pressrun.domain.urls import href
from pressrun.parsing.accesslogs.columns import RANGE
from pressrun.parsing.accesslogs.places import place, thing
from pressrun.ports import Clock, Table
from pressrun.services.count import Log, ViewCounter
from pressrun.services.imprint import Imprints
from pressrun.services.limits import Limits
from pressrun.services.totals import Articles

LONGEST: Final = 512  # characters of an agent: browsers have about 120

Reply = Literal["seen", "missing", "limited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon:
    """Counts what pages report. Any number may at the same time."""

    counter: ViewCounter
    table: Table
    imprints: Imprints
    limits: Limits
    clock: Clock
    nonce: Callable[[], str]

    def report(self, path: str, client: str, agent: str) -> Reply:
        """Somebody at `client` says that they read the article at `path`, an address of the site with its base.

        "missing" where no article is published there. Raises Transient; whoever reports again is in one view still,
        and in two hits.
        """
        if not self.limits.view(client):
            return "limited"
        base = self.imprints.current().publication.base
        where = place(path, base)
        if where is None or thing(where) != "page":
            return "missing"
        articles = Articles(self.table)
        articles.learn([where])
        source = articles.at(where)
        if source is None:
            return "missing"
        now = self.clock.now()
        line = orjson.dumps(
            {
                "date": f"{now:%Y-%m-%d}",
                "time": f"{now:%H:%M:%S}",
                "c-ip": client,
                "cs-method": "GET",
                "cs-uri-stem": quote(base) + href(source.path),
                "sc-status": "200",
                "cs(User-Agent)": quote(agent[:LONGEST].encode("latin-1", "replace"), safe=" /();,:+=")
                or "-",
                **dict.fromkeys(RANGE, "-"),
            }
        )
        self.counter.count(Log(name="beacon", etag=self.nonce(), modified=now, chunks=[line + b"\n"]))
        return "seen"
