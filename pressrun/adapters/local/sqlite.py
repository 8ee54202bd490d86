"""The ports on SQLite."""

from __future__ import annotations

from pressrun.adapters.local.queue import SqliteQueue
from pressrun.adapters.local.table import SqliteTable

__all__ = ["SqliteQueue", "SqliteTable"]
