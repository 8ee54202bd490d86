"""`pressrun deploy` and `destroy`, with a stand-in for SAM's command line on the path."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pressrun.cli import app
from pressrun.commands import deploying

OUTPUTS = {
    "ContentBucket": "b-content",
    "SiteBucket": "b-site",
    "LogBucket": "b-log",
    "Table": "t",
    "QueueUrl": "https://sqs.example/q",
    "FeedbackDeadQueueUrl": "https://sqs.example/f",
    "DistributionId": "E123",
    "SiteAddress": "https://tides.example",
    "Dkim1": "a CNAME b",
}
FAKE = """#!{python}
import json, os, sys
with open(os.environ["SAM_CALLS"], "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "list":
    print(os.environ["SAM_OUTPUTS"])
if os.environ.get("SAM_FAILS", "") in sys.argv[1:]:
    sys.exit("Error: no such stack")
"""


class Sam:
    """What the stand-in was called with, and what it answers."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls_file = root / "calls"
        script = root / "bin" / "sam"
        script.parent.mkdir()
        script.write_text(FAKE.format(python=sys.executable))
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("SAM_CALLS", str(self.calls_file))
        self._monkeypatch = monkeypatch
        self.answer(OUTPUTS)

    def answer(self, outputs: dict[str, str]) -> None:
        listed = [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()]
        self._monkeypatch.setenv("SAM_OUTPUTS", json.dumps(listed))

    def fail_at(self, word: str) -> None:
        self._monkeypatch.setenv("SAM_FAILS", word)

    def calls(self) -> list[list[str]]:
        if not self.calls_file.exists():
            return []
        return [json.loads(line) for line in self.calls_file.read_text().splitlines()]


@pytest.fixture
def sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sam:
    clone = tmp_path / "clone"
    (clone / "infra").mkdir(parents=True)
    for name in ("template.yaml", "logs.yaml"):
        (clone / "infra" / name).write_text("")
    bundle = (
        "from pathlib import Path\nPath('build').mkdir(exist_ok=True)\nPath('build/lambda.zip').touch()\n"
    )
    (clone / "infra" / "bundle.py").write_text(bundle)
    monkeypatch.setattr(deploying, "ROOT", clone)
    monkeypatch.setenv("PRESSRUN_HOME", str(tmp_path / "home"))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "PRESSRUN_STACK"):
        monkeypatch.delenv(name, raising=False)
    return Sam(tmp_path, monkeypatch)


def run(*arguments: str, code: int = 0, answer: str = "") -> str:
    found = CliRunner().invoke(app, list(arguments), input=answer)
    assert found.exit_code == code, (found.output, found.exception)
    return found.output + str(found.exception or "")


def test_deploy_makes_the_bundle_the_stack_and_its_logs(sam: Sam, tmp_path: Path) -> None:
    """And writes down, for this user alone, what the commands need to find it."""
    said = run(
        "deploy", "--region", "eu-west-1", "--stack", "tides", "--mail-domain", "tides.example", "--yes"
    )
    first, listed, logs = sam.calls()
    assert (tmp_path / "clone" / "build" / "lambda.zip").exists()
    assert first[:7] == [
        "deploy",
        "--template-file",
        str(tmp_path / "clone" / "infra" / "template.yaml"),
        "--stack-name",
        "tides",
        "--region",
        "eu-west-1",
    ]
    assert "CAPABILITY_IAM" in first
    assert "--no-confirm-changeset" in first
    assert first[-2:] == ["--parameter-overrides", "MailDomain=tides.example"]
    assert listed[:2] == ["list", "stack-outputs"]
    assert "us-east-1" in logs
    assert logs[-2:] == ["DistributionId=E123", "LogBucket=b-log"]
    path = tmp_path / "home" / "aws.env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = dict(line.split("=", 1) for line in path.read_text().splitlines()[1:])
    assert written == {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "PRESSRUN_STACK": "tides",
        "PRESSRUN_CONTENT_BUCKET": "b-content",
        "PRESSRUN_SITE_BUCKET": "b-site",
        "PRESSRUN_LOG_BUCKET": "b-log",
        "PRESSRUN_TABLE": "t",
        "PRESSRUN_QUEUE_URL": "https://sqs.example/q",
        "PRESSRUN_FEEDBACK_DEAD_QUEUE_URL": "https://sqs.example/f",
    }
    assert "a CNAME b" in said


def test_the_names_are_those_of_the_template_and_of_the_code() -> None:
    """Each output that is read or shown is one of the stack's, and the four that are required are among them."""
    from pressrun.bootstrap import AWS_NAMES

    root = Path(__file__).parents[2]
    template = (root / "infra" / "template.yaml").read_text()
    outputs = template.partition("\nOutputs:")[2]
    told = (*deploying.READ, *deploying.SHOWN, *deploying.RECORDS)
    assert [name for name in told if f"\n  {name}:" not in outputs] == []
    assert {*AWS_NAMES} <= {deploying.variable(name) for name in deploying.READ}
    read = (root / "pressrun" / "bootstrap.py").read_text()
    for name in deploying.READ:
        shown = deploying.variable(name)
        general = shown.replace("FEEDBACK", "{name}").replace("COUNT", "{name}")
        assert shown in read or general in read, shown
    parameters = template.partition("\nParameters:\n")[2].partition("\nRules:")[0]
    named = ("DomainName", "CertificateArn", "HostedZoneId", "MailDomain", "OperatorEmail", "SiteUrl")
    assert [name for name in named if f"\n  {name}:" not in f"\n{parameters}"] == []


def test_a_trial_s_address_is_kept_by_later_deployments(sam: Sam, tmp_path: Path) -> None:
    run("deploy", "--region", "eu-west-1", "--yes", "--site-url", "https://d1.example/")
    run("deploy", "--region", "eu-west-1", "--yes")
    assert "PRESSRUN_URL=https://d1.example\n" in (tmp_path / "home" / "aws.env").read_text()
    run(
        "deploy", "--region", "eu-west-1", "--yes", "--parameter", "SiteUrl=", "--parameter", "Note=two words"
    )
    assert "PRESSRUN_URL" not in (tmp_path / "home" / "aws.env").read_text()
    assert sam.calls()[-3][-2:] == ['SiteUrl=""', 'Note="two words"']


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a region"),
        (("--region", "eu-west-1", "--domain", "tides.example"), "--domain needs --certificate"),
        (("--region", "eu-west-1", "--parameter", "oops"), "write it as Name=value"),
        (("--region", "eu-west-1", "--stack", "-x"), "no name for a stack"),
    ],
)
def test_a_wrong_call_does_nothing(sam: Sam, arguments: tuple[str, ...], said: str) -> None:
    assert said in run("deploy", *arguments, code=2)
    assert sam.calls() == []


def test_a_dry_run_prints_the_commands(sam: Sam, tmp_path: Path) -> None:
    said = run("deploy", "--region", "eu-west-1", "--dry-run", "--parameter", "LogDays=14")
    assert "sam deploy --template-file" in said
    assert "--confirm-changeset" in said
    assert "LogDays=14" in said
    assert sam.calls() == []
    assert not (tmp_path / "home" / "aws.env").exists()


def test_without_sam_it_says_how_to_get_it(sam: Sam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "aws-sam-cli" in run("deploy", "--region", "eu-west-1", code=2)


def test_what_fails_writes_no_environment(sam: Sam, tmp_path: Path) -> None:
    sam.fail_at("deploy")
    assert "sam ended with 1" in run("deploy", "--region", "eu-west-1", "--yes", code=1)
    sam.fail_at("nothing")
    sam.answer({"Other": "x"})
    assert "is it a stack of Pressrun" in run("deploy", "--region", "eu-west-1", "--yes", code=1)
    assert not (tmp_path / "home" / "aws.env").exists()


def test_destroy_wants_the_name_and_says_what_stays(sam: Sam, tmp_path: Path) -> None:
    run("deploy", "--region", "eu-west-1", "--stack", "tides", "--yes")
    before = sam.calls()
    said = run("destroy", "--region", "eu-west-1", "--stack", "tides", code=2, answer="pressrun\n")
    assert "stays: ContentBucket b-content" in said
    assert "nothing was done" in said
    assert [call for call in sam.calls()[len(before) :] if call[0] == "delete"] == []
    said = run("destroy", "--region", "eu-west-1", "--stack", "tides", answer="tides\n")
    deleted: list[Any] = [call[2] for call in sam.calls() if call[0] == "delete"]
    assert deleted == ["tides-logs", "tides"]
    assert not (tmp_path / "home" / "aws.env").exists()
    assert (tmp_path / "home" / "aws.env.old").exists()
