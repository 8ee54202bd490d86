"""The API's routes: what they answer, in which form, and that reading them changes nothing."""

from __future__ import annotations

import json
import re
from email.message import EmailMessage
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest

from pressrun.http import POLICY, Api, description
from pressrun.parsing.requests import MAX_BODY, client_of
from tests.conftest import FrozenClock
from tests.readers import ADA, Reading, event

HTML = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
FORM = {"email": ADA, "rhythm.letters": "article", "website": ""}


def ask(reading: Reading, method: str, target: str, body: Any = "", **more: Any) -> dict[str, Any]:
    """The response; a dict is sent as a form."""
    text = urlencode(body) if isinstance(body, dict) else body
    return reading.api.answer(event(method, target, text, **more))


def told(response: dict[str, Any]) -> tuple[int, str]:
    return response["statusCode"], json.loads(response["body"])["status"]


def routes(reading: Reading) -> set[tuple[str, str]]:
    """Every route of the router itself."""
    return {(method, rule[0]) for rule in reading.api.router._routes for method in rule[1]}


def test_the_whole_way_of_a_reader_in_a_browser(reading: Reading) -> None:
    """Each page's form is what leads on; nothing redirects."""

    def submit(page: dict[str, Any], **changed: str) -> dict[str, Any]:
        (form,) = re.findall(
            r'<form class="form" method="post" action="([^"]+)">(.*?)</form>', page["body"], re.S
        )[:1]
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[1]))
        return ask(reading, "POST", form[0], fields | changed, accept=HTML)

    thanks = ask(reading, "POST", "/api/subscribe", FORM, accept=HTML)
    assert thanks["statusCode"] == 202
    assert ADA not in thanks["body"]
    reading.work()
    confirm = ask(reading, "GET", f"/api/confirm?t={reading.token('confirm')}", accept=HTML)
    assert "Tide letters" in confirm["body"]
    assert reading.reader().state == "pending"
    assert "You are subscribed" in submit(confirm)["body"]
    assert reading.reader().state == "active"
    preferences = ask(reading, "GET", f"/api/preferences?t={reading.token('preferences')}", accept=HTML)
    saved = submit(preferences, **{"rhythm.letters": "weekly", "name": '"><script>x', "language": "de"})
    assert "Saved." in saved["body"]
    assert "<script" not in saved["body"]
    assert reading.reader().lists == {"letters": "weekly"}
    (export,) = re.findall(r'href="(/api/export\?t=[^"]+)"', preferences["body"])
    exported = ask(reading, "GET", export, accept=HTML)
    assert exported["headers"]["Content-Disposition"].startswith("attachment")
    assert json.loads(exported["body"])["subscriber"]["address"] == ADA
    leave = ask(reading, "GET", f"/api/unsubscribe?t={reading.token('unsubscribe', 'letters')}", accept=HTML)
    assert reading.reader().state == "active"
    assert submit(leave)["statusCode"] == 200
    assert reading.reader().state == "unsubscribed"


def changed_by_reading(reading: Reading, api: Api) -> list[str]:
    """The GET routes of the router that change the Table, the queue or the outbox, whatever token they carry."""
    reading.subscribed()
    reading.clock.advance(7200)
    reading.apply("eve@example.org")
    reading.work()
    tokens = [
        reading.token(purpose, newsletter, address)
        for purpose in ("confirm", "unsubscribe", "preferences", "export", "bounce")
        for newsletter in ("", "letters")
        for address in (ADA, "eve@example.org")
    ]
    before, sent = reading.rows(), len(reading.mails())
    gets = sorted(rule[0] for rule in api.router._routes if "GET" in rule[1])
    assert len(gets) == 5
    found = []
    for path, token, method, accept in product(gets, tokens, ("GET", "HEAD"), (HTML, "")):
        for more in ("", f"&List-Unsubscribe=One-Click&sure=yes&all=yes&token={token}"):
            asked = event(method, f"{path}?t={token}{more}", "List-Unsubscribe=One-Click", accept=accept)
            api.answer(asked)
        if reading.rows() != before or len(reading.mails()) != sent:
            found.append(path)
            before, sent = reading.rows(), len(reading.mails())
    return sorted(set(found))


def test_get_changes_nothing_whatever_token_it_carries(reading: Reading) -> None:
    """Mail scanners and previews open every link."""
    assert changed_by_reading(reading, reading.api) == []
    assert [reading.reader().state, reading.reader("eve@example.org").state] == ["active", "pending"]


class Eager(Api):
    """Naive variants: links that do at once what they are about."""

    def _unsubscribe_page(self) -> Any:
        return self._unsubscribe()

    def _confirm_page(self) -> Any:
        return self._confirm()


def test_a_get_that_unsubscribes_or_confirms_would_be_caught(reading: Reading) -> None:
    assert changed_by_reading(reading, Eager(reading.readers)) == ["/api/confirm", "/api/unsubscribe"]


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_one_click_unsubscribes_without_cookie_or_redirect(reading: Reading, kind: str) -> None:
    """As a mail program does it (RFC 8058, 3.2), in either encoding; the second time, too."""
    reading.subscribed()
    body = "List-Unsubscribe=One-Click"
    if "multipart" in kind:
        body = '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    target = f"/api/unsubscribe?t={reading.token('unsubscribe', 'letters')}"
    for _ in range(2):
        response = ask(reading, "POST", target, body, kind=kind)
        assert response["statusCode"] == 200
        names = {name.lower() for name in response["headers"]}
        assert not names & {"location", "set-cookie"}
        assert not response.get("cookies")
    assert reading.reader().state == "unsubscribed"
    assert reading.reader().consents[-1].how == "one-click"


@pytest.mark.parametrize("accept", [HTML, ""])
def test_every_answer_is_kept_to_itself(reading: Reading, accept: str) -> None:
    """No cache keeps it, no other site learns its address, nothing in it runs."""
    reading.subscribed()
    for method, path in [*routes(reading), ("GET", "/api/nothing"), ("PUT", "/api/confirm")]:
        response = ask(reading, method, f"{path}?t={reading.token('preferences')}", accept=accept)
        headers = response["headers"]
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == POLICY
        assert "Location" not in headers
        if accept and not path.endswith(("export", ".json")):
            assert "<h1" in response["body"]
            assert "<script" not in response["body"]


def test_known_and_unknown_addresses_get_the_same_answer(reading: Reading) -> None:
    reading.subscribed()
    for accept in (HTML, ""):
        known, unknown, robot = (
            ask(reading, "POST", "/api/subscribe", FORM | changed, accept=accept)
            for changed in ({}, {"email": "nobody@example.org"}, {"website": "x"})
        )
        assert known == unknown == robot


def test_a_program_subscribes_with_json(reading: Reading) -> None:
    body = json.dumps({"email": ADA, "name": "Ada", "newsletters": {"charts": "monthly"}, "language": "fr"})
    assert told(ask(reading, "POST", "/api/subscribe", body, kind="application/json")) == (202, "thanks")
    reading.work()
    assert (reading.reader().wanted, reading.reader().language) == ({"charts": "monthly"}, "fr")
    assert reading.reader().consents[0].how == "api"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"email": "ada"}, "no_address"),
        ({"email": "ädä@example.org"}, "smtputf8"),
        ({"rhythm.letters": ""}, "no_newsletter"),
        ({"rhythm.letters": "hourly"}, "no_newsletter"),
    ],
)
def test_a_form_that_is_wrong_is_shown_again_as_it_was_filled_in(
    reading: Reading, changed: dict[str, str], status: str
) -> None:
    filled = FORM | {"name": "Ada <Marsh>", "rhythm.charts": ""} | changed
    assert told(ask(reading, "POST", "/api/subscribe", filled)) == (422, status)
    page = ask(reading, "POST", "/api/subscribe", filled, accept=HTML)
    assert page["statusCode"] == 422
    assert 'role="alert"' in page["body"]
    assert "Ada &lt;Marsh&gt;" in page["body"]
    assert f'value="{filled["email"]}"' in page["body"]
    assert reading.house.mail_queue.receive() == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("[]", "application/json", 400),
        ('{"email": 3}', "application/json", 400),
        ('{"newsletters": []}', "application/json", 400),
        ('{"email": ', "application/json", 400),
        ("x" * (MAX_BODY + 1), "application/x-www-form-urlencoded", 413),
        ("&".join("a=b" for _ in range(200)), "application/x-www-form-urlencoded", 400),
        ("email=a", "text/plain", 415),
    ],
)
def test_a_request_that_cannot_be_read_is_refused(
    reading: Reading, body: str, kind: str, status: int
) -> None:
    for accept in ("", HTML):
        response = ask(reading, "POST", "/api/subscribe", body, kind=kind, accept=accept)
        assert response["statusCode"] == status
    assert reading.house.mail_queue.receive() == []


def test_a_wrong_method_is_named_and_an_unknown_address_is_not_found(reading: Reading) -> None:
    response = ask(reading, "DELETE", "/api/confirm")
    assert (response["statusCode"], response["headers"]["Allow"]) == (405, "GET, POST, HEAD")
    assert told(ask(reading, "GET", "/api/nothing")) == (404, "missing")
    assert told(ask(reading, "GET", "/api/confirm/x")) == (404, "missing")


@pytest.mark.parametrize("path", ["confirm", "unsubscribe", "preferences", "export"])
def test_a_broken_link_says_what_to_do(reading: Reading, path: str) -> None:
    response = ask(reading, "GET", f"/api/{path}?t=broken", accept=HTML)
    assert response["statusCode"] == 410
    assert 'href="/subscribe/"' in response["body"]
    assert told(ask(reading, "GET", f"/api/{path}"))[0] == 410


def test_who_asks_too_often_is_told_when_to_come_back(reading: Reading) -> None:
    for _ in range(61):
        response = ask(reading, "POST", "/api/subscribe", FORM)
    assert told(response) == (429, "limited")
    assert response["headers"]["Retry-After"] == "3600"


def test_erasure_asks_whether_one_is_sure(reading: Reading) -> None:
    reading.subscribed()
    token = reading.token("preferences")
    assert told(ask(reading, "POST", "/api/erase", {"token": token})) == (400, "refused")
    assert reading.reader().address == ADA
    assert told(ask(reading, "POST", "/api/erase", {"token": token, "sure": "yes"})) == (200, "erased")
    assert reading.reader().address == ""


def test_a_token_for_one_thing_opens_nothing_else(reading: Reading) -> None:
    reading.subscribed()
    before = reading.rows()
    for purpose in ("confirm", "unsubscribe", "export", "bounce"):
        for path in ("preferences", "erase"):
            fields = {"token": reading.token(purpose), "sure": "yes", "rhythm.letters": ""}
            assert ask(reading, "POST", f"/api/{path}", fields)["statusCode"] == 410
    for purpose in ("confirm", "preferences", "export"):
        assert (
            ask(reading, "POST", "/api/unsubscribe", {"token": reading.token(purpose)})["statusCode"] == 410
        )
    assert reading.rows() == before


def test_below_a_path_the_api_stands_there_too(tmp_path: Any, clock: FrozenClock) -> None:
    from tests.readers import SETTINGS

    reading = Reading(tmp_path, clock, SETTINGS.replace("tide.example", "tide.example/blog", 1))
    page = ask(reading, "GET", "/blog/api/confirm?t=x", accept=HTML)
    assert page["statusCode"] == 410
    assert 'href="/blog/subscribe/"' in page["body"]
    reading.close()


def test_without_newsletters_there_is_nothing_to_subscribe_to(tmp_path: Any, clock: FrozenClock) -> None:
    reading = Reading(tmp_path, clock, 'title = "Bare"')
    assert told(ask(reading, "POST", "/api/subscribe", FORM)) == (404, "missing")
    reading.close()


@pytest.mark.parametrize(
    ("headers", "secret", "client"),
    [
        ({}, "", "192.0.2.1"),
        ({"cloudfront-viewer-address": "198.51.100.10:46532"}, "", "198.51.100.10"),
        ({"cloudfront-viewer-address": "2001:db8::7:443"}, "", "2001:db8::7"),
        ({"x-forwarded-for": "203.0.113.9"}, "", "203.0.113.9"),
        ({"x-forwarded-for": "10.0.0.1, 203.0.113.9, 192.0.2.1"}, "", "203.0.113.9"),
        ({"cloudfront-viewer-address": "198.51.100.10:1"}, "edge", "192.0.2.1"),
        ({"cloudfront-viewer-address": "198.51.100.10:1", "x-pressrun-edge": "Edge"}, "edge", "192.0.2.1"),
        (
            {"cloudfront-viewer-address": "198.51.100.10:1", "x-pressrun-edge": "edge"},
            "edge",
            "198.51.100.10",
        ),
    ],
)
def test_the_reader_is_whom_our_own_edge_names(headers: dict[str, str], secret: str, client: str) -> None:
    assert client_of({**event("POST", "/"), "headers": headers}, secret) == client


def test_the_openapi_document_has_every_route_and_no_other(reading: Reading) -> None:
    paths = description()["paths"]
    described = {(method.upper(), path) for path, item in paths.items() for method in item}
    assert described == routes(reading)
    served = json.loads(ask(reading, "GET", "/api/openapi.json")["body"])
    assert served == {**description(), "servers": [{"url": "https://tide.example"}]}


def test_no_mail_is_sent_by_a_request(reading: Reading) -> None:
    """The answer waits for no mail server, and tells nothing by how long it takes."""
    ask(reading, "POST", "/api/subscribe", FORM)
    mails: list[EmailMessage] = reading.mails()
    assert mails == []
