"""The practice program: a foreign process that knows the tables of ``docs/integration.md`` and SQL."""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import make_url

_APPOINTMENT_BEHIND = (
    "SELECT o.appointment_id FROM calendar_object o JOIN calendar c ON c.id = o.calendar_id"
    " WHERE c.public_id = ? AND o.uid = ? AND o.removed_revision IS NULL"
)


class PracticeProgram:
    """Writes appointments of the database at ``database_url`` (SQLite file or PostgreSQL)."""

    def __init__(self, database_url: str):
        self._url = make_url(database_url)
        self._is_sqlite = self._url.get_backend_name() == "sqlite"

    def insert(self, calendar_key: str, subject: str, start: datetime, minutes: int = 30) -> str:
        """A new entry without a patient at that local time; returns its public id, which is its UID."""
        public_id = uuid.uuid4().hex
        with self._cursor() as run:
            run(
                "INSERT INTO appointment (public_id, practice_id, subject, starts_at, ends_at)"
                " SELECT ?, practice_id, ?, ?, ? FROM calendar WHERE public_id = ?",
                (public_id, subject, self._time(start), self._time(start, minutes), calendar_key),
            )
            run(
                "INSERT INTO appointment_calendar (appointment_id, calendar_id)"
                " SELECT a.id, c.id FROM appointment a, calendar c WHERE a.public_id = ? AND c.public_id = ?",
                (public_id, calendar_key),
            )
        return public_id

    def move(self, calendar_key: str, uid: str, start: datetime, minutes: int = 30) -> None:
        """Another local time for the appointment behind that UID."""
        with self._cursor() as run:
            run(
                f"UPDATE appointment SET starts_at = ?, ends_at = ? WHERE id = ({_APPOINTMENT_BEHIND})",
                (self._time(start), self._time(start, minutes), calendar_key, uid),
            )

    def cancel(self, calendar_key: str, uid: str) -> None:
        """The appointment behind that UID is cancelled."""
        with self._cursor() as run:
            run(
                f"UPDATE appointment SET status = 'cancelled' WHERE id = ({_APPOINTMENT_BEHIND})",
                (calendar_key, uid),
            )

    def status(self, calendar_key: str, uid: str) -> str | None:
        """The status of the newest appointment that was ever shown under that UID, or None."""
        with self._cursor() as run:
            rows = run(
                "SELECT a.status FROM appointment a JOIN calendar_object o ON o.appointment_id = a.id"
                " JOIN calendar c ON c.id = o.calendar_id WHERE c.public_id = ? AND o.uid = ?"
                " ORDER BY o.id DESC",
                (calendar_key, uid),
            ).fetchall()
        return rows[0][0] if rows else None

    def _time(self, start: datetime, minutes: int = 0) -> datetime | str:
        when = start + timedelta(minutes=minutes)
        return when.isoformat(" ") if self._is_sqlite else when

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[Any]:
        if self._is_sqlite:
            connection: Any = sqlite3.connect(self._url.database or "", timeout=60)
        else:
            url = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
            connection = psycopg.connect(url)

        def run(statement: str, values: Sequence[Any] = ()) -> Any:
            changed = statement if self._is_sqlite else statement.replace("?", "%s")
            return connection.execute(changed, values)

        with contextlib.closing(connection):
            yield run
            connection.commit()
