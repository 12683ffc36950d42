"""``serve`` and ``demo``: the server."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from radicale_practice.cli import outages
from radicale_practice.cli.context import CONFIGURATION, DatabaseOption, database_url, fail, open_database
from radicale_practice.demo import accounts, live
from radicale_practice.demo import practice as demo_practice
from radicale_practice.demo.practice import Demonstration
from radicale_practice.practice import clock, migrate
from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import Conflict
from radicale_practice.practice.upkeep import maintain

DEMO_HOST = "127.0.0.1"
DEMO_PORT = 5232
LOG_NAME = "server.log"

Workers = Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes.")]


def serve(
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on; else the first of the file's hosts.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Else the one of the file; else 5232.")
    ] = None,
    workers: Workers = 2,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", dir_okay=False, help=f"Radicale's configuration file; else {CONFIGURATION}."
        ),
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Serve the practice's calendars to CalDAV clients until SIGTERM or Ctrl-C."""
    from radicale_practice.plugins import configuration
    from radicale_practice.plugins import serve as server

    named = str(config) if config is not None else os.environ.get(CONFIGURATION)
    url = database_url(database, Path(named) if named else None)
    open_database(url).dispose()
    try:
        settings = configuration.load(named, url)
    except RuntimeError as error:
        fail(f"the configuration is not right: {error}", 2)
    first = settings.get("server", "hosts")[0]
    host, port = host or first[0], port or first[1]
    _require_free(host, port)
    server.serve(url, config_path=named, host=host, port=port, workers=workers)


def demo(
    directory: Annotated[
        Path, typer.Option("--directory", help="Where the database and accounts.json go.")
    ] = Path("demo-practice"),
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Port of this machine to listen on.")
    ] = DEMO_PORT,
    today: Annotated[
        datetime | None, typer.Option("--today", formats=["%Y-%m-%d"], help="The day it is about.")
    ] = None,
    workers: Workers = 1,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            metavar="URL",
            help="An empty database, or the one of an earlier demonstration; else practice.db in DIRECTORY.",
        ),
    ] = None,
) -> None:
    """Make a demonstration practice (if there is none yet) and serve it on this machine."""
    from radicale_practice.plugins import serve as server

    os.umask(0o077)
    _require_free(DEMO_HOST, port)
    directory.mkdir(parents=True, exist_ok=True)
    url = database or f"sqlite:///{directory.resolve() / 'practice.db'}"
    opened = Database(url)
    demonstration = _prepared(opened, today.date() if today else None)
    content = accounts.describe(opened, demonstration, f"http://{DEMO_HOST}:{port}/")
    path = accounts.write(directory, content)
    watched = sys.stdout.isatty()
    log = directory / LOG_NAME if watched else None
    typer.echo(accounts.greeting(content, path, log))
    stop = threading.Event()
    if log is not None:
        show = _terminal_alone(log)
        threading.Thread(
            target=live.follow, args=(opened, demonstration.practice, stop, show), daemon=True
        ).start()
    try:
        server.serve(url, host=DEMO_HOST, port=port, workers=workers)
    finally:
        stop.set()
        opened.dispose()


def _terminal_alone(log: Path) -> Callable[[str], None]:
    """Keep the terminal for what the returned function shows: everything else of this process and of the
    server's goes to the log, which is for its owner alone."""
    sys.stdout.flush()
    terminal = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", errors="replace")
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.fchmod(written, 0o600)
    for stream in (1, 2):
        os.dup2(written, stream)
    os.close(written)

    def show(line: str) -> None:
        terminal.write(f"{line}\n")
        terminal.flush()

    return show


def _require_free(host: str, port: int) -> None:
    """Raise ``Conflict`` if something listens there already.

    The system would share the connections between the two: a phone would see now this database, now that.
    """
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return
    raise Conflict(f"something is served on port {port} already: end it, or give another --port")


def _prepared(database: Database, today: date | None) -> Demonstration:
    """The practice that is there, else a new one about ``today`` (else about this day)."""
    outages.require_place(database.url, existing=False)
    with outages.explained():
        migrate.upgrade(database)
    found = demo_practice.find(database)
    day = today or clock.today(demo_practice.ZONE)
    if found is None:
        found = demo_practice.create(database, day)
        maintain.maintain(database)
    elif not demo_practice.is_about(found, day):
        if today is not None:
            raise Conflict("the practice that is there is about another day: give another --directory")
        typer.echo(
            "The practice that is there was made on an earlier day. For a new one remove its directory."
        )
    return found
