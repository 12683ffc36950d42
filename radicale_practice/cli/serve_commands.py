"""``serve`` and ``demo``: the server."""

from __future__ import annotations

import os
import sys
import threading
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from radicale_practice.cli.context import DatabaseOption, database_url, open_database
from radicale_practice.demo import accounts, live
from radicale_practice.demo import practice as demo_practice
from radicale_practice.demo.practice import Demonstration
from radicale_practice.practice import maintain, migrate
from radicale_practice.practice.database import Database

DEMO_HOST = "127.0.0.1"


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 5232,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes.")] = 2,
    database: DatabaseOption = None,
) -> None:
    """Serve the practice's calendars to CalDAV clients until SIGTERM or Ctrl-C."""
    from radicale_practice.plugins import serve as server

    open_database(database).dispose()
    server.serve(database_url(database), host=host, port=port, workers=workers)


def demo(
    directory: Annotated[
        Path, typer.Option("--directory", help="Where the database and accounts.json go.")
    ] = Path("demo-practice"),
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 5232,
    today: Annotated[
        datetime | None, typer.Option("--today", formats=["%Y-%m-%d"], help="The day it is about.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes.")] = 1,
    database: DatabaseOption = None,
) -> None:
    """Make a demonstration practice (if there is none yet) and serve it on this machine."""
    from radicale_practice.plugins import serve as server

    os.umask(0o077)
    directory.mkdir(parents=True, exist_ok=True)
    url = database or f"sqlite:///{directory.resolve() / 'practice.db'}"
    opened = Database(url)
    demonstration = _prepared(opened, (today or datetime.now()).date())
    content = accounts.describe(opened, demonstration, f"http://{DEMO_HOST}:{port}/")
    path = accounts.write(directory, content)
    typer.echo(accounts.greeting(content, path))
    sys.stdout.flush()
    stop = threading.Event()
    if sys.stdout.isatty():
        threading.Thread(
            target=live.follow, args=(opened, demonstration.practice, stop, typer.echo), daemon=True
        ).start()
    try:
        server.serve(url, host=DEMO_HOST, port=port, workers=workers)
    finally:
        stop.set()
        opened.dispose()


def _prepared(database: Database, today: date) -> Demonstration:
    migrate.upgrade(database)
    found = demo_practice.find(database)
    if found is None:
        found = demo_practice.create(database, today)
        maintain.maintain(database)
    return found
