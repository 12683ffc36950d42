"""From a calendar object to the appointment it shows, and back."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from radicale_practice.practice import appointment_rows
from radicale_practice.practice.appointment_rows import Rows
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.schema.sync_tables import calendar_object


@dataclass(frozen=True, slots=True)
class Identity:
    """Under which href and UID an appointment is live in a calendar."""

    object_id: int
    href: str
    uid: str


def lock(uow: UnitOfWork, stored: StoredObject, practice: Practice) -> Rows | None:
    """Lock the rows a calendar object shows; None if it is not what was read any more: deleted, or moved to
    another calendar meanwhile."""
    rows = appointment_rows.lock(uow, practice, stored.appointment_id)
    if rows is None or not rows.is_shown or rows.owner_calendar_id != stored.owner_calendar_id:
        return None
    calendars = rows.calendars.get(rows.id, {})
    return rows if not calendars or stored.calendar_id in calendars else None


def live(uow: UnitOfWork, calendar_id: int, appointment_id: int) -> Identity | None:
    """The live identity of an appointment in one calendar."""
    table = calendar_object
    query = select(table.c.id, table.c.href, table.c.uid).where(
        table.c.appointment_id == appointment_id,
        table.c.calendar_id == calendar_id,
        table.c.removed_revision.is_(None),
    )
    row = uow.connection.execute(query).first()
    return Identity(row.id, row.href, row.uid) if row is not None else None
