"""The publication's settings: `pressrun.toml` and the environment, validated at start.

`PRESSRUN_<NAME>` overrides a setting, `PRESSRUN_<TABLE>__<NAME>` one in a table: `PRESSRUN_URL`,
`PRESSRUN_FEED__ENTRIES`. Secrets and backends belong to the environment alone (see `pressrun.bootstrap`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pressrun.domain.newsletters import MailSettings, Newsletter
from pressrun.domain.problems import Problem
from pressrun.domain.publication import (
    FeedSettings,
    ImageSettings,
    NavLink,
    Person,
    Podcast,
    Publication,
    ViewSettings,
)
from pressrun.domain.variables import VARIABLES
from pressrun.errors import Invalid

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SETTINGS_FILE = "pressrun.toml"
ENVIRONMENT_PREFIX = "PRESSRUN_"
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|\d{3}))?(-[A-Za-z0-9]{5,8})*")
_AUTHORITY = re.compile(r"[A-Za-z0-9.@-]+,\d{4}(-\d\d(-\d\d)?)?")


def read_settings(data: bytes) -> dict[str, Any]:
    """The settings file as a mapping, validated. Raises Invalid with the line of each wrong setting."""
    import tomllib

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Invalid.at(SETTINGS_FILE, line, "is not UTF-8", "save it as UTF-8", code="encoding") from None
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found.group(1)) if found else text.count("\n") + 1
        what = re.sub(r" \(at .*\)", "", str(error))
        raise Invalid.at(SETTINGS_FILE, line, f"is not TOML: {what}", "mend this line", code="toml") from None
    publication_from(settings, {}, text)
    return settings


def publication_from(
    settings: Mapping[str, Any], environment: Mapping[str, str], text: str = ""
) -> Publication:
    """Settings made into a Publication. `text` is the file, in which an error's line is looked up.

    Raises Invalid with every wrong setting.
    """
    from pydantic import ValidationError

    merged = _overridden(settings, environment)
    problems = [_unknown(path, text) for path in _unknown_names(merged)]
    try:
        publication = _adapter().validate_python(merged)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            path = [str(part) for part in detail["loc"]]
            name = ".".join(part for part in path if not part.isdigit())
            wanted = _EXPECTED.get(detail["type"].partition("_")[0], detail["msg"].lower())
            what, todo = f"`{name}`: {wanted}", "mend this value"
            if detail["type"] == "missing":
                what, todo = f"`{name}` is missing", f"add {path[-1]} = …"
            problems.append(_problem(path, what, todo, text))
        raise Invalid([_blamed(problem, environment) for problem in problems]) from None
    problems += _checked(publication, text)
    if problems:
        raise Invalid([_blamed(problem, environment) for problem in problems])
    return publication


@cache
def _adapter() -> TypeAdapter[Publication]:
    """Made once: it takes 10 ms, and every publish looks at the settings twice."""
    from pydantic import TypeAdapter

    return TypeAdapter(Publication)


# The first word of a pydantic error's type → what it asks for.
_EXPECTED = {
    "string": 'text in quotes is expected, "…"',
    "int": "a whole number is expected",
    "float": "a number is expected",
    "bool": "true or false is expected",
    "tuple": "a list is expected, […] or [[tables]]",
    "dataclass": "a table is expected, not a single value",
}


def _blamed(problem: Problem, environment: Mapping[str, str]) -> Problem:
    """The problem as the variable's that overrides the setting, where one does."""
    for dotted in environment:
        if any(f"`{name}`" in problem.what for name in (dotted, dotted.rpartition(".")[0])):
            todo = problem.todo if "did you mean" in problem.todo else f"{problem.todo}, or unset it"
            return replace(problem, file=_variable(dotted), line=0, todo=todo)
    return problem


def _variable(dotted: str) -> str:
    return f"${ENVIRONMENT_PREFIX}{dotted.replace('.', '__').upper()}"


def environment_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that override settings, by dotted setting name."""
    known = set(_NAMES)
    found = {}
    for name, value in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        setting = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
        if setting.split(".")[0] in known:
            found[setting] = value
    return found


def unknown_variables(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Variables that look like ours and that nothing reads, each with the nearest that something does, or ""."""
    from difflib import get_close_matches

    ours = {_variable(name)[1:] for name in _NAMES if name not in _TABLES}
    ours |= {_variable(f"{table}.{name}")[1:] for table, names in _TABLES.items() for name in names}
    said = {name for name in environment if name.startswith(ENVIRONMENT_PREFIX)} - VARIABLES.keys()
    taken = {_variable(dotted)[1:] for dotted in environment_settings(environment)}
    near = {name: get_close_matches(name, [*ours, *VARIABLES], n=1) for name in said - taken}
    return [(name, "".join(near[name])) for name in sorted(near)]


def _overridden(settings: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    merged = {name: dict(value) if isinstance(value, dict) else value for name, value in settings.items()}
    for dotted, value in environment.items():
        table, _, name = dotted.rpartition(".")
        target = merged.setdefault(table, {}) if table else merged
        if not isinstance(target, dict):
            todo = f"set `{table}` in {SETTINGS_FILE}, and unset this variable"
            raise Invalid.at(_variable(dotted), 0, f"`{table}` has no such part", todo, code="setting")
        target[name] = value
    return merged


_TABLES = {
    name: [field.name for field in fields(kind)]
    for name, kind in {
        "feed": FeedSettings,
        "podcast": Podcast,
        "authors": Person,
        "nav": NavLink,
        "newsletters": Newsletter,
        "mail": MailSettings,
        "views": ViewSettings,
        "images": ImageSettings,
    }.items()
}
_NAMES = [field.name for field in fields(Publication)]


def _unknown_names(settings: Mapping[str, Any]) -> list[list[str]]:
    unknown = [[name] for name in settings if name not in _NAMES]
    for name, known in _TABLES.items():
        value = settings.get(name)
        for index, table in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(table, dict):
                unknown += [[name, str(index), key] for key in table if key not in known]
    return unknown


def _is_network(text: str) -> bool:
    try:
        return bool(ip_network(text, strict=False))
    except ValueError:
        return False


def _unknown(path: list[str], text: str) -> Problem:
    from difflib import get_close_matches

    known = _TABLES[path[0]] if len(path) > 1 else _NAMES
    near = get_close_matches(path[-1], known, n=1)
    todo = f"did you mean `{near[0]}`?" if near else "remove it; `pressrun reference settings` lists them"
    name = ".".join(part for part in path if not part.isdigit())
    return _problem(path, f"`{name}` is not a setting", todo, text)


def _checked(publication: Publication, text: str) -> list[Problem]:
    problems = []
    url = urlsplit(publication.url)
    if (
        url.scheme not in {"http", "https"}
        or not url.hostname
        or url.query
        or url.fragment
        or publication.url.endswith("/")
    ):
        todo = 'write the site\'s full address without a slash at its end, such as "https://example.org"'
        problems.append(_problem(["url"], f"`url`: {publication.url!r} is not a site's address", todo, text))
    if not _LANGUAGE.fullmatch(publication.language):
        todo = 'write a BCP 47 tag such as "en", "de-AT" or "pt-BR"'
        problems.append(
            _problem(["language"], f"`language`: {publication.language!r} is no language tag", todo, text)
        )
    if not _is_zone(publication.timezone):
        todo = 'write an IANA name such as "Europe/Lisbon" or "UTC"'
        problems.append(_problem(["timezone"], f"`timezone`: no zone {publication.timezone!r}", todo, text))
    if publication.id_authority and not _AUTHORITY.fullmatch(publication.id_authority):
        todo = 'write a domain that you owned and a date on which you did: "example.org,2026"'
        problems.append(
            _problem(["id_authority"], "`id_authority` is not `domain,date` (RFC 4151)", todo, text)
        )
    if not publication.title.strip():
        problems.append(_problem(["title"], "`title` is empty", "give the publication a name", text))
    feed = publication.feed
    if not 1 <= feed.min_entries <= feed.entries <= 500:
        todo = "choose 1 <= min_entries <= entries <= 500"
        problems.append(
            _problem(["feed", "entries"], "`feed.entries` and `feed.min_entries` do not agree", todo, text)
        )
    if not 10_000 <= feed.bytes <= feed.max_bytes <= 10_000_000:
        todo = "choose 10000 <= bytes <= max_bytes <= 10000000"
        problems.append(
            _problem(["feed", "bytes"], "`feed.bytes` and `feed.max_bytes` do not agree", todo, text)
        )
    if not 15 <= feed.ttl_minutes <= 10_080:
        todo = "choose 15 minutes to a week (10080)"
        problems.append(
            _problem(
                ["feed", "ttl_minutes"], f"`feed.ttl_minutes`: {feed.ttl_minutes} is out of range", todo, text
            )
        )
    if feed.hub and urlsplit(feed.hub).scheme not in {"http", "https"}:
        problems.append(
            _problem(["feed", "hub"], "`feed.hub` is not an address", "write the hub's https address", text)
        )
    if not 1 <= publication.home_articles <= 100:
        problems.append(
            _problem(["home_articles"], "`home_articles` is out of range", "choose 1 to 100", text)
        )
    problems += [
        _problem(["authors", str(index), "name"], "`authors.name` holds a mail address", _NAME_ALONE, text)
        for index, person in enumerate(publication.authors)
        if "@" in person.name
    ]
    links = [("nav", index, link.url) for index, link in enumerate(publication.nav)]
    links += [
        ("authors", index, person.url) for index, person in enumerate(publication.authors) if person.url
    ]
    problems += [
        _problem([table, str(index), "url"], f"`{table}.url`: {url!r} cannot be linked to", _LINKED, text)
        for table, index, url in links
        if not _LINK.match(url)
    ]
    slugs = [newsletter.slug for newsletter in publication.newsletters]
    for index, newsletter in enumerate(publication.newsletters):
        problems += [
            _problem(["newsletters", str(index), name], f"`newsletters.{name}`: {what}", todo, text)
            for name, what, todo in _newsletter_faults(newsletter, slugs[:index])
        ]
    problems += [
        _problem(["mail", name], f"`mail.{name}`: {what}", todo, text)
        for name, what, todo in _mail_faults(publication.mail)
    ]
    problems += [
        _problem(["views", "own"], f"`views.own`: {own!r} is no network", _NETWORK, text)
        for own in publication.views.own
        if not _is_network(own)
    ]
    problems += [
        _problem(["images", "colour"], f"`images.colour`: {colour!r} is no colour", _COLOUR, text)
        for colour in [publication.images.colour]
        if not re.fullmatch("#[0-9a-fA-F]{6}", colour)
    ]
    keep = publication.views.keep_logs_days
    if keep and not 4 <= keep <= 36_500:
        todo = "choose 4 days or more, since a day is open for three; or 0, for ever"
        problems.append(
            _problem(
                ["views", "keep_logs_days"], f"`views.keep_logs_days`: {keep} is out of range", todo, text
            )
        )
    return problems


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
Fault = tuple[str, str, str]


def _newsletter_faults(newsletter: Newsletter, earlier: list[str]) -> list[Fault]:
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


def _mail_faults(mail: MailSettings) -> list[Fault]:
    faults: list[Fault] = []
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


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _problem(path: list[str], what: str, todo: str, text: str) -> Problem:
    return Problem(file=SETTINGS_FILE, line=_line_of(path, text), what=what, todo=todo, code="setting")


def _line_of(path: list[str], text: str) -> int:
    """The line that sets `path`; tomllib keeps no positions, so the text is searched. 0 where it is not in it."""
    names = [part for part in path if not part.isdigit()]
    index = next((int(part) for part in path if part.isdigit()), 0)
    table, seen = "", -1
    fallback = 0
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\[?\s*([\w.-]+)\s*\]\]?", line)
        if header:
            seen = seen + 1 if header.group(1) == table else 0
            table = header.group(1)
            if table == names[0] and (index == seen or not fallback):
                fallback = number
            continue
        key = re.match(r"\s*[\"']?([\w-]+)[\"']?\s*(\.\s*([\w-]+)\s*)?=", line)
        if key is None:
            continue
        full = [part for part in (table, key.group(1), key.group(3)) if part]
        if full == names and (not table or seen == index or len(names) == 1):
            return number
        if not table and key.group(1) == names[0]:
            fallback = number
    return fallback
