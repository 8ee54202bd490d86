"""Tells a WebSub hub that feeds have changed (W3C WebSub, section 6)."""

from __future__ import annotations

import logging
import urllib.error
import urllib.request
from collections.abc import Sequence
from urllib.parse import urlencode

TIMEOUT = 5.0  # seconds; a hub that does not answer must not hold up publishing
_log = logging.getLogger(__name__)


def ping(hub: str, urls: Sequence[str]) -> None:
    """Asks `hub` to fetch each of `urls`. A hub that fails is noted in the log: readers still poll."""
    for url in urls:
        form = urlencode({"hub.mode": "publish", "hub.url": url, "hub.topic": url}).encode()
        request = urllib.request.Request(hub, data=form)  # noqa: S310 - settings admit http and https alone
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310
                pass
        except (urllib.error.URLError, OSError) as error:
            _log.warning("the hub %s did not take %s: %s", hub, url, error)
