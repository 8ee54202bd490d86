"""The desk's pages: Jinja templates of our own, which no publication replaces, a stylesheet and a script."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from pressrun.rendering.charts import bars, columns
from pressrun.rendering.shipped import template_folder

FILES = {"style.css": "text/css; charset=utf-8", "desk.js": "text/javascript; charset=utf-8"}
"""What the pages load, by name, with its type."""


def desk_page(name: str, /, **values: object) -> str:
    """The text of `templates/desk/<name>.html`. Every value is escaped."""
    return _environment().get_template(f"{name}.html").render(values)


@cache
def desk_file(name: str) -> bytes:
    """One of FILES."""
    return (template_folder() / "desk" / name).read_bytes()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(template_folder() / "desk"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"when": _when, "iso": _iso, "number": _number, "noun": _noun}
    environment.globals |= {"columns": _plot(columns), "bars": _plot(bars)}
    return environment


def _plot(draw: object) -> object:
    """A plot, whose labels are escaped where it is drawn."""
    return lambda *values: Markup(draw(*values))  # type: ignore[operator]  # noqa: S704


def _moment(value: datetime | str) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _iso(value: datetime | str) -> str:
    return _moment(value).astimezone(UTC).isoformat(timespec="seconds")


@pass_context
def _when(context: Context, value: datetime | str) -> Markup:
    """A moment in the publication's time zone."""
    if not value:
        return Markup("")
    local = _moment(value).astimezone(ZoneInfo(str(context.get("zone", "UTC"))))
    return Markup('<time datetime="{}">{}</time>').format(_iso(value), f"{local:%-d %b %Y, %H:%M}")


def _number(value: float) -> str:
    return f"{value:,}"


def _noun(value: int, noun: str) -> str:
    """ "1 reader", "1,204 readers"."""
    return f"{value:,} {noun}{'' if value == 1 else 's'}"
