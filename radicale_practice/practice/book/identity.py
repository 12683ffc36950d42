"""From a calendar object to the appointment it shows, and back."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from radicale_practice.practice.calendar_objects import StoredObject
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.schema.sync_tables import calendar_object


@dataclass(frozen=True, slots=True)
class Identity:
    """Under which href and UID an appointment is live in a calendar."""

    object_id: int
    href: str
    uid: str


def appointment_id_of(uow: UnitOfWork, stored: StoredObject) -> int | None:
    """The appointment or series a calendar object shows; None if it went meanwhile."""
    query = select(calendar_object.c.appointment_id).where(
        calendar_object.c.id == stored.object_id, calendar_object.c.removed_revision.is_(None)
    )
    return uow.connection.execute(query).scalar()


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
