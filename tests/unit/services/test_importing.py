"""What an import makes of those who are here already, and of files that end half way."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pressrun.adapters.local.sqlite import SqliteTable
from pressrun.domain.roster import STATES
from pressrun.domain.subscribers import Consent, Subscriber, subscriber_id
from pressrun.errors import Invalid, Transient
from pressrun.parsing.listfiles import Source, sources
from pressrun.parsing.memberlist import Entry
from pressrun.ports import Drop, Row, Save
from pressrun.services.exporting import exported
from pressrun.services.importing import WITHDRAWN, Import, MemberTable, Note, Terms, Trial, settled
from pressrun.services.subscribers import Subscribers, erased, left

AT = "2026-03-01T12:00:00+00:00"
LATER = "2026-04-01T12:00:00+00:00"
TERMS = Terms(at=AT, source="list.csv", lists={"letters": "article"}, known=frozenset({"letters", "digest"}))


@pytest.fixture
def table(tmp_path: Path) -> Iterator[SqliteTable]:
    with SqliteTable(tmp_path / "table.db", durable=False) as found:
        yield found


def take(
    table: SqliteTable | Trial, *texts: str, terms: Terms = TERMS, names: Sequence[str] = ()
) -> tuple[Import, list[Note]]:
    notes: list[Note] = []
    run = Import(table, notes.append)
    tables = []
    for at, text in enumerate(texts):
        data = text.encode()
        name = names[at] if names else f"{at}.csv"
        tables.append((MemberTable(Source(name, len(data), lambda data=data: io.BytesIO(data)), {}), terms))  # type: ignore[misc]
    run.take_all(tables)
    return run, notes


def everybody(table: SqliteTable) -> dict[str, Subscriber]:
    return {one.subscriber.address.partition("@")[0]: one.subscriber for one in Subscribers(table).everyone()}


def states(table: SqliteTable) -> dict[str, str]:
    return {name: one.state for name, one in everybody(table).items()}


def test_an_active_reader_gets_the_newsletter_and_the_file_is_named(table: SqliteTable) -> None:
    """Dates are those of the file; the consent says where it is from."""
    take(table, "email,name,created_at\nAda@example.org,Ada,2024-01-02\n")
    assert everybody(table)["Ada"] == Subscriber(
        address="Ada@example.org", state="active", name="Ada", lists={"letters": "article"},
        created="2024-01-02T00:00:00+00:00", confirmed="2024-01-02T00:00:00+00:00",
        consents=(Consent(at=AT, how="import", text="list.csv", newsletters=("letters",)),),
    )  # fmt: skip


def test_the_unconfirmed_stay_out(table: SqliteTable) -> None:
    """And are told of."""
    run, notes = take(table, "email,status\nada@example.org,unconfirmed\n")
    assert (dict(run.tally.rows), everybody(table)) == ({"waiting": 1}, {})
    assert notes == [Note("list.csv", 2, "ada@example.org", "waiting", "has not confirmed")]


@pytest.mark.parametrize("state", sorted(WITHDRAWN))
def test_nobody_is_subscribed_again(table: SqliteTable, state: str) -> None:
    """Whatever a file says: who has left, bounced, complained or is suppressed here stays so."""
    identifier = subscriber_id("ada@example.org")
    there = Subscriber(address="ada@example.org", state=state)  # type: ignore[arg-type]
    Subscribers(table).change(identifier, lambda _: there)
    run, notes = take(table, "email,status\nADA@Example.org,subscribed\n")
    assert everybody(table) == {"ada": there}
    assert [(note.verdict, note.reason) for note in notes] == [("kept", f"is {state} here")]
    assert dict(run.tally.rows) == {"kept": 1}


def test_the_erased_stay_forgotten(table: SqliteTable) -> None:
    """Not even their address comes back."""
    take(table, "email\nada@example.org\n")
    Subscribers(table).change(
        subscriber_id("ada@example.org"), lambda there: erased(there) if there else None
    )
    for status in ("subscribed", "unsubscribed", "blocklisted"):
        take(table, f"email,status\nada@example.org,{status}\n")
    (row,) = Subscribers(table).everyone()
    assert (row.subscriber.address, row.subscriber.reason) == ("", "erased")


def test_a_newsletter_that_somebody_left_is_not_given_back(table: SqliteTable) -> None:
    """One that they never had is."""
    take(table, "email\nada@example.org\n")
    subscribers = Subscribers(table)
    both = replace(TERMS, lists={"letters": "article", "digest": "weekly"})
    take(table, "email\nada@example.org\n", terms=both)
    assert everybody(table)["ada"].lists == {"letters": "article", "digest": "weekly"}
    subscribers.change(
        subscriber_id("ada@example.org"), lambda there: left(there, "letters") if there else None
    )
    run, _ = take(table, "email\nada@example.org\n", terms=both)
    assert everybody(table)["ada"].lists == {"digest": "weekly"}
    assert dict(run.tally.rows) == {"unchanged": 1}


def test_a_file_that_says_somebody_left_is_believed_once(table: SqliteTable) -> None:
    """Until they subscribe here again: then the same file does not throw them out."""
    take(table, "email\nada@example.org\n")
    gone = "email,status\nada@example.org,unsubscribed\n"
    take(table, gone, terms=replace(TERMS, source="gone.csv"))
    assert states(table) == {"ada": "unsubscribed"}

    def again(there: Subscriber | None) -> Subscriber | None:
        consent = Consent(at=LATER, how="confirmed", newsletters=("letters",))
        return there and replace(
            there, state="active", lists={"letters": "article"}, consents=(*there.consents, consent)
        )

    Subscribers(table).change(subscriber_id("ada@example.org"), again)
    _, notes = take(table, gone, terms=replace(TERMS, source="gone.csv", at="2026-05-01T12:00:00+00:00"))
    assert states(table) == {"ada": "active"}
    assert notes[0].reason == "subscribed here after that"
    dated = "email,status,unsubscribed_at\nada@example.org,unsubscribed,{}\n"
    take(table, dated.format("2026-03-31"), terms=replace(TERMS, source="old.csv"))
    assert states(table) == {"ada": "active"}
    take(table, dated.format("2026-04-02"), terms=replace(TERMS, source="new.csv"))
    assert states(table) == {"ada": "unsubscribed"}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_several_rows_the_strictest_counts(table: SqliteTable, order: tuple[int, ...]) -> None:
    """In any order, however far apart, and at no time is a reader let in who has left further below."""
    rows = [["ada@example.org,subscribed"], ["Ada@example.org,unsubscribed"], ["ada@EXAMPLE.org,blocklisted"]]
    filler = [f"r{at}@example.org,subscribed" for at in range(150)]
    lines = ["email,status", *rows[order[0]], *filler, *rows[order[1]], *filler, *rows[order[2]]]
    run, _ = take(table, "\n".join(lines))
    there = Subscribers(table).find("ada@example.org")
    assert there is not None
    assert there.subscriber.state == "suppressed"
    assert run.tally.rows.total() == 303


def test_who_left_comes_first_in_all_files_of_an_archive(table: SqliteTable) -> None:
    """Mailchimp's three files, the cleaned and the unsubscribed after the subscribed."""
    head = "Email Address,LEID,EUID\n"
    seen: list[str] = []

    class Watched:
        get_many = staticmethod(table.get_many)

        @staticmethod
        def write(changes: Sequence[Save | Drop]) -> None:
            seen.extend(str(change.item["state"]) for change in changes if isinstance(change, Save))
            table.write(changes)

    take(
        Watched(),  # type: ignore[arg-type]
        head + "ada@example.org,1,1\nbob@example.org,2,2\n",
        head + "bob@example.org,2,2\n",
        head + "cyd@example.org,3,3\n",
        names=[
            "subscribed_members_export.csv",
            "unsubscribed_members_export.csv",
            "cleaned_members_export.csv",
        ],
    )
    assert states(table) == {"ada": "active", "bob": "unsubscribed", "cyd": "bounced"}
    assert seen == ["unsubscribed", "bounced", "active"]


def test_doing_it_again_changes_nothing(table: SqliteTable) -> None:
    """Not even a version, whatever the time."""
    text = "email,status,name\n" + "".join(
        f"r{at % 180}@example.org,{('subscribed', 'unsubscribed', 'cleaned', 'pending')[at % 4]},N\n"
        for at in range(400)
    )
    take(table, text)
    before = [list(table.query(f"reader {shard:02x}")) for shard in range(64)]
    run, _ = take(table, text, terms=replace(TERMS, at=LATER))
    assert [list(table.query(f"reader {shard:02x}")) for shard in range(64)] == before
    assert run.tally.rows["added"] == run.tally.rows["changed"] == 0


def test_an_unsubscribe_that_comes_between_wins(table: SqliteTable) -> None:
    """The group is read again and decided anew."""
    take(table, "email\nada@example.org\n")

    class Raced:
        raced = False

        def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
            found = table.get_many(keys)
            if not self.raced:
                self.raced = True
                identifier = subscriber_id("ada@example.org")
                Subscribers(table).change(identifier, lambda there: left(there) if there else None)
            return found

        write = staticmethod(table.write)

    run, _ = take(Raced(), "email,name\nada@example.org,Ada\nbob@example.org,Bob\n")  # type: ignore[arg-type]
    assert states(table) == {"ada": "unsubscribed", "bob": "active"}
    assert dict(run.tally.rows) == {"kept": 1, "added": 1}


def test_an_import_that_was_stopped_is_finished_by_another(table: SqliteTable) -> None:
    """What was taken in before stays, and is not taken in twice."""
    text = "email\n" + "".join(f"r{at}@example.org\n" for at in range(250))

    class Failing:
        get_many = staticmethod(table.get_many)
        writes = 0

        def write(self, changes: Sequence[Save | Drop]) -> None:
            self.writes += 1
            if self.writes == 3:
                raise Transient("no more")
            table.write(changes)

    with pytest.raises(Transient):
        take(Failing(), text)  # type: ignore[arg-type]
    assert len(everybody(table)) == 200
    run, _ = take(table, text)
    assert dict(run.tally.rows) == {"unchanged": 200, "added": 50}


def test_a_trial_says_what_would_happen_and_writes_nothing(table: SqliteTable, tmp_path: Path) -> None:
    """Duplicates and those who are here already included."""
    take(table, "email,status\nada@example.org,subscribed\nbob@example.org,unsubscribed\n")
    text = (
        "email,status\n"
        + "ada@example.org,subscribed\nbob@example.org,subscribed\nnew@example.org,subscribed\n" * 90
    )
    before = everybody(table)
    with SqliteTable(tmp_path / "scratch.db") as scratch:
        tried, _ = take(Trial(table, scratch), text)
    assert everybody(table) == before
    done, _ = take(table, text)
    assert (tried.tally, dict(done.tally.rows)) == (done.tally, {"unchanged": 179, "kept": 90, "added": 1})


SUBSCRIBERS = [
    Subscriber(address="=cmd@example.org", state="active", name="=1+1",
               lists={"letters": "article", "digest": "weekly"},
               created="2024-01-01T00:00:00+00:00", confirmed="2024-01-02T00:00:00+00:00", language="de",
               consents=(Consent(at=AT, how="confirmed", text="t1", newsletters=("digest", "letters")),),
               extra={"labels": "a,b", "@x": "'-y"}),
    Subscriber(address="bob@example.org", state="pending", wanted={"letters": "article"}, created=AT),
    Subscriber(address="cyd@example.org", state="bounced", reason="550 \"no\"", lists={"letters": "article"}),
    Subscriber(address="dan@example.org", state="unsubscribed", name="'quoted'", created=AT),
    erased(Subscriber(address="eva@example.org", created=AT)),
]  # fmt: skip


def test_an_export_taken_into_an_empty_publication_gives_the_same_subscribers(
    table: SqliteTable, tmp_path: Path
) -> None:
    """States, newsletters, rhythms, dates, consents, the erased: everything that an export says."""
    for at, subscriber in enumerate(SUBSCRIBERS):
        identifier = subscriber_id(subscriber.address or "eva@example.org")
        Subscribers(table).change(identifier, lambda _, one=subscriber: one)  # type: ignore[misc]
        assert at < 5
    text = "".join(exported(Subscribers(table).everyone(), "csv"))
    with SqliteTable(tmp_path / "other.db") as other:
        _, notes = take(other, text)
        assert notes == []
        assert list(Subscribers(other).everyone()) == list(Subscribers(table).everyone())
        assert "".join(exported(Subscribers(other).everyone(), "csv")) == text
        again, _ = take(other, text)
    assert dict(again.tally.rows) == {"unchanged": 5}


def test_a_newsletter_that_is_not_declared_is_refused(table: SqliteTable) -> None:
    """Its readers would get nothing, or another newsletter one day."""
    Subscribers(table).change(
        subscriber_id("bob@example.org"), lambda _: replace(SUBSCRIBERS[1], wanted={"old": "weekly"})
    )
    text = "".join(exported(Subscribers(table).everyone(), "csv"))
    run, notes = take(table, text)
    assert dict(run.tally.rows) == {"refused": 1}
    assert "'old'" in notes[0].reason


ENTRIES = st.builds(
    Entry,
    st.just(1),
    st.builds(Subscriber, address=st.just("a@example.org"), state=st.sampled_from(STATES)),
    left=st.sampled_from(["", "2024-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"]),
)
THERE = st.builds(
    Subscriber,
    address=st.just("a@example.org"),
    state=st.sampled_from(STATES),
    lists=st.sampled_from([{}, {"letters": "article"}]),
    reason=st.sampled_from(["", "erased"]),
    consents=st.lists(st.builds(Consent, at=st.sampled_from([AT, LATER]), how=st.sampled_from(["import", "confirmed"]),
                                text=st.sampled_from(["", "list.csv"])), max_size=2).map(tuple),
)  # fmt: skip


@given(st.none() | THERE, ENTRIES)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_no_row_wakes_whoever_does_not_want_mail_and_a_second_changes_nothing(
    there: Subscriber | None, entry: Entry
) -> None:
    """For every state here and every word of a file."""
    after, verdict, _ = settled(there, entry, TERMS)
    if there is not None and there.state != "active":
        assert after is not None
        assert after.state != "active"
    if after is not None and after.state != "active":
        assert not after.lists or after == there
    again, second, _ = settled(after, entry, replace(TERMS, at=LATER))
    assert again == after
    assert second in {"unchanged", "kept", "waiting"}
    assert (verdict in {"added", "changed"}) == (after != there)


# --- Archives ---------------------------------------------------------------------------------------------


def archive(fill: Callable[[zipfile.ZipFile], None]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as found:
        fill(found)
    return stream.getvalue()


def names(data: bytes) -> list[str]:
    with sources("list.zip", len(data), lambda: io.BytesIO(data)) as found:
        return [source.name for source in found if source.open().read(5)]


def test_the_tables_of_an_archive_are_read(table: SqliteTable) -> None:
    """Other files, hidden ones and folders are left alone."""

    def fill(found: zipfile.ZipFile) -> None:
        found.writestr("posts/1.html", "<p>")
        found.writestr("__MACOSX/._a.csv", "x")
        found.writestr("lists/a.csv", "email\nada@example.org\n")
        found.writestr("b.CSV", "email\nbob@example.org\n")

    assert names(archive(fill)) == ["lists/a.csv", "b.CSV"]


def link(found: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("a.csv")
    info.external_attr = 0o120777 << 16
    found.writestr(info, "/etc/passwd")


@pytest.mark.parametrize(
    ("fill", "what"),
    [
        (lambda found: found.writestr("../a.csv", "x"), "leads out"),
        (lambda found: found.writestr("a/..\\..\\a.csv", "x"), "leads out"),
        (lambda found: found.writestr("/etc/a.csv", "x"), "leads out"),
        (link, "link"),
        (lambda found: found.writestr("a.html", "x"), "0 CSV files"),
        (lambda found: [found.writestr(f"{at}.csv", "x") for at in range(101)], "101 CSV files"),
    ],
)
def test_an_archive_that_no_service_makes_is_refused(
    fill: Callable[[zipfile.ZipFile], None], what: str
) -> None:
    """Before anything of it is read."""
    with pytest.raises(Invalid, match=what):
        names(archive(fill))


def test_a_damaged_archive_is_refused_in_words(table: SqliteTable) -> None:
    """Cut short, or with a flipped bit in the middle of a table."""
    data = archive(
        lambda found: found.writestr(
            "a.csv", "email\n" + "".join(f"r{n}@example.org\n" for n in range(9_000))
        )
    )
    with pytest.raises(Invalid, match="damaged"):
        names(data[:-30])
    broken = bytearray(data)
    broken[len(data) // 2] ^= 0xFF
    with (
        pytest.raises(Invalid, match="damaged"),
        sources("list.zip", len(data), lambda: io.BytesIO(bytes(broken))) as found,
    ):
        Import(table, lambda _: None).take_all([(MemberTable(found[0], {}), TERMS)])
