"""What the settings of a publication must meet beyond their types, each rule with what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pressrun.domain.newsletters import MailSettings, Newsletter
from pressrun.domain.publication import FeedSettings, Publication, ViewSettings

Fault = tuple[tuple[str, ...], str, str]
"""Where in the settings (tables' names, numbers from 0, a name), what is wrong there, what to do."""

_Named = tuple[str, str, str]  # the same within one table
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|\d{3}))?(-[A-Za-z0-9]{5,8})*")
_AUTHORITY = re.compile(r"[A-Za-z0-9.@-]+,\d{4}(-\d\d(-\d\d)?)?")
_NETWORK = 'write addresses or networks, such as "203.0.113.7" or "2001:db8::/32"'
_COLOUR = 'write six digits, such as "#a3124a"'
_NAME_ALONE = "write the name alone: it stands on every page"
_LINK = re.compile(r"/(?!/)|https?://[^/]|mailto:.", re.I)
_LINKED = 'write a path of the site such as "/archive/", or a whole address, "https://…"'
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_NO_ADDRESS = ("is not a mail address", 'write one alone, such as "news@example.org"')


def faults(publication: Publication) -> Iterator[Fault]:
    """Every rule that the settings do not meet, table by table."""
    yield from _site_faults(publication)
    yield from _feed_faults(publication.feed)
    yield from _link_faults(publication)
    slugs = [newsletter.slug for newsletter in publication.newsletters]
    for index, newsletter in enumerate(publication.newsletters):
        for name, what, todo in _newsletter_faults(newsletter, slugs[:index]):
            yield ("newsletters", str(index), name), f"`newsletters.{name}`: {what}", todo
    for name, what, todo in _mail_faults(publication.mail):
        yield ("mail", name), f"`mail.{name}`: {what}", todo
    yield from _view_faults(publication.views)
    colour = publication.images.colour
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        yield ("images", "colour"), f"`images.colour`: {colour!r} is no colour", _COLOUR


def _site_faults(publication: Publication) -> Iterator[Fault]:
    url = urlsplit(publication.url)
    bare = url.scheme in {"http", "https"} and url.hostname and not url.query and not url.fragment
    if not bare or publication.url.endswith("/"):
        todo = 'write the site\'s full address without a slash at its end, such as "https://example.org"'
        yield ("url",), f"`url`: {publication.url!r} is not a site's address", todo
    if not _LANGUAGE.fullmatch(publication.language):
        todo = 'write a BCP 47 tag such as "en", "de-AT" or "pt-BR"'
        yield ("language",), f"`language`: {publication.language!r} is no language tag", todo
    if not _is_zone(publication.timezone):
        todo = 'write an IANA name such as "Europe/Lisbon" or "UTC"'
        yield ("timezone",), f"`timezone`: no zone {publication.timezone!r}", todo
    if publication.id_authority and not _AUTHORITY.fullmatch(publication.id_authority):
        todo = 'write a domain that you owned and a date on which you did: "example.org,2026"'
        yield ("id_authority",), "`id_authority` is not `domain,date` (RFC 4151)", todo
    if not publication.title.strip():
        yield ("title",), "`title` is empty", "give the publication a name"
    if not 1 <= publication.home_articles <= 100:
        yield ("home_articles",), "`home_articles` is out of range", "choose 1 to 100"


def _feed_faults(feed: FeedSettings) -> Iterator[Fault]:
    if not 1 <= feed.min_entries <= feed.entries <= 500:
        todo = "choose 1 <= min_entries <= entries <= 500"
        yield ("feed", "entries"), "`feed.entries` and `feed.min_entries` do not agree", todo
    if not 10_000 <= feed.bytes <= feed.max_bytes <= 10_000_000:
        todo = "choose 10000 <= bytes <= max_bytes <= 10000000"
        yield ("feed", "bytes"), "`feed.bytes` and `feed.max_bytes` do not agree", todo
    if not 15 <= feed.ttl_minutes <= 10_080:
        what = f"`feed.ttl_minutes`: {feed.ttl_minutes} is out of range"
        yield ("feed", "ttl_minutes"), what, "choose 15 minutes to a week (10080)"
    if feed.hub and urlsplit(feed.hub).scheme not in {"http", "https"}:
        yield ("feed", "hub"), "`feed.hub` is not an address", "write the hub's https address"


def _link_faults(publication: Publication) -> Iterator[Fault]:
    for index, person in enumerate(publication.authors):
        if "@" in person.name:
            yield ("authors", str(index), "name"), "`authors.name` holds a mail address", _NAME_ALONE
    links = [("nav", index, link.url) for index, link in enumerate(publication.nav)]
    links += [("authors", index, one.url) for index, one in enumerate(publication.authors) if one.url]
    for table, index, url in links:
        if not _LINK.match(url):
            yield (table, str(index), "url"), f"`{table}.url`: {url!r} cannot be linked to", _LINKED


def _newsletter_faults(newsletter: Newsletter, earlier: list[str]) -> list[_Named]:
    """Setting, what is wrong, what to do."""
    zone, language, reply_to = newsletter.timezone, newsletter.language, newsletter.reply_to
    lines = ("name", "sender_name", "description", "postal_address")
    return [
        fault
        for fine, fault in (
            (_SLUG.fullmatch(newsletter.slug), ("slug", "is no slug", "write up to 32 of a-z, 0-9 and -")),
            (newsletter.slug not in earlier, ("slug", "is taken", "give each newsletter its own")),
            (newsletter.name.strip(), ("name", "is empty", "name the newsletter")),
            (_ADDRESS.fullmatch(newsletter.sender), ("sender", *_NO_ADDRESS)),
            (not reply_to or _ADDRESS.fullmatch(reply_to), ("reply_to", *_NO_ADDRESS)),
            (_TIME.fullmatch(newsletter.at), ("at", "is no time of day", 'write "08:00"')),
            (1 <= newsletter.day <= 28, ("day", "is not a day that every month has", "choose 1 to 28")),
            (not zone or _is_zone(zone), ("timezone", "is no time zone", 'write "Europe/Lisbon" or "UTC"')),
            (
                not language or _LANGUAGE.fullmatch(language),
                ("language", "is no language tag", 'write "en" or "de-AT"'),
            ),
            (
                0 <= newsletter.cooling_minutes <= 10_080,
                ("cooling_minutes", "is out of range", "choose 0 to 10080 (a week)"),
            ),
            (
                1 <= newsletter.max_age_days <= 3_650,
                ("max_age_days", "is out of range", "choose 1 to 3650"),
            ),
            (
                re.fullmatch(r"[a-z0-9_-]{1,40}", newsletter.template),
                ("template", "is no template's name", "write the name of a file in templates/email"),
            ),
            (
                "manual" not in newsletter.choices,
                ("choices", "`manual` is no rhythm that a reader can have", "remove it"),
            ),
            *(
                (
                    not _CONTROLS.search(getattr(newsletter, name)),
                    (name, "holds a line break or a control character", "write it in one line"),
                )
                for name in lines
            ),
        )
        if not fine
    ]


def _mail_faults(mail: MailSettings) -> list[_Named]:
    faults: list[_Named] = []
    for name in ("unsubscribe_address", "bounce_address"):
        address = getattr(mail, name)
        if address and not _ADDRESS.fullmatch(address.replace("{token}", "token")):
            faults.append(
                (name, f"{address!r} is not a mail address", 'write one, such as "leave@example.org"')
            )
    ranges: dict[str, tuple[float, float]] = {
        "price_per_thousand": (0, 1_000),
        "max_per_second": (0, 10_000),
        "max_per_day": (0, 1_000_000_000),
        "late_hours": (1, 720),
        "pause_bounces": (0.0001, 1),
        "pause_complaints": (0.0001, 1),
        "confirm_hours": (1, 720),
    }
    for name, (low, high) in ranges.items():
        if not low <= getattr(mail, name) <= high:
            faults.append((name, "is out of range", f"choose {low:g} to {high:_}"))
    return faults


def _view_faults(views: ViewSettings) -> Iterator[Fault]:
    for own in views.own:
        if not _is_network(own):
            yield ("views", "own"), f"`views.own`: {own!r} is no network", _NETWORK
    if views.keep_logs_days and not 4 <= views.keep_logs_days <= 36_500:
        what = f"`views.keep_logs_days`: {views.keep_logs_days} is out of range"
        todo = "choose 4 days or more, since a day is open for three; or 0, for ever"
        yield ("views", "keep_logs_days"), what, todo


def _is_network(text: str) -> bool:
    try:
        return bool(ip_network(text, strict=False))
    except ValueError:
        return False


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
