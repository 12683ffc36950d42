"""A small practice for tests, written the way a foreign program would: plain SQL through our own unit."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from radicale_practice.practice.database import Database, UnitOfWork


def run(uow: UnitOfWork, sql: str, **parameters: Any) -> Any:
    """Execute a statement; returns the first column of the first row, if rows come back."""
    result = uow.connection.execute(text(sql), parameters)
    return result.scalar() if result.returns_rows else None


def furnish(uow: UnitOfWork, calendars: int = 3) -> None:
    """One practice (1) with practitioners' calendars 1..n, each of staff member 1..n, and a room n + 1."""
    run(uow, "INSERT INTO practice (id, name) VALUES (1, 'Praxis')")
    for number in range(1, calendars + 1):
        run(
            uow,
            "INSERT INTO staff (id, practice_id, user_name, display_name) VALUES (:id, 1, :user, :name)",
            id=number,
            user=f"person{number}",
            name=f"Person {number}",
        )
        run(
            uow,
            "INSERT INTO calendar (id, practice_id, staff_id, name) VALUES (:id, 1, :staff, :name)",
            id=number,
            staff=number,
            name=f"calendar {number}",
        )
    run(
        uow,
        "INSERT INTO calendar (id, practice_id, kind, name) VALUES (:id, 1, 'room', 'Raum 1')",
        id=calendars + 1,
    )
    run(
        uow,
        "INSERT INTO patient (id, practice_id, number, first_name, last_name)"
        " VALUES (1, 1, '4711', 'Maria', 'Mustermann')",
    )
    run(uow, "INSERT INTO location (id, practice_id, name) VALUES (1, 1, 'Hauptstraße')")


def book(uow: UnitOfWork, calendar: int, start: str = "2026-03-02 09:00:00", **columns: Any) -> int:
    """An appointment in a calendar; returns its id."""
    values = {"starts_at": start, "ends_at": start, "practice_id": 1, **columns}
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    appointment: int = run(uow, f"INSERT INTO appointment ({names}) VALUES ({places}) RETURNING id", **values)
    place(uow, appointment, calendar)
    return appointment


def place(uow: UnitOfWork, appointment: int, calendar: int, role: str = "owner") -> None:
    """Put an appointment into a calendar."""
    run(
        uow,
        "INSERT INTO appointment_calendar (appointment_id, calendar_id, role) VALUES (:a, :c, :r)",
        a=appointment,
        c=calendar,
        r=role,
    )


def furnished(database: Database) -> Database:
    """The database with the small practice in it."""
    with database.write() as uow:
        furnish(uow)
    return database
