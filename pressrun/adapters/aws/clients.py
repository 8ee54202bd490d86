"""The vendor's clients, each made when it is first asked for.

Making the session and the first client costs most of a cold start (S3 alone about 650 of 727 ms on a small
machine), each further client about 15 ms. So a function makes only those that its service touches.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

CONFIG: Final = Config(
    connect_timeout=2,
    read_timeout=20,  # a function's own limit is 60 s or more: one answer that never comes must not use it up
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=32,  # twice the threads of a driver's pool
    tcp_keepalive=True,
)
ONCE: Final = CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
"""For calls that are not to be repeated without a decision: SES has no idempotency token."""


class Clients:
    """Low-level clients over one session. Region, credentials and endpoint come from the environment."""

    def __init__(self) -> None:
        self._session = boto3.session.Session()

    @cached_property
    def s3(self) -> S3Client:
        """For S3Store."""
        return self._session.client("s3", config=CONFIG)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """For DynamoTable."""
        return self._session.client("dynamodb", config=CONFIG)

    @cached_property
    def sqs(self) -> SQSClient:
        """For SqsQueue."""
        return self._session.client("sqs", config=CONFIG)

    @cached_property
    def sns(self) -> SNSClient:
        """For SnsTopic."""
        return self._session.client("sns", config=CONFIG)

    @cached_property
    def sesv2(self) -> SESV2Client:
        """For SesMailer, in PRESSRUN_SES_REGION where that is set. Makes each call once."""
        return self._session.client(
            "sesv2", region_name=os.environ.get("PRESSRUN_SES_REGION") or None, config=ONCE
        )

    def close(self) -> None:
        """Closes the connections of the clients that were made."""
        for name in ("s3", "dynamodb", "sqs", "sns", "sesv2"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
