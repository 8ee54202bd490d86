"""A publication with a newsletter, on the local backends, with a clock and a mailer that tests own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from pressrun.adapters.local.files import FileStore
from pressrun.adapters.local.sqlite import SqliteQueue, SqliteTable
from pressrun.domain.feedback import Event
from pressrun.domain.issues import Issue
from pressrun.domain.letters import Handover, Letter, Quota, Recipient
from pressrun.domain.subscribers import Subscriber, SubscriberState, subscriber_id
from pressrun.house import House
from pressrun.services.sweep import bring_in_line
from tests.conftest import FrozenClock

SETTINGS = """
title = "The Tide Table"
url = "https://tides.example"
timezone = "Europe/Lisbon"

[[newsletters]]
slug = "letters"
name = "Letters"
sender = "letters@tides.example"
postal_address = "1 Quay Street, Lisbon"
cooling_minutes = 10
choices = ["daily", "weekly"]
"""


@dataclass
class Sink:
    """A mailer that takes what `fates` lets it: by address, what becomes of the next mails to it."""

    fates: dict[str, list[Handover | BaseException]] = field(default_factory=dict)
    closed: Handover | None = None  # what everybody hears as long as it is set
    allowed: Quota = field(default_factory=Quota)
    sent: list[tuple[str, Letter, Recipient]] = field(default_factory=list)
    tags: list[Mapping[str, str]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def send(
        self, letter: Letter, recipients: Sequence[Recipient], *, tags: Mapping[str, str] | None = None
    ) -> list[Handover]:
        """One result for each recipient."""
        self.tags.append(tags or {})
        return [self._one(letter, recipient) for recipient in recipients]

    def _one(self, letter: Letter, recipient: Recipient) -> Handover:
        if self.closed:
            return self.closed
        planned = self.fates.get(recipient.address)
        result = planned.pop(0) if planned else Handover(fate="sent", id=f"id-{next(self.numbers)}")
        if isinstance(result, BaseException):
            raise result
        if result.fate in {"sent", "unknown"}:
            self.sent.append((result.id, letter, recipient))
        return result

    def quota(self) -> Quota:
        """What a test allows."""
        return self.allowed

    def close(self) -> None:
        """Nothing is open."""

    def addresses(self) -> list[str]:
        """Who was sent something, in order."""
        return [recipient.address for _, _, recipient in self.sent]


class Office:
    """The publication, its readers and its workers."""

    def __init__(self, root: Path, settings: str = SETTINGS) -> None:
        self.clock = FrozenClock()
        self.sink = Sink()
        self.folder = root / "content"
        self.folder.mkdir()
        (self.folder / "pressrun.toml").write_text(settings)
        table = SqliteTable(root / "catalogue.db", durable=False)
        self.house = House(
            content=FileStore(self.folder, etags="stat"),
            site=FileStore(root / "site", root / "objects.db"),
            reports=FileStore(root / "errors"),
            table=table,
            queue=SqliteQueue(root / "queue.db", "publish", self.clock),
            mail=FileStore(root / "mail"),
            mail_queue=SqliteQueue(root / "queue.db", "mail", self.clock),
            mailer=lambda: self.sink,
            counts=FileStore(root / "views"),
            clock=self.clock,
            overrides={},
        )

    def write(self, key: str, text: str = "Text.", **fields: object) -> None:
        """An article is put into the folder; dated today unless it says otherwise."""
        fields = {"title": key.removesuffix(".md").title(), "date": self.clock.now().isoformat(), **fields}
        head = "\n".join(f"{name}: {value}" for name, value in fields.items())
        path = self.folder / key
        path.write_text(f"---\n{head}\n---\n{text}\n")

    def publish(self, key: str = "", text: str = "Text.", **fields: object) -> None:
        """Publishes the folder, after writing an article."""
        if key:
            self.write(key, text, **fields)
        bring_in_line(self.house.publisher)

    def reader(
        self, address: str, state: SubscriberState = "active", rhythm: str = "article", **fields: object
    ) -> str:
        """Somebody who reads the newsletter; their id."""
        now = self.clock.now().isoformat()
        subscriber = Subscriber(
            address=address,
            state=state,
            lists={"letters": rhythm},  # type: ignore[dict-item]
            created=now,
            confirmed=now,
            **fields,  # type: ignore[arg-type]
        )
        identifier = subscriber_id(address)
        self.house.subscribers.change(identifier, lambda _: subscriber)
        return identifier

    def readers(self, number: int) -> list[str]:
        """So many readers; their addresses."""
        addresses = [f"reader{n}@example.org" for n in range(number)]
        for address in addresses:
            self.reader(address)
        return addresses

    def issues(self) -> list[Issue]:
        """All issues of the newsletter."""
        return list(self.house.newsroom.issues.of("letters"))

    def issue(self) -> Issue:
        """The only one."""
        (issue,) = self.issues()
        return issue

    def work(self) -> int:
        """Handles the mail queue until nothing can be received; the messages handled."""
        handled = 0
        while found := self.house.post.work(self.house.mail_queue):
            handled += found
        return handled

    def minutes(self, number: int, *, step: int = 1) -> None:
        """Time passes, minute by minute or in longer steps, with its ticks and work."""
        for _ in range(0, number, step):
            self.clock.advance(60 * step)
            self.house.newsroom.tick()
            self.house.deliverer.sweep()
            self.work()

    def states(self) -> dict[str, tuple[str, str]]:
        """What the ledger says of each recipient of the only issue: state and detail."""
        return {
            entry.address: (entry.state, entry.detail)
            for batch in self.house.newsroom.ledger.batches(self.issue())
            for entry in batch.entries
        }

    def hear(self, kind: str, address: str, **fields: object) -> int:
        """An event about the only issue arrives."""
        issue = self.issue()
        sent = {recipient.address: identifier for identifier, _, recipient in self.sink.sent}
        event = Event(
            kind=kind,  # type: ignore[arg-type]
            recipients=(address,),
            message_id=str(fields.pop("message_id", sent.get(address, ""))),
            tags={
                "newsletter": "letters",
                "issue": issue.id,
                "recipient": str(fields.pop("recipient", subscriber_id(address))),
            },
            **fields,  # type: ignore[arg-type]
        )
        return self.house.feedback.hear(event)
