"""A trial of a publication's templates: every kind of page and mail once, before any reader depends on them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pressrun.domain.articles import Article, Card, Enclosure, Image
from pressrun.domain.listings import (
    ArchiveListing,
    ArchiveYear,
    Collection,
    Listing,
    Period,
    Series,
)
from pressrun.domain.markup import SITE
from pressrun.domain.newsletters import Newsletter
from pressrun.domain.publication import Person
from pressrun.rendering import mail, pages, readers
from pressrun.rendering.theme import Theme

_DATE = datetime(2025, 11, 3, 9, 30, tzinfo=UTC)
_IMAGE = Image(src=f"{SITE}/wall.jpg", alt="A wall", width=1200, height=800)
FULL = Article(
    id="tag:example.org,2025:full",
    source="full.md",
    path="full/",
    title="With everything",
    html="<p>Text.</p>",
    date=_DATE,
    updated=_DATE + timedelta(days=3),
    authors=("Ada", "Grace"),
    tags=("Walls", "Water"),
    summary="A summary.",
    language="de",
    image=_IMAGE,
    audio=Enclosure(src=f"{SITE}/a.mp3", type="audio/mpeg", length=1_000_000, duration=90),
    views=3,
    words=900,
)
_BARE = Article(
    id="bare", source="bare.md", path="bare/", title="With nothing", html="", date=_DATE, updated=_DATE
)
_CARDS = (
    Card(
        id=FULL.id,
        path=FULL.path,
        title=FULL.title,
        date=_DATE,
        updated=_DATE,
        authors=FULL.authors,
        tags=FULL.tags,
        summary=FULL.summary,
        language="de",
        image=_IMAGE,
    ),
    Card(id=_BARE.id, path=_BARE.path, title=_BARE.title, date=_DATE, updated=_DATE),
)
_YEAR = Period(year=2025)
_NEWSLETTER = Newsletter(
    slug="news", name="News", sender="news@example.org", description="All.", postal_address="1 Quay"
)


def _for_readers(theme: Theme) -> list[bytes]:
    first = theme.publication.newsletters[0]
    form = readers.Form(email="ada@example.org", name="Ada", rhythms={first.slug: first.cadence})
    return [
        readers.subscribe_page(theme),
        readers.subscribe_page(theme, form, "no_address"),
        readers.confirm_page(theme, "token", form.rhythms),
        readers.unsubscribe_page(theme, "token", first.slug, more=True),
        readers.preferences_page(theme, "token", form, export="/api/export", changeable=True, saved=True),
        readers.preferences_page(theme, "token", form, export="/api/export", changeable=False),
        readers.told_page(theme, "thanks"),
        readers.told_page(theme, "expired"),
    ]


def rehearse(theme: Theme) -> list[bytes]:
    """A sample of every page and of every mail's HTML. Raises Invalid where a template cannot be rendered."""
    tag, author, series = Collection.tag("Walls"), Collection.author("Ada"), Collection.series("Building")
    person = Person(name="Ada", url="https://example.org/ada", bio="Builds walls.")
    months = [11]
    return [
        pages.article_page(theme, FULL),
        pages.article_page(theme, _BARE),
        pages.index_page(theme, Listing()),
        pages.index_page(theme, Listing(cards=_CARDS, older=Period(year=2025, month=10))),
        pages.index_page(theme, Listing(of=tag, cards=_CARDS, older=_YEAR)),
        pages.index_page(theme, Listing(of=author, cards=_CARDS, person=person)),
        pages.archive_page(theme, ArchiveListing(period=_YEAR, cards=_CARDS, newer=Period(year=2026))),
        pages.archive_page(theme, ArchiveListing(period=_YEAR, months=months)),
        pages.archive_page(
            theme, ArchiveListing(period=Period(year=2025, month=11), cards=_CARDS, older=_YEAR)
        ),
        pages.archive_index(theme, [ArchiveYear(year=2025, months=months)]),
        pages.terms_page(theme, "tag", [tag]),
        pages.terms_page(theme, "author", [author]),
        pages.feeds_page(theme, [tag], [author], [series]),
        readers.guide_page(theme),
        *(_for_readers(theme) if theme.publication.newsletters else []),
        pages.popular_page(theme, {"day": [], "all": [pages.Popular(url="/full/", title="Full", views=5)]}),
        pages.article_page(theme, FULL, Series(of=series, parts=_CARDS, at=0, number=1, total=2)),
        pages.article_page(theme, _BARE, Series(of=series, parts=_CARDS[1:], at=0)),
        pages.index_page(theme, Listing(of=series, cards=_CARDS, older=_YEAR)),
        pages.terms_page(theme, "series", [series]),
        pages.search_page(theme),
        pages.not_found_page(theme),
        pages.gone_page(theme),
        pages.redirect_page(theme, "/full/"),
        *_mails(theme),
    ]


def _mails(theme: Theme) -> list[bytes]:
    newsletters = theme.publication.newsletters or (_NEWSLETTER,)
    letters = [
        letter
        for one in newsletters
        for letter in (
            mail.article_letter(theme, one, FULL, date=_DATE),
            mail.article_letter(theme, one, _BARE, date=_DATE),
            mail.correction_letter(theme, one, FULL, note="A note.", date=_DATE),
            mail.digest_letter(theme, one, _CARDS, date=_DATE),
        )
    ]
    notices = (mail.confirm_letter, mail.welcome_letter, mail.known_letter)
    letters += [make(theme, newsletters, date=_DATE) for make in notices]
    return [letter.html.encode() for letter in letters]
