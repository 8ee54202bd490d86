"""A publication's settings, as `pressrun.toml` gives them. `pressrun.config` validates; this only holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pressrun.domain.newsletters import MailSettings, Newsletter


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An author. `name` is what bylines print and what articles refer to."""

    name: str  # as bylines print it and articles write it
    url: str = ""  # their own page, linked from their page here
    bio: str = ""  # a sentence or two on their page


@dataclass(frozen=True, slots=True, kw_only=True)
class NavLink:
    """An entry of the site's own navigation. `url` is a path of the site or an absolute URL."""

    title: str  # what the link says
    url: str  # a path of the site, or a whole address


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """What a feed document holds at most. What does not fit is reached through the archives."""

    entries: int = 20  # articles in a feed; older ones stand in its archive documents
    bytes: int = 100_000  # the size a document should stay under
    max_bytes: int = 250_000  # the size it must stay under, unless one entry alone is larger
    min_entries: int = 5  # kept beyond `bytes` as long as `max_bytes` holds
    hub: str = ""  # a WebSub hub; empty: none
    ttl_minutes: int = 60  # how often a feed reader need look again


@dataclass(frozen=True, slots=True, kw_only=True)
class Podcast:
    """What podcast directories ask for. Without it an audio enclosure is published plain."""

    category: str = "Society & Culture"  # one of Apple's
    image: str = ""  # the cover: a square JPEG or PNG, 1400 to 3000 pixels wide
    explicit: bool = False  # whether it is for adults alone
    owner: str = ""  # whom directories write to
    email: str = ""  # and where; it stands in the feed for all to see
    guid: str = ""  # the podcast's own, where it has one already; empty: made from the feed's address


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSettings:
    """How views are counted."""

    own: tuple[
        str, ...
    ] = ()  # addresses and networks of the publication's own people: their visits do not count
    keep_logs_days: int = 30  # that our own server's logs are kept once they are counted; 0: for ever
    beacon: bool = False  # pages report that they were read, for a host that gives no logs


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """What is made of pictures and titles."""

    cards: bool = True  # an article without a photograph gets a card of its title, for who shows a link to it
    colour: str = "#a3124a"  # of cards
    location: bool = False  # published pictures go on saying where they were taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The settings of one publication. Every field has a default that works."""

    title: str = "Untitled publication"  # the publication's name
    url: str = "http://127.0.0.1:8000"  # the address that readers type, without a slash at its end
    description: str = ""  # a sentence: feeds and search engines show it
    language: str = "en"  # a BCP 47 tag; an article may say otherwise
    timezone: str = "UTC"  # an IANA name, for dates that are written without one
    authors: tuple[Person, ...] = ()
    id_authority: str = ""  # RFC 4151 authority and date, "example.org,2026"; empty: derived from `url`
    copyright: str = ""  # in the site's footer and the feeds
    nav: tuple[NavLink, ...] = ()
    smart_punctuation: bool = True  # "straight quotes" become curly ones, -- a dash
    home_articles: int = 10  # on the home page
    feed: FeedSettings = FeedSettings()
    podcast: Podcast | None = None
    newsletters: tuple[Newsletter, ...] = ()
    mail: MailSettings = field(default_factory=MailSettings)
    views: ViewSettings = ViewSettings()
    images: ImageSettings = ImageSettings()

    @property
    def base(self) -> str:
        """The path that the site stands under: "" at a host's root, "/blog" below it."""
        return urlsplit(self.url).path.rstrip("/")

    @property
    def origin(self) -> str:
        """Scheme and host, as browsers name them (RFC 6454, 6.2)."""
        return self.url.removesuffix(self.base)

    @property
    def authority(self) -> str:
        """The `authority,date` part of the tag: URIs that entries are known by (RFC 4151)."""
        return self.id_authority or f"{urlsplit(self.url).hostname or 'localhost'},2026"

    def to_item(self) -> dict[str, Any]:
        """A value that JSON can hold."""
        item: dict[str, Any] = _plain(asdict(self))
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Publication:
        """The publication that `to_item` was called on; checked then, and not again."""
        fields = dict(item)
        fields["authors"] = tuple(Person(**person) for person in item["authors"])
        fields["nav"] = tuple(NavLink(**link) for link in item["nav"])
        fields["feed"] = FeedSettings(**item["feed"])
        fields["podcast"] = Podcast(**item["podcast"]) if item["podcast"] else None
        fields["newsletters"] = tuple(_newsletter(one) for one in item.get("newsletters", ()))
        fields["mail"] = MailSettings(**item.get("mail", {}))
        fields["views"] = _views(item.get("views", {}))
        fields["images"] = ImageSettings(**item.get("images", {}))
        return cls(**fields)

    def newsletter(self, slug: str) -> Newsletter | None:
        """The newsletter of this slug."""
        return next((one for one in self.newsletters if one.slug == slug), None)


def _plain(value: Any) -> Any:
    """The value with lists for tuples, at any depth: what is read back is equal to it."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _views(item: Mapping[str, Any]) -> ViewSettings:
    return ViewSettings(**{**item, "own": tuple(item.get("own", ()))})


def _newsletter(item: Mapping[str, Any]) -> Newsletter:
    tuples = {name: tuple(item.get(name, ())) for name in ("choices", "tags", "authors")}
    return Newsletter(**{**item, **tuples})
