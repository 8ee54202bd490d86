"""Ghost: the JSON file of its export, alone or beside `content/images` in a folder or an archive."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from pressrun.errors import Invalid
from pressrun.parsing.moving.archives import Export, Member
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
    text_of,
)
from pressrun.parsing.moving.pictures import Luggage, carried, homeward, path_of, rewritten, stays

HOME = "__GHOST_URL__"
_SIZED = re.compile(r"/size/w\d+(?:h\d+)?(?:/format/\w+)?/")
_Row = Mapping[str, Any]


def ghost(export: Export, options: Options) -> Iterator[Item]:
    """Posts and pages with tags, authors, pictures; the settings; the members, where they are in it."""
    found = False
    for name in export.members:
        if re.search(r"(^|/)redirects[^/]*\.(?:json|ya?ml)$", name, re.I):
            yield Missed(place=Place(file=export.place(name)), what="addresses that it redirects are left",
                         todo="write each under aliases: of the article that it leads to")  # fmt: skip
        elif not name.lower().endswith(".json"):
            if re.search(r"(^|/)members[^/]*\.csv$", name, re.I):
                yield Readers(member=export.members[name])
        elif (tables := _tables(export.read(name), export.place(name), must=export.single)) is not None:
            found = True
            yield from _Ghost(export, options, export.place(name), tables).items()
    if not found:
        what = "no JSON file in it is an export of Ghost"
        raise Invalid.at(export.name, 0, what, "Ghost: Settings, Import/Export, Export content", code="ghost")


def _tables(body: bytes, place: str, *, must: bool) -> dict[str, list[_Row]] | None:
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not must:
            return None
        raise Invalid.at(
            place, error.lineno, f"this is not JSON: {error.msg}", "export it again", code="ghost"
        ) from None
    if isinstance(data, dict) and isinstance(data.get("db"), list) and data["db"]:
        data = data["db"][0]
    tables = data.get("data") if isinstance(data, dict) else None
    if not isinstance(tables, dict) or not isinstance(tables.get("posts"), list):
        return None
    return {
        name: [row for row in rows if isinstance(row, dict)]
        for name, rows in tables.items()
        if isinstance(rows, list)
    }


class _Ghost:
    def __init__(self, export: Export, options: Options, file: str, tables: dict[str, list[_Row]]) -> None:
        self._tables, self._file, self._url = tables, file, options.url
        self._luggage = Luggage(export, self._key)
        self._names = export.members
        self._slugs = {text_of(row, "slug") for row in tables["posts"]}
        self._absent: list[str] = []
        self._tags = {text_of(row, "id"): row for row in tables.get("tags", [])}
        self._users = {text_of(row, "id"): text_of(row, "name", "slug") for row in tables.get("users", [])}
        self._meta = {text_of(row, "post_id"): row for row in tables.get("posts_meta", [])}
        self._of: dict[str, dict[str, list[str]]] = {
            table: self._related(table, column)
            for table, column in (("posts_tags", "tag_id"), ("posts_authors", "author_id"))
        }

    def items(self) -> Iterator[Item]:
        settings = {text_of(row, "key"): text_of(row, "value") for row in self._tables.get("settings", [])}
        yield Hints(
            title=settings.get("title", ""),
            description=settings.get("description", ""),
            url=self._url,
            language=settings.get("locale") or settings.get("lang", ""),
            timezone=settings.get("timezone") or settings.get("active_timezone", ""),
            authors=tuple(dict.fromkeys(filter(None, self._users.values()))),
        )
        for row in self._tables["posts"]:
            yield from self._post(row)
        yield from self._members()

    def _post(self, row: _Row) -> Iterator[Item]:
        title, slug, identifier = text_of(row, "title"), text_of(row, "slug"), text_of(row, "id")
        place = Place(file=self._file, name=title or slug)
        status, visibility = text_of(row, "status"), text_of(row, "visibility") or "public"
        html = row.get("html")
        if not isinstance(html, str) or not html.strip():
            if text_of(row, "plaintext", "lexical", "mobiledoc"):
                yield Skipped(place=place, reason="has no HTML; open and save it in Ghost, and export again")
            else:
                yield Skipped(place=place, reason="has no text")
            return
        draft = status not in {"published", "scheduled"} or visibility != "public"
        if draft and status != "draft":
            why = "went out by mail alone" if status == "sent" else f"was for {visibility} alone"
            yield Missed(
                place=place, what=f"{why}, and is a draft now", todo="remove draft: true to publish it"
            )
        meta = self._meta.get(identifier, row)
        body, missed = carried(rewritten(html, self._address).replace(HOME, self._url), place)
        yield from missed
        image = self._address(text_of(row, "feature_image", "image")).replace(HOME, self._url)
        for url in dict.fromkeys(self._absent):
            yield Missed(place=place, what=f"the picture {url} is not in the export",
                         todo="name --url, or a folder that holds content/images beside the file")  # fmt: skip
        self._absent.clear()
        if image.startswith("http"):
            yield stays(image, place)
        for injected in ("codeinjection_head", "codeinjection_foot"):
            if text_of(row, injected):
                yield Missed(
                    place=place, what=f"has code of its own ({injected})", todo="write it anew, if needed"
                )
        yield from self._luggage.packed(place)
        yield Post(
            place=place,
            title=title,
            body=body,
            folder="pages" if text_of(row, "type") == "page" or row.get("page") in {1} else "posts",
            date=moment(row.get("published_at") or row.get("created_at")),
            updated=moment(row.get("updated_at")),
            authors=self._authors(row),
            tags=self._tagged(row),
            summary=text_of(row, "custom_excerpt") or text_of(meta, "meta_description"),
            slug=slug,
            old=f"/{slug}/",
            id=text_of(row, "comment_id", "id"),
            draft=draft,
            canonical=text_of(row, "canonical_url").replace(HOME, self._url),
            image=image,
            image_alt=text_of(meta, "feature_image_alt"),
            language=text_of(row, "locale"),
        )

    def _authors(self, row: _Row) -> tuple[str, ...]:
        ids = self._of["posts_authors"].get(text_of(row, "id")) or [text_of(row, "author_id")]
        return tuple(name for one in ids if (name := self._users.get(one)))

    def _tagged(self, row: _Row) -> tuple[str, ...]:
        """Its public tags: those that begin with # are for Ghost's own use."""
        tags = [
            self._tags[one] for one in self._of["posts_tags"].get(text_of(row, "id"), ()) if one in self._tags
        ]
        names = [text_of(tag, "name") for tag in tags if text_of(tag, "visibility") != "internal"]
        return tuple(name for name in names if name and not name.startswith("#"))

    def _related(self, table: str, column: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        rows = self._tables.get(table, [])
        for row in sorted(
            rows, key=lambda row: order if isinstance(order := row.get("sort_order"), int) else 0
        ):
            found[text_of(row, "post_id")].append(text_of(row, column))
        return found

    def _key(self, url: str) -> str | None:
        """The file that an address of Ghost means: below `content/`, wherever that lies in the export."""
        if not url.startswith((HOME, "/content/", *([self._url] if self._url else []))):
            return None
        path = path_of(url.replace(HOME, ""))
        at = path.find("content/")
        if at < 0:
            return None
        path = path[at:]
        for name in (path, _SIZED.sub("/", path)):
            for candidate in (name, name.removeprefix("content/"), f"ghost/{name}"):
                if candidate in self._names:
                    return candidate
        return None

    def _address(self, url: str) -> str:
        changed = self._luggage.change(url)
        if changed != url or not url.startswith((f"{HOME}/content/", "/content/")):
            return homeward(changed, self._url, self._slugs)
        path = url.removeprefix(HOME)
        if not self._url:
            self._absent.append(_SIZED.sub("/", path))
        return f"{self._url}{path}"

    def _members(self) -> Iterator[Item]:
        """Members, where an export holds them: as the CSV file that Ghost makes of them."""
        rows = self._tables.get("members", [])
        if not rows:
            return
        told = {text_of(row, "member_id") for row in self._tables.get("members_newsletters", [])}
        if not told and not any("subscribed" in row for row in rows):
            reason = (
                f"{len(rows):,} members: whether they want mail is not in this file; export Members as CSV"
            )
            yield Skipped(place=Place(file=self._file, name="members"), reason=reason)
            return
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["id", "email", "name", "subscribed_to_emails", "created_at"])
        for row in rows:
            wants = text_of(row, "id") in told or row.get("subscribed") in {1}
            writer.writerow([text_of(row, "id"), text_of(row, "email"), text_of(row, "name"),
                             str(wants).lower(), text_of(row, "created_at")])  # fmt: skip
        body = text.getvalue().encode()
        yield Readers(member=Member("members.csv", len(body), lambda: io.BytesIO(body)))
