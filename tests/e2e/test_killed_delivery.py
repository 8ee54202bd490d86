"""Workers are killed over and over while an issue goes out: nobody gets it twice, and nobody is lost sight of."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pressrun import bootstrap
from pressrun.domain.issues import Issue
from pressrun.domain.subscribers import Subscriber, subscriber_id
from pressrun.house import House
from pressrun.parsing.feedback import event_from
from pressrun.ports import Save
from pressrun.services.subscribers import partition_of
from pressrun.services.sweep import bring_in_line
from tests.fakes.office import SETTINGS
from tests.fakes.ses import Ses, as_eventbridge, serving
from tests.fakes.worker import FastClock, opened

ROOT = Path(__file__).parents[2]
SPEED = 60.0
PATIENCE = 400  # seconds until a test that has come to a stand is ended
SIZES = [
    pytest.param(800, 6, id="some"),
    pytest.param(20_000, 30, id="many", marks=[pytest.mark.slow, pytest.mark.timeout(1200)]),
]


class Shop:
    """A publication with many readers, and workers that are killed."""

    def __init__(self, root: Path, readers: int, environment: dict[str, str]) -> None:
        self.content, self.home = root / "content", root / "home"
        self.content.mkdir()
        (self.content / "pressrun.toml").write_text(SETTINGS)
        self.clock = FastClock(SPEED, time.time())
        date = self.clock.now().isoformat()
        (self.content / "tides.md").write_text(f"---\ntitle: Tides\ndate: {date}\n---\nText.\n")
        self.environment = os.environ | environment | {"PYTHONPATH": str(ROOT)}
        self.house: House = opened(self.content, self.home, self.clock)
        now = self.clock.now().isoformat()
        self.readers = [f"reader{number}@example.org" for number in range(readers)]
        self.house.table.write_each(
            Save(
                partition=partition_of(subscriber_id(address)),
                sort=subscriber_id(address),
                item=Subscriber(
                    address=address, state="active", lists={"letters": "article"}, confirmed=now
                ).to_item(),
            )
            for address in self.readers
        )
        bring_in_line(self.house.publisher)
        self.house.newsroom.commit(self.issue())

    def issue(self) -> Issue:
        (issue,) = self.house.newsroom.issues.of("letters")
        return issue

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.fakes.worker", self.content, self.home]
        clock = [str(self.clock.speed), repr(self.clock.start)]
        return subprocess.Popen([*command, *clock], cwd=ROOT, env=self.environment)

    def run(self, kills: int, done: Any, between: tuple[float, float]) -> None:
        """Two workers, one of them killed and replaced again and again; then until `done`."""
        chance = random.Random(7)
        workers = [self.start(), self.start()]
        ends = time.monotonic() + PATIENCE
        try:
            for _ in range(kills):
                time.sleep(chance.uniform(*between))
                victim = workers.pop(chance.randrange(2))
                victim.kill()
                victim.wait()
                workers.append(self.start())
            while not done():
                assert time.monotonic() < ends, (self.issue(), self.house.newsroom.ledger.tally(self.issue()))
                time.sleep(0.3)
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()

    def states(self) -> dict[str, str]:
        return {
            entry.address: entry.state
            for batch in self.house.newsroom.ledger.batches(self.issue())
            for entry in batch.entries
        }


@contextmanager
def sink(log: Path) -> Iterator[str]:
    """The URL of a mail server that writes who got a mail."""
    command = [sys.executable, "-m", "tests.fakes.sink", "--log", str(log)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield f"smtp://127.0.0.1:{server.stdout.readline().strip()}?starttls=never"
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


@pytest.mark.parametrize(("readers", "kills"), SIZES)
def test_over_smtp_nobody_is_lost_and_nobody_doubled(tmp_path: Path, readers: int, kills: int) -> None:
    """Who is called sent has it; who is called uncertain may; nobody has it twice."""
    log = tmp_path / "log"
    with sink(log) as url:
        shop = Shop(tmp_path, readers, {"PRESSRUN_MAILER": "smtp", "PRESSRUN_SMTP_URL": url})
        shop.run(kills, lambda: shop.issue().state == "sent", (0.3, 1.4))
    got = Counter(line.partition("\t")[0] for line in log.read_text().splitlines())
    states = shop.states()
    assert set(states) == set(shop.readers) and set(states.values()) <= {"sent", "uncertain"}
    assert max(got.values()) == 1
    assert {address for address, state in states.items() if state == "sent"} <= set(got)
    assert {address for address in got if states[address] == "sent"} | {
        address for address, state in states.items() if state == "uncertain"
    } == set(shop.readers)
    counts = shop.issue().counts
    assert counts.get("sent", 0) + counts.get("uncertain", 0) == counts["audience"] == readers


@pytest.mark.parametrize(("readers", "kills"), SIZES)
def test_over_ses_its_events_settle_everybody(
    tmp_path: Path, readers: int, kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody stays uncertain, nobody has it twice, and everybody has it."""
    events: list[str] = []
    ses = Ses(max_send_rate=0.0, max_24_hours=0.0)
    with serving(ses):
        environment = {
            "PRESSRUN_MAILER": "ses",
            "PRESSRUN_SES_CONFIGURATION_SET": "pressrun",
            "AWS_ENDPOINT_URL_SESV2": ses.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }
        shop = Shop(tmp_path, readers, environment)

        def keep(event: dict[str, Any]) -> None:
            event["mail"]["timestamp"] = shop.clock.now().isoformat()
            events.append(as_eventbridge(event))

        ses.on_event = keep

        def settled() -> bool:
            while events:
                heard = event_from(events.pop(0))
                assert heard is not None
                shop.house.feedback.hear(heard)
            issue = shop.issue()
            return issue.state == "sent" and not issue.counts.get("uncertain")

        shop.run(kills, settled, (0.3, 1.4))
    assert Counter(shop.states().values()) == {"sent": readers}
    assert Counter(ses.addresses) == dict.fromkeys(shop.readers, 1)


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock that `opened` puts in is taken out again."""
    monkeypatch.setattr(bootstrap, "SystemClock", bootstrap.SystemClock)
