"""What the tests in a browser share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e.browsing import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a file's tests, each of which has pages of its own; not for longer, as its loop runs in the thread."""
    with chromium() as browser:
        yield browser
