"""The only place that chooses backends."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from pressrun.config import environment_settings
from pressrun.domain.caching import ASSET_CACHE, PAGE_CACHE
from pressrun.errors import Permanent
from pressrun.house import House
from pressrun.ports import Clock, Mailer, ObjectStore, Table, Versions, nobody

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

    from pressrun.adapters.aws.clients import Clients
    from pressrun.adapters.local.files import FileStore
    from pressrun.adapters.local.smtp import SmtpMailer


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Closing(Protocol):
    """What is to be closed after use."""

    def close(self) -> None: ...


Made = TypeVar("Made", bound=Closing)


AWS_NAMES = ("PRESSRUN_CONTENT_BUCKET", "PRESSRUN_SITE_BUCKET", "PRESSRUN_TABLE", "PRESSRUN_QUEUE_URL")
MAILERS = ("outbox", "smtp", "ses")


class Once(Generic[Made]):
    """Makes a thing when it is first asked for, in whichever thread, and keeps it."""

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Made | None = None

    def __call__(self) -> Made:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def close(self) -> None:
        """Closes what was made; the next call makes it anew."""
        with self._lock:
            if self._made is not None:
                self._made.close()
                self._made = None


def local(
    content: Path, home: Path, environment: Mapping[str, str] = os.environ, *, durable: bool = True
) -> House:
    """Files and SQLite: the articles in `content`, everything else below `home`.

    Raises Permanent where what is written to `home` would be taken for content.
    `durable` False: what is committed survives a crash of the program, and may not survive one of the machine.
    """
    from pressrun.adapters.local.files import FileStore
    from pressrun.adapters.local.headers import Headers, by_suffix
    from pressrun.adapters.local.logs import LogFiles
    from pressrun.adapters.local.sqlite import SqliteQueue, SqliteTable

    def implied(key: str) -> Headers:
        """What most objects of a site are stored with; the file store keeps only what differs from it."""
        return by_suffix(key)._replace(cache_control=PAGE_CACHE if key.endswith(".html") else ASSET_CACHE)

    _refuse_nesting(content, home)
    _make(home)
    clock = SystemClock()
    source = FileStore(content, etags="stat")
    site = FileStore(home / "site", home / "objects.db", implies=implied)
    reports = FileStore(home / "errors")
    table = SqliteTable(home / "catalogue.db", durable=durable)
    queue = SqliteQueue(home / "queue.db", "publish", clock)
    mail = FileStore(home / "mail")
    mail_queue = SqliteQueue(home / "queue.db", "mail", clock)
    views = FileStore(home / "views")
    clients = Once(_clients)
    mailer = Once(
        lambda: _mailer(environment, "outbox", home, clock, lambda: _ses(environment, clients().sesv2))
    )

    def close() -> None:
        for part in (source, site, reports, table, queue, mail, mail_queue, mailer, clients, views):
            part.close()

    return House(
        content=source,
        site=site,
        reports=reports,
        table=table,
        queue=queue,
        mail=mail,
        mail_queue=mail_queue,
        mailer=mailer,
        counts=views,
        folder=LogFiles(home / "logs"),
        clock=clock,
        overrides=environment_settings(environment),
        close=close,
        ping=_ping,
    )


def folder(path: Path) -> FileStore:
    """The files of a content folder, for whoever brings it in line with another place."""
    from pressrun.adapters.local.files import FileStore

    return FileStore(path, etags="stat")


def aws(environment: Mapping[str, str] = os.environ) -> House:
    """S3, DynamoDB and SQS, named by the environment.

    PRESSRUN_CONTENT_BUCKET holds uploads under `content/` (watched) and reports under `errors/` (not watched);
    PRESSRUN_SITE_BUCKET the site; PRESSRUN_TABLE the catalogue; PRESSRUN_QUEUE_URL the publishing queue and
    PRESSRUN_DEAD_QUEUE_URL, optional, its dead letters; PRESSRUN_MAIL_QUEUE_URL and PRESSRUN_MAIL_DEAD_QUEUE_URL
    those of the mail (letters and records are kept under `mail/` in the content bucket); PRESSRUN_TOPIC_ARN,
    optional, the editors' notifications; PRESSRUN_LOG_BUCKET, optional, the access logs that are counted (counts are
    kept under `views/` in the content bucket). PRESSRUN_FEEDBACK_QUEUE_URL and PRESSRUN_COUNT_QUEUE_URL, with their
    …_DEAD_QUEUE_URL, are for `pressrun status` and `redrive` alone.
    Raises Permanent where one is missing.
    """
    from pressrun.adapters.aws.clients import Clients
    from pressrun.adapters.aws.dynamodb import DynamoTable
    from pressrun.adapters.aws.s3 import S3Store
    from pressrun.adapters.aws.sns import SnsTopic
    from pressrun.adapters.aws.sqs import SqsQueue

    missing = [name for name in AWS_NAMES if not environment.get(name)]
    if missing:
        raise Permanent(f"{', '.join(missing)} not set; `pressrun doctor --target aws` says what is needed")
    clients = Clients()
    bucket = environment["PRESSRUN_CONTENT_BUCKET"]
    source = S3Store(clients.s3, bucket, "content/")
    reports = S3Store(clients.s3, bucket, "errors/")
    site = S3Store(clients.s3, environment["PRESSRUN_SITE_BUCKET"])
    table = DynamoTable(clients.dynamodb, environment["PRESSRUN_TABLE"])
    queue = SqsQueue(
        clients.sqs, environment["PRESSRUN_QUEUE_URL"], environment.get("PRESSRUN_DEAD_QUEUE_URL")
    )
    mail = S3Store(clients.s3, bucket, "mail/")
    mail_queue = SqsQueue(
        clients.sqs,
        environment.get("PRESSRUN_MAIL_QUEUE_URL", ""),
        environment.get("PRESSRUN_MAIL_DEAD_QUEUE_URL"),
    )
    views = S3Store(clients.s3, bucket, "views/")
    log_bucket = environment.get("PRESSRUN_LOG_BUCKET", "")
    logs = S3Store(clients.s3, log_bucket) if log_bucket else None
    clock = SystemClock()
    mailer = Once(lambda: _mailer(environment, "ses", None, clock, lambda: _ses(environment, clients.sesv2)))
    topic = environment.get("PRESSRUN_TOPIC_ARN", "")
    others = {
        name.lower(): SqsQueue(clients.sqs, url, environment.get(f"PRESSRUN_{name}_DEAD_QUEUE_URL"))
        for name in ("FEEDBACK", "COUNT")
        if (url := environment.get(f"PRESSRUN_{name}_QUEUE_URL"))
    }

    def close() -> None:
        for part in (source, site, reports, table, queue, mail, mail_queue, mailer, clients, views):
            part.close()
        if logs:
            logs.close()

    return House(
        content=source,
        site=site,
        reports=reports,
        table=table,
        queue=queue,
        mail=mail,
        mail_queue=mail_queue,
        mailer=mailer,
        counts=views,
        logs=logs,
        log_place=log_bucket,
        clock=clock,
        overrides=environment_settings(environment),
        close=close,
        notify=SnsTopic(clients.sns, topic).tell if topic else nobody,
        ping=_ping,
        others=others,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelves:
    """What the desk keeps beside a publication: files that were withdrawn, and what files were before."""

    aside: ObjectStore
    versions: Versions
    close: Callable[[], None]


def local_shelves(home: Path) -> Shelves:
    """`home/withdrawn` and `home/versions`."""
    from pressrun.adapters.local.files import FileStore
    from pressrun.adapters.local.versions import VersionFolder

    aside = FileStore(home / "withdrawn", etags="stat")
    versions = FileStore(home / "versions", etags="stat")

    def close() -> None:
        aside.close()
        versions.close()

    return Shelves(aside=aside, versions=VersionFolder(versions, SystemClock()), close=close)


def aws_shelves(environment: Mapping[str, str] = os.environ) -> Shelves:
    """`withdrawn/` in the content bucket, which nothing watches, and the bucket's own versions of `content/`."""
    from pressrun.adapters.aws.clients import Clients
    from pressrun.adapters.aws.s3 import S3Store
    from pressrun.adapters.aws.versions import S3Versions

    clients, bucket = Clients(), environment["PRESSRUN_CONTENT_BUCKET"]
    aside = S3Store(clients.s3, bucket, "withdrawn/")

    def close() -> None:
        aside.close()
        clients.close()

    return Shelves(aside=aside, versions=S3Versions(clients.s3, bucket, "content/"), close=close)


def mailer_name(environment: Mapping[str, str], default: str) -> str:
    """The mailer that PRESSRUN_MAILER chooses: one of MAILERS. Raises Permanent where it is another word."""
    name = environment.get("PRESSRUN_MAILER") or default
    if name not in MAILERS:
        raise Permanent(f"PRESSRUN_MAILER is {name!r}; choose one of {', '.join(MAILERS)}")
    return name


def _mailer(
    environment: Mapping[str, str], default: str, home: Path | None, clock: Clock, ses: Callable[[], Mailer]
) -> Mailer:
    """The mailer that the environment chooses. Raises Permanent where what it needs is missing."""
    name = mailer_name(environment, default)
    if name == "ses":
        return ses()
    if name == "smtp":
        return smtp_mailer(environment)
    if home is None:
        raise Permanent("there is no folder for an outbox on AWS; set PRESSRUN_MAILER to ses or smtp")
    from pressrun.adapters.local.outbox import Outbox

    return Outbox(home / "outbox", clock)


def _clients() -> Clients:
    from pressrun.adapters.aws.clients import Clients

    return Clients()


def _ses(environment: Mapping[str, str], client: SESV2Client) -> Mailer:
    from pressrun.adapters.aws.ses import SesMailer

    return SesMailer(client, configuration_set=environment.get("PRESSRUN_SES_CONFIGURATION_SET", ""))


def smtp_mailer(environment: Mapping[str, str]) -> SmtpMailer:
    """Reads PRESSRUN_SMTP_URL and PRESSRUN_DKIM_*; nothing is connected yet. Raises Permanent."""
    from pressrun.adapters.local.smtp import SmtpMailer, server_from

    url, key = environment.get("PRESSRUN_SMTP_URL", ""), environment.get("PRESSRUN_DKIM_KEY", "")
    if not url:
        raise Permanent("PRESSRUN_SMTP_URL is not set; write it as smtp://user:password@mail.example.org:587")
    server, connections = server_from(url)
    signer = None
    if key:
        from pressrun.adapters.local.dkim import Signer

        signer = Signer.load(
            Path(key),
            domain=environment.get("PRESSRUN_DKIM_DOMAIN", ""),
            selector=environment.get("PRESSRUN_DKIM_SELECTOR", ""),
        )
    return SmtpMailer(server, signer=signer, connections=connections)


@contextmanager
def scratch() -> Iterator[Table]:
    """A Table for trials on this machine's disk, gone at the end."""
    from pressrun.adapters.local.sqlite import SqliteTable

    with (
        tempfile.TemporaryDirectory(prefix="pressrun-") as folder,
        SqliteTable(Path(folder) / "trial.db", durable=False) as table,
    ):
        yield table


@contextmanager
def articles(content: Path, target: str) -> Iterator[ObjectStore]:
    """The content folder alone, or the content bucket as the environment names it."""
    from pressrun.adapters.local.files import FileStore

    if target == "aws":
        house = aws()
        try:
            yield house.content
        finally:
            house.close()
        return
    store = FileStore(content, etags="stat")
    try:
        yield store
    finally:
        store.close()


def _ping(hub: str, urls: Sequence[str]) -> None:
    from pressrun.adapters.websub import ping

    ping(hub, urls)


def _make(home: Path) -> None:
    """Raises Permanent where nothing can be written below `home`."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except FileExistsError:
        raise Permanent(f"{home} is a file; name a folder with --home") from None
    except OSError as error:
        why = (error.strerror or "it cannot be written").lower()
        raise Permanent(
            f"nothing can be written in {home} ({why}); name another folder with --home"
        ) from None


def claim(content: Path, home: Path) -> None:
    """Keeps a home for the publication in `content`: publishing another there would withdraw it.

    Raises Permanent where the home is another's, whose folder is still there: a folder may be moved or renamed.
    """
    note = home / "content.path"
    there = os.path.relpath(content.resolve(), home.resolve())
    kept = note.read_text("utf-8") if note.exists() else there
    if kept != there and (home / kept).is_dir():
        raise Permanent(
            f"{home} holds what was published from {(home / kept).resolve()}, which would be withdrawn; "
            f"name another home for {content} with --home (or, if this is the same publication, remove {note})"
        )
    if kept != there or not note.exists():
        _make(home)
        note.write_text(there, "utf-8")


def _refuse_nesting(content: Path, home: Path) -> None:
    """What lies in the content folder and is not hidden is published: the site itself must not be."""
    inner, outer = home.resolve(), content.resolve()
    if inner.is_relative_to(outer) and not any(
        part.startswith(".") for part in inner.relative_to(outer).parts
    ):
        raise Permanent(
            f"{home} lies in {content} and would be published with it; "
            f"choose a folder outside, or a hidden one: --home {content / '.pressrun'}"
        )
