"""Mails as letters: what an article, a digest and the notices become."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import html

from pressrun.domain.articles import Article, Card, Enclosure, Image
from pressrun.domain.letters import PLACE, Letter, Recipient, place
from pressrun.domain.markup import SITE
from pressrun.domain.newsletters import MailSettings, Newsletter
from pressrun.domain.publication import Publication
from pressrun.errors import Invalid
from pressrun.rendering import mail
from pressrun.rendering.mime import Composer
from pressrun.rendering.rehearsal import rehearse
from pressrun.rendering.shipped import shipped
from pressrun.rendering.theme import Theme

DATE = datetime(2026, 3, 1, 12, tzinfo=UTC)
PUBLICATION = Publication(
    title="The Harbour",
    url="https://example.org/blog",
    id_authority="example.org,2020",
    mail=MailSettings(unsubscribe_address="leave@example.org"),
)
WEEKLY = Newsletter(
    slug="weekly",
    name="Harbour Weekly",
    sender="post@example.org",
    reply_to="desk@example.org",
    postal_address="The Harbour\nQuay 1\nOldehaven",
)
ARTICLE = Article(
    id="tag:example.org,2026:tides",
    source="tides.md",
    path="tides/",
    title="The tide is late",
    html=f'<p>Text with a <a href="{SITE}/about/">link</a> and <img src="{SITE}/wide.png" alt="A wall" width="1200"'
    ' height="800" srcset="x 2x" loading="lazy">.</p>',
    date=DATE,
    updated=DATE,
    authors=("Ana", "Tomás"),
    summary="Fifty minutes a day.",
)
THEME = Theme(PUBLICATION)


def letter(article: Article = ARTICLE, theme: Theme = THEME, newsletter: Newsletter = WEEKLY) -> Letter:
    return mail.article_letter(theme, newsletter, article, date=DATE)


def body(markup: str, **changes: Any) -> Any:
    """The parsed HTML of a mail whose article holds `markup`."""
    return html.fromstring(letter(replace(ARTICLE, html=markup, **changes)).html)


def notices(theme: Theme = THEME, **options: Any) -> list[Letter]:
    kinds = (mail.confirm_letter, mail.welcome_letter, mail.known_letter)
    return [make(theme, [WEEKLY], date=DATE, **options) for make in kinds]


def every_letter(theme: Theme = THEME, article: Article = ARTICLE) -> list[Letter]:
    return [
        letter(article, theme),
        mail.correction_letter(theme, WEEKLY, article, note="Five metres,\nnot four.\n\nSorry.", date=DATE),
        mail.digest_letter(theme, WEEKLY, [article], date=DATE),
        *notices(theme),
    ]


def test_a_newsletter_carries_the_headers_that_bulk_mail_needs() -> None:
    headers = dict(letter().headers)
    assert headers["List-Id"] == "<weekly.example.org>"
    assert headers["List-Unsubscribe"] == (
        f"<{place('unsubscribe')}>, <mailto:leave@example.org?subject=unsubscribe%20weekly>"
    )
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Archive"] == "<https://example.org/blog/archive/>"
    assert re.fullmatch(r"20260301:article:weekly:[0-9a-f]{12}", headers["Feedback-ID"])
    assert "Auto-Submitted" not in headers


def test_without_a_mailbox_there_is_the_https_way_alone() -> None:
    headers = dict(letter(theme=Theme(replace(PUBLICATION, mail=MailSettings()))).headers)
    assert headers["List-Unsubscribe"] == f"<{place('unsubscribe')}>"


def test_notices_are_answers_and_no_mailings() -> None:
    assert [notice.headers for notice in notices()] == [(("Auto-Submitted", "auto-generated"),)] * 3


def test_each_letter_leads_to_where_its_reader_can_act() -> None:
    found = [set(PLACE.findall(one.html)) for one in every_letter()]
    assert found == [{"unsubscribe", "preferences"}] * 3 + [{"confirm"}, {"preferences"}, {"preferences"}]
    assert [set(PLACE.findall(one.text)) for one in every_letter()] == found


def test_both_bodies_show_the_postal_address() -> None:
    for one in every_letter():
        for line in ("Quay 1", "Oldehaven"):
            assert line in one.text
            assert line in one.html


def test_the_sender_is_the_newsletter() -> None:
    assert letter().sender.name == "Harbour Weekly"
    assert letter().domain == "example.org"
    assert letter().reply_to is not None
    named = letter(newsletter=replace(WEEKLY, sender_name="Ana from the Harbour"))
    assert named.sender.name == "Ana from the Harbour"


def test_front_matter_gives_another_subject_and_preheader() -> None:
    one = letter(replace(ARTICLE, extra={"subject": "Late again", "preheader": "By an hour"}))
    tree = html.fromstring(one.html)
    assert one.subject == tree.findtext(".//title") == "Late again"
    assert tree.xpath('string(//div[@class="preheader"])').startswith("By an hour ")


def test_the_preheader_comes_first_and_is_hidden() -> None:
    first = html.fromstring(letter().html).find("body")[0]
    assert first.text_content().startswith("Fifty minutes a day. ")
    assert "display: none" in first.get("style")


def test_the_frame_says_language_and_keeps_layout_out_of_the_way() -> None:
    for one in every_letter():
        tree = html.fromstring(one.html)
        assert (tree.get("lang"), tree.get("dir")) == ("en", "ltr")
        assert tree.xpath("//meta[@name='color-scheme']/@content") == ["light dark"]
        assert {table.get("role") for table in tree.iter("table")} == {"presentation"}
        assert len(tree.xpath("//h1")) == 1
        assert "prefers-color-scheme: dark" in one.html
        assert tree.xpath("//style[not(contains(., '@media'))] | //link | //script") == []


def test_addresses_are_absolute_in_both_bodies() -> None:
    one = letter(replace(ARTICLE, image=Image(src=f"{SITE}/a.jpg", alt="A")))
    addresses = html.fromstring(one.html).xpath("//@href | //@src")
    assert [a for a in addresses if not a.startswith(("https://example.org/blog/", "\ufdd4"))] == []
    assert "https://example.org/blog/about/" in one.text


def test_no_picture_is_wider_than_the_mail_and_none_is_fetched_twice() -> None:
    image = body(ARTICLE.html).xpath("//img[@alt='A wall']")[0]
    assert (image.get("width"), image.get("height")) == ("600", "400")
    assert "max-width: 100%" in image.get("style")
    assert image.get("srcset") is image.get("loading") is None


def test_what_mail_cannot_show_becomes_a_link() -> None:
    tree = body(
        f'<p>Before <video src="{SITE}/f.mp4" title="The flood"><track src="{SITE}/f.vtt"></video> after</p>'
        f'<audio><source src="{SITE}/a.mp3"></audio>'
        f'<p><img src="{SITE}/d.svg" alt="A drawing"></p>'
    )
    content = {a.text_content(): a.get("href") for a in tree.iter("a")}
    assert content["▶︎ Watch: The flood"] == "https://example.org/blog/f.mp4"
    assert content["▶︎ Listen: a.mp3"] == "https://example.org/blog/a.mp3"
    assert content["[Image: A drawing]"] == "https://example.org/blog/d.svg"
    assert tree.xpath("//video | //audio | //source | //track") == []
    assert " after" in tree.text_content()


def test_folded_text_stands_open_and_tasks_are_signs() -> None:
    tree = body(
        "<details><summary>More</summary><p>Hidden</p></details>"
        '<ul><li class="task-list-item"><input type="checkbox" checked="" disabled=""> done</li>'
        '<li class="task-list-item"><input type="checkbox" disabled=""> open</li></ul>'
    )
    assert tree.xpath("//p[@class='summary']/text()") == ["More"]
    assert "☑ done" in tree.text_content()
    assert "☐ open" in tree.text_content()
    assert tree.xpath("//details | //input") == []


def test_footnotes_lead_to_their_place_in_the_mail() -> None:
    page = f"{SITE}/tides/"
    tree = body(
        f'<p>Text<sup class="footnote-ref"><a href="{page}#s-fn-1" id="s-fnref-1">1</a></sup></p>'
        f'<section class="footnotes"><ol><li id="s-fn-1"><p>A note. <a href="{page}#s-fnref-1"'
        ' class="footnote-backref">↩</a></p></li></ol></section><h2 id="s-x">Other</h2>'
    )
    names = {a.get("name") for a in tree.iter("a")} - {None}
    links = {a.get("href") for a in tree.iter("a") if (a.get("href") or "").startswith("#")}
    assert links == {f"#{name}" for name in names} == {"#s-fn-1", "#s-fnref-1"}
    assert set(tree.xpath("//@id")) == names


def test_code_wraps_and_keeps_its_colours() -> None:
    tree = body('<pre class="highlight"><code><span class="hl-k">def</span> x</code></pre>')
    block = tree.xpath("//pre")[0]
    assert "white-space: pre-wrap" in block.get("style")
    assert "color: #a3124a" in block.xpath(".//span")[0].get("style")


def test_a_table_has_borders_without_a_style_sheet() -> None:
    table = body("<table><tr><td>1</td></tr></table>").xpath("//table[@class='grid']")[0]
    assert (table.get("border"), table.get("cellpadding"), table.get("role")) == ("1", "7", None)


def test_an_enclosure_is_a_link() -> None:
    audio = Enclosure(src=f"{SITE}/a.mp3", type="audio/mpeg", duration=90)
    one = letter(replace(ARTICLE, audio=audio))
    assert "Listen to this article (1:30): https://example.org/blog/a.mp3" in one.text
    assert html.fromstring(one.html).xpath("//a[@href='https://example.org/blog/a.mp3']")


def test_past_gmails_limit_the_mail_carries_the_summary() -> None:
    one = letter(replace(ARTICLE, html="<p>Many words.</p>" * 6_000))
    assert one.shortened > mail.MAX_HTML > mail.html_bytes(one)
    tree = html.fromstring(one.html)
    assert tree.xpath("//a[.='Read on']/@href") == ["https://example.org/blog/tides/"]
    assert "Fifty minutes a day." in tree.text_content()
    assert one.text.count("Many words.") == 6_000  # the text part stays complete
    assert letter().shortened == 0


def test_a_digest_past_the_limit_counts_what_it_leaves_out() -> None:
    cards = [
        Card(id=str(n), path=f"p{n}/", title=f"Number {n}", date=DATE, updated=DATE, summary="Word " * 60)
        for n in range(300)
    ]
    one = mail.digest_letter(THEME, WEEKLY, cards, date=DATE)
    shown = len(html.fromstring(one.html).xpath("//h2"))
    assert 50 < shown < 300
    assert one.shortened > mail.MAX_HTML > mail.html_bytes(one) > 0.8 * mail.MAX_HTML
    assert f"{300 - shown} more articles are on the site." in one.html
    assert one.text.count("Number ") == shown


def test_a_digest_lists_its_articles_in_their_order() -> None:
    second = replace(ARTICLE, title="Neap", path="neap/", language="de", summary="Klein.")
    one = mail.digest_letter(THEME, WEEKLY, [ARTICLE, second], date=DATE)
    tree = html.fromstring(one.html)
    assert one.subject == "Harbour Weekly: March 1, 2026"
    assert tree.xpath("//h2//text()") == ["The tide is late", "Neap"]
    assert tree.xpath("//div[@class='entry']/@lang") == ["de"]
    assert one.text.index("The tide is late") < one.text.index("https://example.org/blog/neap/")


def test_a_digest_is_called_by_its_day() -> None:
    theme = Theme(replace(PUBLICATION, timezone="Pacific/Auckland"))
    assert mail.digest_letter(theme, WEEKLY, [ARTICLE], date=DATE).subject == "Harbour Weekly: March 2, 2026"


def test_a_correction_says_so_before_the_article() -> None:
    one = every_letter()[1]
    assert one.subject == "Correction: The tide is late"
    assert one.text.index("Five metres, not four.") < one.text.index("Text with a link")
    assert "Sorry." in one.html


def test_mails_speak_the_language_that_is_asked_for() -> None:
    confirm, welcome, known = notices(language="de")
    assert confirm.subject == "Bitte bestätigen Sie Ihr Abonnement von The Harbour"
    assert html.fromstring(welcome.html).get("lang") == "de"
    assert "Einstellungen ändern" in known.text
    assert "Se désabonner" in letter(newsletter=replace(WEEKLY, language="fr")).text


def test_a_confirmation_says_for_how_long_it_is_good() -> None:
    theme = Theme(replace(PUBLICATION, mail=MailSettings(confirm_hours=1)))
    assert "The link works for 1 hour." in notices(theme)[0].text


def test_the_same_values_make_the_same_letter() -> None:
    assert every_letter(Theme(PUBLICATION)) == every_letter(Theme(PUBLICATION))


def test_every_letter_can_be_composed() -> None:
    links = {name: f"https://example.org/{name}" for name in ("unsubscribe", "preferences", "confirm")}
    reader = Recipient(id="1", address="reader@example.org", values=links)
    for one in every_letter():
        made = Composer(one).message(reader, message_id="a@example.org")
        assert max(map(len, made.split(b"\r\n"))) < 200
        assert b"\xef\xb7" not in made


def test_nothing_spies_on_who_reads() -> None:
    """One picture is the article's own; no link leads elsewhere than it says."""
    tree = html.fromstring(letter().html)
    assert tree.xpath("//img/@src") == ["https://example.org/blog/wide.png"]


def test_a_publication_overrides_a_mail_by_name() -> None:
    theme = Theme(
        PUBLICATION,
        {
            "email/article.txt": "{{ piece.title }} for {{ place.name }}",
            "email/article.subject.txt": "News: {{ piece.title }}",
            "email/style.css": "h1 { color: #123456 }",
        },
    )
    one = letter(theme=theme)
    assert one.text == f"The tide is late for {place('name')}\n"
    assert one.subject == "News: The tide is late"
    assert "color: #123456" in one.html


def test_a_newsletter_has_a_template_of_its_own() -> None:
    brought = {"email/letter.html": "<p>{{ piece.title }}</p>", "email/letter.txt": "{{ body }}"}
    one = letter(theme=Theme(PUBLICATION, brought), newsletter=replace(WEEKLY, template="letter"))
    assert "<p>The tide is late</p>" in one.html
    assert one.subject == "The tide is late"


def test_a_broken_override_is_refused_at_its_line() -> None:
    theme = Theme(PUBLICATION, {"email/article.html": "<p>\n{{ nothing }}</p>"})
    with pytest.raises(Invalid) as caught:
        letter(theme=theme)
    assert (caught.value.problems[0].file, caught.value.problems[0].line) == (
        "templates/email/article.html",
        2,
    )


@pytest.mark.parametrize("char", ["\n", "\0", "\x0b", "\x85", "\u2028", "\u202e"])
def test_a_title_that_would_end_or_disguise_the_subject_is_refused(char: str) -> None:
    with pytest.raises(Invalid) as caught:
        letter(replace(ARTICLE, title=f"Late{char}Bcc: all@example.org"))
    assert caught.value.problems[0].file == "tides.md"
    assert "subject" in caught.value.problems[0].todo


def test_a_sender_that_needs_smtputf8_is_refused() -> None:
    with pytest.raises(Invalid, match="SMTPUTF8"):
        letter(newsletter=replace(WEEKLY, sender="größe@example.org"))


def test_a_template_that_is_not_there_is_refused() -> None:
    with pytest.raises(Invalid, match=r"there is no templates/email/none\.html"):
        letter(newsletter=replace(WEEKLY, template="none"))


@pytest.mark.parametrize(
    "name", [name for name in shipped() if name.startswith("email/") and "style" not in name]
)
def test_every_mail_template_is_tried_before_it_is_taken_into_force(name: str) -> None:
    broken = shipped()[name] + "{{ nothing }}"
    if "extends" in broken:
        broken = broken.replace("{% block ", "{% block extra %}{% endblock %}{% block ", 1)
        broken = re.sub(r"({% block (?!extra)\w+ %})", r"\1{{ nothing }}", broken, count=1)
    with pytest.raises(Invalid, match="'nothing' is undefined"):
        rehearse(Theme(PUBLICATION, {name: broken}))
