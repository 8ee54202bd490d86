"""Cold starts: each handler's import as Lambda's own runtime client does it, and its first client, as ratios.

Processor time, since others' work hardly touches it. It differs from machine to machine; ratios to `boto3 + client` in
the same run do not, much. The bundle is the real one, made for this machine, with its bytecode and nothing else on the
path.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from statistics import median
from threading import Thread
from typing import Any

from tests.benchmarks.measure import TICKS, print_table, say

ROOT = Path(__file__).parents[2]
NOTE = "Cold starts: init of each function, by Lambda's runtime client, against boto3 with its first client"
FUNCTIONS = ("publish", "deliver", "feedback", "api", "count", "tick")
BUDGETS: Mapping[str, float] = {"api": 1.15, "deliver": 1.15, "publish": 1.5}
FLOOR, EMPTY = "boto3 + client", "empty handler"
# What no function can go below: a session, a client of S3 and one of DynamoDB, as they are made by `house()`.
CODE = {
    "empty_handler": "def handler(event, context):\n    return None\n",
    "boto3_client": (
        "import boto3\nsession = boto3.session.Session()\n"
        "clients = [session.client(name) for name in ('s3', 'dynamodb', 'sqs')]\n"
        "def handler(event, context):\n    return None\n"
    ),
} | {
    f"{name}_init": f"from handlers.{name} import handler as _\nfrom handlers.house import house\nhouse()\n"
    "def handler(event, context):\n    return None\n"
    for name in FUNCTIONS
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


def start(api: RuntimeApi, task: Path, client: Path, module: str) -> tuple[float, float]:
    """One cold start: milliseconds of a processor until it asks for work, and MiB at its largest."""
    path = os.pathsep.join(map(str, (client, task, task.parent / "cold")))
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": path,
        "AWS_LAMBDA_RUNTIME_API": api.address,
        **ENVIRONMENT,
    }
    command = [sys.executable, "-S", "-m", "awslambdaric", f"{module}.handler"]
    with subprocess.Popen(
        command, env=environment, cwd=task, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            api.asked.get(timeout=60)
        except Empty:
            process.kill()
            assert process.stderr is not None
            raise RuntimeError(process.stderr.read().decode()[-2000:]) from None
        status = Path(f"/proc/{process.pid}/status")
        spent = sum(map(int, Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
        peak = next((int(line.split()[1]) for line in _lines(status) if line.startswith("VmHWM")), 0)
        process.kill()
    return spent / TICKS * 1000, peak / 1024


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def prepare(bench: Path) -> tuple[Path, Path]:
    """The bundle for this machine, and the runtime client beside it."""
    task, client = bench / "cold-bundle" / "lambda", bench / "cold-bundle" / "client"
    subprocess.run([sys.executable, ROOT / "infra/bundle.py", "--here", "--output", task], check=True)
    if not client.exists():
        what = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--target",
            str(client),
            "awslambdaric==4.2.2",
        ]
        subprocess.run(what, check=True)
    cold = task.parent / "cold"
    cold.mkdir(exist_ok=True)
    for name, code in CODE.items():
        (cold / f"{name}.py").write_text(code, "utf-8")
    return task, client


def measure(bench: Path, rounds: int) -> dict[str, Any]:
    """All of them in turns, so that what else the machine does meets each alike."""
    task, client = prepare(bench)
    api = RuntimeApi()
    found: dict[str, list[tuple[float, float]]] = {module: [] for module in CODE}
    try:
        for turn in range(rounds + 1):
            for module in CODE:
                one = start(api, task, client, module)
                if turn:  # the first round warms the disk's cache
                    found[module].append(one)
    finally:
        api.close()
    times = {module: median(time for time, _ in runs) for module, runs in found.items()}
    ratios = {
        module: median(
            mine / floor for (mine, _), (floor, _) in zip(runs, found["boto3_client"], strict=True)
        )
        for module, runs in found.items()
    }
    rows = [
        [
            module.removesuffix("_init").replace("_", " "),
            f"{times[module]:.0f}",
            f"{times[module] / times['empty_handler']:.1f}",
            f"{ratios[module]:.2f}",
            f"{BUDGETS[name]:.2f}" if (name := module.removesuffix("_init")) in BUDGETS else "",
            f"{max(peak for _, peak in runs):.0f}",
        ]
        for module, runs in found.items()
    ]
    head = ["", "init, CPU ms", "of an empty one", "of boto3's", "budget", "peak, MiB"]
    print_table(f"Cold starts, median of {rounds}", head, rows)
    over = [name for name, budget in BUDGETS.items() if ratios[f"{name}_init"] > budget]
    if over:
        print(f"  Past their budgets: {', '.join(over)}")
    return {module: {"ms": times[module], "ratio": ratios[module]} for module in CODE}
