"""Exports of other services, as they document them, and any other table."""

from __future__ import annotations

import io

import pytest

from pressrun.domain.subscribers import Subscriber
from pressrun.parsing.csvfile import CsvFile
from pressrun.parsing.memberlist import ColumnError, Entry, MemberList, Refused


def members(text: str, file: str = "list.csv", **mapping: str) -> tuple[MemberList, list[Entry | Refused]]:
    table = CsvFile(lambda: io.BytesIO(text.encode()))
    found = MemberList(table.first(50), mapping, file)
    rows = [found.read(record) for record in table.records()]
    return found, [row for row in rows if row is not None]


def read(text: str, file: str = "list.csv", **mapping: str) -> list[Subscriber]:
    return [row.subscriber for row in members(text, file, **mapping)[1] if isinstance(row, Entry)]


def states(text: str, file: str = "list.csv", **mapping: str) -> dict[str, str]:
    return {one.address.partition("@")[0]: one.state for one in read(text, file, **mapping)}


GHOST = """\
id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,tiers
65a,ada@example.org,Ada Marsh,"Early, loyal",true,false,cus_1,2024-01-15T10:00:00.000Z,,"vip,print",Free
65b,bob@example.org,,,false,false,,2024-02-15T10:00:00.000Z,,,
65c,cyd@example.org,,,true,false,,2024-02-15T10:00:00.000Z,2024-05-01T00:00:00.000Z,,
65d,dan@example.org,,,,false,,2024-02-15T10:00:00.000Z,,,
"""
SUBSTACK = """email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at
ada@example.org,true,2027-01-01T00:00:00.000Z,yearly,false,2024-01-15T10:00:00.000Z,2024-01-16T10:00:00.000Z
bob@example.org,false,,other,false,2024-01-15T10:00:00.000Z,
cyd@example.org,true,,other,true,2024-01-15T10:00:00.000Z,
"""
MAILCHIMP = (
    '"Email Address","First Name","Last Name",City,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,'
    "LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,{more}LAST_CHANGED,LEID,EUID,NOTES,TAGS\n"
    '{who}@example.org,Ada,Marsh,Porto,2,"2023-01-05 12:33:11",,"2023-01-05 12:35:00",198.51.100.7,41.1,-8.6,0,1,'
    'Europe/Lisbon,PT,13,{told}"2024-01-05 12:33:11",123,abc,,"""Press"",""Friends"""\n'
)
BUTTONDOWN = """email,notes,metadata,tags,referrer_url,creation_date,secondary_id,subscriber_type,source,utm_campaign
regular@example.org,met at fair,"{""shoe"": ""42""}","[""a""]",,2024-01-15T10:00:00.000000+00:00,1,regular,api,
unpaid@example.org,,{},[],,2024-01-15 10:00:00+00:00,2,unpaid,,
paused@example.org,,{},[],,2024-01-15,3,paused,,
unactivated@example.org,,{},[],,2024-01-15,4,unactivated,,
removed@example.org,,{},[],,2024-01-15,5,removed,,
unsubscribed@example.org,,{},[],,2024-01-15,6,unsubscribed,,
spammy@example.org,,{},[],,2024-01-15,7,spammy,,
undeliverable@example.org,,{},[],,2024-01-15,8,undeliverable,,
complained@example.org,,{},[],,2024-01-15,9,complained,,
novel@example.org,,{},[],,2024-01-15,10,hibernating,,
"""
LISTMONK = """uuid,email,name,attributes,status,created_at,updated_at
1b,ada@example.org,Ada M,"{""city"": ""Rome"", ""age"": 36, ""t"": [""x""]}",enabled,2024-01-15 10:00:00.1 +0000 UTC,
2b,bob@example.org,Bob,{},disabled,2024-01-15T10:00:00Z,2024-02-15T10:00:00Z
3b,cyd@example.org,Cyd,{},blocklisted,2024-01-15T10:00:00Z,2024-02-15T10:00:00Z
4b,dan@example.org,Dan,{},novel,2024-01-15T10:00:00Z,2024-02-15T10:00:00Z
"""


def test_ghost() -> None:
    """Members who switched mails off, or were deleted, have left; nobody without a yes is active."""
    assert states(GHOST) == {
        "ada": "active",
        "bob": "unsubscribed",
        "cyd": "unsubscribed",
        "dan": "unsubscribed",
    }
    assert read(GHOST)[0] == Subscriber(
        address="ada@example.org", state="active", name="Ada Marsh", created="2024-01-15T10:00:00+00:00",
        extra={"note": "Early, loyal", "labels": "vip,print", "tiers": "Free"},
    )  # fmt: skip
    assert members(GHOST)[1][2].left == "2024-05-01T00:00:00+00:00"
    assert members(GHOST)[0].left_out == ["id", "complimentary_plan", "stripe_customer_id"]


def test_substack() -> None:
    """`email_disabled` decides; `active_subscription` is about payment alone."""
    assert states(SUBSTACK) == {"ada": "active", "bob": "active", "cyd": "unsubscribed"}
    assert read(SUBSTACK)[0].extra == {"plan": "yearly"}


@pytest.mark.parametrize(
    ("more", "told", "name", "state"),
    [
        ("", "", "subscribed_members_export_1.csv", "active"),
        ("UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER,",
         '"2024-03-01 08:00:00",May,1,NORMAL,,', "export.csv", "unsubscribed"),
        ("UNSUB_TIME,UNSUB_REASON,", '"2024-03-01 08:00:00","Abuse complaint",', "export.csv", "complained"),
        ("CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,", '"2024-03-01 08:00:00",May,1,', "export.csv", "bounced"),
        ("", "", "unsubscribed_members_export_1.csv", "unsubscribed"),
        ("", "", "cleaned_members_export_1.csv", "bounced"),
        ("", "", "nonsubscribed_members_export_1.csv", "pending"),
    ],
)  # fmt: skip
def test_mailchimp(more: str, told: str, name: str, state: str) -> None:
    """The file's columns say who has left or was cleaned, and so does its name; places and addresses on the net go."""
    (found,) = read(MAILCHIMP.format(more=more, told=told, who="ada"), name)
    assert (found.state, found.name, found.created) == (state, "Ada Marsh", "2023-01-05T12:33:11+00:00")
    assert found.confirmed == ("2023-01-05T12:35:00+00:00" if state == "active" else "")
    assert found.extra == {"City": "Porto", "TAGS": '"Press","Friends"'}


def test_buttondown() -> None:
    """All types; one that is new is refused and not taken for consent."""
    expected = {
        "regular": "active", "unpaid": "active", "paused": "active", "unactivated": "pending",
        "removed": "unsubscribed", "unsubscribed": "unsubscribed", "spammy": "suppressed", "undeliverable": "bounced",
        "complained": "complained",
    }  # fmt: skip
    assert states(BUTTONDOWN) == expected
    assert read(BUTTONDOWN)[0].extra == {
        "notes": "met at fair",
        "shoe": "42",
        "tags": '["a"]',
        "source": "api",
    }
    refused = members(BUTTONDOWN)[1][-1]
    assert (refused.line, refused.value) == (11, "hibernating")


def test_listmonk() -> None:
    """`attributes` become columns; a date that cannot be read is kept as it is."""
    assert states(LISTMONK) == {"ada": "active", "bob": "unsubscribed", "cyd": "suppressed"}
    ada, bob, _ = read(LISTMONK)
    assert ada.extra == {
        "city": "Rome",
        "age": "36",
        "t": '["x"]',
        "created_at": "2024-01-15 10:00:00.1 +0000 UTC",
    }
    assert bob.created == "2024-01-15T10:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("E-Mail;Vorname;Nachname\nada@example.org;Ada;Marsh\n", "Ada Marsh"),
        ("Nom,Prénom,Courriel\nMarsh,Ada,ada@example.org\n", "Ada Marsh"),
        ("Nom,Adresse e-mail\nAda Marsh,ada@example.org\n", "Ada Marsh"),
        ("Correo electrónico\tNombre\tApellidos\nada@example.org\tAda\tMarsh\n", "Ada Marsh"),
        ('NAME,ADDRESS,E-MAIL ADDRESS\nAda Marsh,"1 Quay Street",ada@example.org\n', "Ada Marsh"),
        ("Contact,Who\nada@example.org,Ada\n", ""),
        ("ada@example.org,Ada\nbob@example.org,Bob\n", ""),
        ("7,ada@example.org\n8,bob@example.org\n", ""),
    ],
)
def test_columns_are_told_by_their_names_or_by_what_is_in_them(text: str, name: str) -> None:
    """In several languages, and without a header."""
    found = read(text)[0]
    assert (found.address, found.name, found.state) == ("ada@example.org", name, "active")


def test_columns_can_be_stated() -> None:
    """By name or number; "" takes none."""
    text = "mail,mail2,status\nold@example.org,new@example.org,whatever\n"
    assert read(text) == []
    (found,) = read(text, address="mail2", state="")
    assert found.address == "new@example.org"
    assert read("ada@example.org,Ada\n", name="2")[0].name == "Ada"
    with pytest.raises(ColumnError, match="no column 'Email'"):
        read(text, address="Email")


@pytest.mark.parametrize("text", ["", "name,city\nAda,Porto\n", "a\n"])
def test_a_table_without_addresses_is_refused_whole(text: str) -> None:
    """Nobody wants a refusal for each row of the wrong file."""
    with pytest.raises(ColumnError):
        read(text)


def test_states_in_other_words() -> None:
    """Columns that say when somebody left, bounced or complained count more than a state."""
    assert states(
        "email,status,unsubscribed_at,bounced\n"
        "ada@example.org,Subscribed,,\n"
        "bob@example.org,Subscribed,2024-01-01,\n"
        "cyd@example.org,Subscribed,,yes\n"
        "dan@example.org,abgemeldet,,false\n"
        "eva@example.org,Opted-In,,0\n"
        "fay@example.org,,,\n"
    ) == {"ada": "active", "bob": "unsubscribed", "cyd": "bounced", "dan": "unsubscribed", "eva": "active"}


def test_a_column_of_places_is_no_state() -> None:
    """`state` can be Ohio."""
    (found,) = read("email,state\nada@example.org,OH\n")
    assert (found.state, found.extra) == ("active", {"state": "OH"})


def test_a_row_that_is_too_wide_is_refused() -> None:
    """Its cells stand in the wrong columns."""
    _, (row,) = members("email,name\nMarsh, Ada,ada@example.org\n")
    assert isinstance(row, Refused)
    assert row.line == 2


def test_controls_and_formulas_in_cells_do_no_harm() -> None:
    """Names are one line of text; what is long is cut; our own apostrophes go."""
    (found,) = read('email,name,note\n"ada@example.org","Ada\x07\n Marsh\x85","\'=1+1"\n')
    assert (found.name, found.extra) == ("Ada Marsh", {"note": "=1+1"})
    (found,) = read(f"email,name,note\nada@example.org,{'x' * 9_000},{'y' * 9_000}\n")
    assert (len(found.name), len(found.extra["note"])) == (200, 500)
