"""Bodies of requests, as forms send them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

MAX_PARTS: Final = 2_000
_BOUNDARY: Final = re.compile(r'boundary="?([^";,]{1,70})"?', re.IGNORECASE)
_PARAMETER: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(slots=True)
class Form:
    """Fields by name, each with all its values; files as (field, name, bytes)."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    files: list[tuple[str, str, bytes]] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        """The first value of a field."""
        return self.fields.get(name, [default])[0]


def query_of(text: str) -> Form:
    """What a query or a urlencoded body holds. Nothing where it is none, or has too many parts."""
    try:
        return Form(parse_qs(text, keep_blank_values=True, max_num_fields=MAX_PARTS, errors="strict"))
    except ValueError:
        return Form()


def form_of(content_type: str, body: bytes) -> Form:
    """What a body holds, by its type; nothing where it is neither kind of form."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return query_of(body.decode("utf-8", "replace"))
    boundary = _BOUNDARY.search(content_type) if kind == "multipart/form-data" else None
    return _multipart(boundary[1].encode(), body) if boundary else Form()


def _multipart(boundary: bytes, body: bytes) -> Form:
    """RFC 7578, as browsers write it."""
    form = Form()
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1 : MAX_PARTS + 1]:
        if part.startswith(b"--"):
            break
        head, gap, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        said = dict(_PARAMETER.findall(_disposition(head.decode("utf-8", "replace"))))
        if not gap or "name" not in said:
            continue
        name = _unescaped(said["name"])
        if "filename" in said:
            form.files.append((name, _unescaped(said["filename"]), content))
        else:
            form.fields.setdefault(name, []).append(content.decode("utf-8", "replace"))
    return form


def _disposition(head: str) -> str:
    lines = head.split("\r\n")
    return next((line for line in lines if line.lower().startswith("content-disposition:")), "")


def _unescaped(text: str) -> str:
    """Browsers write quotes and line breaks in names as percent escapes."""
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
