"""``appointment`` and ``series``: the book, from the command line."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from radicale_practice.cli.context import (
    DatabaseOption,
    PracticeOption,
    Session,
    console,
    reading,
    writing,
)
from radicale_practice.cli.moments import parse_day, parse_end, parse_moment, shown
from radicale_practice.practice import book, calendars, clock, lookup, patients, weekly
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Appointment, Status

app = typer.Typer(help="Appointments and blocks.", no_args_is_help=True)
series_app = typer.Typer(help="Weekly series.", no_args_is_help=True)

CalendarName = Annotated[str, typer.Argument(help="Name or id of the calendar, or its person's user name.")]
Start = Annotated[str, typer.Argument(help="Such as '2026-11-24 09:00' or 'tue 09:00'; --all-day: a day.")]
AppointmentName = Annotated[str, typer.Argument(help="The appointment's id.")]
PatientNumber = Annotated[str | None, typer.Option("--patient", help="Patient number; without it: a block.")]
Subject = Annotated[str, typer.Option("--subject")]
Rooms = Annotated[list[str] | None, typer.Option("--room", help="A room's calendar; may be repeated.")]
Place = Annotated[str | None, typer.Option("--location", help="Name of a location of the practice.")]
End = Annotated[str | None, typer.Option("--end", help="Time of day, or day and time.")]
Minutes = Annotated[int | None, typer.Option("--minutes", min=1, max=24 * 60)]

DEFAULT_MINUTES = 30


@app.command("add")
def add(
    calendar: CalendarName,
    start: Start,
    end: End = None,
    minutes: Minutes = None,
    patient: PatientNumber = None,
    subject: Subject = "",
    note: Annotated[str, typer.Option("--note")] = "",
    phone: Annotated[str, typer.Option("--phone")] = "",
    room: Rooms = None,
    location: Place = None,
    all_day: Annotated[bool, typer.Option("--all-day", help="START and --end are days, both in it.")] = False,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Book an appointment, or a block if there is no patient."""
    with writing(database, practice) as session:
        new = _new(session, calendar, start, end, minutes, all_day, patient, room, location)
        new = _with_texts(new, subject, note, phone)
        added = book.add(session.uow, session.actor, new)
        public_id = book.show(session.uow, added).appointment.public_id
    typer.echo(f"appointment {added} ({public_id}) on {shown(new.start)}")


@app.command("move")
def move(
    appointment: AppointmentName,
    start: Annotated[str | None, typer.Argument(help="The new start; without it the time stays.")] = None,
    end: End = None,
    minutes: Minutes = None,
    calendar: Annotated[str | None, typer.Option("--calendar", help="To another calendar.")] = None,
    room: Rooms = None,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Move an appointment to another time, calendar or room."""
    with writing(database, practice) as session:
        uow, about = session.uow, session.practice
        appointment_id = lookup.appointment_id(uow, about.id, appointment)
        begin = parse_moment(start, clock.today(about.time_zone)) if start is not None else None
        known = begin or book.show(uow, appointment_id).appointment.start
        book.reschedule(
            uow,
            session.actor,
            appointment_id,
            begin,
            parse_end(end, minutes, known),
            calendar_id=calendars.find(uow, about.id, calendar).id if calendar is not None else None,
            rooms=_rooms(session, room) if room is not None else None,
        )
        moved = book.show(uow, appointment_id).appointment
    typer.echo(f"appointment {appointment_id} is on {shown(moved.start)} to {moved.end:%H:%M}")


@app.command("cancel")
def cancel(
    appointment: AppointmentName, practice: PracticeOption = None, database: DatabaseOption = None
) -> None:
    """Cancel an appointment or a series; ``restore`` brings it back."""
    with writing(database, practice) as session:
        appointment_id = lookup.appointment_id(session.uow, session.practice.id, appointment)
        remain = book.cancel_appointment(session.uow, session.actor, appointment_id)
    kept = ", but for the documented ones of the series" if remain else ""
    typer.echo(f"appointment {appointment_id} cancelled{kept}")


@app.command("restore")
def restore(
    appointment: AppointmentName, practice: PracticeOption = None, database: DatabaseOption = None
) -> None:
    """Bring a cancelled appointment back."""
    with writing(database, practice) as session:
        appointment_id = lookup.appointment_id(session.uow, session.practice.id, appointment)
        same = book.restore(session.uow, session.actor, appointment_id)
    changed = "" if same else "; its address was taken, devices see it as a new one"
    typer.echo(f"appointment {appointment_id} restored{changed}")


@app.command("link")
def link(
    appointment: AppointmentName,
    number: Annotated[str | None, typer.Argument(help="Patient number.")] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="No patient: a block.")] = False,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Say which patient an appointment is for."""
    if (number is None) is not nobody:
        raise InvalidValue("give a patient number, or --nobody")
    with writing(database, practice) as session:
        appointment_id = lookup.appointment_id(session.uow, session.practice.id, appointment)
        found = None
        if number is not None:
            found = patients.by_number(session.uow, session.practice.id, number).id
        book.link_patient(session.uow, session.actor, appointment_id, found)
    typer.echo(f"appointment {appointment_id}: " + (f"patient {number}" if number else "no patient"))


@app.command("status")
def status(
    appointment: AppointmentName,
    new: Annotated[Status, typer.Argument(metavar="STATUS")],
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Set the status, such as arrived, done, no_show."""
    with writing(database, practice) as session:
        appointment_id = lookup.appointment_id(session.uow, session.practice.id, appointment)
        book.set_status(session.uow, session.actor, appointment_id, new)
    typer.echo(f"appointment {appointment_id}: {new}")


@app.command("show")
def show(
    appointment: AppointmentName, practice: PracticeOption = None, database: DatabaseOption = None
) -> None:
    """Everything about one appointment or series."""
    with reading(database, practice) as session:
        appointment_id = lookup.appointment_id(session.uow, session.practice.id, appointment)
        found = book.show(session.uow, appointment_id)
        names = {
            row.id: row.name
            for row in calendars.list_all(session.uow, session.practice.id, with_private=True)
        }
    table = Table(show_header=False)
    for name, value in _facts(found.appointment):
        table.add_row(name, value)
    for calendar_id, role in sorted(found.calendars.items(), key=lambda pair: pair[1]):
        table.add_row("calendar" if role == "owner" else "room", names.get(calendar_id, str(calendar_id)))
    for instance in found.overrides:
        if instance.recurrence_id is not None:
            facts = f"{shown(instance.start)} to {instance.end:%H:%M}, {instance.status}"
            table.add_row(f"instead of {shown(instance.recurrence_id)}", facts)
    console().print(table)


@series_app.command("add")
def add_series(
    calendar: CalendarName,
    first: Annotated[str, typer.Argument(help="The first one, such as '2026-11-24 09:00' or 'tue 09:00'.")],
    times: Annotated[int, typer.Option("--times", min=1, max=weekly.MOST_TIMES)] = 10,
    every: Annotated[int, typer.Option("--every", min=1, max=52, help="Weeks from one to the next.")] = 1,
    end: End = None,
    minutes: Minutes = None,
    patient: PatientNumber = None,
    subject: Subject = "",
    room: Rooms = None,
    location: Place = None,
    skip_holidays: Annotated[bool, typer.Option(help="Leave out public holidays.")] = True,
    skip_taken: Annotated[bool, typer.Option(help="Leave out times already taken.")] = True,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Book a weekly series; dates left out make it longer."""
    with writing(database, practice) as session:
        new = _new(session, calendar, first, end, minutes, False, patient, room, location)
        new = _with_texts(new, subject, "", "")
        plan = weekly.plan(session.uow, session.practice, new, times, every, skip_holidays, skip_taken)
        added = book.add_series(session.uow, session.actor, plan.series)
    typer.echo(f"series {added}: {len(plan.starts)} appointments")
    for start in plan.starts:
        typer.echo(f"  {shown(start)}")
    for start, reason in plan.skipped:
        typer.echo(f"  {shown(start)} left out: {reason}")


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
        begin = parse_moment(f"{start} 00:00", today)
        finish = parse_moment(f"{end or start} 00:00", parse_day(start, today)) + timedelta(days=1)
    else:
        begin = parse_moment(start, today)
        finish = parse_end(end, minutes, begin) or begin + timedelta(minutes=DEFAULT_MINUTES)
    return book.NewAppointment(
        calendar_id=calendars.find(uow, practice.id, calendar).id,
        start=begin,
        end=finish,
        all_day=all_day,
        patient_id=patients.by_number(uow, practice.id, patient).id if patient is not None else None,
        location_id=lookup.location_id(uow, practice.id, location) if location is not None else None,
        rooms=_rooms(session, rooms),
    )


def _with_texts(new: book.NewAppointment, subject: str, note: str, phone: str) -> book.NewAppointment:
    if new.patient_id is None and not subject:
        raise InvalidValue("give --patient or --subject")
    return replace(new, subject=subject, note=note, phone=phone)


def _rooms(session: Session, names: list[str] | None) -> tuple[int, ...]:
    return tuple(calendars.find(session.uow, session.practice.id, name).id for name in names or ())


def _facts(found: Appointment) -> list[tuple[str, str]]:
    patient = found.patient
    facts = [
        ("id", f"{found.id} ({found.public_id})"),
        ("start", shown(found.start) + (" (all day)" if found.all_day else "")),
        ("end", shown(found.end)),
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
