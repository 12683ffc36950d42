"""``appointment`` and ``series``: the book, from the command line."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Annotated

import typer

from radicale_practice.cli.attention_commands import clashes_of
from radicale_practice.cli.context import Session, reads, show_table, writes
from radicale_practice.cli.moments import (
    counted,
    parse_day,
    parse_day_or_moment,
    parse_end,
    parse_moment,
    shown,
    shown_span,
)
from radicale_practice.practice import book, calendars, clock, lookup
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Appointment, Status
from radicale_practice.practice.people import patients
from radicale_practice.practice.series import weekly

app = typer.Typer(help="Appointments and blocks.", no_args_is_help=True)
series_app = typer.Typer(help="Weekly series.", no_args_is_help=True)

CalendarName = Annotated[str, typer.Argument(help="Name or id of the calendar, or its person's user name.")]
Start = Annotated[str, typer.Argument(help="Such as '2026-11-24 09:00' or 'tue 09:00'; --all-day: a day.")]
AppointmentName = Annotated[str, typer.Argument(help="The appointment's id.")]
PatientNumber = Annotated[str | None, typer.Option("--patient", help="Patient number; without it: a block.")]
Subject = Annotated[str, typer.Option("--subject", help="What it is about, such as Massage.")]
Rooms = Annotated[list[str] | None, typer.Option("--room", help="A room's calendar; may be repeated.")]
Place = Annotated[str | None, typer.Option("--location", help="Name of a location of the practice.")]
End = Annotated[str | None, typer.Option("--end", help="Time of day, or day and time.")]
OnDay = Annotated[
    str | None,
    typer.Option("--on", help="Of a series only the one of this day; its time too, if several are."),
]
Minutes = Annotated[int | None, typer.Option("--minutes", min=1, max=24 * 60, help="How long; else 30.")]

DEFAULT_MINUTES = 30


@app.command("add")
@writes
def add(
    session: Session,
    calendar: CalendarName,
    start: Start,
    end: End = None,
    minutes: Minutes = None,
    patient: PatientNumber = None,
    subject: Subject = "",
    note: Annotated[str, typer.Option("--note", help="Shown in the full view only.")] = "",
    phone: Annotated[str, typer.Option("--phone", help="Phone number for this appointment.")] = "",
    room: Rooms = None,
    location: Place = None,
    all_day: Annotated[bool, typer.Option("--all-day", help="START and --end are days, both in it.")] = False,
) -> str:
    """Book an appointment, or a block if there is no patient."""
    new = _new(session, calendar, start, end, minutes, all_day, patient, room, location)
    new = _with_texts(new, subject, note, phone)
    added = book.add(session.uow, session.actor, new)
    public_id = book.show(session.uow, added).appointment.public_id
    said = f"appointment {added} ({public_id}) on {shown_span(new.start, new.end, new.all_day)}"
    return said + clashes_of(session, added)


@app.command("move")
@writes
def move(
    session: Session,
    appointment: AppointmentName,
    start: Annotated[str | None, typer.Argument(help="The new start; without it the time stays.")] = None,
    end: End = None,
    minutes: Minutes = None,
    calendar: Annotated[str | None, typer.Option("--calendar", help="To another calendar.")] = None,
    room: Rooms = None,
    on_day: OnDay = None,
) -> str:
    """Move an appointment to another time, calendar or room.

    A series is shifted as a whole, so that the one nearest to START takes place then; documented ones and
    those moved by themselves stay. With --on, one of it is moved.
    """
    uow, about = session.uow, session.practice
    appointment_id, on = _meant(session, appointment, on_day)
    begin = parse_moment(start, clock.today(about.time_zone)) if start is not None else None
    before = _shown(session, appointment_id, on).appointment
    book.reschedule(
        uow,
        session.actor,
        appointment_id,
        begin,
        parse_end(end, minutes, begin or before.start),
        calendar_id=calendars.find(uow, about.id, calendar).id if calendar is not None else None,
        rooms=_rooms(session, room) if room is not None else None,
        on=on,
    )
    moved = _shown(session, appointment_id, on).appointment
    told = clashes_of(session, appointment_id, on)
    if moved.is_series:
        return (
            f"series {appointment_id} moved as a whole (--on moves one of it):"
            f" the first was on {shown(before.start)}, is on {_span(moved)}{told}"
        )
    return f"appointment {appointment_id} is on {_span(moved)}{told}"


@app.command("cancel")
@writes
def cancel(session: Session, appointment: AppointmentName, on_day: OnDay = None) -> str:
    """Cancel an appointment, a series as a whole, or one of it; 'restore' brings it back."""
    appointment_id, on = _meant(session, appointment, on_day)
    found = _shown(session, appointment_id, on)
    entries = (found.appointment, *found.overrides)
    if all(entry.status is Status.CANCELLED for entry in entries):
        raise InvalidValue(f"appointment {appointment_id} is cancelled already")
    remain = book.cancel_appointment(session.uow, session.actor, appointment_id, on=on)
    if found.appointment.is_series:
        kept = ", but for the documented ones" if remain else ""
        return f"series {appointment_id} cancelled as a whole (--on cancels one of it){kept}"
    return f"appointment {appointment_id}{_of(on)} cancelled"


@app.command("restore")
@writes
def restore(session: Session, appointment: AppointmentName, on_day: OnDay = None) -> str:
    """Bring a cancelled appointment back, or one of a series."""
    appointment_id, on = _meant(session, appointment, on_day, cancelled=True)
    before = book.show(session.uow, appointment_id)
    same = book.restore(session.uow, session.actor, appointment_id, on=on)
    if book.show(session.uow, appointment_id) == before:
        raise InvalidValue(f"nothing of appointment {appointment_id} is cancelled; one of a series: --on")
    changed = "" if same else "; its address was taken, devices see it as a new one"
    return f"appointment {appointment_id}{_of(on)} restored{changed}" + clashes_of(
        session, appointment_id, on
    )


@app.command("link")
@writes
def link(
    session: Session,
    appointment: AppointmentName,
    number: Annotated[str | None, typer.Argument(help="Patient number.")] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="No patient: a block.")] = False,
    on_day: OnDay = None,
) -> str:
    """Say which patient an appointment is for."""
    if (number is None) is not nobody:
        raise InvalidValue("give a patient number, or --nobody")
    appointment_id, on = _meant(session, appointment, on_day)
    book.link_patient(session.uow, session.actor, appointment_id, _patient(session, number), on=on)
    said = f"patient {number}" if number else "no patient"
    return f"appointment {appointment_id}{_of(on)}: {said}"


@app.command("status")
@writes
def status(
    session: Session,
    appointment: AppointmentName,
    new: Annotated[Status, typer.Argument(metavar="STATUS")],
    on_day: OnDay = None,
) -> str:
    """Set the status, such as arrived, done, no_show."""
    appointment_id, on = _meant(session, appointment, on_day)
    book.set_status(session.uow, session.actor, appointment_id, new, on=on)
    return f"appointment {appointment_id}{_of(on)}: {new}"


@app.command("show")
@reads
def show(session: Session, appointment: AppointmentName, on_day: OnDay = None) -> None:
    """Everything about one appointment or series, or about one of a series."""
    appointment_id, on = _meant(session, appointment, on_day)
    found = _shown(session, appointment_id, on)
    known = calendars.list_all(session.uow, session.practice.id, with_private=True)
    names = {row.id: row.name for row in known}
    facts = _facts(found.appointment)
    for calendar_id, role in sorted(found.calendars.items(), key=lambda pair: pair[1]):
        facts.append(("calendar" if role == "owner" else "room", names.get(calendar_id, str(calendar_id))))
    for instance in found.overrides:
        if instance.recurrence_id is not None:
            facts.append(
                (f"instead of {shown(instance.recurrence_id)}", f"{_span(instance)}, {instance.status}")
            )
    show_table((), facts)


@series_app.command("add")
@writes
def add_series(
    session: Session,
    calendar: CalendarName,
    first: Annotated[str, typer.Argument(help="The first one, such as '2026-11-24 09:00' or 'tue 09:00'.")],
    times: Annotated[int, typer.Option("--times", min=1, max=weekly.MOST_TIMES, help="How many.")] = 10,
    every: Annotated[int, typer.Option("--every", min=1, max=52, help="Weeks from one to the next.")] = 1,
    end: End = None,
    minutes: Minutes = None,
    patient: PatientNumber = None,
    subject: Subject = "",
    room: Rooms = None,
    location: Place = None,
    skip_holidays: Annotated[bool, typer.Option(help="Leave out public holidays.")] = True,
    skip_taken: Annotated[bool, typer.Option(help="Leave out times already taken.")] = True,
) -> str:
    """Book a weekly series; dates left out make it longer."""
    new = _new(session, calendar, first, end, minutes, False, patient, room, location)
    new = _with_texts(new, subject, "", "")
    plan = weekly.plan(session.uow, session.practice, new, times, every, skip_holidays, skip_taken)
    added = book.add_series(session.uow, session.actor, plan.series)
    lines = [f"series {added}: {counted(len(plan.starts), 'appointment')}"]
    lines += [f"  {shown(start)}" for start in plan.starts]
    lines += [f"  {shown(start)} left out: {reason}" for start, reason in plan.skipped]
    return "\n".join(lines) + clashes_of(session, added)


def _meant(
    session: Session, typed: str, on_day: str | None, cancelled: bool = False
) -> tuple[int, datetime | None]:
    """The appointment's id, and the original start of the one of a series that is meant."""
    appointment_id = lookup.appointment_id(session.uow, session.practice.id, typed)
    if on_day is None:
        return appointment_id, None
    day, at = parse_day_or_moment(on_day, clock.today(session.practice.time_zone))
    return appointment_id, book.instance_on(session.uow, appointment_id, day, at, cancelled=cancelled)


def _shown(session: Session, appointment_id: int, on: datetime | None) -> book.Shown:
    if on is None:
        return book.show(session.uow, appointment_id)
    return book.show_instance(session.uow, appointment_id, on)


def _of(on: datetime | None) -> str:
    return f", the one of {shown(on)}" if on is not None else ""


def _new(
    session: Session,
    calendar: str,
    start: str,
    end: str | None,
    minutes: int | None,
    all_day: bool,
    patient: str | None,
    rooms: list[str] | None,
    location: str | None,
) -> book.NewAppointment:
    uow, practice = session.uow, session.practice
    today = clock.today(practice.time_zone)
    if all_day:
        if minutes is not None:
            raise InvalidValue("an all-day entry has days, no minutes")
        first = parse_day(start, today)
        last = parse_day(end, first) if end is not None else first
        begin, finish = (datetime.combine(day, time()) for day in (first, last + timedelta(days=1)))
    else:
        begin = parse_moment(start, today)
        finish = parse_end(end, minutes, begin) or begin + timedelta(minutes=DEFAULT_MINUTES)
    return book.NewAppointment(
        calendar_id=calendars.find(uow, practice.id, calendar).id,
        start=begin,
        end=finish,
        all_day=all_day,
        patient_id=_patient(session, patient),
        location_id=lookup.location_id(uow, practice.id, location) if location is not None else None,
        rooms=_rooms(session, rooms),
    )


def _with_texts(new: book.NewAppointment, subject: str, note: str, phone: str) -> book.NewAppointment:
    if new.patient_id is None and not subject:
        raise InvalidValue("give --patient or --subject")
    return replace(new, subject=subject, note=note, phone=phone)


def _patient(session: Session, number: str | None) -> int | None:
    if number is None:
        return None
    return patients.by_number(session.uow, session.practice.id, number).id


def _rooms(session: Session, names: list[str] | None) -> tuple[int, ...]:
    return tuple(calendars.find(session.uow, session.practice.id, name).id for name in names or ())


def _span(found: Appointment) -> str:
    return shown_span(found.start, found.end, found.all_day)


def _facts(found: Appointment) -> list[tuple[str, str]]:
    patient = found.patient
    facts = [
        ("id", f"{found.id} ({found.public_id})" if found.public_id else ""),
        ("instance of", shown(found.recurrence_id) if found.recurrence_id is not None else ""),
        ("all day" if found.all_day else "time", _span(found)),
        ("time zone", found.time_zone),
        ("status", str(found.status)),
        ("reason", found.unconfirmed_reason),
        ("patient", f"{patient.number} {patient.last_name} {patient.first_name}" if patient else ""),
        ("subject", found.subject),
        ("location", found.location.name if found.location else found.location_text),
        ("phone", found.phone),
        ("note", found.note),
        ("rule", found.rrule),
        ("further dates", ", ".join(shown(d) for d in found.rdate)),
        ("left out", ", ".join(shown(d) for d in found.exdate)),
    ]
    return [(name, value) for name, value in facts if value]
