"""A vendor's bare ``sqlite3``: default pragmas, REPLACE in all its forms, rows without foreign keys."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

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


def shown_and_whole(database: Database) -> set[int]:
    with database.read() as uow:
        assert check.check(uow) == []
    return set(live(database))


@pytest.mark.parametrize("foreign_keys", ["OFF", "ON"])
@pytest.mark.parametrize("recursive", ["OFF", "ON"])
def test_a_deleted_appointment_leaves_nothing_behind(
    house: Database, vendor: sqlite3.Connection, foreign_keys: str, recursive: str
) -> None:
    """With SQLite's own defaults nothing cascades."""
    vendor.execute(f"PRAGMA foreign_keys={foreign_keys}")
    vendor.execute(f"PRAGMA recursive_triggers={recursive}")
    vendor.execute("DELETE FROM appointment WHERE id = 2")
    assert shown_and_whole(house) == {1}
    assert vendor.execute("SELECT appointment_id FROM appointment_calendar").fetchall() == [(1,)]
    vendor.execute(ROW, (7, "K1", "p7", "took over the key"))
    assert vendor.execute("SELECT * FROM appointment_calendar").fetchall() == []
    assert shown_and_whole(house) == set()


@pytest.mark.parametrize("recursive", ["OFF", "ON"])
def test_a_replaced_appointment_stays_where_it_is(
    house: Database, vendor: sqlite3.Connection, recursive: str
) -> None:
    vendor.execute(f"PRAGMA recursive_triggers={recursive}")
    vendor.execute(ROW, (1, "K1", "p1", "new"))
    assert shown_and_whole(house) == {1, 2}


@pytest.mark.parametrize(
    ("statement", "left_behind"),
    [
        ("DELETE FROM calendar WHERE id = 1", {"appointment_calendar"}),
        ("DELETE FROM patient", {"appointment"}),
        ("DELETE FROM location", {"appointment"}),
        ("DELETE FROM staff WHERE id = 1", {"calendar"}),
    ],
)
def test_without_foreign_keys_check_finds_what_was_left_behind(
    house: Database, vendor: sqlite3.Connection, statement: str, left_behind: set[str]
) -> None:
    vendor.execute("UPDATE appointment SET patient_id = 1, location_id = 1")
    vendor.execute(statement)
    with house.read() as uow:
        assert {p.table for p in check.check(uow) if p.kind == "no such row"} == left_behind
    vendor.execute("PRAGMA foreign_keys=ON")
    with pytest.raises(sqlite3.IntegrityError):
        vendor.execute("DELETE FROM practice")


def test_other_ways_to_write_and_to_copy_a_file(
    house: Database, vendor: sqlite3.Connection, tmp_path: Path
) -> None:
    before = live(house)
    path = vendor.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()[0]
    attached = sqlite3.connect(":memory:")
    attached.execute("ATTACH ? AS practice", (path,))
    attached.execute("UPDATE practice.appointment SET subject = 'by ATTACH' WHERE id = 1")
    attached.commit()
    attached.close()
    vendor.execute("CREATE TEMP TABLE calendar_object (id)")  # a name of ours in the program's own schema
    vendor.execute("UPDATE appointment SET subject = 'beside TEMP' WHERE id = 2")
    after = live(house)
    assert all(after[i].revision > before[i].revision for i in (1, 2))
    vendor.execute("DROP TABLE temp.calendar_object")
    vendor.execute("VACUUM")
    vendor.execute(f"VACUUM INTO '{tmp_path}/vacuumed.db'")
    with closing(sqlite3.connect(f"{tmp_path}/backup.db")) as backup:
        vendor.backup(backup)
    with closing(sqlite3.connect(f"{tmp_path}/dumped.db")) as dumped:
        dumped.executescript("\n".join(vendor.iterdump()))
    for name in ("vacuumed", "backup", "dumped"):
        copy = Database(f"sqlite:///{tmp_path}/{name}.db")
        assert live(copy) == after
        with closing(connect(f"sqlite:///{tmp_path}/{name}.db")) as program:
            program.execute("DELETE FROM appointment WHERE id = 1")
        assert shown_and_whole(copy) == {2}
        copy.dispose()


def test_savepoints_and_conflicts(house: Database, vendor: sqlite3.Connection) -> None:
    before = live(house)
    vendor.execute("BEGIN")
    vendor.execute("SAVEPOINT s")
    vendor.execute("UPDATE appointment SET subject = 'gone again'")
    vendor.execute("ROLLBACK TO s")
    vendor.execute("UPDATE OR IGNORE appointment SET external_id = 'K1'")
    vendor.execute("COMMIT")
    assert live(house) == before
    assert shown_and_whole(house) == {1, 2}


@pytest.mark.parametrize("recursive", ["OFF", "ON"])
@pytest.mark.parametrize("change", ["external_id = 'K1'", "public_id = 'p1'", "id = 1"])
def test_update_that_silently_deletes_another_row(
    house: Database, vendor: sqlite3.Connection, change: str, recursive: str
) -> None:
    vendor.execute(f"PRAGMA recursive_triggers={recursive}")
    vendor.execute("INSERT INTO event_extra VALUES (1, 'VEVENT', 'X')")
    before = live(house)
    vendor.execute(f"UPDATE OR REPLACE appointment SET {change}, subject = 'x' WHERE id = 2")
    vendor.execute(
        "DELETE FROM appointment_calendar WHERE appointment_id NOT IN (SELECT id FROM appointment)"
    )
    (after,) = live(house).values()
    assert shown_and_whole(house) == ({1} if change == "id = 1" else {2})
    assert after.revision > max(s.revision for s in before.values())
    if change != "id = 1":
        assert vendor.execute("SELECT count(*) FROM event_extra").fetchone() == (0,)


def test_update_of_a_patient_that_replaces_another(house: Database, vendor: sqlite3.Connection) -> None:
    vendor.execute("INSERT INTO patient (id, practice_id, number, last_name) VALUES (2, 1, '4712', 'Huber')")
    vendor.execute("UPDATE appointment SET patient_id = 1 WHERE id = 1")
    before = live(house)
    vendor.execute("UPDATE OR REPLACE patient SET number = '4711' WHERE id = 2")
    assert live(house)[1].revision > before[1].revision
