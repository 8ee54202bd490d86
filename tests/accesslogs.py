"""Access logs for tests: lines as each program writes them."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from urllib.parse import quote

import orjson

from pressrun.parsing.accesslogs.columns import USUAL

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
FEEDLY = "Feedly/1.0 (+http://www.feedly.com/fetcher.html; {} subscribers; like FeedFetcher-Google)"
MINIFLUX = "Mozilla/5.0 (compatible; Miniflux/2.2.3; +https://miniflux.app)"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
HEADER = f"#Version: 1.0\n#Fields: {' '.join(USUAL)}\n"
DAY = "2026-03-01"


def fields(path: str = "/tide/", **others: str) -> dict[str, str]:
    """A request as CloudFront logs it: a person's, unless it says otherwise."""
    named = dict.fromkeys(USUAL, "-") | {
        "date": others.get("day", DAY),
        "time": "11:00:00",
        "c-ip": others.get("ip", "198.51.100.7"),
        "cs-method": others.get("method", "GET"),
        "cs-uri-stem": path,
        "sc-status": others.get("status", "200"),
        "cs(User-Agent)": quote(others["agent"], safe="/();,:+=") or "-"
        if "agent" in others
        else quote(CHROME),
    }
    if "range" in others:
        named["sc-range-start"], named["sc-range-end"] = others["range"].split("-")
    return named


def tabbed(*requests: dict[str, str], header: bool = True) -> bytes:
    """A CloudFront log, legacy."""
    lines = ["\t".join(request[name] for name in USUAL) + "\n" for request in requests]
    return ((HEADER if header else "") + "".join(lines)).encode()


def objects(*requests: dict[str, str]) -> bytes:
    """A CloudFront log, v2 as JSON."""
    return b"".join(orjson.dumps(request) + b"\n" for request in requests)


def combined(
    path: str = "/tide/",
    *,
    agent: str = CHROME,
    status: str = "200",
    time: str = "01/Mar/2026:11:00:00 +0000",
) -> bytes:
    """A line of nginx."""
    return f'198.51.100.7 - - [{time}] "GET {path} HTTP/1.1" {status} 512 "-" "{agent}"\n'.encode()


def s3_line(
    key: str = "tide/index.html", *, agent: str = CHROME, referer: str = "-", status: str = "200"
) -> bytes:
    """A line of S3's server access log."""
    return (
        f"79a5 bucket [01/Mar/2026:11:00:00 +0000] 198.51.100.7 - 3E57427F3EXAMPLE WEBSITE.GET.OBJECT {key} "
        f'"GET /{key} HTTP/1.1" {status} - 113 113 7 6 "{referer}" "{agent}" - s9lz= - - - host - -\n'
    ).encode()


def gz(*members: bytes) -> bytes:
    """gzip, each part a member of its own."""
    return b"".join(gzip.compress(member, 1) for member in members)


def pieces(data: bytes, size: int) -> Iterable[bytes]:
    """As a network brings it."""
    return (data[at : at + size] for at in range(0, len(data), size))
