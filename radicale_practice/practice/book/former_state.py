"""What a device saw of an appointment that it has just cancelled, from the rows and the journal."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import or_, select

from radicale_practice.practice import accesses, appointment_rows
from radicale_practice.practice.appointment_rows import Row, Rows, times_of
from radicale_practice.practice.book import restoring
from radicale_practice.practice.book.as_shown import as_shown
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Appointment, CalendarObject, Location, Patient, Status, Viewer
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading import stored_rows
from radicale_practice.practice.schema.practice_tables import appointment, location, patient
from radicale_practice.practice.schema.sync_tables import event_extra
from radicale_practice.practice.series.recurrence_rule import with_utc_end


def as_before(
    uow: UnitOfWork, viewer: Viewer, practice: Practice, appointment_id: int, cancelled_in: int, uid: str
) -> CalendarObject | None:
    """A cancelled appointment or series as its viewer saw it before, under ``uid``.

    ``cancelled_in``: the journal row of the cancellation. None if that does not stand any more.
    """
    rows = appointment_rows.lock(uow, practice, appointment_id, locking=False)
    if rows is None:
        return None
    changes = restoring.changes(uow, rows, cancelled_in)
    if not changes:
        return None
    here = {rows.id, *rows.here()}
    rows = as_shown(rows)
    entries = [e for e in _entries(uow, viewer, practice, rows) if e.id in here]
    shown = [e for e in (_changed(e, changes.get(e.id or 0, {})) for e in entries) if _was_seen(e, viewer)]
    if not shown:
        return None
    elsewhere = frozenset(r["recurrence_id"] for i, r in rows.overrides.items() if i not in here)
    return CalendarObject(uid, tuple(shown), elsewhere, _container(uow, rows))


def with_names(uow: UnitOfWork, practice_id: int, entry: CalendarObject) -> CalendarObject:
    """An object whose patients and places are known by id only, with their names; two statements."""
    people = {a.patient.id for a in entry.appointments if a.patient}
    places = {a.location.id for a in entry.appointments if a.location}
    known = {
        row.id: Patient(row.id, row.number, row.first_name, row.last_name, row.phone)
        for row in uow.connection.execute(
            select(*(patient.c[n] for n in ("id", "number", "first_name", "last_name", "phone"))).where(
                patient.c.practice_id == practice_id, patient.c.id.in_(sorted(people))
            )
        )
    }
    named = {
        row.id: Location(row.id, row.name)
        for row in uow.connection.execute(
            select(location.c.id, location.c.name).where(
                location.c.practice_id == practice_id, location.c.id.in_(sorted(places))
            )
        )
    }
    found = [
        replace(
            a,
            patient=known.get(a.patient.id) if a.patient else None,
            location=named.get(a.location.id) if a.location else None,
        )
        for a in entry.appointments
    ]
    return replace(entry, appointments=tuple(found))


def _entries(uow: UnitOfWork, viewer: Viewer, practice: Practice, rows: Rows) -> list[Appointment]:
    """Master and instances with everything they render from, the master first."""
    entries = appointment.c
    query = (
        select(*stored_rows.columns())
        .select_from(stored_rows.joined(appointment))
        .where(
            entries.practice_id == practice.id,
            or_(entries.id == rows.id, entries.series_id == rows.id),
        )
        .order_by(entries.series_id.is_not(None), entries.recurrence_id, entries.id)
    )
    reader = stored_rows.Reader(practice.time_zone, dict(accesses.surroundings(uow, viewer).rooms))
    found = [reader.read(row) for row in uow.connection.execute(query, {"staff": viewer.staff_id}).all()]
    # none for an instance that was deleted as an entry of its own: its series is in another calendar
    dates = {i: row["recurrence_id"] for i, row in rows.overrides.items()}
    return [replace(a, recurrence_id=dates.get(a.id or 0)) for a in found]


def _changed(entry: Appointment, change: Row) -> Appointment:
    return replace(
        entry,
        status=Status(change.get("status", entry.status)),
        rrule=with_utc_end(change.get("rrule", entry.rrule), entry.time_zone, entry.all_day),
        rdate=times_of(change["rdate"]) if "rdate" in change else entry.rdate,
        exdate=times_of(change["exdate"]) if "exdate" in change else entry.exdate,
    )


def _was_seen(entry: Appointment, viewer: Viewer) -> bool:
    if entry.status is Status.UNCONFIRMED:
        return entry.author_staff_id == viewer.staff_id
    return entry.recurrence_id is not None or entry.status is not Status.CANCELLED


def _container(uow: UnitOfWork, rows: Rows) -> str:
    """What is kept of the VCALENDAR."""
    table = event_extra
    query = select(table.c.content).where(table.c.appointment_id == rows.id, table.c.component == "VCALENDAR")
    return uow.connection.execute(query).scalar() or ""
