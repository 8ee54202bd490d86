"""Takes an export of another system into the content folder. Nothing that is there is ever overwritten.

What is written says `newsletter: false`, so that nothing of it is ever mailed, however young it is.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final, Literal

from pressrun.config import SETTINGS_FILE, publication_from, read_settings
from pressrun.domain.slugs import slugify
from pressrun.domain.urls import asset_problem, better_path, claim_of, path_problem
from pressrun.errors import Conflict, Invalid, NotFound
from pressrun.parsing.encoding import MAX_SOURCE, legal
from pressrun.parsing.keys import default_slug, is_article
from pressrun.parsing.moving.archives import Member, read
from pressrun.parsing.moving.model import (
    File,
    Hints,
    Item,
    Missed,
    Page,
    Place,
    Post,
    Readers,
    Skipped,
)
from pressrun.parsing.moving.pictures import path_of, within
from pressrun.ports import ObjectStore, Put, nobody
from pressrun.services.plan import MAX_TERMS

Verdict = Literal["written", "unchanged", "skipped", "missed"]
Kind = Literal["article", "file", "settings", "other"]
MAX_LINE: Final = 2_000
_OURS = {"templates", "words"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the report. `missed` is what an article, that is there, lacks."""

    verdict: Verdict
    kind: Kind
    place: Place
    key: str = ""
    what: str = ""
    todo: str = ""


@dataclass(slots=True)
class Moved:
    """What came of an import."""

    lines: list[Line] = field(default_factory=list)
    readers: list[Member] = field(default_factory=list)

    def of(self, verdict: Verdict, kind: Kind | None = None) -> list[Line]:
        """The lines of a verdict, perhaps of one kind alone."""
        return [one for one in self.lines if one.verdict == verdict and kind in (None, one.kind)]


class Mover:
    """Writes what an importer reads. `trial`: writes nothing, and says what would be."""

    def __init__(self, store: ObjectStore, *, trial: bool = False) -> None:
        self._store = store
        self._trial = trial
        self._keys: dict[str, bytes] = {}  # of this run, with the digests of what they hold
        self._claims: set[str] = set()
        self._ids: set[str] = set()
        self._hints: list[Hints] = []
        self._base = self._own_base()
        self.moved = Moved()

    def take(self, items: Iterable[Item], tell: Callable[[int], None] = nobody) -> Moved:
        """Raises Invalid where the export is damaged; what was written before that stays."""
        for number, item in enumerate(items):
            tell(number)
            match item:
                case Post():
                    self._post(item)
                case Page():
                    self._write(item.key, item.text.encode(), item.place, "article")
                case File():
                    self._file(item)
                case Skipped():
                    self._note("skipped", "other", item.place, what=item.reason)
                case Missed():
                    self._note("missed", "other", item.place, what=item.what, todo=item.todo)
                case Hints():
                    self._hints.append(item)
                case Readers():
                    self.moved.readers.append(item.member)
        self._settings()
        return self.moved

    def _post(self, post: Post) -> None:
        title = post.title.strip() or _opening(post.body) or "Untitled"
        slug = self._slug(post, title)
        stem = f"{post.date:%Y-%m-%d}-{slug}" if post.date and post.folder == "posts" else slug
        if default_slug(f"{stem}.html") != slug:  # a slug that begins with a date of its own
            stem = slug
        key = f"{post.folder}/{stem}.{post.form}"
        wanted = (address for one in (post.old, *post.older) if one for address in self._olds(one))
        olds = [path for one in dict.fromkeys(wanted) if (path := self._alias(one, post, slug))]
        tags = post.tags[: max(0, MAX_TERMS - len(post.authors))]
        if tags != post.tags:
            what = f"has {len(post.tags)} tags, of which it keeps {len(tags)}"
            self._note("missed", "other", post.place, what=what, todo="choose those that matter")
        identity = self._id(post)
        whole = replace(post, title=title, slug=slug, older=tuple(olds), tags=tags, id=identity)
        self._write(key, written(whole).encode(), post.place, "article")

    def _id(self, post: Post) -> str:
        """Its id there, unless another article of this import has it: a copied post can have that of the first."""
        if post.id and post.id in self._ids:
            what = "its id is another article's, too: to readers of the old feed it is new"
            self._note("missed", "other", post.place, what=what, todo="nothing, or give it an id of its own")
            return ""
        self._ids.add(post.id)
        return post.id

    def _olds(self, old: str) -> list[str]:
        """An old address as seen from this site's root, and from the host's root where that was another one."""
        site = next((one.url for one in self._hints if one.url), "")
        inner = within(old, site)
        return [inner] if self._base is None or self._base == path_of(site) else [inner, old]

    def _alias(self, old: str, post: Post, slug: str) -> str:
        """An old address of it, where that is another one and can redirect."""
        bare = old.strip("/")
        if not bare or claim_of(bare) == claim_of(slug):
            return ""
        problem = path_problem(bare)
        if any(char.isspace() for char in bare):
            problem = "no address holds a space"
        if claim_of(bare) in self._claims:
            problem = "another article has it"
        if problem:
            what = f"its old address {old} cannot lead here: {problem}"
            self._note("missed", "other", post.place, what=what, todo="redirect it where your site is served")
            return ""
        self._claims.add(claim_of(bare))
        return f"/{old.lstrip('/')}"

    def _slug(self, post: Post, title: str) -> str:
        """Its own slug where it can be an address here, and nobody else of this import has it."""
        slug = post.slug.strip("/") or slugify(title)
        wanted = slug
        if "/" in slug or any(char.isspace() for char in slug) or path_problem(slug):
            slug = better_path(slug).replace("/", "-")
        base, number = slug, 1
        while claim_of(slug) in self._claims:
            number += 1
            slug = f"{base}-{number}"
        self._claims.add(claim_of(slug))
        if slug != wanted and post.slug:
            what = f"its address is /{slug}/, since /{wanted}/ cannot be its or is another's"
            self._note("missed", "other", post.place, what=what, todo="rename it if you like")
        return slug

    def _file(self, file: File) -> None:
        if file.member.size > 0 and is_article(file.key):
            self._note("skipped", "file", file.place, key=file.key, what="would be taken for an article here")
            return
        try:
            body = read(file.member, file.place.file)
        except Invalid as error:
            self._note("skipped", "file", file.place, key=file.key, what=error.problems[0].what)
            return
        self._write(file.key, body, file.place, "file")

    def _write(self, key: str, body: bytes, place: Place, kind: Kind) -> None:
        problem = _key_problem(key) or (asset_problem(key) if kind == "file" else None)
        if not problem and kind == "article" and len(body) > MAX_SOURCE:
            problem = f"has {len(body) / 2**20:.1f} MiB; an article may have {MAX_SOURCE // 2**20}"
        if problem:
            self._note("skipped", kind, place, key=key, what=problem)
            return
        there = self._there(key)
        if there is None and not self._trial:
            try:
                self._store.put(Put(key=key, body=body, content_type="", if_absent=True))
            except Conflict:
                there = self._there(key)
        if there is None:
            self._keys[key] = sha256(body).digest()
            self._note("written", kind, place, key=key)
        elif there == sha256(body).digest():
            self._note("unchanged", kind, place, key=key)
        else:
            self._note("skipped", kind, place, key=key, what=f"{key} is there already, and stays as it is")

    def _there(self, key: str) -> bytes | None:
        """The digest of what lies under a key."""
        if key in self._keys:
            return self._keys[key]
        try:
            return sha256(self._store.get(key).body).digest()
        except NotFound:
            return None

    def _own_base(self) -> str | None:
        """The path of this publication's address; None where it is yet to take that of the export."""
        try:
            settings = publication_from(read_settings(self._store.get(SETTINGS_FILE).body), {})
        except (NotFound, Invalid):
            return None
        return path_of(settings.url)

    def _settings(self) -> None:
        """Writes pressrun.toml of what the export says of itself, where there is none and this makes a good one."""
        said = Hints(
            title=next((one.title for one in self._hints if one.title), ""),
            url=next((one.url for one in self._hints if one.url), ""),
            description=next((one.description for one in self._hints if one.description), ""),
            language=next((one.language for one in self._hints if one.language), ""),
            timezone=next((one.timezone for one in self._hints if one.timezone), ""),
            authors=tuple(dict.fromkeys(name for one in self._hints for name in one.authors))[:20],
        )
        if said == Hints() or self._there(SETTINGS_FILE) is not None:
            return
        place = Place(file=SETTINGS_FILE)
        text = settings_text(said)
        if text:
            self._write(SETTINGS_FILE, text.encode(), place, "settings")

    def _note(
        self, verdict: Verdict, kind: Kind, place: Place, *, key: str = "", what: str = "", todo: str = ""
    ) -> None:
        self.moved.lines.append(Line(verdict=verdict, kind=kind, place=place, key=key, what=what, todo=todo))


def written(post: Post) -> str:
    """The file of an article: front matter, and its text as it was. `older` are all addresses that redirect."""
    fields: dict[str, object] = {
        "title": _line(post.title)[:300],
        "date": post.date.isoformat() if post.date else None,
        "updated": post.updated.isoformat()
        if post.updated and post.date and post.updated > post.date
        else None,
        "authors": [_line(name) for name in post.authors],
        "tags": [_line(tag) for tag in post.tags],
        "summary": _line(post.summary),
        "slug": post.slug,
        "aliases": list(post.older),
        "image": post.image,
        "image_alt": _line(post.image_alt) if post.image else "",
        "audio": post.audio,
        "language": _language(post.language),
        "canonical": post.canonical,
        "id": post.id[:200],
        "draft": post.draft or None,
        "newsletter": False,
        **post.extra,
    }
    body = post.body.strip("\n")
    if post.form == "html":
        body = f"<article>\n{body}\n</article>"  # so that an <article> within is not taken for the whole
    return f"{front_matter(fields)}\n{body}\n"


def front_matter(fields: dict[str, object]) -> str:
    """Fields as YAML; those that are empty are left out."""
    lines = ["---"]
    for name, value in fields.items():
        if value is None or value in ("", []):
            continue
        plain = name in {"date", "updated"} and isinstance(value, str)
        lines.append(f"{name}: {value if plain else yaml_value(value)}")
    return "\n".join([*lines, "---", ""])


def yaml_value(value: object) -> str:
    """A value on one line, as YAML and JSON write it alike."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufdd0-\ufdef]", "", text)


def settings_text(said: Hints) -> str:
    """A pressrun.toml; what is no good setting is left out."""
    fields = {
        "title": _line(said.title),
        "url": said.url,
        "description": _line(said.description),
        "language": _language(said.language),
        "timezone": said.timezone,
    }
    lines: list[str] = []
    for name, value in fields.items():
        line = f"{name} = {yaml_value(value)}"
        if value and _holds("\n".join([*lines, line])):
            lines.append(line)
    for author in said.authors:
        table = f"\n[[authors]]\nname = {yaml_value(_line(author))}"
        if _line(author) and _holds("\n".join([*lines, table])):
            lines.append(table)
    head = "# Taken from what was imported; `pressrun reference settings` shows them all."
    return "\n".join([head, *lines, ""]) if lines else ""


def _holds(text: str) -> bool:
    try:
        publication_from(read_settings(text.encode()), {})
    except Invalid:
        return False
    return True


def _key_problem(key: str) -> str | None:
    parts = key.split("/")
    if any(part in {"", ".", ".."} for part in parts) or len(key.encode()) > 900:
        return f"{key[:80]} cannot be a file's name here"
    if any(part.startswith((".", "_")) for part in parts) or any(ord(char) < 32 for char in key):
        return f"{key[:80]}: names that begin with a dot or an underscore are left alone"
    if any(len(part.encode()) > 240 for part in parts):
        return f"{posixpath.basename(key)[:60]}… is too long for a file's name"
    if parts[0].casefold() in _OURS:
        return f"{parts[0]}/ is the folder of Pressrun's own templates and words"
    return None


def _line(text: str) -> str:
    return " ".join(legal(text).split())[:MAX_LINE]


def _language(tag: str) -> str:
    tag = tag.replace("_", "-").strip()
    return tag if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z]{2}|-[A-Za-z]{4})?", tag) else ""


def _opening(body: str) -> str:
    """The first words, for a title where there is none."""
    text = " ".join(re.sub(r"<[^<>]*>", " ", body[:20_000]).split())
    return text if len(text) <= 60 else text[:60].rpartition(" ")[0] + "…"
