"""A Mailer over SES v2: one SendBulkEmail for each batch, with the letter as an inline template.

What becomes of a recipient depends on its entry's status (200 does not mean sent):

| status | fate |
|---|---|
| SUCCESS | sent |
| MESSAGE_REJECTED, INVALID_PARAMETER, FAILED | refused |
| ACCOUNT_THROTTLED | throttled |
| ACCOUNT_DAILY_QUOTA_EXCEEDED | quota |
| TRANSIENT_FAILURE | later |
| what concerns the account (_FOR_ALL) | Permanent: nobody is refused for it; beside entries that were sent, later |
| any other | unknown |

SES has no idempotency token. The client must not repeat a call by itself: `Clients.sesv2` does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from email.header import Header
from email.utils import formataddr
from typing import TYPE_CHECKING, Final, TypedDict

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
)

from pressrun.adapters.aws.errors import code_of, translated
from pressrun.adapters.rules import require_recipients
from pressrun.domain.letters import (
    CLOSE,
    OPEN,
    PLACE,
    Fate,
    Handover,
    Letter,
    Mailbox,
    Quota,
    Recipient,
    envelope,
    filled,
    in_html,
    in_text,
)
from pressrun.errors import Permanent

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import (
        BulkEmailContentTypeDef,
        BulkEmailEntryResultTypeDef,
        BulkEmailEntryTypeDef,
        MessageHeaderTypeDef,
        MessageTagTypeDef,
    )

MAX_HEADERS: Final = 15
MAX_HEADER: Final = 996
"""Characters of a header's name and value together."""

_FATES: Final[Mapping[str, Fate]] = {
    "SUCCESS": "sent",
    "MESSAGE_REJECTED": "refused",
    "INVALID_PARAMETER": "refused",
    "FAILED": "refused",
    "ACCOUNT_THROTTLED": "throttled",
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": "quota",
    "TRANSIENT_FAILURE": "later",
}
_FOR_ALL: Final = frozenset(
    {
        "ACCOUNT_SUSPENDED",
        "ACCOUNT_SENDING_PAUSED",
        "CONFIGURATION_SET_NOT_FOUND",
        "CONFIGURATION_SET_SENDING_PAUSED",
        "MAIL_FROM_DOMAIN_NOT_VERIFIED",
        "TEMPLATE_NOT_FOUND",
        "INVALID_SENDING_POOL_NAME",
    }
)
_THROTTLES: Final = frozenset(
    {
        "TooManyRequestsException",
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "RequestThrottled",
        "SlowDown",
    }
)
_PASSING: Final = frozenset({"ExpiredTokenException", "ExpiredToken", "RequestExpired"})
"""Refused before anything was done, for credentials that the client renews."""
_NOT_SENT: Final = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError)
"""The connection failed before a request was written to it."""


class _More(TypedDict, total=False):
    ConfigurationSetName: str


class SesMailer:
    """Sends through the account's SES. `configuration_set` publishes the events that settle what is unknown."""

    def __init__(self, client: SESV2Client, *, configuration_set: str = "") -> None:
        self._client = client
        self._more: _More = {"ConfigurationSetName": configuration_set} if configuration_set else {}

    def close(self) -> None:
        """Nothing to do; the client is its maker's to close."""

    def quota(self) -> Quota:
        """The account's limits as they are now. Raises Transient, Permanent."""
        with translated("SES"):
            account = self._client.get_account()
        if not account.get("SendingEnabled", True):
            raise Permanent("SES has sending disabled for this account; its console says why")
        quota = account.get("SendQuota", {})
        return Quota(  # SES says -1 for no limit
            per_second=max(0.0, quota.get("MaxSendRate", 0.0)),
            per_day=max(0, int(quota.get("Max24HourSend", 0))),
            sent_today=int(quota.get("SentLast24Hours", 0)),
        )

    def send(
        self, letter: Letter, recipients: Sequence[Recipient], *, tags: Mapping[str, str] | None = None
    ) -> list[Handover]:
        """One mail to each recipient; see Mailer. `letter.return_path` is not used: SES has its own.

        Raises Permanent also where the letter's own headers are more or longer than SES takes.
        """
        require_recipients(recipients)
        template = _Template(letter)
        fates: dict[int, Handover] = {}
        entries: dict[int, BulkEmailEntryTypeDef] = {}
        for turn, recipient in enumerate(recipients):
            try:
                entries[turn] = template.entry(recipient, tags or {})
            except ValueError as error:
                fates[turn] = Handover(fate="refused", reason=str(error))
        if entries:
            fates |= self._sent(letter, template, entries, tags or {})
        return [fates[turn] for turn in range(len(recipients))]

    def _sent(
        self,
        letter: Letter,
        template: _Template,
        entries: Mapping[int, BulkEmailEntryTypeDef],
        tags: Mapping[str, str],
    ) -> dict[int, Handover]:
        try:
            answer = self._client.send_bulk_email(
                FromEmailAddress=_mailbox(letter.sender),
                ReplyToAddresses=[_mailbox(letter.reply_to)] if letter.reply_to else [],
                DefaultContent=template.content,
                DefaultEmailTags=_tags(tags),
                BulkEmailEntries=list(entries.values()),
                **self._more,
            )
        except ClientError as error:
            return self._failed(error, letter, template, entries, tags)
        except (NoCredentialsError, PartialCredentialsError, ParamValidationError) as error:
            raise Permanent(f"SES: {error}") from error
        except BotoCoreError as error:
            if isinstance(error, _NOT_SENT):
                return _all(entries, "later", str(error))
            # A timeout, or a connection that closed: the request may have been carried out.
            return _all(entries, "unknown", f"{type(error).__name__}: {error}")
        return _fates(entries, answer["BulkEmailEntryResults"])

    def _failed(
        self,
        error: ClientError,
        letter: Letter,
        template: _Template,
        entries: Mapping[int, BulkEmailEntryTypeDef],
        tags: Mapping[str, str],
    ) -> dict[int, Handover]:
        """What a call means that was refused as a whole."""
        code, status = code_of(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _THROTTLES or status == 429:
            return _all(entries, "quota" if "daily" in str(error).lower() else "throttled", str(error))
        if status >= 500 or not status >= 400:
            return _all(entries, "unknown", str(error))
        if code in _PASSING:
            return _all(entries, "later", str(error))
        if code == "LimitExceededException":
            return _all(entries, "quota", str(error))
        if code not in {"BadRequestException", "MessageRejected"}:
            raise Permanent(f"SES: {error}") from error
        if len(entries) == 1:
            return _all(entries, "refused", str(error))
        # One bad entry must not stop the rest: nothing was sent, so each half is tried by itself.
        turns, found = list(entries), dict[int, Handover]()
        for half in (turns[: len(turns) // 2], turns[len(turns) // 2 :]):
            part = {turn: entries[turn] for turn in half}
            try:
                found |= self._sent(letter, template, part, tags)
            except Permanent as refusal:
                if not _any_sent(found):
                    raise
                found |= _all(part, "later", str(refusal))
        return found


def _all(entries: Mapping[int, BulkEmailEntryTypeDef], fate: Fate, reason: str) -> dict[int, Handover]:
    return dict.fromkeys(entries, Handover(fate=fate, reason=reason[:500]))


def _fates(
    entries: Mapping[int, BulkEmailEntryTypeDef], results: Sequence[BulkEmailEntryResultTypeDef]
) -> dict[int, Handover]:
    """What each entry's status means. Raises Permanent where the account cannot send, and nothing was sent."""
    if len(results) != len(entries):
        return _all(entries, "unknown", f"SES answered for {len(results)} of {len(entries)} recipients")
    found: dict[int, Handover] = {}
    for turn, result in zip(entries, results, strict=True):
        status = str(result.get("Status", ""))
        reason = "" if status == "SUCCESS" else f"{status} {result.get('Error', '')}".strip()[:500]
        fate: Fate = "later" if status in _FOR_ALL else _FATES.get(status, "unknown")
        found[turn] = Handover(fate=fate, id=result.get("MessageId", ""), reason=reason)
    wrong = [
        result.get("Error") or result["Status"] for result in results if result.get("Status") in _FOR_ALL
    ]
    if wrong and not _any_sent(found):
        raise Permanent(f"SES: {wrong[0]}")
    return found


def _any_sent(found: Mapping[int, Handover]) -> bool:
    """Whether something may have been sent."""
    return any(handover.fate in {"sent", "unknown"} for handover in found.values())


class _Template:
    """A letter in SES's terms: its places as variables, ``h_`` for HTML and ``t_`` for text."""

    def __init__(self, letter: Letter) -> None:
        self._letter = letter
        fixed = [(name, value) for name, value in letter.headers if not PLACE.search(value)]
        self._own = [(name, value) for name, value in letter.headers if PLACE.search(value)]
        if len(letter.headers) > MAX_HEADERS:
            raise Permanent(f"the letter has {len(letter.headers)} headers; SES takes {MAX_HEADERS}")
        try:
            headers = [_header(name, value) for name, value in fixed]
        except ValueError as error:
            raise Permanent(str(error)) from error
        subject, text, html = (
            _variables(letter.subject, "t_"),
            _variables(letter.text, "t_"),
            _variables(letter.html, "h_"),
        )
        parts = (letter.subject, letter.text, letter.html)
        self._names = sorted({name for part in parts for name in PLACE.findall(part)})
        self.content: BulkEmailContentTypeDef = {
            "Template": {
                "TemplateContent": {"Subject": subject, "Text": text, "Html": html},
                "TemplateData": json.dumps(_SIGNS),
                "Headers": headers,
            }
        }

    def entry(self, recipient: Recipient, tags: Mapping[str, str]) -> BulkEmailEntryTypeDef:
        """A recipient's part. Raises ValueError where it cannot be sent to, or one of its values is missing."""
        values = {}
        for name in self._names:
            if name not in recipient.values:
                raise ValueError(f"there is no value for the place {name!r}")
            values[f"t_{name}"] = in_text(recipient.values[name])
            values[f"h_{name}"] = in_html(recipient.values[name])
        # The signs stand in each entry, too: whether SES falls back to the template's for single ones is not said.
        data = json.dumps({**_SIGNS, **values}, ensure_ascii=False)
        return {
            "Destination": {"ToAddresses": [envelope(recipient.address)]},
            "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": data}},
            "ReplacementHeaders": [
                _header(name, filled(value, recipient.values)) for name, value in self._own
            ],
            "ReplacementTags": _tags({**tags, "recipient": recipient.id}),
        }


_SIGNS: Final = {"s_open": "{", "s_close": "}", "s_back": "\\"}
_SIGN_OF: Final = {"{": "{{s_open}}", "}": "{{s_close}}", "\\": "{{s_back}}"}
_RUN: Final = re.compile(f"(?:{OPEN}[a-z_]+{CLOSE}|[{{}}\\\\])+")
_PIECE: Final = re.compile(f"{PLACE.pattern}|[{{}}\\\\]")


def _variables(content: str, prefix: str) -> str:
    """The content as a template that gives it back as it is. A sign that stands alone means nothing to SES."""

    def written(run: re.Match[str]) -> str:
        if run[0] in _SIGN_OF:
            return run[0]
        return "".join(f"{{{{{prefix}{p[1]}}}}}" if p[1] else _SIGN_OF[p[0]] for p in _PIECE.finditer(run[0]))

    return _RUN.sub(written, content)


def _header(name: str, value: str) -> MessageHeaderTypeDef:
    """Raises ValueError where SES would not take it."""
    if not value.isascii():
        # A name before an address in angle brackets, as in List-Id, is what may be in another script (RFC 2047).
        words, bracket, rest = value.partition("<")
        value = Header(words.strip(), "utf-8", maxlinelen=MAX_HEADER).encode() + (
            f" <{rest}" if bracket else ""
        )
    if not value.isascii() or len(name) + len(value) > MAX_HEADER:
        raise ValueError(f"the header {name} is longer than {MAX_HEADER} characters, or not ASCII")
    return {"Name": name, "Value": value}


def _mailbox(mailbox: Mailbox) -> str:
    try:
        return formataddr((mailbox.name, envelope(mailbox.address)), charset="utf-8")
    except ValueError as error:
        raise Permanent(f"{mailbox.address}: {error}") from error


def _tags(tags: Mapping[str, str]) -> list[MessageTagTypeDef]:
    return [{"Name": name, "Value": value} for name, value in tags.items()]
