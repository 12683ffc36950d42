"""In which calendars an appointment is: its practitioner's, which owns it, and those of rooms."""

from __future__ import annotations

from radicale_practice.practice import appointment_rows
from radicale_practice.practice.appointment_rows import Rows
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import CalendarKind


def change_calendar(uow: UnitOfWork, rows: Rows, source: int, target: CalendarFacts) -> Rows:
    """Let the rows that are in ``source`` be in ``target``; the rows with their calendars afterwards.

    A room seen through its own calendar is exchanged for another room; a move from a room's calendar to a
    practitioner's makes that one the owner. In its new place an appointment is there once.
    """
    ids = [rows.id, *rows.here()]
    role = rows.calendars.get(rows.id, {}).get(source, "owner")
    leaves: set[int] = set()
    if role == "resource" and target.kind is not CalendarKind.ROOM:
        role = "owner"
        leaves = {c for c, r in rows.calendars[rows.id].items() if r == "owner" and c != source}
    appointment_rows.move_between_calendars(uow, ids, source, target.id, role)
    if leaves - {target.id}:
        appointment_rows.leave_calendars(uow, ids, leaves - {target.id})
    after = Rows(rows.master, rows.overrides, dict(rows.calendars))
    for row_id in ids:
        known = rows.calendars.get(row_id, {})
        kept = {c: r for c, r in known.items() if c != source and c not in leaves}
        after.calendars[row_id] = {**kept, target.id: role}
    return after
