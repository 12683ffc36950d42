"""Our Application under a production WSGI server (granian): keep-alive, several workers, threads.

Built-in servers of Python speak HTTP/1.0, one connection a request; a phone polls dozens of times an hour.
"""

from __future__ import annotations

import multiprocessing
import os

from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings

from radicale_practice.plugins.databases import DATABASE_VARIABLE
from radicale_practice.plugins.wsgi import CONFIG_VARIABLE

TARGET = "radicale_practice.plugins.wsgi:application"
MOST_THREADS = 8
"""Requests one worker answers at the same time at most: the connections its pool keeps open. Others wait."""

KILL_TIMEOUT = 10
"""Seconds a worker may take to finish its requests after SIGTERM."""


def serve(
    database_url: str | None = None,
    *,
    config_path: str | None = None,
    host: str = "127.0.0.1",
    port: int = 5232,
    workers: int = 2,
    threads: int | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then return. Must run in the main thread.

    ``database_url`` goes before what the file at ``config_path`` says. Workers are processes of their own,
    which read both from the environment: set here, so that no secret stands in a command line.
    ``threads``: requests one worker answers at the same time, by default as many as suit the machine.
    """
    if database_url:
        os.environ[DATABASE_VARIABLE] = database_url
    if config_path:
        os.environ[CONFIG_VARIABLE] = config_path
    server = Granian(
        TARGET,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads or threads_for(multiprocessing.cpu_count()),
        http1_settings=HTTP1Settings(keep_alive=True),
        websockets=False,
        log_enabled=True,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_TIMEOUT,
    )
    server.serve()


def threads_for(cores: int) -> int:
    """Threads of one worker: Python computes in one at a time, the others wait for the database."""
    return min(MOST_THREADS, 2 * cores + 1)
