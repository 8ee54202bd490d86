"""The desk's addresses, and the guards before them.

| address | page |
|---|---|
| `/desk/` | articles; `articles/…` one of them and what is done to it |
| `/desk/write` | write, with a preview |
| `/desk/issues` | issues; `issues/<newsletter>/<id>/…` one of them |
| `/desk/subscribers` | counts, one reader, lists taken in and out |
| `/desk/reach` | what was read |
| `/desk/health` | queues, dead letters, errors, quotas |

A request is answered only where it comes from this machine, under this machine's name, and belongs to a session; a
POST besides only where its Origin is the desk's own. Nothing of it is logged. GET changes nothing but the token that
brings somebody in.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from pressrun.domain.uploads import MAX_UPLOAD
from pressrun.errors import Conflict, Invalid, NotFound, PressrunError
from pressrun.rendering.desk import FILES, desk_file, desk_page
from pressrun.server.asgi import Receive, Send, TooLarge, hand_over, live_through, read_body
from pressrun.server.desk import articles, health, issues, people, reach, writing
from pressrun.server.desk.door import Door, Session, cookie_name
from pressrun.server.desk.forms import form_of, query_of
from pressrun.server.desk.room import FOLDER, HTML, Room, Visit, answered, moved, said
from pressrun.server.messages import Answer, Request, Scope, read_request
from pressrun.server.outbox import from_this_machine

MAX_BODY: Final = MAX_UPLOAD + 2**20
Page = Callable[[Visit], Answer]

_PAGES: Final[dict[tuple[str, str], Page]] = {
    **articles.PAGES,
    **writing.PAGES,
    **issues.PAGES,
    **people.PAGES,
    **reach.PAGES,
    **health.PAGES,
}


class DeskPages:
    """Answers for the desk. May be called from any thread."""

    def __init__(self, room: Room, door: Door) -> None:
        self._room = room
        self._door = door

    def covers(self, target: bytes, base: str) -> bool:
        """Whether an address is one of the desk's."""
        root = f"{base}/{FOLDER}".encode()
        return target == root or target.startswith(root + b"/")

    async def serve(self, request: Request, base: str, receive: Receive) -> Answer:
        """The answer to a request whose body is still to come; it is not read from whoever may not ask."""
        session = self._door.session(request)
        if refusal := self._refused(request, session):
            return refusal
        if session is None:  # a page that needs none
            return self._outside(request, base)
        try:
            body = await read_body(receive, MAX_BODY)
        except TooLarge:
            return said({"wrong": f"that is more than {MAX_BODY:,} bytes"}, 413)
        return await asyncio.to_thread(self._answer, request, base, session, body)

    def _refused(self, request: Request, session: Session | None) -> Answer | None:
        if not from_this_machine(request):
            return _plain(404, "There is nothing here.")
        if request.method not in {"GET", "HEAD", "POST"}:
            return _plain(405, "Only GET, HEAD and POST are answered here.")
        if request.method == "POST":
            if request.header("origin") != f"{request.scheme}://{request.header('host')}":
                return _plain(403, "This came from another page.")
            if request.header("sec-fetch-site") not in {"", "same-origin"}:
                return _plain(403, "This came from another page.")
            if session is None:
                return _shut(request)
        return None

    def _outside(self, request: Request, base: str) -> Answer:
        """For whoever has no session: the way in, and what its page looks like."""
        root = f"{base}/{FOLDER}"
        name = request.target.decode("latin-1").removeprefix(f"{root}/")
        if name in FILES:
            return answered(200, FILES[name], desk_file(name))
        token = query_of(request.query).get("token")
        cookie = self._door.enter(token) if token and name == "" else None
        if cookie is None:
            return _shut(request)
        return moved(f"{root}/", ("Set-Cookie", _set(cookie_name(request), cookie, root)))

    def _answer(self, request: Request, base: str, session: Session, body: bytes) -> Answer:
        root = f"{base}/{FOLDER}"
        path = unquote(request.target.decode("ascii", "replace")).removeprefix(root)
        if not path:
            return moved(f"{root}/")
        if path[1:] in FILES:
            return answered(200, FILES[path[1:]], desk_file(path[1:]))
        query = query_of(request.query)
        if query.get("token"):  # somebody who is in already: the token stays good for another browser
            return moved(f"{root}/")
        parts = tuple(part for part in path.split("/") if part)
        method = "GET" if request.method == "HEAD" else request.method
        page = _find(method, parts)
        visit = Visit(
            room=self._room,
            session=session,
            request=request,
            base=base,
            path=parts,
            query=query,
            form=form_of(request.header("content-type"), body) if method == "POST" else query,
            body=body,
        )
        if page is None:
            return _plain(404, "There is no such page on the desk.")
        try:
            return page(visit)
        except PressrunError as error:
            return _failed(visit, error)
        except Exception as error:  # it takes no other page down, and tells no terminal what was asked
            self._room.heard(error)
            sys.stderr.write("".join(traceback.format_tb(error.__traceback__)) + f"{type(error).__name__}\n")
            return _plain(500, "Something went wrong here; the page on health says what.")


class DeskApp:
    """The desk alone as an ASGI application: for a publication whose site stands elsewhere."""

    base = ""

    def __init__(self, pages: DeskPages) -> None:
        self._pages = pages

    def close(self) -> None:
        """There are no streams to end."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or follows the server's life."""
        if scope["type"] == "lifespan":
            await live_through(receive, send, self.close)
            return
        request = read_request(scope, behind_proxy=False)
        if self._pages.covers(request.target, ""):
            answer = await self._pages.serve(request, "", receive)
        elif request.target == b"/" and from_this_machine(request):
            answer = moved(f"/{FOLDER}/")
        else:
            answer = _plain(404, "There is nothing here.")
        await hand_over(request, answer, send)


def _find(method: str, parts: tuple[str, ...]) -> Page | None:
    """The page at an address; `*` in its pattern stands for any one part."""
    for (wanted, pattern), page in _PAGES.items():
        names = tuple(pattern.split("/")) if pattern else ()
        if (
            wanted == method
            and len(names) == len(parts)
            and all(n in {"*", p} for n, p in zip(names, parts, strict=True))
        ):
            return page
    return None


def _failed(visit: Visit, error: PressrunError) -> Answer:
    """What a service refused, told to whoever asked: the script, or the next page."""
    text = "; ".join(str(problem) for problem in error.problems) if isinstance(error, Invalid) else str(error)
    status = 404 if isinstance(error, NotFound) else 409 if isinstance(error, Conflict) else 400
    if "application/json" in visit.request.header("accept"):
        return said({"wrong": text}, status)
    if visit.request.method == "POST" and (back := visit.form.get("back")) and not back.startswith("/"):
        visit.session.say(text, "wrong")
        return visit.back(back)
    visit.session.say(text, "wrong")
    return replace(visit.page("wrong", "That did not work", ""), status=status)


def _shut(request: Request) -> Answer:
    """What somebody without a session sees."""
    if "application/json" in request.header("accept"):
        return said({"wrong": "the session has ended; open the address that the terminal shows"}, 401)
    return answered(401, HTML, desk_page("shut").encode())


def _set(name: str, value: str, path: str) -> str:
    return f"{name}={value}; Path={path}/; HttpOnly; SameSite=Strict"


def _plain(status: int, text: str) -> Answer:
    return answered(status, "text/plain; charset=utf-8", f"{text}\n".encode())
