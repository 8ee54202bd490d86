"""WordPress: the XML file of Tools, Export (WXR), alone or beside `wp-content/uploads` in a folder or an archive."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from html import escape, unescape
from xml.etree.ElementTree import Element

from pressrun.errors import Invalid
from pressrun.parsing.encoding import legal
from pressrun.parsing.moving.archives import Export, damage
from pressrun.parsing.moving.model import Hints, Item, Missed, Options, Place, Post, Skipped, moment
from pressrun.parsing.moving.paragraphs import paragraphs
from pressrun.parsing.moving.pictures import Luggage, carried, homeward, path_of, rewritten, stays
from pressrun.parsing.moving.xml import items, local

_NAMES = frozenset({"item", "author", "title", "link", "description", "language"})
_SHORTCODE = re.compile(r"(?<!\[)\[(/?)([a-zA-Z][\w-]*)((?:\s[^\[\]]*)?)/?\](?!\])")
_CAPTION = re.compile(
    r"\[caption[^\[\]]*\]\s*((?:<a\b[^>]*>\s*)?<img\b[^>]*>(?:\s*</a>)?)(.{0,2000}?)\[/caption\]", re.S
)
_EMBED = re.compile(r"\[embed[^\[\]]*\]\s*(https?://[^\s\[\]<>]+)\s*\[/embed\]")
_GALLERY = re.compile(r"\[gallery\b([^\[\]]*)\](?:\s*\[/gallery\])?")
_PLAYER = re.compile(r"\[(audio|video)\b([^\[\]]*)\](?:\s*\[/\1\])?")
_URL = re.compile(r"https?://[^\s\"'\[\]<>]+")
_ALONE = re.compile(r"^[ \t]*(https?://[^\s\"'\[\]<>]+)[ \t]*$", re.M)
_FILLED = re.compile(r"<!--\s+wp:([\w/-]+)\s*(\{[^<>]{0,2000}?\})?\s+/-->")
_INLINE = re.compile(r"</?(?:em|strong|i|b|u|s|span|code|sup|sub|a|cite|q|br|small|mark)\b[^<>]*>", re.I)
_SIZED = re.compile(r"-\d+x\d+(?=\.\w+$)|-scaled(?=\.\w+$)")
_HTML_WORDS = frozenset({"x", "sic"})  # in brackets, and no shortcodes


def wordpress(export: Export, options: Options) -> Iterator[Item]:
    """Posts and pages with categories, tags, authors and pictures."""
    names = [name for name in export.members if name.lower().endswith(".xml")]
    if export.single:
        names = [*export.members]
    found = False
    for name in names:
        reader = _Reader(export, options, name)
        if reader.is_wxr:
            found = True
            yield from reader.items()
    if not found:
        what = "no file in it is an export of WordPress (WXR)"
        raise Invalid.at(export.name, 0, what, "WordPress: Tools, Export, All content", code="wordpress")


@dataclass(slots=True)
class _Channel:
    fields: dict[str, str] = field(default_factory=dict)
    authors: dict[str, str] = field(default_factory=dict)  # login → name
    media: dict[str, tuple[str, str]] = field(default_factory=dict)  # id → address, alternative text
    of: dict[str, list[str]] = field(default_factory=dict)  # id of a post → those of what was uploaded for it
    paths: dict[str, str] = field(default_factory=dict)  # id of a post or page → the path of its address
    blocks: dict[str, str] = field(default_factory=dict)  # id → a block that several posts show


def _flat(element: Element) -> dict[str, str]:
    """The texts of an element's children: "wp:post_id", "content:encoded", "title"; the first of each name."""
    found: dict[str, str] = {}
    for child in element:
        namespace, _, name = child.tag.rpartition("}")
        lead = ""
        if "/excerpt/" in namespace:
            lead = "excerpt:"
        elif "wordpress.org/export" in namespace:
            lead = "wp:"
        elif "content" in namespace:
            lead = "content:"
        elif "purl.org/dc" in namespace:
            lead = "dc:"
        found.setdefault(lead + name, legal(child.text or ""))
    return found


def _meta(element: Element) -> dict[str, str]:
    pairs = (_flat(child) for child in element if local(child.tag) == "postmeta")
    return {pair.get("wp:meta_key", ""): pair.get("wp:meta_value", "") for pair in pairs}


def _all(element: Element, key: str) -> list[str]:
    """What stands under a key of an item, which may stand there several times."""
    pairs = [_flat(child) for child in element if local(child.tag) == "postmeta"]
    found = (path_of(pair.get("wp:meta_value", "")) for pair in pairs if pair.get("wp:meta_key") == key)
    return [value for value in dict.fromkeys(found) if value]


class _Reader:
    """Reads the file twice: a picture can stand behind the post that shows it."""

    def __init__(self, export: Export, options: Options, name: str) -> None:
        self._export, self._name = export, name
        self._place = export.place(name)
        self._uploads = {
            member[member.index("uploads/") :]: member for member in export.members if "uploads/" in member
        }
        self._luggage = Luggage(export, self._key)
        self.is_wxr = False
        self._channel = self._read_channel()
        self._url = options.url or self._channel.fields.get("link", "").rstrip("/")
        self._paths = frozenset(self._channel.paths.values())
        self._left: Counter[str] = Counter()

    def _elements(self) -> Iterator[tuple[Element, int]]:
        with damage(self._place), self._export.members[self._name].open() as stream:
            yield from items(stream, self._place, _NAMES)

    def _read_channel(self) -> _Channel:
        channel = _Channel()
        inside = 0
        for element, _ in self._elements():
            name = local(element.tag)
            if name == "item":
                row = _flat(element)
                self.is_wxr = self.is_wxr or "wp:post_type" in row
                inside += 1
                if row.get("wp:post_type") == "attachment":
                    alt = _meta(element).get("_wp_attachment_image_alt", "")
                    channel.media[row.get("wp:post_id", "")] = (row.get("wp:attachment_url", ""), alt)
                    channel.of.setdefault(row.get("wp:post_parent", ""), []).append(row.get("wp:post_id", ""))
                elif row.get("wp:post_type", "post") in {"post", "page"} and path_of(row.get("link", "")):
                    channel.paths[row.get("wp:post_id", "")] = path_of(row["link"])
                elif row.get("wp:post_type") == "wp_block":
                    channel.blocks[row.get("wp:post_id", "")] = row.get("content:encoded", "")
            elif name == "author" and "wordpress.org" in element.tag:
                row = _flat(element)
                self.is_wxr = True
                whole = f"{row.get('wp:author_first_name', '')} {row.get('wp:author_last_name', '')}".strip()
                shown = row.get("wp:author_display_name", "") or whole
                channel.authors[row.get("wp:author_login", "")] = unescape(
                    shown or row.get("wp:author_login", "")
                )
            elif not inside and not element.tag.startswith("{"):
                channel.fields.setdefault(name, unescape(legal((element.text or "").strip())))
        return channel

    def items(self) -> Iterator[Item]:
        fields = self._channel.fields
        yield Hints(
            title=fields.get("title", ""),
            url=self._url,
            description=fields.get("description", ""),
            language=fields.get("language", ""),
            authors=tuple(dict.fromkeys(self._channel.authors.values())),
        )
        for element, line in self._elements():
            if local(element.tag) == "item":
                yield from self._item(element, line)
        for kind, number in self._left.items():
            place = Place(file=self._place, name=kind)
            yield Missed(place=place, what=f"{number:,} of this kind are left: they are no articles",
                         todo="look whether you need them")  # fmt: skip

    def _item(self, element: Element, line: int) -> Iterator[Item]:
        row, meta = _flat(element), _meta(element)
        title = unescape(_INLINE.sub("", row.get("title", ""))).strip()
        place = Place(file=self._place, line=line, name=title or row.get("wp:post_name", ""))
        kind, status = row.get("wp:post_type", "post"), row.get("wp:status", "publish")
        if kind not in {"post", "page"}:
            if kind not in {"attachment", "wp_block"}:
                self._left[kind] += 1
            return
        if row.get("wp:post_password"):
            yield Skipped(place=place, reason="is behind a password")
            return
        if status in {"trash", "auto-draft", "inherit"}:
            yield Skipped(
                place=place, reason=f"is {'in the trash' if status == 'trash' else 'no article yet'}"
            )
            return
        text = row.get("content:encoded", "")
        if not text.strip():
            yield Skipped(place=place, reason="has no text")
            return
        if status in {"private", "pending"}:
            yield Missed(
                place=place, what=f"was {status}, and is a draft now", todo="remove draft: true to publish it"
            )
        text = self._shown(text, row.get("wp:post_id", ""))
        yield from self._lost(element, text, place)
        body, missed = carried(rewritten(_body(text), self._address), place)
        yield from missed
        address, alt = self._channel.media.get(meta.get("_thumbnail_id", ""), ("", ""))
        image = self._luggage.change(address) if address else ""
        if image.startswith("http"):
            yield stays(image, place)
        yield from self._luggage.packed(place)
        terms = [
            (one.get("domain", ""), unescape(legal(one.text or "")).strip())
            for one in element
            if one.tag == "category"
        ]
        login = row.get("dc:creator", "")
        link = row.get("link", "")
        path, name = path_of(link), path_of(row.get("wp:post_name", ""))
        once = _all(element, "_wp_old_slug") if name and path.endswith(name) else []
        yield Post(
            place=place,
            title=title,
            body=body,
            folder="pages" if kind == "page" else "posts",
            date=_utc(row, "wp:post_date_gmt") or moment(row.get("pubDate")) or _utc(row, "wp:post_date"),
            updated=_utc(row, "wp:post_modified_gmt"),
            authors=tuple(filter(None, [self._channel.authors.get(login, login)])),
            tags=tuple(dict.fromkeys(
                name for domain, name in terms
                if domain in {"category", "post_tag"} and name and name != "Uncategorized"
            )),
            summary=" ".join(unescape(re.sub(r"<[^<>]*>", " ", row.get("excerpt:encoded", ""))).split()),
            slug=path_of(row.get("wp:post_name", "")),
            old=f"/{path_of(link)}/" if path_of(link) else "",
            older=tuple(f"/{path.removesuffix(name)}{slug}/" for slug in once),
            id=row.get("guid", "").strip(),
            draft=status not in {"publish", "future"},
            image=image,
            image_alt=alt,
        )  # fmt: skip

    def _shown(self, text: str, identity: str) -> str:
        """What WordPress puts in the place of galleries, players and blocks that several posts share."""

        def gallery(found: re.Match[str]) -> str:
            said = re.search(r"\bids\s*=\s*[\"']?([\d,\s]+)", found[1])
            ids = said[1].split(",") if said else self._channel.of.get(identity, [])
            media = [self._channel.media.get(one.strip(), ("", "")) for one in ids]
            shown = "\n".join(f'<img src="{escape(url)}" alt="{escape(alt)}">' for url, alt in media
                              if re.search(r"\.(?:jpe?g|png|gif|webp|avif)$", url, re.I))  # fmt: skip
            return f"<figure>\n{shown}\n</figure>" if shown else found[0]

        def player(found: re.Match[str]) -> str:
            url = _URL.search(found[2])
            return f'<{found[1]} controls src="{escape(url[0])}"></{found[1]}>' if url else found[0]

        def block(found: re.Match[str]) -> str:
            said = re.search(r'"ref":\s*(\d+)', found[2] or "") if found[1] == "block" else None
            return self._channel.blocks.get(said[1], found[0]) if said else found[0]

        return _PLAYER.sub(player, _GALLERY.sub(gallery, _FILLED.sub(block, text)))

    def _lost(self, element: Element, text: str, place: Place) -> Iterator[Item]:
        rest = _EMBED.sub("", _CAPTION.sub("", text))
        names = Counter(found[2] for found in _SHORTCODE.finditer(rest) if not found[1])
        for name, number in names.items():
            if name.lower() not in _HTML_WORDS:
                times = f", {number} times" if number > 1 else ""
                yield Missed(place=place, what=f"uses the shortcode [{name}]{times}; it stands there as it is",
                             todo="put in its place what it showed")  # fmt: skip
        for name in dict.fromkeys(found[1] for found in _FILLED.finditer(text)):
            yield Missed(place=place, what=f"uses the block {name}, which WordPress fills; it shows nothing here",
                         todo="put in its place what it showed")  # fmt: skip
        comments = sum(local(child.tag) == "comment" for child in element)
        if comments:
            yield Missed(place=place, what=f"its {comments} comments do not come along",
                         todo="quote in the text what is worth keeping")  # fmt: skip

    def _address(self, url: str) -> str:
        changed = self._luggage.change(url)
        if changed != url:
            return changed
        short = re.search(r"/?\?(?:p|page_id)=(\d+)$", url)
        if short and (path := self._channel.paths.get(short[1])):
            url = url[: short.start()] + f"/{path}/"
        return homeward(url, self._url, self._paths)

    def _key(self, url: str) -> str | None:
        path = path_of(url)
        at = path.find("uploads/")
        if at < 0:
            return None
        for name in (path[at:], _SIZED.sub("", path[at:])):
            if name in self._uploads:
                return self._uploads[name]
        return None


def _body(text: str) -> str:
    text = _CAPTION.sub(
        lambda found: f"<figure>{found[1]}<figcaption>{found[2].strip()}</figcaption></figure>", text
    )
    for pattern in (_EMBED, _ALONE):
        text = pattern.sub(lambda found: f'<a href="{found[1]}">{found[1]}</a>', text)
    return text if "<!-- wp:" in text else paragraphs(text)


def _utc(row: dict[str, str], name: str) -> datetime | None:
    return moment(row.get(name, ""))
