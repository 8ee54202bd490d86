"""A request of the API, read: an event of a Lambda function URL or an HTTP API (payload format 2.0) becomes fields."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

MAX_BODY: Final = 65_536  # bytes of a request
MAX_FIELDS: Final = 100
JSON: Final = "application/json"
Event = dict[str, Any]


class Refused(Exception):  # noqa: N818 - the answer to the client, by its name there
    """The request cannot be served as it is."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read: the fields of its query and body, who sent it, and whether they want a page."""

    query: Mapping[str, str]
    fields: Mapping[str, str]
    client: str
    html: bool
    how: str
    agent: str = ""
    origin: str = ""
    site: str = ""  # Sec-Fetch-Site

    @property
    def token(self) -> str:
        """The token of a form, or else of the link."""
        return self.fields.get("token") or self.query.get("t", "")

    @property
    def rhythms(self) -> dict[str, str] | None:
        """What was chosen for each newsletter; None where nothing was asked."""
        chosen = {
            name.removeprefix("rhythm."): value
            for name, value in self.fields.items()
            if name.startswith("rhythm.")
        }
        return chosen or None


def asked(event: Event, edge_secret: str = "") -> Asked:
    """The event, read. Raises Refused where its body is too large, of another type, or broken."""
    fields, how = {}, "form"
    if event["requestContext"]["http"]["method"] == "POST":
        kind = header_of(event, "content-type").partition(";")[0].strip().lower()
        how = "api" if kind == JSON else "form"
        fields = _fields(kind, event)
    return Asked(
        query=_pairs(event.get("rawQueryString", "")),
        fields=fields,
        client=client_of(event, edge_secret),
        html=wants_page(event),
        how=how,
        agent=header_of(event, "user-agent"),
        origin=header_of(event, "origin"),
        site=header_of(event, "sec-fetch-site"),
    )


def client_of(event: Event, edge_secret: str = "") -> str:
    """The reader's IP address.

    CloudFront names it in CloudFront-Viewer-Address ("198.51.100.10:46532"; IPv6 without brackets), and appends it to
    X-Forwarded-For, where an HTTP API appends CloudFront's own. What stands before that anybody may have written.
    """
    source = str(event["requestContext"]["http"].get("sourceIp", ""))
    if edge_secret and not compare_digest(header_of(event, "x-pressrun-edge").encode(), edge_secret.encode()):
        return source
    viewer = header_of(event, "cloudfront-viewer-address").rpartition(":")[0]
    hops = [hop.strip() for hop in header_of(event, "x-forwarded-for").split(",")]
    return viewer or next((hop for hop in reversed(hops) if hop not in {"", source}), source)


def wants_page(event: Event) -> bool:
    """Whether a browser asks, and no program."""
    return "text/html" in header_of(event, "accept")


def header_of(event: Event, name: str) -> str:
    """A header by its name in lower case, or ""."""
    return str(event.get("headers", {}).get(name, ""))


def _fields(kind: str, event: Event) -> dict[str, str]:
    raw = event.get("body") or ""
    try:
        body = b64decode(raw) if event.get("isBase64Encoded") else raw.encode()
        if len(body) > MAX_BODY:
            raise Refused("too_large")
        match kind:
            case "application/x-www-form-urlencoded":
                return _pairs(body.decode())
            case "application/json":
                return _from_json(orjson.loads(body))
            case "multipart/form-data":  # which RFC 8058 lets a mail program choose
                return _from_parts(header_of(event, "content-type"), body)
            case "" if not body:
                return {}
    except ValueError:
        raise Refused("refused") from None
    raise Refused("wrong_type")


def _pairs(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise Refused("refused") from None


def _from_json(data: object) -> dict[str, str]:
    """The fields as a form has them: `newsletters`, slugs with rhythms, become `rhythm.<slug>`."""
    if not isinstance(data, dict):
        raise Refused("refused")
    newsletters = data.pop("newsletters", {})
    if not isinstance(newsletters, dict):
        raise Refused("refused")
    fields = {**data, **{f"rhythm.{slug}": rhythm for slug, rhythm in newsletters.items()}}
    if not all(isinstance(value, str) for value in fields.values()):
        raise Refused("refused")
    return fields


def _from_parts(content_type: str, body: bytes) -> dict[str, str]:
    from email.parser import BytesParser
    from email.policy import HTTP

    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    fields = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            fields[name] = payload.decode()
    return fields
