"""Cold starts: each handler as Lambda's own runtime client starts it, up to its first message, as ratios.

What each message needs is made, whether the handler makes it at its start or at the first message: the clients of S3,
DynamoDB and SQS, and the service that the handler calls. The floor makes the same clients with the whole of boto3 and
botocore, and has nothing else. Its descriptions of services are the bundle's, with the few operations that are in them.

Processor time, since others' work hardly touches it. It differs from machine to machine; ratios in the same run do not,
much. The bundle is the real one, made for this machine and for Lambda's Python (where it is here; else for this one),
with its bytecode and nothing else on the path.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version as installed
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from infra.bundle import PYTHON, interpreter, pictures_of
from tests.benchmarks.measure import print_table, say

ROOT = Path(__file__).parents[2]
NOTE = "Cold starts: each function up to its first message, by Lambda's runtime client, against boto3 with its clients"
# What a message needs of each, whatever it asks for.
FUNCTIONS = {
    "publish": "house().publisher",
    "deliver": "house().post",
    "feedback": "house().feedback",
    "api": "api()",
    "count": "house().counter",
    "tick": "house().publisher, house().newsroom, house().deliverer, house().readers, house().views",
}
PICTURED = ("publish", "tick")  # which have the layer on their path, after the bundle
ROUNDS = 25  # with 5 the least of one function was now and then half as much again
BUDGETS: Mapping[str, float] = {"api": 1.15, "deliver": 1.15, "publish": 1.5}
PACKAGES = (
    *("awslambdaric==4.2.2", "simplejson==4.3.0", "snapshot-restore-py==1.0.0"),
    *(f"{name}=={installed(name)}" for name in ("boto3", "botocore", "s3transfer")),
)
CODE = {
    "empty_handler": "def handler(event, context):\n    return None\n",
    "boto3_client": (
        "import boto3\nsession = boto3.session.Session()\n"
        "clients = [session.client(name) for name in ('s3', 'dynamodb', 'sqs')]\n"
        "def handler(event, context):\n    return None\n"
    ),
} | {
    f"{name}_ready": f"from handlers.{name} import *\nfrom handlers.house import house\n{ready}\n"
    "def handler(event, context):\n    return None\n"
    for name, ready in FUNCTIONS.items()
}
ENVIRONMENT = {
    "PRESSRUN_CONTENT_BUCKET": "content",
    "PRESSRUN_SITE_BUCKET": "site",
    "PRESSRUN_TABLE": "table",
    "PRESSRUN_QUEUE_URL": "http://127.0.0.1/queue",
    "PRESSRUN_MAIL_QUEUE_URL": "http://127.0.0.1/mail",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_NAME": "cold",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class RuntimeApi:
    """Lambda's side of its runtime API: notes when a function first asks for work, and gives it none."""

    def __init__(self) -> None:
        asked: SimpleQueue[None] = SimpleQueue()

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                asked.put(None)
                self.send_response(500)
                self.end_headers()

            def do_POST(self) -> None:  # an init that failed
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                say(body.decode(errors="replace")[:2000])
                self.send_response(202)
                self.end_headers()

        self.asked = asked
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._server.server_close()


def start(api: RuntimeApi, python: str, task: Path, module: str) -> tuple[float, float]:
    """One cold start: milliseconds of a processor until it asks for work, and MiB at its largest."""
    client = task.parent / "whole"
    folders = [task, client] if module.endswith("_ready") else [client, task]
    if module.removesuffix("_ready") in PICTURED:
        folders.insert(1, pictures_of(task) / "python")
    path = os.pathsep.join(map(str, (*folders, task.parent / "cold")))
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": path,
        "AWS_LAMBDA_RUNTIME_API": api.address,
        **ENVIRONMENT,
    }
    command = [python, "-S", "-m", "awslambdaric", f"{module}.handler"]
    with subprocess.Popen(
        command, env=environment, cwd=folders[0], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            api.asked.get(timeout=60)
        except Empty:
            process.kill()
            assert process.stderr is not None
            raise RuntimeError(process.stderr.read().decode()[-2000:]) from None
        status = Path(f"/proc/{process.pid}/status")
        threads = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
        spent = sum(int(thread.read_text().split()[0]) for thread in threads)  # nanoseconds
        peak = next((int(line.split()[1]) for line in _lines(status) if line.startswith("VmHWM")), 0)
        process.kill()
    return spent / 1e6, peak / 1024


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def prepare(bench: Path) -> tuple[str, Path]:
    """A Python and the bundle for it; beside this, the runtime client, boto3, and what is to be started."""
    here = ".".join(map(str, sys.version_info[:2]))
    version = PYTHON if interpreter(PYTHON) else here
    python = interpreter(version) or sys.executable
    task = bench / "cold-bundle" / version / "lambda"
    client = task.parent / "whole"
    subprocess.run(
        [sys.executable, ROOT / "infra/bundle.py", "--here", version, "--output", task], check=True
    )
    if not client.exists():
        where = [
            "--target",
            client,
            "--python-version",
            version,
            "--only-binary=:all:",
            "--no-deps",
            "--no-compile",
        ]
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *where, *PACKAGES], check=True)
        compiled = ["compileall", "-q", "--invalidation-mode", "unchecked-hash", client]
        subprocess.run([python, "-m", *compiled], check=True)
    shutil.rmtree(client / "botocore" / "data")
    shutil.copytree(task / "botocore" / "data", client / "botocore" / "data")
    cold = task.parent / "cold"
    cold.mkdir(exist_ok=True)
    for name, code in CODE.items():
        (cold / f"{name}.py").write_text(code, "utf-8")
    return python, task


def measure(bench: Path, rounds: int = ROUNDS) -> dict[str, Any]:
    """All of them in turns, so that what else the machine does meets each alike."""
    python, task = prepare(bench)
    api = RuntimeApi()
    found: dict[str, list[tuple[float, float]]] = {module: [] for module in CODE}
    try:
        for turn in range(rounds + 1):
            for module in CODE:
                one = start(api, python, task, module)
                if turn:  # the first round warms the disk's cache
                    found[module].append(one)
    finally:
        api.close()
    # The least, since whatever else the machine does only adds to it.
    times = {module: min(time for time, _ in runs) for module, runs in found.items()}
    ratios = {module: time / times["boto3_client"] for module, time in times.items()}
    rows = [
        [
            module.removesuffix("_ready").replace("_", " "),
            f"{times[module]:.0f}",
            f"{times[module] / times['empty_handler']:.1f}",
            f"{ratios[module]:.2f}",
            f"{BUDGETS[name]:.2f}" if (name := module.removesuffix("_ready")) in BUDGETS else "",
            f"{max(peak for _, peak in runs):.0f}",
        ]
        for module, runs in found.items()
    ]
    head = ["", "CPU ms", "of an empty one", "of boto3's", "budget", "peak, MiB"]
    print_table(f"Cold starts, Python {task.parent.name}, the least of {rounds}", head, rows)
    over = [name for name, budget in BUDGETS.items() if ratios[f"{name}_ready"] > budget]
    if over:
        print(f"  Past their budgets: {', '.join(over)}")
    return {module: {"ms": times[module], "ratio": ratios[module]} for module in CODE}
