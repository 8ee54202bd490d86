"""Writing on the desk: a text, what is wrong with it, and what readers would see of it."""

from __future__ import annotations

from html import escape
from re import DOTALL
from re import compile as pattern
from typing import Final

from pressrun.domain.letters import shown_mail
from pressrun.domain.uploads import upload_key, upload_problem
from pressrun.errors import Conflict, NotFound, PressrunError
from pressrun.parsing.keys import is_article
from pressrun.rendering.theme import Theme
from pressrun.server.desk.room import Visit, looked, said
from pressrun.server.messages import Answer
from pressrun.services.draft import Draft, look_at, name_for
from pressrun.services.editing import as_draft, difference

MAX_TEXT: Final = 2_000_000  # characters
_START: Final = "---\ntitle: \ntags: []\nsummary: \n---\n\n"
_LOST: Final = "<!doctype html><meta charset=utf-8><p>This preview is over; change the text for another.</p>"


def write(visit: Visit) -> Answer:
    """The editor, with a file or without."""
    key = visit.query.get("key")
    text, etag = _START, ""
    if key:
        blob = visit.room.editing.read(key)
        if blob is None or not is_article(key):
            raise NotFound(f"there is no article {key[:200]}")
        text, etag = blob.body.decode("utf-8", "replace"), blob.etag
    return _editor(visit, key, text, etag)


def _editor(
    visit: Visit, key: str, text: str, etag: str, conflict: str | None = None, *, named: bool = True
) -> Answer:
    draft = _look(visit, key, text) if etag or conflict or text != _START else None
    row = visit.room.house.table.get("source", key) if key else None
    there = visit.room.editing.read(key) if conflict else None
    return visit.page(
        "write",
        key or "A new article",
        "write",
        key=key,
        text=text,
        etag=etag,
        live=bool(row and row.item["state"] == "published"),
        draft=draft,
        preview=visit.session.keep(draft) if draft and draft.article else "",
        mails=bool(visit.publication.newsletters),
        conflict=conflict,
        named=bool(key) and named and conflict != "there",
        diff=difference(there.body, text.encode("utf-8", "replace")) if there else None,
    )


def preview(visit: Visit) -> Answer:
    """What a text would be, for the script."""
    key, text = visit.form.get("key"), _text(visit)
    draft = _look(visit, key, text)
    problems = [
        {"line": one.line, "what": one.what, "todo": one.todo, "severity": one.severity}
        for one in draft.problems
    ]
    return said(
        {
            "problems": problems,
            "preview": visit.session.keep(draft) if draft.article else "",
            "path": draft.article.path if draft.article else "",
            "words": draft.article.words if draft.article else 0,
            "subject": draft.letter.subject if draft.letter else "",
        }
    )


def save(visit: Visit) -> Answer:
    """Saves as a draft, or for publication; shows a look without the script."""
    key, text, etag = upload_key(visit.form.get("key")), _text(visit), visit.form.get("etag")
    what = visit.form.get("do")
    if what == "look":
        return _editor(visit, key, text, etag)
    if not key:
        draft = _look(visit, "", text)
        title = draft.article.title if draft.article else ""
        if not title:
            visit.session.say("Give it a title first, or name its file.", "wrong")
            return _editor(visit, key, text, etag)
        key = name_for(title)
    if not is_article(key):
        visit.session.say(f"{key[:200]} is no article's name; let it end in .md, .html or .txt.", "wrong")
        return _editor(visit, key, text, etag, named=False)
    written = as_draft(text, draft=what == "draft")
    if visit.form.get("overwrite"):
        there = visit.room.editing.read(key)
        etag = there.etag if there else ""
    try:
        saved = visit.room.editing.write(key, written.encode("utf-8", "replace"), replacing=etag or None)
    except PressrunError as error:  # the text is given back, whatever was wrong
        visit.session.say(str(error), "wrong")
        return _editor(visit, key, text, etag, named=bool(etag))
    if saved.state == "there":
        reason = "changed" if etag else "there"
        return _editor(visit, key, text, saved.etag, conflict=reason)
    visit.room.look([key])
    if what == "draft":
        visit.session.say(f"{key} is saved as a draft. Nobody else sees it.")
        return visit.back("write", key=key)
    visit.session.say(f"{key} is saved and on its way.")
    return visit.back("articles/one", key=key)


def shown(visit: Visit) -> Answer:
    """The page, the feed entry or the mail of a preview, for a frame."""
    draft = visit.session.previews.get(visit.path[1])
    part, theme = visit.path[2], visit.room.house.imprints.current().theme
    base = "" if visit.room.here else f"{visit.publication.url}/"
    if not isinstance(draft, Draft) or draft.article is None:
        return looked(_LOST)
    if part == "page":
        return looked(_styled(draft.page.decode(), theme), base=base)
    if part == "feed":
        return looked(visit.at_home(_entry(draft, theme)))
    if part == "mail" and draft.letter:
        return looked(visit.at_home(shown_mail(draft.letter)), images=visit.query.get("images") != "off")
    return looked("<!doctype html><meta charset=utf-8><p>There is no newsletter to mail it.</p>")


_LOADED: Final = pattern(r'<link rel="stylesheet"[^>]*>|<script\b[^>]*>.*?</script>', DOTALL)


def _styled(page: str, theme: Theme) -> str:
    """The page with its stylesheet in it: a frame without an origin is sent none from this machine."""
    sheet = theme.stylesheet.decode().replace("</", "<\\/")
    page = _LOADED.sub("", page)
    return page.replace("</head>", f"<style>{sheet}</style></head>", 1)


def _entry(draft: Draft, theme: Theme) -> str:
    """The entry as a feed reader would show it: a title, a line on where it is from, its content."""
    article = draft.article
    if article is None:
        return _LOST
    publication = theme.publication
    day = theme.day(theme.local(article.date).date())
    by = ", ".join(article.authors)
    return (
        f'<!doctype html><html lang="{escape(article.language or publication.language)}"><head>'
        f'<meta charset="utf-8"><title>{escape(article.title)}</title><style>{_READER}</style></head><body>'
        f"<p class=from>{escape(publication.title)} · {escape(day)}{f' · {escape(by)}' if by else ''}</p>"
        f"<h1>{escape(article.title)}</h1>{draft.html}</body></html>"
    )


_READER: Final = """
:root { color-scheme: light dark; }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 1.5rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0 0 1rem; }
img, video { max-width: 100%; height: auto; } pre { overflow-x: auto; } .from { opacity: .7; font-size: .9rem; margin: 0; }
"""  # noqa: E501


def _look(visit: Visit, key: str, text: str) -> Draft:
    """A file that has no name yet is looked at as one that stands at the top."""
    house = visit.room.house
    name = key if key and is_article(key) and not upload_problem(key) else "new.md"
    return look_at(name, text, imprint=house.imprints.current(), table=house.table, clock=house.clock)


def _text(visit: Visit) -> str:
    text = visit.form.get("text").replace("\r\n", "\n")
    if len(text) > MAX_TEXT:
        raise Conflict(f"the text has {len(text):,} characters; {MAX_TEXT:,} are taken here")
    return text


PAGES: Final = {
    ("GET", "write"): write,
    ("POST", "write/preview"): preview,
    ("POST", "write/save"): save,
    ("GET", "preview/*/*"): shown,
}
