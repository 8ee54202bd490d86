"""What authors are told of files that cannot be published, and when it is taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import orjson

from pressrun.domain.problems import Problem
from pressrun.domain.urls import claim_of
from pressrun.errors import Invalid, NotFound
from pressrun.ports import Drop, ObjectStore, Put, Row, Save, Table
from pressrun.services.catalogue import Refusal, refusal_of
from pressrun.services.work import Kind, Outcome, Work


class Refusals:
    """Refusals of one publication: a row for each, and a report that its author can read."""

    def __init__(self, table: Table, reports: ObjectStore, notify: Callable[[str, str], None]) -> None:
        self._table = table
        self._reports = reports
        self._notify = notify

    def refuse(
        self,
        key: str,
        etag: str,
        problems: Sequence[Problem],
        stored: Row | None,
        *,
        waits: tuple[str, ...] = (),
        kind: Kind = "article",
    ) -> Outcome:
        """Tells the author, once for each wrong version. `waits`: names that would have to be free."""
        refusal = Refusal(key=key, etag=etag, problems=tuple(problems), waits=waits)
        changes = [Save(partition=f"waits {claim_of(path)}", sort=key, item={}) for path in waits]
        if stored is None or stored.item != refusal.item():
            self._notify(f"Refused: {key}", "\n".join(str(problem) for problem in problems))
            changes.append(Save(partition="refused", sort=key, item=refusal.item()))
        elif self._is_told(key):
            return Outcome(key=key, state="refused", kind=kind, problems=tuple(problems))
        self._table.write_each(changes)
        # After the row: whoever dies in between is followed by one that finds the row, and no report.
        report = {"file": key, "problems": refusal.item()["problems"]}
        body = orjson.dumps(report, option=orjson.OPT_INDENT_2)
        self._reports.put(Put(key=f"{key}.json", body=body, content_type="application/json"))
        return Outcome(key=key, state="refused", kind=kind, problems=tuple(problems))

    def untell(self, key: str) -> None:
        """Takes away the report that one who died, or was overtaken, may have left."""
        self._reports.delete(f"{key}.json")

    def _is_told(self, key: str) -> bool:
        try:
            self._reports.head(f"{key}.json")
        except NotFound:
            return False
        return True

    def forgive(self, stored: Row) -> list[Save | Drop]:
        """Takes a report back; the changes that take back the rest."""
        self.untell(stored.sort)
        waits = [
            Drop(partition=f"waits {claim_of(path)}", sort=stored.sort) for path in refusal_of(stored).waits
        ]
        return [Drop(partition="refused", sort=stored.sort), *waits]

    def refuse_settings(self, error: Invalid) -> list[Outcome]:
        """Reports wrong settings or templates; the ones in force stay so."""
        outcomes = []
        for key in dict.fromkeys(problem.file for problem in error.problems):
            problems = [problem for problem in error.problems if problem.file == key]
            outcomes.append(self.refuse(key, "", problems, self._table.get("refused", key), kind="settings"))
        return outcomes

    def accept_settings(self, keys: Iterable[str]) -> None:
        """Takes back what was said against settings that are right now, and against variables ("$…")."""
        files = [key for key in keys if key[0] != "$"]
        for key in files:  # one who was overtaken may have left a report of which no row tells
            self.untell(key)
        rows = [*self._table.get_many([("refused", key) for key in files]).values()]
        for row in [*rows, *self._table.query("refused", low="$", high="$~")]:
            self._table.write_each(self.forgive(row))

    def turn_down(self, work: Work, problems: Sequence[Problem], waits: tuple[str, ...] = ()) -> None:
        """What was published of the file stays as it is, as long as nobody else stands there."""
        for pending in (work.changes, work.touched, work.paths, work.released, work.stirred):
            pending.clear()
        etag = work.blob.etag if work.blob else ""
        work.outcome = self.refuse(work.key, etag, problems, work.refused, waits=waits)
