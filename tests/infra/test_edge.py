"""What CloudFront's two functions answer: run in node, as CloudFront runs them, against the local server's answers."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any
from urllib.parse import quote

import pytest

from tests.infra.templates import resources

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

RUN = "let found='';process.stdin.on('data',d=>found+=d).on('end',()=>{const [code,event]=JSON.parse(found);"
RUN += "console.log(JSON.stringify(new Function(code+';return handler;')()(event)))})"


def run(name: str, event: dict[str, Any], base: str = "") -> dict[str, Any]:
    """The function's answer to an event."""
    code = resources()[name]["Properties"]["FunctionCode"]
    text = code["Fn::Sub"].replace("${BasePath}", base) if isinstance(code, dict) else code
    said = subprocess.run(
        ["node", "-e", RUN], input=json.dumps([text, event]), capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(said.stdout)
    return answer


def asked(
    uri: str, base: str = "", method: str = "GET", query: dict[str, str] | None = None
) -> dict[str, Any]:
    """What becomes of a request."""
    fields = {name: {"value": value} for name, value in (query or {}).items()}
    request = {"method": method, "uri": uri, "querystring": fields, "headers": {}}
    return run("RequestFunction", {"request": request}, base)


def answered(
    metadata: dict[str, str], content_type: str = "text/html; charset=utf-8", dest: str = ""
) -> dict[str, Any]:
    """What becomes of S3's answer for an object with this metadata, as pressrun/adapters/aws/s3.py writes it."""
    headers = {
        f"x-amz-meta-{name}": {"value": quote(value, safe=" /:;'<>=\"")} for name, value in metadata.items()
    }
    headers["content-type"] = {"value": content_type}
    headers["x-amz-version-id"] = {"value": "1"}
    response = {"statusCode": 200, "statusDescription": "OK", "headers": headers}
    request = {"headers": {"sec-fetch-dest": {"value": dest}} if dest else {}}
    return run("ResponseFunction", {"request": request, "response": response})


@pytest.mark.parametrize(
    ("uri", "key"),
    [
        ("/", "/index.html"),
        ("/tide/", "/tide/index.html"),
        ("/feed.xml", "/feed.xml"),
        ("/%C3%A9/", "/%C3%A9/index.html"),
    ],
)
def test_an_address_means_an_object(uri: str, key: str) -> None:
    """A folder means its index; a file itself."""
    assert asked(uri)["uri"] == key
    assert asked(f"/blog{uri}", base="/blog")["uri"] == key


def test_a_page_without_its_slash_is_elsewhere() -> None:
    """And what was asked goes along."""
    answer = asked("/tide", query={"utm_source": "feed", "plain": ""})
    assert answer["statusCode"] == 301
    assert answer["headers"]["location"]["value"] == "/tide/?utm_source=feed&plain"


@pytest.mark.parametrize(
    "uri", ["//evil.example", "//evil.example/a", "/a//b", "/\\evil", "/a%5Cb", "/a%2Fb", "/%00"]
)
def test_no_request_leads_to_another_host(uri: str) -> None:
    """What no link of ours has is a page that is not there."""
    assert asked(uri)["uri"] == "/no-such-page"


def test_outside_its_path_a_site_has_nothing() -> None:
    """But its root leads to it."""
    assert asked("/other/", base="/blog")["uri"] == "/no-such-page"
    assert asked("/blogging/", base="/blog")["uri"] == "/no-such-page"
    for uri in ("/", "/blog"):
        assert asked(uri, base="/blog")["headers"]["location"]["value"] == "/blog/"


def test_a_preflight_is_answered_for_feeds_alone() -> None:
    """Without asking S3."""
    feed, page = asked("/tags/a/feed.json", method="OPTIONS"), asked("/a/", method="OPTIONS")
    assert feed["headers"]["access-control-allow-origin"] == {"value": "*"}
    assert (page["statusCode"], list(page["headers"])) == (204, ["allow"])


def test_a_tombstone_is_gone() -> None:
    """410, with the page that says so as its body."""
    assert answered({"status": "410", "digest": "x"})["statusCode"] == 410


def test_a_moved_article_sends_on() -> None:
    """301 to where it stands, also where its address is in another script."""
    answer = answered({"status": "301", "location": "/%C3%A9t%C3%A9/", "digest": "x"})
    assert (answer["statusCode"], answer["headers"]["location"]["value"]) == (301, "/%C3%A9t%C3%A9/")


def test_an_upload_keeps_the_policy_it_was_stored_with() -> None:
    """An SVG runs no script."""
    answer = answered({"content-security-policy": "default-src 'none'"}, "image/svg+xml")
    assert answer["headers"]["content-security-policy"]["value"] == "default-src 'none'"


def test_feeds_name_their_hub_and_may_be_fetched_by_other_sites() -> None:
    """WebSub, and CORS; a page has neither."""
    link = '<https://hub.example/>; rel="hub", <https://x.example/feed.xml>; rel="self"'
    feed, page = answered({"link": link}, "application/rss+xml; charset=utf-8"), answered({})
    assert feed["headers"]["link"]["value"] == link
    assert feed["headers"]["access-control-allow-origin"] == {"value": "*"}
    assert list(page["headers"]) == ["content-type"]


def test_a_feed_that_a_browser_opens_is_plain_xml() -> None:
    """So that it is shown in its style sheet; readers of feeds get it as a feed, from the same copy in the cache."""
    rss = "application/rss+xml; charset=utf-8"
    opened, fetched, read = (answered({}, rss, dest)["headers"] for dest in ("document", "empty", ""))
    assert opened["content-type"]["value"] == "application/xml; charset=utf-8"
    assert fetched["content-type"]["value"] == read["content-type"]["value"] == rss
    assert {headers["vary"]["value"] for headers in (opened, fetched, read)} == {"Sec-Fetch-Dest"}
    assert opened["access-control-allow-origin"] == {"value": "*"}
    json = "application/feed+json; charset=utf-8"
    assert answered({}, json, "document")["headers"]["content-type"]["value"] == json


def test_no_metadata_reaches_readers() -> None:
    """Nor S3's own."""
    answer = answered({"digest": "x", "revision": "7"})
    assert not [name for name in answer["headers"] if name.startswith("x-amz-")]


@pytest.mark.parametrize("metadata", [{"status": "301"}, {"status": "200"}, {"link": "%"}])
def test_odd_metadata_spoils_nothing(metadata: dict[str, str]) -> None:
    """The page is shown."""
    assert answered(metadata)["statusCode"] == 200
