"""Templates that a publication brings: what they may change, and what they cannot reach or exhaust."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pressrun.domain.publication import Publication
from pressrun.errors import Invalid
from pressrun.rendering.pages import article_page, gone_page, not_found_page
from pressrun.rendering.rehearsal import FULL, rehearse
from pressrun.rendering.shipped import shipped
from pressrun.rendering.theme import Theme

PUBLICATION = Publication(title="Harbour", url="https://example.org")


def render(text: str) -> str:
    return not_found_page(Theme(PUBLICATION, {"web/missing.html": text})).decode()


def test_a_template_extends_the_shipped_one_of_its_name() -> None:
    text = '{% extends "shipped/web/missing.html" %}{% block main %}<hr>{{ super() }}{% endblock %}'
    page = render(text)
    assert "<main" in page
    assert page.index("<hr>") < page.index("There is no such page</h1>")


def test_a_brought_frame_changes_every_page() -> None:
    text = '{% extends "shipped/web/base.html" %}{% block main %}{{ site.title|upper }}{% endblock %}'
    theme = Theme(PUBLICATION, {"web/base.html": text, "web/gone.html": '{% extends "web/base.html" %}'})
    assert b"HARBOUR" in gone_page(theme)
    assert b"HARBOUR" not in not_found_page(theme)


def test_a_brought_template_can_include_another() -> None:
    theme = Theme(PUBLICATION, {"web/missing.html": "{% include 'web/mine.html' %}", "web/mine.html": "mine"})
    assert not_found_page(theme) == b"mine"


def test_a_brought_template_shows_the_most_read_articles() -> None:
    """As the README says: a list for the script to fill in, and the script, under the publication's base."""
    text = (
        '{% extends "shipped/web/missing.html" %}{% import "web/parts.html" as parts with context %}'
        '{% block main %}{{ parts.popular("week", 5) }}{% endblock %}'
    )
    theme = Theme(replace(PUBLICATION, url="https://example.org/blog"), {"web/missing.html": text})
    page = not_found_page(theme).decode()
    assert f'<script src="/blog{theme.script_path("views")}" defer></script>' in page
    assert 'data-popular="week" data-limit="5" data-totals="/blog/views/totals/popular.json"' in page
    assert 'data-one="{count} view" data-other="{count} views" hidden></ol>' in page


def test_shipped_templates_print_the_same_in_the_sandbox() -> None:
    boxed = Theme(PUBLICATION, {"web/gone.html": shipped()["web/gone.html"]})
    assert rehearse(boxed) == rehearse(Theme(PUBLICATION))


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ''|attr('__class__') }}",
        "{{ t.__globals__ }}",
        "{{ t.__self__ }}",
        "{{ page.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ self._TemplateReference__context }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{% for x in ''.__class__.__base__.__subclasses__() %}{% endfor %}",
        "{{ config }}{{ request }}",
        "{{ site }}",
    ],
)
def test_nothing_but_what_is_given_can_be_reached(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        render(f"line one\n{text}")
    assert str(caught.value).startswith("templates/web/missing.html:2: cannot be rendered: ")


@pytest.mark.parametrize("name", ["/etc/passwd", "../pyproject.toml", "web/../../README.md", "web/none.html"])
@pytest.mark.parametrize("tag", ["include", "extends", "import"])
def test_no_file_can_be_read(tag: str, name: str) -> None:
    with pytest.raises(Invalid, match=r"missing\.html:2: there is no template"):
        render(f"\n{{% {tag} '{name}' {'as x ' if tag == 'import' else ''}%}}")
    with pytest.raises(Invalid):
        render(f"{{% set name = '{name}' %}}{{% include name %}}")


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in range(1000000000) %}x{% endfor %}",
        "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
        "{% set r = range(9999)|list %}{% for a in r %}{% for b in r %}{% endfor %}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 'a'.center(1000000000) }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ '%999999999d' % 1 }}",
        "{{ 'x'|center(1000000000) }}",
        "{% set n = namespace(x='a' * 999) %}{% for i in range(40) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{% set n = namespace(x='a' * 999) %}{% for i in range(40) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x='a') %}{% for i in range(40) %}{% set n.x %}{{ n.x }}{{ n.x }}{% endset %}"
        "{% endfor %}",
        "{% set n = namespace(x='a' * 9999) %}{{ n.x|replace('a', n.x) }}",
        "{% set n = namespace(x=[1]) %}{% for i in range(40) %}{% set n.x = [n.x, n.x] %}{% endfor %}"
        "{{ n.x }}",
        "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% extends 'web/missing.html' %}",
    ],
)
def test_neither_time_nor_memory_can_be_exhausted(text: str) -> None:
    """Each of these would run for ever, or out of memory."""
    with pytest.raises(Invalid):
        render(text)


def test_what_is_broken_is_refused_before_anything_is_rendered() -> None:
    with pytest.raises(Invalid) as caught:
        Theme(PUBLICATION, {"web/article.html": "fine\n{% if %}"})
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == ("templates/web/article.html", 2)
    assert problem.todo.startswith("mend this line")


def test_a_rehearsal_finds_a_name_that_nothing_fills() -> None:
    theme = Theme(PUBLICATION, {"web/article.html": "\n\n{{ artikle.title }}"})
    with pytest.raises(Invalid, match=r"templates/web/article\.html:3: .*'artikle' is undefined"):
        rehearse(theme)


def test_templates_cannot_change_what_other_pages_see() -> None:
    theme = Theme(PUBLICATION, {"web/missing.html": "{% set site = 1 %}{% set t = 2 %}{{ site }}"})
    before = article_page(theme, FULL)
    assert not_found_page(theme) == b"1"
    assert article_page(theme, FULL) == before


def test_plain_texts_are_not_escaped_and_pages_are() -> None:
    theme = Theme(PUBLICATION, {"web/missing.html": "{{ '<b>' }}", "email/x.txt": "{{ '<b>' }}"})
    assert theme.render("email/x.txt") == "<b>"
    assert not_found_page(theme) == b"&lt;b&gt;"


@pytest.mark.parametrize("text", ['\n{% extends "web/base.html" %}', '\n{% include "web/base.html" %}'])
def test_a_template_that_leads_to_itself_is_named_with_its_line(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        rehearse(Theme(Publication(), {"web/base.html": text}))
    (problem,) = refused.value.problems
    assert (problem.file, problem.line) == ("templates/web/base.html", 2)
    assert "goes round in a circle" in problem.what
    assert "shipped/web/base.html" in problem.todo
