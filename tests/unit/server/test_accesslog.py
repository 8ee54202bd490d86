"""The access log: CloudFront's fields, and nothing that a client can forge."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from pressrun.server import AccessLog

# A line as CloudFront writes it: standard logging v2, JSON, the 34 fields that are chosen by default.
CLOUDFRONT = [
    *"date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer)".split(),
    *"cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header".split(),
    *"cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher".split(),
    *"x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port".split(),
    *"time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len".split(),
    *"sc-range-start sc-range-end c-country".split(),
]

Exact = Callable[..., Callable[..., Any]]


@pytest.fixture
def send(exact: Exact, log: AccessLog) -> Callable[..., Any]:
    return exact(log=log, live=True)


@pytest.fixture
def lines(logs: Path) -> Callable[[], list[dict[str, str]]]:
    def read() -> list[dict[str, str]]:
        whole = b"".join(path.read_bytes() for path in sorted(logs.glob("*")))
        assert whole == b"" or whole.endswith(b"\n")
        return [json.loads(line) for line in whole.split(b"\n")[:-1]]

    return read


def test_a_view_is_written_as_cloudfront_writes_it(send: Any, lines: Any) -> None:
    reply = send(b"/hello/?utm=1", host="blog.test", user_agent="Reader/1.0 (+x; 6 subscribers)")
    [line] = lines()
    assert list(line) == CLOUDFRONT
    assert all(isinstance(value, str) and value for value in line.values())
    known = {
        "date": "2026-03-01", "time": "12:00:00", "c-ip": "192.0.2.7", "c-port": "40000", "cs-method": "GET",
        "cs-uri-stem": "/hello/", "cs-uri-query": "utm=1", "sc-status": "200", "cs(Referer)": "-",
        "cs(User-Agent)": "Reader/1.0%20(+x;%206%20subscribers)", "cs(Host)": "blog.test",
        "time-taken": "0.000", "cs-protocol": "http", "cs-protocol-version": "HTTP/1.1", "sc-content-type": "text/html",
        "sc-content-len": str(len(reply.body)), "x-edge-result-type": "Miss", "sc-range-start": "-",
    }  # fmt: skip
    assert {name: line[name] for name in known} == known
    assert int(line["sc-bytes"]) > len(reply.body)


@pytest.mark.parametrize(
    ("target", "method", "headers", "status"),
    [
        (b"/hello/", "GET", {"if_none_match": "*"}, "304"),
        (b"/hello/", "HEAD", {}, "200"),
        (b"/hello", "GET", {}, "301"),
        (b"/nothing", "GET", {}, "404"),
        (b"/%zz", "GET", {}, "400"),
        (b"/gone/", "GET", {}, "410"),
        (b"/hello/", "POST", {}, "405"),
        (b"/talk.mp3", "GET", {"range": "bytes=5-9"}, "206"),
    ],
)
def test_every_answer_is_written_once(
    send: Any, lines: Any, target: bytes, method: str, headers: dict[str, str], status: str
) -> None:
    send(target, method, **headers)
    [line] = lines()
    assert (line["cs-method"], line["sc-status"]) == (method, status)
    assert line["x-edge-result-type"] == ("Error" if status >= "400" else "Miss")


def test_the_range_that_was_sent_is_written(send: Any, lines: Any) -> None:
    send(b"/talk.mp3", range="bytes=5-9")
    [line] = lines()
    assert (line["sc-range-start"], line["sc-range-end"], line["sc-content-len"]) == ("5", "9", "5")


def test_what_a_head_weighs_is_not_the_body(send: Any, lines: Any) -> None:
    send(b"/talk.mp3")
    send(b"/talk.mp3", "HEAD")
    get, head = lines()
    assert int(get["sc-bytes"]) - int(head["sc-bytes"]) == 256 * 40


def test_the_reload_script_leaves_no_trace(send: Any, lines: Any) -> None:
    send(b"/_pressrun/reload.js")
    send(b"/_pressrun/other")
    assert lines() == []


@pytest.mark.parametrize(
    "agent",
    [
        'x","sc-status":"200","cs-uri-stem":"/forged/',
        'x\n{"date":"2026-03-01"}',
        "x\r\n\t\x00\x1b[2J\x7f",
        "\\u0022\\n\\",
        "-",
        "ÿ\x85\xa0",
        '"""',
        "9" * 20_000,
        "100%20%",
    ],
)
def test_no_header_forges_a_line_or_a_field(send: Any, lines: Any, agent: str) -> None:
    send(b"/hello/", user_agent=agent, referer=agent, host=agent, x_forwarded_for=agent)
    [line] = lines()
    assert list(line) == CLOUDFRONT
    assert (line["sc-status"], line["cs-uri-stem"]) == ("200", "/hello/")
    for name in ("cs(User-Agent)", "cs(Referer)", "cs(Host)", "x-forwarded-for"):
        assert re.fullmatch(r"[!#-&(-;=?-Z_a-z%]+", line[name])
        assert unquote(line[name], "latin-1") == agent[:4096]


@pytest.mark.parametrize(
    ("target", "stem", "query"),
    [
        (b"/a%20b/?c=%22d%22", "/a%20b/", "c=%22d%22"),
        (b'/"><script>?"\\', "/%22%3E%3Cscript%3E", "%22%5C"),
        (b"/gr%C3%BC\xc3\x9fe", "/gr%C3%BC%C3%9Fe", "-"),
        (b"/100%", "/100%25", "-"),
        (b"/a\nb?\n", "/a%0Ab", "%0A"),
        (b"/~x|y'", "/%7Ex%7Cy%27", "-"),
    ],
)
def test_an_address_stays_encoded(send: Any, lines: Any, target: bytes, stem: str, query: str) -> None:
    send(target)
    [line] = lines()
    assert (line["cs-uri-stem"], line["cs-uri-query"]) == (stem, query)


def test_cookies_are_nobodys_business(send: Any, logs: Path) -> None:
    send(b"/hello/", cookie="session=canary", authorization="Basic canary")
    [path] = logs.iterdir()
    assert b"canary" not in path.read_bytes()
    assert json.loads(path.read_bytes())["cs(Cookie)"] == "-"


@pytest.mark.parametrize(
    ("behind_proxy", "forwarded", "address"),
    [
        (False, "203.0.113.9", "192.0.2.7"),
        (True, "203.0.113.9", "203.0.113.9"),
        (True, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (True, "2001:DB8::0:1", "2001:db8::1"),
        (True, "203.0.113.9, forged", "192.0.2.7"),
        (True, "", "192.0.2.7"),
    ],
)
def test_whose_address_is_believed(
    exact: Exact, log: AccessLog, lines: Any, behind_proxy: bool, forwarded: str, address: str
) -> None:
    exact(log=log, behind_proxy=behind_proxy)(b"/hello/", x_forwarded_for=forwarded)
    [line] = lines()
    assert line["c-ip"] == address


def test_a_file_holds_an_hour(send: Any, logs: Path, clock: Any) -> None:
    for minutes in (0, 59, 1, 14 * 60):
        clock.advance(minutes * 60)
        send(b"/hello/")
    found = {path.name: path.read_bytes().count(b"\n") for path in logs.iterdir()}
    assert found == {"2026-03-01-12.jsonl": 2, "2026-03-01-13.jsonl": 1, "2026-03-02-03.jsonl": 1}


def test_a_log_that_was_taken_away_begins_anew(send: Any, logs: Path, lines: Any) -> None:
    send(b"/hello/")
    [path] = logs.iterdir()
    path.unlink()
    logs.rmdir()
    send(b"/hello/")
    assert len(lines()) == 1


def test_a_log_that_cannot_be_written_fails_no_request(exact: Exact, tmp_path: Path, clock: Any) -> None:
    (tmp_path / "file").write_text("no folder")
    send = exact(log=AccessLog(tmp_path / "file" / "logs", clock))
    assert send(b"/hello/").status == 200


def test_lines_of_many_writers_stay_whole(logs: Path, clock: Any, exact: Exact, lines: Any) -> None:
    def view() -> None:
        send = exact(log=AccessLog(logs, clock))
        for _ in range(20):
            send(b"/hello/", user_agent="x" * 4000)

    threads = [threading.Thread(target=view) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = lines()
    assert len(found) == 160
    assert len({line["x-edge-request-id"] for line in found}) == 160


def test_time_is_measured_to_the_last_byte(exact: Exact, logs: Path, lines: Any) -> None:
    exact(log=AccessLog(logs, Ticking()))(b"/hello/")
    [line] = lines()
    assert (line["time-to-first-byte"], line["time-taken"]) == ("0.250", "0.500")


class Ticking:
    """A clock that a quarter of a second has passed on whenever it is looked at."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        self.time += timedelta(seconds=0.25)
        return self.time
