"""The bundle that tests run, made for this machine and kept until a source of it changes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.infra.templates import ROOT

FOLDERS = ("pressrun", "handlers", "templates")
FILES = ("infra/bundle.py", "infra/trim.py", "infra/values.py", "infra/lock/lambda.txt", "pyproject.toml")
KEPT = ROOT / "build" / "tried"


def bundle() -> Path:
    """The zip; its folder lies beside it, without the suffix. PRESSRUN_BUNDLE names one that was made before."""
    if "PRESSRUN_BUNDLE" in os.environ:
        return Path(os.environ["PRESSRUN_BUNDLE"])
    KEPT.mkdir(parents=True, exist_ok=True)
    folder = KEPT / _digest()
    archive = folder.with_suffix(".zip")
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may want it at once
        if not archive.is_file():
            for old in [path for path in KEPT.iterdir() if path.name != "lock"]:
                shutil.rmtree(old) if old.is_dir() else old.unlink()
            command = [sys.executable, ROOT / "infra" / "bundle.py", "--here", "--output", folder]
            subprocess.run(command, check=True, capture_output=True)
    return archive


def _digest() -> str:
    found = hashlib.sha256(sys.version.encode())
    for source in map(ROOT.joinpath, (*FOLDERS, *FILES)):
        for path in [source] if source.is_file() else sorted(source.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                found.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
                found.update(path.read_bytes())
    return found.hexdigest()[:16]
