"""The local server: serves the site, watches the content, and writes an access log that can be counted."""

from __future__ import annotations

from pressrun.server.accesslog import AccessLog
from pressrun.server.app import SiteApp
from pressrun.server.running import serve
from pressrun.server.watching import watch

__all__ = ["AccessLog", "SiteApp", "serve", "watch"]
