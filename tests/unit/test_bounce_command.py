"""`pressrun bounce`, from a mail that was sent to the subscriber who is not mailed again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressrun import bootstrap
from pressrun.commands.bounces import take_in, take_in_all
from pressrun.domain.issues import Issue
from pressrun.domain.letters import Recipient
from pressrun.domain.subscribers import Subscriber, shard_of, subscriber_id
from pressrun.house import House
from pressrun.ports import Save
from pressrun.services.batches import Batch, Entry
from tests.contract.mailers import letter
from tests.unit.parsing.test_bounces import dsn

READER = subscriber_id("ada@example.org")
SETTINGS = '[[newsletters]]\nslug = "letters"\nname = "Letters"\nsender = "letters@example.org"\n'


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "content").mkdir()
    (tmp_path / "content/pressrun.toml").write_text(SETTINGS)
    house = bootstrap.local(tmp_path / "content", tmp_path / "home", {})
    house.imprints.refresh_if_right()
    yield house
    house.close()


@pytest.fixture
def sent(house: House) -> str:
    """The Message-ID of a mail that the ledger has as sent, and the outbox holds."""
    house.subscribers.change(READER, lambda _: Subscriber(address="ada@example.org", state="active"))
    values = {"name": "Ada", "unsubscribe": "https://example.org/"}
    recipient = Recipient(id=READER, address="ada@example.org", values=values)
    [handed] = house.mailer().send(letter(), [recipient], tags={"newsletter": "letters", "issue": "a-1"})
    entry = Entry(id=READER, address="ada@example.org", state="sent", detail=handed.id)
    batch = Batch(
        newsletter="letters",
        issue="a-1",
        shard=shard_of(READER),
        first=READER,
        entries=(entry,),
        state="recorded",
    )
    house.table.write(batch.changes())
    return handed.id


def state(house: House) -> str:
    stored = house.subscribers.get(READER)
    assert stored
    return stored.subscriber.state


def test_a_bounce_from_the_mailbox_stops_the_mail(house: House, sent: str) -> None:
    assert take_in(house, dsn(message_id=sent)) == 1
    assert state(house) == "bounced"
    assert take_in(house, dsn(message_id=sent)) == 0


def test_a_bounce_of_a_mail_that_was_never_sent_changes_nothing(house: House, sent: str) -> None:
    """Anybody can write a bounce message; nobody else knows the id of a reader's mail."""
    assert take_in(house, dsn(message_id=f"{'0' * 32}.letters.a-1@example.org")) == 0
    assert state(house) == "active"


def test_a_token_in_the_address_is_enough(house: House, sent: str) -> None:
    """A relay gives mails ids of its own, and the returned mail may be missing."""
    issue = Issue(id="a-1", newsletter="letters", state="sent")
    house.table.write([Save(partition="issue letters", sort="a-1", item=issue.to_item())])
    token = house.tokens.bounce_maker("letters/a-1")(READER)
    forged = f"{int(token, 16) ^ 1:050x}"
    assert take_in(house, dsn(to=f"bounces+{forged}@example.org", message_id="1@relay.example.net")) == 0
    assert take_in(house, dsn(to=f"bounces+{token}@example.org", message_id="1@relay.example.net")) == 1
    assert state(house) == "bounced"


def test_a_maildir_is_read_once(house: House, sent: str, tmp_path: Path) -> None:
    new = tmp_path / "Maildir/new"
    new.mkdir(parents=True)
    (new / "1.a.host").write_bytes(dsn(message_id=sent))
    (new / "2.b.host").write_bytes(b"Subject: hello\r\n\r\nno bounce\r\n")
    assert take_in_all(house, tmp_path / "Maildir") == (1, 2)
    assert take_in_all(house, tmp_path / "Maildir") == (0, 0)
    assert len(list((tmp_path / "Maildir/cur").iterdir())) == 2


def test_a_mail_server_can_pipe_to_it(house: House, sent: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from pressrun.cli import main; main()", "bounce"]
    command += ["--content", str(tmp_path / "content"), "--home", str(tmp_path / "home")]
    done = subprocess.run(command, input=dsn(message_id=sent), capture_output=True, check=True)
    assert b"1 message read; 1 told something new" in done.stdout
    assert state(house) == "bounced"
