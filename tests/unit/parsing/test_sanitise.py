"""Nothing that runs, styles or submits gets through, in any format."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from pressrun.domain.markup import END, REF, SITE, SIZE

RUNS = {
    "script",
    "iframe",
    "style",
    "form",
    "object",
    "embed",
    "svg",
    "math",
    "base",
    "meta",
    "link",
    "template",
    "textarea",
}
WRAPPERS = {
    "a.md": "---\ntitle: T\n---\n\n{}\n",
    "inline.md": "---\ntitle: T\n---\n\nx {} y\n",
    "a.html": "<title>T</title><body>{}</body>",
    "a.txt": "T\n\n{}\n",
}


class Reader(HTMLParser):
    """Reads as a lenient reader would and notes what could do harm."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.harm: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in RUNS:
            self.harm.append(tag)
        for name, value in attrs:
            plain = re.sub(r"[\x00-\x20]", "", value or "").lower()
            for url in [plain, *re.split(r"[\s,]", plain)] if name == "srcset" else [plain]:
                scheme = re.match(r"[a-z][a-z0-9+.-]*(?=:)", url)
                if (
                    name in {"href", "src", "srcset", "poster"}
                    and scheme
                    and scheme[0] not in {"http", "https", "mailto", "tel"}
                ):
                    self.harm.append(f"{name}={url}")
            if name.startswith("on") or name in {
                "style",
                "action",
                "formaction",
                "srcdoc",
                "background",
                "ping",
                "target",
            }:
                self.harm.append(name)
            if name in {"id", "name"} and not (value or "").startswith("s-"):
                self.harm.append(f"{name}={value}")


def harm(html: str) -> list[str]:
    return Reader(html.replace(REF, "").replace(END, "").replace(SITE, "").replace(SIZE, " ")).harm


@pytest.mark.parametrize("key", WRAPPERS)
@pytest.mark.parametrize(
    "file", ["xss-dompurify-expect.json", "xss-html5sec.json", "xss-owasp-filter-evasion.json", "blns.json"]
)
def test_no_payload_gets_through(shared_json, parse, problems, key, file):
    through = []
    for case in shared_json(f"data/hostile/{file}"):
        payload = case if isinstance(case, str) else case.get("payload") or case.get("data") or str(case)
        source = WRAPPERS[key].format("".join(char for char in payload if char in "\t\n" or ord(char) >= 32))
        source = source.encode(errors="ignore")
        if not problems(source, key.replace("inline", "a")) and (
            found := harm(parse(source, key.replace("inline", "a")).html)
        ):
            through.append((payload, found))
    assert through == []


def test_the_reader_of_these_tests_sees_harm():
    assert harm('<a onclick=x href="java\nscript:x" id=cookie><svg>') == [
        "onclick",
        "href=javascript:x",
        "id=cookie",
        "svg",
    ]


def test_ids_cannot_clobber_and_links_follow_them(parse):
    html = parse('<title>T</title><p id="cookie">x</p><a href="#cookie">y</a>', "a.html").html
    assert html == f'<p id="s-cookie">x</p><a href="{REF}{END}#s-cookie">y</a>'


def test_an_id_with_the_prefix_already_is_found_by_its_links(parse):
    article = parse('<title>T</title><p id="s-x">x</p><a href="#s-x">y</a>', "a.html")
    assert article.html == f'<p id="s-x">x</p><a href="{REF}{END}#s-x">y</a>'
    assert article.warnings == ()


def test_form_controls_go_but_the_text_in_a_form_stays(parse):
    html = parse(
        "<title>T</title><form action=x><p>text</p><input name=a><input type=checkbox><button>b</button>",
        "a.html",
    ).html
    assert html == "<p>text</p>"


def test_only_known_classes_stay(parse):
    html = parse(
        '# T\n\n<p class="markdown-alert-title admin" style="x">a</p><div class="nav markdown-alert">b</div>'
    ).html
    assert '<p class="markdown-alert-title">a</p><div class="markdown-alert">b</div>' in html


def test_a_class_of_which_nothing_stays_goes_and_texts_are_left_alone(parse):
    link = '<a href="https://a.example" class="b">c</a>'
    html = parse(
        f'<title>T</title><p class="x" title="<a y=" id="z">&lt;p class=""&gt; {link}', "a.html"
    ).html
    assert re.sub(' title="[^"]*"', "", html) == (
        '<p id="s-z">&lt;p class=""&gt; <a href="https://a.example">c</a></p>'
    )


def test_character_references_bring_no_marks_and_no_controls_in(parse):
    for key in ("a.md", "a.html"):
        html = parse("<title>T</title>\n\n# T\n\n&#xFDD0;&#1;&#xFFFE;x <b title='&#xFDD1;'>y</b>", key).html
        assert not re.search("[\ufdd0-\ufdd3\ufffe\x01]", html.replace("anchor", ""))


def test_an_article_brings_no_landmark_of_its_own(parse):
    """The page has its main; an article's gives way to what it holds, and its nav goes."""
    html = parse("---\ntitle: T\n---\n<main><p>a</p></main>\n\n<div role=main><p>b</p></div>\n", "a.md").html
    assert "<main" not in html
    assert "role" not in html
    assert "<p>a</p>" in html
    assert "<p>b</p>" in html
