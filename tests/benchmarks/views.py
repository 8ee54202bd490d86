"""Access logs: lines a second and core and peak memory, against GoAccess and against the physical floor."""

from __future__ import annotations

import random
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import quote

import orjson
from isal import igzip

from pressrun.parsing.accesslogs.columns import USUAL
from tests.accesslogs import FEEDLY, GOOGLEBOT, HEADER, MINIFLUX, fields
from tests.benchmarks.measure import Run, run

NOTE: Final = """Access logs of CloudFront (gz), counted in one pass: CPU, lines a second and core, MiB
  ours     every line parsed, its agent classified, its reader counted once; the delta written
  v2 json, v2 plain  ours, of the same requests in CloudFront's v2 formats; all others read the legacy one
  goaccess Debian's, CloudFront's format, the requests panel alone, same lines (piped by zcat)
  all of it  GoAccess with all of its panels
  floor    gzip undone by igzip and every line split into its fields, nothing counted"""

_OURS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from pressrun.adapters.local.files import FileStore
from pressrun.services.count import Log, ViewCounter
from pressrun.services.digest import Site

class Clock:
    def now(self):
        return datetime.now(UTC)

def chunks(path):
    with open(path, "rb") as log:
        while chunk := log.read(1 << 18):
            yield chunk

store = FileStore(Path(sys.argv[1]))
counter = ViewCounter(store=store, logs=None, place="", clock=Clock(), site=lambda: Site(name="bench"))
for name in sys.argv[2:]:
    counter.count(Log(name=name, etag="e", modified=datetime.now(UTC), chunks=chunks(name)))
"""
_FLOOR = """
import sys
import orjson
from isal import igzip
for name in sys.argv[1:]:
    with igzip.open(name) as log:
        for line in log:
            line.split(b"\\t")
"""
_GOACCESS = (
    "zcat {logs} | goaccess - --log-format=CLOUDFRONT --date-spec=date --no-global-config --output={out} "
    "--ignore-panel=VISITORS --ignore-panel=REQUESTS_STATIC --ignore-panel=NOT_FOUND --ignore-panel=HOSTS "
    "--ignore-panel=OS --ignore-panel=BROWSERS --ignore-panel=VISIT_TIMES --ignore-panel=VIRTUAL_HOSTS "
    "--ignore-panel=REFERRERS --ignore-panel=REFERRING_SITES --ignore-panel=KEYPHRASES --ignore-panel=STATUS_CODES "
    "--ignore-panel=REMOTE_USER --ignore-panel=CACHE_STATUS --ignore-panel=MIME_TYPE --ignore-panel=TLS_TYPE "
    "--no-progress --no-parsing-spinner"
)
ASSETS: Final = ("/style.0a1b2c3d4e.css", "/views.0a1b2c3d4e.js", "/favicon.svg", "/assets/harbour.jpg")


_REST: Final = {  # what a real line has in the other fields
    "x-edge-location": "SFO53-P7",
    "sc-bytes": "10680",
    "cs(Host)": "d111111abcdef8.cloudfront.net",
    "x-edge-result-type": "Hit",
    "x-host-header": "blog.example.net",
    "cs-protocol": "https",
    "cs-bytes": "336",
    "time-taken": "0.001",
    "ssl-protocol": "TLSv1.3",
    "ssl-cipher": "TLS_AES_128_GCM_SHA256",
    "x-edge-response-result-type": "Hit",
    "cs-protocol-version": "HTTP/2.0",
    "c-port": "19103",
    "time-to-first-byte": "0.001",
    "x-edge-detailed-result-type": "Hit",
    "sc-content-type": "text/html",
}


def lines(count: int, day: str, source: random.Random) -> Iterator[str]:
    """A day of a blog: visits of a page with its files, feed readers, bots, errors; 500 articles, Zipf-like."""
    agents = [
        quote(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            f"Chrome/{version}.0.{n}.0 Safari/537.36",
            safe="/();,:+=",
        )
        for version in range(100, 143)
        for n in range(8)
    ]
    machines = [
        quote(agent, safe="/();,:+=") for agent in (GOOGLEBOT, MINIFLUX, FEEDLY.format(870), "curl/8.5.0")
    ]
    usual = fields(day=day) | _REST
    names = list(usual)

    def line(ip: str, path: str, agent: str, status: str) -> str:
        row = {**usual, "c-ip": ip, "cs-uri-stem": path, "cs(User-Agent)": agent, "sc-status": status}
        row["x-edge-request-id"] = f"{source.getrandbits(256):064x}=="
        row["time"] = f"{source.randrange(24):02}:{source.randrange(60):02}:{source.randrange(60):02}"
        return "\t".join(row[name] for name in names) + "\n"

    written = 0
    while written < count:
        ip = f"{source.randrange(1, 223)}.{source.randrange(256)}.{source.randrange(256)}.{source.randrange(256)}"
        kind = source.random()
        if kind < 0.45:
            agent, article = source.choice(agents), f"/article-{int(source.paretovariate(1)) % 500}/"
            for path in (article, *ASSETS):
                yield line(ip, path, agent, "200" if source.random() < 0.8 else "304")
            written += 5
        elif kind < 0.75:
            path = "/feed.xml" if source.random() < 0.6 else f"/article-{source.randrange(500)}/"
            yield line(ip, path, source.choice(machines), source.choice(["200", "304"]))
            written += 1
        else:
            yield line(ip, f"/wp-{source.randrange(2000)}.php", source.choice(machines), "404")
            written += 1


def write(folder: Path, count: int, files: int, day: str) -> list[Path]:
    """Logs of `count` lines in all."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number in range(files):
        path = folder / f"E1.{day}-{number:04}.gz"
        body = HEADER + "".join(lines(count // files, day, random.Random(number)))
        path.write_bytes(igzip.compress(body.encode(), 3))
        found.append(path)
    return found


def again(log: Path, form: str) -> Path:
    """The same requests as CloudFront's v2 writes them: `json`, or `plain`, without a header and with spaces."""
    path = log.with_name(f"v2.{form}.gz")
    with igzip.open(log, "rt") as source, igzip.open(path, "wb", 3) as target:
        for line in source:
            cells = line.removesuffix("\n").split("\t")
            if len(cells) != len(USUAL):
                continue
            if form == "json":
                target.write(orjson.dumps(dict(zip(USUAL, cells, strict=True))) + b"\n")
            else:
                target.write(" ".join(cells).encode() + b"\n")
    return path


def measure(bench: Path, count: int, rounds: int, day: str) -> list[dict[str, Any]]:
    """One log of `count` lines; the median of some rounds, one after another."""
    folder = bench / "views"
    shutil.rmtree(folder, ignore_errors=True)
    logs = write(folder / "logs", count, 1, day)
    v2 = {form: again(logs[0], form) for form in ("json", "plain")}
    commands = {
        "ours": lambda n: [sys.executable, "-c", _OURS, folder / f"store-{n}", *logs],
        "v2 json": lambda n: [sys.executable, "-c", _OURS, folder / f"json-{n}", v2["json"]],
        "v2 plain": lambda n: [sys.executable, "-c", _OURS, folder / f"plain-{n}", v2["plain"]],
        "floor": lambda _: [sys.executable, "-c", _FLOOR, *logs],
    }
    if shutil.which("goaccess"):
        goaccess = _GOACCESS.format(logs=" ".join(map(str, logs)), out=folder / "out.json")
        commands["goaccess"] = lambda _: ["sh", "-c", goaccess]
        whole = re.sub(r"--ignore-panel=\S+", "", goaccess)
        commands["all of it"] = lambda _: ["sh", "-c", whole]
    else:
        print("goaccess is not installed (Debian: apt-get install goaccess): left out")
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(rounds):
        for name, command in commands.items():
            runs[name].append(run(command(number), cwd=folder, environment={"PYTHONPATH": str(Path.cwd())}))
    rows = []
    for name, done in runs.items():
        cpu = median(one.cpu for one in done)
        row = {"what": name, "lines": count, "cpu": cpu, "per_core": count / cpu}
        row |= {"wall": median(one.wall for one in done), "peak": max(one.peak for one in done)}
        rows.append(row)
        print(
            f"  {name:9} {cpu:7.2f} s CPU  {row['wall']:7.2f} s  {count / cpu:10,.0f} lines/s/core  "
            f"{row['peak'] / 2**20:6.1f} MiB"
        )
    rates = {row["what"]: row["per_core"] for row in rows}
    if "goaccess" in rates:
        print(
            f"  {rates['ours'] / rates['goaccess']:.1f} times GoAccess with requests alone, "
            f"{rates['ours'] / rates['all of it']:.1f} times with all that it counts"
        )
    shutil.rmtree(folder, ignore_errors=True)
    return rows
