"""What authors and subscribers write stays text in mail, too."""

from __future__ import annotations

import json
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from pressrun.domain.articles import Image
from pressrun.domain.letters import PLACE, Recipient, place
from pressrun.errors import Invalid
from pressrun.parsing.source import parse_article
from pressrun.rendering import mail
from pressrun.rendering.mime import Composer
from tests.unit.rendering.test_mail import ARTICLE, DATE, PUBLICATION, THEME, WEEKLY, every_letter, letter

HOSTILE = [
    "</title><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "<![endif]--><script>alert(1)</script>",
    '" onload="alert(1)" x="',
    "{{ 7*7 }}{% raw %}${7*7}<%= 7*7 %>",
    "&lt;b&gt; &amp;",
]
RUNS = {
    "script",
    "iframe",
    "object",
    "embed",
    "form",
    "svg",
    "math",
    "base",
    "link",
    "video",
    "audio",
    "input",
}
PAYLOADS = Path(__file__).parents[4] / "shared/data/hostile/xss-dompurify-expect.json"


def assert_inert(markup: str) -> Any:
    tree = html.document_fromstring(markup)
    assert RUNS & {element.tag for element in tree.iter()} == set()
    for element in tree.iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            address = "".join(value.split()).lower()
            assert not (name in {"href", "src"} and address.startswith(("javascript:", "data:", "vbscript:")))
    return tree


@pytest.mark.parametrize("text", HOSTILE)
def test_titles_names_and_settings_are_text(text: str) -> None:
    article = replace(
        ARTICLE,
        title=text,
        authors=(text,),
        summary=text,
        image=Image(src="https://a.example/x.png", alt=text),
    )
    newsletter = replace(WEEKLY, name=text, description=text, postal_address=text)
    for one in (
        mail.article_letter(THEME, newsletter, article, date=DATE),
        mail.correction_letter(THEME, newsletter, article, note=text, date=DATE),
        mail.digest_letter(THEME, newsletter, [article], date=DATE),
        mail.confirm_letter(THEME, [newsletter], date=DATE),
    ):
        tree = assert_inert(one.html)
        assert text in "".join(tree.itertext())
        assert "49" not in one.subject
        assert text in one.text


@pytest.mark.parametrize("text", [place("unsubscribe"), place("name"), "\ufdd4x", "\ufdd5"])
def test_a_place_that_an_author_writes_is_none(text: str) -> None:
    article = replace(ARTICLE, title=f"T{text}", authors=(f"A{text}",), summary=f"S{text}",
                      html=f"<p>H{text}</p>", extra={"preheader": f"P{text}"},
                      image=Image(src="https://a.example/x.png", alt=text))  # fmt: skip
    plain = every_letter()
    for one, same in zip(every_letter(article=article), plain, strict=True):
        assert PLACE.findall(one.html) == PLACE.findall(same.html)
        assert PLACE.findall(one.text) == PLACE.findall(same.text)
        assert not PLACE.search(one.subject)
    newsletter = replace(WEEKLY, name=f"N{text}", postal_address=f"P{text}", description=f"D{text}")
    one = letter(newsletter=newsletter)
    assert PLACE.findall(one.html) == PLACE.findall(plain[0].html)


@pytest.mark.parametrize(
    "name", [*HOSTILE, "a\r\nBcc: all@example.org", "\u202egnp.exe", place("unsubscribe")]
)
def test_a_subscribers_name_is_text(name: str) -> None:
    base = letter()
    one = replace(
        base, html=base.html.replace("</h1>", f"{place('name')}</h1>"), text=place("name") + base.text
    )
    links = {key: f"https://example.org/{key}" for key in ("unsubscribe", "preferences")}
    reader = Recipient(id="1", address="a@example.org", values={**links, "name": name})
    made = Composer(one).message(reader, message_id="a@example.org")
    parsed = message_from_bytes(made, policy=default)
    assert parsed["Bcc"] is None
    body = parsed.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "\u202e" not in body
    assert_inert(body)
    assert body.count("https://example.org/unsubscribe") == 1


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the payloads are not on this machine")
def test_no_payload_reaches_a_mail() -> None:
    payloads = json.loads(PAYLOADS.read_text())
    assert len(payloads) > 200
    for payload in payloads:
        source = f"<!doctype html><title>T</title><body>{payload['payload']}</body>".encode()
        try:
            parsed = parse_article("x.html", source, PUBLICATION)
        except Invalid:  # refused as a whole
            continue
        one = letter(replace(ARTICLE, html=parsed.html))
        assert_inert(one.html)
        assert len(html.document_fromstring(one.html).xpath("//style")) == 1
