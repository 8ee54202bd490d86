"""Who may come in: a token that works once becomes a session, known by a cookie.

The token stands in an address that is printed where the desk was started. As soon as it is used there is another
one, which is printed again. Sessions live in memory, and end with the process or after LASTING.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

from pressrun.ports import Clock, nobody
from pressrun.server.messages import Request

LASTING: Final = timedelta(hours=12)
MOST: Final = 20  # sessions; the oldest ends
KEPT: Final = 30  # previews of a session


@dataclass(slots=True)
class Session:
    """What is remembered of somebody who came in. `said`: what their next page tells them."""

    until: datetime
    said: list[tuple[str, str]] = field(default_factory=list)
    previews: OrderedDict[str, Any] = field(default_factory=OrderedDict)
    lists: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # uploaded, waiting for a word

    def say(self, text: str, kind: str = "done") -> None:
        """Has the next page tell it; `kind`: done or wrong."""
        self.said.append((kind, text))

    def told(self) -> list[tuple[str, str]]:
        """What is to be told now, once."""
        said, self.said = self.said, []
        return said

    def keep(self, preview: object) -> str:
        """Keeps something to look at, under a name that cannot be guessed."""
        name = secrets.token_urlsafe(16)
        self.previews[name] = preview
        while len(self.previews) > KEPT:
            self.previews.popitem(last=False)
        return name


class Door:
    """Gives out sessions. May be used from any thread. `on_token` hears of each token that works."""

    def __init__(self, clock: Clock, on_token: Callable[[str], None] = nobody) -> None:
        self._clock = clock
        self._on_token = on_token
        self._lock = threading.Lock()
        self._token = secrets.token_urlsafe(32)
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    @property
    def token(self) -> str:
        """The token that works now."""
        return self._token

    def enter(self, token: str) -> str | None:
        """A new session's cookie for the token; None where it does not work, or not any more."""
        with self._lock:
            if not compare_digest(token.encode(), self._token.encode()):
                return None
            self._token = secrets.token_urlsafe(32)
            cookie = secrets.token_urlsafe(32)
            self._sessions[_digest(cookie)] = Session(self._clock.now() + LASTING)
            while len(self._sessions) > MOST:
                self._sessions.popitem(last=False)
        self._on_token(self._token)
        return cookie

    def session(self, request: Request) -> Session | None:
        """Whose request it is."""
        try:
            morsel = SimpleCookie(request.header("cookie")).get(cookie_name(request))
        except CookieError:
            return None
        if morsel is None:
            return None
        with self._lock:
            session = self._sessions.get(_digest(morsel.value))
            return session if session and session.until > self._clock.now() else None


def cookie_name(request: Request) -> str:
    """Cookies know no ports: each server on this machine has a name of its own."""
    return f"pressrun-desk-{request.header('host').rpartition(':')[2] or '80'}"


def _digest(cookie: str) -> str:
    return sha256(cookie.encode()).hexdigest()
