"""Issues: mails that a newsletter sends once to everybody who is subscribed when they are committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from pressrun.domain.articles import Article
from pressrun.domain.newsletters import Cadence, Newsletter
from pressrun.domain.slugs import slugify

IssueState = Literal[
    "cooling",  # sent when `due` has come, unless somebody stops it; edits are taken in
    "waiting",  # for a person: `reason` says why
    "planning",  # committed: content and audience are frozen, batches are being written
    "sending",
    "paused",
    "sent",
    "cancelled",
]
OPEN_STATES: tuple[IssueState, ...] = ("cooling", "waiting")
"""States in which nothing is committed yet."""
UNDER_WAY: tuple[IssueState, ...] = ("planning", "sending", "paused")

RecipientState = Literal["pending", "sent", "excluded", "uncertain"]
BatchState = Literal["planned", "claimed", "recorded", "uncertain"]

BATCH = 50
"""Recipients in a batch: what SES takes in one call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One issue. Times are ISO 8601 in UTC; counts are of recipients.

    `articles` are source keys. `audience` is the rhythm whose subscribers get it. `frozen` is when it was committed:
    who became active later is not in the audience.
    """

    id: str
    newsletter: str
    state: IssueState
    kind: Literal["article", "digest", "manual", "correction"] = "article"
    audience: Cadence = "article"
    articles: tuple[str, ...] = ()
    ids: tuple[
        str, ...
    ] = ()  # of the articles, by which they are found after a move; empty where made by hand
    title: str = ""
    created: str = ""
    due: str = ""
    frozen: str = ""
    finished: str = ""
    reason: str = ""
    more: int = 0  # articles of a digest beyond those that it shows
    note: str = ""  # of a correction: what was wrong
    resumes: str = ""  # the state that a paused issue goes back to
    subject: str = ""  # as sent
    letter: str = ""  # key of the frozen letter in the mail store
    counts: Mapping[str, int] = field(
        default_factory=dict
    )  # once sent: audience, sent, excluded, uncertain, …

    @property
    def open(self) -> bool:
        """Whether something may still have to be recorded of one of its recipients."""
        unfinished = self.state == "cancelled" and bool(self.frozen) and not self.finished
        return self.state in UNDER_WAY or unfinished or bool(self.counts.get("uncertain"))

    def to_item(self) -> dict[str, Any]:
        """A value that JSON can hold; empty fields are left out."""
        item = {
            name: value for name, value in asdict(self).items() if value and name not in {"id", "newsletter"}
        }
        return item | {name: list(item[name]) for name in ("articles", "ids") if name in item}

    @classmethod
    def from_item(cls, newsletter: str, identifier: str, item: Mapping[str, Any]) -> Issue:
        """The issue that `to_item` was called on."""
        fields = {**item, **{name: tuple(item.get(name, ())) for name in ("articles", "ids")}}
        return cls(id=identifier, newsletter=newsletter, **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """An article that has been published and may never have been before."""

    key: str
    id: str
    title: str
    date: datetime
    tags: tuple[str, ...]
    authors: tuple[str, ...]


def news_of(article: Article) -> News:
    """What a newsletter needs to know of an article."""
    return News(
        key=article.source,
        id=article.id,
        title=article.title,
        date=article.date,
        tags=article.tags,
        authors=article.authors,
    )


def wants_mail(article: Article) -> bool:
    """Whether its author did not say `newsletter: false`."""
    value = article.extra.get("newsletter", True)
    return value is not False and str(value).strip().lower() not in {"false", "no", "off"}


def article_issue_id(article_id: str) -> str:
    """The id of the one issue that an article's first publication makes."""
    return f"a-{sha256(article_id.encode()).hexdigest()[:16]}"


def belongs(newsletter: Newsletter, tags: Sequence[str], authors: Sequence[str]) -> bool:
    """Whether the newsletter's filters let an article through."""
    for wanted, has in ((newsletter.tags, tags), (newsletter.authors, authors)):
        if wanted and not {slugify(name) for name in wanted} & {slugify(name) for name in has}:
            return False
    return True


def takes(newsletter: Newsletter, article: Article) -> bool:
    """Whether the newsletter mails an article, as its file is now."""
    return wants_mail(article) and belongs(newsletter, article.tags, article.authors)
