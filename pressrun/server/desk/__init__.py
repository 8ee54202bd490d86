"""The desk: the editor's pages, for whoever sits at this machine."""

from __future__ import annotations

from pressrun.server.desk.app import DeskApp, DeskPages
from pressrun.server.desk.door import Door
from pressrun.server.desk.room import Room

__all__ = ["DeskApp", "DeskPages", "Door", "Room"]
