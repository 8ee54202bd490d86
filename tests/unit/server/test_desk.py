"""The desk from outside: who may come in, what may be stored, what is shown and said."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import orjson
import pytest
from typer.testing import CliRunner

from pressrun.adapters.local.files import FileStore
from pressrun.adapters.local.sqlite import SqliteTable
from pressrun.adapters.local.versions import VersionFolder
from pressrun.bootstrap import Shelves
from pressrun.cli import app as command
from pressrun.server import SiteApp
from pressrun.server.desk import DeskApp, DeskPages, Door, Room
from pressrun.server.desk.forms import form_of
from pressrun.server.stats import StatsPages
from pressrun.services.count import Log
from pressrun.services.totals import bucket
from tests.accesslogs import FEEDLY, GOOGLEBOT, fields, tabbed
from tests.fakes.office import Office

HOST = "127.0.0.1:8000"
OURS = f"http://{HOST}"


@dataclass
class Browser:
    """Asks as a browser on this machine does, and keeps its cookies."""

    app: DeskApp | SiteApp
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    peer: str = "127.0.0.1"
    origin: str = OURS

    def ask(
        self, path: str, *, method: str = "GET", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """One request to the desk; redirects are not followed."""

        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(self.peer, 50000))
            async with httpx.AsyncClient(transport=transport, base_url=OURS, cookies=self.cookies) as client:
                found = await client.request(method, f"/desk/{path}", content=body, headers=headers)
                self.cookies = client.cookies
                return found

        return asyncio.run(run())

    def post(self, path: str, **fields: str) -> httpx.Response:
        """A form of the desk's own pages."""
        headers = {"origin": self.origin, "content-type": "application/x-www-form-urlencoded"}
        return self.ask(path, method="POST", body=urlencode(fields).encode(), headers=headers)

    def upload(self, key: str, body: str | bytes, more: str = "") -> httpx.Response:
        """What the script sends for a file."""
        data = body if isinstance(body, bytes) else body.encode()
        headers = {
            "origin": self.origin,
            "accept": "application/json",
            "content-type": "application/octet-stream",
        }
        return self.ask(f"articles/upload?key={quote(key)}{more}", method="POST", body=data, headers=headers)


@dataclass
class Desk:
    """A publication with its desk."""

    office: Office
    room: Room
    door: Door
    app: DeskApp
    looked: list[str]

    def browser(self) -> Browser:
        """Somebody who came in."""
        browser = Browser(self.app)
        browser.ask(f"?token={self.door.token}")
        return browser


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    office = Office(tmp_path)
    aside, versions = (
        FileStore(tmp_path / "withdrawn", etags="stat"),
        FileStore(tmp_path / "versions", etags="stat"),
    )
    shelves = Shelves(aside=aside, versions=VersionFolder(versions, office.clock), close=lambda: None)
    looked: list[str] = []
    room = Room(house=office.house, shelves=shelves, look=looked.extend, here=True)
    door = Door(office.clock)
    yield Desk(office, room, door, DeskApp(DeskPages(room, door)), looked)
    for store in (aside, versions, office.house.content, office.house.site, office.house.table,
                  office.house.queue, office.house.mail, office.house.mail_queue, office.house.reports):  # fmt: skip
        store.close()  # type: ignore[union-attr]


# --- the door -------------------------------------------------------------------------------------------------


def test_a_token_lets_one_browser_in_and_works_once(desk: Desk) -> None:
    token = desk.door.token
    browser = Browser(desk.app)
    answer = browser.ask(f"?token={token}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/")
    for part in ("HttpOnly", "SameSite=Strict", "Path=/desk/"):
        assert part in answer.headers["set-cookie"]
    assert browser.ask("").status_code == 200
    assert Browser(desk.app).ask(f"?token={token}").status_code == 401
    assert desk.door.token != token


def test_the_next_token_is_told_once_the_first_is_used(desk: Desk) -> None:
    told: list[str] = []
    door = Door(desk.office.clock, told.append)
    Browser(DeskApp(DeskPages(desk.room, door))).ask(f"?token={door.token}")
    assert told == [door.token]


@pytest.mark.parametrize("path", ["", "write", "issues", "articles/one?key=a.md", "articles/states?key=a.md"])
def test_without_a_session_nothing_is_shown(desk: Desk, path: str) -> None:
    desk.office.publish("a.md")
    answer = Browser(desk.app).ask(path)
    assert answer.status_code == 401
    assert "a.md" not in answer.text


def test_a_session_ends(desk: Desk) -> None:
    browser = desk.browser()
    desk.office.clock.advance(13 * 3600)
    assert browser.ask("").status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "192.0.2.1:8000", ""]
)
def test_a_name_that_is_not_this_machines_is_refused(desk: Desk, host: str) -> None:
    """DNS rebinding: the browser talks to us under the attacker's name."""
    browser = desk.browser()
    assert browser.ask("", headers={"host": host}).status_code == 404
    assert browser.ask(f"?token={desk.door.token}", headers={"host": host}).status_code == 404


def test_another_machine_is_refused(desk: Desk) -> None:
    browser = desk.browser()
    browser.peer = "203.0.113.7"
    assert browser.ask("").status_code == 404


@pytest.mark.parametrize("name", ["x-forwarded-for", "x-real-ip", "forwarded", "via"])
def test_what_a_proxy_passes_on_is_refused(desk: Desk, name: str) -> None:
    """A proxy on this machine asks from it, and may do so under its name."""
    browser = desk.browser()
    assert browser.ask("", headers={name: "203.0.113.7"}).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "https://127.0.0.1:8000"},
        {"origin": OURS, "sec-fetch-site": "same-site"},
    ],
)
def test_a_form_of_another_page_changes_nothing(desk: Desk, headers: dict[str, str]) -> None:
    desk.office.publish("a.md")
    browser = desk.browser()
    headers = {**headers, "content-type": "application/x-www-form-urlencoded"}
    answer = browser.ask("articles/withdraw", method="POST", body=b"key=a.md", headers=headers)
    assert answer.status_code == 403
    assert (desk.office.folder / "a.md").exists()


def test_a_body_is_not_read_from_whoever_may_not_ask(desk: Desk) -> None:
    async def never() -> dict[str, object]:
        raise AssertionError("the body was read")

    async def run() -> list[object]:
        sent: list[object] = []

        async def keep(message: object) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/desk/articles/upload", "raw_path": b"/desk/articles/upload",
            "query_string": b"", "headers": [(b"host", HOST.encode())], "client": ("127.0.0.1", 1), "scheme": "http",
        }  # fmt: skip
        await desk.app(scope, never, keep)  # type: ignore[arg-type]
        return sent

    assert asyncio.run(run())[0]["status"] == 403  # type: ignore[index]


def test_no_page_may_be_framed_or_run_anything_inline(desk: Desk) -> None:
    desk.office.publish("a.md")
    browser = desk.browser()
    for path in ("", "write", "write?key=a.md", "issues", "articles/one?key=a.md"):
        answer = browser.ask(path)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"\sstyle=|\son\w+=|<script(?! src)|javascript:", answer.text)


def test_the_desk_stands_beside_the_site_and_is_not_logged(desk: Desk, tmp_path: Path) -> None:
    from pressrun.server import AccessLog

    log = AccessLog(tmp_path / "logs", desk.office.clock)
    app = SiteApp(desk.office.house.site, base="", live=False, log=log, clock=desk.office.clock,
                  desk=DeskPages(desk.room, desk.door))  # fmt: skip
    browser = Browser(app)
    browser.ask(f"?token={desk.door.token}")
    assert browser.ask("").status_code == 200
    assert not (tmp_path / "logs").exists()


def test_nothing_is_changed_by_get(desk: Desk) -> None:
    desk.office.publish("a.md")
    browser = desk.browser()
    issue = desk.office.issue()
    before = desk.office.house.newsroom.issues.get("letters", issue.id)
    for path in (
        "articles/withdraw?key=a.md",
        f"issues/letters/{issue.id}/stop",
        f"issues/letters/{issue.id}/send",
    ):
        assert browser.ask(path).status_code == 404
    assert (desk.office.folder / "a.md").exists()
    assert desk.office.house.newsroom.issues.get("letters", issue.id) == before


def test_an_article_that_was_not_mailed_says_how(desk: Desk) -> None:
    """One that a newsletter takes since a later edit."""
    settings = desk.office.folder / "pressrun.toml"
    settings.write_text(settings.read_text() + 'tags = ["tides"]\n')
    desk.office.publish("a.md")
    assert "pressrun issue" not in desk.browser().ask("articles/one?key=a.md").text
    desk.office.publish("a.md", tags="[tides]")
    assert "pressrun issue create letters a.md" in desk.browser().ask("articles/one?key=a.md").text


# --- articles -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        "../out.md",
        "a/../../out.md",
        "/etc/out.md",
        "a//b.md",
        "a\\b.md",
        ".hidden.md",
        "a/.git/x",
        "",
        "a\0.md",
        "x" * 300,
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(desk: Desk, key: str, tmp_path: Path) -> None:
    before = sorted(path for path in tmp_path.rglob("*") if path.suffix not in {".db-wal", ".db-shm"})
    answer = desk.browser().upload(key, "---\ntitle: x\n---\n")
    assert answer.status_code == 400
    assert "cannot be stored" in answer.json()["wrong"]
    assert before == sorted(path for path in tmp_path.rglob("*") if path.suffix not in {".db-wal", ".db-shm"})


def test_an_upload_is_published_and_followed(desk: Desk) -> None:
    browser = desk.browser()
    assert (
        browser.upload("posts/tide.md", "---\ntitle: The tide\ndate: 2026-01-01\n---\nIt rises.\n").json()[
            "state"
        ]
        == "written"
    )
    assert desk.looked == ["posts/tide.md"]
    states = browser.ask("articles/states?key=posts/tide.md").json()
    assert states["posts/tide.md"]["standing"] == "uploaded"
    desk.office.publish()
    found = browser.ask("articles/states?key=posts/tide.md").json()["posts/tide.md"]
    assert found["standing"] == "published"
    assert 'href="/tide/"' in found["row"]
    browser.upload("posts/chart.pdf", b"%PDF-1.4")
    desk.office.publish()
    found = browser.ask("articles/states?key=posts/chart.pdf").json()["posts/chart.pdf"]
    assert 'href="/posts/chart.pdf"' in found["row"]


def test_a_broken_file_is_answered_with_file_line_and_what_to_do(desk: Desk) -> None:
    browser = desk.browser()
    browser.upload("broken.md", "---\ntitle: x\ndate: 31/02/2026\n---\n")
    desk.office.publish()
    page = browser.ask("?state=refused").text
    assert "broken.md:3" in page and "write the year first" in page


def test_nothing_is_overwritten_without_a_word(desk: Desk) -> None:
    browser = desk.browser()
    browser.upload("a.md", "one")
    told = browser.upload("a.md", "two").json()
    assert told["state"] == "there"
    assert (desk.office.folder / "a.md").read_text() == "one"
    assert browser.upload("a.md", "two", f"&replace={told['etag']}").json()["state"] == "written"
    assert (desk.office.folder / "a.md").read_text() == "two"
    assert browser.upload("a.md", "three", f"&replace={told['etag']}").json()["state"] == "there"


def test_a_form_without_the_script_uploads_too(desk: Desk) -> None:
    browser = desk.browser()
    body = (
        b'--x\r\nContent-Disposition: form-data; name="folder"\r\n\r\nposts\r\n'
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="b.bin"\r\nContent-Type: a/b\r\n\r\n'
        b"\r\n\0--\r\xff\n\r\n--x--\r\n"
    )
    headers = {"origin": OURS, "content-type": "multipart/form-data; boundary=x"}
    assert browser.ask("articles/upload", method="POST", body=body, headers=headers).status_code == 303
    assert (desk.office.folder / "posts/b.bin").read_bytes() == b"\r\n\0--\r\xff\n"
    assert "posts/b.bin" in browser.ask("").text


def test_a_form_of_another_kind_holds_nothing() -> None:
    assert form_of("text/plain", b"key=a.md").fields == {}
    assert form_of("multipart/form-data", b"--x").files == []


def test_withdrawn_and_restored_it_is_what_it_was(desk: Desk) -> None:
    desk.office.publish("a.md", "Text.")
    desk.office.publish("b.md", "Text.")
    text = (desk.office.folder / "a.md").read_text()
    browser = desk.browser()
    browser.post("articles/withdraw", key="a.md")
    assert not (desk.office.folder / "a.md").exists()
    assert 'aria-label="Restore a.md"' in browser.ask("?state=withdrawn").text
    browser.post("articles/restore", key="a.md")
    assert (desk.office.folder / "a.md").read_text() == text
    assert browser.ask("articles/one?key=a.md").status_code == 200


def test_an_earlier_version_is_compared_and_brought_back(desk: Desk) -> None:
    browser = desk.browser()
    etag = browser.upload("a.md", "one\n").json()["etag"]
    desk.office.clock.advance(60)
    browser.upload("a.md", "two\n", f"&replace={etag}")
    versions = desk.room.editing.versions("a.md")
    assert len(versions) == 2
    page = browser.ask(f"articles/one?key=a.md&version={versions[1].id}").text
    assert "- one" in page and "+ two" in page
    browser.post("articles/back", key="a.md", version=versions[1].id)
    assert (desk.office.folder / "a.md").read_text() == "one\n"


def test_scheduling_writes_the_time_into_the_file(desk: Desk) -> None:
    desk.office.write("a.md", draft="true")
    browser = desk.browser()
    browser.post("articles/schedule", key="a.md", at="2026-05-01T18:00")
    text = (desk.office.folder / "a.md").read_text()
    assert "publish_at: 2026-05-01 18:00+01:00\n" in text and "draft" not in text
    desk.office.publish()
    assert "scheduled" in browser.ask("articles/one?key=a.md").text
    told = browser.post("articles/schedule", key="a.md", at="2026-01-01T18:00")
    assert "that time has passed" in told.text


# --- writing --------------------------------------------------------------------------------------------------

DRAFT = "---\ntitle: <b>The</b> moon\n---\nIt *pulls*. <script>alert(1)</script> ![A moon](moon.png)\n"


def test_a_text_is_looked_at_and_nothing_is_published(desk: Desk) -> None:
    browser = desk.browser()
    told = browser.post("write/preview", key="", text=DRAFT).json()
    assert [(one["line"], one["severity"]) for one in told["problems"]][-1] == (4, "warning")
    for part, words in (("page", "<em>pulls</em>"), ("feed", "<em>pulls</em>"), ("mail", "pulls")):
        answer = browser.ask(f"preview/{told['preview']}/{part}")
        assert words in answer.text
        assert "alert(1)" not in answer.text
        assert "sandbox" in answer.headers["content-security-policy"]
    assert list(desk.office.house.content.list()) == [*desk.office.house.content.list("pressrun.toml")]
    assert list(desk.office.house.site.list("moon")) == []


def test_pictures_are_shown_from_here_before_they_stand_on_the_site(desk: Desk) -> None:
    browser = desk.browser()
    text = "---\ntitle: The moon\nimage: moon.png\n---\nIt pulls.\n"
    told = browser.post("write/preview", key="posts/moon.md", text=text).json()
    for part in ("feed", "mail"):
        page = browser.ask(f"preview/{told['preview']}/{part}").text
        assert 'src="/posts/moon.png"' in page and 'src="https://tides.example' not in page


def test_what_is_not_there_is_named_as_the_check_names_it(desk: Desk) -> None:
    """From the root, too; what publishing makes is there."""
    text = "---\ntitle: x\n---\n![a](/favicon.svg) ![b](/gone.png)\n"
    told = desk.browser().post("write/preview", key="posts/a.md", text=text).json()
    assert [(one["line"], one["what"], one["todo"]) for one in told["problems"]] == [
        (4, "/gone.png is not in the content", "add gone.png or mend the link")
    ]


def test_what_is_wrong_has_its_line(desk: Desk) -> None:
    told = desk.browser().post("write/preview", key="a.md", text="---\ntitle: x\ndate: soon\n---\n").json()
    assert told["preview"] == ""
    assert told["problems"][0]["line"] == 3


def test_a_draft_is_saved_under_its_title_and_published_from_there(desk: Desk) -> None:
    browser = desk.browser()
    text = "---\ntitle: The moon\n---\nIt pulls.\n"
    assert (
        browser.post("write/save", key="", text=text, etag="", do="draft").headers["location"]
        == "/desk/write?key=the-moon.md"
    )
    assert "draft: true" in (desk.office.folder / "the-moon.md").read_text()
    etag = desk.office.house.content.head("the-moon.md").etag
    browser.post("write/save", key="the-moon.md", text=text, etag=etag, do="publish")
    assert (desk.office.folder / "the-moon.md").read_text() == text


def test_what_somebody_else_wrote_meanwhile_is_not_lost(desk: Desk) -> None:
    desk.office.write("a.md", "One.")
    etag = desk.office.house.content.head("a.md").etag
    desk.office.write("a.md", "Two.")
    browser = desk.browser()
    answer = browser.post("write/save", key="a.md", text="---\ntitle: A\n---\nMine.", etag=etag, do="publish")
    assert "Somebody else has changed this file" in answer.text
    assert "Two." in (desk.office.folder / "a.md").read_text()


@pytest.mark.parametrize("key", ["moon", "../moon.md", "a.md/moon.md"])
def test_a_text_that_cannot_be_saved_is_given_back(desk: Desk, key: str) -> None:
    desk.office.write("a.md")
    answer = desk.browser().post("write/save", key=key, text="My only copy.", etag="", do="publish")
    assert answer.status_code == 200
    assert "My only copy." in answer.text and 'class="wrong"' in answer.text
    assert re.search(r'<input name="key" value="[^"]*moon', answer.text)


def test_a_picture_never_takes_anothers_place(desk: Desk) -> None:
    browser = desk.browser()
    assert browser.upload("a/moon.png", b"one", "&unique=1").json()["name"] == "moon.png"
    assert browser.upload("a/moon.png", b"two", "&unique=1").json()["name"] == "moon-2.png"


# --- issues ---------------------------------------------------------------------------------------------------


def test_an_issue_that_cools_off_is_stopped_and_sent(desk: Desk) -> None:
    desk.office.readers(3)
    desk.office.publish("a.md")
    browser, issue = desk.browser(), desk.office.issue()
    assert 'data-due="2026-03-01T12:10:00+00:00"' in browser.ask("issues").text
    browser.post(f"issues/letters/{issue.id}/stop")
    assert desk.office.issue().state == "waiting"
    page = browser.ask(f"issues/letters/{issue.id}").text
    assert "Send to 3 readers" in page
    assert 'name="at" value="2026-03-01T13:00"' in page
    browser.post(f"issues/letters/{issue.id}/send")
    assert browser.ask(f"issues/letters/{issue.id}/state").json()["state"] == "planning"
    desk.office.work()
    page = browser.ask(f"issues/letters/{issue.id}?address=READER1@example.org").text
    assert "reader1@example.org: <strong>sent</strong>" in page
    assert "never changed" in page


def test_a_mail_is_shown_without_running_anything(desk: Desk) -> None:
    desk.office.publish("a.md", "![x](https://example.org/x.png)")
    browser, issue = desk.browser(), desk.office.issue()
    dark = browser.ask(f"issues/letters/{issue.id}/mail?scheme=dark&images=off")
    assert dark.headers["content-security-policy"].startswith("sandbox")
    assert "img-src 'none'" in dark.headers["content-security-policy"]
    assert "prefers-color-scheme" not in dark.text


def test_a_test_goes_to_one_address_and_is_not_recorded(desk: Desk) -> None:
    desk.office.publish("a.md")
    browser, issue = desk.browser(), desk.office.issue()
    browser.post(f"issues/letters/{issue.id}/test", address="me@example.org")
    assert desk.office.sink.addresses() == ["me@example.org"]
    assert desk.office.issue().state == "cooling"
    assert "on its way to me@example.org" in browser.ask("issues").text


def test_progress_is_told_and_the_uncertain_are_settled(desk: Desk) -> None:
    """A part of the batches is a part of the readers, however few are in each."""
    office = desk.office
    office.readers(40)
    office.sink.fates["reader0@example.org"] = [KeyboardInterrupt()]
    office.publish("a.md")
    browser, issue = desk.browser(), office.house.newsroom.commit(office.issue())
    office.house.deliverer.plan("letters", issue.id, list(range(64)))
    told = []
    for batch in list(office.house.newsroom.ledger.batches(issue)):
        told.append(browser.ask(f"issues/letters/{issue.id}/state").json()["done"])
        with suppress(KeyboardInterrupt):
            office.house.deliverer.deliver("letters", issue.id, batch.shard, batch.first)
    assert told == sorted(told) and told[0] == 0 and len(set(told)) > 20
    office.minutes(30)
    page = browser.ask(f"issues/letters/{issue.id}").text
    assert "They count as sent" in page and "reader0@example.org</p>" in page
    browser.post(f"issues/letters/{issue.id}/resolve", verdict="sent")
    assert office.issue().counts == {"audience": 40, "sent": 40}
    assert "They count as sent" not in browser.ask(f"issues/letters/{issue.id}").text


def test_an_issue_is_paused_resumed_and_cancelled(desk: Desk) -> None:
    desk.office.readers(2)
    desk.office.publish("a.md")
    browser, issue = desk.browser(), desk.office.issue()
    states = []
    for verb in ("send", "pause", "resume", "cancel"):
        browser.post(f"issues/letters/{issue.id}/{verb}")
        states.append(desk.office.issue().state)
    assert states == ["planning", "paused", "planning", "cancelled"]
    assert "Resume" not in browser.ask(f"issues/letters/{issue.id}").text


def test_a_list_reads_the_settings_once_however_long_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the site stands elsewhere each row has its address."""
    desk.room.here = False
    for name in ("a.md", "b.md", "c.md"):
        desk.office.write(name)
    desk.office.publish()
    browser, read, asked = desk.browser(), SqliteTable.get, []
    monkeypatch.setattr(SqliteTable, "get", lambda table, *key: asked.append(key) or read(table, *key))
    page = browser.ask("").text
    assert page.count('href="https://tides.example/') == 4
    assert asked == [("site", "publication")]


# --- subscribers, reach, health -------------------------------------------------------------------------------


def test_a_reader_is_suppressed_removed_and_erased(desk: Desk) -> None:
    """Who is erased is so in the record of what was sent, too."""
    office = desk.office
    office.readers(3)
    office.publish("a.md")
    issue = office.house.newsroom.commit(office.issue())
    office.work()
    browser = desk.browser()
    browser.post("subscribers/suppress", address="READER0@example.org", reason="asked")
    browser.post("subscribers/remove", address="reader1@example.org")
    browser.post("subscribers/erase", address="reader2@example.org")
    states = sorted(one.subscriber.state for one in office.house.subscribers.everyone())
    assert states == ["suppressed", "suppressed", "unsubscribed"]
    batches = office.house.newsroom.ledger.batches(issue)
    addresses = sorted(entry.address for batch in batches for entry in batch.entries)
    assert addresses == ["", "reader0@example.org", "reader1@example.org"]
    page = browser.ask("subscribers").text
    assert "reader2@example.org" not in page.partition("told")[2].partition("</div>")[2]


def test_readers_are_found_by_a_part_of_their_address(desk: Desk) -> None:
    desk.office.readers(3)
    browser = desk.browser()
    page = browser.ask("subscribers?address=ADER1@").text
    assert "1 reader like that" in page and "reader1@example.org" in page and "reader2" not in page
    page = browser.ask("subscribers?address=nobody").text
    assert "is no subscriber" in page and "Suppress nobody" not in page


def test_somebody_unknown_can_be_suppressed_and_not_removed(desk: Desk) -> None:
    browser = desk.browser()
    browser.post("subscribers/remove", address="who@example.org")
    assert "who@example.org is no subscriber" in browser.ask("subscribers").text
    browser.post("subscribers/suppress", address="who@example.org")
    assert [one.subscriber.state for one in desk.office.house.subscribers.everyone()] == ["suppressed"]


def test_a_list_is_tried_before_it_is_taken(desk: Desk) -> None:
    browser = desk.browser()
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="list.csv"\r\n\r\n'
        b"Email,Status\nada@example.org,active\nnobody,active\n\r\n--x--\r\n"
    )
    headers = {"origin": OURS, "content-type": "multipart/form-data; boundary=x"}
    page = browser.ask("subscribers/import", method="POST", body=body, headers=headers).text
    assert "Nothing has been written yet" in page and "list.csv:3" in page
    assert list(desk.office.house.subscribers.everyone()) == []
    kept = re.search(r'name="list" value="([^"]+)"', page)
    assert kept is not None
    assert "taken in" in browser.post("subscribers/import", list=kept[1]).text
    assert [one.subscriber.address for one in desk.office.house.subscribers.everyone()] == ["ada@example.org"]
    assert browser.post("subscribers/import", list=kept[1]).status_code == 400


def test_the_list_is_given_away_by_a_post_alone(desk: Desk) -> None:
    desk.office.readers(1)
    browser = desk.browser()
    assert browser.ask("subscribers/export").status_code == 404
    answer = browser.post("subscribers/export", form="csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert "reader0@example.org" in answer.text


def test_dead_letters_are_told_by_cause_and_sent_again(desk: Desk) -> None:
    queue = desk.office.house.mail_queue
    queue.send(['{"pressrun": "subscribe", "address": "ada@example.org"}'])
    while queue.depth().dead == 0:
        for message in queue.receive():
            queue.release(message, cause="the mailer is away")
    browser = desk.browser()
    page = browser.ask("health").text
    assert "the mailer is away" in page and "ada@example.org" not in page
    browser.post("health/redrive", queue="mail")
    assert queue.depth().dead == 0


def test_health_tells_of_refused_files_and_of_errors(desk: Desk) -> None:
    (desk.office.folder / "broken.md").write_text("---\ntitle: x\ndate: soon\n---\n")
    desk.office.publish()
    desk.room.heard(OSError("no space left"))
    page = desk.browser().ask("health").text
    assert "broken.md:3" in page and "no space left" in page


def test_reach_defines_its_numbers(desk: Desk) -> None:
    desk.office.readers(1)
    desk.office.publish("a.md")
    browser = desk.browser()
    browser.post(f"issues/letters/{desk.office.issue().id}/send")
    desk.office.work()
    desk.office.hear("bounced", "reader0@example.org")
    page = browser.ask("reach?span=week").text
    assert "One reader, one article, one day" in page
    assert re.search(r"A</a></td><td>1</td>", page)


def test_every_place_shows_the_same_numbers(desk: Desk, tmp_path: Path) -> None:
    """A page's JSON, the popular list, the statistics, the desk and the commands, of reads, mail and feeds."""
    office, house = desk.office, desk.office.house
    office.publish("tides.md", views="1000")
    office.publish("moon.md", newsletter="false")
    office.readers(5)
    office.minutes(12)
    assert office.hear("bounce", "reader1@example.org", bounce_type="permanent")
    now = office.clock.now()
    today, lately, long_ago = (f"{now - timedelta(days=days):%Y-%m-%d}" for days in (0, 10, 40))
    requests = [fields("/tides/", ip=f"198.51.100.{n % 7}", day=today) for n in range(9)]
    requests += [
        fields("/moon/", day=today, ip="198.51.100.9"),
        fields("/tides/", day=today, agent=GOOGLEBOT),
        fields("/nowhere/", day=today),
        *[fields("/feed.xml", day=today, agent=FEEDLY.format(87))] * 2,
    ]
    chunks = [tabbed(*requests)]
    house.views.counter.count(Log(name="new", etag="e", modified=now, chunks=chunks))
    chunks = [tabbed(*(fields("/moon/", day=day) for day in (lately, long_ago)))]
    house.views.counter.count_old(Log(name="old", etag="e", modified=now, chunks=chunks))
    house.views.counter.seal_old()
    house.views.totals.refresh(full=True)
    office.clock.advance(61)

    def public(name: str) -> Any:
        return orjson.loads(house.site.get(f"views/totals/{name}.json").body)

    def told(*arguments: str) -> str:
        where = ("--content", str(office.folder), "--home", str(tmp_path))
        found = CliRunner().invoke(command, ["views", *arguments, *where])
        assert found.exit_code == 0, found.output
        return re.sub(r"[ \xa0]+", " ", found.output)

    def cells(page: str, title: str) -> list[list[str]]:
        rows = re.findall(rf"<tr><td><a[^>]*>{title}</a></td>(.*?)</tr>", page)
        return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]

    articles = (
        public("articles-" + bucket("tides/"))["articles"] | public("articles-" + bucket("moon/"))["articles"]
    )
    assert [(articles[p]["views"], articles[p]["hits"]) for p in ("tides/", "moon/")] == [(1007, 9), (3, 3)]
    assert [(row["path"], row["views"]) for row in public("popular")["all"]] == [
        ("tides/", 1007),
        ("moon/", 3),
    ]
    assert [(row["path"], row["views"]) for row in public("popular")["week"]] == [("tides/", 7), ("moon/", 1)]
    assert [(row["path"], row["views"]) for row in public("popular")["month"]] == [
        ("tides/", 7),
        ("moon/", 2),
    ]
    listed = house.site.get("popular/index.html").body.decode()
    assert re.findall(r"([\d,]+) views?<", listed) == ["7", "1", "7", "1", "7", "2", "1,007", "3"]
    assert public("feeds")["feeds"] == {"feed.xml": {"Feedly": {"subscribers": 87, "approximate": False}}}
    assert public("reasons")["days"][today] == {"article": 10, "bot": 1, "header": 2, "page": 1, "reader": 2}
    assert public("days")["days"][today] | {"lines": 0} == {
        "views": 8, "hits": 10, "subscribers": 87, "opens": 0, "lines": 0}  # fmt: skip

    client, stats = desk.browser(), SiteApp(
        house.site, base="", live=False, log=None, clock=office.clock, stats=StatsPages(house.history)
    )  # fmt: skip
    overview = Browser(stats).ask("../stats/").text
    plots = [f"<title>{today}: 8 of 10</title>", f"<title>{long_ago}: 1 of 1</title>", f"<title>{today}: 87</title>",
             ">Feedly</text>", ">87</text>", ">article</text>", ">12</text>"]  # fmt: skip
    assert [plot for plot in plots if plot not in overview] == []
    alone = Browser(stats).ask("../stats/tides/").text
    assert "<p>1,007 views, 1,000 of them brought along from another system; 9 hits." in alone
    assert re.findall(r"<tr><td>[^<]*</td><td>([^<]*)</td>", alone) == ["1,007", "4", "≈ 87", "1", "0"]
    assert re.findall(r"<title>(20[^<]*)</title>", alone) == [f"{today}: 7 of 9"] * 2
    reach = client.ask("reach?span=week").text
    all_time = client.ask("reach?span=all").text
    assert cells(overview, "Tides") == [["≈ 1,098", "1,007", "9", "1,000", "4", "1"]]
    assert cells(overview, "Moon") == [["≈ 90", "3", "3", "0", "0", "0"]]
    assert cells(reach, "Tides")[:2] == [["7", "9"], ["≈ 1,098", "1,007", "1,007", "4", "1", "≈ 87"]]
    assert cells(reach, "Moon") == [["1", "1"], ["≈ 90", "87", "3", "0", "0", "≈ 87"]]
    assert all(plot in reach for plot in (f"<title>{today}: 8 of 10</title>", ">Feedly</text>", ">87</text>"))
    assert re.search(r"Views\b.{,1000}?<dd[^>]*>\s*10\s*<", reach, re.S)
    assert [cells(all_time, name)[0] for name in ("Tides", "Moon")] == [["1,007", "9"], ["3", "3"]]
    shown = told("show", "tides")
    assert "1,007 views, 1,000 of them imported; 9 hits" in shown and "4 mails delivered, 1 bounced" in shown
    assert "Reach: ≈ 1,098; 1,007 if the same people came by every way" in shown
    assert f"{today} 7 █" in shown
    assert "/tides/ 1,007 █" in told("top") and "/moon/ 3" in told("top")
    assert f"{today} 8 10 87 0 █" in told("days")
    assert "Feedly 87 █" in told("feeds")
    reasons = sum(public("reasons")["days"][today].values())
    kinds = told("reasons")
    assert f"{reasons + 4} lines in all" in kinds  # two lines and two headers of past days
    assert all(kind in kinds for kind in ("article 12 █", "reader 2 ", "page 1 ", "bot 1 "))
