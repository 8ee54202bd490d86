"""Each function's role against the calls that the function is seen to make, through a publication's life."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import pytest
from botocore.client import BaseClient

from handlers import api, count, deliver, feedback, tick
from handlers.house import house
from tests.accesslogs import fields, gz, tabbed
from tests.fakes.ses import Ses, as_sns, serving
from tests.handlers.conftest import Cloud, Context, eventbridge, sqs_event
from tests.infra.templates import FUNCTIONS, ROOT, listed, resources, statements
from tests.readers import event

Grant = tuple[str, str]  # an action, and a resource as "ContentBucket/content/*"
SETTINGS = """
url = "https://tides.example"
[[newsletters]]
slug = "letters"
name = "Letters"
sender = "letters@tides.example"
postal_address = "1 Quay Street"
cooling_minutes = 0
"""
# What Lambda does in the role's name, and what stands for a condition of another call rather than for a call:
# S3 says 404 of a missing object only to who may list, and SES may ask for either action of a bulk call.
UNSEEN = {
    *("logs:CreateLogStream", "logs:PutLogEvents", "sqs:ReceiveMessage", "sqs:DeleteMessage"),
    *("sqs:GetQueueAttributes", "s3:ListBucket", "ses:SendEmail"),
}
# Calls that a publication's ordinary life does not show: where they stand, in words of that file.
SETTINGS_READ = ("s3:GetObject", "ContentBucket/content/*")
UNTIL_PUBLISHED = ("imprint.py", "content.get(SETTINGS_FILE)")  # until an imprint is in force
REDONE = ("sweep.py", "publisher.redo(")  # what a dead function left is published by the tick itself
RARE: dict[tuple[str, str, str], tuple[str, str]] = {
    **{(name, *SETTINGS_READ): UNTIL_PUBLISHED for name in ("Api", "Count", "Deliver", "Feedback")},
    ("Tick", "s3:GetObject", "ContentBucket/errors/*"): REDONE,
    ("Tick", "s3:PutObject", "ContentBucket/errors/*"): REDONE,
    ("Tick", "s3:DeleteObject", "ContentBucket/errors/*"): REDONE,
    ("Tick", "s3:DeleteObject", "SiteBucket/*"): REDONE,
    ("Tick", "sns:Publish", "EditorsTopic"): REDONE,
    ("Tick", "s3:GetObject", "ContentBucket/mail/*"): ("letters.py", "self._letters.get(key)"),
    ("Deliver", "ses:SendBulkEmail", "configuration-set/ConfigurationSet"): (
        "../adapters/aws/ses.py",
        "ConfigurationSetName",
    ),
}
ACTIONS = {
    "HeadObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "SendMessageBatch": "sqs:SendMessage",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
}
PREFIXES = {"s3": "s3", "dynamodb": "dynamodb", "sqs": "sqs", "sns": "sns", "sesv2": "ses"}


def granted(function: str) -> set[Grant]:
    """What the function's role allows."""
    return {
        (action, _symbol(resource))
        for policy in resources()[f"{function}Role"]["Properties"]["Policies"]
        for statement in statements(policy["PolicyDocument"])
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def _symbol(resource: Any) -> str:
    if isinstance(resource, str):
        return resource
    if "Ref" in resource:
        return str(resource["Ref"])
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    text = str(resource["Fn::Sub"]).rpartition(":")[2]
    return re.sub(r"\$\{(\w+)(\.Arn)?\}", r"\1", text)


class Watch:
    """Notes which function makes which call."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        self.who = ""
        self.seen: dict[str, set[Grant]] = {function: set() for function in FUNCTIONS}

    def note(self, service: str, operation: str, given: dict[str, Any]) -> None:
        if not self.who:
            return
        if operation == "TransactWriteItems":
            for action in given["TransactItems"]:
                ((name, inner),) = action.items()
                self.seen[self.who].add((ACTIONS[name], self.names[inner["TableName"]]))
            return
        action = ACTIONS.get(operation, f"{PREFIXES[service]}:{operation}")
        self.seen[self.who].add((action, self._resource(service, operation, given)))

    def _resource(self, service: str, operation: str, given: dict[str, Any]) -> str:
        if service == "s3":
            bucket = self.names[given["Bucket"]]
            return bucket if operation == "ListObjectsV2" else f"{bucket}/{given['Key']}"
        if service == "sesv2":
            return "*" if operation == "GetAccount" else "identity/MailDomain"
        if operation == "BatchGetItem":
            (table,) = given["RequestItems"]
            return self.names[table]
        return self.names[given.get("TableName") or given.get("QueueUrl") or given["TopicArn"]]

    def call(self, function: str, handler: Callable[..., Any], found: dict[str, Any]) -> Any:
        self.who = function
        try:
            return handler(found, Context())
        finally:
            self.who = ""


@pytest.fixture
def watch(cloud: Cloud, sqs: Any, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """The publication with all that a stack gives it, and a look at every call."""
    import boto3

    logs, mail = f"logs-{uuid4().hex}", sqs.create_queue(QueueName=f"m-{uuid4().hex}")["QueueUrl"]
    cloud.s3.create_bucket(Bucket=logs, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    sns = boto3.client("sns", endpoint_url=moto_url, region_name="eu-west-1")
    topic = sns.create_topic(Name=f"t-{uuid4().hex}")["TopicArn"]
    sns.close()
    with serving(Ses(max_send_rate=100.0)) as account:
        for name, value in {
            "PRESSRUN_MAIL_QUEUE_URL": mail,
            "PRESSRUN_LOG_BUCKET": logs,
            "PRESSRUN_TOPIC_ARN": topic,
            "PRESSRUN_SES_CONFIGURATION_SET": "pressrun",
            "AWS_ENDPOINT_URL_SESV2": account.url,
        }.items():
            monkeypatch.setenv(name, value)
        house.cache_clear()
        api.api.cache_clear()
        environment = {
            cloud.content: "ContentBucket",
            cloud.site: "SiteBucket",
            logs: "LogBucket",
            house().table._name: "Table",  # type: ignore[attr-defined]
            house().queue._url: "PublishQueue",  # type: ignore[attr-defined]
            mail: "MailQueue",
            topic: "EditorsTopic",
        }
        found = Watch(environment)
        original = BaseClient._make_api_call  # type: ignore[attr-defined]

        def looked(client: Any, operation: str, given: dict[str, Any]) -> Any:
            found.note(client.meta.service_model.service_name, operation, given)
            return original(client, operation, given)

        monkeypatch.setattr(BaseClient, "_make_api_call", looked)
        live(cloud, account, found, logs)
        yield found
        api.api.cache_clear()


def live(cloud: Cloud, ses: Ses, watch: Watch, logs: str) -> None:
    """A publication's life: settings, articles, mistakes, readers, an issue, its bounce, views, what was lost."""
    from handlers import publish as publishing

    def publish(*keys: str) -> None:
        watch.call("Publish", publishing.handler, sqs_event([eventbridge(key) for key in keys]))

    def ticked() -> None:
        watch.call("Tick", tick.handler, {})

    def drain() -> None:
        for queue, name, handler in (
            (house().queue, "Publish", publishing.handler),
            (house().mail_queue, "Deliver", deliver.handler),
        ):
            while messages := queue.receive(10, visibility=60):
                watch.call(name, handler, sqs_event([message.body for message in messages]))
                for message in messages:
                    queue.acknowledge(message)

    def asked(method: str, path: str, **given: str) -> int:
        found = event(method, path, urlencode(given), cloudfront_viewer_address="198.51.100.10:4711")
        return int(watch.call("Api", api.handler, found)["statusCode"])

    now = datetime.now(UTC)
    cloud.upload("pressrun.toml", SETTINGS.encode())
    cloud.upload("templates/web/footer.html", b"<footer>Tides</footer>")
    publish("pressrun.toml", "templates/web/footer.html")
    drain()
    for name in ("ada", "bob"):
        assert (
            asked("POST", "/api/subscribe", email=f"{name}@example.org", **{"rhythm.letters": "article"})
            < 400
        )
    drain()
    for mail in list(ses.sent):
        found = re.search(r"https://tides\.example(/api/confirm\?t=\S+)", mail.text)
        assert found
        way = urlsplit(found[1])
        assert asked("GET", f"{way.path}?{way.query}") == 200
        assert asked("POST", f"{way.path}?{way.query}") == 200
    drain()
    early, late = (now + timedelta(seconds=shift) for shift in (-1, 2))
    cloud.upload("tides.md", f"---\ntitle: Tides\ndate: {early.isoformat()}\n---\nHigh.".encode())
    cloud.upload("later.md", f"---\ntitle: Later\ndate: {late.isoformat()}\n---\nHigh.".encode())
    cloud.upload("bad.md", b"---\ntitle: [\n---\n")
    cloud.upload("a.txt.bin", b"\x00bytes")
    publish("tides.md", "later.md", "bad.md", "a.txt.bin")
    drain()
    ses.bouncing.add("bob@example.org")
    ticked()
    drain()
    for found_event in ses.events:
        watch.call("Feedback", feedback.handler, sqs_event([as_sns(found_event)]))
    token = next(
        found[1] for mail in ses.sent if (found := re.search(r"/api/preferences\?t=(\S+)", mail.text))
    )
    assert asked("GET", f"/api/preferences?t={token}") == 200
    assert asked("POST", f"/api/preferences?t={token}", **{"rhythm.letters": "weekly"}) == 200
    assert asked("GET", f"/api/export?t={house().readers.export_token(token)}") == 200
    assert asked("POST", f"/api/erase?t={token}", sure="yes") == 200
    cloud.upload("bad.md", b"---\ntitle: Good\nslug: good\n---\nnow")
    publish("bad.md")
    cloud.upload("bad.md", b"---\ntitle: Good\nslug: better\n---\nnow")
    cloud.delete("a.txt.bin")
    publish("bad.md", "a.txt.bin")
    day = f"{now:%Y-%m-%d}"
    cloud.s3.put_object(Bucket=logs, Key="E1.gz", Body=gz(tabbed(fields("/tides/", day=day))))
    body = json.dumps({"detail": {"object": {"key": "E1.gz"}}})
    watch.call("Count", count.handler, sqs_event([body, body]))
    cloud.s3.put_object(Bucket=logs, Key="E2.gz", Body=gz(tabbed(fields("/tides/", day=day))))
    cloud.upload("lost.md", b"---\ntitle: Lost\ndate: 2026-01-01\n---\nfound by the sweep")
    cloud.upload("wrong.md", b"---\ntitle: [\n---\n")
    _later(watch, ticked, drain)


def _later(watch: Watch, ticked: Callable[[], None], drain: Callable[[], None]) -> None:
    """Time passes: the sweeps find what was lost, and days are sealed."""
    clock = house().clock
    real = clock.now
    for shift in (timedelta(seconds=3), timedelta(hours=2), timedelta(days=2), timedelta(days=5)):
        object.__setattr__(clock, "now", partial(lambda shift: real() + shift, shift))
        ticked()
        drain()


@pytest.fixture
def calls(watch: Watch) -> dict[str, set[Grant]]:
    return watch.seen


@pytest.mark.slow
def test_every_call_is_allowed_and_nothing_else_is(calls: dict[str, set[Grant]]) -> None:
    """Security 13. A grant that nothing uses is a mistake, as is a call that no grant covers."""
    problems = []
    for function in FUNCTIONS:
        grants = granted(function)
        for action, resource in sorted(calls[function]):
            if not any(action == a and fnmatchcase(resource, pattern) for a, pattern in grants):
                problems.append(f"{function} calls {action} on {resource}, which its role does not allow")
        for action, pattern in sorted(grants):
            used = any(a == action and fnmatchcase(resource, pattern) for a, resource in calls[function])
            if not used and action not in UNSEEN and (function, action, pattern) not in RARE:
                problems.append(f"{function} may {action} on {pattern}, and never does")
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.mark.parametrize(("grant", "place"), RARE.items())
def test_rare_calls_stand_in_the_code(grant: tuple[str, str, str], place: tuple[str, str]) -> None:
    """And are granted; what is no longer called is to go from the list."""
    function, *allowed = grant
    assert tuple(allowed) in granted(function)
    assert place[1] in (ROOT / "pressrun" / "services" / place[0]).read_text("utf-8")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_who_reads_objects_may_list_their_bucket(function: str) -> None:
    """Without it, S3 answers 403 where nothing is, which is no NotFound; and nobody lists what he does not read."""
    grants = granted(function)
    read = {pattern.partition("/")[0] for action, pattern in grants if action == "s3:GetObject"}
    assert {pattern for action, pattern in grants if action == "s3:ListBucket"} == read
