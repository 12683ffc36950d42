"""Values that no row may have: refused when plain SQL writes them, on both engines."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg
import pytest

from radicale_practice.practice.database import Database
from tests.database.foreign import connect, parameters
from tests.database.house import book, furnished

REFUSED = (sqlite3.IntegrityError, psycopg.Error)


@pytest.fixture
def house(database: Database) -> Database:
    furnished(database)
    with database.write() as uow:
        book(uow, 1, patient_id=1, location_id=1)
    return database


def update(house: Database, url: str, table: str, column: str, value: Any) -> None:
    vendor = connect(url)
    try:
        vendor.execute(parameters(url, f"UPDATE {table} SET {column} = ?"), (value,))
    finally:
        vendor.close()


TIMES = [
    "garbage",
    "2026-02-31 09:00:00",
    "2026-03-02 25:00:00",
    "infinity",
    "0000-01-01 00:00:00",
    "9999-12-31 00:00:00",
    None,
]


@pytest.mark.parametrize("column", ["starts_at", "ends_at", "recurrence_id"])
@pytest.mark.parametrize("value", TIMES)
def test_times_that_do_not_exist(house: Database, database_url: str, column: str, value: str) -> None:
    if column == "recurrence_id":
        with house.write() as uow:
            book(uow, 1, series_id=1, recurrence_id="2026-03-02 09:00:00")
    with pytest.raises(REFUSED):
        update(house, database_url, "appointment", column, value)


@pytest.mark.parametrize("value", ["2026-03-02T09:00:00", "2026-03-02 09:00", "2.3.2026", "2026-03-02"])
def test_sqlite_knows_one_form_of_times(sqlite_url: str, value: str) -> None:
    house = furnished(Database(sqlite_url))
    with house.write() as uow:
        book(uow, 1)
    with pytest.raises(REFUSED):
        update(house, sqlite_url, "appointment", "starts_at", value)
    house.dispose()


def test_postgresql_keeps_whole_seconds(postgresql_url: str) -> None:
    """The instances of a series are found by their times: with fractions none would be found."""
    house = furnished(Database(postgresql_url))
    with house.write() as uow:
        book(uow, 1)
    update(house, postgresql_url, "appointment", "ends_at", "2026-03-02 09:30:00.4")
    with connect(postgresql_url) as vendor:
        (ends_at,) = vendor.execute("SELECT ends_at::text FROM appointment").fetchone()
    assert ends_at == "2026-03-02 09:30:00"
    house.dispose()


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("appointment", "status", "deleted"),
        ("appointment", "subject", None),
        ("appointment", "all_day", "perhaps"),
        ("appointment", "patient_id", "K4711"),
        ("appointment", "exdate", "2026-03-09 09:00:00"),
        ("appointment_calendar", "role", "guest"),
        ("appointment_calendar", "calendar_id", "C1"),
        ("staff", "active", "no, gone"),
        ("staff", "role", "boss"),
        ("calendar", "kind", "holiday"),
        ("calendar", "active", ""),
        ("calendar", "sort_order", "first"),
        ("patient", "number", None),
        ("practice", "time_zone", None),
    ],
)
def test_values_of_the_wrong_kind(
    house: Database, database_url: str, table: str, column: str, value: Any
) -> None:
    if column == "exdate":  # an instance has no dates of its own
        with house.write() as uow:
            book(uow, 1, series_id=1, recurrence_id="2026-03-02 09:00:00")
    with pytest.raises(REFUSED):
        update(house, database_url, table, column, value)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("appointment", "subject", b"bytes"),
        ("appointment", "all_day", "no"),
        ("appointment", "transparent", 2),
        ("patient", "last_name", b"\xfc"),
        ("staff", "active", "false"),
    ],
)
def test_sqlite_refuses_what_it_would_keep_as_it_is(
    sqlite_url: str, table: str, column: str, value: Any
) -> None:
    house = furnished(Database(sqlite_url))
    with house.write() as uow:
        book(uow, 1)
    with pytest.raises(REFUSED):
        update(house, sqlite_url, table, column, value)
    house.dispose()


def test_two_people_cannot_share_a_path(house: Database, database_url: str) -> None:
    insert = "INSERT INTO staff (id, practice_id, user_name, display_name) VALUES (?, 1, ?, 'x')"
    vendor = connect(database_url)
    vendor.execute(parameters(database_url, insert), (8, "anna müller"))
    with pytest.raises(REFUSED):
        vendor.execute(parameters(database_url, insert), (9, "anna_müller"))
    vendor.close()
