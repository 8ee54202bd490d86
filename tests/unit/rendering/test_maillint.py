"""What mail programs cannot show: of our own mails, and of what others bring."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pressrun.domain.letters import Letter
from pressrun.domain.markup import SITE
from pressrun.rendering import maillint
from tests.unit.rendering.test_mail import ARTICLE, every_letter, letter

EVERYTHING = (
    f'<h2 id="s-x">One</h2><p>Text <a href="{SITE}/tides/#s-x">up</a> <em>a</em> <strong>b</strong> <code>c</code>'
    f'<del>d</del> <mark>e</mark> <abbr title="x">f</abbr> <ruby>g<rt>h</rt></ruby><bdi>i</bdi><q>j</q>'
    f' <a href="mailto:a@example.org">k</a> <time datetime="2026">l</time> H<sub>2</sub></p>'
    f'<figure class="wide"><picture><source srcset="{SITE}/a.avif"><img src="{SITE}/a.png" alt="A" sizes="9px"'
    f' srcset="{SITE}/b.png 2x" loading="lazy"></picture><figcaption>A</figcaption></figure>'
    f'<video src="{SITE}/f.mp4" poster="{SITE}/p.jpg"></video><audio src="{SITE}/a.mp3"></audio>'
    f'<img src="{SITE}/d.svg" alt="D"><details open=""><summary>S</summary><p>Z</p></details><aside>A</aside>'
    '<blockquote><p>Q</p></blockquote><pre class="highlight"><code><span class="hl-k">def</span></code></pre>'
    '<table><thead><tr><th scope="col" align="right">A</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>'
    '<ul class="contains-task-list"><li class="task-list-item"><input type="checkbox" disabled=""> t</li></ul>'
    "<dl><dt>a</dt><dd>b</dd></dl><hr><address>x</address>"
)


def ours() -> list[Letter]:
    return every_letter(article=replace(ARTICLE, html=EVERYTHING))


def test_our_own_mails_use_nothing_that_somebody_lacks_unless_we_say_why() -> None:
    assert [maillint.findings(one) for one in ours()] == [()] * 6


def test_no_exception_is_made_for_what_we_do_not_use() -> None:
    used = set().union(*(maillint.used(one.html) for one in ours()))
    assert set(maillint.HARMLESS) <= used
    assert all(maillint.HARMLESS.values())


@pytest.mark.parametrize(
    ("markup", "title"),
    [
        ('<p style="display: flex">x</p>', "display:flex"),
        ('<p style="width: calc(100% - 3px)">x</p>', "CSS calc() function"),
        ('<p style="margin: 2rem">x</p>', "rem unit"),
        ("<style>a:hover { position: absolute }</style>", ":hover"),
        ("<style>@font-face { src: url(x) }</style>", "@font-face"),
        ("<style>:root { --x: 1 } p { color: var(--x) }</style>", "CSS Variables (Custom Properties)"),
        ("<section>x</section>", "HTML5 semantics"),
        ("<picture><img src='a.png' alt=''></picture>", "<picture> element"),
        ("<video src='a.mp4'></video>", "<video> element"),
        ("<img alt='' src='a.webp'>", "webP image format"),
        ("<img alt='' src='data:image/png;base64,x'>", "Base 64 image format"),
        ("<input type='checkbox'>", '<input type="checkbox"> element'),
        ("<p hidden>x</p>", "hidden attribute"),
    ],
)
def test_a_feature_that_a_mail_program_lacks_is_named_with_the_program(markup: str, title: str) -> None:
    found = [
        text for text in maillint.findings(replace(letter(), html=markup)) if text.startswith(f"{title} is")
    ]
    assert len(found) == 1
    assert any(client in found[0] for client in ("Outlook", "Gmail", "Yahoo"))


def test_missing_texts_and_addresses_are_named() -> None:
    html = '<p><img src="https://example.org/a.png"><a>nowhere</a><a name="x"></a><a href="/x">y</a></p>'
    assert maillint.findings(replace(letter(), html=html)) == (
        "the picture https://example.org/a.png has no alternative text: say what it shows",
        "the link “nowhere” leads nowhere: give it an address",
    )


def test_a_mail_that_gmail_would_clip_is_named() -> None:
    long = replace(letter(), html=f"<p>{'x' * 100_001}</p>")
    assert maillint.findings(long) == (
        "the HTML has 100,008 bytes, of which Gmail shows about 100,000: shorten it",
    )
    shortened = letter(replace(ARTICLE, html="<p>Word.</p>" * 9_000))
    assert "the mail holds less, and a link to the rest" in maillint.findings(shortened)[0]


def test_the_data_come_with_their_licence() -> None:
    folder = Path(maillint.__file__).parent
    assert "MIT License" in (folder / "clients.NOTICE").read_text()
    assert len(json.loads((folder / "clients.json").read_text())["features"]) > 300
