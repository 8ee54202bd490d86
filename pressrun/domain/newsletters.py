"""Newsletters, as the publication's settings declare them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Cadence = Literal["article", "daily", "weekly", "monthly", "manual"]
"""When a newsletter's issues are made: each article, a digest per day, week or month, or by hand alone."""
CADENCES: tuple[Cadence, ...] = get_args(Cadence)
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsletter:
    """One `[[newsletters]]` table of `pressrun.toml`.

    `slug` names it in addresses, tokens and the ledger, and never changes. `choices` are the rhythms that a reader
    may choose instead of `cadence`. `at` is a local time, "HH:MM", in `timezone` (empty: the publication's).
    """

    slug: str  # up to 32 of a-z, 0-9 and -; it stands in links, and never changes
    name: str  # as readers see it
    sender: str  # an address that the mailer may send from
    sender_name: str = ""  # empty: the newsletter's name
    reply_to: str = ""  # where answers go; empty: to `sender`
    description: str = ""  # a sentence beside the form
    cadence: Cadence = "article"  # a mail for each article, a digest, or issues by hand alone
    choices: tuple[Cadence, ...] = ()  # what a reader may choose instead
    at: str = "08:00"  # of digests: a local time, HH:MM
    weekday: Weekday = "monday"  # of weekly digests
    day: int = 1  # of monthly digests
    timezone: str = ""  # of `at`; empty: the publication's
    tags: tuple[str, ...] = ()  # articles with one of these alone; empty: all
    authors: tuple[str, ...] = ()  # articles by one of these alone; empty: all
    cooling_minutes: int = 15  # in which an edit changes what will be sent, and an editor can stop it
    max_age_days: int = 7  # an article older than this waits for a person
    template: str = "article"  # templates/email/<template>.html and .txt
    postal_address: str = ""  # in the footer of each mail, as the law asks for in many places
    language: str = ""  # empty: the publication's

    @property
    def rhythms(self) -> tuple[Cadence, ...]:
        """What a reader can have: its own cadence first."""
        return tuple(dict.fromkeys((self.cadence, *self.choices)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """The `[mail]` table: what holds for all newsletters. Servers and keys belong to the environment alone."""

    unsubscribe_address: str = ""  # a mailbox that unsubscribes whoever writes to it (RFC 2369); empty: none
    bounce_address: str = ""  # where SMTP bounces go; "bounces+{token}@example.org" makes them VERP
    price_per_thousand: float = 0.10  # in the account's currency, for the estimate before sending
    max_per_second: float = 0.0  # 0: as the mailer's quota says
    max_per_day: int = 0  # 0: as the mailer's quota says
    late_hours: int = 6  # an issue found due longer than this ago waits for a person
    pause_bounces: float = 0.05  # share of the sent at which an issue pauses by itself
    pause_complaints: float = 0.001  # the same, of readers who call it spam
    confirm_hours: int = 48  # for how long a confirmation link is good
