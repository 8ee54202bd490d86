"""`pressrun deploy` and `destroy`: SAM's command line, with what this project needs said to it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from pressrun.commands.common import AWS_ENV, DEFAULT_HOME, Home, fail, out, private_file
from pressrun.errors import Permanent

ROOT: Final = Path(__file__).parents[2]
EDGE_REGION: Final = "us-east-1"  # where CloudFront's logs are configured, wherever the rest is
READ: Final = (
    *("ContentBucket", "SiteBucket", "LogBucket", "Table", "QueueUrl", "DeadQueueUrl", "MailQueueUrl"),
    *("MailDeadQueueUrl", "FeedbackQueueUrl", "FeedbackDeadQueueUrl", "CountQueueUrl", "CountDeadQueueUrl"),
    *("TopicArn", "SesConfigurationSet"),
)
"""Outputs of the stack that `--target aws` reads: QueueUrl as PRESSRUN_QUEUE_URL."""
SHOWN: Final = ("SiteAddress", "CloudFrontName", "DashboardAddress")
RECORDS: Final = ("Dkim1", "Dkim2", "Dkim3", "BounceMx", "BounceSpf", "Dmarc")
"""Outputs that are records to be made in the DNS of the mail's domain."""
KEPT: Final = ("ContentBucket", "SiteBucket", "LogBucket", "Table")

Stack = Annotated[
    str, typer.Option("--stack", help="What the stack is called.", envvar="PRESSRUN_STACK", metavar="NAME")
]
Region = Annotated[
    str,
    typer.Option("--region", help="Where, such as eu-west-1.", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"]),
]


def deploy(
    home: Home = DEFAULT_HOME,
    stack: Stack = "pressrun",
    region: Region = "",
    *,
    domain: Annotated[str, typer.Option("--domain", help="The site's host name.")] = "",
    certificate: Annotated[
        str, typer.Option("--certificate", help="ARN of its certificate, which must be in us-east-1.")
    ] = "",
    zone: Annotated[str, typer.Option("--zone", help="Its zone in Route 53, to have its records made.")] = "",
    mail_domain: Annotated[
        str, typer.Option("--mail-domain", help="The domain that newsletters are sent from.")
    ] = "",
    operator: Annotated[str, typer.Option("--operator", help="Where alarms are mailed to.")] = "",
    site_url: Annotated[
        str, typer.Option("--site-url", help="In place of `url` in pressrun.toml, as for a trial.")
    ] = "",
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", metavar="NAME=VALUE", help="Any other parameter of infra/template.yaml."),
    ] = None,
    bundle: Annotated[
        bool, typer.Option("--bundle/--no-bundle", help="Make what functions run anew, in build/.")
    ] = True,
    logs: Annotated[
        bool, typer.Option("--logs/--no-logs", help="Have CloudFront write logs, for counting.")
    ] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing anything.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the commands, and run none.")] = False,
) -> None:
    """Make the stack on AWS, or bring it up to date, and write what it is called to HOME/aws.env.

    Runs in a clone of the project, with the credentials that SAM finds. Parameters that are not given stay as they are.
    """
    _require_name(stack)
    if not region:
        fail("name a region with --region, such as eu-west-1, or set AWS_REGION")
    if domain and not certificate:
        fail("--domain needs --certificate: the ARN of a certificate for it in us-east-1")
    given = {
        "DomainName": domain,
        "CertificateArn": certificate,
        "HostedZoneId": zone,
        "MailDomain": mail_domain,
        "OperatorEmail": operator,
        "SiteUrl": site_url.rstrip("/"),
    }
    values = {name: value for name, value in given.items() if value}
    for text in parameter or []:
        name, equals, value = text.partition("=")
        if not equals or not name.isalnum():
            fail(f"--parameter {text}: write it as Name=value")
        values[name] = value
    template = _require_clone()
    sam = _require_sam() if not dry_run else "sam"
    run = _say if dry_run else _run
    if bundle:
        run([sys.executable, str(ROOT / "infra" / "bundle.py")])
    for name in () if bundle or dry_run else ("lambda.zip", "lambda-pictures.zip"):
        if not (ROOT / "build" / name).is_file():
            fail(f"there is no build/{name}; leave --no-bundle away")
    run(_deploy(sam, template, stack, region, values, yes=yes, roles=True))
    if dry_run:
        return
    outputs = _outputs(sam, stack, region)
    missing = [name for name in KEPT if name not in outputs]
    if missing:
        raise Permanent(f"the stack {stack} has no output {missing[0]}; is it a stack of Pressrun?")
    if logs:
        of = {"DistributionId": outputs.get("DistributionId", ""), "LogBucket": outputs["LogBucket"]}
        run(
            _deploy(sam, ROOT / "infra" / "logs.yaml", f"{stack}-logs", EDGE_REGION, of, yes=yes, roles=False)
        )
    _write_environment(home, stack, region, outputs, values)
    _tell(home, outputs)


def destroy(
    home: Home = DEFAULT_HOME,
    stack: Stack = "pressrun",
    region: Region = "",
    *,
    confirm: Annotated[
        str, typer.Option("--confirm", metavar="NAME", help="The stack's name, in place of typing it.")
    ] = "",
) -> None:
    """Take the stack down. What cannot be made again stays: three buckets and the table, and what they cost.

    The site is gone from that moment, and every link in mails that were sent.
    """
    _require_name(stack)
    if not region:
        fail("name a region with --region, such as eu-west-1, or set AWS_REGION")
    sam = _require_sam()
    outputs = _outputs(sam, stack, region)
    out.print(
        f"[bold]{escape(stack)}[/] in {region} is taken down: the site, the API, the functions, the queues."
    )
    for name in KEPT:
        out.print(f"  stays: {name} {escape(outputs.get(name, '?'))}")
    out.print(
        "Queues are not kept, and nothing answers links in mails. `pressrun backup --target aws` comes first."
    )
    typed = confirm or typer.prompt("Type the stack's name to go on", default="", show_default=False)
    if typed != stack:
        fail("that is not its name; nothing was done")
    _run(
        [sam, "delete", "--stack-name", f"{stack}-logs", "--region", EDGE_REGION, "--no-prompts"],
        may_fail=True,
    )
    _run([sam, "delete", "--stack-name", stack, "--region", region, "--no-prompts"])
    path = home / AWS_ENV
    if path.is_file():
        path.replace(path.with_suffix(".env.old"))
        out.print(
            f"{path} is {path.with_suffix('.env.old')} now; with it, what stayed can still be backed up."
        )


def _require_name(stack: str) -> None:
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9-]{0,100}", stack):
        fail(f"{stack} is no name for a stack: letters, digits and dashes, beginning with a letter")


def _require_clone() -> Path:
    template = ROOT / "infra" / "template.yaml"
    if not template.is_file():
        fail(
            "deploy runs in a clone of the project, which has infra/template.yaml; this one was installed without it"
        )
    return template


def _require_sam() -> str:
    found = shutil.which("sam")
    if found is None:
        fail("SAM's command line is missing: `pip install aws-sam-cli`, or see AWS's own instructions")
    return found


def _deploy(
    sam: str, template: Path, stack: str, region: str, values: Mapping[str, str], *, yes: bool, roles: bool
) -> list[str]:
    command = [sam, "deploy", "--template-file", str(template), "--stack-name", stack, "--region", region]
    command += ["--resolve-s3", "--no-fail-on-empty-changeset"]
    command += ["--capabilities", "CAPABILITY_IAM"] if roles else []
    command.append("--no-confirm-changeset" if yes else "--confirm-changeset")
    overrides = [f"{name}={_quoted(value)}" for name, value in values.items()]
    return [*command, "--parameter-overrides", *overrides] if overrides else command


def _quoted(value: str) -> str:
    """A value as SAM reads it: an empty one, or one with spaces, in quotes of its own."""
    return (
        value
        if re.fullmatch(r'[^\s"\\]+', value)
        else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    )


def _say(command: Sequence[str]) -> None:
    out.print(escape(shlex.join(command)))


def _run(command: Sequence[str], *, may_fail: bool = False) -> None:
    """Lets a command speak for itself. Raises Permanent where it fails."""
    out.print(f"[dim]{escape(shlex.join(command))}[/]")
    done = subprocess.run(command, check=False, cwd=ROOT)  # noqa: S603 - what was named above, and no shell
    if done.returncode and not may_fail:
        raise Permanent(f"{Path(command[0]).name} ended with {done.returncode}; what it printed says why")


def _outputs(sam: str, stack: str, region: str) -> dict[str, str]:
    command = [sam, "list", "stack-outputs", "--stack-name", stack, "--region", region, "--output", "json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise Permanent(f"the stack {stack} in {region} cannot be read: {done.stderr.strip()[-500:]}")
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return {str(each["OutputKey"]): str(each["OutputValue"]) for each in found}
    except (json.JSONDecodeError, KeyError, TypeError):
        raise Permanent(f"SAM's list of the outputs of {stack} cannot be read: {done.stdout[:200]}") from None


def variable(output: str) -> str:
    """The variable that an output is read as: QueueUrl → PRESSRUN_QUEUE_URL."""
    return f"PRESSRUN_{re.sub(r'(?<=[a-z])(?=[A-Z])', '_', output).upper()}"


def _write_environment(
    home: Path, stack: str, region: str, outputs: Mapping[str, str], values: Mapping[str, str]
) -> None:
    home.mkdir(parents=True, exist_ok=True)
    path = home / AWS_ENV
    lines = {"AWS_DEFAULT_REGION": region, "PRESSRUN_STACK": stack}
    lines |= {variable(name): outputs[name] for name in READ if outputs.get(name)}
    url = values["SiteUrl"] if "SiteUrl" in values else _before(path, "PRESSRUN_URL")
    if url:
        lines["PRESSRUN_URL"] = url
    with private_file(path) as stream:
        stream.write("# Written by `pressrun deploy`; read with --target aws. Holds no secret.\n")
        stream.writelines(f"{name}={value}\n" for name, value in lines.items())


def _before(path: Path, name: str) -> str:
    """What the last deployment wrote: parameters that are not given stay as they are."""
    if not path.is_file():
        return ""
    found = [
        line.partition("=")[2] for line in path.read_text("utf-8").splitlines() if line.startswith(f"{name}=")
    ]
    return found[0] if found else ""


def _tell(home: Path, outputs: Mapping[str, str]) -> None:
    for line in (home / AWS_ENV).read_text("utf-8").splitlines()[1:]:
        out.print(f"  {escape(line)}")
    out.print(f"Written to {home / AWS_ENV}, which every command reads with --target aws.\n")
    for name in SHOWN:
        if outputs.get(name):
            out.print(f"  {name:<17} {escape(outputs[name])}")
    records = [outputs[name] for name in RECORDS if outputs.get(name)]
    if records:
        out.print("\nRecords to be made, once, for mail to be taken as yours:")
    for record in records:
        out.print(f"  {escape(record)}")
    out.print("\nNext: `pressrun doctor --target aws`, then `pressrun push`. infra/README.md says all of it.")
