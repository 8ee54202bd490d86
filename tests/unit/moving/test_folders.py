"""Moving in from site generators: front matter stays as it is, and so do addresses."""
# ruff: noqa: E501 - sources of other systems, line by line

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pressrun.parsing.moving.folders import amended
from tests.unit.moving.conftest import PIXEL, Move

Tree = Callable[[dict[str, str | bytes]], Path]
BLOG = Path(__file__).parents[4] / "shared/data/content/rust-blog"

HUGO: dict[str, str | bytes] = {
    "hugo.toml": 'baseURL = "https://old.example.org/"\ntitle = "The Tide Table"\nlanguageCode = "en-gb"\n'
    '[params]\ndescription = "Letters about water"\n[permalinks]\nnotes = "/:year/:month/:slug/"\n',
    "content/posts/Tide-Tables.md": '+++\ntitle = "The tide tables of 1842"\ndate = 2024-05-02T09:30:00Z\n'
    'tags = ["Tides"]\nauthors = ["Ada Marsh"]\naliases = ["/older/"]\n[extra]\nmood = "calm"\n+++\n\nPrinted in **Lisbon**. '
    'See [the other]({{< ref "moon/index.md" >}}).\n\n{{< figure src="/images/table.png" alt="A table" >}}\n\n'
    "{{< tweet 7 >}}\n",
    "content/posts/moon/index.md": "---\ntitle: Moon\ndate: 2024-05-01\nresources:\n- src: moon.png\n---\n\n![Moon](moon.png)\n",
    "content/posts/moon/moon.png": PIXEL,
    "content/posts/moon/extra.md": "---\ntitle: Extra\n---\n\nOf the bundle.\n",
    "config/_default/languages.toml": '[en]\ntitle = "Tides"\n[de]\ncontentDir = "content/de"\n',
    "content/posts/kelp.en.md": "---\ntitle: Kelp\ndate: 2024-04-03\n---\n\nGreen.\n",
    "content/de/posts/Ebbe.md": "---\ntitle: Ebbe\ndate: 2024-04-03\n---\n\nWeit.\n",
    "content/posts/_index.md": "---\ntitle: Posts\n---\n\nAll of them.\n",
    "content/notes/short.md": '{\n  "title": "Short",\n  "date": "2024-04-01",\n  "categories": ["Notes"]\n}\n\nJSON above.\n',
    "content/notes/draft.md": "---\ntitle: Not yet\ndraft: true\ndate: 2024-04-02\n---\n\nSoon.\n",
    "content/notes/odd.org": "#+TITLE: Org\n",
    "content/notes/broken.md": "---\ntitle: [\n---\n\nx\n",
    "static/images/table.png": PIXEL,
    "static/css/main.css": "p {}",
}


def test_hugo_keeps_addresses_front_matter_and_bundles(move: Move, tree: Tree) -> None:
    """Permalinks of the configuration, pictures of bundles and of static; shortcodes are written as Markdown or named."""
    assert move("import", "hugo", tree(HUGO)) == 1
    assert "content/posts/Tide-Tables.md:15: “The tide tables of 1842” uses the shortcode tweet" in move.err
    assert "content/posts/moon/extra.md: is a file of its bundle" in move.err.replace("[/]", "")
    assert "content/notes/odd.org: is written in org" in move.err
    assert "content/notes/broken.md:" in move.err
    assert "is the text of a list page" in move.err
    assert "files of the theme and its tools are left: 1 .css" in move.err
    entries = move.published()
    assert set(entries) == {"The tide tables of 1842", "Moon", "Short", "Kelp", "Ebbe"}
    assert "Green." in move.page("posts/kelp")
    assert 'lang="de"' in move.page("de/posts/ebbe")
    assert [one.name for one in entries["The tide tables of 1842"].authors] == ["Ada Marsh"]
    page = move.page("posts/tide-tables")
    assert 'src="/images/table.png"' in page
    assert 'href="/posts/moon/"' in page
    assert 'src="/posts/moon/moon.png"' in move.page("posts/moon")
    assert "JSON above." in move.page("2024/04/short")
    assert (move.folder / ".pressrun/site/older/index.html").exists()
    assert 'description = "Letters about water"' in move.text("pressrun.toml")
    assert '[extra]\nmood = "calm"' in move.text("posts/Tide-Tables.md")


JEKYLL: dict[str, str | bytes] = {
    "_config.yml": "title: The Tide Table\nurl: https://old.example.org\nbaseurl: ''\nauthor:\n  name: Ada Marsh\n"
    "timezone: Europe/Lisbon\ndescription: >-\n  Letters about\n  water\n",
    "_posts/2024-05-02-tide-tables.md": "---\nlayout: post\ntitle: The tide tables of 1842\ncategories: [print]\n"
    "redirect_from:\n  - /older/\n---\nPrinted in **Lisbon**.\n\n{% highlight ruby %}\nputs 1\n{% endhighlight %}\n\n"
    "[Moon]({% post_url 2024-05-01-moon %}) ![A table]({{ site.baseurl }}/images/table.png)\n\n{% include chart.html %}\n",
    "_posts/2024-05-01-moon.markdown": "---\ntitle: Moon\n---\nUp there. {{ page.title }}\n",
    "_posts/undated.md": "---\ntitle: Undated\n---\nx\n",
    "_drafts/soon.md": "---\ntitle: Soon\n---\nx\n",
    "about.md": "---\ntitle: About\npermalink: /about.html\n---\nUs.\n",
    "moved.md": "---\nredirect_to: https://elsewhere.example.net/\n---\n",
    "README.md": "# Not a page\n",
    "index.html": "---\nlayout: home\n---\n{% for post in site.posts %}{% endfor %}\n",
    "images/table.png": PIXEL,
    "_layouts/post.html": "{{ content }}",
    "Gemfile": "gem 'jekyll'",
}


def test_jekyll_keeps_addresses_and_names_what_liquid_did(move: Move, tree: Tree) -> None:
    """The default permalink has categories and the date, and ends in .html: that redirects."""
    assert move("import", "jekyll", tree(JEKYLL)) == 1
    assert "2024-05-02-tide-tables.md:16: “The tide tables of 1842” uses Liquid: {% include" in move.err
    assert "uses Liquid: {{ page.title" in move.err
    assert "moved.md: only redirects, to https://elsewhere.example.net/" in move.err
    assert "_posts/undated.md: has no date in its name" in move.err
    assert "README.md: has no front matter" in move.err
    entries = move.published()
    assert set(entries) == {"The tide tables of 1842", "Moon", "About"}
    assert entries["Moon"].published_parsed[:3] == (2024, 4, 30)  # midnight in Lisbon, said in UTC
    page = move.page("print/2024/05/02/tide-tables")
    assert 'href="/2024/05/01/moon/"' in page
    assert 'src="/images/table.png"' in page
    assert "highlight" in page and "endhighlight" not in page
    site = move.folder / ".pressrun" / "site"
    for old in ("print/2024/05/02/tide-tables.html", "older/index.html", "about.html"):
        assert (site / old).exists(), old
    assert not (site / "soon").exists()


PELICAN: dict[str, str | bytes] = {
    "pelicanconf.py": "import os\nAUTHOR = 'Ada Marsh'\nSITENAME = 'The Tide Table'\nSITEURL = 'https://old.example.org'\n"
    "PATH = 'content'\nTIMEZONE = 'Europe/Lisbon'\nDEFAULT_LANG = 'en'\nos.system('touch ran')\n"
    "ARTICLE_URL = '{date:%Y}/{slug}/'\nARTICLE_SAVE_AS = '{date:%Y}/{slug}/index.html'\n",
    "content/water/tides.md": "Title: The tide tables of 1842\nDate: 2024-05-02 09:30\nTags: Tides, Print\nAuthors: Ada Marsh\n"
    "Summary: What a printer knew.\n\nPrinted in **Lisbon**. [Moon]({filename}/moon.md) "
    "![A table]({static}/images/table.png)\n",
    "content/moon.md": "Title: Moon\nDate: 2024-05-01\nSlug: the-moon\nStatus: published\n\nUp there.\n",
    "content/pages/about.md": "Title: About\n\nUs.\n",
    "content/old.html": '<html><head><title>Old</title><meta name="date" content="2020-01-02"></head><body><p>x</p></body></html>',
    "content/water/ebb.rst": "Ebb and flow\n############\n\n:date: 2024-04-30 07:15\n:tags: Tides, Print\n:modified: 2024-05-03\n"
    ":authors: Ada Marsh, Ben Quay\n\nTwice a ``day``, see `moon <{filename}/moon.md>`_ [1]_.\n\n.. image:: {static}/images/table.png\n"
    "   :alt: A table\n\n.. code-block:: python\n   :linenos: table\n\n   x = 1\n\n.. include:: /etc/passwd\n\n.. [1] Lisbon\n\nSpring\n======\n\nHigh.\n",
    "content/water/ebbe.rst": "Ebbe\n####\n\n:date: 2024-04-30\n:slug: ebb-and-flow\n:lang: de\n\nZweimal.\n",
    "content/bomb.rst": "Bomb\n####\n\n|b24|\n\n.. |b0| replace:: x\n"
    + "".join(f".. |b{n}| replace::\n   |b{n - 1}| |b{n - 1}|\n" for n in range(1, 25)),
    "content/note.adoc": "= Note\n",
    "content/images/table.png": PIXEL,
}


def test_pelican_keeps_addresses_and_runs_nothing(move: Move, tree: Tree) -> None:
    """Header lines stay header lines; a folder is a category."""
    assert move("import", "pelican", tree(PELICAN)) == 1
    assert not Path("ran").exists()
    assert "content/note.adoc: is written in adoc" in move.err
    assert "content/bomb.rst: its substitutions make more of each other" in move.err
    assert (
        'content/water/ebb.rst:19: “Ebb and flow” is not understood: "include" directive disabled' in move.err
    )
    entries = move.published()
    assert set(entries) == {"The tide tables of 1842", "Moon", "About", "Old", "Ebb and flow", "Ebbe"}
    entry = entries["Ebb and flow"]
    assert [one.term for one in entry.tags] == ["water", "Tides", "Print"]
    assert [one.name for one in entry.authors] == ["Ada Marsh", "Ben Quay"]
    assert entry.published_parsed[:5] == (2024, 4, 30, 6, 15)
    page = move.page("2024/ebb-and-flow")
    assert "Twice a <code>day</code>, see <a " in page
    assert ">Spring<a " in page
    assert 'src="/images/table.png"' in page
    assert '<code class="language-python">' in page
    assert "root:" not in page
    assert "Zweimal." in move.page("ebb-and-flow-de")
    assert {one.term for one in entries["The tide tables of 1842"].tags} == {"Tides", "Print", "water"}
    page = move.page("2024/the-tide-tables-of-1842")
    assert 'href="/2024/the-moon/"' in page
    assert 'src="/images/table.png"' in page
    assert "Us." in move.page("pages/about")
    assert (move.folder / ".pressrun/site/pages/about.html").exists()
    assert move.text("water/tides.md").startswith("Title: The tide tables of 1842\n")


ELEVENTY: dict[str, str | bytes] = {
    "eleventy.config.js": 'export default function (c) { c.addPassthroughCopy("src/img"); return { dir: { input: "src" } }; }',
    "package.json": "{}",
    "src/_data/metadata.json": '{"title": "The Tide Table", "url": "https://old.example.org/", "description": "Water",'
    ' "author": {"name": "Ada Marsh"}}',
    "src/posts/posts.json": '{"tags": ["posts"], "layout": "post.njk", "permalink": "/blog/{{ page.fileSlug }}/"}',
    "src/posts/2024-05-02-tide-tables.md": "---\ntitle: The tide tables of 1842\n---\n\nPrinted in **Lisbon**. ![A table](/img/table.png)\n",
    "src/posts/2024-05-01-moon.md": "---\ntitle: Moon\ntags: [sky]\npermalink: /moon.html\n---\n\nUp there. {% image 'x' %}\n",
    "src/posts/hidden.md": "---\ntitle: Hidden\npermalink: false\n---\nx\n",
    "src/about/index.md": "---json\n{\n  \"title\": \"About\",\n  \"date\": \"2024-01-01\"\n}\n---\n\nUs.\n",
    "src/404.md": "---\ntitle: Gone\npermalink: 404.html\n---\nNot here.\n",
    "src/program.md": "---js\n{ title: 'x' }\n---\nx\n",
    "src/index.njk": "---\npagination: x\n---\n",
    "src/img/table.png": PIXEL,
    "node_modules/x/readme.md": "---\ntitle: x\n---\n",
}  # fmt: skip


def test_eleventy_keeps_addresses_and_the_data_of_folders(move: Move, tree: Tree) -> None:
    """Permalinks of data files, tags that they add; what is a program is named and left."""
    assert move("import", "eleventy", tree(ELEVENTY)) == 1
    assert "src/posts/hidden.md: “Hidden” says that it is no page" in move.err
    assert "src/404.md: “Gone” is no article" in move.err
    assert "src/program.md:1: has a program for front matter" in move.err
    assert "src/posts/2024-05-01-moon.md:7: “Moon” uses a template: {% image" in move.err
    entries = move.published()
    assert set(entries) == {"The tide tables of 1842", "Moon", "About"}
    assert [one.term for one in entries["The tide tables of 1842"].tags] == ["posts"]
    assert 'src="/img/table.png"' in move.page("blog/tide-tables")
    assert "Up there." in move.page("moon")
    assert (move.folder / ".pressrun/site/moon.html").exists()


@pytest.mark.parametrize(
    ("system", "files"),
    [("hugo", HUGO), ("jekyll", JEKYLL), ("pelican", PELICAN), ("eleventy", ELEVENTY)],
)
def test_a_second_import_of_a_folder_changes_nothing(
    move: Move, tree: Tree, system: str, files: dict[str, str | bytes]
) -> None:
    """And each article says that it is not to be mailed."""
    root = tree(files)
    move("import", system, root)
    before = move.files()
    assert all(b"newsletter" in body for key, body in before.items() if key.endswith((".md", ".html")))
    move("import", system, root)
    assert move.files() == before
    assert "0 articles written, 0 files" in move.out


def test_links_of_a_folder_are_not_followed(move: Move, tree: Tree) -> None:
    """Neither to files nor to folders."""
    root = tree(HUGO)
    (root / "content" / "posts" / "passwd.md").symlink_to("/etc/passwd")
    (root / "content" / "etc").symlink_to("/etc")
    assert move("import", "hugo", root) == 1
    assert "passwd.md: is a link, which is not followed" in move.err
    assert not any("passwd" in name for name in move.files())


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("---\ntitle: x\naliases:\n- /a/\n- /b/\ntags: [t]\n---\nbody", '---\naliases: ["/c"]\nnewsletter: false\ntitle: x\ntags: [t]\n---\nbody'),
        ("+++\ntitle = 'x'\nnewsletter = true\n[extra]\na = 1\n+++\nbody", "+++\naliases = [\"/c\"]\nnewsletter = false\ntitle = 'x'\n[extra]\na = 1\n+++\nbody"),
        ("Title: x\nTags: t\n\nbody", "Title: x\naliases: /c\nnewsletter: false\nTags: t\n\nbody"),
        ("body --- of it", '---\naliases: ["/c"]\nnewsletter: false\n---\n\nbody --- of it'),
    ],
)  # fmt: skip
def test_fields_are_added_in_the_files_own_notation(text: str, after: str) -> None:
    """In place of what stood there under the name; all else stays as it was."""
    assert amended(text, {"aliases": ["/c"], "newsletter": False}) == after


@pytest.mark.slow
@pytest.mark.skipif(not BLOG.exists(), reason="the blog's sources are not here")
def test_a_real_blog_moves_in_whole(move: Move) -> None:
    """The Rust blog's folder: every article at its address, and each old address redirects."""
    move("import", "hugo", BLOG)
    articles = [
        path for path in BLOG.rglob("*.md") if not path.name.startswith("_") and path.name != "README.md"
    ]
    assert f"{len(articles)} articles written" in move.out
    assert move("check", move.content) == 0, move.out
    assert move("publish") == 0, move.err
    assert "Core" in move.page("2014/12/12/Core-Team")
    assert (move.folder / ".pressrun/site/2014/12/12/Core-Team.html").exists()
