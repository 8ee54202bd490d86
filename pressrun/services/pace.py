"""How fast mail goes out: one bucket of tokens that all workers share, and the day's cap.

The row `pace`, `bucket` of the Table holds the tokens and when they were counted, what the account allows and when
that was read, how much went out since, and until when nothing may go (after a quota was used up, or the account said
that we are too fast).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pressrun.domain.letters import Quota
from pressrun.domain.newsletters import MailSettings
from pressrun.errors import Conflict, Transient
from pressrun.ports import ABSENT, Clock, Row, Save, Table

READ_EVERY = timedelta(minutes=1)  # the quota is the account's, and changes
BURST = 1.0  # seconds of the rate that may go out at once
MAX_TRIES = 50
MAX_DELAY = 900  # seconds: what a queue can hold a message back
_ROW = ("pace", "bucket")


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many mails may go now; where none may, in how many seconds to ask again, and why."""

    number: int = 0
    delay: int = 0
    reason: str = ""


class Pace:
    """Grants leave to send. `quota` reads the account's, as Mailer.quota does."""

    def __init__(self, table: Table, clock: Clock, quota: Callable[[], Quota]) -> None:
        self._table = table
        self._clock = clock
        self._quota = quota

    def take(self, number: int, settings: MailSettings) -> Allowance:
        """Leave to send up to `number` mails now, or when to ask again. Raises Transient."""
        for _ in range(MAX_TRIES):
            row = self._table.get(*_ROW)
            now = self._clock.now()
            state = self._refreshed(row, now)
            allowance, after = _granted(state, number, settings, now)
            if row is not None and after == row.item:
                return allowance
            if not state["per_second"] and not state["per_day"] and not _limits(settings) and row is not None:
                return allowance  # nothing is limited: workers need not meet at one row
            try:
                self._save(row, after)
            except Conflict:
                continue
            return allowance
        raise Transient("too many workers ask for leave to send")

    def hold(self, seconds: float, reason: str) -> None:
        """Nobody sends for a while: the account said that we are too fast, or that the day's quota is used up."""
        for _ in range(MAX_TRIES):
            row = self._table.get(*_ROW)
            now = self._clock.now()
            state = dict(self._refreshed(row, now))
            until = (now + timedelta(seconds=seconds)).isoformat()
            if str(state["until"]) >= until:
                return
            try:
                self._save(row, {**state, "until": until, "reason": reason})
            except Conflict:
                continue
            return

    def held(self) -> bool:
        """Whether nobody may send at this moment."""
        until = str(self.current().get("until", ""))
        return bool(until) and self._clock.now() < datetime.fromisoformat(until)

    def current(self) -> dict[str, Any]:
        """What is known, for people to look at."""
        row = self._table.get(*_ROW)
        return dict(row.item) if row else {}

    def quota(self, settings: MailSettings) -> Quota:
        """The account's quota within the limits of the settings."""
        state = self._refreshed(self._table.get(*_ROW), self._clock.now())
        return Quota(
            per_second=_least(float(state["per_second"]), settings.max_per_second),
            per_day=int(_least(float(state["per_day"]), settings.max_per_day)),
            sent_today=int(state["sent_today"]) + int(state["since"]),
        )

    def _refreshed(self, row: Row | None, now: datetime) -> dict[str, Any]:
        state: dict[str, Any] = dict(row.item) if row else {}
        if state and now - datetime.fromisoformat(state["read"]) < READ_EVERY:
            return state
        quota = self._quota()
        day = now.date().isoformat()
        since = int(state.get("since", 0)) if state.get("day") == day and not quota.sent_today else 0
        return {
            "tokens": state.get("tokens", quota.per_second * BURST),
            "at": state.get("at", now.isoformat()),
            "per_second": quota.per_second,
            "per_day": quota.per_day,
            "sent_today": quota.sent_today,
            "since": since,  # sent since the quota was read, or today where the account does not count
            "day": day,
            "read": now.isoformat(),
            "until": state.get("until", ""),
            "reason": state.get("reason", ""),
        }

    def _save(self, row: Row | None, item: dict[str, Any]) -> None:
        self._table.write(
            [Save(partition=_ROW[0], sort=_ROW[1], item=item, expect=row.version if row else ABSENT)]
        )


def _limits(settings: MailSettings) -> bool:
    return bool(settings.max_per_second or settings.max_per_day)


def _least(account: float, setting: float) -> float:
    return min(account, setting) if account and setting else account or setting


def _granted(
    state: dict[str, Any], number: int, settings: MailSettings, now: datetime
) -> tuple[Allowance, dict[str, Any]]:
    if state["until"] and now < datetime.fromisoformat(state["until"]):
        wait = (datetime.fromisoformat(state["until"]) - now).total_seconds()
        return Allowance(delay=_seconds(wait), reason=str(state["reason"])), state
    per_day = _least(float(state["per_day"]), settings.max_per_day)
    left = int(per_day) - state["sent_today"] - state["since"] if per_day else number
    if left <= 0 < number:
        until = (now + timedelta(seconds=MAX_DELAY)).isoformat()
        reason = "the day's quota is used up"
        return Allowance(delay=MAX_DELAY, reason=reason), {**state, "until": until, "reason": reason}
    number = min(number, left)
    rate = _least(float(state["per_second"]), settings.max_per_second)
    after = {**state, "since": state["since"] + number, "until": "", "reason": ""}
    if not rate:
        return Allowance(number=number), after
    passed = max(0.0, (now - datetime.fromisoformat(state["at"])).total_seconds())
    tokens = min(max(rate * BURST, float(number)), float(state["tokens"]) + passed * rate)
    if tokens < number:
        return Allowance(delay=_seconds((number - tokens) / rate), reason="the rate is used up"), state
    return Allowance(number=number), {**after, "tokens": tokens - number, "at": now.isoformat()}


def _seconds(wait: float) -> int:
    return max(1, min(MAX_DELAY, math.ceil(wait)))
