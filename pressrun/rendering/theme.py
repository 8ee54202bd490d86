"""A publication's theme: templates, words, dates and addresses, made ready once and used for every page."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from types import MappingProxyType
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from markupsafe import Markup, escape

from pressrun.domain import urls
from pressrun.domain.feeds import FILES, FORMATS, MEDIA_TYPES, Format
from pressrun.domain.links import API
from pressrun.domain.listings import SITE, Collection
from pressrun.domain.newsletters import Newsletter
from pressrun.domain.publication import NavLink, Publication
from pressrun.rendering.sandbox import Plain, Sandbox
from pressrun.rendering.shipped import fingerprint_of, shipped
from pressrun.rendering.words import languages, locale_for, words_for

SCRIPTS = ("views", "page", "search")  # of pages: web/<name>.js
MAX_TIMES = 4_096  # that are kept: more than a page shows
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternate:
    """A feed as a page announces it (`<link rel="alternate">`)."""

    name: str  # of its format: "RSS"
    title: str
    type: str
    path: str  # below the site's root
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A tag or an author by name. `url` is what an href holds."""

    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The publication as templates see it. Addresses begin with the path that the site stands under."""

    title: str
    description: str
    copyright: str
    language: str
    direction: str
    home: str
    stylesheet: str
    script: str  # fills in how often articles were read
    tools: str  # the script that copies addresses and hands pages on
    beacon: str  # where a page reports that it was read; "" where none does
    icon: str
    nav: tuple[NavLink, ...]
    feeds: tuple[Alternate, ...]
    newsletters: tuple[Newsletter, ...]


class Theme:
    """What pages are made with.

    `overrides` maps "web/article.html", "web/style.css" or "words/nl.toml" to the text that the publication
    brings; "web/extra.css" is added to the shipped stylesheet. As soon as a template is among them, all are
    rendered in a sandbox. Raises Invalid, with file and line, where one of them is broken.
    """

    def __init__(self, publication: Publication, overrides: Mapping[str, str] = _NONE) -> None:
        self.publication = publication
        self._overrides = overrides
        self._spoken: dict[str, Theme] = {}
        self.zone = ZoneInfo(publication.timezone)
        self.locale = locale_for(publication.language)
        self.words = words_for(publication.language, shipped(), overrides)
        self.base = quote(publication.base, safe="/%~:@!$&()*+,;=")
        self.origin = publication.origin
        self.fingerprint = fingerprint_of(publication, overrides)
        self.stylesheet = _stylesheet(overrides)
        self.languages = languages(shipped(), overrides)  # that there are words in
        self.stylesheet_path = f"/style.{hashlib.sha256(self.stylesheet).hexdigest()[:10]}.css"
        self.scripts = {name: self.source(f"web/{name}.js").encode() for name in SCRIPTS}
        self._dates: dict[tuple[date, str], str] = {}
        self._times: dict[tuple[datetime, str], Markup] = {}
        self._bylines: dict[tuple[str, ...], Markup] = {}
        self._tags: dict[str, Link] = {}
        self._authors: dict[str, Link] = {}
        self._readings: dict[int, Markup] = {}
        self._chrome: dict[str, Markup] = {}
        self.site = self._site()
        self.feed_stylesheet = self._feed_stylesheet()
        self._sandbox: Sandbox | None = None
        self._environment: Plain | Sandbox = Plain(shipped())
        brought = {name: text for name, text in overrides.items() if name.endswith((".html", ".txt"))}
        if brought:
            self._environment = self._sandbox = Sandbox(shipped(), brought)
        self._environment.globals |= {
            "site": self.site,
            "t": self.words.markup,
            "number": self.words.number,
            "href": self.href,
            "time": self.time,
            "byline": self.byline,
        }

    def speaking(self, language: str) -> Theme:
        """The same theme in another language, for mails; itself where that is the publication's, or empty."""
        if not language or language.casefold() == self.publication.language.casefold():
            return self
        if language not in self._spoken:
            self._spoken[language] = Theme(replace(self.publication, language=language), self._overrides)
        return self._spoken[language]

    def has(self, name: str) -> bool:
        """Whether there is a template of this name."""
        return name in self._overrides or name in shipped()

    def source(self, name: str) -> str:
        """A template's or style sheet's text, the publication's own before the shipped."""
        return self._overrides[name] if name in self._overrides else shipped()[name]

    def script_path(self, name: str) -> str:
        """Where one of `SCRIPTS` is, as a path of the site: its name changes with its bytes."""
        return f"/{name}.{hashlib.sha256(self.scripts[name]).hexdigest()[:10]}.js"

    def render(self, name: str, **values: object) -> str:
        """The text of a template. Raises Invalid where a template of the publication cannot be rendered."""
        template = self._environment.get_template(name)
        if self._sandbox is not None:
            return self._sandbox.render(template, values)
        return template.render(values)

    def compile(self, name: str) -> None:
        """Makes a template ready to be rendered, for every theme of this process that has the same text of it."""
        self._environment.get_template(name)

    def chrome(self, name: str, section: str = "") -> Markup:
        """A part that all pages of a section share ("web/header.html"), rendered once."""
        key = f"{name} {section}"
        if key not in self._chrome:
            self._chrome[key] = Markup(self.render(name, section=section))  # noqa: S704 - a template's output
        return self._chrome[key]

    def href(self, url: str) -> str:
        """What a link on a page holds: a path of the site with its base and percent-encoded, or the http(s)
        or mailto URL as it is; nothing for any other scheme."""
        if url[:1] == "/" and url[:2] != "//":
            if _PLAIN_PATH.fullmatch(url):
                return self.base + url
            path, mark, rest = _divided(url)
            return f"{self.base}{urls.href(path.removeprefix('/'))}{mark}{quote(rest, safe=_SAFE)}"
        return url if urlsplit(url).scheme.lower() in {"http", "https", "mailto"} else ""

    def absolute(self, url: str) -> str:
        """The same as an absolute URL, for readers that do not know which site they are on."""
        href = self.href(url)
        return self.origin + href if href[:1] == "/" else href

    def tag(self, name: str) -> Link:
        """A link to the tag of this name."""
        if name not in self._tags:
            self._tags[name] = Link(name=name, url=self.href(Collection.tag(name).path))
        return self._tags[name]

    def author(self, name: str) -> Link:
        """A link to the author of this name."""
        if name not in self._authors:
            self._authors[name] = Link(name=name, url=self.href(Collection.author(name).path))
        return self._authors[name]

    def reading(self, minutes: int) -> Markup:
        """How long it takes to read, in words."""
        if minutes not in self._readings:
            self._readings[minutes] = self.words.markup("article.minutes", count=minutes)
        return self._readings[minutes]

    def foreign(self, language: str) -> str:
        """The language where it is not the publication's, else nothing."""
        return "" if language.casefold() == self.publication.language.casefold() else language

    def direction(self, language: str) -> str:
        """Which way a language is written; the publication's where none is given."""
        return direction_of(language or self.publication.language)

    def local(self, moment: datetime) -> datetime:
        """The moment in the publication's time zone."""
        try:
            return moment.astimezone(self.zone)
        except OverflowError:  # the first or last hours of the calendar
            return moment

    def day(self, day: date, style: str = "long") -> str:
        """A day in words; style "month" gives its month and year, "month name" and "day" only that."""
        key = (day, style)
        if key not in self._dates:
            self._dates[key] = self._date(day, style)
        return self._dates[key]

    def time(self, moment: datetime, style: str = "long") -> Markup:
        """A moment's day as a `<time>` element."""
        key = (moment, style)
        if key not in self._times:
            if len(self._times) >= MAX_TIMES:
                self._times.clear()
            local = self.local(moment)
            words = escape(self.day(local.date(), style))
            self._times[key] = Markup(  # noqa: S704 - the words are escaped
                f'<time datetime="{local.isoformat(timespec="seconds")}">{words}</time>'
            )
        return self._times[key]

    def byline(self, names: Sequence[str]) -> Markup:
        """ "By" and the authors, each linked to their page, joined as the language joins a list."""
        key = tuple(names)
        if key not in self._bylines:
            linked = Markup('<a href="{}" rel="author">{}</a>')
            links = [str(linked.format(self.author(name).url, name)) for name in key]
            joined = Markup(format_list(links, locale=self.locale))  # noqa: S704 - each link is escaped
            self._bylines[key] = self.words.markup("article.by", authors=joined)
        return self._bylines[key]

    def feeds(self, of: Collection = SITE) -> tuple[Alternate, ...]:
        """The feeds of a collection."""
        title = f"{self.publication.title}: {of.name}" if of.name else self.publication.title
        return tuple(
            Alternate(
                name=_FORMAT_NAMES[form],
                title=f"{title} ({_FORMAT_NAMES[form]})",
                type=MEDIA_TYPES[form],
                path=of.path + FILES[form],
                url=self.href(of.path + FILES[form]),
            )
            for form in FORMATS
        )

    def _feed_stylesheet(self) -> bytes:
        """What a feed looks like that somebody opened, with a word of what it is: CSS makes no link of an address."""
        told = self.words.text("feeds.opened", url=self.absolute("/feeds/"))
        escaped = re.sub(r'["\\\n\r\f]', lambda found: f"\\{ord(found[0]):x} ", told)
        return f'{self.source("web/feed.css")}\n:root::before {{ content: "{escaped}"; }}\n'.encode()

    def _date(self, day: date, style: str) -> str:
        if style == "month":
            return str(format_skeleton("yMMMM", day, locale=self.locale))
        if style == "month name":
            name = str(format_date(day, "LLLL", locale=self.locale))
            return name[:1].upper() + name[1:]
        if style == "day":
            return str(format_skeleton("MMMd", day, locale=self.locale))
        return str(format_date(day, style, locale=self.locale))

    def _site(self) -> Site:
        publication = self.publication
        default = [NavLink(title=self.words.text(f"nav.{name}"), url=f"/{name}/") for name in _SECTIONS]
        return Site(
            title=publication.title,
            description=publication.description,
            copyright=publication.copyright,
            language=publication.language,
            direction=direction_of(publication.language),
            home=self.href("/"),
            stylesheet=self.href(self.stylesheet_path),
            script=self.href(self.script_path("views")),
            tools=self.href(self.script_path("page")),
            beacon=self.href(f"{API}view") if publication.views.beacon else "",
            icon=self.href("/favicon.svg"),
            nav=publication.nav or tuple(default),
            feeds=self.feeds(),
            newsletters=publication.newsletters,
        )


_FORMAT_NAMES: Mapping[Format, str] = {"rss": "RSS", "atom": "Atom", "json": "JSON Feed"}
_SECTIONS = ("archive", "tags", "authors", "feeds")
_PLAIN_PATH = re.compile(r"[a-zA-Z0-9/._-]*")
_SAFE = "/~!$&'()*+,;=:@?%#-._"


def _divided(url: str) -> tuple[str, str, str]:
    """A path, the `?` or `#` that ends it, and what follows."""
    ends = [at for at in (url.find("?"), url.find("#")) if at >= 0]
    at = min(ends, default=len(url))
    return url[:at], url[at : at + 1], url[at + 1 :]


@cache
def direction_of(language: str) -> str:
    """ "rtl" for a language that is written from right to left, else "ltr"."""
    return str(locale_for(language).text_direction)


def _stylesheet(overrides: Mapping[str, str]) -> bytes:
    sheet = overrides.get("web/style.css", shipped()["web/style.css"])
    return "\n".join(filter(None, [sheet, overrides.get("web/extra.css")])).encode()
