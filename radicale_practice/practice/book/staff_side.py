"""The book for the practice's own programs and the command line: they act for the practice itself.

No access is checked and no brake applies; documented appointments may be changed. Times are wall times in
the named zone. All functions write the journal under the unit's actor and settle what they make moot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select

from radicale_practice.practice import appointment_rows, clock, practices, zones
from radicale_practice.practice.appointment_rows import Row, Rows, entry_of, is_private
from radicale_practice.practice.book import (
    confirming,
    former_texts,
    instances,
    restoring,
    shift,
    title_findings,
)
from radicale_practice.practice.book.cancelling import cancel_all
from radicale_practice.practice.book.staff_writing import (
    FRESH,
    check_order,
    decide,
    facts_of,
    require,
    rows_of,
    write,
)
from radicale_practice.practice.book.writing import attempt, insert_object, state_after
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import InvalidValue, NotFound
from radicale_practice.practice.model import (
    DOCUMENTED,
    Actor,
    Appointment,
    CalendarObject,
    Location,
    Patient,
    Status,
)
from radicale_practice.practice.people import names
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal
from radicale_practice.practice.rules import double_booking, refusals
from radicale_practice.practice.schema.practice_tables import appointment, calendar, location, patient
from radicale_practice.practice.series import recurrence


@dataclass(frozen=True, slots=True)
class NewAppointment:
    """A new entry of a calendar. ``time_zone`` empty: the practice's. ``rooms``: calendars of rooms.

    ``start`` and ``end`` are naive wall times; all-day entries have both at midnight, the end exclusive.
    """

    calendar_id: int
    start: datetime
    end: datetime
    time_zone: str = ""
    all_day: bool = False
    patient_id: int | None = None
    subject: str = ""
    location_id: int | None = None
    location_text: str = ""
    note: str = ""
    phone: str = ""
    transparent: bool = False
    rooms: tuple[int, ...] = ()
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewSeries:
    """A recurring appointment: the first one, its rule (RFC 5545 3.3.10), the dates left out or added."""

    first: NewAppointment
    rrule: str
    exdate: tuple[datetime, ...] = ()
    rdate: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """An appointment with its series, its calendars (id: role) and its internal practice."""

    appointment: Appointment
    overrides: tuple[Appointment, ...]
    calendars: dict[int, str]
    practice_id: int


def add(uow: UnitOfWork, actor: Actor, new: NewAppointment) -> int:
    """Book an appointment; its id. Raises ``InvalidValue``, ``NotFound``, or ``Conflict`` if the practice
    forbids double booking and the time is taken."""
    return _insert(uow, actor, new)


def add_series(uow: UnitOfWork, actor: Actor, new: NewSeries) -> int:
    """Book a series; its id. Raises as ``add``, and ``InvalidValue`` for a rule that cannot be stored."""
    recurrence.check_rule(new.rrule, new.first.start, new.first.all_day)
    return _insert(uow, actor, new.first, new.rrule, new.exdate, new.rdate)


def reschedule(
    uow: UnitOfWork,
    actor: Actor,
    appointment_id: int,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    calendar_id: int | None = None,
    rooms: Sequence[int] | None = None,
    on: datetime | None = None,
) -> None:
    """Move an appointment in time (``end`` follows ``start`` if not given), to another calendar, to rooms.

    A series is shifted as a whole, by the difference between ``start`` and its instance nearest to that;
    documented instances and those moved by themselves keep their time. ``on``: only the instance with that
    original start (``instance_on`` finds it); rooms are those of the whole series. Raises ``NotFound``,
    ``InvalidValue`` (cancelled, end before start, a rule that cannot be shifted so), ``Conflict`` if the
    time is taken and the practice forbids double booking.
    """
    if on is not None:
        if rooms is not None:
            raise InvalidValue("rooms are those of the whole series")
        rows, practice, row = instances.locked(uow, appointment_id, on)
        instance = row if row is not rows.master else None
    else:
        rows, practice = rows_of(uow, appointment_id)
        row, instance = rows.master, None
    if row["status"] == Status.CANCELLED:
        raise InvalidValue("the appointment is cancelled: restore it first")
    if row is rows.master and rows.is_series:
        changes = shift.shift_series(rows, start, end)
    else:
        changes = {int(row["id"]): _times(row, start, end)}
    if row is rows.master:
        changes = confirming.with_booking(rows, changes)
    elif row["status"] == Status.UNCONFIRMED:
        changes.setdefault(int(row["id"]), {}).update(status=str(Status.BOOKED), unconfirmed_reason="")
    write(
        uow, practice, actor, rows, changes, "change",
        calendar_id=calendar_id, rooms=rooms, instance=instance,
    )  # fmt: skip


def _times(row: Row, start: datetime | None, end: datetime | None) -> Row:
    change: Row = {"starts_at": start or row["starts_at"], "ends_at": end or row["ends_at"]}
    if start is not None and end is None:
        change["ends_at"] = start + (row["ends_at"] - row["starts_at"])
    check_order(change["starts_at"], change["ends_at"])
    return {n: v for n, v in change.items() if row[n] != v}


def cancel_appointment(
    uow: UnitOfWork, actor: Actor, appointment_id: int, *, on: datetime | None = None
) -> bool:
    """Cancel an appointment, or a series but for its documented instances; whether such remain.

    ``on``: only the instance with that original start. Raises ``NotFound``. Cancelling what is cancelled
    changes nothing.
    """
    if on is not None:
        rows, practice, row = instances.locked(uow, appointment_id, on)
        if row is not rows.master:
            gone = appointment_rows.cancelled(actor, clock.utc_now())
            changes = {int(row["id"]): gone if row["status"] != Status.CANCELLED else {}}
            write(uow, practice, actor, rows, changes, "cancel-instance", instance=row, deciding=False)
            return False
    else:
        rows, practice = rows_of(uow, appointment_id)
    if not rows.is_shown:
        return False
    calendars = facts_of(uow, practice.id, rows.calendars.get(rows.id, {}))
    private = any(c.private for c in calendars.values())
    remain = cancel_all(
        uow,
        practice,
        rows,
        actor,
        calendar_id=rows.owner_calendar_id,
        private=is_private(private, rows),
    )
    _settle(uow, practice, rows)
    return remain


def restore(uow: UnitOfWork, actor: Actor, appointment_id: int, *, on: datetime | None = None) -> bool:
    """Bring a cancelled appointment or series back as it was; whether under the identity it had.

    Devices see it again under the same href and UID, unless another event has taken them meanwhile. A
    series cut to its documented instances has its rule again. ``on``: only the instance with that original
    start, an excluded date as well. Nothing is cancelled: nothing changes. Raises ``NotFound``, or
    ``Conflict`` if the time is taken and the practice forbids double booking.
    """
    if on is not None:
        return _restore_instance(uow, actor, appointment_id, on)
    rows, practice = rows_of(uow, appointment_id)
    return _restore(uow, actor, rows, practice, restoring.changes(uow, rows))


def _restore(uow: UnitOfWork, actor: Actor, rows: Rows, practice: Practice, changes: dict[int, Row]) -> bool:
    if not changes:
        return True
    former = restoring.identities(uow, rows.id)
    write(uow, practice, actor, rows, changes, "restore")
    return restoring.identities(uow, rows.id, live=True) <= former


def _restore_instance(uow: UnitOfWork, actor: Actor, appointment_id: int, on: datetime) -> bool:
    series, practice = rows_of(uow, appointment_id)
    change = instances.without_exclusion(series, on)
    if change is not None:
        return _restore(uow, actor, series, practice, {series.id: change})
    rows, practice, row = instances.locked(uow, appointment_id, on)
    cancelled = row["status"] == Status.CANCELLED
    return _restore(
        uow, actor, rows, practice, {int(row["id"]): appointment_rows.booked()} if cancelled else {}
    )


def link_patient(
    uow: UnitOfWork,
    actor: Actor,
    appointment_id: int,
    patient_id: int | None,
    *,
    on: datetime | None = None,
    again: bool = False,
) -> None:
    """Link an appointment or series to a patient, or to nobody.

    Of a subject that stood there without a patient, the parts that name this one go. Instances that had the
    master's patient follow. ``on``: only the instance with that original start. ``again``: it was this
    patient's before; subject, phone and note of then come back too, where nobody has written others since.
    Raises ``NotFound`` for a patient of another practice.
    """
    if on is not None:
        rows, practice, row = instances.locked(uow, appointment_id, on)
        linked, instance = [row], row if row is not rows.master else None
    else:
        rows, practice = rows_of(uow, appointment_id)
        linked, instance = [r for r in rows.all if r["patient_id"] == rows.master["patient_id"]], None
    named = _names(uow, practice.id, patient_id) if patient_id is not None else None
    then = former_texts.of(uow, rows, patient_id) if again and patient_id is not None else {}
    changes: dict[int, Row] = {}
    for row in linked:
        if row["patient_id"] != patient_id:
            change: Row = {"patient_id": patient_id}
            if row["patient_id"] is None and named is not None:
                rest = names.without_patient(row["subject"], *named)
                change |= {"subject": rest} if rest != row["subject"] else {}
            changes[int(row["id"])] = change | then.get(int(row["id"]), {})
    write(uow, practice, actor, rows, changes, "link", instance=instance)
    dates = {on} if instance is not None else {on, None, *(row["recurrence_id"] for row in linked)}
    title_findings.settle(uow, practice, rows.id, dates)


def _names(uow: UnitOfWork, practice_id: int, patient_id: int) -> tuple[str, str, str]:
    query = select(patient.c.first_name, patient.c.last_name, patient.c.number).where(
        patient.c.practice_id == practice_id, patient.c.id == patient_id
    )
    found = uow.connection.execute(query).first()
    if found is None:
        raise NotFound(f"patient {patient_id}")
    return found.first_name, found.last_name, found.number


def set_status(
    uow: UnitOfWork, actor: Actor, appointment_id: int, status: Status, *, on: datetime | None = None
) -> None:
    """Set a status (arrived, done, confirmed, ...). ``cancelled`` cancels; anything else of a cancelled one
    restores it first, and so does ``booked`` or ``confirmed`` of a series that was cancelled but for its
    documented instances. ``on``: only the instance with that original start. Raises as those."""
    if status is Status.CANCELLED:
        cancel_appointment(uow, actor, appointment_id, on=on)
        return
    if on is not None:
        rows, practice, row = instances.locked(uow, appointment_id, on)
    else:
        rows, practice = rows_of(uow, appointment_id)
        row = rows.master
        if status in DOCUMENTED and (row["rrule"] or row["rdate"]):
            # it would write down instances that have not taken place, and no device could move them
            raise InvalidValue("a series is documented instance by instance: name the date")
        if row["status"] == Status.CANCELLED or status in (Status.BOOKED, Status.CONFIRMED):
            changes = restoring.changes(uow, rows)
            if changes:
                _restore(uow, actor, rows, practice, changes)
                rows, practice = rows_of(uow, appointment_id)
                row = rows.master
    if row is rows.master and confirming.is_unconfirmed(rows) and status is not Status.UNCONFIRMED:
        changes = confirming.with_booking(rows, {}, status)
        write(uow, practice, actor, rows, changes, "status", deciding=False)
        return
    change: Row = {"status": str(status)} if row["status"] != status else {}
    if row["status"] == Status.CANCELLED:
        change |= appointment_rows.booked(str(status))
    if row["unconfirmed_reason"] and status is not Status.UNCONFIRMED:
        change["unconfirmed_reason"] = ""
    instance = row if row is not rows.master else None
    # what is confirmed by hand is taken over although the time is taken
    write(
        uow, practice, actor, rows, {int(row["id"]): change}, "status",
        instance=instance, deciding=False,
    )  # fmt: skip


def clashes(uow: UnitOfWork, appointment_id: int, *, on: datetime | None = None) -> tuple[str, ...]:
    """What stands in an appointment's or series' way now: kinds of the attention list, double bookings first.

    ``on``: an instance that stands in another calendar is judged there. Raises ``NotFound``.
    """
    if on is not None:
        rows, practice, _ = instances.locked(uow, appointment_id, on, locking=False)
    else:
        rows, practice = rows_of(uow, appointment_id, locking=False)
    there = facts_of(uow, practice.id, rows.calendars.get(rows.id, {}))
    clash = double_booking.decide(uow, rows, {c for c, f in there.items() if f.private})
    return tuple(found.kind for found in clash.kinds) if clash is not None else ()


def show_instance(uow: UnitOfWork, appointment_id: int, on: datetime) -> Shown:
    """One instance of a series, by its original start, as ``show`` has it. Raises ``NotFound``."""
    rows, _, row = instances.locked(uow, appointment_id, on, locking=False)
    if row["id"] != FRESH:
        shown = show(uow, int(row["id"]))
        calendars = rows.calendars.get(rows.id, {}) if row is not rows.master else shown.calendars
        return replace(shown, calendars=calendars)
    series = show(uow, appointment_id)
    plain = rows.entry(row)
    known = series.appointment
    instance = replace(plain, id=None, patient=known.patient, location=known.location, public_id="")
    return replace(series, appointment=instance, overrides=())


def show(uow: UnitOfWork, appointment_id: int) -> Shown:
    """An appointment or series with patient, location and calendars. Raises ``NotFound``."""
    a = appointment
    query = (
        select(a, patient.c.number, patient.c.first_name, patient.c.last_name, location.c.name)
        .select_from(
            # of the same practice, whatever a program has written
            a.outerjoin(
                patient, and_(patient.c.id == a.c.patient_id, patient.c.practice_id == a.c.practice_id)
            ).outerjoin(
                location, and_(location.c.id == a.c.location_id, location.c.practice_id == a.c.practice_id)
            )
        )
        .where((a.c.id == appointment_id) | (a.c.series_id == appointment_id))
        .order_by(a.c.recurrence_id)
    )
    rows = list(uow.connection.execute(query).mappings())
    practice_id = next((r["practice_id"] for r in rows if r["id"] == appointment_id), None)
    if practice_id is None:
        raise NotFound(f"appointment {appointment_id}")
    zone = practices.get(uow, practice_id).time_zone
    entries = {r["id"]: _entry(r, zone) for r in rows}
    calendars = appointment_rows.calendars_of(uow, appointment_id)
    main = entries.pop(appointment_id)
    return Shown(main, tuple(entries.values()), calendars.get(appointment_id, {}), practice_id)


def _entry(row: Any, practice_zone: str) -> Appointment:
    entry = entry_of(row, practice_zone)
    person = entry.patient
    if person is not None:
        person = Patient(person.id, row["number"] or "", row["first_name"] or "", row["last_name"] or "")
    place = Location(entry.location.id, row["name"] or "") if entry.location else None
    return replace(
        entry,
        patient=person,
        location=place,
        public_id=row["public_id"],
        unconfirmed_reason=row["unconfirmed_reason"],
        author_staff_id=row["created_by"],
    )


def _insert(
    uow: UnitOfWork,
    actor: Actor,
    new: NewAppointment,
    rrule: str = "",
    exdate: tuple[datetime, ...] = (),
    rdate: tuple[datetime, ...] = (),
) -> int:
    practice_id = uow.connection.execute(
        select(calendar.c.practice_id).where(calendar.c.id == new.calendar_id)
    ).scalar()
    if practice_id is None:
        raise NotFound(f"calendar {new.calendar_id}")
    practice = practices.get(uow, int(practice_id))
    roles = {new.calendar_id: "owner", **dict.fromkeys(new.rooms, "resource")}
    facts = facts_of(uow, practice.id, roles)
    check_order(new.start, new.end)
    if new.time_zone and zones.load(new.time_zone) is None:
        raise InvalidValue("time_zone is no IANA zone")
    for table, key in ((patient, new.patient_id), (location, new.location_id)):
        if key is not None:
            require(uow, table, practice.id, key)
    entry = Appointment(
        start=new.start,
        end=new.end,
        time_zone=new.time_zone or practice.time_zone,
        all_day=new.all_day,
        subject=new.subject,
        patient=Patient(new.patient_id, "", "", "") if new.patient_id else None,
        location=Location(new.location_id, "") if new.location_id else None,
        location_text=new.location_text,
        note=new.note,
        phone=new.phone,
        transparent=new.transparent,
        rrule=rrule,
        exdate=exdate,
        rdate=rdate,
    )
    private = {c for c, f in facts.items() if f.private}
    with attempt(uow):
        fields = {"external_id": new.external_id} if new.external_id else {}
        rows = insert_object(uow, practice, roles, CalendarObject("", (entry,)), actor, fields=fields)
        clash = decide(uow, practice, rows, private)
    journal.write_of(
        uow,
        rows,
        "create",
        actor=actor,
        calendar_id=new.calendar_id,
        private=is_private(bool(private), rows),
        after=state_after(rows, None),
    )
    if clash is not None:
        double_booking.file(uow, practice, rows, clash, actor)
    return rows.id


def _settle(uow: UnitOfWork, practice: Practice, rows: Rows) -> None:
    if rows.master["status"] == Status.UNCONFIRMED:
        refusals.unconfirmed_is_over(uow, practice, rows.master["created_by"], rows.id)
