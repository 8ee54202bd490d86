"""Addresses of the pages that a reader's own links lead to. The token is the query, which no log of ours has."""

from __future__ import annotations

from typing import Literal

API = "/api/"
"""Where the API stands below the publication's address."""

Place = Literal["confirm", "unsubscribe", "preferences", "export"]


def reader_link(url: str, place: Place, token: str) -> str:
    """The link in a mail. `url`: the publication's. A token needs no encoding."""
    return f"{url}{API}{place}?t={token}"
