"""Notifications to the editors, by an SNS topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pressrun.adapters.aws.errors import translated

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

MAX_SUBJECT: Final = 100
"""Characters that SNS takes in a subject; it also wants them in ASCII and on one line."""
MAX_TEXT: Final = 60_000
"""Characters: SNS takes 256 KB, and a character can have four bytes."""


class SnsTopic:
    """A topic that editors subscribed to, usually by mail."""

    def __init__(self, client: SNSClient, arn: str) -> None:
        self._client = client
        self._arn = arn

    def tell(self, subject: str, text: str) -> None:
        """Publishes a notification; the subject is cut and reduced to what SNS takes.

        Raises Transient, Permanent.
        """
        plain = " ".join(subject.encode("ascii", "replace").decode().split())
        line = "".join(character for character in plain if character.isprintable())[:MAX_SUBJECT]
        with translated(self._arn):
            self._client.publish(
                TopicArn=self._arn, Subject=line or "Pressrun", Message=text[:MAX_TEXT] or line
            )
