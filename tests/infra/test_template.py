"""The stack: what is checked of it without an account."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.bundle import PYTHON
from pressrun.adapters.aws.dynamodb import DynamoTable
from pressrun.ports import Save
from tests.infra.templates import FUNCTIONS, ROOT, environment, listed, resources, statements, template

# What a Lambda function is given for nothing, and what only other mailers and people at a terminal use.
NOT_OURS = re.compile(r"PRESSRUN_(MAILER|SMTP_URL|DKIM_\w*|SES_REGION|(MAIL_)?DEAD_QUEUE_URL)$")


@pytest.mark.parametrize("name", ["template.yaml", "logs.yaml"])
def test_cfn_lint_has_nothing_to_say(name: str) -> None:
    """Of either template; what is ignored is ignored in the template, with its reason."""
    command = [Path(sys.executable).with_name("cfn-lint"), ROOT / "infra" / name]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (said.stdout, said.returncode) == ("", 0)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_names_a_handler_that_is_there(function: str) -> None:
    """And runs on the Python and processor that the bundle is made for."""
    module, _, name = resources()[f"{function}Function"]["Properties"]["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))
    shared = template()["Globals"]["Function"]
    assert (shared["Runtime"], shared["Architectures"]) == (f"python{PYTHON}", ["arm64"])
    assert shared["CodeUri"] == "../build/lambda.zip"


def test_who_publishes_has_what_makes_pictures_and_no_other_does() -> None:
    """The layer, for the same Python and processor; a handler that has the publisher may meet a picture in any file."""
    layer = resources()["PicturesLayer"]["Properties"]
    assert layer["ContentUri"] == "../build/lambda-pictures.zip"
    assert layer["CompatibleRuntimes"] == [f"python{PYTHON}"]
    assert layer["CompatibleArchitectures"] == ["arm64"]
    handlers = {one: (ROOT / "handlers" / f"{one.lower()}.py").read_text("utf-8") for one in FUNCTIONS}
    for one, text in handlers.items():
        wanted = [{"Ref": "PicturesLayer"}] if "house().publisher" in text else None
        assert resources()[f"{one}Function"]["Properties"].get("Layers") == wanted


def test_every_handler_is_deployed() -> None:
    """A file in handlers/ with a `handler` is one of the functions."""
    there = {
        path.stem for path in (ROOT / "handlers").glob("*.py") if "\ndef handler(" in path.read_text("utf-8")
    }
    assert {function.lower() for function in FUNCTIONS} == there


def _names_in(*paths: str) -> set[str]:
    """Every PRESSRUN_… that stands as a string of its own in the code."""
    trees = [ast.parse((ROOT / path).read_text("utf-8")) for path in paths]
    texts = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {text for text in texts if isinstance(text, str) and re.fullmatch(r"PRESSRUN_[A-Z_]+[A-Z]", text)}


def test_the_variables_are_those_that_the_code_reads() -> None:
    """Every one that is read on AWS is set for some function, and none is set that is not read."""
    sources = ["pressrun/bootstrap.py", "pressrun/adapters/aws/clients.py"]
    sources += [f"handlers/{path.name}" for path in (ROOT / "handlers").glob("*.py")]
    read = {name for name in _names_in(*sources) if not NOT_OURS.match(name)}
    given = {name for function in FUNCTIONS for name in environment(function) if name.startswith("PRESSRUN_")}
    assert given - {"PRESSRUN_URL"} == read  # a setting, which any of them may override


@pytest.mark.parametrize(
    ("name", "functions"),
    [
        ("PRESSRUN_EDGE_SECRET", {"Api"}),
        ("PRESSRUN_LOG_BUCKET", {"Api", "Count", "Tick"}),
        ("PRESSRUN_TOPIC_ARN", {"Publish", "Tick"}),
        ("PRESSRUN_MAIL_QUEUE_URL", set(FUNCTIONS)),
    ],
)
def test_a_function_is_told_what_concerns_it(name: str, functions: set[str]) -> None:
    """A secret least of all."""
    assert {function for function in FUNCTIONS if name in environment(function)} == functions


@pytest.mark.parametrize("bucket", resources("AWS::S3::Bucket"))
def test_buckets_are_private_owned_versioned_and_kept(bucket: str) -> None:
    """Security 12, and deletion policies that keep data."""
    one = resources()[bucket]
    properties = one["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["LifecycleConfiguration"]["Rules"]
    assert (one["DeletionPolicy"], one["UpdateReplacePolicy"]) == ("Retain", "Retain")


@pytest.mark.parametrize("bucket", resources("AWS::S3::Bucket"))
def test_buckets_take_tls_only(bucket: str) -> None:
    """Security 12: a policy of each denies all that comes without."""
    (policy,) = (
        one["Properties"]["PolicyDocument"]
        for one in resources("AWS::S3::BucketPolicy").values()
        if one["Properties"]["Bucket"] == {"Ref": bucket}
    )
    (denial,) = (s for s in statements(policy) if s.get("Sid") == "TlsOnly")
    assert (denial["Effect"], denial["Principal"], denial["Action"]) == ("Deny", "*", "s3:*")
    assert denial["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert denial["Resource"] == [{"Fn::GetAtt": [bucket, "Arn"]}, {"Fn::Sub": f"${{{bucket}.Arn}}/*"}]


def test_the_site_is_read_by_our_distribution_alone() -> None:
    """Security 12: origin access control, pinned to the distribution."""
    policy = resources()["SiteBucketPolicy"]["Properties"]["PolicyDocument"]
    for statement in (s for s in statements(policy) if s["Effect"] == "Allow"):
        assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        (source,) = statement["Condition"]["StringEquals"].values()
        assert "distribution/${Distribution}" in source["Fn::Sub"]
    origin = resources()["Distribution"]["Properties"]["DistributionConfig"]["Origins"][0]
    assert origin["OriginAccessControlId"] == {"Fn::GetAtt": ["SiteAccess", "Id"]}


@pytest.mark.parametrize(("prefix", "keys"), [("mail", {"none"}), ("views", {"none", "match"})])
def test_what_must_not_be_written_over_is_written_on_condition(prefix: str, keys: set[str]) -> None:
    """Security 12: the bucket refuses what our own code would never do."""
    policy = resources()["ContentBucketPolicy"]["Properties"]["PolicyDocument"]
    (denial,) = (
        s for s in statements(policy) if s["Resource"] == {"Fn::Sub": f"${{ContentBucket.Arn}}/{prefix}/*"}
    )
    assert (denial["Effect"], denial["Action"]) == ("Deny", "s3:PutObject")
    assert denial["Condition"]["Null"] == {
        f"s3:if-{key}" + ("-match" if key == "none" else ""): "true" for key in keys
    }


def test_ses_tells_us_by_one_topic_and_queue() -> None:
    """Security 11: both policies pin who may write, by ARN."""
    (topic,) = statements(resources()["FeedbackTopicPolicy"]["Properties"]["PolicyDocument"])
    assert topic["Principal"] == {"Service": "ses.amazonaws.com"}
    assert "configuration-set/" in str(topic["Condition"]["ArnEquals"]["AWS:SourceArn"])
    queue = statements(resources()["FeedbackQueuePolicy"]["Properties"]["PolicyDocument"])[0]
    assert queue["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "FeedbackTopic"}}}


@pytest.mark.parametrize("queue", [name for name in resources("AWS::SQS::Queue") if "Dead" not in name])
def test_what_fails_is_kept_apart(queue: str) -> None:
    """Five goes, as pressrun/adapters/aws/sqs.py counts; hidden for six times as long as the function may take."""
    properties = resources()[queue]["Properties"]
    dead = queue.replace("Queue", "DeadQueue")
    assert properties["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead, "Arn"]},
        "maxReceiveCount": 5,
    }
    assert resources()[dead]["Properties"]["MessageRetentionPeriod"] == 1_209_600
    (function,) = (
        one["Properties"]
        for one in resources("AWS::Serverless::Function").values()
        for event in one["Properties"]["Events"].values()
        if event["Properties"].get("Queue") == {"Fn::GetAtt": [queue, "Arn"]}
    )
    limit = function.get("Timeout", template()["Globals"]["Function"]["Timeout"])
    assert properties["VisibilityTimeout"] == 6 * limit
    (event,) = function["Events"].values()
    assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_table_is_kept_and_can_be_put_back() -> None:
    """On demand, with point-in-time recovery."""
    one = resources()["Table"]
    assert (one["DeletionPolicy"], one["Properties"]["BillingMode"]) == ("Retain", "PAY_PER_REQUEST")
    assert one["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert one["Properties"]["DeletionProtectionEnabled"] is True


@pytest.mark.parametrize("function", FUNCTIONS)
def test_roles_name_what_they_allow(function: str) -> None:
    """Security 13: a role for each function alone, and no `*` but for what has no name (SES's own account)."""
    assert resources()[f"{function}Function"]["Properties"]["Role"] == {
        "Fn::GetAtt": [f"{function}Role", "Arn"]
    }
    properties = resources()[f"{function}Role"]["Properties"]
    assert "ManagedPolicyArns" not in properties
    for policy in properties["Policies"]:
        for statement in statements(policy["PolicyDocument"]):
            assert not any("*" in action for action in listed(statement["Action"]))
            if "*" in listed(statement["Resource"]):
                assert statement["Action"] == "ses:GetAccount"


def test_only_deliver_sends_and_only_from_our_domain() -> None:
    """Security 13. IfExists: whether SES fills in the key for a bulk call is not said; the identity binds it anyway."""
    sending = {
        function: statement
        for function in FUNCTIONS
        for policy in resources()[f"{function}Role"]["Properties"]["Policies"]
        for statement in statements(policy["PolicyDocument"])
        if any(action.startswith("ses:Send") for action in listed(statement["Action"]))
    }
    assert set(sending) == {"Deliver"}
    statement = sending["Deliver"]
    assert statement["Condition"] == {
        "StringLikeIfExists": {"ses:FromAddress": {"Fn::Sub": "*@${MailDomain}"}}
    }
    assert all("${MailDomain}" in str(r) or "${ConfigurationSet}" in str(r) for r in statement["Resource"])


def test_logs_of_readers_and_functions_go() -> None:
    """Security 14: access logs hold addresses, and expire; every function has a log of its own that does."""
    rules = resources()["LogBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert {"Ref": "LogDays"} in [rule.get("ExpirationInDays") for rule in rules]
    for function in FUNCTIONS:
        own = resources()[f"{function}Function"]["Properties"]["LoggingConfig"]
        assert own == {"LogGroup": {"Ref": f"{function}Log"}}
        assert resources()[f"{function}Log"]["Properties"]["RetentionInDays"] <= 30


def test_salts_do_not_outlive_their_day_as_old_versions() -> None:
    """Else what was counted could be told apart again."""
    rules = resources()["ContentBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = (rule for rule in rules if rule.get("Prefix") == "views/")
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


def test_the_access_log_has_what_is_counted_and_no_query() -> None:
    """Tokens are in queries, and other sites' addresses in referrers: neither is ever written."""
    from pressrun.parsing.accesslogs.columns import RANGE, WANTED

    logs = template(ROOT / "infra" / "logs.yaml")["Resources"]["Delivery"]["Properties"]
    assert set(logs["RecordFields"]) == {*WANTED, *RANGE, "time"}


def test_the_edge_sends_the_headers_that_the_local_server_sends() -> None:
    """Security 15, with the very same policy."""
    from pressrun.server.policies import SITE_POLICY, security

    config = resources()["SiteHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    given = config["SecurityHeadersConfig"]
    assert given["ContentSecurityPolicy"]["ContentSecurityPolicy"] == SITE_POLICY
    assert given["StrictTransportSecurity"] == {"AccessControlMaxAgeSec": 31_536_000, "Override": True}
    sent = dict(security("https"))
    assert given["ReferrerPolicy"]["ReferrerPolicy"] == sent["Referrer-Policy"]
    (custom,) = config["CustomHeadersConfig"]["Items"]
    assert custom["Value"] == sent[custom["Header"]]


def test_every_behaviour_sends_them() -> None:
    """And each asks for TLS, and compresses."""
    config = resources()["Distribution"]["Properties"]["DistributionConfig"]
    behaviours = [config["DefaultCacheBehavior"], *config["CacheBehaviors"]]
    assert len(behaviours) == 7
    for behaviour in behaviours:
        assert behaviour["ResponseHeadersPolicyId"] == {"Ref": "SiteHeaders"}
        assert behaviour["ViewerProtocolPolicy"] in {"redirect-to-https", "https-only"}
        assert behaviour["Compress"] is True


def test_every_queue_and_function_is_watched() -> None:
    """Dead letters, age, errors, bounces, complaints, a missing tick; each tells the operators."""
    alarms = resources("AWS::CloudWatch::Alarm")
    watched = {
        (a["Properties"]["MetricName"], str(a["Properties"].get("Dimensions", ""))) for a in alarms.values()
    }
    for queue in (name for name in resources("AWS::SQS::Queue") if "Dead" not in name):
        dead = queue.replace("Queue", "DeadQueue")
        assert any(m == "ApproximateNumberOfMessagesVisible" and f"'{dead}'" in d for m, d in watched)
        assert any(m == "ApproximateAgeOfOldestMessage" and f"'{queue}'" in d for m, d in watched)
    for function in FUNCTIONS:
        assert any(m == "Errors" and f"{function}Function" in d for m, d in watched)
    assert {"Reputation.BounceRate", "Reputation.ComplaintRate", "Invocations"} <= {m for m, _ in watched}
    for alarm in alarms.values():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": "OperatorsTopic"}]


def test_the_table_removes_counters_that_end(dynamodb: Any, dynamo_name: str) -> None:
    """By the attribute that the driver writes, which goes where the row becomes another."""
    attribute = resources()["Table"]["Properties"]["TimeToLiveSpecification"]
    table = DynamoTable(dynamodb, dynamo_name)
    end = datetime(2026, 3, 1, tzinfo=UTC)
    key = {"pk": {"S": "limits"}, "sk": {"S": "c"}}
    for _ in range(2):
        table.increment("limits", "c", until=end)
        stored = dynamodb.get_item(TableName=dynamo_name, Key=key)["Item"]
        assert attribute == {"AttributeName": "t", "Enabled": True}
        assert stored[attribute["AttributeName"]] == {"N": str(int(end.timestamp()))}
    table.write([Save(partition="limits", sort="c", item={"n": 7})])
    assert "t" not in dynamodb.get_item(TableName=dynamo_name, Key=key)["Item"]
