"""Mails: domain values → letters. The same values, theme and date give the same letter.

The templates stand in `templates/email/`: for each kind a subject (`article.subject.txt`), a text (`article.txt`) and
an HTML body (`article.html`); a publication overrides any of them by name. Their CSS is inlined once for each letter.

A letter of a newsletter holds the places `unsubscribe` and `preferences`, a confirmation holds `confirm`, a welcome
and a reminder hold `preferences`; a publication's own templates may hold `name` and `address`, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlsplit

from css_inline import CSSInliner
from markupsafe import Markup

from pressrun.domain.articles import Article, Card, Image
from pressrun.domain.letters import FIELDS, LINKS, PLACE, Letter, Mailbox, envelope, header_problem, place
from pressrun.domain.markup import absolute
from pressrun.domain.newsletters import Newsletter
from pressrun.domain.pictures import fallback, plain
from pressrun.errors import Invalid
from pressrun.rendering import mail_content, mail_text, views
from pressrun.rendering.theme import Theme, direction_of

MAX_HTML = 100_000
"""Bytes: Gmail clips what is longer than about 102 KB."""
_URL = 220
"""Bytes that a link with a token adds, at most, where its place stands."""
_PREHEADER = 140  # characters that a list of mails shows, at most
_PADDING = Markup("&#8199;&#847; " * 60)  # noqa: S704 - a constant
"""What keeps the first lines of the mail out of a list of mails, behind the preheader."""
_NONCHARACTERS = re.compile("[\ufdd0-\ufdef]")
_OURS = re.compile("[\ufdd4-\ufdef]")  # SITE and its kin are below


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What every mail says around its content."""

    subject: str
    preheader: str
    name: str  # the newsletter's
    title: str  # the publication's
    home: str
    language: str
    direction: str
    browser: str  # where the same can be read on the site; empty: nowhere
    postal_address: Sequence[str]  # its lines
    leave: bool  # whether there are places to unsubscribe at


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """An article as a mail prints it. Addresses are absolute."""

    title: str
    url: str
    date: str  # in words
    byline: Markup
    authors: str  # the byline as text
    summary: str
    language: str  # where it is not the mail's
    direction: str
    image: Image | None
    height: int = 0  # of the image as shown, in pixels; 0: unknown


def article_letter(theme: Theme, newsletter: Newsletter, article: Article, *, date: datetime) -> Letter:
    """An article in full; past MAX_HTML its summary, with `shortened` set. Raises Invalid.

    `subject` and `preheader` in its front matter replace what the templates and the summary say.
    """
    return _article(theme, newsletter, article, newsletter.template, date=date)


def correction_letter(
    theme: Theme, newsletter: Newsletter, article: Article, *, note: str, date: datetime
) -> Letter:
    """An article again, after a note on what was wrong: plain text, empty lines between paragraphs. Raises Invalid."""
    return _article(theme, newsletter, article, "correction", date=date, note=note)


def digest_letter(
    theme: Theme,
    newsletter: Newsletter,
    articles: Sequence[Article | Card],
    *,
    more: int = 0,
    date: datetime,
) -> Letter:
    """Several articles by title and summary, in the order given. Raises Invalid.

    It is called by its day, in the newsletter's language; `more` articles are counted alone. Past MAX_HTML the last
    ones are, too, and `shortened` is set.
    """
    spoken = theme.speaking(newsletter.language)
    shown = [_piece(spoken, _inert(article)) for article in articles]
    preheader = _shortened(" · ".join(piece.title for piece in shown))
    texts = mail_text.Text(spoken.words)

    def write(count: int) -> Letter:
        return _letter(
            spoken,
            newsletter,
            "digest",
            source=newsletter.slug,
            date=date,
            preheader=preheader,
            browser=spoken.absolute("/"),
            values={
                "title": spoken.day(spoken.local(date).date()),
                "pieces": shown[:count],
                "more": len(shown) - count + more,
                "wrap": lambda text: "\n".join(mail_text.wrapped(text)),
                "links": texts.links,
                "archive": spoken.absolute("/archive/"),
            },
        )

    letter = write(len(shown))
    size = whole = html_bytes(letter)
    count = len(shown)
    while size > MAX_HTML and count:
        count = min(count - 1, int(count * MAX_HTML / size * 0.98))
        letter = write(count)
        size = html_bytes(letter)
    return replace(letter, shortened=whole if count < len(shown) else 0)


def confirm_letter(
    theme: Theme, newsletters: Sequence[Newsletter], *, language: str = "", date: datetime
) -> Letter:
    """Asks for a subscription to be confirmed, at the place `confirm`. No mailing: no List headers. Raises Invalid."""
    values = {"hours": theme.publication.mail.confirm_hours}
    return _notice(theme, newsletters, "confirm", language=language, date=date, values=values)


def welcome_letter(
    theme: Theme, newsletters: Sequence[Newsletter], *, language: str = "", date: datetime
) -> Letter:
    """Says that a subscription is confirmed, and where to change it (`preferences`). Raises Invalid."""
    return _notice(theme, newsletters, "welcome", language=language, date=date)


def known_letter(
    theme: Theme, newsletters: Sequence[Newsletter], *, language: str = "", date: datetime
) -> Letter:
    """For who asks again: they are subscribed already; `preferences` leads to their settings. Raises Invalid."""
    return _notice(theme, newsletters, "known", language=language, date=date)


def html_bytes(letter: Letter) -> int:
    """Bytes of the HTML as a recipient gets it, with links in its places, rounded up."""
    return len(letter.html.encode()) + _URL * len(PLACE.findall(letter.html))


def _article(
    theme: Theme, newsletter: Newsletter, article: Article, kind: str, *, date: datetime, note: str = ""
) -> Letter:
    spoken = theme.speaking(newsletter.language)
    article = _inert(article)
    piece = _piece(spoken, article)
    fitted = mail_content.fitted(
        plain(article.html, article.pictures), site=spoken.publication.url, page=piece.url, words=spoken.words
    )
    html = mail_content.written(fitted)
    lead = views.lead(spoken, article.image, article.html)
    if article.html and "<h1" in html:  # the title is the mail's only one
        html = _HEADING.sub(lambda tag: f"{tag[1]}{int(tag[2]) + 1}", html)
    texts = mail_text.Text(spoken.words)
    values: dict[str, object] = {
        "piece": piece if lead else replace(piece, image=None),
        "standfirst": views.standfirst(piece.summary, html) if piece.summary else "",
        "media": _enclosure(spoken, article),
        "note": [
            " ".join(part.split())
            for part in re.split(r"\n\s*\n", _NONCHARACTERS.sub("", note))
            if part.strip()
        ],
        "wrap": lambda text: "\n".join(mail_text.wrapped(text)),
        "links": texts.links,
        "content": Markup(html),  # noqa: S704 - sanitised when it was read
        "body": texts.of(fitted),
        "shortened": False,
    }

    def write() -> Letter:
        return _letter(
            spoken,
            newsletter,
            kind,
            source=article.source,
            date=date,
            subject=_front(article, "subject"),
            preheader=_front(article, "preheader") or _shortened(piece.summary),
            browser=piece.url,
            values=values,
        )

    letter = write()
    size = html_bytes(letter)
    if size <= MAX_HTML:
        return letter
    values |= {"content": Markup(), "shortened": True, "standfirst": piece.summary}
    return replace(write(), text=letter.text, shortened=size)


def _letter(
    theme: Theme,
    newsletter: Newsletter,
    kind: str,
    *,
    source: str,
    date: datetime,
    preheader: str,
    values: Mapping[str, object],
    subject: str = "",
    browser: str = "",
    notice: bool = False,
) -> Letter:
    """Renders the three templates of a kind. `source` is the file that a wrong subject is blamed on."""
    newsletter = _inert(newsletter)
    publication = theme.publication
    for name in (f"email/{kind}.html", f"email/{kind}.txt"):
        if not theme.has(name):
            what = f"there is no templates/{name}, which the newsletter {newsletter.slug!r} asks for"
            raise Invalid.at("pressrun.toml", 0, what, "add the file, or remove `template`", code="template")
    places = {name: place(name) for name in (*LINKS, *FIELDS)}
    sheet = Sheet(
        subject=subject,
        preheader=preheader,
        name=newsletter.name,
        title=_NONCHARACTERS.sub("", publication.title),
        home=theme.absolute("/"),
        language=publication.language,
        direction=direction_of(publication.language),
        browser=browser,
        postal_address=[line.strip() for line in newsletter.postal_address.splitlines() if line.strip()],
        leave=not notice,
    )
    all_values = {**values, "mail": sheet, "place": places, "say": theme.words.text, "padding": _PADDING}
    if not subject:
        name = f"email/{kind}.subject.txt"
        name = name if theme.has(name) else "email/article.subject.txt"
        subject = theme.render(name, **all_values).replace("\t", " ").strip()
        all_values["mail"] = replace(sheet, subject=subject)
    problem = header_problem(subject) or (None if subject else "nothing")
    if problem:
        todo = "write the title without it, or give a `subject` of its own"
        raise Invalid.at(source, 0, f"the mail's subject holds {problem}", todo, code="subject")
    style = Markup(theme.source("email/style.css"))  # noqa: S704 - ours, or the publication's own
    page = theme.render(f"email/{kind}.html", style=style, **all_values)
    return Letter(
        sender=_mailbox(newsletter.sender, newsletter.sender_name or newsletter.name),
        reply_to=_mailbox(newsletter.reply_to, "") if newsletter.reply_to else None,
        subject=subject,
        text=_tidy(theme.render(f"email/{kind}.txt", **all_values)),
        html=_inliner().inline(page),
        date=date,
        headers=_notice_headers() if notice else _list_headers(theme, newsletter, kind, date),
        domain=newsletter.sender.rpartition("@")[2],
    )


def _notice(
    theme: Theme,
    newsletters: Sequence[Newsletter],
    kind: str,
    *,
    language: str,
    date: datetime,
    values: Mapping[str, object] | None = None,
) -> Letter:
    if not newsletters:
        raise ValueError("a mail about subscriptions names at least one newsletter")
    shown = [_inert(one) for one in newsletters]
    return _letter(
        theme.speaking(language or shown[0].language),
        shown[0],
        kind,
        source="pressrun.toml",
        date=date,
        preheader=theme.speaking(language or shown[0].language).words.text(f"mail.{kind}.preheader"),
        values={
            **(values or {}),
            "newsletters": shown,
            "wrap": lambda text: "\n".join(mail_text.wrapped(text)),
        },
        notice=True,
    )


def _list_headers(
    theme: Theme, newsletter: Newsletter, kind: str, date: datetime
) -> tuple[tuple[str, str], ...]:
    """RFC 2919, RFC 2369, RFC 8058. No `Precedence`: no RFC defines it, and answering machines know List-Id.

    Nothing in them depends on the recipient but the link. The last part of Feedback-ID names the sender to Gmail.
    """
    host = theme.publication.authority.partition(",")[0].rpartition("@")[2]
    ways = [f"<{place('unsubscribe')}>"]
    mailbox = theme.publication.mail.unsubscribe_address
    if mailbox:
        ways.append(f"<mailto:{quote(mailbox, safe='@+')}?subject=unsubscribe%20{quote(newsletter.slug)}>")
    sender = sha256(host.encode()).hexdigest()[:12]
    headers = (
        ("List-Id", f"<{newsletter.slug}.{host}>"),
        ("List-Unsubscribe", ", ".join(ways)),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Archive", f"<{theme.absolute('/archive/')}>"),
        ("Feedback-ID", f"{date:%Y%m%d}:{kind}:{newsletter.slug}:{sender}"),
    )
    for name, value in headers:
        rest = PLACE.sub("", value)
        if not rest.isascii() or header_problem(rest):
            what = f"the header {name} of {newsletter.slug!r} would hold more than plain ASCII: {rest!r}"
            todo = "write the site's host as xn--…, and slugs in a-z, 0-9 and -"
            raise Invalid.at("pressrun.toml", 0, what, todo, code="header")
    return headers


def _notice_headers() -> tuple[tuple[str, str], ...]:
    """An answer to what somebody did, and no mailing (RFC 3834, section 5)."""
    return (("Auto-Submitted", "auto-generated"),)


def _mailbox(address: str, name: str) -> Mailbox:
    problem = header_problem(name)
    try:
        envelope(address)
    except ValueError as error:
        problem = f"{address!r}: {error}"
    if problem:
        raise Invalid.at(
            "pressrun.toml", 0, f"a newsletter's sender holds {problem}", "correct it", code="sender"
        )
    return Mailbox(address=address, name=name)


def _piece(theme: Theme, article: Article | Card) -> Piece:
    language = theme.foreign(article.language)
    byline = Markup(str(theme.byline(article.authors)).replace('href="/', f'href="{theme.origin}/'))  # noqa: S704
    image = None
    if article.image and views.address(theme, article.image.src):
        shown = fallback(article.image)
        image = replace(shown, src=absolute(shown.src, theme.publication.url))
    drawn = image is not None and urlsplit(image.src).path.lower().endswith((".svg", ".svgz"))
    return Piece(
        title=article.title,
        url=theme.absolute(f"/{article.path}"),
        date=theme.day(theme.local(article.date).date()),
        byline=byline if article.authors else Markup(),
        authors=byline.striptags() if article.authors else "",
        summary=article.summary,
        language=language,
        direction=theme.direction(language),
        image=None if drawn else image,
        height=round(image.height * mail_content.WIDTH / image.width) if image and image.width else 0,
    )


def _enclosure(theme: Theme, article: Article) -> views.Media | None:
    media = views.media(theme, article.audio)
    if media is None or article.audio is None:
        return None
    return replace(media, src=absolute(article.audio.src, theme.publication.url))


def _front(article: Article, name: str) -> str:
    """A line of the article's front matter."""
    value = article.extra.get(name)
    return str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _shortened(text: str) -> str:
    """A text in one line of at most _PREHEADER characters, cut at a word."""
    line = " ".join(text.split())
    return (
        line if len(line) <= _PREHEADER else f"{line[:_PREHEADER].rpartition(' ')[0] or line[:_PREHEADER]}…"
    )


def _tidy(text: str) -> str:
    """The text without spaces at its lines' ends and without several empty lines together."""
    lines = "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines) + "\n"


def _inert(value: Any) -> Any:
    """A value of the domain without marks of places: those are the templates' alone."""
    changed: dict[str, Any] = {
        part.name: _OURS.sub("", text)
        for part in fields(value)
        if isinstance(text := getattr(value, part.name), str) and _OURS.search(text)
    }
    if isinstance(value, Article):
        changed["extra"] = {
            name: _OURS.sub("", text) if isinstance(text, str) else text for name, text in value.extra.items()
        }
    if isinstance(value, Article | Card):
        changed["authors"] = tuple(_OURS.sub("", name) for name in value.authors)
        if value.image:
            changed["image"] = _inert(value.image)
    return replace(value, **changed) if changed else value


@cache
def _inliner() -> CSSInliner:
    return CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


_HEADING = re.compile(r"(</?h)([1-5])(?=[\s>])")
