"""What was changed on phones and by our commands, for a practice program that wants to hear of it.

The same rows as the SQL view ``phone_change``; cursors appear in the order of commits, so asking for what is
above the last cursor misses nothing. Private entries are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Integer, String, column, select, table

from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.schema.columns import WallTime

_VIEW = table(
    "phone_change",
    column("cursor", Integer),
    column("at", WallTime),
    column("action", String),
    column("practice_id", Integer),
    column("appointment_id", Integer),
    column("public_id", String),
    column("external_id", String),
    column("calendar_id", Integer),
    column("staff_id", Integer),
    column("user_name", String),
    column("device_id", Integer),
    column("program", String),
)


@dataclass(frozen=True, slots=True)
class PhoneChange:
    """One change made by a person through a device, or by a command (``staff_id`` None). ``at`` is UTC.

    ``public_id`` and ``external_id`` are the appointment's; None if its row is gone by now.
    """

    cursor: int
    at: datetime
    action: str
    appointment_id: int
    public_id: str | None
    external_id: str | None
    calendar_id: int | None
    staff_id: int | None
    user_name: str | None
    device_id: int | None
    program: str


def changes_since(
    uow: UnitOfWork, practice_id: int, cursor: int, limit: int = 500
) -> tuple[list[PhoneChange], int]:
    """Up to ``limit`` changes after ``cursor`` (0: from the beginning), oldest first, and the new cursor."""
    view = _VIEW.c
    statement = (
        select(*(view[wanted.name] for wanted in fields(PhoneChange)))
        .where(view.practice_id == practice_id, view.cursor > cursor)
        .order_by(view.cursor)
        .limit(limit)
    )
    with translated_errors():
        changes = [PhoneChange(*row) for row in uow.connection.execute(statement)]
    return changes, changes[-1].cursor if changes else cursor
