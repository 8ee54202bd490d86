"""What SesMailer makes of what SES says, and of calls whose answer is lost."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from pressrun.adapters.aws.clients import Clients
from pressrun.adapters.aws.ses import SesMailer
from pressrun.domain.letters import Quota, place
from pressrun.errors import Permanent, Transient
from tests.contract.conftest import aws_client, free_ports
from tests.contract.mailers import LINK, letter, recipient, recipients
from tests.fakes.ses import Ses, serving

SECOND = "reader1@example.org"


@pytest.fixture
def ses() -> Iterator[Ses]:
    with serving(Ses()) as ses:
        yield ses


@pytest.fixture
def mailer(ses: Ses) -> Iterator[SesMailer]:
    with aws_client("sesv2", ses.url) as client:
        yield SesMailer(client, configuration_set="pressrun")


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        ("MESSAGE_REJECTED", "refused"),
        ("INVALID_PARAMETER", "refused"),
        ("FAILED", "refused"),
        ("ACCOUNT_THROTTLED", "throttled"),
        ("ACCOUNT_DAILY_QUOTA_EXCEEDED", "quota"),
        ("TRANSIENT_FAILURE", "later"),
        ("ACCOUNT_SENDING_PAUSED", "later"),
        ("A_STATUS_OF_TOMORROW", "unknown"),
    ],
)
def test_each_entry_has_a_fate_of_its_own(ses: Ses, mailer: SesMailer, status: str, fate: str) -> None:
    ses.statuses[SECOND] = status
    handed = mailer.send(letter(), recipients(3))
    assert [result.fate for result in handed] == ["sent", fate, "sent"]
    assert status in handed[1].reason
    assert [handed[0].id, handed[2].id] == [mail.id for mail in ses.sent]


@pytest.mark.parametrize(
    "status",
    [
        "ACCOUNT_SUSPENDED",
        "ACCOUNT_SENDING_PAUSED",
        "CONFIGURATION_SET_SENDING_PAUSED",
        "MAIL_FROM_DOMAIN_NOT_VERIFIED",
    ],
)
def test_what_concerns_the_account_refuses_nobody(ses: Ses, mailer: SesMailer, status: str) -> None:
    """An issue waits for a person then; its recipients are not lost."""
    ses.statuses = dict.fromkeys((f"reader{number}@example.org" for number in range(3)), status)
    with pytest.raises(Permanent, match=status):
        mailer.send(letter(), recipients(3))


@pytest.mark.parametrize(
    ("call", "fate", "applied"),
    [
        ((429, "TooManyRequestsException"), "throttled", False),
        ((400, "ThrottlingException"), "throttled", False),
        ((400, "LimitExceededException"), "quota", False),
        ((403, "ExpiredTokenException"), "later", False),
        ((500, "InternalServiceErrorException"), "unknown", False),
        ((503, "ServiceUnavailable"), "unknown", False),
        ("lost", "unknown", False),
        ("applied but lost", "unknown", True),
        ("applied but 500", "unknown", True),
    ],
)
def test_a_call_that_fails_is_made_once(
    ses: Ses, mailer: SesMailer, call: Any, fate: str, applied: bool
) -> None:
    """Whoever repeats a call that may have been carried out mails twice."""
    ses.next_calls.append(call)
    assert {result.fate for result in mailer.send(letter(), recipients(3))} == {fate}
    assert ses.calls == 1
    assert len(ses.sent) == (3 if applied else 0)


def test_our_own_client_makes_each_call_once(ses: Ses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", ses.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("PRESSRUN_SES_REGION", "eu-west-1")
    ses.next_calls += ["applied but 500", (429, "TooManyRequestsException")]
    clients = Clients()
    for fate in ("unknown", "throttled", "sent"):
        assert [result.fate for result in SesMailer(clients.sesv2).send(letter(), recipients(1))] == [fate]
    clients.close()
    assert ses.calls == 3


def test_an_answer_that_never_comes_is_unknown(ses: Ses) -> None:
    ses.next_calls.append("applied but silent")
    config = Config(read_timeout=0.3, retries={"total_max_attempts": 1})
    client = boto3.client("sesv2", endpoint_url=ses.url, region_name="eu-west-1", config=config, **KEYS)
    handed = SesMailer(client).send(letter(), recipients(2))
    client.close()
    assert {result.fate for result in handed} == {"unknown"}
    assert len(ses.sent) == 2


KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


def test_nobody_at_the_other_end_is_later() -> None:
    """Nothing was sent: it is certain."""
    with aws_client("sesv2", f"http://127.0.0.1:{free_ports(1)[0]}") as client:
        mailer = SesMailer(client)
        assert {result.fate for result in mailer.send(letter(), recipients(2))} == {"later"}
        with pytest.raises(Transient):
            mailer.quota()


@pytest.mark.parametrize(
    "call", [(403, "AccessDeniedException"), (400, "AccountSuspendedException"), (404, "NotFoundException")]
)
def test_a_refused_account_stops_everything(ses: Ses, mailer: SesMailer, call: tuple[int, str]) -> None:
    ses.next_calls.append(call)
    with pytest.raises(Permanent):
        mailer.send(letter(), recipients(2))


def test_one_entry_that_spoils_the_call_is_found(ses: Ses, mailer: SesMailer) -> None:
    """SES refuses a whole call for a tag that it does not take; the others still get their mail, once."""
    odd = recipient(2)
    readers = [
        *recipients(2),
        type(odd)(id="no tag!", address="odd@example.org", values=odd.values),
        recipient(3),
    ]
    handed = mailer.send(letter(), readers)
    assert [result.fate for result in handed] == ["sent", "sent", "refused", "sent"]
    assert sorted(ses.addresses) == ["reader0@example.org", "reader1@example.org", "reader3@example.org"]


def test_tags_come_back_in_events(ses: Ses, mailer: SesMailer) -> None:
    [handed] = mailer.send(letter(), [recipient(5)], tags={"newsletter": "letters", "issue": "a-1"})
    assert [event["eventType"] for event in ses.events] == ["Send", "Delivery"]
    mail = ses.events[0]["mail"]
    assert mail["messageId"] == handed.id
    tags = {name: value for name, [value] in mail["tags"].items() if not name.startswith("ses:")}
    assert tags == {"newsletter": "letters", "issue": "a-1", "recipient": f"{5:032x}"}


def test_a_header_too_long_for_ses_is_refused(ses: Ses, mailer: SesMailer) -> None:
    handed = mailer.send(letter(), [recipient(1, unsubscribe=LINK + "x" * 900), recipient(2)])
    assert [result.fate for result in handed] == ["refused", "sent"]
    with pytest.raises(Permanent, match="X-Long"):
        mailer.send(letter(headers=(("X-Long", "x" * 995),)), recipients(1))
    with pytest.raises(Permanent, match="16 headers"):
        mailer.send(letter(headers=tuple((f"X-{number}", "x") for number in range(16))), recipients(1))


def test_a_name_in_a_header_may_be_in_any_script(ses: Ses, mailer: SesMailer) -> None:
    mailer.send(letter(headers=(("List-Id", "Die Möwe <letters.example.org>"),)), recipients(1))
    written = dict(ses.sent[0].headers)["List-Id"]
    assert written.isascii()
    assert str(make_header(decode_header(written))) == "Die Möwe <letters.example.org>"


def test_the_quota_is_the_accounts(ses: Ses, mailer: SesMailer) -> None:
    mailer.send(letter(), recipients(3))
    assert mailer.quota() == Quota(per_second=14.0, per_day=50_000, sent_today=3)
    ses.max_24_hours = ses.max_send_rate = -1  # what SES says for no limit
    assert mailer.quota() == Quota(sent_today=3)
    ses.sending_enabled = False
    with pytest.raises(Permanent, match="disabled"):
        mailer.quota()


def test_the_days_quota_ends_in_the_middle_of_a_call(ses: Ses, mailer: SesMailer) -> None:
    ses.max_24_hours = 2
    assert [result.fate for result in mailer.send(letter(), recipients(4))] == [
        "sent",
        "sent",
        "quota",
        "quota",
    ]


# --- another stand-in, which others wrote ---


@pytest.fixture(scope="module")
def local_ses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """aws-ses-v2-local, from npm."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("npm is not installed")
    folder, [port] = tmp_path_factory.mktemp("npm"), free_ports(1)
    install = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), "aws-ses-v2-local@2"]
    if subprocess.run(install, capture_output=True, timeout=240, check=False).returncode:
        pytest.skip("aws-ses-v2-local cannot be installed")
    program = folder / "node_modules/.bin/aws-ses-v2-local"
    with (folder / "log").open("wb") as log:
        command = [str(program), f"--port={port}", "--host=127.0.0.1"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield from _once_it_answers(f"http://127.0.0.1:{port}", process, folder / "log")
        finally:
            process.kill()
            process.wait()


def _once_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> Iterator[str]:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/store")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            yield url
            return
    pytest.fail(f"aws-ses-v2-local did not start: {log.read_text()[-2000:]}")


@pytest.mark.slow
def test_another_stand_in_reads_our_calls_alike(local_ses: str) -> None:
    content = f"{{ {{{{x}}}} @media{{a{{b}}}} \\ {place('name')} {place('unsubscribe')}"
    with aws_client("sesv2", local_ses) as client:
        handed = SesMailer(client).send(
            letter(text=content, html=f"<p>{content}</p>", subject="{{s}} Größe"), recipients(3)
        )
    assert [result.fate for result in handed] == ["sent"] * 3
    emails = httpx.get(f"{local_ses}/store").json()["emails"]
    expected = content.replace(place("name"), "Reader 1").replace(place("unsubscribe"), f"{LINK}1")
    [mail] = [email for email in emails if email["destination"]["to"] == ["reader1@example.org"]]
    assert mail["subject"] == "{{s}} Größe"
    assert mail["body"]["text"] == expected
    assert mail["body"]["html"] == f"<p>{expected.replace('&', '&amp;')}</p>"
