"""What feeds may say: text, names, addresses, languages and dates as every reader takes them.

`item_of` turns an entry into strings that only need escaping to stand in a document.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from pressrun.domain.feeds import Entry
from pressrun.domain.publication import Person, Podcast

_CONTROLS = bytes({*range(0x20), 0x7F} - {0x09, 0x0A, 0x0D})
_C1 = re.compile(b"\xc2[\x80-\x9f]")
_NONCHARACTER = re.compile(
    "[\ufdd0-\ufdef"
    + "".join(f"{chr(n + 0xFFFE)}{chr(n + 0xFFFF)}" for n in range(0, 0x110000, 0x10000))
    + "]"
)
_HIGH = (0xEF, 0xF0, 0xF1, 0xF2, 0xF3, 0xF4)  # one of these begins each noncharacter in UTF-8,
_SUSPECT = (b"\xef\xb7", b"\xbf\xbe", b"\xbf\xbf")  # and one of these stands in it
_PLAIN_URL = re.compile(
    r"https?://[A-Za-z0-9.-]+(:\d+)?([/?]([A-Za-z0-9/._~!$&'()*+,;=:@?-]|%[0-9A-Fa-f]{2})*)?(#[\w.~/-]*)?",
    re.ASCII,
)
_STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_LANGUAGE = re.compile("[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
_ISO_639_1 = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de "
    "dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id "
    "ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu "
    "lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu "
    "rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to "
    "tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu "
)
_MAILBOX = re.compile(r"\s*<[^<>\s]*@[^<>\s]*>")
_MAIL_ADDRESS = re.compile(r"([^\s@]+)@[^\s@]+\.[^\s@]+")
_MOST = 2**53 - 1  # the largest integer that every JSON reader keeps
_TYPES = {
    "aac": "audio/aac",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "webm": "video/webm",
}
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)


def clean(text: str) -> str:
    """Text without what no feed may hold: control characters, lone surrogates, Unicode's noncharacters.

    Tab, newline and carriage return stay. By bytes, since a regular expression takes ten times as long.
    """
    utf8 = text.encode("utf-8", "ignore").translate(None, _CONTROLS)
    if text.isascii():
        return text if len(utf8) == len(text) else utf8.decode()
    if b"\xc2" in utf8:
        utf8 = _C1.sub(b"", utf8)
    if any(lead in utf8 for lead in _HIGH) and any(part in utf8 for part in _SUSPECT):
        return _NONCHARACTER.sub("", utf8.decode())
    return utf8.decode()


def line(text: str) -> str:
    """Plain text as one clean line."""
    return " ".join((text if text.isprintable() else clean(text)).split())


def byline(name: str) -> str:
    """A name without the mail address that may have come with it."""
    if "@" in name:
        name = _MAIL_ADDRESS.sub(r"\1", _MAILBOX.sub("", clean(name)))
    return line(name)


@lru_cache(maxsize=1024)
def address(url: str) -> str:
    """An absolute http or https URL in ASCII, percent-encoded; "" for anything else."""
    if _PLAIN_URL.fullmatch(url):
        return url
    try:
        parts = urlsplit(line(url))
        host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    except ValueError:  # UnicodeError is one
        return ""
    if parts.scheme not in {"http", "https"} or not re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", host):
        return ""
    path, query, fragment = (
        quote(_STRAY_PERCENT.sub("%25", part), safe="/%:@!$&'()*+,;=~?") for part in parts[2:]
    )
    return urlunsplit((parts.scheme, host, path, query, fragment))


@lru_cache(maxsize=256)
def language_tag(language: str) -> str:
    """A BCP 47 tag as it is written, "_" mended; "" for what is none or names an unknown language."""
    tag = language.strip().replace("_", "-")
    if not _LANGUAGE.fullmatch(tag):
        return ""
    return tag if _known(tag.split("-")[0].lower()) else ""


def _known(language: str) -> bool:
    """Whether ISO 639-1 names it or, if of three letters, Unicode's locale data, which take 40 ms to read."""
    if len(language) == 2:
        return f"{language} " in _ISO_639_1
    from babel import Locale

    return language in Locale("en").languages


@lru_cache(maxsize=1024)
def people(persons: tuple[Person, ...]) -> tuple[tuple[str, str], ...]:
    """(name, URL or "") of each person that has a name, nobody twice."""
    found = {byline(person.name): address(person.url) for person in persons}
    return tuple((name, url) for name, url in found.items() if name)


def moment(when: datetime) -> datetime:
    """A date that both notations can say: whole seconds, an offset of whole minutes."""
    offset = when.utcoffset()
    if offset is None:
        raise ValueError("a feed's dates need a time zone")
    return (when.astimezone(UTC) if offset.total_seconds() % 60 else when).replace(microsecond=0)


class Item(NamedTuple):
    """An entry in strings, "" where it has nothing to say. `*_html` is plain text escaped once, as HTML."""

    id: str
    url: str
    title: str
    title_html: str
    summary: str
    summary_html: str
    published: str
    published_rss: str
    updated: str
    tag_scheme: str
    language: str
    image: str
    image_alt: str
    file: str
    file_type: str
    file_bytes: str
    duration: str  # seconds
    explicit: str  # "true" or "false"; "" where the entry is no episode
    season: str
    episode: str
    byline: str
    authors: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]


def as_html(text: str) -> str:
    """Plain text in a place that holds HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def item_of(entry: Entry, podcast: Podcast | None) -> Item:
    """The entry, ready to be escaped. Its address stands in for a blank title: readers show nothing else.

    Raises ValueError where `url` is no absolute web address or a date has no time zone.
    """
    url = address(entry.url)
    if not url:
        raise ValueError(f"not an absolute http or https address: {entry.url!r}")
    title = line(entry.title) or url
    summary = line(entry.summary)
    published = moment(entry.published)
    authors = people(entry.authors)
    image = address(entry.image.src) if entry.image else ""
    file = address(entry.enclosure.src) if entry.enclosure else ""
    sound = entry.enclosure if file else None
    episode = podcast if sound else None
    return Item(
        id=line(entry.id),
        url=url,
        title=title,
        title_html=as_html(title),
        summary=summary,
        summary_html=as_html(summary),
        published=published.isoformat(),
        published_rss=format_datetime(published),
        updated=moment(entry.updated).isoformat(),
        tag_scheme=address(entry.tag_scheme),
        language=language_tag(entry.language),
        image=image,
        image_alt=line(entry.image.alt) if entry.image and image else "",
        file=file,
        file_type=_media_type(file, sound.type) if sound else "",
        file_bytes=str(min(max(sound.length, 0), _MOST)) if sound else "",
        duration=str(min(sound.duration, _MOST)) if sound and sound.duration > 0 else "",
        explicit=str(episode.explicit).lower() if episode else "",
        season=str(entry.season) if episode and entry.season > 0 else "",
        episode=str(entry.episode) if episode and entry.episode > 0 else "",
        byline=", ".join(name for name, _ in authors)[:255] if episode else "",
        authors=authors,
        tags=tuple(dict.fromkeys(tag for tag in map(line, entry.tags) if tag)),
    )


def _media_type(url: str, given: str) -> str:
    """The type given, or the one that the file's ending tells."""
    if _TYPE.fullmatch(given):
        return given
    return _TYPES.get(url.rsplit(".", 1)[-1].lower(), "application/octet-stream")
