"""URLs in articles: marked for the catalogue where they are ours, refused where they could run."""

from __future__ import annotations

import re

import pytest

from pressrun.domain.markup import END, REF, SITE, SIZE, absolute
from pressrun.parsing.addresses import marked, marked_set


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/a?b#c", "https://example.org/a?b#c"),
        ("HTTPS://example.org", "HTTPS://example.org"),
        ("mailto:a@example.org", "mailto:a@example.org"),
        ("//example.org/x", "https://example.org/x"),
        ("/\\example.org/x", "https://example.org/x"),
        ("/about/", f"{SITE}/about/"),
        ("/a b/ü#part", f"{SITE}/a%20b/%C3%BC#s-part"),
        ("pic.png", f"{REF}pic.png{END}"),
        ("a%20b.png?v=1#x", f"{REF}a b.png{END}?v=1#x"),
        ("images\\pic.png", f"{REF}images/pic.png{END}"),
        ("a&amp;b&quot;.png", f"{REF}a&amp;b&quot;.png{END}"),
        ("../other.md#part", f"{REF}../other.md{END}#s-part"),
        ("../other/#s-part", f"{REF}../other/{END}#s-part"),
        ("paper.pdf#page=2", f"{REF}paper.pdf{END}#page=2"),
        ("@/posts/x.md#frag", f"{REF}@/posts/x.md{END}#s-frag"),
        ("?page=2", f"{REF}{END}?page=2"),
        ("a%EF%B7%91b", f"{REF}ab{END}"),
        ("a%00b", f"{REF}ab{END}"),
    ],
)
def test_an_address_is_marked_for_what_it_is(url, expected):
    assert marked(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "  javascript:alert(1)",
        "java\nscript:alert(1)",
        "java\x01script:alert(1)",
        "foo:bar",
        "java&Tab;script:alert(1)",
        "vbscript:x",
        "data:text/html,x",
        "file:///etc/passwd",
        "&#1;javascript:x",
        "javascript%3Aalert(1)",
        "&#106;avascript:x",
    ],
)
def test_a_scheme_that_is_not_allowed_is_refused(url):
    assert marked(url) is None


@pytest.mark.parametrize("url", ["data:image/png;base64,AA", "mailto:a@b", "tel:1", "javascript:x"])
def test_media_come_by_http_alone(url):
    assert marked(url, media=True) is None
    assert marked("http://example.org/a.png", media=True) == "http://example.org/a.png"


def test_each_candidate_of_a_srcset_is_marked():
    srcset = "a.png 1x, /b.png 2x,https://example.org/c,d.png 100w, javascript:x 3x"
    assert marked_set(srcset) == f"{REF}a.png{END} 1x, {REF}@/b.png{END} 2x, https://example.org/c,d.png 100w"


def test_an_image_waits_for_its_size_unless_the_author_gave_one(parse):
    html = parse(
        "# T\n\n![a](x.png)\n\n<img src=y.png alt=b width=3 height=4>\n\n![c](https://e.org/z.png)\n"
    ).html
    first, second, third = re.findall(r"<img[^>]*>", html)
    assert first == f'<img src="{REF}x.png{END}"{SIZE} alt="a" decoding="async">'
    assert (
        second == f'<img src="{REF}y.png{END}" alt="b" width="3" height="4" loading="lazy" decoding="async">'
    )
    assert SIZE not in third


def test_video_audio_and_sources_are_marked_and_have_controls(parse):
    html = parse(
        '<title>T</title><video src=v.mp4 poster=p.jpg autoplay></video><audio><source src="/a.mp3"></audio>',
        "a.html",
    ).html
    assert f'<video src="{REF}v.mp4{END}" poster="{REF}p.jpg{END}" controls="" preload="metadata">' in html
    assert f'<source src="{REF}@/a.mp3{END}">' in html
    assert "autoplay" not in html


def test_a_feed_has_no_empty_anchors(parse):
    html = parse("# T\n\n## Part\n").html
    assert 'class="anchor"' in html
    assert absolute(html, "https://example.org") == '<h2 id="s-part">Part</h2>\n'


def test_links_to_other_sites_carry_nothing_that_the_author_did_not_say(parse):
    html = parse('# T\n\n<a href="https://e.org" target=_blank rel="nofollow" ping=x>a</a>').html
    assert '<a href="https://e.org" rel="nofollow">a</a>' in html
