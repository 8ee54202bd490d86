"""A strict stand-in for SES v2: SendBulkEmail and GetAccount over HTTP on loopback, and the events that SES publishes.

It refuses what SES refuses (more than 50 entries, too many or too long headers, tags with other characters, templates
that it cannot read), and what it is told to refuse. Events are handed to `on_event` as SES publishes them; `as_sns`
and `as_eventbridge` wrap them. All of it may be used from several threads.
"""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from uuid import uuid4

Event = dict[str, Any]
NOW = "2026-03-01T12:00:00.000Z"

_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_ADDRESS = re.compile(r"[!-?A-~]+@[A-Za-z0-9.-]+")
_RESERVED = {
    "from",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "message-id",
    "content-type",
    "mime-version",
    "reply-to",
}
_TOP = {
    "FromEmailAddress",
    "ReplyToAddresses",
    "DefaultContent",
    "DefaultEmailTags",
    "BulkEmailEntries",
    "ConfigurationSetName",
}
_ENTRY = {"Destination", "ReplacementTags", "ReplacementEmailContent", "ReplacementHeaders"}
_TYPES = {
    "Send": "Email Sent",
    "Delivery": "Email Delivered",
    "Bounce": "Email Bounced",
    "Complaint": "Email Complaint Received",
    "Rendering Failure": "Email Rendering Failed",
}


@dataclass(frozen=True)
class Sent:
    """A mail that SES took."""

    id: str
    sender: str
    address: str
    subject: str
    text: str
    html: str
    headers: tuple[tuple[str, str], ...]
    tags: Mapping[str, str]
    reply_to: tuple[str, ...]


@dataclass
class Ses:
    """What SES knows, took and does. `next_calls` holds what happens to the calls to come, one each:

    a pair (status, error code): refused so; "lost": refused by a closed connection; "applied but lost": carried out,
    then the connection is closed; "applied but 500"; "applied but silent": carried out, and never answered. `statuses`
    gives the status of an address's entry.
    """

    statuses: dict[str, str] = field(default_factory=dict)
    next_calls: deque[tuple[int, str] | str] = field(default_factory=deque)
    suppressed: set[str] = field(default_factory=set)
    bouncing: set[str] = field(default_factory=set)
    complaining: set[str] = field(default_factory=set)
    configuration_sets: set[str] = field(default_factory=lambda: {"pressrun"})
    max_send_rate: float = 14.0
    max_24_hours: float = 50_000.0
    sending_enabled: bool = True
    on_event: Callable[[Event], None] | None = None
    sent: list[Sent] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    calls: int = 0
    url: str = ""
    silence: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = count(1)

    @property
    def addresses(self) -> list[str]:
        with self._lock:
            return [mail.address for mail in self.sent]

    def account(self) -> dict[str, Any]:
        return {
            "SendingEnabled": self.sending_enabled,
            "ProductionAccessEnabled": True,
            "EnforcementStatus": "HEALTHY",
            "SendQuota": {
                "Max24HourSend": self.max_24_hours,
                "MaxSendRate": self.max_send_rate,
                "SentLast24Hours": float(len(self.sent)),
            },
        }

    def bulk(self, body: dict[str, Any]) -> dict[str, Any]:
        """Carries out a SendBulkEmail. Raises _RefusedError."""
        _only(body, _TOP)
        entries = body.get("BulkEmailEntries", [])
        _require(1 <= len(entries) <= 50, f"{len(entries)} entries: 1 to 50 are taken")
        template = body["DefaultContent"]["Template"]
        _only(template, {"TemplateContent", "TemplateData", "Headers"})
        _only(template["TemplateContent"], {"Subject", "Text", "Html"})
        json.loads(template["TemplateData"])
        _headers(template.get("Headers", []))
        _tags(body.get("DefaultEmailTags", []))
        name = body.get("ConfigurationSetName", "")
        if name and name not in self.configuration_sets:
            raise _RefusedError(404, "NotFoundException", f"Configuration set <{name}> does not exist.")
        for entry in entries:
            _only(entry, _ENTRY)
            _tags(entry.get("ReplacementTags", []))
        return {"BulkEmailEntryResults": [self._entry(body, entry) for entry in entries]}

    def _entry(self, body: dict[str, Any], entry: dict[str, Any]) -> dict[str, str]:
        [address] = entry["Destination"]["ToAddresses"]
        status = self.statuses.get(address, "SUCCESS")
        with self._lock:
            if status == "SUCCESS" and len(self.sent) >= self.max_24_hours > 0:
                status = "ACCOUNT_DAILY_QUOTA_EXCEEDED"
        if not _ADDRESS.fullmatch(address):
            status = "INVALID_PARAMETER"
        template = body["DefaultContent"]["Template"]
        headers = [*entry.get("ReplacementHeaders", [])]
        own = {header["Name"].lower() for header in headers}
        headers = [*(h for h in template.get("Headers", []) if h["Name"].lower() not in own), *headers]
        try:
            _headers(headers)
        except _RefusedError:
            status = "INVALID_PARAMETER"
        if status != "SUCCESS":
            return {"Status": status, "Error": f"{status} for this address"}
        identifier = f"0102018f{next(self._ids):08x}-{uuid4()}-000000"
        given = (
            entry.get("ReplacementEmailContent", {})
            .get("ReplacementTemplate", {})
            .get("ReplacementTemplateData")
        )
        data = json.loads(given or template["TemplateData"])
        tags = {
            tag["Name"]: tag["Value"]
            for tag in entry.get("ReplacementTags", body.get("DefaultEmailTags", []))
        }
        content = template["TemplateContent"]
        try:
            subject, text, html = (rendered(content[part], data) for part in ("Subject", "Text", "Html"))
        except KeyError as missing:
            self._publish(body, "Rendering Failure", identifier, address, tags, errorMessage=f"no {missing}")
            return {"Status": "SUCCESS", "MessageId": identifier}
        mail = Sent(
            id=identifier,
            sender=body["FromEmailAddress"],
            address=address,
            subject=subject,
            text=text,
            html=html,
            headers=tuple((header["Name"], header["Value"]) for header in headers),
            tags=tags,
            reply_to=tuple(body.get("ReplyToAddresses", [])),
        )
        with self._lock:
            self.sent.append(mail)
        self._follow(body, mail)
        return {"Status": "SUCCESS", "MessageId": identifier}

    def _follow(self, body: dict[str, Any], mail: Sent) -> None:
        """What happens to a mail afterwards."""
        self._publish(body, "Send", mail.id, mail.address, mail.tags)
        if mail.address in self.suppressed | self.bouncing:
            listed = mail.address in self.suppressed
            self._publish(
                body,
                "Bounce",
                mail.id,
                mail.address,
                mail.tags,
                bounceType="Permanent",
                bounceSubType="OnAccountSuppressionList" if listed else "General",
                bouncedRecipients=[{"emailAddress": mail.address, "action": "failed", "status": "5.1.1"}],
                timestamp=NOW,
                feedbackId=str(uuid4()),
            )
            return
        self._publish(
            body,
            "Delivery",
            mail.id,
            mail.address,
            mail.tags,
            timestamp=NOW,
            recipients=[mail.address],
            processingTimeMillis=546,
            smtpResponse="250 2.6.0 Message received",
        )
        if mail.address in self.complaining:
            self._publish(
                body,
                "Complaint",
                mail.id,
                mail.address,
                mail.tags,
                complainedRecipients=[{"emailAddress": mail.address}],
                complaintFeedbackType="abuse",
                timestamp=NOW,
                feedbackId=str(uuid4()),
            )

    def _publish(
        self,
        body: dict[str, Any],
        kind: str,
        identifier: str,
        address: str,
        tags: Mapping[str, str],
        **more: Any,
    ) -> None:
        """An event, where the call named a configuration set."""
        name = body.get("ConfigurationSetName", "")
        if not name:
            return
        part = {"Rendering Failure": "failure"}.get(kind, kind.lower())
        own = {"ses:configuration-set": [name], "ses:from-domain": ["example.org"]}
        event: Event = {
            "eventType": kind,
            "mail": {
                "timestamp": NOW,
                "source": body["FromEmailAddress"],
                "sendingAccountId": "123456789012",
                "messageId": identifier,
                "destination": [address],
                "headersTruncated": False,
                "headers": [{"name": "To", "value": address}],
                "commonHeaders": {"to": [address], "messageId": identifier},
                "tags": own | {tag: [value] for tag, value in tags.items()},
            },
            part: more,
        }
        with self._lock:
            self.events.append(event)
        if self.on_event:
            self.on_event(event)


def as_sns(event: Event) -> str:
    """The event as an SNS notification, which SQS delivers as a message's body."""
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": str(uuid4()),
            "TopicArn": "arn:aws:sns:eu-west-1:123456789012:mail",
            "Subject": "Amazon SES Email Event Notification",
            "Message": json.dumps(event) + "\n",
            "Timestamp": NOW,
            "SignatureVersion": "1",
            "Signature": "…",
        }
    )


def as_eventbridge(event: Event) -> str:
    """The event as EventBridge delivers it."""
    return json.dumps(
        {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": _TYPES[event["eventType"]],
            "source": "aws.ses",
            "account": "123456789012",
            "time": "2026-03-01T12:00:00Z",
            "region": "eu-west-1",
            "resources": ["arn:aws:ses:eu-west-1:123456789012:configuration-set/pressrun"],
            "detail": event,
        }
    )


_STASH = re.compile(r"(\\*)\{\{([^{}]*)\}\}")


def rendered(template: str, data: Mapping[str, str]) -> str:
    """Simple substitution, as Handlebars reads it. Raises KeyError for a missing variable, _RefusedError."""

    def value(found: re.Match[str]) -> str:
        back, name = found[1], found[2].strip()
        if back:  # Handlebars: one backslash makes it literal, two are one
            return found[0][1:] if len(back) % 2 else back[: len(back) // 2] + str(data[name])
        _require(re.fullmatch(r"[A-Za-z_]\w*", name) is not None, f"{{{{{name}}}}} is more than a variable")
        return str(data[name])

    rest = _STASH.sub("", template)
    _require("{{" not in rest and "{{{" not in template, "the template has braces that close nothing")
    return _STASH.sub(value, template)


class _RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def _require(good: bool, message: str) -> None:
    if not good:
        raise _RefusedError(400, "BadRequestException", message)


def _only(found: Mapping[str, Any], known: set[str]) -> None:
    _require(found.keys() <= known, f"{found.keys() - known} is not known")


def _tags(tags: list[dict[str, str]]) -> None:
    for tag in tags:
        good = _TAG.fullmatch(tag["Name"]) and _TAG.fullmatch(tag["Value"])
        _require(bool(good), f"the tag {tag} has other characters than letters, digits, - and _")


def _headers(headers: list[dict[str, str]]) -> None:
    _require(len(headers) <= 15, "at most 15 headers are taken")
    for header in headers:
        name, value = header["Name"], header["Value"]
        _require(
            len(name) + len(value) <= 996 and value.isascii() and value.isprintable(), f"{name} is not taken"
        )
        _require(name.lower() not in _RESERVED, f"{name} is SES's own")


@contextmanager
def serving(ses: Ses) -> Iterator[Ses]:
    """Runs it on a free port of 127.0.0.1; `ses.url` is its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            known = self.path == "/v2/email/account"
            self._reply(200, ses.account()) if known else self._refuse(404, "NotFoundException", self.path)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with ses._lock:
                ses.calls += 1
                fate = ses.next_calls.popleft() if ses.next_calls else ""
            if isinstance(fate, tuple):
                self._refuse(*fate, "told so")
            elif self.path != "/v2/email/outbound-bulk-emails":
                self._refuse(404, "NotFoundException", self.path)
            elif fate == "lost":
                self.close_connection = True
            else:
                self._carry_out(body, fate)

        def _carry_out(self, body: dict[str, Any], fate: str) -> None:
            try:
                answer = ses.bulk(body)
            except _RefusedError as error:
                self._refuse(error.status, error.code, str(error))
                return
            except (KeyError, ValueError, TypeError) as error:
                self._refuse(400, "BadRequestException", repr(error))
                return
            if fate == "applied but lost":
                self.close_connection = True
            elif fate == "applied but silent":
                ses.silence.wait(30)
                self.close_connection = True
            elif fate == "applied but 500":
                self._refuse(500, "InternalServiceErrorException", "told so")
            else:
                self._reply(200, answer)

        def _refuse(self, status: int, code: str, message: str) -> None:
            self._reply(status, {"message": message}, code)

        def _reply(self, status: int, body: dict[str, Any], code: str = "") -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if code:
                self.send_header("x-amzn-ErrorType", code)
            self.end_headers()
            with suppress(OSError):  # a client that was killed
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    ses.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield ses
    finally:
        ses.silence.set()
        server.shutdown()
        thread.join()
        server.server_close()
