"""infra/template.yaml on ministack, a stand-in that runs it: S3, EventBridge, SQS, SNS, DynamoDB and the functions.

What it cannot do, and who tests that instead:

- CloudFront serves nothing: tests/infra/test_edge.py runs its functions; its headers and behaviours are read from the
  template by tests/infra/test_template.py.
- The HTTP API answers 404: the function is called with the event that it would make (tests/handlers/test_api.py).
- An identity of SES tells no records to be made for DKIM: these outputs are left out here, and checked by cfn-lint.
- SES has no bulk mail and publishes no events: tests/fakes/ses.py takes its place, and its events go to the topic.
- IAM is not enforced: tests/infra/test_permissions.py holds the roles against the calls.
- Lifecycle rules, TTL, alarms, CloudFront's logs (infra/logs.yaml) do nothing: they are read from the templates.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.bundle import PYTHON, pictures_of
from tests.infra.templates import ROOT, TEMPLATE

MINISTACK = Path(os.environ.get("PRESSRUN_MINISTACK", ROOT / ".venv-infra" / "bin" / "ministack"))
REGION = "eu-west-1"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}


@dataclass
class Stack:
    """A deployed publication."""

    url: str
    name: str
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        """A client of the stand-in."""
        return client(service, self.url)

    @property
    def environment(self) -> dict[str, str]:
        """What `pressrun.bootstrap.aws` needs to reach it from a terminal."""
        names = {
            "PRESSRUN_CONTENT_BUCKET": "ContentBucket",
            "PRESSRUN_SITE_BUCKET": "SiteBucket",
            "PRESSRUN_TABLE": "Table",
            "PRESSRUN_QUEUE_URL": "QueueUrl",
            "PRESSRUN_DEAD_QUEUE_URL": "DeadQueueUrl",
            "PRESSRUN_MAIL_QUEUE_URL": "MailQueueUrl",
            "PRESSRUN_MAIL_DEAD_QUEUE_URL": "MailDeadQueueUrl",
            "PRESSRUN_LOG_BUCKET": "LogBucket",
        }
        return (
            KEYS | {"AWS_ENDPOINT_URL": self.url} | {name: self.outputs[out] for name, out in names.items()}
        )

    def function(self, name: str) -> str:
        """The physical name of a function of the template."""
        found = self.client("cloudformation").describe_stack_resource(
            StackName=self.name, LogicalResourceId=f"{name}Function"
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def resources(self) -> list[dict[str, Any]]:
        """All that the stack holds."""
        found = self.client("cloudformation").list_stack_resources(StackName=self.name)
        return list(found["StackResourceSummaries"])

    def invoke(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        """Calls a function; raises AssertionError where it fails."""
        answer = self.client("lambda").invoke(FunctionName=self.function(name), Payload=json.dumps(event))
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return dict(said)

    def set_variables(self, name: str, **variables: str) -> None:
        """Changes a function's environment."""
        lambdas, function = self.client("lambda"), self.function(name)
        known = lambdas.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        lambdas.update_function_configuration(
            FunctionName=function, Environment={"Variables": {**known, **variables}}
        )


def client(service: str, url: str) -> Any:
    """A client of the stand-in at `url`."""
    return boto3.client(
        service, endpoint_url=url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )


def eventually(found: Callable[[], Any], *, limit: float = 60) -> Any:
    """What `found` returns as soon as that is true. Raises AssertionError."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        there = found()
        if there:
            return there
        time.sleep(0.25)
    raise AssertionError(f"nothing after {limit:.0f} s")


@contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """The stand-in on a free port of 127.0.0.1; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), **KEYS}
    environment |= {"LAMBDA_EXECUTOR": "local", "IOT_MTLS_ENABLED": "0", "BIND_HOST": "127.0.0.1"}
    environment |= {"GATEWAY_PORT": str(port), "MINISTACK_REGION": REGION}
    log = folder / "ministack.log"
    with log.open("wb") as out:
        process = subprocess.Popen([MINISTACK], env=environment, cwd=folder, stdout=out, stderr=out)
        try:
            url = f"http://127.0.0.1:{port}"
            eventually(lambda: _answers(url))
            yield url
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str) -> bool:
    try:
        client("s3", url).list_buckets()
    except (BotoCoreError, ClientError):
        return False
    return True


def deploy(url: str, bundle: Path, name: str, **parameters: str) -> Stack:
    """What `sam deploy` does: the bundle and the template go into a bucket, the stack is made from there.

    Changed in the template: where the code lies, this machine's Python in place of Lambda's, and no outputs that
    the stand-in does not know.
    """
    s3, formation = client("s3", url), client("cloudformation", url)
    code = f"artifacts-{name}"
    s3.create_bucket(Bucket=code, CreateBucketConfiguration={"LocationConstraint": REGION})
    text = TEMPLATE.read_text("utf-8")
    for part, path in (("lambda", bundle), ("lambda-pictures", pictures_of(bundle.with_suffix("")))):
        s3.upload_file(str(path.with_suffix(".zip")), code, f"{part}.zip")
        text = text.replace(f"../build/{part}.zip", f"s3://{code}/{part}.zip")
    here = ".".join(map(str, sys.version_info[:2]))
    text = text.replace(f"python{PYTHON}", f"python{here}")
    text = re.sub(r"^  Dkim\d: .*\n", "", text, flags=re.M)
    s3.put_object(Bucket=code, Key="template.yaml", Body=text.encode())
    formation.create_stack(
        StackName=name,
        TemplateURL=f"{url}/{code}/template.yaml",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )

    def done() -> Any:
        stack = formation.describe_stacks(StackName=name)["Stacks"][0]
        return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack

    stack = eventually(done)
    assert stack["StackStatus"] == "CREATE_COMPLETE", formation.describe_stack_events(StackName=name)
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    return Stack(url, name, {key: value.replace("localhost", "127.0.0.1") for key, value in outputs.items()})
