"""What every page of the desk works with, and how it answers."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from html import escape
from typing import Any, Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from pressrun.bootstrap import Shelves
from pressrun.domain.publication import Publication
from pressrun.domain.urls import href
from pressrun.house import House
from pressrun.rendering.desk import desk_page
from pressrun.server.desk.door import Session
from pressrun.server.desk.forms import Form
from pressrun.server.messages import Answer, Header, Request
from pressrun.services.editing import Editing

FOLDER: Final = "desk"
HTML: Final = "text/html; charset=utf-8"
POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)
# What is looked at has no origin of its own, runs nothing and sends nothing; its links open beside it.
LOOK_POLICY: Final = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src * data:; media-src *; "
    "style-src 'unsafe-inline'; font-src https: data:; frame-ancestors 'self'; form-action 'none'"
)


@dataclass(slots=True, kw_only=True)
class Room:
    """A publication on the desk. `look`: has these files published soon; `here`: the site stands beside the desk."""

    house: House
    shelves: Shelves
    look: Callable[[Collection[str]], None]
    here: bool
    errors: deque[tuple[datetime, str]] = field(default_factory=lambda: deque(maxlen=50))
    editing: Editing = field(init=False)

    def __post_init__(self) -> None:
        self.editing = Editing(self.house.content, self.shelves.aside, self.shelves.versions)

    def heard(self, error: Exception) -> None:
        """Keeps what went wrong, for the page on health."""
        self.errors.appendleft((self.house.clock.now(), f"{type(error).__name__}: {error}"[:500]))


@dataclass(kw_only=True)
class Visit:
    """A request of somebody who came in. `path`: its parts below the desk."""

    room: Room
    session: Session
    request: Request
    base: str
    path: tuple[str, ...]
    query: Form
    form: Form
    body: bytes

    @cached_property
    def publication(self) -> Publication:
        """As its settings in force say, looked at once."""
        return self.room.house.imprints.current().publication

    @property
    def root(self) -> str:
        """Where the desk stands: "/desk/"."""
        return f"{self.base}/{FOLDER}/"

    def site(self, path: str) -> str:
        """Where readers find a path of the site."""
        return f"{self.base if self.room.here else self.publication.url}{href(path)}"

    def at_home(self, html: str) -> str:
        """A mail or entry with the site's own pictures taken from here, where they may stand before they do there."""
        if not self.room.here:
            return html
        return html.replace(f'src="{self.publication.url}/', f'src="{self.base}/')

    def page(self, template: str, title: str, section: str, **values: object) -> Answer:
        """One of the desk's pages."""
        publication = self.publication
        text = desk_page(
            template,
            title=title,
            section=section,
            publication=publication,
            zone=publication.timezone,
            root=self.root,
            site=self.site,
            said=self.session.told(),
            now=self.room.house.clock.now(),
            url=quote,
            **values,
        )
        return answered(200, HTML, text.encode())

    def next_hour(self) -> str:
        """The hour that begins after this one, in the publication's time zone, as a form's field has it."""
        now = self.room.house.clock.now().astimezone(ZoneInfo(self.publication.timezone))
        return f"{now + timedelta(hours=1):%Y-%m-%dT%H}:00"

    def back(self, path: str, **query: str) -> Answer:
        """Sends the browser on to a page of the desk after a change."""
        return moved(f"{self.root}{path}{'?' + urlencode(query) if query else ''}")


def answered(status: int, kind: str, body: bytes, *more: Header, policy: str = POLICY) -> Answer:
    """An answer that nobody keeps, and that no other site may look into.

    `strict-origin` as referrer policy: with `no-referrer` browsers send `Origin: null` with forms, and with more the
    site's log would hold the desk's addresses, and readers' in them.
    """
    headers = [
        ("Content-Type", kind),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "strict-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        *more,
    ]
    return Answer(status=status, headers=headers, body=body)


def moved(location: str, *more: Header) -> Answer:
    """303: whatever was done, look there now."""
    return answered(303, "text/plain; charset=utf-8", b"", ("Location", location), *more)


def said(value: Any, status: int = 200) -> Answer:
    """JSON for the desk's script."""
    return answered(status, "application/json", json.dumps(value, ensure_ascii=False).encode())


def looked(html: str, *, base: str = "", images: bool = True) -> Answer:
    """A document of ours or an editor's, to be looked at in a frame. `base`: where its links lead to."""
    target = f'<base target="_blank"{f" href={chr(34)}{escape(base)}{chr(34)}" if base else ""}>'
    head = html.find("<head>")
    at = head + len("<head>") if head >= 0 else 0
    policy = LOOK_POLICY if images else LOOK_POLICY.replace("img-src * data:", "img-src 'none'")
    return answered(200, HTML, f"{html[:at]}{target}{html[at:]}".encode("utf-8", "replace"), policy=policy)
