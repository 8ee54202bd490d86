"""Who stands where: claims on addresses and ids, and what is left where an article stood."""

from __future__ import annotations

from collections.abc import Container, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pressrun.domain.caching import PAGE_CACHE
from pressrun.domain.pictures import card_key
from pressrun.domain.problems import Problem
from pressrun.domain.publication import Publication
from pressrun.domain.spans import sort_key
from pressrun.domain.urls import claim_of, href, page_key
from pressrun.errors import Conflict, Invalid, NotFound, Permanent, Transient
from pressrun.ports import ABSENT, Blob, Drop, Item, ObjectStore, Put, Row, Save, Table
from pressrun.services.catalogue import Catalogue, Source
from pressrun.services.plan import Settled, address_of, alias_of, digest
from pressrun.services.work import Rows, Work, claiming, held, id_name

if TYPE_CHECKING:
    from pressrun.rendering.theme import Theme

MAX_ROUNDS = 20
HTML = "text/html; charset=utf-8"
STANDING = frozenset({"article", "alias"})  # what keeps an address from others; the rest gives way


class Addresses:
    """Addresses of one site."""

    def __init__(self, content: ObjectStore, site: ObjectStore, table: Table) -> None:
        self._content = content
        self._site = site
        self._table = table
        self._catalogue = Catalogue(table)

    def known(self, key: str) -> Source | None:
        """What the catalogue knows of a file."""
        return self._catalogue.sources([key]).get(key)

    def departed(self, work: Work, source: Source, rows: Rows) -> str:
        """The file that is still published with the article's id or at its address, though it is gone or moves; or "".

        Where the id or the address is this file's already, somebody may have begun to give it to this file, and not
        have come to the one that had it.
        """
        named, home = rows.get(("id", source.id)), rows.get(("path", claim_of(source.path)))
        if home is not None and home.item["kind"] != "article":
            home = None
        for key in (work.before(row) for row in (named, home) if row):
            known = None if key in {"", work.key, work.heir_of} else self.known(key)
            if known and known.live and (known.id == source.id or known.path == source.path):
                return key
        return ""

    def rows_for(self, sources: Iterable[Source]) -> list[tuple[str, str]]:
        """The rows that `claim` needs to see."""
        return [
            key
            for source in sources
            for key in (
                *(
                    ("path", claim_of(path))
                    for path in (source.path, *source.aliases, *source.former)
                    if path
                ),
                *(("source", path.rstrip("/")) for path in (source.path, *source.aliases) if path),
                *([("id", source.id)] if source.id else []),
            )
        ]

    def claims(
        self, work: Work, settled: Settled, rows: Rows, files: Container[str], publication: Publication
    ) -> tuple[Settled, list[Save | Drop]]:
        """The writes that take the article's addresses and id, each on condition that nobody was faster.

        Also the article with the identity that it inherits from what stood there. Raises Invalid where an address
        or the id is another's, or a published file's (one of `files`, which are no articles); `work.released` then
        names what would have to be free.
        """
        if found := beside_file(settled, files):
            path, problem = found
            work.released.add(path)
            raise Invalid([problem])
        settled = self._at_home(work, settled, rows, publication)
        source = settled.source
        changes: list[Save | Drop] = []
        row = rows.get(("path", claim_of(source.path)))
        home = _home(source)
        if row and row.item["kind"] == "article" and (before := work.before(row)):
            home["before"] = before
        old = work.old if work.old and work.old.live and not work.heir_of else None
        if row is None or row.item != home or old is None or old.path != source.path:
            changes.append(claiming(source.path, home, row))
        changes += [row for row in (work.heritage, work.displaced) if row]
        changes += self._aliases(work, settled, rows)
        changes += self._identity(work, settled, rows)
        changes += self._left_behind(work, source, rows)
        return settled, changes

    def _at_home(self, work: Work, settled: Settled, rows: Rows, publication: Publication) -> Settled:
        source, lines = settled.source, settled.parsed.lines
        row = rows.get(("path", claim_of(source.path)))
        if row is None:
            return settled
        there = held(row)
        if work.owns(row):  # after a withdrawal, or a go at this that did not come to its end
            return _remembering(settled, there) if work.old is None else settled
        if there["kind"] not in STANDING:
            first = work.old is None and there["kind"] == "gone"
            return _remembering(settled, there) if first else settled
        heir = self._heir(row)
        if heir is None and not self._wanted(str(there["source"]), source.path, publication):
            work.displaced = self._marked(str(there["source"]))
            return settled
        if heir is None:
            work.released.add(source.path)
            line = lines.get("path") or lines.get("slug") or 1
            what = f"/{source.path} is the address of {there['source']} already"
            raise Invalid.at(
                work.key, line, what, "give one of the two another `slug`", code="duplicate-slug"
            )
        if work.old is None:
            work.succeed(heir)
            known = {
                "id": "" if heir.given_id else heir.id,
                "first_seen": heir.first_seen,
                "former": [*heir.former, *([heir.path] if heir.live else [])],
            }
            return _remembering(settled, known)
        return settled

    def _marked(self, key: str) -> Save | None:
        """The row of a file that loses an address, so that it cannot pass for unchanged, should it want it back."""
        known = self.known(key)
        if known is None or not known.live:
            return None
        return Save(
            partition="source", sort=key, item=replace(known, etag="displaced").item(), expect=known.version
        )

    def _heir(self, row: Row) -> Source | None:
        """The holder of an address, where its file is gone: the claimant is that file, moved."""
        holder = str(row.item["source"])
        try:
            self._content.head(holder)
        except NotFound:
            known = self._catalogue.sources([holder]).get(holder)
            seen = str(row.item.get("first_seen", ""))
            return known or Source(key=holder, etag="", sha="", state="draft", first_seen=seen)
        return None

    def _wanted(self, key: str, path: str, publication: Publication) -> bool:
        """Whether the file that holds an address still wants it, as the file is now.

        One that cannot be read keeps what it has: a bad upload changes nothing that is published.
        """
        from pressrun.parsing.source import parse_article  # only where two want one address

        try:
            parsed = parse_article(key, self._content.get(key).body, publication)
        except (Invalid, NotFound):
            return True
        names = [address_of(parsed), *map(alias_of, parsed.aliases)]
        return not parsed.draft and claim_of(path) in map(claim_of, names)

    def _aliases(self, work: Work, settled: Settled, rows: Rows) -> list[Save | Drop]:
        changes: list[Save | Drop] = []
        for alias in settled.source.aliases:
            row = rows.get(("path", claim_of(alias)))
            item: Item = {"kind": "alias", "source": work.key, "path": alias, "to": settled.source.path}
            if row is not None and not work.owns(row) and row.item["kind"] in STANDING:
                work.released.add(alias)
                what = f"the alias /{alias} is an address of {row.item['source']} already"
                line = settled.parsed.lines.get("aliases", 1)
                todo = "remove it from one of the two"
                raise Invalid.at(work.key, line, what, todo, code="duplicate-slug")
            if row is None or row.item != item:
                changes.append(claiming(alias, item, row))
                work.paths.add(alias)
        return changes

    def _identity(self, work: Work, settled: Settled, rows: Rows) -> list[Save | Drop]:
        """The claim on the id, where it is not this file's yet. Raises Invalid where it is another's."""
        source = settled.source
        row = rows.get(("id", source.id)) or self._table.get("id", source.id)
        if row:
            rows["id", source.id] = row
        mine = row is not None and row.item["source"] == work.key
        if mine and work.old and work.old.live and work.old.id == source.id:
            return []
        if row is not None and not work.owns(row) and self._holds(str(row.item["source"]), source.id):
            work.released.add(id_name(source.id))
            what = f"the id {source.id!r} belongs to {row.item['source']} already"
            line = settled.parsed.lines.get("id", 1)
            raise Invalid.at(work.key, line, what, "give one of the two another `id`", code="duplicate-id")
        item: Item = {"source": work.key}
        if row and (before := work.before(row)):
            item["before"] = before
        version = row.version if row else ABSENT
        return [Save(partition="id", sort=source.id, item=item, expect=version)]

    def _holds(self, key: str, article_id: str) -> bool:
        known = self._catalogue.sources([key]).get(key)
        if known is None or known.id != article_id:
            return False
        try:
            self._content.head(key)
        except NotFound:
            return False
        return True

    def _left_behind(self, work: Work, source: Source, rows: Rows) -> list[Save | Drop]:
        """Former addresses lead to the new one; aliases that the file no longer names are gone."""
        changes: list[Save | Drop] = []
        for path in source.former:
            row = rows.get(("path", claim_of(path))) or self._table.get("path", claim_of(path))
            item: Item = {"kind": "moved", "source": work.key, "path": path, "to": source.path}
            if claim_of(path) == claim_of(source.path) or row is None or not work.owns(row):
                continue
            if row.item != item:
                changes.append(claiming(path, item, row))
                work.released.add(path)
            if row.item != item or (work.old and work.old.path == path):
                work.paths.add(path)
        kept = {claim_of(path) for path in (*source.aliases, *source.former, source.path)}
        for alias in work.old.aliases if work.old else ():
            if claim_of(alias) in kept:
                continue
            row = rows.get(("path", claim_of(alias))) or self._table.get("path", claim_of(alias))
            if row and work.owns(row):
                item = {"kind": "gone", "source": work.key, "path": alias, "id": "", "first_seen": ""}
                changes.append(claiming(alias, item, row))
                work.paths.add(alias)
                work.released.add(alias)
        return changes

    def settle(self, path: str, theme: Theme, *, doubtful: bool = False) -> str:
        """Puts a redirect or a tombstone where no article stands any more; leaves alone where one does.

        What is stored is looked at before the claim is read, and the write is conditional on it: a page that is
        published in between is not overwritten. Only one that has come back byte for byte is, for its etag is the
        old one: then the file that it belongs to is returned, else "". `doubtful`: its page may have been written over
        otherwise, too. Also returned is a file that has the address back, whose article has not left it yet.
        """
        key = page_key(path)
        if before := self._give_up(path, theme.publication):
            return before
        for _ in range(MAX_ROUNDS):
            stored = self._stored(key)
            row = self._table.get("path", claim_of(path))
            if row is None or _stands(row, path):
                return str(row.item["source"]) if row and doubtful else ""
            if not path.endswith("/") and self._is_file(path):  # it came after the alias
                return ""
            put = _notice(path, row, theme)
            self._site.delete(card_key(path))
            doubtful = True  # an article that has come meanwhile may have lost its card
            if stored and stored.metadata == put.metadata:
                row = self._table.get("path", claim_of(path))
                return str(row.item["source"]) if row and _stands(row, path) else ""
            put = replace(put, if_match=stored.etag) if stored else replace(put, if_absent=True)
            try:
                self._site.put(put)
            except Conflict:
                continue
            except Permanent:  # on a file system a folder and a file cannot have one name
                if path.endswith("/") or self._is_file(path):
                    return ""
                return self.settle(f"{path}/", theme, doubtful=doubtful)  # in the folder that has its name
            row = self._table.get("path", claim_of(path))
            return str(row.item["source"]) if row and _stands(row, path) else ""
        raise Transient(f"{key} is being written by others over and over")

    def _give_up(self, path: str, publication: Publication) -> str:
        """Frees an address that was claimed for what its file no longer says, by who did not get to publish that.

        Where the article that stood there before does so still, as the feeds have it, its file is returned, to be
        published again; until it leaves, the address is that one's.
        """
        row = self._table.get("path", claim_of(path))
        if row is None or row.item["kind"] not in {*STANDING, "moved"}:
            return ""
        key = str(row.item["source"])
        known = self.known(key)
        if row.item["kind"] == "moved":  # unless who moves it has not come to its row
            return key if known and known.live and claim_of(known.path) == claim_of(path) else ""
        if known and known.live and claim_of(path) in map(claim_of, (known.path, *known.aliases)):
            return ""
        try:
            there = self._content.head(key)
        except NotFound:
            wanted = False
        else:  # where it has been read as it is, and is not live, it is a draft or put off
            read = known is not None and known.etag == there.etag
            wanted = not read and self._wanted(key, path, publication)
        if wanted and not self._table.get("refused", key):
            return ""
        item: Item = {"kind": "gone", "source": key, "path": path, "id": "", "first_seen": ""}
        before = self.known(str(row.item.get("before", "")))
        if before and before.live and claim_of(before.path) == claim_of(path):
            item = _home(before)
        with suppress(Conflict):  # it is another's by now
            self._table.write([claiming(path, item, row)])
        return str(item["source"]) if item["kind"] == "article" else ""

    def _is_file(self, path: str) -> bool:
        row = self._table.get("source", path.rstrip("/"))
        return row is not None and row.item["state"] == "asset"

    def _stored(self, key: str) -> Blob | None:
        try:
            return self._site.head(key)
        except NotFound:
            return None


def beside_file(settled: Settled, files: Container[str]) -> tuple[str, Problem] | None:
    """The first of an article's addresses at which a file of the content is published, and what to tell the author."""
    source, lines = settled.source, settled.parsed.lines
    for path in (source.path, *source.aliases):
        key = path.rstrip("/")
        if key not in files:
            continue
        alias = path != source.path
        line = lines.get("aliases", 1) if alias else lines.get("path") or lines.get("slug") or 1
        what = f"{'the alias ' if alias else ''}/{path} is the address of the file {key}"
        todo = (
            "remove it from `aliases`"
            if alias
            else "give the article another `slug`, or the file another name"
        )
        return path, Problem(file=source.key, line=line, what=what, todo=todo, code="duplicate-slug")
    return None


def _stands(row: Row, path: str) -> bool:
    return row.item["kind"] == "article" and row.item["path"] == path


def _notice(path: str, row: Row, theme: Theme) -> Put:
    there = held(row)
    if there["kind"] == "gone":
        from pressrun.rendering.pages import gone_page

        body, metadata = gone_page(theme), {"status": "410"}
    else:
        target = str(there.get("to") or there["path"])
        from pressrun.rendering.pages import redirect_page

        body = redirect_page(theme, "/" + target)
        metadata = {"status": "301", "location": theme.publication.base + href(target)}
    metadata["digest"] = digest(body)
    return Put(key=page_key(path), body=body, content_type=HTML, cache_control=PAGE_CACHE, metadata=metadata)


def _home(source: Source) -> Item:
    """What says that an article stands at its address."""
    item: Item = {
        "kind": "article",
        "source": source.key,
        "path": source.path,
        "id": source.id,
        "first_seen": source.first_seen,
    }
    if source.former:  # known before the file's own row is, which another may be faster with
        item["former"] = [*source.former]
    return item


def _remembering(settled: Settled, known: dict[str, Any]) -> Settled:
    """The article with what its address knows: the id, unless the file states one, and where it stood before."""
    source = settled.source
    former = tuple(path for path in known.get("former", ()) if path != source.path)
    source = replace(source, former=tuple(dict.fromkeys((*source.former, *former))))
    if known.get("id") and not source.given_id:
        source = replace(
            source,
            id=known["id"],
            sort=sort_key(settled.date, known["id"]),
            first_seen=known.get("first_seen") or source.first_seen,
        )
    return replace(settled, source=source)
