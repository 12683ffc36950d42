"""What a calendar has to come, said before it or its person goes: a booked patient must not go unseen."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from radicale_practice.cli.context import Session
from radicale_practice.practice import calendars, clock
from radicale_practice.practice.calendars import CalendarRow
from radicale_practice.practice.reading import agenda

DAYS = 366


def in_no_other(session: Session, row: CalendarRow) -> int:
    """How many entries of the next ``DAYS`` days stand in this calendar and in no other that is shown."""
    mine = _entries(session, [row.id])
    if not mine:
        return 0
    every = calendars.list_all(session.uow, session.practice.id)
    others = _entries(session, [other.id for other in every if other.active and other.id != row.id])
    return len(mine - others)


def of_person(session: Session, staff_id: int) -> int:
    """How many entries of the next ``DAYS`` days a person has, private calendars not counted."""
    every = calendars.list_all(session.uow, session.practice.id)
    return len(_entries(session, [row.id for row in every if row.active and row.staff_id == staff_id]))


def _entries(session: Session, calendar_ids: Collection[int]) -> set[tuple[int, object]]:
    """Appointment and start; an instance that stands in two of the calendars is one."""
    today = clock.today(session.practice.time_zone)
    found = agenda.between(session.uow, None, calendar_ids, today, today + timedelta(days=DAYS))
    return {(entry.appointment_id, entry.start) for entry in found}
