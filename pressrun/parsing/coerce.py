"""Values as front matter gives them, turned into what fields hold."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, time

from pressrun.domain.articles import Extra
from pressrun.parsing.encoding import legal
from pressrun.parsing.values import Plain, Value

_NOTHING = {"", "~", "null", "Null", "NULL"}
_YES = {"true", "yes", "on", "1"}
_NO = {"false", "no", "off", "0"}
_MAIL = re.compile(r"[<(\[]?\s*(?:mailto:)?([^\s<>()\[\]@:,;\"]+)@[^\s<>()\[\]@,;\"]+\s*[>)\]]?")
_NUMBER = re.compile(r"[-+]?(?:0|[1-9]\d{0,17})")
_FRACTION = re.compile(r"[-+]?\d{1,17}\.\d{1,17}")


def is_nothing(value: Value) -> bool:
    return value is None or (isinstance(value, Plain) and value in _NOTHING) or value in ("", [], {})


def to_truth(value: Value) -> bool | None:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    return True if word in _YES else False if word in _NO else None


def one_line(text: str) -> str:
    """One line, without controls: escapes in YAML and TOML can bring any character in."""
    return " ".join(legal(text.replace("\n", " ").replace("\t", " ").replace("\0", "")).split())


def without_address(name: str) -> str:
    """A person's name without the mail address that stands beside it; of an address alone, what precedes its @."""
    if "@" not in name:
        return name
    bare = " ".join(_MAIL.sub(" ", name).split()).strip("\"' ,")
    if bare.startswith("(") and bare.endswith(")"):
        bare = bare[1:-1].strip()
    found = _MAIL.search(name)
    return bare or (found[1] if found else name)


def text_part(value: Mapping[str, Value], *names: str) -> str:
    for name in names:
        if isinstance(part := value.get(name), str) and part:
            return one_line(part)
    return ""


def to_extra(value: Value) -> Extra:
    """A value that only templates read, as YAML 1.2 would type it."""
    if isinstance(value, Plain):
        return _typed(str(value))
    if isinstance(value, str):
        return legal(value)
    if isinstance(value, dict):
        return {one_line(name): to_extra(item) for name, item in value.items()}
    if isinstance(value, list):
        return [to_extra(item) for item in value]
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) >= 2**63:
        return hex(value)
    return value


def _typed(text: str) -> Extra:
    if text in _NOTHING:
        return None
    if text in {"true", "True", "TRUE", "false", "False", "FALSE"}:
        return text.lower() == "true"
    if _NUMBER.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text):
        return float(text)
    return legal(text)
