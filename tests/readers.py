"""A publication with newsletters on a laptop's real parts, and what a test asks of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from pressrun.adapters.local.files import FileStore
from pressrun.adapters.local.outbox import Outbox
from pressrun.adapters.local.sqlite import SqliteQueue, SqliteTable
from pressrun.domain.subscribers import Subscriber
from pressrun.house import House
from pressrun.http import Api
from pressrun.ports import Mailer, Put
from pressrun.services.readers import Application, Reply
from tests.conftest import FrozenClock

SETTINGS = """
title = "The Tide"
url = "https://tide.example"
[[newsletters]]
slug = "letters"
name = "Tide letters"
sender = "letters@tide.example"
choices = ["weekly"]
postal_address = "1 Quay"
[[newsletters]]
slug = "charts"
name = "Chart notes"
sender = "charts@tide.example"
cadence = "monthly"
postal_address = "1 Quay"
"""
ADA = "ada@example.org"


class Reading:
    """The house, its outbox, and its mail queue worked by hand."""

    def __init__(
        self, folder: Path, clock: FrozenClock, settings: str = SETTINGS, mailer: Mailer | None = None
    ) -> None:
        self.folder, self.clock = folder, clock
        parts = {name: FileStore(folder / name) for name in ("content", "errors", "mail", "views")}
        parts["site"] = FileStore(folder / "site", folder / "objects.db")
        table = SqliteTable(folder / "catalogue.db")
        queues = [SqliteQueue(folder / "queue.db", name, clock) for name in ("publish", "mail")]
        self.outbox = Outbox(folder / "outbox", clock)
        kept = mailer or self.outbox
        self._open = [*parts.values(), table, *queues]
        parts["content"].put(Put(key="pressrun.toml", body=settings.encode(), content_type="text/plain"))
        self.house: House = House(
            content=parts["content"],
            site=parts["site"],
            reports=parts["errors"],
            table=table,
            queue=queues[0],
            mail=parts["mail"],
            mail_queue=queues[1],
            mailer=lambda: kept,
            counts=parts["views"],
            clock=clock,
            overrides={},
        )
        self.readers = self.house.readers
        self.api = Api(self.readers)

    def close(self) -> None:
        for part in self._open:
            part.close()

    def apply(self, email: str = ADA, client: str = "198.51.100.7", **more: Any) -> Reply:
        """An application as the form makes it."""
        given = {"rhythms": {"letters": "article"}, **more}
        return self.readers.apply(Application(email=email, **given), client)

    def work(self) -> None:
        """Handles what is in the mail queue now; nothing may fail."""
        while messages := self.house.mail_queue.receive():
            for message in messages:
                self.house.post.handle(message.body)
                self.house.mail_queue.acknowledge(message)

    def find(self, address: str = ADA) -> Subscriber | None:
        there = self.house.subscribers.find(address)
        return there.subscriber if there else None

    def reader(self, address: str = ADA) -> Subscriber:
        found = self.find(address)
        assert found is not None
        return found

    def mails(self) -> list[EmailMessage]:
        """What was sent, oldest first."""
        files = sorted((self.folder / "outbox").glob("*.eml"))
        found = [message_from_bytes(path.read_bytes(), policy=default) for path in files]
        return cast("list[EmailMessage]", found)

    def subscribed(self, address: str = ADA, **more: Any) -> Subscriber:
        """A reader who has asked, confirmed and been welcomed."""
        self.apply(address, **more)
        self.work()
        assert self.readers.confirm(token_in(self.mails()[-1], "confirm")) is not None
        self.work()
        return self.reader(address)

    def token(self, purpose: Any, newsletter: str = "", address: str = ADA) -> str:
        there = self.house.subscribers.find(address)
        assert there is not None
        return self.house.tokens.make(
            purpose, there.id, newsletter, there.subscriber.nonce * (purpose == "confirm")
        )

    def rows(self) -> dict[str, str]:
        """Everything in the Table and the mail queue, to be compared."""
        found = {}
        table: Any = self.house.table
        for partition in self.partitions():
            for row in table.query(partition):
                found[f"{partition}/{row.sort}"] = json.dumps([row.item, row.version], sort_keys=True)
        queued = self.house.mail_queue.receive(visibility=0)
        return found | {f"queue/{message.id}": message.body for message in queued}

    def partitions(self) -> Sequence[str]:
        fixed = ["secrets", "waiting", "consent", "limits", "site"]
        return [*fixed, *(f"reader {shard:02x}" for shard in range(64))]


def token_in(mail: EmailMessage, place: str) -> str:
    """The token of a link in a mail's text."""
    part = mail.get_body(("plain",))
    assert part is not None
    found = re.search(rf"https://tide\.example/api/{place}\?t=(\S+)", part.get_content())
    assert found is not None, part.get_content()
    return found.group(1)


def event(
    method: str,
    target: str,
    body: str | bytes = "",
    *,
    kind: str = "application/x-www-form-urlencoded",
    accept: str = "",
    **headers: str,
) -> dict[str, Any]:
    """A request as a function URL hands it on (payload format 2.0)."""
    split = urlsplit(target)
    text = body.decode("latin-1") if isinstance(body, bytes) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {"host": "abc.lambda-url.eu-west-1.on.aws", "user-agent": "test", **named}
    if accept:
        given["accept"] = accept
    if method == "POST":
        given["content-type"] = kind
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": split.path,
        "rawQueryString": split.query,
        "headers": given,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "domainName": "abc.lambda-url.eu-west-1.on.aws",
            "domainPrefix": "abc",
            "http": {
                "method": method,
                "path": split.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "test",
            },
            "requestId": "e1506fd5-9e7b-434f-bd42-4f8fa224b599",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        "body": text or None,
        "isBase64Encoded": False,
    }
