"""Series that reach no further than the next part, so that a handful of articles shows what becomes of long ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pressrun.services import series


@pytest.fixture(autouse=True, scope="module")
def short_reach() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series, "REACH", 1)
        yield
