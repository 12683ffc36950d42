"""Patients from CSV files, on both engines."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.people import patient_erase, patient_import, patients
from radicale_practice.practice.people.names import fold
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal

GERMAN = "Nummer;Nachname;Vorname;Telefon\r\n1;Müller;Jürgen;+43 664 1\r\n2;Huber;Maria;\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize(
    "content",
    [
        GERMAN,
        GERMAN.replace(";", ","),
        GERMAN.replace(";", "\t"),
        GERMAN.replace("\r\n", "\n"),
        GERMAN.replace("\r\n", "\r\n\r\n"),
        "Phone,First Name,Geburtsdatum,LAST_NAME,Number\n+43 664 1,Jürgen,1.1.1970,Müller,1\n,Maria,,Huber,2",
        '"Patienten-Nr";"Nachname";"Vorname";"Telefon"\n"1";"Müller";"Jürgen";"+43 664 1"\n2;Huber;Maria;""',
    ],
)
def test_what_programs_export(database: Database, practice: Practice, content: str, encoding: str) -> None:
    with database.write() as uow:
        report = patient_import.import_csv(uow, practice.id, content.encode(encoding))
        assert (report.added, report.updated, report.unchanged, report.errors) == (2, 0, 0, ())
        found = patients.by_number(uow, practice.id, "1")
        assert (found.last_name, found.first_name, found.phone) == ("Müller", "Jürgen", "+43 664 1")
        again = patient_import.import_csv(uow, practice.id, content.encode(encoding))
        assert (again.added, again.updated, again.unchanged) == (0, 0, 2)


def test_a_known_number_is_updated_and_a_missing_column_left(database: Database, practice: Practice) -> None:
    with database.write() as uow:
        patient_import.import_csv(uow, practice.id, GERMAN.encode())
        report = patient_import.import_csv(uow, practice.id, b"nr;name;vorname\n1;Moser;Karl\n3;Neu;Nora\n")
        assert (report.added, report.updated) == (1, 1)
        found = patients.by_number(uow, practice.id, "1")
        assert (found.last_name, found.first_name, found.phone) == ("Moser", "Karl", "+43 664 1")
        assert [p.number for p in patients.find(uow, practice.id, "moser")] == ["1"]


@pytest.mark.parametrize("line", ['2;"Huber;Maria;', '2;Huber;Maria;"+43 1'])
def test_a_quotation_mark_that_is_not_closed(database: Database, practice: Practice, line: str) -> None:
    """The lines after it would be part of that patient's name or phone number, and nobody would be told."""
    data = f"{GERMAN.splitlines()[0]}\r\n1;Moser;Karl;\r\n{line}\r\n3;Neu;Nora;\r\n4;Alt;Anna;\r\n"
    with database.write() as uow:
        (error,) = patient_import.import_csv(uow, practice.id, data.encode()).errors
        assert error.line == 3
        assert "quotation mark" in error.reason
        whole = data.replace(line, '2;Huber;Maria;"+43 1\r\n+43 2"')
        assert patient_import.import_csv(uow, practice.id, whole.encode()).added == 4


BAD = b"nummer;nachname;vorname\n1;Geheim;Anna\n;Geheim;Anna\n3;;\n1;Geheim;Berta\n5;Geheim;Carl;zu viel\n"


@pytest.mark.parametrize(("skip", "stored"), [(False, 0), (True, 1)])
def test_errors_by_line_without_contents(
    database: Database, practice: Practice, skip: bool, stored: int
) -> None:
    with database.write() as uow:
        report = patient_import.import_csv(uow, practice.id, BAD, skip_errors=skip)
        assert [error.line for error in report.errors] == [3, 4, 5, 6]
        assert not any("geheim" in fold(error.reason) for error in report.errors)
        assert uow.connection.execute(text("SELECT count(*) FROM patient")).scalar_one() == stored


def test_dry_run_changes_nothing(database: Database, practice: Practice) -> None:
    counts = text("SELECT (SELECT count(*) FROM patient), (SELECT count(*) FROM journal)")
    with database.write() as uow:
        before = uow.connection.execute(counts).one()
        report = patient_import.import_csv(uow, practice.id, GERMAN.encode(), dry_run=True)
        assert report.added == 2
        assert uow.connection.execute(counts).one() == before


def test_a_quoted_line_break_counts_as_lines(database: Database, practice: Practice) -> None:
    data = b'nummer;nachname;vorname\n1;"Hu\nber";Maria\n;Moser;Karl\n'
    with database.write() as uow:
        report = patient_import.import_csv(uow, practice.id, data)
        assert [error.line for error in report.errors] == [4]


@pytest.mark.parametrize(
    "data",
    [b"", b"\n\n", b"nur ein Text", b"nummer;vorname\n1;A", b"nummer;nachname;name\n1;A;B", b"\xff\xfe\x00"],
)
def test_files_that_are_none(database: Database, practice: Practice, data: bytes) -> None:
    with database.write() as uow, pytest.raises(InvalidValue):
        patient_import.import_csv(uow, practice.id, data)


def test_a_large_file_reports_progress(database: Database, practice: Practice) -> None:
    lines = ["nummer;nachname;vorname"] + [f"{n};Nachname{n};Vorname{n}" for n in range(2500)]
    steps: list[tuple[int, int]] = []
    with database.write() as uow:
        patient_import.import_csv(
            uow,
            practice.id,
            "\n".join(lines).encode(),
            progress=lambda done, total: steps.append((done, total)),
        )
        assert steps == [(1000, 2500), (2000, 2500), (2500, 2500)]
        assert uow.connection.execute(text("SELECT count(*) FROM patient_name")).scalar_one() == 2500


def test_an_import_leaves_erased_and_merged_patients_alone(database: Database, practice: Practice) -> None:
    lines = GERMAN + "3;Hubert;Mitzi;0664 3\r\n"
    with database.write() as uow:
        patient_import.import_csv(uow, practice.id, lines.encode())
        patients.merge(uow, practice.id, "3", "2")
        patient_erase.erase(uow, practice.id, "1")
    with database.write() as uow:
        report = patient_import.import_csv(uow, practice.id, lines.encode())
        assert (report.added, report.updated, report.unchanged) == (0, 0, 1)
        assert (report.erased, report.merged) == (1, 1)
        query = text("SELECT first_name, last_name, phone FROM patient WHERE number = '1'")
        assert tuple(uow.connection.execute(query).one()) == ("", "", "")
        changed = lines.replace("Mitzi", "Marie")
        report = patient_import.import_csv(uow, practice.id, changed.encode())
        assert (report.updated, report.erased, report.merged) == (0, 1, 1)
        assert "Marie" not in str(uow.connection.execute(text("SELECT * FROM patient")).all())
    with database.write() as uow:
        # merged with one who is erased: the same person
        patient_erase.erase(uow, practice.id, "2")
        report = patient_import.import_csv(uow, practice.id, lines.encode())
        assert (report.erased, report.merged) == (3, 0)


def contents(uow: UnitOfWork) -> list[tuple[str, str, object, object]]:
    """The journal's rows about patients: action, number, before and after."""
    query = text(
        "SELECT j.action, p.number, j.before, j.after FROM journal j JOIN patient p ON p.id = j.patient_id"
        " ORDER BY j.id"
    )
    return [
        (r.action, r.number, journal.parse(r.before), journal.parse(r.after))
        for r in uow.connection.execute(query)
    ]


def test_an_import_is_journalled_patient_by_patient(database: Database, practice: Practice) -> None:
    with database.write() as uow:
        patient_import.import_csv(uow, practice.id, GERMAN.encode())
        changed = GERMAN.replace("Maria;", "Marie;0664 7")
        patient_import.import_csv(uow, practice.id, changed.encode())
        known = [
            {"number": "1", "first_name": "Jürgen", "last_name": "Müller", "phone": "+43 664 1"},
            {"number": "2", "first_name": "Maria", "last_name": "Huber"},
        ]
        assert contents(uow) == [
            ("patient-add", "1", {}, known[0]),
            ("patient-add", "2", {}, known[1]),
            (
                "patient-change",
                "2",
                {"first_name": "Maria", "phone": ""},
                {"first_name": "Marie", "phone": "0664 7"},
            ),
        ]
        patient_erase.erase(uow, practice.id, "2")
        assert contents(uow) == [
            ("patient-add", "1", {}, known[0]),
            ("patient-add", "2", {}, {}),
            ("patient-change", "2", {}, {}),
            ("erase", "2", {}, {}),
        ]
