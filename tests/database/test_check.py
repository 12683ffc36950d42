"""``check`` finds what is broken on purpose, ``repair`` mends it and starts a new epoch."""

from __future__ import annotations

import pytest

from radicale_practice.practice.database import Database
from radicale_practice.practice.sync import revisions
from radicale_practice.practice.upkeep import check
from tests.database.house import book, furnished, run


@pytest.fixture
def house(database: Database) -> Database:
    furnished(database)
    with database.write() as uow:
        for _ in range(3):
            book(uow, 1)
        book(uow, 2, rrule="FREQ=WEEKLY", rdate="2026-03-03 09:00:00", exdate="2026-03-09 09:00:00")
    with database.write() as uow:
        run(uow, "UPDATE appointment SET status = 'cancelled' WHERE id = 3")
    return database


def found(database: Database) -> set[str]:
    with database.read() as uow:
        return {problem.kind for problem in check.check(uow)}


def epoch(database: Database) -> str:
    with database.read() as uow:
        return revisions.calendar_states(uow, [1], 1)[1].epoch


def test_healthy_database_has_no_problem(house: Database) -> None:
    assert found(house) == set()
    before = epoch(house)
    with house.write() as uow:
        assert check.repair(uow) == []
    assert epoch(house) == before


REPAIRABLE = {
    "no object": "DELETE FROM calendar_object WHERE id = 1",
    "not served": "UPDATE calendar_object SET removed_revision = NULL WHERE appointment_id = 3",
    "no change row": "DELETE FROM object_change",
    "stray change row": "INSERT INTO object_change VALUES (1, 0, 1, 999)",
    "no sync row": "DELETE FROM calendar_sync",
    "counter": "UPDATE calendar_object SET created_revision = 1000 WHERE id = 1",
}


@pytest.mark.parametrize("kind", REPAIRABLE)
def test_broken_sync_tables_are_mended(house: Database, kind: str) -> None:
    with house.write() as uow:
        run(uow, REPAIRABLE[kind])
    assert kind in found(house)
    before = epoch(house)
    with house.write() as uow:
        assert kind in {problem.kind for problem in check.repair(uow)}
    assert found(house) == set()
    assert epoch(house) != before


def test_missing_or_changed_trigger_is_made_again(house: Database) -> None:
    drop = "DROP TRIGGER sync_appointment_update"
    with house.write() as uow:
        run(uow, drop if house.dialect == "sqlite" else f"{drop} ON appointment")
        run(uow, "UPDATE appointment SET status = 'cancelled'")
    assert found(house) == {"triggers", "not served"}
    with house.write() as uow:
        check.repair(uow)
    assert found(house) == set()
    with house.write() as uow:
        run(uow, "UPDATE appointment SET status = 'booked'")
    assert found(house) == set()


DATA = {
    "zone": "UPDATE appointment SET time_zone = 'Europe/Nowhere' WHERE id = 1",
    "rule": "UPDATE appointment SET rrule = 'FREQ=NEVER' WHERE id = 4",
    "dates": "UPDATE appointment SET exdate = '9.3.2026' WHERE id = 4",
    "two owners": "INSERT INTO appointment_calendar (appointment_id, calendar_id) VALUES (1, 2)",
}


@pytest.mark.parametrize("kind", DATA)
def test_unreadable_data_is_reported_and_left_alone(house: Database, kind: str) -> None:
    with house.write() as uow:
        run(uow, DATA[kind])
    with house.write() as uow:
        problems = check.check(uow)
        assert [problem.kind for problem in problems] == [kind]
        assert not problems[0].repairable
        assert check.repair(uow) == []


def test_rows_of_another_practice(house: Database) -> None:
    with house.write() as uow:
        run(uow, "INSERT INTO practice (id, name) VALUES (2, 'other')")
        run(uow, "INSERT INTO patient (id, practice_id, number) VALUES (2, 2, '1')")
        run(uow, "UPDATE appointment SET patient_id = 2 WHERE id = 1")
        run(uow, "INSERT INTO staff (id, practice_id, user_name, display_name) VALUES (9, 2, 'o', 'o')")
        run(uow, "INSERT INTO calendar_access VALUES (1, 9, 'read')")
    with house.read() as uow:
        assert {p.table for p in check.check(uow) if p.kind == "other practice"} == {
            "appointment",
            "calendar_access",
        }
