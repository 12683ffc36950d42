"""The directory of patients and locations, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text

from radicale_practice.practice import practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.people import patients
from radicale_practice.practice.people.directory import PracticeDirectory
from radicale_practice.practice.people.names import fold
from radicale_practice.practice.projections import Practice


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements run in the block."""
    statements: list[str] = []

    def note(*args: object) -> None:
        statements.append(str(args[2]))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def insert_patient(database: Database, practice: Practice, number: str, first: str, last: str) -> None:
    """As a practice program does it."""
    with database.write() as uow:
        uow.connection.execute(
            text(
                "INSERT INTO patient (practice_id, number, first_name, last_name)"
                " VALUES (:practice, :number, :first, :last)"
            ),
            {"practice": practice.id, "number": number, "first": first, "last": last},
        )


def numbers(database: Database, practice: Practice, name: str, mode: str) -> list[str]:
    """The numbers of the patients with this name."""
    with database.read() if mode == "r" else database.write() as uow:
        found = PracticeDirectory(uow, practice.id).patients_by_name([fold(name)])
        assert all(key == fold(name) for key, _ in found)
        return sorted(patient.number for _, patient in found)


@pytest.mark.parametrize("modes", ["rr", "ww", "wr", "rw"])
def test_names_in_both_orders(database: Database, practice: Practice, modes: str) -> None:
    insert_patient(database, practice, "1", "Maria Anna", "Huber")
    insert_patient(database, practice, "2", "Anna Maria", "Huber")
    insert_patient(database, practice, "3", "Jürgen", "Großschädl")
    for mode in modes:
        assert numbers(database, practice, "huber maria anna", mode) == ["1"]
        assert numbers(database, practice, "MARIA ANNA HUBER", mode) == ["1"]
        assert numbers(database, practice, "Huber Anna Maria", mode) == ["2"]
        assert numbers(database, practice, "Großschadl jurgen", mode) == ["3"]
        assert numbers(database, practice, "Anna Huber Maria", mode) == []
        assert numbers(database, practice, "Huber", mode) == []


@pytest.mark.parametrize("mode", ["r", "w"])
def test_a_name_changed_by_plain_sql(database: Database, practice: Practice, mode: str) -> None:
    insert_patient(database, practice, "1", "Maria", "Huber")
    assert numbers(database, practice, "Maria Huber", "w") == ["1"]
    with database.write() as uow:
        uow.connection.execute(text("UPDATE patient SET last_name = 'Moser'"))
    assert numbers(database, practice, "Maria Huber", mode) == []
    assert numbers(database, practice, "Maria Moser", mode) == ["1"]


def test_a_key_of_a_former_name_is_not_trusted(database: Database, practice: Practice) -> None:
    insert_patient(database, practice, "1", "Maria", "Huber")
    assert numbers(database, practice, "Maria Huber", "w") == ["1"]
    with database.write() as uow:
        uow.connection.execute(text("UPDATE patient SET last_name = 'Moser'"))
        uow.connection.execute(
            text(
                "INSERT INTO patient_name (patient_id, practice_id, name_key, source) SELECT id, practice_id,"
                " 'huber maria', 'Maria' FROM patient WHERE id NOT IN (SELECT patient_id FROM patient_name)"
            )
        )
    assert numbers(database, practice, "Maria Huber", "r") == []
    assert numbers(database, practice, "Maria Moser", "r") == ["1"]


def test_two_of_one_name_are_two(database: Database, practice: Practice) -> None:
    for number in ("1", "2"):
        insert_patient(database, practice, number, "Maria", "Huber")
    assert numbers(database, practice, "Maria Huber", "w") == ["1", "2"]


@pytest.mark.parametrize("change", ["active = false", "merged_into_id = 1"])
def test_inactive_and_merged_are_not_recognised(database: Database, practice: Practice, change: str) -> None:
    insert_patient(database, practice, "1", "Josef", "Moser")
    insert_patient(database, practice, "2", "Maria", "Huber")
    with database.write() as uow:
        if "merged" in change:
            uow.connection.execute(
                text("UPDATE patient SET merged_into_id = (SELECT min(id) FROM patient) WHERE number = '2'")
            )
        else:
            uow.connection.execute(text("UPDATE patient SET active = false WHERE number = '2'"))
    assert numbers(database, practice, "Maria Huber", "w") == []
    with database.read() as uow:
        assert PracticeDirectory(uow, practice.id).patients_by_number(["2"]) == []


def test_nothing_crosses_between_practices(database: Database, practice: Practice) -> None:
    with database.write() as uow:
        other = practices.create(uow, "Zweite")
        patients.add(uow, other.id, "7", "Maria", "Huber")
        uow.connection.execute(
            text("INSERT INTO location (practice_id, name) VALUES (:p, 'Baden')"), {"p": other.id}
        )
    assert numbers(database, practice, "Maria Huber", "w") == []
    assert numbers(database, other, "Maria Huber", "w") == ["7"]
    with database.read() as uow:
        directory = PracticeDirectory(uow, practice.id)
        assert directory.patients_by_number(["7"]) == []
        assert directory.locations() == []
        assert [place.name for place in PracticeDirectory(uow, other.id).locations()] == ["Baden"]


@pytest.mark.parametrize("mode", ["r", "w"])
def test_the_number_of_statements_does_not_grow(database: Database, practice: Practice, mode: str) -> None:
    def statements(count: int) -> int:
        with database.read() if mode == "r" else database.write() as uow, counted(database) as seen:
            directory = PracticeDirectory(uow, practice.id)
            directory.patients_by_number([str(n) for n in range(count)])
            directory.patients_by_name([f"vorname{n} nachname{n}" for n in range(count)])
            directory.locations()
            directory.locations()
            return len([s for s in seen if s.lstrip().upper().startswith(("SELECT", "INSERT"))])

    few = statements(1)
    for n in range(20):
        insert_patient(database, practice, str(n), f"Vorname{n}", f"Nachname{n}")
    assert statements(20) <= few + 1


@pytest.mark.parametrize("hostile", ["", "\0", "'; DROP TABLE patient; --", "x" * 100_000, "%", "\x1f"])
def test_hostile_keys(database: Database, practice: Practice, hostile: str) -> None:
    insert_patient(database, practice, "1", "Maria", "Huber")
    with database.write() as uow:
        directory = PracticeDirectory(uow, practice.id)
        assert directory.patients_by_name([hostile]) == []
        assert directory.patients_by_number([hostile]) == []


def test_a_patient_without_a_name_or_with_an_endless_one(database: Database, practice: Practice) -> None:
    insert_patient(database, practice, "1", "", "")
    insert_patient(database, practice, "2", "Wort " * 400, "Huber")
    assert numbers(database, practice, "Wort " * 400 + "Huber", "w") == ["2"]
    assert numbers(database, practice, "Wort " * 400 + "Hubert", "w") == []
