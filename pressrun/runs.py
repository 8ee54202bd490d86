"""What the command line does, as functions: whole runs over a publication."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from shlex import quote
from typing import Literal
from urllib.parse import urlsplit

from pressrun import bootstrap
from pressrun.config import (
    SETTINGS_FILE,
    environment_settings,
    publication_from,
    read_settings,
    unknown_variables,
)
from pressrun.domain.problems import Problem
from pressrun.errors import Invalid, NotFound, Permanent, PressrunError
from pressrun.house import House
from pressrun.services.imprint import Imprints
from pressrun.services.sweep import Hands, Progress, Report, bring_in_line
from pressrun.services.work import Stage

Target = Literal["local", "aws"]
CHUNK = 1 << 18  # bytes of a log that are read at once
COUNTED_TOGETHER = 4 << 20  # bytes of logs: below this, as below
SHARED_FROM = 300  # files to publish: below this, starting other processes costs more than they bring


def publish_all(content: Path, home: Path, *, target: Target, jobs: int, progress: Progress) -> Report:
    """Brings the site in line with `content`; on AWS, the site with the content bucket."""
    if target == "aws":
        house = bootstrap.aws()
        try:
            return bring_in_line(house.publisher, progress=progress)
        finally:
            house.close()
    house = bootstrap.local(content, home)
    bootstrap.claim(content, home)
    try:
        changed = house.publisher.imprints.refresh_if_right()
        share = partial(_hands, house, content, home, jobs)
        report = bring_in_line(house.publisher, share=share, progress=progress)
        if changed or not _has_totals(house):  # else whoever counts brings them up to date
            house.views.totals.refresh(full=True)
        return report
    finally:
        house.close()


def _has_totals(house: House) -> bool:
    """Whether the list of what is read most stands, if only an empty one: pages may lead to it."""
    try:
        house.site.head("popular/index.html")
    except NotFound:
        return False
    return True


@contextmanager
def _hands(house: House, content: Path, home: Path, jobs: int, files: int) -> Iterator[Hands | None]:
    if jobs < 2 or files < SHARED_FROM:
        yield None
        return
    forks = sys.platform == "linux"
    if forks:
        _prepare(house)
    house.close()  # no open file of a database goes over a fork
    context = multiprocessing.get_context("fork" if forks else "spawn")
    begin = partial(_begin, content, home)
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=begin) as executor:
        yield Hands(executor, _store, _wave, jobs)


def _prepare(house: House) -> None:
    """Imports and compiles what each of the processes to be forked would have to: 0.25 s of processor time."""
    from pressrun.rendering.pages import prepare
    from pressrun.services import entering, reading, renditions  # noqa: F401 - for those who come

    prepare(house.publisher.imprints.current().theme)


_house: House | None = None


def _begin(content: Path, home: Path) -> None:
    global _house  # noqa: PLW0603 - a worker process has one publication, for as long as it lives
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # many short-lived values, hardly a cycle among them
    _house = bootstrap.local(content, home, durable=False)


def _store(keys: list[str]) -> Stage:
    return _mine().publisher.store(keys)


def _wave(names: list[str], within: frozenset[str]) -> set[str]:
    return _mine().publisher.renderer().wave(names, within)


def _mine() -> House:
    if _house is None:
        raise RuntimeError("this process was not begun as a worker")
    return _house


@dataclass(frozen=True, slots=True)
class Counted:
    """A log of the site's earlier home: its lines, or why it cannot be read."""

    path: Path
    lines: int = 0
    wrong: str = ""


def count_logs(
    content: Path, home: Path, logs: Sequence[Path], *, target: Target, jobs: int
) -> Iterator[Counted]:
    """Counts logs, several at once where there is enough of it; in their order. Days are not closed yet."""
    if min(jobs, len(logs)) < 2 or sum(path.stat().st_size for path in logs) < COUNTED_TOGETHER:
        _begin_count(content, home, target)
        yield from map(_count_log, logs)
        _mine().close()
        return
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    begin = partial(_begin_count, content, home, target)
    with ProcessPoolExecutor(min(jobs, len(logs)), mp_context=context, initializer=begin) as executor:
        yield from executor.map(_count_log, logs)


def _begin_count(content: Path, home: Path, target: Target) -> None:
    global _house  # noqa: PLW0603 - as above
    _house = bootstrap.aws() if target == "aws" else bootstrap.local(content, home)


def _count_log(path: Path) -> Counted:
    from pressrun.services.count import Log

    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        log = Log(name="import", etag=_hash(path), modified=modified, chunks=_chunks(path))
        return Counted(path, _mine().counter.count_old(log))
    except Permanent as error:
        return Counted(path, wrong=str(error))


def _hash(path: Path) -> str:
    """Of what it says: the same log counts once, packed or not."""
    from pressrun.parsing.accesslogs.blocks import plain

    found = sha256()
    for piece in plain(_chunks(path)):
        found.update(piece)
    return found.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as log:
        while chunk := log.read(CHUNK):
            yield chunk


def passed_over(content: Path) -> list[Problem]:
    """Warnings of what lies in `content` and is not even read: links out of it, pipes."""
    from pressrun.adapters.local.folder import Folder

    return [
        Problem(
            file=key.encode(errors="replace").decode(),
            line=0,
            what=f"{why}, and is left out",
            todo="put the file itself there, under a plain name, or remove it",
            code="passed-over",
            severity="warning",
        )
        for key, why in Folder(content, "stat").passed_over()
    ]


def check_all(content: Path, home: Path) -> list[Problem]:
    """Every finding in `content`; nothing is published. Raises Invalid where the settings are wrong.

    Where `home` knows an earlier publish, what was published first keeps its address.
    """
    from pressrun.adapters.local.files import FileStore
    from pressrun.adapters.local.sqlite import SqliteTable
    from pressrun.services.lint import lint

    store = FileStore(content, etags="stat")
    catalogue = home / "catalogue.db"
    table = SqliteTable(catalogue) if os.access(catalogue, os.W_OK) else None

    def holder(kind: str, name: str) -> str:
        row = table.get(kind, name) if table else None
        return str(row.item["source"]) if row else ""

    try:
        imprint = Imprints.read(store, environment_settings(os.environ))
        return passed_over(content) + lint(store, imprint, bootstrap.SystemClock(), holder)
    finally:
        store.close()
        if table:
            table.close()


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of `pressrun doctor`."""

    level: Literal["ok", "hint", "bad"]
    text: str


def examine(content: Path, home: Path, target: Target) -> Iterator[Finding]:
    """What is configured and what is missing."""
    yield Finding("ok", f"Python {sys.version.split()[0]}")
    yield from _settings(content, target)
    yield from _mailer(target)
    yield from _local(content, home) if target == "local" else _aws()


def _settings(content: Path, target: Target) -> Iterator[Finding]:
    for name, near in unknown_variables(os.environ):
        yield Finding("hint", f"nothing reads {name}" + (f"; did you mean {near}?" if near else ""))
    path = content / SETTINGS_FILE
    if not content.is_dir():
        yield Finding(
            "bad", f"there is no folder {content}; make one with `pressrun init {quote(str(content))}`"
        )
        return
    if not path.is_file():
        yield Finding("hint", f"no {path}: defaults are used; `pressrun init` shows what can be set")
        return
    try:
        publication = publication_from(read_settings(path.read_bytes()), environment_settings(os.environ))
    except Invalid as error:
        yield from (Finding("bad", str(problem)) for problem in error.problems)
        return
    yield Finding(
        "ok",
        f"{path}: “{publication.title}” at {publication.url}, in {publication.language}, {publication.timezone}",
    )
    if not publication.authors:
        yield Finding("hint", "no [[authors]]: articles that name no author have none, and Atom wants one")
    if not publication.description:
        yield Finding("hint", "no `description`: feeds and search engines show one")
    if not publication.id_authority:
        what = f"no `id_authority`: the ids of entries begin with tag:{publication.authority}"
        yield Finding("hint", f"{what} and would change with `url`; write it down")
    own = urlsplit(publication.url).hostname in {"127.0.0.1", "localhost", "::1"}
    if own and target == "aws":
        what = f"`url` is {publication.url}, this machine's own: links in feeds and mails would lead nowhere"
        yield Finding("bad", f"{what}; set it, or PRESSRUN_URL by `pressrun deploy --site-url`")
    elif publication.url.startswith("http://") and not own:
        yield Finding("hint", f"`url` is {publication.url}: readers expect https")
    if publication.base:
        host = publication.url.removesuffix(publication.base)
        what = f"crawlers read robots.txt at {host}/robots.txt alone, which is not below `url`"
        yield Finding("hint", f"{what}: write `Sitemap: {publication.url}/sitemap.xml` there")
    hub = publication.feed.hub
    yield Finding("ok", f"WebSub hub {hub}" if hub else "no WebSub hub (feed.hub): readers poll")


def _mailer(target: Target) -> Iterator[Finding]:
    """Which mailer is chosen, and whether it has what it needs. An SMTP server is greeted, and sent nothing."""
    environment = os.environ
    try:
        name = bootstrap.mailer_name(environment, "outbox" if target == "local" else "ses")
        if name == "smtp":
            bootstrap.smtp_mailer(environment).greet()
    except PressrunError as error:
        yield Finding("bad", f"mailer: {error}")
        return
    if name == "outbox":
        what = (
            "mail stays here, in the outbox"
            if target == "local"
            else "there is no folder for an outbox on AWS"
        )
        more = "set PRESSRUN_MAILER to smtp or ses to send it"
        yield Finding("ok" if target == "local" else "bad", f"mailer: {what}; {more}")
    elif name == "smtp":
        signed = "signs with DKIM" if environment.get("PRESSRUN_DKIM_KEY") else "leaves DKIM to the server"
        yield Finding("ok", f"mailer: SMTP by PRESSRUN_SMTP_URL, which answers; {signed}")
    elif environment.get("PRESSRUN_SES_CONFIGURATION_SET"):
        yield Finding("ok", f"mailer: SES, events by {environment['PRESSRUN_SES_CONFIGURATION_SET']}")
    else:
        what = "mailer: SES without PRESSRUN_SES_CONFIGURATION_SET"
        yield Finding("hint", f"{what}: no events come, so bounces go unseen and uncertain batches stay so")


def _local(content: Path, home: Path) -> Iterator[Finding]:
    place = next(place for place in (home, *home.absolute().parents) if os.path.lexists(place))
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        yield Finding("bad", f"{place} cannot be written; choose another --home")
        return
    if not (home / "catalogue.db").exists():
        yield Finding(
            "hint", f"nothing is published in {home} yet; run `pressrun publish {quote(str(content))}`"
        )
        return
    house = bootstrap.local(content, home)
    try:
        rows = list(house.table.query("source"))
        live = sum(row.item["state"] == "published" for row in rows)
        refused = [row.sort for row in house.table.query("refused")]
        yield Finding(
            "ok",
            f"{home}: articles published: {live:,}; other files: {sum(r.item['state'] == 'asset' for r in rows):,}",
        )
        if refused:
            yield Finding(
                "bad", f"refused: {', '.join(refused[:5])}; see `pressrun check {quote(str(content))}`"
            )
        dead = list(house.queue.dead())
        if dead:
            yield Finding("bad", f"{len(dead)} messages were given up: {dead[0].cause or dead[0].body[:80]}")
    finally:
        house.close()


def _aws() -> Iterator[Finding]:
    missing = [name for name in bootstrap.AWS_NAMES if not os.environ.get(name)]
    for name in missing:
        yield Finding("bad", f"{name} is not set")
    if missing:
        return
    house = bootstrap.aws()
    probes: list[tuple[str, Callable[[], object]]] = [
        ("content bucket", lambda: next(iter(house.content.list()), None)),
        ("site bucket", lambda: next(iter(house.site.list("index.html")), None)),
        ("table", lambda: house.table.get("site", "publication")),
        ("mailer", lambda: house.mailer().quota()),
    ]
    try:
        for name, probe in probes:
            try:
                probe()
            except PressrunError as error:
                yield Finding("bad", f"{name}: {error}")
            else:
                yield Finding("ok", f"{name} answers")
    finally:
        house.close()


_SETTINGS = """\
# What this publication is. Every line is optional; `pressrun reference settings` shows them all.
title = {title}
url = "http://127.0.0.1:8000"  # where readers find it, without a slash at the end
description = "A sentence that says what readers get here."
language = "en"
timezone = "UTC"
# A domain that is yours and a date on which it was: entries are known by it for ever (RFC 4151).
id_authority = "example.org,2026"

[[authors]]
name = "Your Name"
bio = "A sentence about you."

[[nav]]
title = "Archive"
url = "/archive/"

[[nav]]
title = "Feeds"
url = "/feeds/"
"""
_FIRST = """\
---
title: Hello
date: {date}
tags: [news]
summary: The first article of a new publication.
---

This is your first article. Change it, save it, and the open page follows.

## What you can write

Markdown with **tables**, footnotes[^1], task lists and highlighted code:

```python
print("hello, reader")
```

Put a picture beside this file and show it with `![What it shows](picture.jpg)`.

[^1]: Like this one.
"""


def start_publication(folder: Path, title: str) -> list[Path]:
    """A new publication in `folder`; the files written."""
    files = {
        folder / SETTINGS_FILE: _SETTINGS.format(title=json.dumps(title, ensure_ascii=False)),
        folder / "posts" / "hello.md": _FIRST.format(date=datetime.now(UTC).date().isoformat()),
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)
