"""``agenda``: what takes place on a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from radicale_practice.cli.context import Session, reads, show_table
from radicale_practice.cli.moments import counted, parse_day, shown, shown_day
from radicale_practice.practice import calendars, clock
from radicale_practice.practice.model import CalendarKind
from radicale_practice.practice.reading import agenda as agendas


@reads
def agenda(
    session: Session,
    day: Annotated[str, typer.Argument(help="Such as today, 2026-11-24, tue.")] = "today",
    calendar: Annotated[
        list[str] | None,
        typer.Option("--calendar", help="Only this one; may be repeated."),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=agendas.MOST_DAYS, help="How many days.")] = 1,
) -> None:
    """What takes place on a day, in the practice's wall time."""
    uow, about = session.uow, session.practice
    first = parse_day(day, clock.today(about.time_zone))
    if calendar:
        chosen = [calendars.find(uow, about.id, name) for name in calendar]
    else:
        chosen = [row for row in calendars.list_all(uow, about.id) if row.active]
    names = {row.id: row.name for row in chosen}
    found = agendas.between(uow, None, names, first, first + timedelta(days=days))
    if not calendar:
        found = _once(found, {row.id for row in chosen if row.kind is CalendarKind.ROOM})
    if not found:
        typer.echo(
            f"nothing on {shown_day(first)}"
            + (f" and {counted(days - 1, 'day')} after it" if days > 1 else "")
        )
        return
    show_table(
        ("Day", "From", "To", "Calendar", "Patient", "Subject", "Place", "Status", "Id"),
        (_row(entry, names) for entry in found),
    )


def _once(entries: list[agendas.Entry], rooms: set[int]) -> list[agendas.Entry]:
    """What stands in a practitioner's calendar is not told by its room once more."""
    told = {(entry.appointment_id, entry.start) for entry in entries if entry.calendar_id not in rooms}
    return [
        entry
        for entry in entries
        if entry.calendar_id not in rooms or (entry.appointment_id, entry.start) not in told
    ]


def _row(entry: agendas.Entry, names: dict[int, str]) -> tuple[object, ...]:
    patient = entry.patient
    return (
        shown_day(entry.start),
        "all day" if entry.all_day else f"{entry.start:%H:%M}",
        _end(entry),
        names[entry.calendar_id],
        f"{patient.last_name} {patient.first_name} ({patient.number})" if patient else "",
        entry.subject,
        ", ".join(filter(None, (entry.location, entry.room))),
        entry.status,
        entry.appointment_id,
    )


def _end(entry: agendas.Entry) -> str:
    """With the day if it is another one."""
    if entry.all_day:
        last = entry.end - timedelta(days=1)
        return shown_day(last) if last.date() > entry.start.date() else ""
    return f"{entry.end:%H:%M}" if entry.end.date() == entry.start.date() else shown(entry.end)
