"""A Mailer that keeps each mail as a file: for demos, tests, and whoever has no mail server yet."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.policy import default
from itertools import count
from pathlib import Path

from pressrun.adapters.rules import message_id, require_recipients
from pressrun.domain.letters import Handover, Letter, Quota, Recipient
from pressrun.ports import Clock
from pressrun.rendering.mime import Composer

SUFFIX = ".eml"
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A mail in the outbox. `name` is its file's."""

    name: str
    at: datetime
    to: str
    subject: str


class Outbox:
    """The mails in a folder, one file each (RFC 5322).

    A file is there as a whole or not at all. Names sort by when a mail was sent; those of one process also by
    their turn within a microsecond. Nothing is synced to the disk.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def send(
        self,
        letter: Letter,
        recipients: Sequence[Recipient],
        *,
        tags: Mapping[str, str] | None = None,
    ) -> list[Handover]:
        """Writes a file for each recipient; see Mailer."""
        require_recipients(recipients)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        composer = Composer(letter)
        return [self._keep(composer, recipient, message_id(letter.domain, tags)) for recipient in recipients]

    def _keep(self, composer: Composer, recipient: Recipient, identifier: str) -> Handover:
        try:
            body = composer.message(recipient, message_id=identifier)
        except ValueError as error:
            return Handover(fate="refused", reason=str(error))
        stamp = self._clock.now().astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        name = f"{stamp}-{next(_numbers):06}-{secrets.token_hex(4)}"
        staged = self._folder / f".{name}.tmp"
        try:
            staged.write_bytes(body)
            staged.replace(self._folder / f"{name}{SUFFIX}")
        except OSError as error:  # a full disk, say
            staged.unlink(missing_ok=True)
            return Handover(fate="later", reason=str(error))
        return Handover(fate="sent", id=identifier)

    def quota(self) -> Quota:
        """No limits."""
        return Quota()

    def close(self) -> None:
        """Nothing is open."""

    def names(self) -> list[str]:
        """The files, the newest first. Looking changes nothing."""
        try:
            found = os.listdir(self._folder)  # noqa: PTH208 - names alone are wanted
        except FileNotFoundError:
            return []
        return sorted((n for n in found if n.endswith(SUFFIX) and not n.startswith(".")), reverse=True)

    def listing(self, limit: int | None = None) -> list[Kept]:
        """The mails, the newest first, at most `limit`."""
        return [kept for name in self.names()[:limit] if (kept := self._look(name))]

    def read(self, name: str) -> bytes | None:
        """A mail's bytes; None where there is no such file."""
        return (self._folder / name).read_bytes() if name in self.names() else None

    def _look(self, name: str) -> Kept | None:
        try:
            with (self._folder / name).open("rb") as file:
                headers = BytesHeaderParser(policy=default).parse(file)
            at = datetime.fromtimestamp((self._folder / name).stat().st_mtime, UTC)
        except FileNotFoundError:  # deleted meanwhile
            return None
        return Kept(name=name, at=at, to=str(headers["To"] or ""), subject=str(headers["Subject"] or ""))
