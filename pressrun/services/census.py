"""The subscribers, counted: by state and newsletter, and how many came on which day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pressrun.services.subscribers import Stored

DAYS = 90


@dataclass(slots=True)
class Census:
    """Counts of one walk. `joined`: by day, ISO 8601 in UTC, the last DAYS days, oldest first, those with none too."""

    states: Counter[str] = field(default_factory=Counter)
    newsletters: Counter[str] = field(default_factory=Counter)  # of the active
    joined: dict[str, int] = field(default_factory=dict)
    month: int = 0  # who joined in the last 30 days

    @property
    def active(self) -> int:
        """To whom mail goes."""
        return self.states["active"]


def census(subscribers: Iterable[Stored], now: datetime) -> Census:
    """Walks all subscribers once."""
    found = Census()
    days = [(now - timedelta(days=ago)).date().isoformat() for ago in range(DAYS - 1, -1, -1)]
    joined: Counter[str] = Counter()
    for one in subscribers:
        subscriber = one.subscriber
        found.states["erased" if subscriber.reason == "erased" else subscriber.state] += 1
        if subscriber.state == "active":
            found.newsletters.update(subscriber.lists.keys())
        if subscriber.confirmed:
            joined[subscriber.confirmed[:10]] += 1
    found.joined = {day: joined[day] for day in days}
    found.month = sum(joined[day] for day in days[-30:])
    return found
