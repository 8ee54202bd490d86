"""Substack: the zip archive of its export, or the folder it unpacks to."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from html import unescape

from pressrun.errors import Invalid
from pressrun.parsing.csvfile import CsvFile, Damage
from pressrun.parsing.encoding import decode
from pressrun.parsing.moving.archives import Export, damage
from pressrun.parsing.moving.model import (
    Hints,
    Item,
    Missed,
    Options,
    Place,
    Post,
    Readers,
    Skipped,
    moment,
)
from pressrun.parsing.moving.pictures import carried

_LIST = re.compile(r"(?:^|/)email_list[^/]*\.csv$", re.I)
_FURNITURE = re.compile(
    r'<div class="subscription-widget-wrap[^"]*"[^>]*>.{0,4000}?</form>\s*</div>\s*</div>'
    r'|<p class="button-wrapper"[^<>]*>.{0,2000}?</p>',
    re.S,
)


def substack(export: Export, options: Options) -> Iterator[Item]:
    """Posts with their dates and subtitles; the list of subscribers."""
    table = next((name for name in export.members if posixpath.basename(name) == "posts.csv"), None)
    if table is None:
        what = "there is no posts.csv in it"
        raise Invalid.at(
            export.name, 0, what, "Substack: Settings, Exports, Create new export", code="substack"
        )
    yield Hints(url=options.url)
    whole = export.below(posixpath.dirname(table))
    place = whole.place("posts.csv")
    with damage(place):
        file = CsvFile(whole.members["posts.csv"].open)
        header: list[str] | None = None
        for record in file.records():
            if isinstance(record, Damage):
                yield Skipped(place=Place(file=place, line=record.line), reason=record.what)
            elif header is None:
                header = [cell.strip().lower() for cell in record.cells]
                if "post_id" not in header:
                    raise Invalid.at(
                        place, record.line, "has no column post_id", "export it again", code="substack"
                    )
            else:
                row = dict(zip(header, record.cells, strict=False))
                yield from _post(whole, row, Place(file=place, line=record.line, name=row.get("title", "")))
    for name, member in export.members.items():
        if _LIST.search(name):
            yield Readers(member=member)


def _post(export: Export, row: Mapping[str, str], place: Place) -> Iterator[Item]:
    identifier = row.get("post_id", "").strip()
    number, _, slug = identifier.partition(".")
    name = next(
        (one for one in (f"posts/{identifier}.html", f"{identifier}.html") if one in export.members), None
    )
    kind, title = row.get("type", ""), unescape(row.get("title", "")).strip()
    if kind in {"thread", "restack", "note", "chat"}:
        yield Skipped(place=place, reason=f"is a {kind}")
        return
    if name is None:
        yield Skipped(place=place, reason=f"there is no posts/{identifier}.html")
        return
    text = decode(export.place(name), export.read(name))
    audio = row.get("podcast_url", "").strip()
    if not text.strip() and not audio:
        yield Skipped(place=place, reason="has no text")
        return
    published = row.get("is_published", "").strip().lower() == "true"
    audience = row.get("audience", "").strip()
    if published and audience not in {"", "everyone"}:
        yield Missed(place=place, what=f"was for {audience.replace('_', ' ')}, and is a draft now",
                     todo="remove draft: true to publish it")  # fmt: skip
        published = False
    body, missed = carried(_FURNITURE.sub("", text), place)
    yield from missed
    if audio:
        yield Missed(place=place, what=f"the recording {audio} stays where it is",
                     todo="save it beside the article, and name it in audio:")  # fmt: skip
    yield Post(
        place=place,
        title=title,
        body=body,
        folder="pages" if kind == "page" else "posts",
        date=moment(row.get("post_date") or row.get("email_sent_at")),
        summary=unescape(row.get("subtitle", "")).strip(),
        slug=slug or number,
        old=f"/p/{slug}" if slug else "",
        id=f"substack-{number}" if number else "",
        draft=not published,
        audio=audio,
    )
