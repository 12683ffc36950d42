"""Whose failure is it: what a foreign program does to itself, or what we do to it?

Two writers that lock the same practice rows in different order deadlock with or without us; whoever is
aborted tries again, as every program on PostgreSQL must. What must never happen is that our lock, our
triggers or our tables are part of the circle.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any

from psycopg import errors

PRACTICE_TABLES = frozenset(
    {
        "practice",
        "staff",
        "calendar",
        "calendar_access",
        "patient",
        "location",
        "appointment",
        "appointment_calendar",
    }
)

_TWICE = "UNIQUE constraint failed: appointment_calendar."
"""SQLite; no trigger writes this table."""

_RELATION = re.compile(r'relation "([^"]*)"')
_NUMBER = re.compile(r"relation (\d+)")


def among_practice_rows(error: BaseException, connection: Any) -> bool:
    """Whether an error is a deadlock (40P01) among rows of the practice tables and nothing else.

    PostgreSQL's DETAIL names what each of the circle waits for, CONTEXT the row and the functions in which
    the aborted one waited. ``connection`` (in no transaction) tells the names of relation numbers.
    """
    if not isinstance(error, errors.DeadlockDetected):
        return False
    detail, context = error.diag.message_detail or "", error.diag.context or ""
    numbers = [int(number) for number in _NUMBER.findall(detail)]
    found = connection.execute("SELECT relname FROM pg_class WHERE oid = ANY(%s)", (numbers,)).fetchall()
    names = {row[0] for row in found} | set(_RELATION.findall(context))
    ours = "advisory lock" in detail or "PL/pgSQL function" in context
    return bool(names) and names <= PRACTICE_TABLES and not ours


def own_serialization_failure(error: BaseException) -> bool:
    """Whether a REPEATABLE READ program met another writer's change of its own rows (40001), not of ours."""
    if not isinstance(error, errors.SerializationFailure):
        return False
    return "PL/pgSQL function" not in (error.diag.context or "")


def own_key_violation(error: BaseException) -> bool:
    """Whether a program puts an appointment into a calendar where another writer has put it meanwhile, such
    as a room; not one of our triggers."""
    if isinstance(error, errors.UniqueViolation):
        ours = "PL/pgSQL function" in (error.diag.context or "")
        return error.diag.table_name == "appointment_calendar" and not ours
    return isinstance(error, sqlite3.IntegrityError) and str(error).startswith(_TWICE)


def cause(error: BaseException) -> BaseException:
    """The driver's error under ours and SQLAlchemy's."""
    while (inner := getattr(error, "orig", None) or error.__cause__) is not None:
        error = inner
    return error


def told(error: BaseException) -> str:
    """An error with all that the server said about it."""
    diagnosis = getattr(error, "diag", None)
    parts = [f"{type(error).__name__}: {error}"]
    parts += [str(getattr(diagnosis, part, "")) for part in ("message_detail", "context")]
    return "\n".join(dict.fromkeys(part for part in parts if part))
