"""From what a person types to the row that is meant, within one practice."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import NotFound
from radicale_practice.practice.model import CalendarKind
from radicale_practice.practice.records.programs import short_name
from radicale_practice.practice.schema.practice_tables import (
    appointment,
    appointment_calendar,
    calendar,
    location,
    patient,
)
from radicale_practice.practice.schema.sync_tables import device, journal

_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Named:
    """An appointment in a few words: whose or what, when (wall time in its own zone), in which calendar.

    ``time_zone``: as it is written, known or not.

    Of a private one only the time is told; of one that is the practice's not in whose private calendar it is.
    """

    id: int
    title: str
    start: datetime
    end: datetime
    time_zone: str
    all_day: bool
    is_series: bool
    calendar: str


def appointments(uow: UnitOfWork, practice_id: int, ids: Collection[int]) -> dict[int, Named]:
    """These appointments of the practice in a few words, by id; one statement."""
    owner = and_(
        appointment_calendar.c.appointment_id == appointment.c.id, appointment_calendar.c.role == "owner"
    )
    # a program may have linked another practice's patient: nobody here is told of that one
    theirs = and_(patient.c.id == appointment.c.patient_id, patient.c.practice_id == practice_id)
    query = (
        select(
            appointment,
            patient.c.first_name,
            patient.c.last_name,
            calendar.c.name.label("calendar_name"),
            calendar.c.kind,
        )
        .outerjoin(patient, theirs)
        .outerjoin(appointment_calendar, owner)
        .outerjoin(calendar, calendar.c.id == appointment_calendar.c.calendar_id)
        .where(appointment.c.practice_id == practice_id, appointment.c.id.in_(sorted(set(ids))))
    )
    found = {}
    for row in uow.connection.execute(query):
        name = f"{row.last_name or ''} {row.first_name or ''}".strip()
        in_private = row.kind == CalendarKind.PRIVATE
        private = in_private and row.patient_id is None and not row.external_id
        found[row.id] = Named(
            id=row.id,
            title="a private entry" if private else name or row.subject,
            start=row.starts_at,
            end=row.ends_at,
            time_zone=row.time_zone,
            all_day=row.all_day,
            is_series=bool(row.rrule or row.rdate),
            calendar="" if in_private else row.calendar_name or "",
        )
    return found


def appointment_id(uow: UnitOfWork, practice_id: int, typed: str) -> int:
    """The internal id of the appointment with this id, public id, or external id. Raises ``NotFound``."""
    named = [appointment.c.public_id == typed, appointment.c.external_id == typed]
    if typed.isascii() and typed.isdigit() and int(typed) <= _LARGEST_ID:
        named.append(appointment.c.id == int(typed))
    query = select(appointment.c.id).where(appointment.c.practice_id == practice_id, or_(*named))
    found = list(uow.connection.execute(query).scalars())
    if len(found) != 1:
        raise NotFound("no such appointment" if not found else "this names several appointments")
    return int(found[0])


def location_id(uow: UnitOfWork, practice_id: int, typed: str) -> int:
    """The internal id of the active location of this name, whatever the case. Raises ``NotFound``."""
    query = select(location.c.id).where(
        location.c.practice_id == practice_id,
        location.c.active,
        or_(location.c.name == typed, func.lower(location.c.name) == typed.lower()),
    )
    found = list(uow.connection.execute(query.order_by(location.c.id)).scalars())
    if not found:
        raise NotFound("no such location")
    return int(found[0])


def device_id(uow: UnitOfWork, practice_id: int, typed: str) -> int | None:
    """The internal id of the device with this name, id or public id, revoked or not; None if there is none.

    Raises ``NotFound`` if a name fits several.
    """
    named = [device.c.public_id == typed, device.c.name == typed]
    if typed.isascii() and typed.isdigit() and int(typed) <= _LARGEST_ID:
        named.append(device.c.id == int(typed))
    query = select(device.c.id).where(device.c.practice_id == practice_id, or_(*named))
    found = list(uow.connection.execute(query).scalars())
    if len(found) > 1:
        raise NotFound("this names several devices: give the id")
    return int(found[0]) if found else None


def device_names(uow: UnitOfWork, practice_id: int) -> dict[int, str]:
    """What the practice's devices are called, by internal id."""
    query = select(device.c.id, device.c.name).where(device.c.practice_id == practice_id)
    return {row.id: row.name for row in uow.connection.execute(query)}


def program(uow: UnitOfWork, practice_id: int, staff_id: int, typed: str) -> str:
    """What one of a person's programs calls itself (its User-Agent), from its short name ("DAVx5").

    Raises ``NotFound`` if the journal knows none or several (then the User-Agent has to be given).
    """
    query = (
        select(journal.c.program)
        .where(journal.c.practice_id == practice_id, journal.c.staff_id == staff_id)
        .distinct()
    )
    programs = list(uow.connection.execute(query).scalars())
    if typed in programs:
        return typed
    found = [name for name in programs if short_name(name).lower() == typed.lower()]
    if len(found) != 1:
        raise NotFound("no such program of this person" if not found else "several: name one in full")
    return str(found[0])
