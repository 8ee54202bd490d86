"""The backends, made once for each environment that Lambda keeps warm."""

from __future__ import annotations

from functools import cache

from pressrun.bootstrap import aws
from pressrun.house import House


@cache
def house() -> House:
    """The publication that the environment names."""
    return aws()
