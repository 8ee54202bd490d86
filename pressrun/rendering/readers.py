"""The pages that readers of the newsletters meet: the form, what a mail's links open, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pressrun.domain.newsletters import Cadence, Newsletter
from pressrun.rendering.pages import Page, finished
from pressrun.rendering.theme import Theme
from pressrun.rendering.words import locale_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One of several values, and its name for readers."""

    value: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A newsletter with the rhythms that it can be had in, and the one chosen."""

    slug: str
    name: str
    description: str
    rhythms: Sequence[Option]
    chosen: str  # "": none
    rhythm: str = ""  # the chosen one's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What stands in the fields of a form."""

    email: str = ""
    name: str = ""
    language: str = ""
    rhythms: Mapping[str, Cadence] = field(default_factory=dict)


def subscribe_page(theme: Theme, form: Form | None = None, problem: str = "") -> bytes:
    """`/subscribe/`; with `problem`, a name of the table `subscribe`, the same page shown again."""
    words, site = theme.words, theme.publication
    title = words.text("subscribe.title", title=site.title)
    first = site.newsletters[0]
    shown = form or Form(rhythms={first.slug: first.cadence})
    page = Page(
        title=f"{title} — {site.title}",
        name=title,
        canonical="" if problem else theme.absolute("/subscribe/"),
        description=words.text("subscribe.about", title=site.title),
    )
    return finished(
        theme,
        "subscribe",
        page,
        section="/subscribe/",
        problem=words.text(f"subscribe.{problem}") if problem else "",
        email=shown.email,
        choices=_choices(theme, shown.rhythms),
        person=shown.name,
        language=shown.language,
        languages=_languages(theme),
    )


def guide_page(theme: Theme) -> bytes:
    """`/readers/`: how to read, follow and leave this publication, and what it counts; as its settings have it."""
    words, mail = theme.words, theme.publication.mail
    title = words.text("guide.title")
    page = Page(
        title=f"{title} — {theme.publication.title}",
        name=title,
        canonical=theme.absolute("/readers/"),
        description=words.text("guide.text", title=theme.publication.title),
    )
    return finished(
        theme,
        "guide",
        page,
        section="/readers/",
        choices=_choices(theme, {}),
        hours=mail.confirm_hours,
        leave=mail.unsubscribe_address,
    )


def confirm_page(theme: Theme, token: str, wanted: Mapping[str, Cadence]) -> bytes:
    """What a confirmation link opens: what it is for, and a button."""
    choices = [choice for choice in _choices(theme, wanted) if choice.chosen]
    return finished(theme, "confirm", _page(theme, "confirm"), token=token, choices=choices)


def unsubscribe_page(theme: Theme, token: str, newsletter: str, *, more: bool) -> bytes:
    """What an unsubscribe link opens. `newsletter`: its slug, "" for all; `more`: the reader has others."""
    found = theme.publication.newsletter(newsletter)
    name = found.name if found else theme.publication.title
    return finished(
        theme, "unsubscribe", _page(theme, "unsubscribe"), token=token, newsletter=name, more=more
    )


def preferences_page(
    theme: Theme, token: str, form: Form, *, export: str, changeable: bool, saved: bool = False
) -> bytes:
    """What a reader gets, to be changed unless mail to them is stopped. `export`: where their data is."""
    return finished(
        theme,
        "preferences",
        _page(theme, "preferences"),
        token=token,
        address=form.email,
        choices=_choices(theme, form.rhythms),
        export=export,
        open=changeable,
        saved=saved,
        person=form.name,
        language=form.language,
        languages=_languages(theme),
    )


def told_page(theme: Theme, what: str) -> bytes:
    """A heading and a sentence, by the name of their table of words ("thanks"), and where to go from there."""
    page = _page(theme, what)
    again = what in {"expired"} and bool(theme.publication.newsletters)
    return finished(
        theme,
        "told",
        page,
        heading=page.name,
        text=theme.words.text(f"{what}.text"),
        url=theme.href("/subscribe/") if again else theme.href("/"),
        link=theme.words.text("expired.link") if again else theme.publication.title,
    )


def _page(theme: Theme, name: str) -> Page:
    title = theme.words.text(f"{name}.title")
    return Page(title=f"{title} — {theme.publication.title}", name=title)


def _languages(theme: Theme) -> list[Option]:
    """Those that there are words in, each by its own name."""
    return [Option(value=tag, name=str(locale_for(tag).get_display_name() or tag)) for tag in theme.languages]


def _choices(theme: Theme, rhythms: Mapping[str, Cadence]) -> list[Choice]:
    return [_choice(theme, one, rhythms.get(one.slug, "")) for one in theme.publication.newsletters]


def _choice(theme: Theme, newsletter: Newsletter, chosen: str) -> Choice:
    options = [
        Option(value=rhythm, name=theme.words.text(f"rhythm.{rhythm}")) for rhythm in newsletter.rhythms
    ]
    return Choice(
        slug=newsletter.slug,
        name=newsletter.name,
        description=newsletter.description,
        rhythms=options,
        chosen=chosen,
        rhythm=theme.words.text(f"rhythm.{chosen}") if chosen else "",
    )
