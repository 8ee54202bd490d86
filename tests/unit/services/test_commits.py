"""Rows of many files, as many to a transaction as it takes."""

from __future__ import annotations

from pathlib import Path

from pressrun.adapters.local.sqlite import SqliteTable
from pressrun.ports import ABSENT, Drop, Save
from pressrun.services.commits import Commits
from pressrun.services.work import Work


def entry(key: str) -> tuple[Work, list[Save | Drop]]:
    save = Save(partition="entry", sort=key, item={"content": "x" * 370_000}, expect=ABSENT)
    return Work(key=key, blob=None, old=None, refused=None), [save]


def test_long_articles_do_without_a_common_transaction(tmp_path: Path) -> None:
    """Where their rows are too many bytes for one; who conflicts is still told apart."""
    table = SqliteTable(tmp_path / "catalogue.db")
    commits = Commits(table)
    table.write(entry("3")[1])
    assert commits.write([entry(str(number)) for number in range(12)]) == {"3"}
    assert len(list(table.query("entry"))) == 12
    table.close()
