"""The book for the practice's own programs and the command line: they act for the practice itself.

No access is checked and no brake applies; documented appointments may be changed. Times are wall times in
the named zone. All functions write the journal under the unit's actor and settle what they make moot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from radicale_practice.practice import (
    appointment_rows,
    attention_rows,
    double_booking,
    journal,
    practices,
    recurrence,
    refusals,
    revisions,
    zones,
)
from radicale_practice.practice.appointment_rows import Row, Rows, entry_of
from radicale_practice.practice.book.cancel import cancel_all
from radicale_practice.practice.book.move import change_calendar
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.book.writing import attempt, insert_object, state_after
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import Conflict, InvalidValue, NotFound
from radicale_practice.practice.model import (
    Actor,
    Appointment,
    CalendarKind,
    CalendarObject,
    Location,
    Patient,
    Status,
)
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.schema.practice_tables import appointment, calendar, location, patient
from radicale_practice.practice.schema.sync_tables import calendar_object
from radicale_practice.practice.schema.sync_tables import journal as journal_table


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
) -> None:
    """Move an appointment in time (``end`` follows ``start`` if not given), to another calendar, to rooms.

    Raises ``NotFound``, ``InvalidValue`` (end before start), ``Conflict`` if the time is taken and the
    practice forbids double booking.
    """
    rows, practice = _rows(uow, appointment_id)
    change: Row = {}
    if start is not None:
        change["starts_at"] = start
        change["ends_at"] = (
            end if end is not None else start + (rows.master["ends_at"] - rows.master["starts_at"])
        )
    elif end is not None:
        change["ends_at"] = end
    later: datetime = change.get("ends_at") or rows.master["ends_at"]
    _check_order(change.get("starts_at") or rows.master["starts_at"], later)
    change = {n: v for n, v in change.items() if rows.master[n] != v}
    if rows.master["status"] == Status.UNCONFIRMED:
        change |= {"status": str(Status.BOOKED), "unconfirmed_reason": ""}
    _write(uow, practice, actor, rows, {rows.id: change}, "change", calendar_id=calendar_id, rooms=rooms)


def cancel_appointment(uow: UnitOfWork, actor: Actor, appointment_id: int) -> bool:
    """Cancel an appointment, or a series but for its documented instances; whether such remain.

    Raises ``NotFound``. Cancelling what is cancelled changes nothing.
    """
    rows, practice = _rows(uow, appointment_id)
    if not rows.is_shown:
        return False
    calendars = _facts(uow, practice.id, rows.calendars.get(rows.id, {}))
    private = any(c.private for c in calendars.values())
    remain = cancel_all(uow, rows, actor, calendar_id=rows.owner_calendar_id, private=private)
    _settle(uow, practice, rows)
    return remain


def restore(uow: UnitOfWork, actor: Actor, appointment_id: int) -> bool:
    """Bring a cancelled appointment or series back as it was; whether under the identity it had.

    Devices see it again under the same href and UID, unless another event has taken them meanwhile. A
    series cut to its documented instances has its rule again. Raises ``NotFound``, or ``Conflict`` if the
    time is taken and the practice forbids double booking.
    """
    rows, practice = _rows(uow, appointment_id)
    before = _before_cancellation(uow, rows)
    kept = before.get("rows", {})
    changes: dict[int, Row] = {}
    for row in rows.all:
        known = kept.get(str(row["id"]))
        change: Row = {}
        if row["status"] == Status.CANCELLED and (known is not None or row is rows.master):
            status = (known or {}).get("status", str(Status.BOOKED))
            if status != Status.CANCELLED:
                change |= appointment_rows.booked(status)
        if row is rows.master and known is not None:
            was = journal.columns(known)
            change |= {n: was[n] for n in ("rrule", "rdate", "exdate") if was[n] != row[n]}
        if change:
            changes[int(row["id"])] = change
    if not changes:
        return True
    former = _identities(uow, rows.id)
    _write(uow, practice, actor, rows, changes, "restore")
    return _identities(uow, rows.id, live=True) <= former


def link_patient(uow: UnitOfWork, actor: Actor, appointment_id: int, patient_id: int | None) -> None:
    """Link an appointment or series to a patient, or to nobody. The title typed on the device goes.

    Instances that had the master's patient follow. Raises ``NotFound`` for a patient of another practice.
    """
    rows, practice = _rows(uow, appointment_id)
    if patient_id is not None:
        _require(uow, patient, practice.id, patient_id)
    former = rows.master["patient_id"]
    changes: dict[int, Row] = {
        int(r["id"]): {"patient_id": patient_id}
        for r in rows.all
        if r["patient_id"] == former and former != patient_id
    }
    if former is None and patient_id is not None and changes:
        for change in changes.values():
            change["subject"] = ""
    _write(uow, practice, actor, rows, changes, "link")
    for kind in (attention_rows.UNLINKED, attention_rows.CHANGED_PATIENT):
        attention_rows.settle_for(uow, practice.id, kind, rows.id, "link")


def set_status(uow: UnitOfWork, actor: Actor, appointment_id: int, status: Status) -> None:
    """Set a status (arrived, done, confirmed, ...). ``cancelled`` cancels; anything else of a cancelled one
    restores it first. Raises as those."""
    if status is Status.CANCELLED:
        cancel_appointment(uow, actor, appointment_id)
        return
    rows, practice = _rows(uow, appointment_id)
    change: Row = {"status": str(status)} if rows.master["status"] != status else {}
    if rows.master["status"] == Status.CANCELLED:
        change |= appointment_rows.booked(str(status))
    if rows.master["unconfirmed_reason"] and status is not Status.UNCONFIRMED:
        change["unconfirmed_reason"] = ""
    # what is confirmed by hand is taken over although the time is taken
    _write(uow, practice, actor, rows, {rows.id: change}, "status", decide=False)


def show(uow: UnitOfWork, appointment_id: int) -> Shown:
    """An appointment or series with patient, location and calendars. Raises ``NotFound``."""
    a = appointment
    query = (
        select(a, patient.c.number, patient.c.first_name, patient.c.last_name, location.c.name)
        .select_from(
            a.outerjoin(patient, patient.c.id == a.c.patient_id).outerjoin(
                location, location.c.id == a.c.location_id
            )
        )
        .where((a.c.id == appointment_id) | (a.c.series_id == appointment_id))
        .order_by(a.c.recurrence_id)
    )
    rows = list(uow.connection.execute(query).mappings())
    entries = {r["id"]: _entry(r) for r in rows}
    if appointment_id not in entries:
        raise NotFound(f"appointment {appointment_id}")
    calendars = appointment_rows.calendars_of(uow, appointment_id)
    main = entries.pop(appointment_id)
    practice_id = next(r["practice_id"] for r in rows if r["id"] == appointment_id)
    return Shown(main, tuple(entries.values()), calendars.get(appointment_id, {}), practice_id)


def _entry(row: Any) -> Appointment:
    entry = entry_of(row)
    person = entry.patient
    if person is not None:
        person = Patient(person.id, row["number"], row["first_name"], row["last_name"])
    place = Location(entry.location.id, row["name"]) if entry.location else None
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
    facts = _facts(uow, practice.id, roles)
    _check_order(new.start, new.end)
    if new.time_zone and zones.load(new.time_zone) is None:
        raise InvalidValue("time_zone is no IANA zone")
    for table, key in ((patient, new.patient_id), (location, new.location_id)):
        if key is not None:
            _require(uow, table, practice.id, key)
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
        rows = insert_object(uow, practice.id, roles, CalendarObject("", (entry,)), actor, fields=fields)
        clash = _decide(uow, practice, rows, private)
    journal.write(
        uow,
        "create",
        practice_id=practice.id,
        actor=actor,
        appointment_id=rows.id,
        calendar_id=new.calendar_id,
        patient_id=new.patient_id,
        private=bool(private),
        after=state_after(rows, None),
    )
    if clash is not None:
        double_booking.file(uow, practice, rows, clash, actor)
    return rows.id


def _decide(
    uow: UnitOfWork, practice: Practice, rows: Rows, private: set[int]
) -> double_booking.Clash | None:
    revisions.flush(uow)
    clash = double_booking.decide(uow, rows, private)
    if double_booking.forbidden(practice, rows, clash):
        raise Conflict("the time is already taken")
    return clash


def _write(
    uow: UnitOfWork,
    practice: Practice,
    actor: Actor,
    rows: Rows,
    changes: dict[int, Row],
    action: str,
    *,
    calendar_id: int | None = None,
    rooms: Sequence[int] | None = None,
    decide: bool = True,
) -> None:
    """Write changes of locked rows with all that belongs to it; nothing to change: nothing is written."""
    changes = {i: c for i, c in changes.items() if c}
    owner = rows.owner_calendar_id
    wanted = {c for c in (owner, calendar_id, *(rooms or ())) if c is not None}
    wanted |= set(rows.calendars.get(rows.id, {}))
    facts = _facts(uow, practice.id, wanted)
    moves = calendar_id is not None and calendar_id != owner
    if not (changes or moves or rooms is not None):
        return
    concerned = [r for r in rows.all if r is rows.master or r["id"] in changes]
    before = journal.state(concerned, rows.calendars.get(rows.id, {}))
    private = {c for c, f in facts.items() if f.private}
    with attempt(uow):
        after = _placed(uow, rows, facts, calendar_id if moves else None, rooms)
        appointment_rows.update_rows(uow, rows.all, changes)
        after = Rows(
            {**rows.master, **changes.get(rows.id, {})},
            {i: {**r, **changes.get(i, {})} for i, r in rows.overrides.items()},
            after.calendars,
        )
        if rows.master["status"] == Status.UNCONFIRMED and after.master["status"] != Status.UNCONFIRMED:
            refusals.unconfirmed_is_over(uow, practice, rows.master["created_by"], rows.id)
        clash = _decide(uow, practice, after, private) if decide else None
    journal.write(
        uow,
        action if not moves else "move",
        practice_id=practice.id,
        actor=actor,
        appointment_id=rows.id,
        calendar_id=after.owner_calendar_id,
        patient_id=after.master["patient_id"],
        private=bool(private),
        before=before,
        after=state_after(after, before),
    )
    if clash is not None:
        double_booking.file(uow, practice, after, clash, actor)


def _placed(
    uow: UnitOfWork,
    rows: Rows,
    facts: dict[int, CalendarFacts],
    calendar_id: int | None,
    rooms: Sequence[int] | None,
) -> Rows:
    after, owner = rows, rows.owner_calendar_id
    if calendar_id is not None and owner is not None:
        after = change_calendar(uow, rows, owner, facts[calendar_id])
    elif calendar_id is not None:
        appointment_rows.put_into_calendars(uow, [rows.id], {calendar_id: "owner"})
        after = Rows(rows.master, rows.overrides, {**rows.calendars, rows.id: {calendar_id: "owner"}})
    if rooms is None:
        return after
    ids = [rows.id, *rows.here()]
    kept = {c: r for c, r in after.calendars.get(rows.id, {}).items() if r == "owner"}
    leave = set(after.calendars.get(rows.id, {})) - set(kept) - set(rooms)
    enter = {r: "resource" for r in rooms if r not in after.calendars.get(rows.id, {})}
    appointment_rows.leave_calendars(uow, ids, leave)
    appointment_rows.put_into_calendars(uow, ids, enter)
    placed = Rows(rows.master, rows.overrides, dict(after.calendars))
    for row_id in ids:
        placed.calendars[row_id] = {**kept, **dict.fromkeys(rooms, "resource")}
    return placed


def _rows(uow: UnitOfWork, appointment_id: int) -> tuple[Rows, Practice]:
    practice_id = uow.connection.execute(
        select(appointment.c.practice_id).where(appointment.c.id == appointment_id)
    ).scalar()
    rows = appointment_rows.lock(uow, int(practice_id), appointment_id) if practice_id is not None else None
    if rows is None:
        raise NotFound(f"appointment {appointment_id}")
    return rows, practices.get(uow, int(rows.master["practice_id"]))


def _facts(uow: UnitOfWork, practice_id: int, calendar_ids: Any) -> dict[int, CalendarFacts]:
    """The calendars as they are, whoever asks; raises ``NotFound`` for one of another practice."""
    wanted = sorted(set(calendar_ids))
    query = select(calendar.c.id, calendar.c.kind, calendar.c.staff_id).where(
        calendar.c.practice_id == practice_id, calendar.c.id.in_(wanted)
    )
    found = {
        r.id: CalendarFacts(r.id, CalendarKind(r.kind), r.staff_id, None)
        for r in uow.connection.execute(query)
    }
    for missing in set(wanted) - set(found):
        raise NotFound(f"calendar {missing}")
    return found


def _require(uow: UnitOfWork, table: Any, practice_id: int, key: int) -> None:
    query = select(table.c.id).where(table.c.practice_id == practice_id, table.c.id == key)
    if uow.connection.execute(query).first() is None:
        raise NotFound(f"{table.name} {key}")


def _check_order(start: datetime, end: datetime) -> None:
    if end < start:
        raise InvalidValue("end is before start")


def _settle(uow: UnitOfWork, practice: Practice, rows: Rows) -> None:
    if rows.master["status"] == Status.UNCONFIRMED:
        refusals.unconfirmed_is_over(uow, practice, rows.master["created_by"], rows.id)


def _before_cancellation(uow: UnitOfWork, rows: Rows) -> dict[str, Any]:
    """What the journal kept of the state before the last cancellation."""
    query = (
        select(journal_table.c.before)
        .where(journal_table.c.appointment_id == rows.id, journal_table.c.action.in_(("cancel", "discard")))
        .order_by(journal_table.c.id.desc())
        .limit(1)
    )
    return journal.parse(uow.connection.execute(query).scalar())


def _identities(uow: UnitOfWork, appointment_id: int, live: bool = False) -> set[tuple[int, str, str]]:
    table = calendar_object
    query = select(table.c.calendar_id, table.c.href, table.c.uid).where(
        table.c.appointment_id == appointment_id
    )
    if live:
        query = query.where(table.c.removed_revision.is_(None))
    return {(r.calendar_id, r.href, r.uid) for r in uow.connection.execute(query)}
