"""A vendor's bare ``sqlite3``: default pragmas, REPLACE in all its forms, rows without foreign keys."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from radicale_practice.practice.database import Database
from radicale_practice.practice.model import Role, Viewer
from radicale_practice.practice.reading import calendar_objects
from radicale_practice.practice.sync import revisions
from radicale_practice.practice.sync.revisions import ObjectState
from radicale_practice.practice.upkeep import check
from tests.database.foreign import connect
from tests.database.house import book, furnished

ROW = (
    "INSERT OR REPLACE INTO appointment"
    " (id, practice_id, external_id, public_id, starts_at, ends_at, subject)"
    " VALUES (?, 1, ?, ?, '2026-03-02 09:00:00', '2026-03-02 10:00:00', ?)"
)


@pytest.fixture
def house(sqlite_url: str) -> Iterator[Database]:
    database = furnished(Database(sqlite_url))
    with database.write() as uow:
        book(uow, 1, id=1, external_id="K1", public_id="p1")
        book(uow, 1, id=2, external_id="K2", public_id="p2")
    yield database
    database.dispose()


@pytest.fixture
def vendor(sqlite_url: str, house: Database) -> Iterator[sqlite3.Connection]:
    connection = connect(sqlite_url)
    yield connection
    connection.close()


def live(database: Database) -> dict[int, ObjectState]:
    with database.read() as uow:
        return {s.appointment_id: s for s in revisions.object_states(uow, 1, 1)}


@pytest.mark.parametrize("recursive", ["OFF", "ON"])
@pytest.mark.parametrize("foreign_keys", ["OFF", "ON"])
def test_replace_of_the_same_row(
    house: Database, vendor: sqlite3.Connection, recursive: str, foreign_keys: str
) -> None:
    vendor.execute(f"PRAGMA recursive_triggers={recursive}")
    vendor.execute(f"PRAGMA foreign_keys={foreign_keys}")
    before = live(house)
    vendor.execute("BEGIN")
    vendor.execute(ROW, (1, "K1", "p1", "new"))
    vendor.execute("INSERT OR REPLACE INTO appointment_calendar (appointment_id, calendar_id) VALUES (1, 1)")
    vendor.execute("COMMIT")
    after = live(house)
    assert after[2] == before[2]
    assert after[1].revision > before[1].revision
    assert (after[1].href, after[1].uid) == (before[1].href, before[1].uid)


def test_replace_that_silently_deletes_another_row(house: Database, vendor: sqlite3.Connection) -> None:
    vendor.execute("INSERT INTO event_extra VALUES (2, 'VEVENT', 'X')")
    vendor.execute(ROW, (7, "K2", "p7", "took over the key"))
    assert set(live(house)) == {1}
    assert vendor.execute("SELECT count(*) FROM event_extra").fetchone() == (0,)
    assert vendor.execute("SELECT count(*) FROM sync_replaced").fetchone() == (0,)


def test_replaced_patient_touches_the_appointments(house: Database, vendor: sqlite3.Connection) -> None:
    vendor.execute("UPDATE appointment SET patient_id = 1 WHERE id = 1")
    before = live(house)
    vendor.execute(
        "INSERT OR REPLACE INTO patient (id, practice_id, number, last_name) VALUES (1, 1, '4711', 'H')"
    )
    after = live(house)
    assert after[1].revision > before[1].revision
    assert after[2] == before[2]


def test_deleted_without_foreign_keys(house: Database, vendor: sqlite3.Connection) -> None:
    vendor.execute("DELETE FROM appointment WHERE id = 2")
    assert set(live(house)) == {1}


def test_upsert_and_returning(house: Database, vendor: sqlite3.Connection) -> None:
    before = live(house)
    row = vendor.execute(
        ROW.replace(" OR REPLACE", "")
        + " ON CONFLICT (id) DO UPDATE SET subject = excluded.subject RETURNING id",
        (1, "K1", "p1", "upserted"),
    ).fetchone()
    assert row == (1,)
    after = live(house)
    assert after[1].revision > before[1].revision
    assert after[2] == before[2]


def test_foreign_change_is_journalled_and_ours_is_not(house: Database, vendor: sqlite3.Connection) -> None:
    assert vendor.execute("SELECT count(*) FROM journal").fetchone() == (0,)
    vendor.execute("UPDATE appointment SET subject = 'theirs' WHERE id = 1")
    rows = vendor.execute("SELECT program, action, appointment_id, practice_id FROM journal").fetchall()
    assert rows == [("sql", "foreign", 1, 1)]


LATIN_1 = "CAST(X'4DFC6C6C6572' AS TEXT)"
"""Müller, as a program writes it that takes texts for bytes of its own code page."""


def test_a_text_in_another_encoding_breaks_nothing(house: Database, vendor: sqlite3.Connection) -> None:
    vendor.execute(f"UPDATE appointment SET subject = {LATIN_1}, note = 'Ü' WHERE id = 1")
    vendor.execute(f"UPDATE patient SET last_name = {LATIN_1}")
    viewer = Viewer(1, 1, "person1", "Person 1", Role.PRACTITIONER)
    with house.read() as uow:
        shown = {s.appointment_id: s.object.appointments[0] for s in calendar_objects.load(uow, viewer, 1)}
        assert (shown[1].subject, shown[1].note) == ("M\ufffdller", "Ü")
        assert shown[2].subject == ""
        problems = check.check(uow)
    assert [(p.kind, p.table, p.ids) for p in problems] == [
        ("text", "patient", ("1",)),
        ("text", "appointment", ("1",)),
    ]
    assert "M" not in " ".join(p.text for p in problems)
