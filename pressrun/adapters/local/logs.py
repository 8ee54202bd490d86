"""A folder of logs that a server of ours appends to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pressrun.ports import LogFile

CHUNK: Final = 262_144


class LogFiles:
    """The files of `folder` that end in `.jsonl`. A file that goes while it is looked at is passed over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self) -> list[LogFile]:
        """The logs by name, which here is by age."""
        found = []
        for path in sorted(self._folder.glob("*.jsonl")):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            modified = datetime.fromtimestamp(stat.st_mtime, UTC)
            found.append(
                LogFile(name=path.name, identity=str(stat.st_ino), size=stat.st_size, modified=modified)
            )
        return found

    def whole(self, file: LogFile, start: int, limit: int) -> int:
        """Where the last whole line between `start` and `start + limit` ends."""
        end = min(file.size, start + limit)
        with (self._folder / file.name).open("rb") as log:
            while end > start:
                first = max(start, end - CHUNK)
                log.seek(first)
                cut = log.read(end - first).rfind(b"\n")
                if cut >= 0:
                    return first + cut + 1
                end = first
        return start

    def chunks(self, file: LogFile, start: int, end: int) -> Iterator[bytes]:
        """The bytes of a range."""
        with (self._folder / file.name).open("rb") as log:
            log.seek(start)
            while start < end and (chunk := log.read(min(CHUNK, end - start))):
                start += len(chunk)
                yield chunk

    def remove(self, file: LogFile) -> None:
        """Removes the log; nothing happens where it is gone, has grown, or is another one by now."""
        path = self._folder / file.name
        with suppress(FileNotFoundError):
            stat = path.stat()
            if (str(stat.st_ino), stat.st_size) == (file.identity, file.size):
                path.unlink()
