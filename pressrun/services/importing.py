"""Takes lists of subscribers in, from files of any size, in memory that does not grow with them.

Whoever has left, bounced, complained or been erased here stays so, whatever a file says; a file that says so of
somebody active is believed, unless they subscribed here after that. Doing it again changes nothing, so an import that
was stopped is finished by starting it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, Literal, Protocol, get_args

from pressrun.domain.newsletters import Cadence
from pressrun.domain.problems import Problem
from pressrun.domain.publication import Publication
from pressrun.domain.subscribers import Consent, Subscriber, SubscriberState, subscriber_id
from pressrun.errors import Conflict, Invalid, Transient
from pressrun.parsing.csvfile import CsvFile
from pressrun.parsing.listfiles import Source, damage
from pressrun.parsing.memberlist import ColumnError, Entry, MemberList, Refused, stricter
from pressrun.ports import ABSENT, MAX_WRITE, Drop, Row, Save, nobody
from pressrun.services.subscribers import MAX_TRIES, partition_of, stored

Verdict = Literal["added", "changed", "unchanged", "kept", "waiting", "refused"]
"""`kept`: the file would have let mail through that is not wanted here. `waiting`: not confirmed, and left out."""
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
SAMPLE = 50  # records looked at to tell the columns
WITHDRAWN: frozenset[SubscriberState] = frozenset({"unsubscribed", "bounced", "complained", "suppressed"})


class MemberTable:
    """One file of an import, its columns understood.

    Raises Invalid where they cannot be, LookupError where the encoding is unknown.
    """

    def __init__(
        self, source: Source, mapping: Mapping[str, str], *, encoding: str = "", delimiter: str = ""
    ) -> None:
        self.source = source
        with damage(source.name):
            self.file = CsvFile(source.open, encoding=encoding, delimiter=delimiter)
            first = self.file.first(SAMPLE)
        try:
            self.members = MemberList(first, mapping, source.name)
        except ColumnError as error:
            raise Invalid.at(source.name, 0, error.what, error.todo, code="columns") from None

    @property
    def encoding(self) -> str:
        """What it was read as, for people."""
        legacy = f", {self.file.legacy:,} lines as Windows-1252" if self.file.legacy else ""
        return self.file.encoding.upper().replace("-SIG", "") + legacy

    def rows(self, tell: Callable[[int], None]) -> Iterator[Entry | Refused]:
        """What each row says. Raises Invalid where the archive is damaged."""
        with damage(self.source.name):
            for record in self.file.records(tell):
                row = self.members.read(record)
                if row is not None:
                    yield row


def tables_of(
    found: Iterable[Source], mapping: Mapping[str, str], *, encoding: str = "", delimiter: str = ""
) -> tuple[list[MemberTable], list[Problem]]:
    """The tables that hold addresses, and why others are left out. Raises as MemberTable does; Invalid without any."""
    tables: list[MemberTable] = []
    problems: list[Problem] = []
    for source in found:
        try:
            tables.append(MemberTable(source, mapping, encoding=encoding, delimiter=delimiter))
        except Invalid as error:
            problems += error.problems
    if not tables:
        raise Invalid(problems)
    return tables, problems


class Rows(Protocol):
    """What an import needs of a Table."""

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]: ...

    def write(self, changes: Sequence[Save | Drop]) -> None: ...


class Trial:
    """A Table that writes to another one, so that nothing happens to the first."""

    def __init__(self, real: Rows, scratch: Rows) -> None:
        self._real = real
        self._scratch = scratch

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        """What is there, with what was tried."""
        tried = self._scratch.get_many(keys)
        return self._real.get_many([key for key in keys if key not in tried]) | tried

    def write(self, changes: Sequence[Save | Drop]) -> None:
        """Nobody else writes here: no condition can fail."""
        self._scratch.write([replace(change, expect=None) for change in changes])


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for all rows of an import. `lists`: what those who name no newsletters get; `source`: the file."""

    at: str  # ISO 8601, UTC
    source: str
    lists: Mapping[str, Cadence]
    known: frozenset[str]  # the publication's newsletters


def terms_of(
    tables: Iterable[MemberTable],
    publication: Publication,
    lists: Mapping[str, Cadence],
    *,
    file: str,
    at: str,
) -> list[tuple[MemberTable, Terms]]:
    """The terms of each table of an import; `file` is what they came in, an archive perhaps."""
    known = frozenset(one.slug for one in publication.newsletters)
    named = ((table, table.source.name) for table in tables)
    return [
        (table, Terms(at=at, source=file if name == file else f"{file}/{name}", lists=lists, known=known))
        for table, name in named
    ]


@dataclass(slots=True)
class Tally:
    """How many rows came to what, and the states in which those who were added or changed now are."""

    rows: Counter[Verdict] = field(default_factory=Counter)
    states: Counter[SubscriberState] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Note:
    """A row that was refused, kept or left waiting, and why. `source`: its file."""

    source: str
    line: int
    value: str
    verdict: Verdict
    reason: str


def settled(there: Subscriber | None, entry: Entry, terms: Terms) -> tuple[Subscriber | None, Verdict, str]:
    """What becomes of a subscriber by a row: how they stand then (None: not at all), the verdict, and its reason."""
    said = entry.subscriber
    if there is None:
        if said.state == "pending" and not entry.whole:
            return None, "waiting", "has not confirmed"
        return _new(entry, terms), "added", ""
    if there.reason == "erased":
        return there, "unchanged" if entry.id else "kept", "was erased here"
    if entry.id:
        return said, "changed", ""
    if said.state in WITHDRAWN:
        return _withdrawn(there, entry, terms)
    if there.state in WITHDRAWN:
        return there, "kept", f"is {there.state} here"
    if there.state == "pending":
        same = said.state == "pending"
        return there, "unchanged" if same else "kept", "" if same else "has not confirmed here yet"
    if said.state == "pending":
        return there, "unchanged", ""
    after = _joined(there, entry, terms)
    return after, "unchanged" if after == there else "changed", ""


def _new(entry: Entry, terms: Terms) -> Subscriber:
    said = entry.subscriber
    if entry.whole:
        return said
    active = said.state == "active"
    return replace(
        said,
        lists=dict(terms.lists) if active else {},
        created=said.created or terms.at,
        confirmed=(said.confirmed or said.created or terms.at) if active else "",
        reason=_reason(said, terms) if said.state in WITHDRAWN else "",
        consents=(_consent(terms, terms.lists if active else ()),),
    )


def _withdrawn(there: Subscriber, entry: Entry, terms: Terms) -> tuple[Subscriber, Verdict, str]:
    said = entry.subscriber
    if stricter(said.state, there.state) == there.state:
        return there, "unchanged", ""
    before = [one.at for one in there.consents if one.how == "import" and one.text == terms.source]
    told = [one.at for one in said.consents] if entry.whole else before[:1]
    since = entry.left or max(told, default="")
    own = max((one.at for one in there.consents if one.how != "import"), default="")
    if there.state == "active" and since and own > since:
        return there, "kept", "subscribed here after that"
    after = replace(
        there,
        state=said.state,
        lists={},
        wanted={},
        nonce="",
        reason=_reason(said, terms),
        consents=(*there.consents, _consent(terms, ())),
    )
    return after, "changed", ""


def _joined(there: Subscriber, entry: Entry, terms: Terms) -> Subscriber:
    """An active reader with what the row adds: never a newsletter that they once had and have left."""
    said = entry.subscriber
    had = {slug for consent in there.consents for slug in consent.newsletters}
    lists = said.lists if entry.whole else terms.lists
    new = {slug: rhythm for slug, rhythm in lists.items() if slug not in there.lists and slug not in had}
    extra = {**said.extra, **there.extra}
    return replace(
        there,
        lists={**there.lists, **new},
        wanted={slug: rhythm for slug, rhythm in there.wanted.items() if slug not in new},
        name=there.name or said.name,
        language=there.language or said.language,
        extra=extra if extra != there.extra else there.extra,
        consents=(*there.consents, _consent(terms, new)) if new else there.consents,
    )


def _consent(terms: Terms, newsletters: Iterable[str]) -> Consent:
    return Consent(at=terms.at, how="import", text=terms.source, newsletters=tuple(sorted(newsletters)))


def _reason(said: Subscriber, terms: Terms) -> str:
    """Who unsubscribed chose it; all else has a reason."""
    return said.reason or ("" if said.state == "unsubscribed" else f"import of {terms.source}")


class Import:
    """Takes rows in, MAX_WRITE at a time, each group on condition that nobody changed these subscribers meanwhile."""

    def __init__(
        self, rows: Rows, note: Callable[[Note], None], ask: Callable[[Entry, Terms], None] | None = None
    ) -> None:
        """`ask` is called for each reader who has not confirmed yet, and is not known here."""
        self._ask = ask
        self._rows = rows
        self._note = note
        self.tally = Tally()

    def take_all(
        self, tables: Sequence[tuple[MemberTable, Terms]], tell: Callable[[int, int], None] = nobody
    ) -> None:
        """Takes tables in; `tell` hears how many bytes are done, and of how many.

        Who has left comes first wherever a reader may stand in several rows: at no time is anybody let in who stands
        further below as having left. Raises Transient, Permanent, and Invalid for a damaged archive; what was taken in
        before may come again.
        """
        twice = len(tables) > 1 or any(table.members.mixed for table, _ in tables)
        total = sum(table.source.size for table, _ in tables) * (2 if twice else 1)
        done = 0
        for wanted in (True, False) if twice else (None,):
            for table, terms in tables:
                start = done
                rows = table.rows(lambda at, start=start: tell(start + at, total))  # type: ignore[misc]
                self.take((row for row in rows if wanted in (None, _leaves(row))), terms)
                done += table.source.size

    def take(self, rows: Iterable[Entry | Refused], terms: Terms) -> None:
        """Takes the rows of one table in."""
        remaining = iter(rows)
        while chunk := list(islice(remaining, MAX_WRITE)):
            entries = [row for row in chunk if isinstance(row, Entry) and self._fits(row, terms)]
            for row in chunk:
                if isinstance(row, Refused):
                    self._refuse(row.line, row.value, row.reason, terms)
            if entries:
                self._settle(entries, terms)

    def _fits(self, entry: Entry, terms: Terms) -> bool:
        strange = {*entry.subscriber.lists, *entry.subscriber.wanted} - terms.known
        if strange:
            what = f"names the newsletter {min(strange)!r}, which pressrun.toml does not declare"
            self._refuse(entry.line, entry.subscriber.address, what, terms)
        return not strange

    def _refuse(self, line: int, value: str, reason: str, terms: Terms) -> None:
        self.tally.rows["refused"] += 1
        self._note(Note(terms.source, line, value, "refused", reason))

    def _settle(self, entries: Sequence[Entry], terms: Terms) -> None:
        ids = [entry.id or subscriber_id(entry.subscriber.address) for entry in entries]
        for _ in range(MAX_TRIES):
            found = self._rows.get_many([(partition_of(identifier), identifier) for identifier in ids])
            there = {sort: stored(row) for (_, sort), row in found.items()}
            now: dict[str, Subscriber | None] = {sort: one.subscriber for sort, one in there.items()}
            verdicts = []
            for identifier, entry in zip(ids, entries, strict=True):
                after, verdict, reason = settled(now.get(identifier), entry, terms)
                now[identifier] = after
                verdicts.append((entry, after, verdict, reason))
            changes = [
                Save(
                    partition=partition_of(sort),
                    sort=sort,
                    item=after.to_item(),
                    expect=there[sort].version if sort in there else ABSENT,
                )
                for sort, after in now.items()
                if after is not None and (sort not in there or after != there[sort].subscriber)
            ]
            try:
                if changes:
                    self._rows.write(changes)
            except Conflict:
                continue
            break
        else:
            raise Transient("others keep changing these subscribers")
        for entry, after, verdict, reason in verdicts:
            self.tally.rows[verdict] += 1
            if after is not None and verdict in {"added", "changed"}:
                self.tally.states[after.state] += 1
            if verdict == "waiting" and self._ask:
                self._ask(entry, terms)
            if verdict in {"kept", "waiting"}:
                self._note(
                    Note(terms.source, entry.line, entry.subscriber.address or entry.id, verdict, reason)
                )


def _leaves(row: Entry | Refused) -> bool:
    return isinstance(row, Entry) and row.subscriber.state in WITHDRAWN
