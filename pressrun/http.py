"""The routes of the API: what readers' forms and links reach. `handlers/api.py` and the local server serve them alike.

Pages for browsers, JSON for programs, as Accept says. GET reads; only POST changes anything, and needs no cookie.
Nothing here is logged, and no answer may be kept by a cache: addresses and tokens pass through.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
from aws_lambda_powertools.event_handler.api_gateway import APIGatewayHttpResolver, Response, Router
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from pressrun.domain.links import API, reader_link
from pressrun.domain.subscribers import Subscriber
from pressrun.errors import PressrunError
from pressrun.parsing.requests import JSON, Asked, Event, Refused, asked, wants_page
from pressrun.ports import nobody
from pressrun.services.readers import MUTE, Application, Choice, Readers, offered

if TYPE_CHECKING:
    from pressrun.domain.publication import Publication
    from pressrun.rendering.theme import Theme
    from pressrun.services.beacon import Beacon
    from pressrun.services.imprint import Imprint

MAX_VIEW: Final = 2_048  # characters of what a page reports
HTML: Final = "text/html; charset=utf-8"
POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_SECURITY: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_STATUS: Final = {
    "thanks": 202,
    "confirmed": 200,
    "unsubscribed": 200,
    "erased": 200,
    "refused": 400,
    "missing": 404,
    "wrong_method": 405,
    "expired": 410,
    "too_large": 413,
    "wrong_type": 415,
    "limited": 429,
    "unready": 503,
    "foreign": 403,
}
# What has words of its own; all else is "refused".
_TOLD: Final = frozenset(
    {"thanks", "confirmed", "unsubscribed", "erased", "missing", "expired", "limited", "unready"}
)
_AGAIN: Final = {"limited": "3600", "unready": "60"}  # seconds
Answer = Response[str]
_ONE_AT_A_TIME = threading.Lock()
"""Powertools keeps the event that is answered in one place for all resolvers."""


class Api:
    """Answers events of a Lambda function URL or an HTTP API (payload format 2.0), from any thread.

    `beacon`: makes what counts the views that pages report, when the first one comes; gives None where logs are
    counted, then such reports do nothing. Pages' templates, too, are loaded for the first answer that is a page.
    `edge_secret`: what our CloudFront distribution sends as X-Pressrun-Edge. Where it is set, nobody else is believed
    who says for whom they ask.
    """

    _imprint: Imprint  # in force while a request is answered

    def __init__(
        self, readers: Readers, *, edge_secret: str = "", beacon: Callable[[], Beacon | None] = nobody
    ) -> None:
        self._readers = readers
        self._beacon = beacon
        self._edge_secret = edge_secret
        self._asked = Asked({}, {}, "", False, "")
        self.router = Router()  # type: ignore[no-untyped-call]
        for method, path, route in self._routes():
            self.router.route(path, method)(route)
        self._resolver = APIGatewayHttpResolver(enable_validation=False)
        self._resolver.include_router(self.router)
        self._resolver.exception_handler(NotFoundError)(lambda _: self._nowhere())
        self._resolver.exception_handler(Refused)(lambda refused: self._told(refused.what))
        self._resolver.exception_handler(PressrunError)(lambda _: self._told("unready"))

    def _routes(self) -> list[tuple[str, str, Callable[[], Answer]]]:
        return [
            ("POST", f"{API}subscribe", self._subscribe),
            ("GET", f"{API}confirm", self._confirm_page),
            ("POST", f"{API}confirm", self._confirm),
            ("GET", f"{API}unsubscribe", self._unsubscribe_page),
            ("POST", f"{API}unsubscribe", self._unsubscribe),
            ("GET", f"{API}preferences", self._preferences_page),
            ("POST", f"{API}preferences", self._prefer),
            ("GET", f"{API}export", self._export),
            ("POST", f"{API}erase", self._erase),
            ("POST", f"{API}view", self._view),
            ("GET", f"{API}openapi.json", self._openapi),
        ]

    def answer(self, event: Event, context: Any = None) -> Event:
        """The response, as the event's source takes it. Raises Transient where the Table cannot be read at all."""
        http = event["requestContext"]["http"]
        method = "GET" if http["method"] == "HEAD" else http["method"]
        with _ONE_AT_A_TIME:
            self._imprint = self._readers.imprint()  # once for all that the answer says
            event = {
                **event,
                "rawPath": event["rawPath"].removeprefix(self._publication.base),
                "requestContext": {**event["requestContext"], "http": {**http, "method": method}},
            }
            self._asked = Asked({}, {}, "", wants_page(event), "")
            try:
                self._asked = asked(event, self._edge_secret)
            except Refused as refused:
                return _sent(self._told(refused.what))
            response: Event = self._resolver.resolve(event, context)
            return response

    # --- routes ---------------------------------------------------------------------------------------------

    def _subscribe(self) -> Answer:
        """An application. The answer is the same whoever is known."""
        from pressrun.rendering import readers as pages

        if not self._publication.newsletters:
            return self._told("missing")
        request, fields = self._asked, self._asked.fields
        application = Application(
            email=fields.get("email", ""),
            name=fields.get("name", ""),
            language=fields.get("language", ""),
            rhythms=request.rhythms or {},
            trap=fields.get("website", ""),
            how=request.how,
        )
        reply = self._readers.apply(application, request.client)
        if reply.problem is None:
            return self._told("limited" if reply.state == "limited" else "thanks")
        if not request.html:
            message = self._theme.words.text(f"subscribe.{reply.problem}")
            return self._json(422, {"status": reply.problem, "message": message, "detail": reply.detail})
        form = pages.Form(
            email=application.email,
            name=application.name,
            language=application.language,
            rhythms=offered(self._publication, application.rhythms),
        )
        return self._page(422, pages.subscribe_page(self._theme, form, reply.problem))

    def _confirm_page(self) -> Answer:
        """What would be confirmed, and a button."""
        from pressrun.rendering import readers as pages

        found = self._readers.awaiting(self._asked.token)
        if found is None or found.state not in {"pending", "active"}:
            return self._told("expired")
        if found.state == "active":
            return self._told("confirmed")
        if self._asked.html:
            return self._page(200, pages.confirm_page(self._theme, self._asked.token, found.wanted))
        return self._json(200, {"status": "pending", "newsletters": dict(found.wanted)})

    def _confirm(self) -> Answer:
        """Confirms."""
        return self._told("confirmed" if self._readers.confirm(self._asked.token) else "expired")

    def _unsubscribe_page(self) -> Answer:
        """What would be left, and a button."""
        from pressrun.rendering import readers as pages

        found = self._readers.leaving(self._asked.token)
        if found is None:
            return self._told("expired")
        claim, reader = found
        others = set(reader.lists) - {claim.newsletter} if reader and claim.newsletter else set()
        if self._asked.html:
            token = self._asked.token
            page = pages.unsubscribe_page(self._theme, token, claim.newsletter, more=bool(others))
            return self._page(200, page)
        return self._json(200, {"status": "asking", "newsletter": claim.newsletter})

    def _unsubscribe(self) -> Answer:
        """Unsubscribes: from the page, or in one click by the mail program (RFC 8058, 3.2)."""
        one_click = self._asked.fields.get("List-Unsubscribe", "").lower() == "one-click"
        done = self._readers.unsubscribe(
            self._asked.token,
            how="one-click" if one_click else "page",
            everything=bool(self._asked.fields.get("all")),
        )
        return self._told("unsubscribed" if done else "expired")

    def _preferences_page(self) -> Answer:
        """What a reader gets."""
        reader = self._readers.reader(self._asked.token)
        return self._preferences(reader) if reader else self._told("expired")

    def _prefer(self) -> Answer:
        """Changes what a reader gets."""
        fields = self._asked.fields
        choice = Choice(rhythms=self._asked.rhythms, name=fields.get("name"), language=fields.get("language"))
        reader = self._readers.prefer(self._asked.token, choice)
        return self._preferences(reader, saved=True) if reader else self._told("expired")

    def _export(self) -> Answer:
        """A reader's own data."""
        data = self._readers.export(self._asked.token)
        if data is None:
            return self._told("expired")
        answer = self._json(200, data)
        answer.headers["Content-Disposition"] = 'attachment; filename="subscriber.json"'
        return answer

    def _erase(self) -> Answer:
        """Forgets a reader who is sure."""
        if not self._asked.fields.get("sure"):
            return self._told("refused")
        return self._told("erased" if self._readers.erase(self._asked.token) else "expired")

    def _view(self) -> Answer:
        """A page of ours says that it is read. Scripts of other sites are refused."""
        asked = self._asked
        if not self._publication.views.beacon:
            return self._told("missing")
        if asked.site != "same-origin" if asked.site else asked.origin != self._publication.origin:
            return self._told("foreign")
        if sum(len(name) + len(value) for name, value in asked.fields.items()) > MAX_VIEW:
            return self._told("too_large")
        reply = "seen"
        if beacon := self._beacon():
            reply = beacon.report(asked.fields.get("path", ""), asked.client, asked.agent)
        return Response(204, None, "", dict(_SECURITY)) if reply == "seen" else self._told(reply)

    def _openapi(self) -> Answer:
        """What this API is, for programs."""
        url = self._publication.url
        return self._json(200, {**description(), "servers": [{"url": url}]})

    # --- answers --------------------------------------------------------------------------------------------

    @property
    def _publication(self) -> Publication:
        return self._imprint.publication

    @property
    def _theme(self) -> Theme:
        return self._imprint.theme

    def _preferences(self, reader: Subscriber, *, saved: bool = False) -> Answer:
        from pressrun.rendering import readers as pages

        token, changeable = self._asked.token, reader.state not in MUTE
        if not self._asked.html:
            data = {"status": "saved" if saved and changeable else reader.state, "address": reader.address}
            known = {"name": reader.name, "language": reader.language, "newsletters": dict(reader.lists)}
            return self._json(200, {**data, **known})
        url = self._publication.base
        page = pages.preferences_page(
            self._theme,
            token,
            pages.Form(
                email=reader.address, name=reader.name, language=reader.language, rhythms=reader.lists
            ),
            export=reader_link(url, "export", self._readers.export_token(token)),
            changeable=changeable,
            saved=saved and changeable,
        )
        return self._page(200, page)

    def _nowhere(self) -> Answer:
        """Nothing at this address, or nothing for this method (RFC 9110, 15.5.6)."""
        path = self._resolver.current_event.path
        allowed = sorted(method for method, known, _ in self._routes() if known == path)
        if not allowed:
            return self._told("missing")
        answer = self._told("wrong_method")
        answer.headers["Allow"] = ", ".join([*allowed, *(["HEAD"] if "GET" in allowed else [])])
        return answer

    def _told(self, what: str) -> Answer:
        from pressrun.rendering import readers as pages

        words = what if what in _TOLD else "refused"
        answer = (
            self._page(_STATUS[what], pages.told_page(self._theme, words))
            if self._asked.html
            else self._json(
                _STATUS[what], {"status": what, "message": self._theme.words.text(f"{words}.text")}
            )
        )
        if what in _AGAIN:
            answer.headers["Retry-After"] = _AGAIN[what]
        return answer

    @staticmethod
    def _page(status: int, page: bytes) -> Answer:
        return Response(status, HTML, page.decode(), dict(_SECURITY))

    @staticmethod
    def _json(status: int, data: Mapping[str, object]) -> Answer:
        return Response(status, JSON, orjson.dumps(data).decode(), dict(_SECURITY))


def _sent(answer: Answer) -> Event:
    """An answer that no route gave, as the event's source takes it."""
    return {
        "statusCode": answer.status_code,
        "headers": dict(answer.headers),
        "body": answer.body,
        "isBase64Encoded": False,
    }


@cache
def description() -> dict[str, Any]:
    """The OpenAPI document, without the address that the API stands at."""
    found: dict[str, Any] = orjson.loads((Path(__file__).parent / "openapi.json").read_bytes())
    return found
