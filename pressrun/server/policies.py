"""Headers that say what browsers and other sites may do with what we serve."""

from __future__ import annotations

from typing import Final

from pressrun.server.messages import Header

# Articles embed pictures and recordings from elsewhere; nothing else comes from there, nothing inline runs.
# JSON-LD is a data block and needs no permission. `data:` pictures are what stylesheets hold.
SITE_POLICY: Final = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' https: data:",
        "media-src 'self' https:",
        "style-src 'self'",
        "script-src 'self'",
        "object-src 'none'",
        "frame-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ]
)
_PERMISSIONS: Final = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
_SHARED: Final = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/feed+json", "text/x-opml"}
)


def opened_type(content_type: str) -> str:
    """What a feed in XML is called where somebody opens it in a browser ("": anything else).

    Browsers show RSS and Atom of their own media types as source text, and as plain XML in the feed's style sheet.
    They alone send `Sec-Fetch-Dest: document` (Fetch Metadata), so feed readers get what feeds are to be.
    """
    kind = content_type.partition(";")[0].strip().lower()
    return "application/xml; charset=utf-8" if kind in {"application/rss+xml", "application/atom+xml"} else ""


def security(scheme: str, policy: str = "") -> list[Header]:
    """For every response. `policy` takes the place of the site's CSP; HSTS only over TLS (RFC 6797, 7.2)."""
    headers = [
        ("Content-Security-Policy", policy or SITE_POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "strict-origin-when-cross-origin"),
        ("Permissions-Policy", _PERMISSIONS),
    ]
    if scheme == "https":
        headers.append(("Strict-Transport-Security", "max-age=31536000"))
    return headers


def sharing(content_type: str, *, preflight: bool = False) -> list[Header]:
    """CORS for feeds and lists of feeds, which readers in a browser fetch from their own sites."""
    if content_type.partition(";")[0].strip().lower() not in _SHARED:
        return []
    headers = [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Expose-Headers", "ETag, Link, Content-Length"),
    ]
    if preflight:
        headers += [
            ("Access-Control-Allow-Methods", "GET, HEAD"),
            ("Access-Control-Allow-Headers", "If-None-Match, If-Modified-Since, Cache-Control, Range"),
            ("Access-Control-Max-Age", "86400"),
        ]
    return headers
