"""The template itself, deployed from a real bundle on a stand-in for AWS, and a publication's story on it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from pressrun import bootstrap
from pressrun.adapters.aws.spending import spent
from pressrun.house import House
from pressrun.services.sweep import bring_in_line
from tests.accesslogs import fields, gz, tabbed
from tests.fakes.ses import Ses, serving
from tests.infra.made import bundle
from tests.infra.stack import MINISTACK, Stack, deploy, eventually, ministack
from tests.infra.templates import ROOT
from tests.readers import event

pytestmark = [
    pytest.mark.skipif(not MINISTACK.exists(), reason="made by `make setup`"),
    pytest.mark.timeout(1200),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
NEWS = "---\ntitle: Spring tide\ndate: {now}\n---\nThe water is **high**.\n"
SMALL = (  # an article, a picture of it, and an article without one, for which a card is drawn
    *("pressrun.toml", "tides/the-tide-is-late.md", "assets/bell-buoy.webp"),
    "signals/2025-06-14-wind-in-words.txt",
)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample publication; an issue goes out at once."""
    folder = tmp_path_factory.mktemp("publication") / "content"
    shutil.copytree(ROOT / "content", folder)
    settings = folder / "pressrun.toml"
    settings.write_text(
        settings.read_text("utf-8").replace("cooling_minutes = 1 ", "cooling_minutes = 0 "), "utf-8"
    )
    return folder


@pytest.fixture(scope="module")
def account() -> Iterator[Ses]:
    """SES, whose events go where the configuration set sends them."""
    with serving(Ses(max_send_rate=100.0)) as ses:
        yield ses


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the stand-in answers."""
    with ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture(scope="module")
def short(address: str) -> Stack:
    """A deployed publication, for the story's short form in the default run."""
    return deploy(address, bundle(), "short")


@pytest.fixture(scope="module")
def stack(address: str, account: Ses) -> Stack:
    """The publication, deployed."""
    made = deploy(address, bundle(), "story", MailDomain="slackwater.example")
    account.configuration_sets = {made.outputs["SesConfigurationSet"]}
    made.set_variables("Deliver", AWS_ENDPOINT_URL_SESV2=account.url)
    # A busy machine may let a function pass its 120 s; the message is then to come back while the test still waits.
    queue, soon = made.outputs["QueueUrl"], {"VisibilityTimeout": "150"}
    made.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes=soon)
    (topic,) = (
        one["PhysicalResourceId"] for one in made.resources() if one["LogicalResourceId"] == "FeedbackTopic"
    )
    sns = made.client("sns")
    account.on_event = lambda found: sns.publish(TopicArn=topic, Message=json.dumps(found))
    return made


@contextmanager
def seen(stack: Stack) -> Iterator[House]:
    """The publication as an operator's terminal sees it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.environment.items():
            patch.setenv(name, value)
        there = bootstrap.aws()
        yield there
        there.close()


@pytest.fixture(scope="module")
def house(stack: Stack, content: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The publication, once all of the sample has become its site: byte for byte as on a laptop."""
    with seen(stack) as there:
        publish(stack, there, content, tmp_path_factory.mktemp("laptop"))
        yield there


def publish(stack: Stack, house: House, content: Path, home: Path) -> dict[str, bytes]:
    """Uploads a folder, and waits until the site is the one that a local publish makes, which it returns."""
    there = bootstrap.local(content, home, {})
    keys = [stat.key for stat in there.content.list()]
    bring_in_line(there.publisher)
    wanted = site(there)
    there.close()
    for key in keys:
        upload(stack, key, (content / key).read_bytes())
    with suppress(AssertionError):
        eventually(lambda: site(house) == wanted and quiet(stack, "QueueUrl"), limit=500)
    found = site(house)
    differing = {key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key)}
    assert (sorted(differing), quiet(stack, "QueueUrl")) == ([], True)
    return wanted


def upload(stack: Stack, key: str, body: bytes) -> None:
    stack.client("s3").put_object(Bucket=stack.outputs["ContentBucket"], Key=f"content/{key}", Body=body)


def site(house: House) -> dict[str, bytes]:
    """The site as it lies in the bucket, but for what counts views."""
    keys = [stat.key for stat in house.site.list() if not stat.key.startswith(("views/", "popular/"))]
    return {key: house.site.get(key).body for key in keys}


def ask(stack: Stack, method: str, path: str, **given: str) -> int:
    """A request, as the HTTP API hands it on."""
    found = event(method, path, urlencode(given), cloudfront_viewer_address="198.51.100.10:4711")
    return int(stack.invoke("Api", found)["statusCode"])


def attributes(stack: Stack, queue: str) -> dict[str, str]:
    answer = stack.client("sqs").get_queue_attributes(QueueUrl=stack.outputs[queue], AttributeNames=["All"])
    return dict(answer["Attributes"])


def quiet(stack: Stack, queue: str) -> bool:
    """Whether nothing waits in the queue, or is being worked on."""
    found = attributes(stack, queue)
    return not any(
        int(found[name]) for name in ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    )


def test_an_upload_becomes_a_page_and_feeds(short: Stack, content: Path, tmp_path: Path) -> None:
    """S3 → EventBridge → SQS → publish, byte for byte; and the API answers."""
    few = tmp_path / "few"
    for key in SMALL:
        (few / key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(content / key, few / key)
    with seen(short) as house:
        wanted = publish(short, house, few, tmp_path / "laptop")
    assert b"the-tide-is-late" in wanted["feed.xml"]
    assert {"the-tide-is-late/index.html", "atom.xml", "feed.json"} <= wanted.keys()
    assert quiet(short, "DeadQueueUrl")
    assert ask(short, "GET", "/api/confirm?t=forged") == 410


def test_queues_and_schedule_reach_their_functions(short: Stack) -> None:
    """Each queue's messages come to one function, which names those that failed; the tick comes each minute."""
    mappings = short.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    of = {one["FunctionArn"].rpartition(":")[2]: one for one in mappings}
    for function, queue in (
        ("Publish", ""),
        ("Deliver", "Mail"),
        ("Feedback", "Feedback"),
        ("Count", "Count"),
    ):
        found = of[short.function(function)]
        name = short.outputs[f"{queue}QueueUrl"].rpartition("/")[2]
        assert found["EventSourceArn"].rpartition(":")[2] == name
        assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    schedules = short.client("scheduler").list_schedules()["Schedules"]
    (found,) = (one for one in schedules if short.function("Tick") in one["Target"]["Arn"])
    told = short.client("scheduler").get_schedule(Name=found["Name"], GroupName=found["GroupName"])
    assert told["ScheduleExpression"] == "rate(1 minute)"


@pytest.mark.slow
def test_a_reader_gets_an_issue_and_another_bounces(stack: Stack, house: House, account: Ses) -> None:
    """API → SQS → deliver → SES → SNS → SQS → feedback."""
    for name in ("ada", "bob"):
        assert (
            ask(stack, "POST", "/api/subscribe", email=f"{name}@example.org", **{"rhythm.letters": "article"})
            == 202
        )
    eventually(lambda: len(account.sent) == 2)
    for mail in list(account.sent):
        found = re.search(r"http://\S+(/api/confirm\?t=\S+)", mail.text)
        assert found is not None
        way = urlsplit(found[1])
        assert ask(stack, "GET", f"{way.path}?{way.query}") == 200
        assert ask(stack, "POST", f"{way.path}?{way.query}") == 200
    eventually(lambda: quiet(stack, "MailQueueUrl"))
    before = len(account.sent)
    account.bouncing.add("bob@example.org")
    upload(stack, "news.md", NEWS.format(now=datetime.now(UTC).isoformat()).encode())
    eventually(lambda: "news/index.html" in site(house) and quiet(stack, "QueueUrl"))
    stack.invoke("Tick", {})
    eventually(lambda: len(account.sent) == before + 2)
    assert {mail.subject for mail in account.sent[before:]} == {"Spring tide"}

    def state(name: str) -> Any:
        found = house.subscribers.find(f"{name}@example.org")
        return found and found.subscriber.state

    eventually(lambda: state("bob") == "bounced")
    assert state("ada") == "active"


@pytest.mark.slow
def test_a_log_becomes_totals(stack: Stack, house: House) -> None:
    """S3 → EventBridge → SQS → count, and the next tick."""
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    log = gz(tabbed(*(fields("/the-tide-is-late/", day=day, ip=f"198.51.100.{n}") for n in range(3))))
    known = next(key for key in site(house) if key.startswith("the-tide-is-late"))
    assert known == "the-tide-is-late/index.html"
    bucket = stack.outputs["LogBucket"]
    for _ in range(2):
        stack.client("s3").put_object(Bucket=bucket, Key="AWSLogs/2026/11/22/E1.gz", Body=log)
    eventually(lambda: list(house.views.counter.book.store.list("delta/")))
    eventually(lambda: quiet(stack, "CountQueueUrl"))
    stack.invoke("Tick", {})
    popular = json.loads(house.site.get("views/totals/popular.json").body)
    assert [(one["path"], one["views"]) for one in popular["day"]] == [("the-tide-is-late/", 3)]


@pytest.mark.slow
def test_what_was_used_is_that_of_the_stack_s_own_functions(short: Stack) -> None:
    """By the physical names of the template's resources, with the memory of each."""
    short.invoke("Tick", {})
    now = datetime.now(UTC)
    with seen(short):
        found = spent(short.name, now - timedelta(hours=1), now)
    assert found.calls >= 1
    assert found.seconds > 0
    assert found.alarms / found.months == pytest.approx(15)


@pytest.mark.slow
def test_a_poison_message_dies_alone_and_can_be_sent_again(stack: Stack, house: House) -> None:
    """Five goes and it is a dead letter; what comes beside it is published, and nothing is lost by sending it again."""
    stack.client("sqs").set_queue_attributes(
        QueueUrl=stack.outputs["QueueUrl"], Attributes={"VisibilityTimeout": "3"}
    )
    house.queue.send(["no event"])
    upload(stack, "late.md", b"---\ntitle: Late\ndate: 2026-01-01\n---\nBut here.\n")
    eventually(lambda: "late/index.html" in site(house))
    assert eventually(lambda: [letter.body for letter in house.queue.dead()], limit=120) == ["no event"]
    assert house.queue.redrive() == 1
    assert eventually(lambda: [letter.body for letter in house.queue.dead()], limit=120) == ["no event"]
