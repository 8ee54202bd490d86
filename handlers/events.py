"""The shapes in which word of a changed object reaches us."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

PREFIX = "content/"


@dataclass(frozen=True, slots=True)
class Request:
    """What a message asks for: files to look at, collections to render, redirects and tombstones to make anew."""

    keys: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    force: bool = False
    paths: tuple[str, ...] = ()


def requests_in(body: str) -> Request:
    """A message's body, read: our own, `{"pressrun": "publish", "keys": […]}`, or word of S3 (see `keys_in`).

    Our own names keys without the prefix. Raises ValueError where it is of no known shape.
    """
    found = _object(body)
    if found.get("pressrun") == "publish":
        return Request(
            _texts(found, "keys"),
            _texts(found, "collections"),
            bool(found.get("force", False)),
            _texts(found, "paths"),
        )
    return Request(_below(_keys(found)))


def keys_in(body: str) -> list[str]:
    """The keys of the objects that a message names. Raises ValueError where it is of no known shape.

    - EventBridge: `detail.object.key`, as it is
    - S3's own notification: `Records[].s3.object.key`, form-encoded (`+` and `%2F`); S3's test event names nothing
    - either of them inside SNS: `Message`
    """
    return _keys(_object(body))


def _keys(found: dict[str, Any]) -> list[str]:
    if found.get("Type") == "Notification" and "Message" in found:
        return keys_in(_text(found, "Message"))
    if "detail" in found:
        return [_text(found, "detail", "object", "key")]
    if "Records" in found:
        if not isinstance(found["Records"], list):
            raise ValueError("Records is no list")
        return [unquote_plus(_text(record, "s3", "object", "key")) for record in found["Records"]]
    if found.get("Event") == "s3:TestEvent":
        return []
    raise ValueError("neither an EventBridge event nor an S3 notification")


def _object(body: str) -> dict[str, Any]:
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 - a wrong message is a wrong value
    return found


def _below(keys: list[str]) -> tuple[str, ...]:
    return tuple(key.removeprefix(PREFIX) for key in keys if key.startswith(PREFIX) and not key.endswith("/"))


def _texts(found: dict[str, Any], name: str) -> tuple[str, ...]:
    texts = found.get(name, None if name == "keys" else [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{name} is no list of texts")
    return tuple(texts)


def _text(found: Any, *path: str) -> str:
    for name in path:
        if not isinstance(found, dict) or name not in found:
            raise ValueError(f"no {'.'.join(path)}")
        found = found[name]
    if not isinstance(found, str):
        raise ValueError(f"{'.'.join(path)} is no text")  # noqa: TRY004
    return found
