"""Any text in any format: an article that is clean, or `Invalid`."""

from __future__ import annotations

import re
from html import unescape

import nh3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pressrun.domain.markup import END, REF, REFERENCE, SITE, SIZE
from pressrun.domain.publication import Publication
from pressrun.domain.slugs import MAX_BYTES, slugify
from pressrun.errors import Invalid
from pressrun.parsing import markdown
from pressrun.parsing.media import sniff
from pressrun.parsing.sanitise import sanitise
from pressrun.parsing.source import parse_article

PIECES = [
    "---\n", "+++\n", "title: T\n", 'title = "T"\n', "# H\n", "\n\n", "> ", "- ", "1. ", "```js\n",
    "`", "**", "_", "~~", "[a](", ")", "![b](", "<b>", "</b>", "<div id=x>", "<a href=", '"', "'",
    "javascript:x", "data:x", "x.png", "@/a.md", "//e.org", "https://e.org", "#x", "&#xFDD1;",
    "&#0;", "&colon;", "&quot;", "%22", "%EF%B7%90", REF, END, SITE, SIZE, "[^1]", "\n[^1]: n\n",
    "| a |\n|--|\n", "- [x] ", "> [!NOTE]\n", "<script>", "<!--", "-->", "<svg>",
    "<img src=x onerror=y>", "<h1>", "</h1>", "<title>", "<meta name=date content=", "date: ",
    "2024-05-01", "tags: [", "]", "by Jane\n", "\\", "\t", ' id="', ' href="', "]]>", "</p>",
    "<input type=checkbox>", 'class="anchor"', "<pre lang=js><code>", "😀", "\u202e", "﷐",
]  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=24).map("".join)
titled = st.tuples(st.sampled_from(["", "---\ntitle: T\n---\n"]), texts).map("".join)

ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
URLS = re.compile(r'<[a-z][^<>]* (?:href|src|poster)="([^"]*)"')  # in a tag: text may hold such words
MARKED_URL = re.compile(
    f'(?:{SITE}/[^"]*|{REF}[^"{REF}{END}{SITE}]*{END}[^"]*|(?:https?|mailto|tel):[^"]*)', re.I
)


def parsed(key, text):
    try:
        return parse_article(key, text.encode(errors="surrogatepass"), Publication())
    except Invalid as error:
        return refused(key, error)


def refused(key, error):
    assert error.problems
    for problem in error.problems:
        assert (problem.file, bool(problem.todo), problem.code != "invalid") == (key, True, True)


@pytest.mark.parametrize("key", ["a.md", "a.html", "a.txt"])
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=titled)
def test_any_text_gives_clean_html_or_invalid(key, text):
    article = parsed(key, text)
    if article is None:
        return
    assert not ILLEGAL.search(article.html + article.title + article.summary)
    assert not re.search(f"[{SITE}{REF}{END}{SIZE}]", article.title + article.summary + str(article.extra))
    assert all(MARKED_URL.fullmatch(url) for url in URLS.findall(article.html)), article.html
    rest = re.sub(f'"{SIZE} alt=', '" alt=', REFERENCE.sub("", article.html)).replace(f'"{SITE}/', '"/')
    rest = re.sub(f"(?<=[ ,]){SITE}/", "/", rest)
    assert not re.search(f"[{SITE}{REF}{END}{SIZE}]", rest)


def neutral(html):
    """What remains of HTML when marks and what only `finish` and `highlight` write are taken away."""
    html = REFERENCE.sub("r", html.replace(SITE, "").replace(SIZE, ""))
    html = re.sub(r'<a class="anchor"[^>]*></a>|</?span[^>]*>|<input[^>]*>', "", html)
    return re.sub(r' class="[^"]*"| (?:controls|preload|loading|decoding|disabled|lang)="[^"]*"', "", html)


@pytest.mark.parametrize("key", ["a.md", "a.html", "a.txt"])
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=titled)
def test_the_sanitiser_finds_nothing_left_to_remove(key, text):
    article = parsed(key, text)
    if article is None:
        return
    html = neutral(article.html)
    plain = nh3.Cleaner(tags=ALL_TAGS, attributes=ALL_ATTRIBUTES, link_rel=None)
    assert plain.clean(sanitise(html)) == plain.clean(html)


ALL_TAGS = set(nh3.ALLOWED_TAGS) | {
    "section",
    "input",
    "audio",
    "video",
    "source",
    "track",
    "picture",
    "big",
    "address",
}
ALL_TAGS -= {"script", "style"}
ALL_ATTRIBUTES = {"*": {"id", "title", "align", "start", "src", "alt", "width", "height", "href", "lang"}}


@settings(max_examples=300, deadline=None)
@given(text=texts)
def test_what_comrak_writes_without_author_html_needs_no_sanitiser(text):
    """The ground for skipping it: elements, ids and text stay the same; URLs are ours to check."""
    try:
        html, raw = markdown.render(text, smart=True)
    except ValueError:
        return
    if raw:
        return
    bare = re.sub(
        r' (?:href|src|data-footnote[a-z-]*|aria-label|class|type|disabled|checked|lang)(?:="[^"]*")?',
        "",
        html,
    )
    ids = re.sub(r' id="(fn(?:ref)?-)', r' id="s-\1', bare)
    clean = re.sub(r' (?:class|type|disabled|checked|lang)(?:="[^"]*")?', "", sanitise(bare))
    nothing = nh3.Cleaner(tags=ALL_TAGS, attributes=ALL_ATTRIBUTES, link_rel=None)
    assert clean == nothing.clean(ids)


@settings(max_examples=300, deadline=None)
@given(text=st.text())
def test_a_slug_is_a_fixed_point_of_itself(text):
    slug = slugify(text)
    assert slugify(slug) == slug
    assert 0 < len(slug.encode()) <= MAX_BYTES
    assert not re.search(r"[\s/\\.?#%<>\"]", slug)


HEADS = [
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1", b"RIFF0000WEBPVP8X", b"\0\0\0\x18ftypavif", b"OggS", b"fLaC",
    b"\xff\xfb\x90\xc0", b"ID3\4\0\0\0\0\0\0", b"RIFF0000WAVEfmt ", b"\0\0\0\x18ftypM4A mvhd", b"<svg ", b"",
]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(data=st.tuples(st.sampled_from(HEADS), st.binary(max_size=300)).map(b"".join))
def test_any_bytes_are_some_media(data):
    media = sniff(data, "x.bin")
    assert "/" in media.type
    assert min(media.width, media.height, media.duration) >= 0


def test_unescape_is_the_inverse_that_references_need():
    article = parse_article("a.md", b"# T\n\n![x](a&b%22c.png)\n", Publication())
    assert [unescape(found) for found in REFERENCE.findall(article.html)] == ['a&b"c.png']
