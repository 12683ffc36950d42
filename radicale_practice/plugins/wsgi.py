"""Entry point for WSGI servers: ``radicale_practice.plugins.wsgi:application``.

The environment variable ``RADICALE_CONFIG`` names the configuration file, ``RADICALE_PRACTICE_DATABASE`` the
database (an SQLAlchemy URL, before the file's). The application is made at the first request of each
process: workers may fork before.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any

from radicale import log

from radicale_practice.plugins import configuration, logs
from radicale_practice.plugins.application import Application
from radicale_practice.plugins.databases import DATABASE_VARIABLE

CONFIG_VARIABLE = "RADICALE_CONFIG"

_guard = threading.Lock()
_applications: dict[int, Application] = {}


def make_application(config_path: str | None = None, database_url: str | None = None) -> Application:
    """Logging set up and one application for this process."""
    log.setup()
    logs.install()
    settings = configuration.load(config_path, database_url)
    log.set_level(settings.get("logging", "level"), settings.get("logging", "backtrace_on_debug"))
    return Application(settings)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The WSGI entry point."""
    pid = os.getpid()
    known = _applications.get(pid)
    if known is None:
        with _guard:
            if pid not in _applications:
                _applications[pid] = make_application(
                    os.environ.get(CONFIG_VARIABLE), os.environ.get(DATABASE_VARIABLE)
                )
            known = _applications[pid]
    return known(environ, start_response)
