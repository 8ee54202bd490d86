"""`pressrun bounce`: takes in bounce messages, so that any mail server can hand them over."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pressrun.commands.common import (
    DEFAULT_CONTENT,
    DEFAULT_HOME,
    ContentOption,
    Home,
    Target,
    count,
    opened,
    out,
)
from pressrun.domain.letters import read_message_id
from pressrun.errors import NotFound, Transient

if TYPE_CHECKING:
    from pressrun.domain.feedback import Event
    from pressrun.house import House

TRY_AGAIN = 75
"""The exit status on which mail servers keep a message and hand it over later (EX_TEMPFAIL of sysexits.h)."""


def bounce(
    maildir: Annotated[
        Path | None,
        typer.Option("--maildir", help="Read the new messages of this Maildir, not one from stdin."),
    ] = None,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Take in a bounce message or a complaint from stdin, or all new ones of a Maildir.

    In a mail server's alias file: [bold]bounces: "|pressrun bounce --content /srv/tides --home /srv/home"[/]
    """
    try:
        with opened(content, home, target) as house:
            if maildir is None:
                taken, messages = take_in(house, sys.stdin.buffer.read()), 1
            else:
                taken, messages = take_in_all(house, maildir)
    except Transient as error:
        out.print(f"try again: {error}")
        raise typer.Exit(TRY_AGAIN) from None
    out.print(f"{count(messages, 'message')} read; {taken} told something new about mails of ours")


def take_in(house: House, message: bytes) -> int:
    """1 where the message changed what is known of a recipient, else 0. Raises Transient."""
    from pressrun.parsing.bounces import bounce_from

    event = bounce_from(message)
    return min(1, house.feedback.hear(_matched(house, event))) if event else 0


def take_in_all(house: House, maildir: Path) -> tuple[int, int]:
    """Takes in the messages under `new` and moves each to `cur`: how many changed something, and how many came.

    One that is moved too late is taken in twice, which changes nothing. Raises NotFound, Transient.
    """
    if not (maildir / "new").is_dir():
        raise NotFound(f"{maildir} is no Maildir: it has no folder `new`")
    (maildir / "cur").mkdir(exist_ok=True)
    taken = messages = 0
    for path in sorted((maildir / "new").iterdir()):
        taken += take_in(house, path.read_bytes())
        messages += 1
        path.replace(maildir / "cur" / f"{path.name}:2,S")
    return taken, messages


def _matched(house: House, event: Event) -> Event:
    """The event with what the token in the address tells (VERP), which nobody but us can have made."""
    issues = (f"{issue.newsletter}/{issue.id}" for issue in house.newsroom.every())
    found = house.tokens.read_bounce(event.tags.get("verp", ""), issues)
    if found is None:
        return event
    subscriber, name = found
    newsletter, _, issue = name.partition("/")
    stored = house.subscribers.get(subscriber)
    recipients = (stored.subscriber.address,) if stored else event.recipients
    tags = {"newsletter": newsletter, "issue": issue}
    # A relay may have given the mail an id of its own, which the ledger does not know.
    identifier = event.message_id if read_message_id(event.message_id) == tags else ""
    return replace(
        event, tags={**tags, "recipient": subscriber}, recipients=recipients, message_id=identifier
    )
