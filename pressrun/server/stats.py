"""Pages of statistics, for the publication's own people: on this machine only.

| address | what |
|---|---|
| `/stats/` | views and hits by day, the most read articles, subscribers by reader, opens, lines by reason |
| `/stats/<path>` | an article by day |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Final
from urllib.parse import unquote

from pressrun.domain.urls import href
from pressrun.domain.views import Figure
from pressrun.rendering.charts import bars, columns
from pressrun.server.messages import Answer, Header, Request
from pressrun.server.outbox import from_this_machine
from pressrun.server.policies import security
from pressrun.server.site import PLAIN
from pressrun.services.reach import MEANING, Reach
from pressrun.services.report import History
from pressrun.services.totals import Read

FOLDER: Final = "stats"
SHOWN: Final = 90  # days
LISTED: Final = 50  # articles
_NUMBERS: Final = ("Reach", "Views", "Hits", "Imported", "Delivered", "Bounced")
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_HTML: Final = "text/html; charset=utf-8"


class StatsPages:
    """Answers for the statistics. Changes nothing; may be called from any thread."""

    def __init__(self, history: Callable[[], History]) -> None:
        self._history = history

    def covers(self, target: bytes, base: str) -> bool:
        """Whether an address is one of the statistics'."""
        root = f"{base}/{FOLDER}".encode()
        return target == root or target.startswith(root + b"/")

    def answer(self, request: Request, base: str) -> Answer:
        """The page. To other machines there are no statistics. Raises Transient."""
        if not from_this_machine(request):
            return _answer(request, 404, PLAIN, "There is nothing here.\n")
        if request.method not in {"GET", "HEAD"}:
            return _answer(
                request, 405, PLAIN, "Only GET and HEAD are answered here.\n", ("Allow", "GET, HEAD")
            )
        root = f"{base}/{FOLDER}"
        path = unquote(request.target.decode("ascii", "replace")).removeprefix(root)
        if not path:
            return _answer(request, 308, PLAIN, "", ("Location", f"{root}/"))
        if path == "/style.css":
            return _answer(request, 200, "text/css; charset=utf-8", _STYLE)
        history = self._history()
        if path == "/":
            return _answer(request, 200, _HTML, _page("Statistics", _overview(history, base), root))
        read = history.reads.get(path[1:])
        if read is None:
            return _answer(request, 404, PLAIN, "There is no such article.\n")
        return _answer(request, 200, _HTML, _page(read.title, _article(history, path[1:], base), root))


def _overview(history: History, base: str) -> str:
    views = history.views()
    listed = "".join(
        _row(read, history.reach(read.path), f"{base}/{FOLDER}{href(read.path)}")
        for read in history.foremost()[:LISTED]
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in _NUMBERS)
    readers: dict[str, int] = {}
    for families in history.subscribers().values():
        for family, figure in families.items():
            readers[family] = readers.get(family, 0) + figure.count
    ranked = sorted(readers.items(), key=lambda row: (-row[1], row[0]))
    parts = [
        "<h1>Statistics</h1>",
        _section("Views by day", _plot(views, "Views by day"), "Behind them, paler: hits."),
        _section(
            "Articles",
            f'<table class=listed><thead><tr><th scope="col">Article</th>{heads}</tr></thead>'
            f"<tbody>{listed}</tbody></table>"
            if listed
            else "",
            MEANING,
        ),
        _section(
            "Feed subscribers by reader",
            bars(ranked[:20], "Subscribers by reader"),
            "As readers report them; where they do not, as many as came, which is an estimate.",
        ),
        _section("Feed subscribers by day", columns(_last(history.subscribed()), "Subscribers by day")),
        _section(
            "Opens by machines",
            columns(_last(history.opens()), "Opens by day") if any(history.opens().values()) else "",
            "Pictures that mail services fetched. They say nothing of people, and are no views.",
        ),
        _section(
            "Lines of the logs",
            bars(history.reasons().most_common(), "Lines by reason"),
            "Every line has one reason.",
        ),
    ]
    return "".join(parts)


def _row(read: Read, reach: Reach, url: str) -> str:
    cells = [
        _number(reach.figure, approximate=reach.approximate),
        _number(read.views, approximate=read.counted.approximate),
        f"{read.counted.hits:,}",
        f"{read.imported:,}",
        f"{reach.mailed.delivered:,}",
        f"{reach.mailed.bounced:,}",
    ]
    return (
        f'<tr><td><a href="{url}">{escape(read.title)}</a></td>'
        + "".join(f'<td data-label="{name}">{cell}</td>' for name, cell in zip(_NUMBERS, cells, strict=True))
        + "</tr>"
    )


def _reached(reach: Reach) -> str:
    """One figure, how sure it is, and what it is made of."""
    mailed = reach.mailed
    sure = f"; {reach.least:,} if the same people came by every way" if reach.approximate else ": views alone"
    parts = [
        ("Views by people", _number(reach.views, approximate=reach.estimated)),
        ("Mails delivered", f"{mailed.delivered:,}"),
        ("Feed subscribers", _number(reach.subscribers, approximate=bool(reach.subscribers))),
        ("Mails bounced, which are not in it", f"{mailed.bounced:,}"),
        ("Mails whose fate nobody knows, which are not in it", f"{mailed.uncertain:,}"),
    ]
    rows = "".join(f"<tr><td>{name}</td><td>{number}</td></tr>" for name, number in parts)
    return (
        f"<p><strong>{_number(reach.figure, approximate=reach.approximate)}</strong>{sure}.</p>"
        f"<table><tbody>{rows}</tbody></table>"
    )


def _article(history: History, path: str, base: str) -> str:
    read = history.reads[path]
    imported = f", {read.imported:,} of them brought along from another system" if read.imported else ""
    sure = (
        "The number is an estimate, right to about 2 %."
        if read.counted.approximate
        else "The number is exact."
    )
    return (
        f'<p><a href="{base}/{FOLDER}/">Statistics</a></p><h1>{escape(read.title)}</h1>'
        f"<p>{_number(read.views, approximate=read.counted.approximate)} views{imported}; "
        f"{read.counted.hits:,} hits. {sure}</p>"
        + _section("Reach", _reached(history.reach(path)), MEANING)
        + _section("Views by day", _plot(history.of(path), "Views by day"), "Behind them, paler: hits.")
        + f'<p><a href="{base}{href(path)}">Read the article</a></p>'
    )


def _plot(figures: Mapping[str, Figure], title: str) -> str:
    shown = _last({name: figure.count for name, figure in figures.items()})
    return columns(shown, title, {name: figures[name].hits for name in shown})


def _last(values: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(values.items())[-SHOWN:])


def _number(value: int, *, approximate: bool) -> str:
    return f"{'≈ ' if approximate else ''}{value:,}"


def _section(title: str, body: str, note: str = "") -> str:
    if not body:
        return f"<section><h2>{title}</h2><p>Nothing yet.</p></section>"
    return f"<section><h2>{title}</h2>{body}{f'<p class=note>{note}</p>' if note else ''}</section>"


def _page(title: str, body: str, root: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="{root}/style.css">'
        f"</head><body><main>{body}</main></body></html>"
    )


def _answer(request: Request, status: int, kind: str, body: str, *more: Header) -> Answer:
    headers = [
        ("Content-Type", kind),
        ("Cache-Control", "no-store"),
        *security(request.scheme, _POLICY),
        *more,
    ]
    return Answer(status=status, headers=headers, body=body.encode("utf-8", "replace"))


_STYLE: Final = """\
:root { color-scheme: light dark; --line: #8884; --quiet: #6b6b6b; --link: #0a58ca; --bar: #a3124a; --pale: #a3124a44; }
@media (prefers-color-scheme: dark) {
  :root { --quiet: #a0a0a0; --link: #7fb2ff; --bar: #ff93b5; --pale: #ff93b544; }
}
body { margin: 0; background: Canvas; color: CanvasText; font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
a { color: var(--link); }
svg { width: 100%; height: auto; }
svg text { font-size: 12px; fill: var(--quiet); }
.bar { fill: var(--bar); } .quiet { fill: var(--pale); } .axis { stroke: var(--line); }
.note { color: var(--quiet); font-size: .9rem; }
section { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; white-space: nowrap; padding: .3rem .5rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  svg text { font-size: 20px; }
  .listed, .listed tbody { display: block; }
  .listed thead { position: absolute; clip-path: inset(50%); }
  .listed tr { display: grid; grid-template-columns: repeat(3, 1fr); gap: .3rem; padding: .5rem 0;
    border-bottom: 1px solid var(--line); }
  .listed td { text-align: left; padding: 0; border: 0; }
  .listed td:first-child { grid-column: 1 / -1; }
  .listed td[data-label]::before { content: attr(data-label); display: block; font-size: .85rem; color: var(--quiet); }
}
"""
