"""What takes place in some calendars on a day or in some days: for the command line and other programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select

from radicale_practice.practice import accesses, zones
from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Access, Patient, Status, View, Viewer
from radicale_practice.practice.reading import calendar_objects
from radicale_practice.practice.schema.practice_tables import calendar
from radicale_practice.practice.series import spans

MOST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Entry:
    """One instance: naive wall times in the practice's zone; an all-day entry's end is exclusive.

    ``busy``: the viewer may only know that the time is taken; everything else is empty then.
    """

    calendar_id: int
    object_id: int
    appointment_id: int
    start: datetime
    end: datetime
    all_day: bool
    status: Status
    patient: Patient | None
    subject: str
    location: str
    room: str
    transparent: bool
    busy: bool


def day(uow: UnitOfWork, viewer: Viewer | None, calendar_ids: Iterable[int], on: date) -> list[Entry]:
    """What takes place on a day of the practice's zone, by start, then calendar.

    ``viewer`` None: for the practice itself, everything in full. Calendars the viewer may not see are left
    out; with busy access, or a view other than ``full``, entries are ``busy``. Five statements a calendar.
    """
    return between(uow, viewer, calendar_ids, on, on + timedelta(days=1))


def between(
    uow: UnitOfWork, viewer: Viewer | None, calendar_ids: Iterable[int], first: date, last: date
) -> list[Entry]:
    """As ``day``, from ``first`` to before ``last``; at most ``MOST_DAYS`` days, else ``InvalidValue``."""
    if not 0 <= (last - first).days <= MOST_DAYS:
        raise InvalidValue(f"an agenda has at most {MOST_DAYS} days")
    entries = []
    for practice_id, ids in _by_practice(uow, viewer, calendar_ids).items():
        around = (
            accesses.everything(uow, practice_id) if viewer is None else accesses.surroundings(uow, viewer)
        )
        within = spans.make_range(
            zones.to_utc(datetime.combine(first, time()), around.time_zone),
            zones.to_utc(datetime.combine(last, time()), around.time_zone),
        )
        for calendar_id in ids:
            if calendar_id in around.accesses:
                found = calendar_objects.taking_place(uow, practice_id, calendar_id, within, viewer)
                entries += [_entry(stored, placed, viewer, around.time_zone) for stored, placed in found]
    return sorted(entries, key=lambda e: (e.start, e.calendar_id, e.object_id))


def _by_practice(uow: UnitOfWork, viewer: Viewer | None, calendar_ids: Iterable[int]) -> dict[int, list[int]]:
    query = select(calendar.c.practice_id, calendar.c.id).where(calendar.c.id.in_(sorted(set(calendar_ids))))
    if viewer is not None:
        query = query.where(calendar.c.practice_id == viewer.practice_id)
    found: dict[int, list[int]] = {}
    with translated_errors():
        for practice_id, calendar_id in uow.connection.execute(query.order_by(calendar.c.id)):
            found.setdefault(practice_id, []).append(calendar_id)
    return found


def _entry(
    stored: calendar_objects.StoredObject, placed: spans.Placed, viewer: Viewer | None, time_zone: str
) -> Entry:
    row = placed.appointment
    busy = stored.access is Access.BUSY or (viewer is not None and viewer.view is not View.FULL)
    return Entry(
        calendar_id=stored.calendar_id,
        object_id=stored.object_id,
        appointment_id=row.id or stored.appointment_id,
        start=_wall(placed.start, time_zone),
        end=_wall(placed.end, time_zone),
        all_day=row.all_day,
        status=Status.BOOKED if busy else row.status,
        patient=None if busy else row.patient,
        subject="" if busy else row.subject,
        location="" if busy else (row.location.name if row.location else row.location_text),
        room="" if busy else row.room,
        transparent=row.transparent,
        busy=busy,
    )


def _wall(instant: datetime, time_zone: str) -> datetime:
    return zones.to_wall(instant.replace(tzinfo=UTC), time_zone)
