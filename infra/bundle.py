"""`make bundle`: the one folder that all functions are deployed from, and the same as a zip.

It holds the wheel of this project, `handlers/`, and what they need: wheels for Lambda's processor by the hash lock
infra/lock/lambda.txt, botocore's descriptions of the services that are called and of no others, and bytecode for
Lambda's Python. Bytecode alone makes a cold start two to three times as fast; it is `unchecked-hash`, since Lambda's
file times mean nothing. The same sources give the same bytes, so that what has not changed is not deployed again.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import platform
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "infra" / "lock" / "lambda.txt"
PYTHON = "3.13"  # the Runtime in infra/template.yaml
GLIBC = ("2010", "2014", *(f"_2_{minor}" for minor in range(12, 35)))  # Lambda's is 2.34
SOURCE_ONLY = ("feedgen",)  # no wheel is published of it; it is all Python, so one made here will do
SERVICES = ("dynamodb", "s3", "sesv2", "sns", "sqs")  # those that pressrun/adapters/aws/clients.py makes
ENDPOINTS = ("dynamodb", "email", "s3", "sns", "sqs")  # the same, as their addresses name them
BUDGET = 56_000_000  # bytes unzipped, 16 MB of it for pictures (Pillow); Lambda's own limit is 250 MiB
ZIP_BUDGET = 22_500_000  # bytes; compiled modules are 14 MB of it, which no packing makes smaller
EPOCH = (1980, 1, 1, 0, 0, 0)

# What no function opens: headers and sources of compiled modules, stubs, tests, and pip's own notes.
UNUSED_SUFFIXES = frozenset({".pyi", ".h", ".c", ".cpp", ".pxd", ".pyx", ".pxi", ".so.dbg", ".rst"})
UNUSED_NAMES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "WHEEL", "entry_points.txt"})
UNUSED = """
bin *.dist-info/sboms boto3/examples boto3/data dateutil/zoneinfo/*.tar.gz isal/isal_zlib* isal/igzip.* pydantic/v1
lxml/includes lxml/isoschematron lxml/objectify* lxml/sax* lxml/builder* lxml/doctestcompare*
lxml/html/diff* lxml/html/_diff* lxml/html/html5parser* lxml/html/soupparser* lxml/html/builder*
aws_lambda_powertools/event_handler/openapi/swagger_ui aws_lambda_powertools/utilities/auth_alpha
aws_lambda_powertools/utilities/batch aws_lambda_powertools/utilities/circuit_breaker
aws_lambda_powertools/utilities/data_masking aws_lambda_powertools/utilities/feature_flags
aws_lambda_powertools/utilities/idempotency aws_lambda_powertools/utilities/kafka
aws_lambda_powertools/utilities/parameters aws_lambda_powertools/utilities/parser
aws_lambda_powertools/utilities/streaming aws_lambda_powertools/utilities/validation
PIL/_avif* PIL/_imagingcms* PIL/_imagingtk* PIL/_imagingmath* PIL/_imagingmorph* PIL/_tkinter* pillow.libs/libavif*
pillow.libs/liblcms2* pressrun/cli.py pressrun/commands pressrun/server pressrun/runs.py
""".split()  # noqa: SIM905 - one in a line would be forty lines
NOT_INSTALLED = frozenset({"dnspython"})  # email-validator asks no DNS unless told to
# What Babel knows of a language and no page of ours says; English names of languages stand in podcasts' checks.
UNUSED_WORDS = (
    *("unit_patterns", "compound_unit_patterns", "unit_display_names", "territories", "scripts", "variants"),
    *("currency_names", "currency_names_plural", "compact_currency_formats", "compact_decimal_formats"),
    *("meta_zones", "time_zones", "date_fields", "interval_formats", "languages"),
)


class TooLargeError(Exception):
    """The bundle has passed its budget."""


def build(folder: Path, *, python: str, machine: str) -> list[str]:
    """Makes the folder anew. Returns what the operator should know of it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", scratch)
        wheel = next(Path(scratch).glob("*.whl"))
        wheels, sources = _parted(LOCK.read_text("utf-8"), Path(scratch))
        platforms = [f"--platform=manylinux{glibc}_{machine}" for glibc in GLIBC]
        there = ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", *platforms]
        _install(folder, *there, "--require-hashes", "-r", str(wheels))
        _install(folder, "--require-hashes", "-r", str(sources))
        _install(folder, str(wheel))
    shutil.copytree(ROOT / "handlers", folder / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
    _trim(folder)
    compiler = interpreter(python)
    if compiler is None:
        return [
            f"No Python {python} on this machine, so there is no bytecode in it: a cold start takes two to three times "
            f"as long. Install python{python} and make it again before you deploy."
        ]
    _compile(compiler, folder)
    return []


def interpreter(version: str) -> str | None:
    """A Python of exactly this version, whose bytecode Lambda's can read."""
    found = [sys.executable, shutil.which(f"python{version}") or ""]
    found += sorted(map(str, Path.home().glob(f".pyenv/versions/{version}*/bin/python{version}")))
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in filter(None, found):
        said = subprocess.run([candidate, "-c", probe], capture_output=True, text=True, check=False)
        if said.stdout.strip() == version:
            return candidate
    return None


def _install(folder: Path, *what: str) -> None:
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile", "--upgrade", "--target")
    _run(sys.executable, "-m", "pip", "install", *options, str(folder), *what)


def _parted(lock: str, folder: Path) -> tuple[Path, Path]:
    """The lock as two: what there are wheels of, and SOURCE_ONLY."""
    pins = re.split(r"^(?=[a-z0-9])", lock, flags=re.M | re.I)
    parts: dict[bool, list[str]] = {True: [], False: []}
    for pin in pins:
        if pin.partition("==")[0] in NOT_INSTALLED:
            continue
        parts[pin.partition("==")[0] in SOURCE_ONLY].append(pin)
    wheels, sources = folder / "wheels.txt", folder / "sources.txt"
    wheels.write_text("".join(parts[False]), "utf-8")
    sources.write_text("".join(parts[True]), "utf-8")
    return wheels, sources


def _trim(folder: Path) -> None:
    for path in [path for pattern in UNUSED for path in folder.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in sorted((folder / "babel" / "locale-data").glob("*.dat")):
        _shorten(path)
    for path in sorted([*folder.rglob("*.so"), *folder.rglob("*.so.*")]):
        _strip(path)
    for service in (folder / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in SERVICES:
            shutil.rmtree(service)
    _regions(folder / "botocore" / "data" / "endpoints.json")
    for path in files(folder):
        if path.name == "METADATA":  # its head says name, version and license; the rest is a README
            path.write_bytes(path.read_bytes().partition(b"\n\n")[0] + b"\n")
        notes = path.parent.suffix == ".dist-info" and path.name in UNUSED_NAMES
        examples = path.name.startswith("examples-") and "botocore" in path.parts
        if notes or examples or path.suffix in UNUSED_SUFFIXES:
            path.unlink()


def _regions(path: Path) -> None:
    """Of which services, and where, there are endpoints: 1.2 MB that each cold start reads, for five services."""
    known = json.loads(path.read_bytes())
    for partition in known["partitions"]:
        partition["services"] = {name: partition["services"].get(name, {}) for name in ENDPOINTS}
    path.write_text(json.dumps(known, separators=(",", ":")), "utf-8")


def _strip(path: Path) -> None:
    """A compiled module without its symbols for debuggers: what lies behind the last segment that is loaded."""
    body = bytearray(path.read_bytes())
    start, size, count = *struct.unpack_from("<Q", body, 32), *struct.unpack_from("<HH", body, 54)
    segments = [struct.unpack_from("<QQQQ", body, start + number * size + 8) for number in range(count)]
    struct.pack_into("<Q", body, 40, 0)  # no table of sections
    struct.pack_into("<HHH", body, 58, 0, 0, 0)
    path.write_bytes(body[: max(offset + length for offset, _, _, length in segments)])


def _shorten(path: Path) -> None:
    """A language's table without what is never said: a tenth of it."""
    table = pickle.loads(path.read_bytes())  # noqa: S301 - a package's own file, checked by its hash
    own = path.stem.split("_")[0]  # a form for readers names each language in its own words
    names = table.get("languages", {})
    for name in UNUSED_WORDS:
        if name != "languages" or path.stem not in {"en", "root"}:
            table.pop(name, None)
    if own in names:
        table.setdefault("languages", {own: names[own]})
    path.write_bytes(pickle.dumps(table, 4))


def _compile(python: str, folder: Path) -> None:
    """One process and a fixed hash seed: bytecode holds sets in the order of their hashes.

    Of others' packages the sources go; ours stay, so that a traceback shows its lines.
    """
    ours = [folder / "handlers", folder / "pressrun"]
    others = [path for path in sorted(folder.iterdir()) if path not in ours]
    command = [python, "-m", "compileall", "-q", "-f", "-j", "1", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", "/var/task"]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": ""}
    _run(*command, *map(str, ours), environment=environment)
    _run(*command, "-b", *map(str, others), environment=environment)
    for package in others:
        for source in [package] if package.is_file() else package.rglob("*.py"):
            if source.with_suffix(".pyc").is_file():
                source.unlink()


def pack(folder: Path, archive: Path) -> None:
    """The folder as a zip whose bytes depend on nothing but its files."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if path.suffix == ".so" else 0o100644) << 16
            packed.writestr(entry, path.read_bytes())


def files(folder: Path) -> Iterator[Path]:
    """All files, in an order that is the same everywhere."""
    return iter(sorted((path for path in folder.rglob("*") if path.is_file()), key=Path.as_posix))


def weigh(folder: Path, archive: Path, *, enforce: bool = True) -> tuple[int, int]:
    """Bytes unzipped and zipped. Raises TooLargeError, with the largest packages."""
    sizes = {path: path.stat().st_size for path in files(folder)}
    whole, packed = sum(sizes.values()), archive.stat().st_size
    if enforce and (whole > BUDGET or packed > ZIP_BUDGET):
        shares: dict[str, int] = {}
        for path, size in sizes.items():
            top = path.relative_to(folder).parts[0]
            shares[top] = shares.get(top, 0) + size
        largest = sorted(shares, key=lambda name: -shares[name])[:8]
        listed = ", ".join(f"{name} {shares[name] / 1e6:.1f}" for name in largest)
        raise TooLargeError(
            f"the bundle has {whole / 1e6:.1f} MB of {BUDGET / 1e6:.0f}, zipped {packed / 1e6:.1f} of "
            f"{ZIP_BUDGET / 1e6:.0f}; the largest parts: {listed}"
        )
    return whole, packed


def _run(*command: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:5])} …\n{done.stdout}{done.stderr}")


def main(arguments: list[str] | None = None) -> None:
    """See --help."""
    summary = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python infra/bundle.py", description=summary)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "lambda", metavar="FOLDER")
    parser.add_argument("--here", action="store_true", help="for this machine and Python, to try it out")
    chosen = parser.parse_args(arguments)
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    python, machine = (here, platform.machine()) if chosen.here else (PYTHON, "aarch64")
    folder = chosen.output.resolve()
    notes = build(folder, python=python, machine=machine)
    archive = folder.with_suffix(".zip")
    pack(folder, archive)
    try:
        whole, packed = weigh(folder, archive, enforce=not chosen.here)
    except TooLargeError as error:
        raise SystemExit(str(error)) from None
    print(f"{archive}: {packed / 1e6:.1f} MB, {whole / 1e6:.1f} MB unzipped, Python {python} on {machine}")
    for note in notes:
        print(note, file=sys.stderr)


if __name__ == "__main__":
    main()
