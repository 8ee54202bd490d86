"""The local server: serves the site, watches the content, does the mail's work, and writes an access log."""

from __future__ import annotations

from pressrun.server.accesslog import AccessLog
from pressrun.server.app import SiteApp
from pressrun.server.mailroom import run_mailroom
from pressrun.server.running import serve, serve_desk
from pressrun.server.watching import watch

__all__ = ["AccessLog", "SiteApp", "run_mailroom", "serve", "serve_desk", "watch"]
