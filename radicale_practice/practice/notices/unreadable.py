"""Rows that cannot be read as they stand: on the attention list as long as they are.

A listing serves them in the plainest true form and cannot write; housekeeping and ``check --repair`` file
them.
"""

from __future__ import annotations

from sqlalchemy import select, update

from radicale_practice.practice import clock
from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.model import Status
from radicale_practice.practice.notices import attention_rows
from radicale_practice.practice.notices.attention_rows import UNREADABLE
from radicale_practice.practice.parts import parts
from radicale_practice.practice.schema.practice_tables import appointment, appointment_calendar
from radicale_practice.practice.schema.sync_tables import attention
from radicale_practice.practice.upkeep.check_values import unreadable_appointments


def note(uow: UnitOfWork, reasons: dict[int, str] | None = None) -> int:
    """File what cannot be read, one row for each object and reason, and settle what can be read again.

    ``reasons``: ``unreadable_appointments``, if a unit that only reads has found them already: judging every
    rule takes longer than other writers should have to wait on SQLite. Returns how many were filed. What
    somebody has accepted is not filed again. A constant number of statements, and one for each row filed.
    """
    with translated_errors():
        found = _served(uow, unreadable_appointments(uow) if reasons is None else reasons)
        known: set[tuple[int, str]] = set()
        over: list[int] = []
        query = select(
            attention.c.id, attention.c.appointment_id, attention.c.reason, attention.c.settled_at
        ).where(attention.c.kind == UNREADABLE, attention.c.resolution != attention_rows.OVER)
        for row in uow.connection.execute(query):
            key = (row.appointment_id, row.reason)
            if key in found:
                known.add(key)
            elif row.settled_at is None:
                over.append(row.id)
        for some in parts(over):
            uow.connection.execute(
                update(attention)
                .where(attention.c.id.in_(some))
                .values(settled_at=clock.utc_now(), resolution=attention_rows.OVER)
            )
        new = sorted(set(found) - known)
        for appointment_id, reason in new:
            practice_id, calendar_id = found[appointment_id, reason]
            attention_rows.file(
                uow,
                practice_id,
                UNREADABLE,
                reason,
                calendar_id=calendar_id,
                appointment_id=appointment_id,
            )
    return len(new)


def _served(uow: UnitOfWork, reasons: dict[int, str]) -> dict[tuple[int, str], tuple[int, int | None]]:
    """By object (a series' master) and reason: practice and owner calendar. Cancelled rows are not served."""
    found: dict[tuple[int, str], tuple[int, int | None]] = {}
    for ids in parts(sorted(reasons)):
        link = appointment_calendar
        query = (
            select(appointment.c.id, appointment.c.series_id, appointment.c.practice_id, link.c.calendar_id)
            .outerjoin(link, (link.c.appointment_id == appointment.c.id) & (link.c.role == "owner"))
            .where(appointment.c.id.in_(ids))
            .where(appointment.c.status != str(Status.CANCELLED))
        )
        for row in uow.connection.execute(query):
            found[row.series_id or row.id, reasons[row.id]] = (row.practice_id, row.calendar_id)
    return found
