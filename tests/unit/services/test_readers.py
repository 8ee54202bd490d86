"""What readers do themselves: ask, confirm, choose, leave, take their data, be forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from pressrun.domain.subscribers import SubscriberState
from pressrun.services.readers import MAX_CONSENTS, Choice
from tests.conftest import FrozenClock
from tests.readers import ADA, Reading, token_in

ISEMAIL = Path(__file__).parents[4] / "shared/data/email/isemail-tests.xml"


def test_a_reader_asks_confirms_and_is_welcomed(reading: Reading) -> None:
    assert reading.apply(name="  Ada \n Marsh ", language="de").state == "accepted"
    assert reading.find() is None, "asking alone writes no reader: the worker does"
    reading.work()
    waiting = reading.reader()
    assert (waiting.state, waiting.lists, waiting.wanted, waiting.name, waiting.language) == (
        "pending",
        {},
        {"letters": "article"},
        "Ada Marsh",
        "de",
    )
    (mail,) = reading.mails()
    assert mail["to"] == ADA
    assert reading.readers.confirm(token_in(mail, "confirm")) is not None
    reading.work()
    reader = reading.reader()
    assert (reader.state, reader.lists, reader.wanted, reader.claim) == (
        "active",
        {"letters": "article"},
        {},
        "",
    )
    assert len(reading.mails()) == 2
    assert token_in(reading.mails()[1], "preferences")


def test_consent_is_kept_each_time_with_the_words_that_were_shown(
    reading: Reading, clock: FrozenClock
) -> None:
    reader = reading.subscribed()
    asked, confirmed = reader.consents
    assert (asked.how, asked.at, asked.newsletters) == ("form", clock.now().isoformat(), ("letters",))
    assert (confirmed.how, confirmed.newsletters) == ("confirmed", ("letters",))
    row = reading.house.table.get("consent", asked.text)
    assert row is not None
    assert "one mail with a link" in str(row.item["text"])
    reading.readers.unsubscribe(reading.token("unsubscribe"), how="one-click")
    assert reading.reader().consents[2].how == "one-click"


def test_a_second_click_on_the_confirmation_finds_it_done_and_mails_nothing_again(reading: Reading) -> None:
    reading.apply()
    reading.work()
    token = token_in(reading.mails()[0], "confirm")
    first = reading.readers.confirm(token)
    reading.work()
    assert reading.readers.confirm(token) == reading.reader()
    reading.work()
    assert first is not None
    assert len(reading.mails()) == 2
    assert len(reading.reader().consents) == 2


def test_a_used_link_brings_nobody_back(reading: Reading) -> None:
    """Single use: after leaving, after erasure, and after a newer application, the old link is nothing."""
    reading.apply()
    reading.work()
    token = token_in(reading.mails()[0], "confirm")
    reading.readers.confirm(token)
    reading.readers.unsubscribe(reading.token("unsubscribe"), how="page")
    assert reading.readers.confirm(token) is None
    assert reading.reader().state == "unsubscribed"
    reading.clock.advance(7200)
    reading.apply()
    reading.work()
    assert reading.readers.confirm(token) is None
    assert reading.reader().state == "pending"


def test_a_confirmation_expires(reading: Reading, clock: FrozenClock) -> None:
    reading.apply()
    reading.work()
    token = token_in(reading.mails()[0], "confirm")
    clock.advance(48 * 3600 + 1)
    assert reading.readers.awaiting(token) is None
    assert reading.readers.confirm(token) is None


@pytest.mark.parametrize("state", ["bounced", "complained", "suppressed"])
def test_no_link_and_no_form_brings_back_whom_mail_must_not_reach(
    reading: Reading, state: SubscriberState
) -> None:
    from dataclasses import replace

    reading.subscribed()
    identifier = reading.house.subscribers.find(ADA)
    assert identifier is not None
    reading.house.subscribers.change(
        identifier.id, lambda before: replace(before, state=state) if before else None
    )
    before, sent = reading.reader(), len(reading.mails())
    preferences = reading.token("preferences")
    reading.readers.prefer(preferences, Choice(rhythms={"charts": "monthly"}))
    reading.readers.confirm(reading.token("confirm"))
    reading.clock.advance(7200)
    reading.apply()
    reading.work()
    assert reading.reader() == before
    assert len(reading.mails()) == sent


def test_leaving_one_newsletter_keeps_the_others_and_leaving_again_changes_nothing(reading: Reading) -> None:
    reading.subscribed(rhythms={"letters": "weekly", "charts": "monthly"})
    token = reading.token("unsubscribe", "letters")
    assert reading.readers.unsubscribe(token, how="page")
    once = reading.reader()
    assert (once.state, once.lists) == ("active", {"charts": "monthly"})
    assert reading.readers.unsubscribe(token, how="page")
    assert reading.reader() == once
    assert reading.readers.unsubscribe(token, how="page", everything=True)
    assert (reading.reader().state, reading.reader().lists) == ("unsubscribed", {})
    assert not reading.readers.unsubscribe(token[:-1], how="page")


def test_an_unsubscribe_link_works_years_later(reading: Reading, clock: FrozenClock) -> None:
    reading.subscribed()
    token = reading.token("unsubscribe")
    clock.advance(5 * 365 * 86_400)
    assert reading.readers.unsubscribe(token, how="one-click")
    assert reading.reader().state == "unsubscribed"


def test_preferences_change_rhythm_language_and_name_and_add_a_newsletter(reading: Reading) -> None:
    reading.subscribed()
    token = reading.token("preferences")
    choice = Choice(rhythms={"letters": "weekly", "charts": "monthly"}, name="<b>Ada</b>", language="fr")
    after = reading.readers.prefer(token, choice)
    assert after == reading.reader()
    assert (after.lists, after.name, after.language) == (
        {"letters": "weekly", "charts": "monthly"},
        "<b>Ada</b>",
        "fr",
    )
    assert after.consents[-1].how == "preferences"
    assert after.consents[-1].newsletters == ("letters", "charts")


@pytest.mark.parametrize(
    ("choice", "kept"),
    [
        (Choice(), {"letters": "article"}),
        (Choice(rhythms={"letters": "daily"}), {}),  # a rhythm that is not on offer
        (Choice(rhythms={"unknown": "daily", "letters": "article"}), {"letters": "article"}),
        (Choice(language="tlh"), {"letters": "article"}),
    ],
)
def test_only_what_is_on_offer_can_be_chosen(reading: Reading, choice: Choice, kept: dict[str, str]) -> None:
    reading.subscribed()
    after = reading.readers.prefer(reading.token("preferences"), choice)
    assert after is not None
    assert (after.lists, after.language) == (kept, "")
    assert after.state == ("active" if kept else "unsubscribed")


def test_a_reader_who_left_comes_back_by_their_own_link(reading: Reading) -> None:
    reading.subscribed()
    reading.readers.unsubscribe(reading.token("unsubscribe"), how="page")
    reading.readers.prefer(reading.token("preferences"), Choice(rhythms={"letters": "weekly"}))
    assert (reading.reader().state, reading.reader().lists) == ("active", {"letters": "weekly"})


def test_an_export_holds_everything_but_what_would_open_doors(reading: Reading, clock: FrozenClock) -> None:
    reader = reading.subscribed(name="Ada")
    token = reading.readers.export_token(reading.token("preferences"))
    data: Any = reading.readers.export(token)
    assert data["subscriber"]["address"] == ADA
    assert data["subscriber"]["name"] == "Ada"
    assert [consent["how"] for consent in data["subscriber"]["consents"]] == ["form", "confirmed"]
    assert list(data["texts"]) == [reader.consents[0].text]
    assert reader.nonce not in str(data)
    assert reading.readers.export(reading.token("preferences")) is None
    clock.advance(3601)
    assert reading.readers.export(token) is None


def test_an_erased_reader_leaves_nothing_readable_and_stays_away(reading: Reading) -> None:
    reading.subscribed("Ada.Canary@example.org", name="Canary")
    token = reading.token("preferences", address="ada.canary@example.org")
    assert reading.readers.erase(token)
    reading.clock.advance(7200)
    reading.apply("ada.canary@example.org")
    sent = len(reading.mails())
    reading.work()
    assert len(reading.mails()) == sent
    assert "canary" not in str(reading.rows()).casefold()
    assert reading.readers.reader(token) is None
    assert reading.readers.erase(token)


def test_consents_are_bounded(reading: Reading) -> None:
    reading.subscribed()
    token = reading.token("preferences")
    for turn in range(MAX_CONSENTS):
        reading.readers.prefer(token, Choice(rhythms={"letters": ("weekly", "article")[turn % 2]}))
    assert len(reading.reader().consents) == MAX_CONSENTS


# --- addresses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "problem"),
    [
        ("", "no_address"),
        ("ada", "no_address"),
        ("ada@", "no_address"),
        ("ada@example", "no_address"),
        ("ada@example.org\nBcc: eve@example.org", "no_address"),
        ("Ada <ada@example.org>", "no_address"),
        ('"ada lovelace"@example.org', "no_address"),
        ("ada@[192.0.2.1]", "no_address"),
        ("ädä@example.org", "smtputf8"),
        ("δοκιμή@παράδειγμα.δοκιμή", "smtputf8"),
    ],
)
def test_what_cannot_be_mailed_to_is_refused(reading: Reading, email: str, problem: str) -> None:
    reply = reading.apply(email)
    assert (reply.state, reply.problem) == ("refused", problem)
    assert reply.detail


def test_a_domain_beyond_ascii_is_mailed_to_in_its_ascii_form(reading: Reading) -> None:
    reading.apply("ada@Bücher.example.org")
    reading.work()
    assert reading.mails()[0]["to"] == "ada@xn--bcher-kva.example.org"


@pytest.mark.skipif(not ISEMAIL.exists(), reason="the isemail cases are not here")
def test_of_the_isemail_cases_what_no_mail_server_takes_is_refused() -> None:
    """What the authors call an error is refused; plain valid ones on domains that one can own are taken."""
    from pressrun.parsing.address import AddressError, mail_address

    symbols = {0x2400 + code: code for code in range(32)}
    taken = {}
    for case in etree.parse(str(ISEMAIL), etree.XMLParser(resolve_entities=False)).iter("test"):
        address = (case.findtext("address") or "").translate(symbols)
        if address != address.strip():
            continue  # what is typed around an address is no part of it
        try:
            mail_address(address)
        except AddressError:
            continue
        taken[address] = case.findtext("category")
    assert len(taken) > 5
    assert {address for address, category in taken.items() if category == "ISEMAIL_ERR"} == set()
    assert set(taken.values()) <= {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN", "ISEMAIL_RFC5321"}
