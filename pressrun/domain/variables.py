"""The variables of the environment that are no settings: where a publication is, and what it sends with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "PRESSRUN_CONTENT": "the content folder, where a command names none",
        "PRESSRUN_HOME": "where state and output live; `.pressrun` unless it is set (`--home`)",
        "PRESSRUN_TARGET": "`local` or `aws` (`--target`)",
        "PRESSRUN_HOST": "the address that `serve` listens at; 127.0.0.1 unless it is set",
        "PRESSRUN_PORT": "the port that `serve` listens at; 8000 unless it is set",
        "PRESSRUN_BEHIND_PROXY": "1: `serve` believes the proxy before it who asks, and by which scheme",
        "PRESSRUN_MAILER": "`outbox`, `smtp` or `ses`",
        "PRESSRUN_SMTP_URL": "the mail server, with user and password: keep it out of files that are shared",
        "PRESSRUN_DKIM_KEY": "a PEM file with the key that mails by SMTP are signed with, RSA or Ed25519",
        "PRESSRUN_DKIM_DOMAIN": "whose signature it is",
        "PRESSRUN_DKIM_SELECTOR": "under which name the public key stands in the domain's DNS",
        "PRESSRUN_SES_CONFIGURATION_SET": "whose events tell what became of each mail",
        "PRESSRUN_SES_REGION": "of SES, where it is another than the rest's",
        "PRESSRUN_STACK": "the stack's name (`deploy`, `destroy`)",
        "PRESSRUN_CONTENT_BUCKET": "on AWS: what editors upload to",
        "PRESSRUN_SITE_BUCKET": "on AWS: what readers read",
        "PRESSRUN_LOG_BUCKET": "on AWS: access logs; where it is set, views are counted from them",
        "PRESSRUN_TABLE": "on AWS: the DynamoDB table",
        "PRESSRUN_QUEUE_URL": "on AWS: uploads",
        "PRESSRUN_DEAD_QUEUE_URL": "on AWS: uploads that were given up",
        "PRESSRUN_MAIL_QUEUE_URL": "on AWS: mail",
        "PRESSRUN_MAIL_DEAD_QUEUE_URL": "on AWS: mail that was given up",
        "PRESSRUN_FEEDBACK_QUEUE_URL": "on AWS: what became of mails",
        "PRESSRUN_FEEDBACK_DEAD_QUEUE_URL": "on AWS: the same, given up",
        "PRESSRUN_COUNT_QUEUE_URL": "on AWS: access logs that arrived",
        "PRESSRUN_COUNT_DEAD_QUEUE_URL": "on AWS: the same, given up",
        "PRESSRUN_TOPIC_ARN": "on AWS: whom a refused upload is told",
        "PRESSRUN_EDGE_SECRET": "on AWS: what CloudFront says to the API, so that nobody else is answered",
    }
)
"""By name: what it holds."""
