"""The site's objects as answers: redirects, tombstones, encodings, conditions, ranges, headers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import Final
from urllib.parse import unquote

from pressrun.domain.urls import href, page_key
from pressrun.errors import NotFound
from pressrun.ports import Blob, Clock, ObjectStore
from pressrun.server import reload
from pressrun.server.conditions import http_date, verdict, wanted_span
from pressrun.server.encodings import LARGEST, SMALLEST, GzipCache, accepts_gzip, is_compressible
from pressrun.server.messages import Answer, Header, Request
from pressrun.server.paths import below, decode
from pressrun.server.policies import opened_type, security, sharing

ALLOW: Final = ("Allow", "GET, HEAD, OPTIONS")
PLAIN: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """An object that answers, under which status; or where to look instead."""

    blob: Blob
    status: int = 200
    location: str = ""


class Site:
    """Answers requests from an ObjectStore, and changes nothing. Every call may run in its own thread.

    `base` is the path that the site stands under ("" or "/blog"); it may be set anew at any time. `live`:
    pages reload themselves, and nothing is kept by a browser without asking us whether it still holds.
    """

    def __init__(self, store: ObjectStore, *, base: str, live: bool, clock: Clock) -> None:
        self.base = base
        self._store = store
        self._live = live
        self._clock = clock
        self._gzip = GzipCache()

    def answer(self, request: Request) -> Answer:
        """The whole answer to a request, HEAD's body included. Raises Transient."""
        if request.method == "OPTIONS":
            return self._options(request)
        if request.method not in {"GET", "HEAD"}:
            return self._plain(request, 405, "Only GET, HEAD and OPTIONS are answered here.", [ALLOW])
        path = decode(request.target)
        if path is None:
            return self._plain(request, 400, "This address is broken: it is no percent-encoded UTF-8.")
        found = self._find(path)
        return self._moved(request, found) if isinstance(found, str) else self._represent(request, found)

    # --- what is meant --------------------------------------------------------------------------------------

    def _find(self, path: str) -> _Found | str:
        """The object that answers, or the address to go to. Raises Transient."""
        base = unquote(self.base)
        if base and path in {"/", base}:
            return f"{self.base}/"
        relative = below(path, base)
        if relative is None:
            return self._missing()
        if self._live and relative == reload.SCRIPT:
            return _Found(blob=reload.script(self._clock.now()))
        blob = self._get(page_key(relative))
        if blob:
            return _as_stored(blob)
        if relative and not relative.endswith("/") and self._has(f"{relative}/index.html"):
            return self.base + href(f"{relative}/")
        return self._missing()

    def _missing(self) -> _Found:
        blob = self._get("404.html")
        if blob is None:
            blob = Blob(body=b"Not found\n", etag="missing", modified=self._clock.now(), content_type=PLAIN)
        return _Found(blob=blob, status=404)

    def _get(self, key: str) -> Blob | None:
        try:
            return self._store.get(key)
        except NotFound:
            return None

    def _has(self, key: str) -> bool:
        try:
            self._store.head(key)
        except NotFound:
            return False
        return True

    # --- how it is said -------------------------------------------------------------------------------------

    def _represent(self, request: Request, found: _Found) -> Answer:
        """The object in the form that the client takes, or the part of it that the client lacks."""
        blob = self._prepared(found.blob)
        etag, body, headers = blob.etag, blob.body, self._headers(request, found, blob)
        if is_compressible(blob.content_type):
            feed = opened_type(blob.content_type)
            headers.append(("Vary", f"Accept-Encoding{', Sec-Fetch-Dest' if feed else ''}"))
            fits = SMALLEST < len(body) <= LARGEST
            if fits and accepts_gzip(request.header("accept-encoding")):
                etag += "-gz"
                body = self._gzip.compress(etag, body)
                headers.append(("Content-Encoding", "gzip"))
        headers.append(("ETag", f'"{etag}"'))
        answer = Answer(status=found.status, headers=headers, body=body)
        return self._conditional(request, blob, answer) if found.status == 200 else answer

    def _headers(self, request: Request, found: _Found, blob: Blob) -> list[Header]:
        opened = request.header("sec-fetch-dest") == "document"
        content_type = (opened and opened_type(blob.content_type)) or blob.content_type
        headers = [
            ("Content-Type", content_type),
            ("Cache-Control", self._cache_control(found)),
            ("Last-Modified", http_date(blob.modified)),
            *security(request.scheme, blob.metadata.get("content-security-policy", "")),
            *sharing(blob.content_type),
        ]
        if "link" in blob.metadata:
            headers.append(("Link", blob.metadata["link"]))
        if found.location:
            headers.append(("Location", found.location))
        return headers

    def _cache_control(self, found: _Found) -> str:
        kept = found.blob.cache_control or "public, max-age=60"
        if found.status == 404 or (self._live and "immutable" not in kept):
            return "no-cache"
        return kept

    def _prepared(self, blob: Blob) -> Blob:
        """The object with its media type whole and its time no later than now (RFC 9110, 8.8.2.1).

        Live, a page has the script that reloads it: another body, so under another ETag.
        """
        kind = blob.content_type or "application/octet-stream"
        if kind.startswith("text/") and "charset" not in kind.lower():
            kind += "; charset=utf-8"
        blob = replace(blob, content_type=kind, modified=min(blob.modified, self._clock.now()))
        if not self._live or not kind.startswith("text/html") or "content-security-policy" in blob.metadata:
            return blob
        version = f"{blob.etag}-live"
        source = f"{self.base}/{reload.SCRIPT}"
        tag = f'<script src="{escape(source)}" data-version="{escape(version)}" defer></script>\n'
        end = blob.body.lower().rfind(b"</body")
        if end < 0:
            return blob
        return replace(blob, body=blob.body[:end] + tag.encode() + blob.body[end:], etag=version)

    def _conditional(self, request: Request, blob: Blob, whole: Answer) -> Answer:
        etag = whole.header("etag")
        match verdict(request.headers, etag, blob.modified):
            case "failed":
                return self._plain(request, 412, "It is no longer the version that you asked for.")
            case "not modified":
                kept = [pair for pair in whole.headers if pair[0] not in {"Content-Type", "Content-Encoding"}]
                return Answer(status=304, headers=kept)
        if whole.header("content-encoding"):
            return whole
        headers = [*whole.headers, ("Accept-Ranges", "bytes")]
        if request.method != "GET":
            return replace(whole, headers=headers)
        size = len(whole.body)
        match wanted_span(request.headers, etag, blob.modified, self._clock.now(), size):
            case "all":
                return replace(whole, headers=headers)
            case "unsatisfiable":
                extent = [("Content-Range", f"bytes */{size}")]
                return self._plain(request, 416, f"There are {size} bytes.", extent)
            case first, last:
                headers.append(("Content-Range", f"bytes {first}-{last}/{size}"))
                return Answer(status=206, headers=headers, body=whole.body[first : last + 1])

    # --- what no object answers -----------------------------------------------------------------------------

    def _options(self, request: Request) -> Answer:
        """What may be done here; for a feed also that other sites' scripts may (CORS preflight)."""
        headers = [ALLOW, *security(request.scheme)]
        path = decode(request.target)  # none of "*", which stands for the server as a whole
        found = None if path is None else self._find(path)
        if isinstance(found, _Found):
            headers += sharing(found.blob.content_type, preflight=True)
        return Answer(status=204, headers=headers)

    def _moved(self, request: Request, location: str) -> Answer:
        """A redirect within the site, the query kept. To the base it is for now: the base is a setting."""
        passing = location == f"{self.base}/"
        query = f"?{request.query}" if request.query else ""
        headers = [("Location", location + query)]
        if not passing and not self._live:
            headers.append(("Cache-Control", "public, max-age=60"))
        return self._plain(request, 302 if passing else 301, "It is elsewhere.", headers)

    def _plain(self, request: Request, status: int, text: str, more: list[Header] | None = None) -> Answer:
        headers = [("Content-Type", PLAIN), *(more or []), *security(request.scheme)]
        if not any(name == "Cache-Control" for name, _ in headers):
            headers.append(("Cache-Control", "no-cache"))
        return Answer(status=status, headers=headers, body=f"{text}\n".encode())


def _as_stored(blob: Blob) -> _Found:
    """The object, under the status that its metadata gives it: gone (410), or moved for good (301)."""
    match blob.metadata.get("status"):
        case "410":
            return _Found(blob=blob, status=410)
        case "301" if blob.metadata.get("location"):
            return _Found(blob=blob, status=301, location=blob.metadata["location"])
    return _Found(blob=blob)
