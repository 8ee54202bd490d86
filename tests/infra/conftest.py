"""Fixtures of the handlers' tests, for a publication on stand-ins."""

from __future__ import annotations

from tests.contract.conftest import dynamo_name, dynamodb, moto_url, s3, sqs
from tests.handlers.conftest import cloud

__all__ = ["cloud", "dynamo_name", "dynamodb", "moto_url", "s3", "sqs"]
