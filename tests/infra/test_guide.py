"""The operator's guide says what the template and the commands do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from handlers.house import house
from pressrun.cli import app
from tests.handlers.conftest import (  # noqa: F401 - fixtures
    Cloud,
    bucket,
    cloud,
    dynamo_name,
    dynamodb,
    moto_url,
    s3,
    sqs,
)
from tests.infra.templates import resources

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "infra" / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_every_alarm_has_its_chapter() -> None:
    """And names it; no chapter is of an alarm that is not there."""
    told = [alarm["Properties"]["AlarmDescription"] for alarm in resources("AWS::CloudWatch::Alarm").values()]
    named = {re.findall(r"See infra/README\.md, ([a-z ]+)\.$", text)[0] for text in told}
    assert {heading.lower() for heading in re.findall(r"^### (.*)$", GUIDE, re.MULTILINE)} == named


def test_links_within_lead_somewhere() -> None:
    anchors = {
        re.sub(r"[^a-z -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", GUIDE, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", GUIDE)) - anchors == set()


def test_every_command_that_is_named_exists() -> None:
    """Groups and options included."""
    runner = CliRunner()
    lines = [line for block in re.findall(r"```\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]
    commands = re.findall(r"`(pressrun [^`]*)`", GUIDE.replace("\n", " ")) + [
        line.partition("#")[0] for line in lines if line.startswith("pressrun ")
    ]
    assert len(commands) > 20
    for command in commands:
        words = command.split()[1:]
        options = {word for word in words if word.startswith("--")}
        names = [word for word in words if re.fullmatch(r"[a-z]+", word)]
        help_ = runner.invoke(app, [names[0], "--help"], env={"COLUMNS": "300"})
        assert help_.exit_code == 0, command
        if options - set(re.findall(r"--[a-z-]+", help_.output)):
            help_ = runner.invoke(app, [*names[:2], "--help"], env={"COLUMNS": "300"})
        assert options - set(re.findall(r"--[a-z-]+", help_.output)) == set(), command


def test_the_workflow_keeps_no_key_and_pushes_from_one_branch_alone() -> None:
    [text] = blocks("yaml")
    workflow: dict[Any, Any] = yaml.safe_load(text)
    assert workflow["jobs"]["push"]["permissions"] == {"contents": "read", "id-token": "write"}
    assert "secrets." not in text
    trust = json.loads(blocks("json")[0])["Statement"][0]["Condition"]["StringEquals"]
    assert trust["token.actions.githubusercontent.com:sub"].endswith(":ref:refs/heads/main")


@pytest.mark.parametrize("command", ["push", "pull"])
def test_the_role_s_policy_allows_what_a_push_calls_and_no_more(
    command: str,
    cloud: Cloud,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each call is written down by the client that makes it."""
    import botocore.client

    calls: list[tuple[str, dict[str, Any]]] = []
    real = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def noted(self: Any, operation: str, arguments: dict[str, Any]) -> Any:
        calls.append((operation, arguments))
        return real(self, operation, arguments)

    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "a.md").write_text("---\ntitle: A\n---\nx")
    (tmp_path / "content" / "pressrun.toml").write_text('title = "A"\n')
    cloud.upload("gone.md", b"---\ntitle: [\n---\n")
    cloud.publish(["gone.md"])
    assert house().reports.get("gone.md.json")
    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", noted)
    more = ["--yes", "--wait", "1"] if command == "push" else ["--force"]
    CliRunner().invoke(app, [command, str(tmp_path / "content"), "--home", str(tmp_path / "home"), *more])
    permissions = {"HeadObject": "s3:GetObject", "ListObjectsV2": "s3:ListBucket"}
    allowed: set[str] = set()
    partitions: set[str] = set()
    for statement in json.loads(blocks("json")[1])["Statement"]:
        actions = statement["Action"]
        allowed |= {actions} if isinstance(actions, str) else set(actions)
        condition = statement.get("Condition", {}).get("ForAllValues:StringEquals", {})
        partitions |= set(condition.get("dynamodb:LeadingKeys", ()))
    assert calls
    for operation, arguments in calls:
        rows = {"GetItem", "BatchGetItem", "Query"}
        name = permissions.get(operation, f"{'dynamodb' if operation in rows else 's3'}:{operation}")
        assert name in allowed
        if operation == "GetItem":
            assert arguments["Key"]["pk"]["S"] in partitions
        if operation == "BatchGetItem":
            for table in arguments["RequestItems"].values():
                assert {key["pk"]["S"] for key in table["Keys"]} <= partitions
        if operation == "Query":
            assert arguments["ExpressionAttributeValues"][":p"]["S"] in partitions
        if name in {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}:
            assert arguments["Key"].startswith(("content/", "errors/"))
            assert arguments["Bucket"] == cloud.content
