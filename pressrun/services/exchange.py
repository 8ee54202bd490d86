"""A folder of articles and the content bucket: what differs, and bringing one in line with the other.

A file in the bucket is the same where its size is, and its etag is the MD5 of the bytes or its metadata hold their
SHA-256, which is written with every upload: an etag is no MD5 where a key of KMS encrypts the bucket, or an upload had
parts. Every write is conditional on what was compared, so that nobody's change is written over unseen.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5, sha256
from typing import Any, Final

import orjson

from pressrun.domain.problems import Problem
from pressrun.errors import Conflict, Invalid, NotFound, Permanent, Transient
from pressrun.parsing.keys import is_article, is_left_alone
from pressrun.ports import ObjectStore, Put, Stat, Table, nobody
from pressrun.services.catalogue import refusal_of, source_of
from pressrun.services.imprint import Imprints, is_setting

BATCH_BYTES: Final = 32_000_000  # of files that are held in memory at a time, unless one alone has more
BATCH: Final = 64  # files
DIGEST: Final = "sha256"
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Keys, in the order in which they are best uploaded. `there`: the bucket's objects as they were compared."""

    here: tuple[str, ...]  # in the folder only
    differing: tuple[str, ...]
    elsewhere: tuple[str, ...]  # in the bucket only
    same: int
    there: Mapping[str, Stat]


def compare(folder: ObjectStore, bucket: ObjectStore) -> Comparison:
    """Reads the files whose size is the same, and no others."""
    there = {stat.key: stat for stat in bucket.list()}
    here, differing, same, seen = [], [], 0, set()
    for stat in folder.list():
        seen.add(stat.key)
        if stat.key not in there:
            here.append(stat.key)
        elif stat.size != there[stat.key].size or not _alike(folder, bucket, there[stat.key]):
            differing.append(stat.key)
        else:
            same += 1
    return Comparison(
        here=tuple(sorted(here, key=_order)),
        differing=tuple(sorted(differing, key=_order)),
        elsewhere=tuple(key for key in there if key not in seen),
        same=same,
        there=there,
    )


def _order(key: str) -> tuple[bool, bool, str]:
    """Settings, then other files, then articles: so that each is published once, with its pictures' sizes."""
    return (not is_setting(key), is_article(key), key)


def _alike(folder: ObjectStore, bucket: ObjectStore, stat: Stat) -> bool:
    body = folder.get(stat.key).body
    if md5(body, usedforsecurity=False).hexdigest() == stat.etag:
        return True
    return bucket.head(stat.key).metadata.get(DIGEST) == sha256(body).hexdigest()


def upload(
    folder: ObjectStore, bucket: ObjectStore, found: Comparison, *, told: Told = nobody
) -> tuple[dict[str, str], list[str]]:
    """Uploads what is new and what differs: the etag of each, and the keys that somebody else was faster with."""
    wanted = sorted((*found.here, *found.differing), key=_order)
    etags: dict[str, str] = {}
    overtaken: list[str] = []
    done = 0
    for puts in _batches(folder, wanted, found.there):
        for put, result in zip(puts, bucket.put_many(puts), strict=True):
            if isinstance(result, Transient):
                raise result
            if isinstance(result, Conflict):
                overtaken.append(put.key)
            else:
                etags[put.key] = result
        done += len(puts)
        told(done, len(wanted))
    return etags, overtaken


def _batches(folder: ObjectStore, keys: Iterable[str], there: Mapping[str, Stat]) -> Iterator[list[Put]]:
    batch: list[Put] = []
    size = 0
    for key in keys:
        try:
            body = folder.get(key).body
        except NotFound:
            continue  # removed since
        if batch and (len(batch) == BATCH or size + len(body) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        stat = there.get(key)
        batch.append(
            Put(
                key=key,
                body=body,
                content_type=mimetypes.guess_type(key)[0] or "application/octet-stream",
                metadata={DIGEST: sha256(body).hexdigest()},
                if_match=stat.etag if stat else None,
                if_absent=stat is None,
            )
        )
        size += len(body)
    if batch:
        yield batch


def remove(
    folder: ObjectStore, bucket: ObjectStore, keys: Sequence[str], there: Mapping[str, Stat]
) -> list[str]:
    """Deletes from the bucket what the folder does not hold; the keys that were deleted.

    What has changed since it was compared stays. Raises Permanent where the folder is empty.
    """
    if next(iter(folder.list()), None) is None:
        raise Permanent("the folder is empty; nothing is deleted. Is it the right one?")
    removed = []
    for key in keys:
        try:
            if bucket.head(key).etag != there[key].etag:
                continue
        except NotFound:
            continue
        bucket.delete(key)
        removed.append(key)
    return removed


def download(
    folder: ObjectStore,
    bucket: ObjectStore,
    keys: Iterable[str],
    *,
    overwrite: bool = False,
    told: Told = nobody,
) -> list[str]:
    """Writes objects of the bucket into the folder; the keys written. Without `overwrite` no file is replaced."""
    wanted = list(keys)
    written = []
    for number, key in enumerate(wanted, 1):
        try:
            blob = bucket.get(key)
            folder.put(Put(key=key, body=blob.body, content_type=blob.content_type, if_absent=not overwrite))
        except (NotFound, Conflict):
            continue  # deleted there, or made here, since it was compared
        written.append(key)
        told(number, len(wanted))
    return written


# --- what the publisher answers ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a file. `state`: a Source's, or "refused", "withdrawn", "in force"."""

    key: str
    state: str
    path: str = ""
    due: str = ""
    problems: tuple[Problem, ...] = ()


class Answers:
    """What the publisher made of uploads, read from the catalogue. Made before the upload, and asked after it."""

    def __init__(self, *, table: Table, reports: ObjectStore, imprints: Imprints) -> None:
        self._imprints = imprints
        self._table = table
        self._reports = reports
        self._before = table.get("site", "publication")
        self._refused = {row.sort: row.item for row in table.query("refused") if is_setting(row.sort)}

    def look(self, wanted: Mapping[str, str]) -> dict[str, Answer]:
        """Answers to uploads, by key; `wanted` has their etags, "" for a deletion. None yet: not among them."""
        rows = self._table.get_many([(kind, key) for kind in ("source", "refused") for key in wanted])
        found: dict[str, Answer] = {}
        settings = [key for key in wanted if is_setting(key)]
        for key, etag in wanted.items():
            source, refused = rows.get(("source", key)), rows.get(("refused", key))
            if is_setting(key):
                continue
            if is_left_alone(key):
                found[key] = Answer(key=key, state="left alone")
            elif refused and refused.item["etag"] == etag:
                found[key] = self._refusal(key, refusal_of(refused).problems)
            elif not etag and source is None and refused is None:
                found[key] = Answer(key=key, state="withdrawn")
            elif etag and source and source.item["etag"] == etag and not refused:
                known = source_of(source)
                found[key] = Answer(key=key, state=known.state, path=known.path or key, due=known.due)
        if settings:
            found |= self._settings(settings)
        return found

    def _settings(self, keys: Sequence[str]) -> dict[str, Answer]:
        """Settings and templates are taken into force together, or refused."""
        refused = [row for row in self._table.query("refused") if is_setting(row.sort)]
        news = [row for row in refused if self._refused.get(row.sort) != row.item]
        if news:
            answers = {row.sort: self._refusal(row.sort, refusal_of(row).problems) for row in news}
            first = next(iter(answers.values()))
            others = {key: Answer(key=key, state="refused", problems=first.problems) for key in keys}
            return {**others, **answers}
        now = self._table.get("site", "publication")
        changed = now is not None and (self._before is None or now.version != self._before.version)
        if not refused and (changed or self._in_force(now.item if now else {})):
            return {key: Answer(key=key, state="in force") for key in keys}
        return {}

    def _in_force(self, item: Mapping[str, Any]) -> bool:
        """Whether what stands in the content is what is in force, as after a change of a comment."""
        try:
            return self._imprints.described() == item
        except Invalid:
            return False

    def _refusal(self, key: str, problems: tuple[Problem, ...]) -> Answer:
        """As the report says it, which is there for authors who see the bucket alone."""
        try:
            report = orjson.loads(self._reports.get(f"{key}.json").body)
            problems = tuple(Problem(**problem) for problem in report["problems"])
        except NotFound:
            pass  # taken back since, or never written: the row says the same
        return Answer(key=key, state="refused", problems=problems)
