"""When digests are due: local times of a named zone, right across daylight-saving changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pressrun.domain.newsletters import WEEKDAYS, Cadence, Newsletter


def boundary(newsletter: Newsletter, rhythm: Cadence, zone: ZoneInfo, now: datetime) -> datetime:
    """The last moment, at or before `now`, at which a digest of this rhythm was due. In UTC.

    A local time that a change of clocks leaves out is due as long after the change as it lies after the gap's
    begin; one that comes twice is due the first time (PEP 495, fold 0).
    """
    hour, minute = map(int, newsletter.at.split(":"))
    day = now.astimezone(zone).date() + timedelta(days=1)
    while True:
        if _is_due(newsletter, rhythm, day):
            moment = datetime.combine(day, time(hour, minute), zone).astimezone(UTC)
            if moment <= now:
                return moment
        day -= timedelta(days=1)


def _is_due(newsletter: Newsletter, rhythm: Cadence, day: date) -> bool:
    if rhythm == "weekly":
        return day.weekday() == WEEKDAYS.index(newsletter.weekday)
    if rhythm == "monthly":
        return day.day == newsletter.day
    return True
