"""In which calendars an appointment is: its practitioner's, which owns it, and those of rooms."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from radicale_practice.practice import appointment_rows
from radicale_practice.practice.appointment_rows import Rows
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import CalendarKind
from radicale_practice.practice.schema.practice_tables import calendar
from radicale_practice.practice.sync import revisions


def change_calendar(uow: UnitOfWork, rows: Rows, source: int, target: CalendarFacts) -> Rows:
    """Let the rows that are in ``source`` be in ``target``; the rows with their calendars afterwards.

    A room seen through its own calendar is exchanged for another room; a move from a room's calendar to a
    practitioner's makes that one the owner; from a practitioner's to a room's, the room is added or takes
    the place of the one it had, and the practitioner keeps it. In its new place an appointment is there once.
    """
    ids = [rows.id, *rows.here()]
    role = rows.calendars.get(rows.id, {}).get(source, "owner")
    if role == "owner" and target.kind is CalendarKind.ROOM and _is_practitioners(uow, source):
        return _into_room(uow, rows, source, target.id)
    leaves: set[int] = set()
    if role == "resource" and target.kind is not CalendarKind.ROOM:
        role = "owner"
        leaves = {c for c, r in rows.calendars[rows.id].items() if r == "owner" and c != source}
    appointment_rows.move_between_calendars(uow, ids, source, target.id, role)
    if leaves - {target.id}:
        appointment_rows.leave_calendars(uow, ids, leaves - {target.id})
    after = Rows(rows.master, rows.time_zone, rows.overrides, dict(rows.calendars))
    for row_id in ids:
        known = rows.calendars.get(row_id, {})
        kept = {c: r for c, r in known.items() if c != source and c not in leaves}
        after.calendars[row_id] = {**kept, target.id: role}
    return after


def set_rooms(uow: UnitOfWork, rows: Rows, rooms: Collection[int]) -> Rows:
    """Let the rows that are where their master is be in these rooms and in no others."""
    after = Rows(rows.master, rows.time_zone, rows.overrides, dict(rows.calendars))
    ids, wanted = _placed(rows), sorted(rooms)
    known = {i: rows.calendars.get(i, {}) for i in ids}
    leaves = {c for had in known.values() for c, role in had.items() if role != "owner"} - set(wanted)
    if leaves:
        appointment_rows.leave_calendars(uow, ids, leaves)
    for room in wanted:
        entering = [i for i in ids if room not in known[i]]
        appointment_rows.put_into_calendars(uow, entering, {room: "resource"})
    for row_id, had in known.items():
        owners = {c: role for c, role in had.items() if role == "owner"}
        after.calendars[row_id] = {**dict.fromkeys(wanted, "resource"), **owners}
    return after


def _into_room(uow: UnitOfWork, rows: Rows, source: int, room: int) -> Rows:
    """The room beside the practitioner; the one it had goes, of several none. The client believes that the
    appointment has left the practitioner's calendar: it is listed there again."""
    had = {c for c, role in rows.calendars[rows.id].items() if role != "owner"}
    after = set_rooms(uow, rows, {room} | (had if len(had) > 1 else set()))
    revisions.touch(uow, source, appointment_rows.live_objects(uow, rows.id).get(source, []))
    return after


def _placed(rows: Rows) -> list[int]:
    """The master, and instances with calendars of their own: one that plain SQL made has its master's."""
    return [rows.id, *(i for i in rows.here() if rows.calendars.get(i))]


def _is_practitioners(uow: UnitOfWork, calendar_id: int) -> bool:
    kind = uow.connection.execute(select(calendar.c.kind).where(calendar.c.id == calendar_id)).scalar()
    return bool(kind == CalendarKind.PRACTITIONER)
