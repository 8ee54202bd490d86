"""Reach on the desk: what was read, by how many, in which readers; what came back of the mail."""

from __future__ import annotations

from collections import Counter
from typing import Final

from pressrun.server.desk.room import Visit
from pressrun.server.messages import Answer
from pressrun.services.reach import MEANING

DAYS: Final = 90
LISTED: Final = 25
RETURNS: Final = 12  # issues whose mail is looked at


def shown(visit: Visit) -> Answer:
    """The numbers, each with what it means."""
    house = visit.room.house
    found = house.history()
    views = found.views()
    recent = sorted(views)[-DAYS:]
    families: Counter[str] = Counter()
    for feed in found.subscribers().values():
        families.update({family: figure.count for family, figure in feed.items()})
    span = {"week": 7, "month": 30, "year": 365, "all": 0}
    chosen = visit.query.get("span") if visit.query.get("span") in span else "month"
    issues = [issue for issue in house.newsroom.every() if issue.letter]
    issues.sort(key=lambda issue: issue.frozen, reverse=True)
    return visit.page(
        "reach",
        "Reach",
        "reach",
        most=found.most(span[chosen])[:LISTED],
        chosen=chosen,
        spans=list(span),
        views={day: views[day].count for day in recent},
        hits={day: views[day].hits for day in recent},
        total=sum(figure.count for figure in views.values()),
        approximate=any(figure.approximate for figure in views.values()),
        reached=[(read, found.reach(read.path)) for read in found.foremost()[:LISTED]],
        meaning=MEANING,
        feeds=families.most_common(20),
        readers=families.total(),
        returns=[(issue, house.newsroom.ledger.tally(issue)) for issue in issues[:RETURNS]],
    )


PAGES: Final = {("GET", "reach"): shown}
