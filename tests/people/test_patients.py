"""Patients: add, find, merge, erase; on both engines."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from radicale_practice.practice import practices
from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.errors import Conflict, InvalidValue, NotFound
from radicale_practice.practice.model import Role
from radicale_practice.practice.people import patient_erase, patients, staff
from radicale_practice.practice.people.directory import PracticeDirectory
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal


def book(uow: UnitOfWork, practice: Practice, patient_id: int, start: str, series: int | None = None) -> int:
    """An appointment as a practice program makes it, in the first calendar there is."""
    appointment_id = uow.connection.execute(
        text(
            "INSERT INTO appointment (practice_id, patient_id, starts_at, ends_at, subject, note, phone,"
            " series_id, recurrence_id) VALUES (:practice, :patient, :start, :end, 'Befund Huber', 'heikel',"
            " '0664 1', :series, :recurrence) RETURNING id"
        ),
        {
            "practice": practice.id,
            "patient": patient_id,
            "start": f"{start} 09:00:00",
            "end": f"{start} 10:00:00",
            "series": series,
            "recurrence": f"{start} 09:00:00" if series else None,
        },
    ).scalar_one()
    uow.connection.execute(
        text(
            "INSERT INTO appointment_calendar (appointment_id, calendar_id)"
            " SELECT :appointment, min(id) FROM calendar"
        ),
        {"appointment": appointment_id},
    )
    return int(appointment_id)


@pytest.fixture
def huber(database: Database, practice: Practice) -> int:
    """Id of patient 1, Maria Huber, whom Anna treats."""
    with database.write() as uow:
        staff.add(uow, practice.id, "anna", "Anna", Role.PRACTITIONER, None)
        return patients.add(uow, practice.id, "1", "Maria", "Huber", "0664 1").id


def test_numbers_follow_each_other(database: Database, practice: Practice) -> None:
    with database.write() as uow:
        assert patients.next_number(uow, practice.id) == "1"
        patients.add(uow, practice.id, "A-17", "Anna", "Auer")
        patients.add(uow, practice.id, "99999999999999999999", "Berta", "Bauer")
        patients.add(uow, practice.id, "41", "Carl", "Conrad")
        assert patients.add(uow, practice.id, None, "Dora", "Dorfer").number == "42"


def test_a_taken_number_is_a_conflict_that_names_nobody(
    database: Database, practice: Practice, huber: int
) -> None:
    with database.write() as uow:
        with pytest.raises(Conflict) as caught:
            patients.add(uow, practice.id, "1", "Josef", "Geheim")
        assert "Geheim" not in repr(caught.value)
        assert caught.value.__cause__ is None
        patients.add(uow, practice.id, "2", "Josef", "Moser")
        other = practices.create(uow, "Zweite")
        patients.add(uow, other.id, "1", "Josef", "Moser")


@pytest.mark.parametrize(
    ("number", "first", "last", "phone"),
    [
        ("", "Anna", "Auer", ""),
        ("x" * 65, "Anna", "Auer", ""),
        ("2", "", " ", ""),
        ("2", "Anna", "A" * 201, ""),
        ("2", "Anna\0", "Auer", ""),
        ("2", "Anna", "Auer", "\ud800"),
    ],
)
def test_unfit_values(
    database: Database, practice: Practice, number: str, first: str, last: str, phone: str
) -> None:
    with database.write() as uow, pytest.raises(InvalidValue):
        patients.add(uow, practice.id, number, first, last, phone)


@pytest.mark.parametrize("mode", ["r", "w"])
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("1", ["1"]),
        ("hub", ["1", "2"]),
        ("HUBER ma", ["1"]),
        ("maria huber", ["1"]),
        ("güntHER", ["3"]),
        ("gunther", ["3"]),
        ("%", []),
        ("_", []),
        ("", []),
        ("nobody", []),
        ("\0", []),
    ],
)
def test_find(
    database: Database, practice: Practice, huber: int, mode: str, typed: str, found: list[str]
) -> None:
    with database.write() as uow:
        patients.add(uow, practice.id, "2", "Josef", "Hubert")
        # By plain SQL: no key yet.
        uow.connection.execute(
            text(
                "INSERT INTO patient (practice_id, number, first_name, last_name)"
                " VALUES (:p, '3', 'Günther', 'Öllinger')"
            ),
            {"p": practice.id},
        )
    with database.read() if mode == "r" else database.write() as uow:
        assert [p.number for p in patients.find(uow, practice.id, typed)] == found


def test_change_is_found_under_the_new_name(database: Database, practice: Practice, huber: int) -> None:
    with database.write() as uow:
        patients.change(uow, practice.id, "1", last_name="Moser", phone="")
        assert patients.find(uow, practice.id, "huber") == []
        assert [p.phone for p in patients.find(uow, practice.id, "moser")] == [""]
        assert len(PracticeDirectory(uow, practice.id).patients_by_name(["moser maria"])) == 1


def test_what_a_patient_was_before_is_in_the_journal_until_erased(
    database: Database, practice: Practice, huber: int
) -> None:
    query = text("SELECT action, before, after FROM journal WHERE patient_id = :id ORDER BY id")
    with database.write() as uow:
        patients.change(uow, practice.id, "1", last_name="Moser", phone="")
        patients.change(uow, practice.id, "1", last_name="Moser")
        added, changed = uow.connection.execute(query, {"id": huber})
        assert (added.action, journal.parse(added.before)) == ("patient-add", {})
        assert journal.parse(added.after) == {
            "number": "1",
            "first_name": "Maria",
            "last_name": "Huber",
            "phone": "0664 1",
        }
        assert changed.action == "patient-change"
        assert journal.parse(changed.before) == {"last_name": "Huber", "phone": "0664 1"}
        assert journal.parse(changed.after) == {"last_name": "Moser", "phone": ""}
        patient_erase.erase(uow, practice.id, "1")
        rows = uow.connection.execute(query, {"id": huber}).all()
        assert [(r.before, r.after) for r in rows] == [(None, None)] * 3
        with pytest.raises(InvalidValue):
            patients.change(uow, practice.id, "1", last_name="Huber")


def test_merge_moves_all_appointments_and_is_journalled(
    database: Database, practice: Practice, huber: int
) -> None:
    with database.write() as uow:
        kept = patients.add(uow, practice.id, "2", "Maria", "Huber-Moser")
        ids = [book(uow, practice, huber, f"2026-11-{day}") for day in (23, 24)]
        assert patients.merge(uow, practice.id, "1", "2") == 2
    with database.read() as uow:
        owners = uow.connection.execute(text("SELECT DISTINCT patient_id FROM appointment")).scalars().all()
        assert owners == [kept.id]
        # Whoever still writes the old number means the kept patient; nobody is recognised by it.
        assert patients.by_number(uow, practice.id, "1").id == kept.id
        assert PracticeDirectory(uow, practice.id).patients_by_number(["1"]) == []
        rows = uow.connection.execute(
            text("SELECT appointment_id, before, after FROM journal WHERE action = 'patient-merge'")
        ).all()
        assert sorted(r.appointment_id for r in rows if r.appointment_id) == sorted(ids)
        assert json.loads(next(r.before for r in rows if r.appointment_id)) == {"patient_id": huber}


def test_merge_in_a_row_and_what_cannot_be_merged(database: Database, practice: Practice, huber: int) -> None:
    with database.write() as uow:
        for number in ("2", "3"):
            patients.add(uow, practice.id, number, "Maria", f"Huber {number}")
        patients.merge(uow, practice.id, "1", "2")
        patients.merge(uow, practice.id, "2", "3")
        assert patients.by_number(uow, practice.id, "1").number == "3"
        with pytest.raises(InvalidValue):
            patients.merge(uow, practice.id, "1", "3")
        with pytest.raises(NotFound):
            patients.merge(uow, practice.id, "9", "3")


def test_a_merge_is_a_change_for_the_phones(database: Database, practice: Practice, huber: int) -> None:
    with database.write() as uow:
        patients.add(uow, practice.id, "2", "Maria", "Huber-Moser")
        book(uow, practice, huber, "2026-11-23")
    before = _newest_revision(database)
    with database.write() as uow:
        patients.merge(uow, practice.id, "1", "2")
    assert _newest_revision(database) > before


def test_erase_leaves_times_and_no_contents(database: Database, practice: Practice, huber: int) -> None:
    with database.write() as uow:
        patients.add(uow, practice.id, "2", "Mitzi", "Huber")
        other = patients.add(uow, practice.id, "3", "Josef", "Moser")
        patients.merge(uow, practice.id, "2", "1")
        mine = book(uow, practice, huber, "2026-11-23")
        theirs = book(uow, practice, other.id, "2026-11-24")
        uow.connection.execute(
            text(
                "INSERT INTO event_extra (appointment_id, component, content) VALUES (:a, 'VEVENT', 'Huber')"
            ),
            {"a": mine},
        )
        uow.connection.execute(
            text(
                "INSERT INTO journal (practice_id, action, appointment_id, after)"
                " VALUES (:p, 'change', :a, '{\"note\":\"Huber\"}')"
            ),
            {"p": practice.id, "a": mine},
        )
    before = _newest_revision(database)
    with database.write() as uow:
        erased = patient_erase.erase(uow, practice.id, "1")
        assert (erased.patients, erased.appointments) == (2, 1)
    assert _newest_revision(database) > before
    with database.read() as uow:
        everything = {
            table: [tuple(map(str, row)) for row in uow.connection.execute(text(f"SELECT * FROM {table}"))]
            for table in (
                "patient",
                "patient_name",
                "appointment",
                "event_extra",
                "personal_extra",
                "journal",
            )
        }
        rows = [row for table, found in everything.items() for row in found]
        others = {str(other.id), str(theirs)}
        assert not [r for r in rows if r[0] not in others and any("uber" in v or "heikel" in v for v in r)]
        kept = uow.connection.execute(
            text("SELECT subject, starts_at, status FROM appointment WHERE id = :id"), {"id": mine}
        ).one()
        assert kept.subject == ""
        assert str(kept.starts_at) == "2026-11-23 09:00:00"
        spared = text("SELECT note FROM appointment WHERE id = :id")
        assert uow.connection.execute(spared, {"id": theirs}).scalar_one() == "heikel"
        assert "erase" in uow.connection.execute(text("SELECT action FROM journal")).scalars().all()
        assert patients.find(uow, practice.id, "huber") == []


def test_erase_of_nobody(database: Database, practice: Practice) -> None:
    with database.write() as uow, pytest.raises(NotFound):
        patient_erase.erase(uow, practice.id, "77")


def _newest_revision(database: Database) -> int:
    with database.read() as uow:
        return int(uow.connection.execute(text("SELECT max(revision) FROM object_change")).scalar_one())
