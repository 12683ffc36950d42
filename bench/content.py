"""The same 10,000 appointments for both servers: rows for ours, files for stock Radicale."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Table, insert

from radicale_practice.practice import calendars, migrate, practices
from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.model import CalendarKind, Role
from radicale_practice.practice.people import patients, staff
from radicale_practice.practice.schema.practice_tables import appointment, appointment_calendar

USER = "bench"
PASSWORD = "ten thousand appointments"
PATIENTS = 200
A_DAY = 20
FIRST_DAY = datetime(2026, 1, 5, 8)

SETTINGS = {"brake_cancellations": 10**6, "brake_creations": 10**6}
"""A measurement writes more in ten minutes than the brake lets any person do."""


@dataclass(frozen=True)
class Place:
    """Where the calendar is on a server."""

    home: str
    calendar: str


def week(count: int) -> tuple[datetime, datetime]:
    """The week that is asked for of ``count`` appointments, in UTC: a full one after the middle."""
    start = FIRST_DAY + timedelta(weeks=count // A_DAY // 7 * 4 // 7)
    return start, start + timedelta(weeks=1)


def fill_database(database_url: str, count: int) -> Place:
    """A migrated database with one practitioner and ``count`` appointments in the calendar."""
    database = Database(database_url)
    try:
        migrate.upgrade(database)
        with database.write() as uow:
            practice = practices.create(uow, "Bench", settings=SETTINGS)
            member = staff.add(uow, practice.id, USER, "Bench", Role.PRACTITIONER, PASSWORD)
            people = [
                patients.add(uow, practice.id, None, f"Vorname{number}", f"Nachname{number}").id
                for number in range(PATIENTS)
            ]
            calendar = next(
                one
                for one in calendars.list_all(uow, practice.id)
                if one.kind is CalendarKind.PRACTITIONER and one.staff_id == member.id
            )
            _insert_appointments(uow, practice.id, calendar.id, people, count)
            return Place(f"/{USER}/", f"/{USER}/{calendar.public_id}/")
    finally:
        database.dispose()


def _insert_appointments(
    uow: UnitOfWork, practice_id: int, calendar_id: int, people: list[int], count: int
) -> None:
    rows = []
    for number in range(count):
        start = FIRST_DAY + timedelta(days=number // A_DAY, minutes=30 * (number % A_DAY))
        rows.append(
            {
                "practice_id": practice_id,
                "patient_id": people[number % len(people)],
                "subject": "Heilgymnastik",
                "starts_at": start,
                "ends_at": start + timedelta(minutes=30),
                "time_zone": "Europe/Vienna",
            }
        )
    ids = _insert(uow, appointment, rows)
    uow.connection.execute(
        insert(appointment_calendar),
        [{"appointment_id": row_id, "calendar_id": calendar_id} for row_id in ids],
    )


def _insert(uow: UnitOfWork, table: Table, rows: list[dict[str, Any]]) -> list[int]:
    statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list(uow.connection.execute(statement, rows).scalars())


def fill_files(folder: Path, texts: dict[str, str]) -> Place:
    """Stock Radicale's files: the very bytes that our server gives for these appointments."""
    calendar = folder / "collection-root" / USER / "calendar"
    calendar.mkdir(parents=True)
    properties = {"tag": "VCALENDAR", "D:displayname": "Bench"}
    (calendar / ".Radicale.props").write_text(json.dumps(properties), "utf-8")
    for href, text in texts.items():
        (calendar / href).write_text(text, "utf-8", newline="")
    return Place(f"/{USER}/", f"/{USER}/calendar/")


def event(uid: str, title: str, start: datetime) -> str:
    """What a client uploads; ``start`` is in UTC."""
    end = start + timedelta(minutes=30)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Example//Bench//EN",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{datetime.now(UTC):%Y%m%dT%H%M%SZ}",
        f"SUMMARY:{title}",
        f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
        f"DTEND:{end:%Y%m%dT%H%M%SZ}",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines)
