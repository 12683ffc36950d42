"""The one all-day entry in a person's own calendar that says how many changes were not taken over.

It names nobody, blocks no time, is no row of the journal and counts for nothing. One row per person, found by
its external id, so that two devices refused at the same moment cannot make two.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import case, select, update

from radicale_practice.practice import appointment_rows, clock
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import CalendarKind, Status
from radicale_practice.practice.notices import attention_rows
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.schema.practice_tables import appointment, appointment_calendar, calendar

_TEXTS = {
    "de": ("Praxis: 1 Änderung wurde nicht übernommen", "Praxis: {n} Änderungen wurden nicht übernommen"),
    "en": ("Practice: 1 change was not taken over", "Practice: {n} changes were not taken over"),
}

PREFIX = "attention:"
"""Of an entry's ``external_id``: the person's number follows."""


def is_entry(row: Any) -> bool:
    """Whether an appointment row is such an entry and not an appointment of anybody's."""
    return str(row["external_id"] or "").startswith(PREFIX)


def text(language: str, number: int) -> str:
    """What the entry says, in German for ``de`` and its dialects, else in English."""
    one, many = _TEXTS["de" if language.lower().startswith("de") else "en"]
    return one if number == 1 else many.format(n=number)


def update_entry(uow: UnitOfWork, practice: Practice, staff_id: int | None) -> None:
    """Bring the person's entry to what is open now.

    Writes a practice row: never after the calendars' locks are taken.
    """
    if staff_id is None:
        return
    number = attention_rows.not_taken_over(uow, practice.id, staff_id)
    if not practice.settings.attention_entry:
        number = 0
    row = _entry(uow, practice.id, staff_id)
    if row is None:
        if number:
            _make(uow, practice, staff_id, number)
        return
    wanted: dict[str, Any] = {}
    if number:
        wanted = _columns(practice, number)
        if row["status"] != Status.CANCELLED and row["subject"] == wanted["subject"]:
            return
        wanted |= appointment_rows.booked()
    elif row["status"] != Status.CANCELLED:
        wanted = appointment_rows.cancelled(uow.actor, clock.utc_now())
    appointment_rows.update_rows(uow, [row], {int(row["id"]): wanted})


def leave(uow: UnitOfWork, practice_id: int, staff_id: int, calendar_id: int) -> None:
    """A calendar of the person's own has gone: their entry, if it is there, goes into another one of theirs.

    Writes a practice row.
    """
    row, target = _entry(uow, practice_id, staff_id), _own_calendar(uow, practice_id, staff_id)
    if row is not None and target is not None:
        link = appointment_calendar.c
        there = (link.appointment_id == row["id"], link.calendar_id == calendar_id)
        uow.connection.execute(update(appointment_calendar).where(*there).values(calendar_id=target))


def _entry(uow: UnitOfWork, practice_id: int, staff_id: int) -> dict[str, Any] | None:
    query = (
        select(appointment)
        .where(appointment.c.practice_id == practice_id, appointment.c.external_id == f"{PREFIX}{staff_id}")
        .with_for_update(key_share=True)
    )
    row = uow.connection.execute(query).mappings().first()
    return dict(row) if row is not None else None


def _columns(practice: Practice, number: int) -> dict[str, Any]:
    start = datetime.combine(clock.today(practice.time_zone), time())
    return {
        "subject": text(practice.language, number),
        "starts_at": start,
        "ends_at": start + timedelta(days=1),
        "time_zone": practice.time_zone,
    }


def _own_calendar(uow: UnitOfWork, practice_id: int, staff_id: int) -> int | None:
    """The calendar of the person's own for the entry: the practitioner's, else a private one."""
    own = (
        select(calendar.c.id)
        .where(
            calendar.c.practice_id == practice_id,
            calendar.c.staff_id == staff_id,
            calendar.c.active.is_(True),
            calendar.c.kind != CalendarKind.ROOM,
        )
        .order_by(
            case((calendar.c.kind == CalendarKind.PRACTITIONER, 0), else_=1),
            calendar.c.sort_order,
            calendar.c.id,
        )
        .limit(1)
    )
    return uow.connection.execute(own).scalar()


def _make(uow: UnitOfWork, practice: Practice, staff_id: int, number: int) -> None:
    calendar_id = _own_calendar(uow, practice.id, staff_id)
    if calendar_id is None:
        return
    statement = (
        uow.insert(appointment)
        .values(
            practice_id=practice.id,
            external_id=f"{PREFIX}{staff_id}",
            all_day=True,
            transparent=True,
            **_columns(practice, number),
        )
        .on_conflict_do_nothing()
        .returning(appointment.c.id)
    )
    made = uow.connection.execute(statement).scalar()
    if made is not None:
        appointment_rows.put_into_calendars(uow, [made], {calendar_id: "owner"})
