"""The log of our own server, counted while it grows.

A log is counted in segments: ranges of whole lines. Where a segment ends is written down before it is counted, by
compare-and-set, so that whoever comes after a crash counts the same range under the same name, which counts once.
A file that shrank or is another one under the same name begins anew.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pressrun.ports import LogFile, LogFolder
from pressrun.services.count import Log, ViewCounter

LARGEST: Final = 64 << 20  # bytes of a segment: what is counted at once after a long rest


class Segments:
    """Counts what was added to the logs of a folder. Several processes may do so at once."""

    def __init__(self, counter: ViewCounter, folder: LogFolder) -> None:
        self._counter = counter
        self._folder = folder
        self._seen: dict[str, LogFile] = {}

    def count(self) -> int:
        """Counts what is new; how many segments there were. Raises Transient; the call can be repeated."""
        counted = 0
        files = self._folder.files()
        for file in files:
            if self._seen.get(file.name) != file:
                counted += self._file(file)
                self._seen[file.name] = file
        self._seen = {file.name: file for file in files if file.name in self._seen}
        return counted

    def expire(self, before: datetime) -> int:
        """Removes logs that were written to before then and are counted to their last whole line; how many."""
        removed = 0
        for file in self._folder.files():
            if file.modified >= before:
                continue
            key = f"segments/{file.name}.json"
            state = self._counter.book.read(key) or {"file": file.identity, "done": 0, "end": 0}
            counted = state["file"] == file.identity and state["done"] == state["end"]
            if counted and self._folder.whole(file, state["end"], LARGEST) == state["end"]:
                self._folder.remove(file)
                self._counter.book.store.delete(key)
                removed += 1
        return removed

    def _file(self, file: LogFile) -> int:
        key, counted = f"segments/{file.name}.json", 0
        while True:
            state = self._counter.book.read(key) or {}
            known = state
            if state.get("file") != file.identity or file.size < state["end"]:
                turn = (
                    state.get("turn", 0) + 1
                )  # another file, even where it has the old one's place on the disk
                state = {"file": file.identity, "turn": turn, "done": 0, "end": 0}
                state["at"] = f"{file.modified:%Y-%m-%d}"
            if state["done"] == state["end"]:
                end = self._folder.whole(file, state["end"], LARGEST)
                if end == state["end"]:
                    return counted
                state = {**state, "end": end}
                if not self._replaced(key, known, state):
                    return counted  # somebody else is at it
            self._segment(file, state)
            counted += 1
            self._replaced(key, state, {**state, "done": state["end"]})

    def _segment(self, file: LogFile, state: dict[str, Any]) -> None:
        start, end = state["done"], state["end"]
        log = Log(
            name=f"local/{file.name}/{state['turn']}",
            etag=f"{start}-{end}",
            modified=datetime.fromisoformat(f"{state['at']}T00:00:00+00:00"),
            chunks=self._folder.chunks(file, start, end),
        )
        self._counter.count(log)

    def _replaced(self, key: str, known: dict[str, Any], state: dict[str, Any]) -> bool:
        """Whether `known` was still what is stored, and is `state` now."""
        done: list[bool] = []

        def change(stored: dict[str, Any] | None) -> dict[str, Any] | None:
            done[:] = [(stored or {}) == known or (stored or {}) == state]
            return state if (stored or {}) == known else None

        self._counter.book.change(key, change)
        return done[0]
