"""Listening to the statements of a database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from radicale_practice.practice.database import Database

_PRACTICE_ROW = re.compile(
    r"\s*(INSERT INTO|UPDATE|DELETE FROM)\s+(appointment|appointment_calendar|patient|location|calendar)\b"
)


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements executed inside the block."""
    found: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


@contextmanager
def by_transaction(database: Database, beginning: str) -> Iterator[list[int]]:
    """How many rows the statements that begin so change in each writing transaction."""
    found: list[int] = [0]

    def note(_c: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(beginning):
            found[-1] += cursor.rowcount
        elif "set_config('lock_timeout'" in statement or statement.startswith("BEGIN"):
            found.append(0)

    event.listen(database.engine, "after_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(database.engine, "after_cursor_execute", note)


@contextmanager
def written_after_flush(database: Database) -> Iterator[list[str]]:
    """Practice rows written in a transaction after its flush (PostgreSQL; nothing flushes elsewhere)."""
    late: list[str] = []
    flushed = False

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal flushed
        if "SET CONSTRAINTS sync_flush_at_commit" in statement:
            flushed = True
        elif "set_config('lock_timeout'" in statement or "ROLLBACK TO" in statement:
            flushed = False  # the next transaction; or the locks were given back
        elif flushed and _PRACTICE_ROW.match(statement):
            late.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield late
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
