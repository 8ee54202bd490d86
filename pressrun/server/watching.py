"""Telling which files of the content folder changed, as keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Final

import watchfiles

QUIET: Final = 50  # milliseconds without a change, after which what changed is told
LONGEST: Final = 400  # milliseconds that changes are gathered for, however many come
BREATH: Final = 100  # milliseconds between looks at whether the folder itself still stands
AGAIN: Final = 1.0  # seconds until a folder that could not be watched is tried again

# What editors leave beside a file while they save it: Vim, Emacs, Office, browsers, rsync and others.
_SCRATCH = re.compile(
    r".*~|.*\.sw[a-z]|#.*#|~\$.*|4913|.*\.(?:tmp|temp|bak|orig|part|crdownload)|.*___jb_\w+___"
)

Changed = Callable[[set[str]], None]


def watch(content: Path, stop: Event, on_change: Changed, *, home: Path | None = None) -> None:
    """Calls `on_change` with the keys below `content` that may have changed, until `stop` is set.

    An empty set says: look at everything. It comes first, when the watch stands, so that nothing is missed
    before; and where a folder came or went, or changes were missed. A key is a hint and nothing more. Hidden
    files, what editors leave for a moment, and all below `home` are not told. Returns within a tenth of a
    second after `stop`; where the system cannot watch so many files, they are polled.
    """
    root = content.resolve()
    hidden = home.resolve() if home else None
    polling: bool | None = None
    while not stop.is_set():
        try:
            _follow(root, hidden, stop, on_change, polling)
        except FileNotFoundError:  # the folder itself was removed, or put aside for a moment
            stop.wait(AGAIN)
        except OSError:
            polling = True
            stop.wait(AGAIN)


def _follow(root: Path, hidden: Path | None, stop: Event, on_change: Changed, polling: bool | None) -> None:
    """Watches until `stop`, or until `root` is not the folder any more that it was."""
    begun = False
    folder = root.stat().st_ino
    for changes in watchfiles.watch(
        root,
        watch_filter=None,
        debounce=LONGEST,
        step=QUIET,
        stop_event=stop,
        rust_timeout=BREATH,
        yield_on_timeout=True,
        raise_interrupt=False,
        force_polling=polling,
    ):
        if not begun:
            begun = True
            on_change(set())
        if changes:
            _tell({Path(path) for _, path in changes}, root, hidden, on_change)
        if root.stat().st_ino != folder:
            return


def _tell(paths: set[Path], root: Path, hidden: Path | None, on_change: Changed) -> None:
    keys: set[str] = set()
    for path in paths:
        key = key_of(path, root, hidden)
        if key is None:
            continue
        if path.is_dir() or (not path.suffix and not path.exists()):
            on_change(set())  # what lies below a folder that came or went is not named
            return
        keys.add(key)
    if keys:
        on_change(keys)


def key_of(path: Path, root: Path, home: Path | None = None) -> str | None:
    """The key of a file below `root`; None where it is hidden, scratch, below `home`, or elsewhere."""
    if home and path.is_relative_to(home):
        return None
    with suppress(ValueError):
        parts = path.relative_to(root).parts
        if parts and not any(part.startswith(".") or _SCRATCH.fullmatch(part) for part in parts):
            return "/".join(parts)
    return None
