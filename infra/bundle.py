"""`make bundle`: the one folder that all functions are deployed from, and the same as a zip; and a layer for pictures.

The folder holds the wheel of this project, `handlers/`, and what they need: wheels for Lambda's processor by the hash
lock infra/lock/lambda.txt, botocore's descriptions of the services that are called and of no others, and bytecode for
Lambda's Python. Bytecode alone makes a cold start two to three times as fast; it is `unchecked-hash`, since Lambda's
file times mean nothing. The same sources give the same bytes, so that what has not changed is not deployed again.

Pillow is a third of all that and wanted by two functions of six, when there is a picture: it is parted into a layer
of theirs, `<folder>-pictures`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # this is run as a script

from infra.trim import trim  # noqa: E402

LOCK = ROOT / "infra" / "lock" / "lambda.txt"
PYTHON = "3.13"  # the Runtime in infra/template.yaml
GLIBC = ("2010", "2014", *(f"_2_{minor}" for minor in range(12, 35)))  # Lambda's is 2.34
SOURCE_ONLY = ("feedgen",)  # no wheel is published of it; it is all Python, so one made here will do
PICTURES = ("PIL", "pillow.libs", "pillow-*.dist-info")
BUDGET = (40_000_000, 14_000_000)  # bytes of the folder, and of its zip
PICTURES_BUDGET = (17_000_000, 5_200_000)
TASK, LAYER = "/var/task", "/opt/python"  # where Lambda unpacks the two
EPOCH = (1980, 1, 1, 0, 0, 0)

NOT_INSTALLED = frozenset({"dnspython"})  # email-validator asks no DNS unless told to


class TooLargeError(Exception):
    """The bundle has passed its budget."""


def pictures_of(folder: Path) -> Path:
    """The folder of the layer that belongs to a bundle; what is in its `python` is on the functions' path."""
    return folder.with_name(f"{folder.name}-pictures")


def build(folder: Path, *, python: str, machine: str) -> list[str]:
    """Makes the folder and that of its layer anew. Returns what the operator should know of it."""
    layer = pictures_of(folder)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(layer, ignore_errors=True)
    shutil.copytree(_packages(python, machine), folder)
    with tempfile.TemporaryDirectory() as scratch:
        _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", scratch)
        _install(folder, str(next(Path(scratch).glob("*.whl"))))
    shutil.copytree(ROOT / "handlers", folder / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
    trim(folder)
    (layer / "python").mkdir(parents=True)
    for path in [path for pattern in PICTURES for path in folder.glob(pattern)]:
        path.rename(layer / "python" / path.name)
    compiler = interpreter(python)
    if compiler is None:
        return [
            f"No Python {python} on this machine, so there is no bytecode in it: a cold start takes two to three times "
            f"as long. Install python{python} and make it again before you deploy."
        ]
    _compile(compiler, folder, TASK)
    _compile(compiler, layer / "python", LAYER)
    return []


def _packages(python: str, machine: str) -> Path:
    """Others' packages, as the lock has them: a folder that is kept until the lock changes."""
    lock = LOCK.read_text("utf-8")
    of = f"{python} {machine} {SOURCE_ONLY} {sorted(NOT_INSTALLED)} {lock}"
    kept = ROOT / "build" / "packages" / hashlib.sha256(of.encode()).hexdigest()[:16]
    if kept.is_dir():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
        wheels, sources = _parted(lock, Path(scratch))
        platforms = [f"--platform=manylinux{glibc}_{machine}" for glibc in GLIBC]
        there = ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", *platforms]
        folder = Path(scratch) / "all"
        _install(folder, *there, "--require-hashes", "-r", str(wheels))
        _install(folder, "--require-hashes", "-r", str(sources))
        folder.replace(kept)
    return kept


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


def _compile(python: str, folder: Path, place: str) -> None:
    """One process and a fixed hash seed: bytecode holds sets in the order of their hashes.

    Of others' packages the sources go, and with them docstrings and columns, which a traceback shows only beside a
    source; ours stay, so that it shows the lines that matter.
    """
    ours = [path for path in (folder / "handlers", folder / "pressrun") if path.is_dir()]
    others = [path for path in sorted(folder.iterdir()) if path not in ours]
    command = [python, "-m", "compileall", "-q", "-f", "-j", "1", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", place]
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONNODEBUGRANGES": "1",
    }
    _run(*command, "-b", "-o", "2", *map(str, others), environment=environment)
    if ours:
        _run(*command, *map(str, ours), environment=environment)
        _run(python, str(ROOT / "infra" / "values.py"), str(folder), environment=environment)
    for package in others:
        for source in [package] if package.is_file() else package.rglob("*.py"):
            if source.with_suffix(".pyc").is_file():
                source.unlink()


def pack(folder: Path, archive: Path, *, level: int = 9) -> None:
    """The folder as a zip whose bytes depend on nothing but its files."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as packed:
        for path in files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if path.suffix == ".so" else 0o100644) << 16
            packed.writestr(entry, path.read_bytes())


def files(folder: Path) -> Iterator[Path]:
    """All files, in an order that is the same everywhere."""
    return iter(sorted((path for path in folder.rglob("*") if path.is_file()), key=Path.as_posix))


def weigh(folder: Path, archive: Path) -> tuple[int, int]:
    """Bytes unzipped and zipped."""
    return sum(path.stat().st_size for path in files(folder)), archive.stat().st_size


def check(folder: Path, archive: Path, budget: tuple[int, int]) -> None:
    """Raises TooLargeError, with the largest packages, where a budget is passed."""
    whole, packed = weigh(folder, archive)
    if whole <= budget[0] and packed <= budget[1]:
        return
    shares: dict[str, int] = {}
    for path in files(folder):
        top = path.relative_to(folder).parts[0]
        shares[top] = shares.get(top, 0) + path.stat().st_size
    largest = sorted(shares, key=lambda name: -shares[name])[:8]
    listed = ", ".join(f"{name} {shares[name] / 1e6:.1f}" for name in largest)
    raise TooLargeError(
        f"{folder.name} is too large: {whole / 1e6:.1f} MB of {budget[0] / 1e6:g}, zipped {packed / 1e6:.1f} of "
        f"{budget[1] / 1e6:g}. The largest parts, in MB unzipped: {listed}. Take out in infra/trim.py what no "
        "function opens, or raise the budget in infra/bundle.py."
    )


def _run(*command: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:5])} …\n{done.stdout}{done.stderr}")


def main(arguments: list[str] | None = None) -> None:
    """See --help."""
    summary = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python infra/bundle.py", description=summary)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "lambda", metavar="FOLDER")
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    told = "for this machine, and its Python or another, to try it out"
    parser.add_argument("--here", nargs="?", const=own, metavar="PYTHON", help=told)
    chosen = parser.parse_args(arguments)
    python, machine = (chosen.here, platform.machine()) if chosen.here else (PYTHON, "aarch64")
    folder = chosen.output.resolve()
    notes = build(folder, python=python, machine=machine)
    made = {pictures_of(folder): PICTURES_BUDGET, folder: BUDGET}
    for one in made:
        one.with_suffix(".zip").unlink(missing_ok=True)  # what is not made anew must not be deployed
        pack(one, one.with_suffix(".part"), level=1 if chosen.here else 9)
    for one, budget in made.items() if not chosen.here else ():
        try:
            check(one, one.with_suffix(".part"), budget)
        except TooLargeError as error:
            raise SystemExit(str(error)) from None
    for one in made:
        archive = one.with_suffix(".part").replace(one.with_suffix(".zip"))
        whole, packed = weigh(one, archive)
        print(
            f"{archive}: {packed / 1e6:.1f} MB, {whole / 1e6:.1f} MB unzipped, Python {python} on {machine}"
        )
    for note in notes:
        print(note, file=sys.stderr)


if __name__ == "__main__":
    main()
