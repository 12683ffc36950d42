"""Rows of ``appointment`` with what belongs to them, as a query and as dataclasses.

What constraints cannot judge (a time that is none, an unknown zone, a broken rule, a status of a later
version) is read in the plainest true form and logged once by id: no row can break a listing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, func, select

from radicale_practice.practice import zones
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Appointment, Location, Patient, Status
from radicale_practice.practice.schema.practice_tables import (
    appointment,
    appointment_calendar,
    calendar,
    location,
    patient,
)
from radicale_practice.practice.schema.sync_tables import event_extra, personal_extra
from radicale_practice.practice.series.recurrence_rule import parse, with_utc_end
from radicale_practice.practice.series.spans import EARLIEST, LATEST

logger = logging.getLogger(__name__)

MOST_DATES = 5_000
"""RDATEs or EXDATEs of one series that are read."""

_DAY = timedelta(days=1)
_NO_TIME = datetime(1970, 1, 1)
_STATUSES = {status.value: status for status in Status}


def columns() -> list[ColumnElement[Any]]:
    """The columns ``read`` expects, in its order."""
    a = appointment.c
    return [
        a.id,
        a.public_id,
        a.starts_at,
        a.ends_at,
        a.time_zone,
        a.all_day,
        a.subject,
        a.location_text,
        a.status,
        a.note,
        a.phone,
        a.transparent,
        a.unconfirmed_reason,
        a.created_by,
        a.created_at,
        a.rrule,
        a.rdate,
        a.exdate,
        a.recurrence_id,
        patient.c.id,
        patient.c.number,
        patient.c.first_name,
        patient.c.last_name,
        patient.c.phone,
        location.c.id,
        location.c.name,
        event_extra.c.content,
        personal_extra.c.content,
        _room(),
    ]


def joined(source: FromClause) -> FromClause:
    """``source``, which holds ``appointment``, joined with patient, location and extras.

    Needs the parameter ``staff``, whose personal part is read.
    """
    a = appointment.c
    return (
        source.outerjoin(patient, and_(patient.c.id == a.patient_id, patient.c.practice_id == a.practice_id))
        .outerjoin(location, and_(location.c.id == a.location_id, location.c.practice_id == a.practice_id))
        .outerjoin(
            event_extra, and_(event_extra.c.appointment_id == a.id, event_extra.c.component == "VEVENT")
        )
        .outerjoin(
            personal_extra,
            and_(personal_extra.c.appointment_id == a.id, personal_extra.c.staff_id == bindparam("staff")),
        )
    )


def owner() -> ColumnElement[Any]:
    """The owner calendar of the row's appointment (the lowest, should a foreign program give it two)."""
    link = appointment_calendar.alias()
    return (
        select(func.min(link.c.calendar_id))
        .where(link.c.appointment_id == appointment.c.id, link.c.role == "owner")
        .correlate(appointment)
        .scalar_subquery()
    )


def _room() -> ColumnElement[Any]:
    link = appointment_calendar.alias()
    return (
        select(func.min(link.c.calendar_id))
        .join(calendar, and_(calendar.c.id == link.c.calendar_id, calendar.c.kind == "room"))
        .where(link.c.appointment_id == appointment.c.id, link.c.role == "resource")
        .correlate(appointment)
        .scalar_subquery()
    )


@dataclass(slots=True)
class Reader:
    """Makes appointments of rows; one for each load, so that equal patients and places are one object."""

    time_zone: str
    rooms: dict[int, str]
    patients: dict[int, Patient] = field(default_factory=dict)
    locations: dict[int, Location] = field(default_factory=dict)

    def read(self, row: Sequence[Any]) -> Appointment:
        """The appointment of a row of ``columns``."""
        (
            identifier,
            public_id,
            starts_at,
            ends_at,
            time_zone,
            all_day,
            subject,
            location_text,
            status,
            note,
            phone,
            transparent,
            unconfirmed_reason,
            created_by,
            created_at,
            rrule,
            rdate,
            exdate,
            recurrence_id,
            patient_id,
            patient_number,
            first_name,
            last_name,
            patient_phone,
            location_id,
            location_name,
            extra,
            personal,
            room_id,
        ) = row
        zone = zones.meant(time_zone, self.time_zone)
        if zones.canonical(time_zone) is None:
            note_once(identifier, "unknown time zone")
        start, end, all_day = times(identifier, starts_at, ends_at, bool(all_day), created_at)
        person = place = None
        if patient_id is not None:
            person = self.patients.get(patient_id)
            if person is None:
                person = Patient(patient_id, patient_number, first_name, last_name, patient_phone)
                self.patients[patient_id] = person
        if location_id is not None:
            place = self.locations.get(location_id)
            if place is None:
                place = self.locations[location_id] = Location(location_id, location_name)
        return Appointment(
            start=start,
            end=end,
            time_zone=zone,
            all_day=all_day,
            subject=subject,
            patient=person,
            location=place,
            location_text=location_text,
            room=self.rooms.get(room_id, "") if room_id is not None else "",
            status=_STATUSES.get(status, Status.BOOKED),
            note=note,
            phone=phone,
            transparent=bool(transparent),
            unconfirmed_reason=unconfirmed_reason,
            author_staff_id=created_by,
            rrule=_rule(identifier, rrule, zone, all_day) if rrule else "",
            rdate=dates(identifier, rdate, all_day) if rdate else (),
            exdate=dates(identifier, exdate, all_day) if exdate else (),
            recurrence_id=recurrence_id,
            extra=extra or "",
            personal=personal or "",
            id=identifier,
            public_id=public_id,
        )


def timing(
    identifier: int,
    starts_at: datetime,
    ends_at: datetime,
    time_zone: str,
    all_day: bool,
    rrule: str,
    rdate: str,
    exdate: str,
) -> Appointment:
    """An appointment of its times alone, read as ``Reader.read`` reads them; ``time_zone``: the one meant."""
    start, end, all_day = times(identifier, starts_at, ends_at, all_day, None)
    return Appointment(
        start=start,
        end=end,
        time_zone=time_zone,
        all_day=all_day,
        rrule=_rule(identifier, rrule, time_zone, all_day) if rrule else "",
        rdate=dates(identifier, rdate, all_day) if rdate else (),
        exdate=dates(identifier, exdate, all_day) if exdate else (),
        id=identifier,
    )


def dates(identifier: int, text: str, all_day: bool = False) -> tuple[datetime, ...]:
    """The wall times of an ``rdate`` or ``exdate`` column; what is no time is left out."""
    found = []
    for part in filter(None, map(str.strip, text.split(",")[:MOST_DATES])):
        try:
            found.append(_plain(datetime.fromisoformat(part)))
        except ValueError:
            note_once(identifier, "its further or excluded dates are not all times")
    return tuple(midnight(moment) for moment in found) if all_day else tuple(found)


def midnight(moment: datetime) -> datetime:
    """The beginning of that day."""
    return datetime.combine(moment.date(), time())


@lru_cache(maxsize=4096)
def note_once(appointment_id: int, reason: str) -> None:
    """Log that a row is not as it should be: by id, once a process, without its content."""
    logger.warning("appointment %s is served in its plainest form: %s", appointment_id, reason)


def _rule(identifier: int, rrule: str, time_zone: str, all_day: bool) -> str:
    try:
        parse(rrule)
    except InvalidValue:
        note_once(identifier, "its recurrence rule cannot be read")
        return ""
    return with_utc_end(rrule, time_zone, all_day)


def _plain(moment: datetime) -> datetime:
    if moment.tzinfo is not None or moment.microsecond:
        moment = moment.replace(tzinfo=None, microsecond=0)
    return min(max(moment, EARLIEST), LATEST)


def times(
    identifier: int,
    starts_at: datetime | None,
    ends_at: datetime | None,
    all_day: bool,
    created_at: datetime | None,
) -> tuple[datetime, datetime, bool]:
    """Start, end and whether it is all day. A row without a time is a day entry, so that somebody sees it."""
    if starts_at is None:
        note_once(identifier, "its start is no time")
        starts_at = ends_at or created_at or _NO_TIME
        ends_at, all_day = starts_at, True
    start = _plain(starts_at)
    end = start if ends_at is None else _plain(ends_at)
    if all_day:
        start = midnight(start)
        if end != midnight(end):
            end = midnight(end) + _DAY
        return start, max(end, start + _DAY), True
    return start, max(end, start), False
