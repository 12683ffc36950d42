"""Why a database cannot be used, in words for the person who runs a command."""

from __future__ import annotations

import getpass
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from radicale_practice.practice.errors import Unavailable

_SQLITE = {
    sqlite3.SQLITE_BUSY: "another program is writing in the database: try again in a moment",
    sqlite3.SQLITE_LOCKED: "another program is writing in the database: try again in a moment",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
    sqlite3.SQLITE_READONLY: "the database file, or its directory, cannot be written",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged: restore a backup",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk with the database cannot be read or written",
}


def require_place(url: URL, *, existing: bool = True) -> None:
    """Raise ``Unavailable`` if the file of an SQLite database cannot be there, or (``existing``) is not.

    Opening it would make an empty file in the wrong place.
    """
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return
    if url.database.startswith("file:"):
        return
    path = Path(url.database).absolute()
    folder = path.parent
    if not folder.is_dir():
        raise Unavailable(f"there is no directory {folder}: make it, for its owner alone (mkdir -m 0700)")
    if path.is_dir():
        raise Unavailable(f"{path} is a directory, not a database file")
    if existing and not path.exists():
        raise Unavailable(f"there is no database {path}: run radicale-practice init")
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        raise Unavailable(f"{path} cannot be read and written by {_user()}")
    # the write-ahead log is made beside the file
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Unavailable(f"the directory {folder} cannot be written by {_user()}")


@contextmanager
def explained() -> Iterator[None]:
    """Say of an ``Unavailable`` what is wrong, as far as the driver knows."""
    try:
        yield
    except Unavailable as error:
        raise Unavailable(reason(error)) from error


def reason(error: Unavailable) -> str:
    """What the driver knows of an outage; else the error's own words."""
    cause = error.__cause__
    original = cause.orig if isinstance(cause, DBAPIError) else None
    if isinstance(original, sqlite3.Error):
        return _SQLITE.get(original.sqlite_errorcode & 0xFF, str(error))
    if isinstance(original, psycopg.OperationalError) and original.sqlstate is None:
        # libpq's words about a connection: they name server, role and database, never a row
        said = " ".join(str(original).split())
        return f"PostgreSQL cannot be reached: {said.partition(' failed: ')[2] or said}"
    return str(error)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "this user"
