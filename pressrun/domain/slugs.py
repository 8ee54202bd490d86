"""Slugs: the last segment of an address, made from a name in any script."""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2s

MAX_BYTES = 120
"""A slug's largest size in UTF-8: percent-encoded it still fits a file name and an S3 key."""

_ASCII_SEPARATORS = re.compile(r"[^a-z0-9]+")
_SHARP = re.compile(r"(?<=\w)#(?!\w)")
_APOSTROPHES = str.maketrans("", "", "'’ʼ`")


def slugify(text: str) -> str:
    """`Crème Brûlée, 2nd!` → `crème-brûlée-2nd`. Never empty, and blind to case.

    Letters, marks and digits of any script stay (NFKC, case-folded). `C++` and `C#` stay apart from `C`.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    folded = _SHARP.sub("-sharp", folded.translate(_APOSTROPHES).replace("++", "-plus-plus"))
    if folded.isascii():
        slug = _ASCII_SEPARATORS.sub("-", folded).strip("-")
    else:
        kept = "".join(char if unicodedata.category(char)[0] in "LMN" else " " for char in folded)
        slug = "-".join(kept.split())
    if not slug:
        return _digest(text)
    if len(slug.encode()) > MAX_BYTES:
        cut = slug.encode()[: MAX_BYTES - 9].decode(errors="ignore").rstrip("-")
        return f"{cut}-{_digest(slug)}"
    return slug


def _digest(text: str) -> str:
    return blake2s(text.encode(errors="replace"), digest_size=4).hexdigest()
