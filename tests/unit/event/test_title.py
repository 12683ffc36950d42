"""Titles typed on a device: who is recognised, and who never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from radicale_practice.event.absorb import Absorbed, absorb
from radicale_practice.event.directory import EmptyDirectory
from radicale_practice.event.render import render
from radicale_practice.event.title import split_phone
from radicale_practice.event.values import escape
from radicale_practice.practice.model import (
    Appointment,
    CalendarObject,
    FindingKind,
    Patient,
    Projection,
    Status,
    View,
)
from tests.unit.event.people import FULL, HUBER, MEIER, NOVAK, SmallDirectory, view

START = datetime(2026, 11, 24, 9)


def upload(
    title: str,
    current: Appointment | None = None,
    projection: Projection = FULL,
    lines: tuple[str, ...] = (),
    directory: SmallDirectory | None = None,
) -> Absorbed:
    """Upload one event with that title over ``current``."""
    body = [f"SUMMARY:{escape(title)}", "DTSTART;TZID=Europe/Vienna:20261124T090000", *lines]
    text = "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:1", *body, "END:VEVENT"])
    obj = CalendarObject("1", (current,)) if current is not None else None
    return absorb(f"{text}\r\nEND:VCALENDAR\r\n".encode(), obj, projection, directory or SmallDirectory())


def row(absorbed: Absorbed) -> Appointment:
    """The one row of the result."""
    (only,) = absorbed.object.appointments
    return only


@pytest.mark.parametrize(
    ("typed", "patient", "subject"),
    [
        ("Huber Maria – Physio", HUBER, "Physio"),
        ("Maria Huber - Physio", HUBER, "Physio"),
        ("maria huber: Physio", HUBER, "Physio"),
        ("MARIA  HUBER, Physio", HUBER, "Physio"),
        ("Huber, Maria", HUBER, ""),
        ("Huber, Maria, Physio", HUBER, "Physio"),
        ("Physio – Huber Maria", HUBER, "Physio"),
        ("Knie – Huber Maria – links", HUBER, "Knie – links"),
        ("Huber Maria", HUBER, ""),
        ("4711", HUBER, ""),
        ("4711 – Erstgespräch", HUBER, "Erstgespräch"),
        ("4711, Huber Maria – Knie", HUBER, "Knie"),
        ("MaHu 4711", HUBER, ""),
        ("mahu 4711 – Physio", HUBER, "Physio"),
        ("Jean-Pierre Dupont-Meier – Knie", MEIER, "Knie"),
        ("Dupont-Meier Jean-Pierre", MEIER, ""),
        ("Novakova Zoe", NOVAK, ""),
        ("A-17: Kontrolle", NOVAK, "Kontrolle"),
        ("Huber Maria – Physio 10:30", HUBER, "Physio 10:30"),
        ("Huber Maria — zweimal – drei", HUBER, "zweimal – drei"),
        ("✅ Huber Maria – Physio", HUBER, "✅ Physio"),
        ("Huber Maria ❗️", HUBER, "❗️"),
        ("Physio – 👩🏽‍⚕️ Maria Huber", HUBER, "Physio 👩🏽‍⚕️"),
        ("Huber Maria! – Physio", HUBER, "! Physio"),
        ("‼️4711: Kontrolle", HUBER, "‼️ Kontrolle"),
        ("** MaHu 4711 **", HUBER, "** **"),
        ("⭐ Huber, Maria", HUBER, "⭐"),
    ],
)
def test_recognised(typed: str, patient: Patient, subject: str) -> None:
    read = row(upload(typed))
    assert read.patient == patient
    assert read.subject == subject


@pytest.mark.parametrize(
    "typed",
    [
        "Maria Huber Geburtstag",
        "Huber",
        "Maria",
        "Huber M. – Physio",
        "Gruber Anna – Physio",
        "XxYy 4711",
        "Treffen 4711",
        "Zimmer 1-4711",
        "Besprechung 10:100",
        "Huber Maria – Dupont-Meier Jean-Pierre",
        "Gruber Anna – 4711",
        "Dupont-Meier Jean-Pierre, 4711",
        "Frau Huber Maria",
        "Dr. Huber Maria – Physio",
        "Huber Maria-Luise",
        "Huber Maria Luise – Physio",
        "(Huber) Maria",
        "4711 – 4712",
        "Jean – Pierre Dupont-Meier",
        "Mittagspause",
        " Lunch ",
        "x" * 600,
        "a – " * 40,
    ],
)
def test_never_guessed(typed: str) -> None:
    absorbed = upload(typed)
    assert row(absorbed).patient is None
    assert row(absorbed).subject == typed
    assert [f.kind for f in absorbed.findings] == [FindingKind.UNLINKED]
    assert absorbed.exact is False or row(absorbed).subject == typed


def test_a_title_that_is_empty_is_nobody_and_nothing_to_look_at() -> None:
    assert upload("").findings == ()


def test_the_number_tells_two_of_the_same_name_apart() -> None:
    read = row(upload("Gruber Anna – 101 – Knie"))
    assert (read.patient.number if read.patient else "", read.subject) == ("101", "Knie")


@pytest.mark.parametrize(
    ("typed", "rest", "phone"),
    [
        ("Neu: Berger 0664 1234567", "Neu: Berger", "0664 1234567"),
        ("Berger, +43 664/123 45 67", "Berger", "+43 664/123 45 67"),
        ("Berger – Tel. 0043 (1) 234567", "Berger", "0043 (1) 234567"),
        ("Berger Tel: 01-2345678", "Berger", "01-2345678"),
        ("Sitzung 2026", "Sitzung 2026", ""),
        ("Liste 012345", "Liste 012345", ""),
        ("X0664 123456", "X0664 123456", ""),
        ("20.10.2026", "20.10.2026", ""),
        ("Kontrolle 05.01.2027", "Kontrolle 05.01.2027", ""),
        ("Urlaub bis 6. 01. 2027", "Urlaub bis 6. 01. 2027", ""),
        ("Seminar 07.12.-11.12.2026", "Seminar 07.12.-11.12.2026", ""),
        ("Seminar 07. – 11.12.2026", "Seminar 07. – 11.12.2026", ""),
        ("Befund 05/01/2027", "Befund 05/01/2027", ""),
        ("Team 08.00-09.30", "Team 08.00-09.30", ""),
        ("Team 0800 - 0930", "Team 0800 - 0930", ""),
        ("Berger 0664.123.45.67", "Berger", "0664.123.45.67"),
        ("Berger 01/5120627", "Berger", "01/5120627"),
    ],
)
def test_a_phone_number_at_the_end(typed: str, rest: str, phone: str) -> None:
    assert split_phone(typed) == (rest, phone)
    read = row(upload(typed))
    assert (read.subject, read.phone) == (rest, phone)


def test_phone_after_a_recognised_patient() -> None:
    absorbed = upload("Huber Maria – Physio 0664 1234567")
    assert (row(absorbed).patient, row(absorbed).subject) == (HUBER, "Physio")
    assert row(absorbed).phone == "0664 1234567"
    assert not absorbed.exact
    assert "DESCRIPTION:Tel. 0664 1234567\r\n" in render(absorbed.object, FULL)


STORED = Appointment(
    START,
    START,
    "Europe/Vienna",
    subject="Physio",
    patient=HUBER,
    phone="0664 9999999",
    note="Kniegeheimnis",
    id=5,
    public_id="aa",
)


def test_the_old_part_unchanged_leaves_the_rest_as_subject() -> None:
    for typed, subject in [
        ("Huber Maria – Kontrolle", "Kontrolle"),
        ("Huber Maria – Kontrolle – 4712", "Kontrolle – 4712"),
        ("Huber Maria", ""),
        ("Kontrolle, Huber Maria", "Kontrolle"),
        ("4711: Kontrolle", "Kontrolle"),
    ]:
        absorbed = upload(typed, STORED, lines=("DESCRIPTION:Tel. 0664 9999999\\nKniegeheimnis",))
        assert (row(absorbed).patient, row(absorbed).subject) == (HUBER, subject)
        assert (row(absorbed).phone, row(absorbed).note) == (STORED.phone, STORED.note)
        assert absorbed.findings == ()


SHOWN_TEXT = ("DESCRIPTION:Tel. 0664 9999999\\nKniegeheimnis",)


@pytest.mark.parametrize(
    ("typed", "subject"),
    [
        ("Huber Maria 0664 7654321", ""),
        ("Huber Maria – Physio, Tel. 0664 7654321", "Physio"),
        ("4711 0664 7654321", ""),
    ],
)
def test_a_phone_number_behind_the_name_unlinks_nobody(typed: str, subject: str) -> None:
    absorbed = upload(typed, STORED, lines=SHOWN_TEXT)
    read = row(absorbed)
    assert (read.patient, read.subject, read.note) == (HUBER, subject, "Kniegeheimnis")
    assert read.phone == "0664 7654321"
    assert absorbed.findings == ()


def test_another_patient_with_a_phone_number_is_that_patient() -> None:
    absorbed = upload("Dupont-Meier Jean-Pierre 0664 7654321", STORED, lines=SHOWN_TEXT)
    assert (row(absorbed).patient, row(absorbed).phone, row(absorbed).note) == (MEIER, "0664 7654321", "")
    assert [f.kind for f in absorbed.findings] == [FindingKind.CHANGED_PATIENT]


def test_a_date_in_the_title_leaves_the_phone_number_alone() -> None:
    read = row(upload("Huber Maria – Befund vom 05.01.2027", STORED, lines=SHOWN_TEXT))
    assert (read.subject, read.phone) == ("Befund vom 05.01.2027", "0664 9999999")


def test_a_mark_beside_the_name_unlinks_nobody() -> None:
    for typed, subject in [
        ("✅ Huber Maria – Physio", "✅ Physio"),
        ("Huber Maria ✅ – Physio", "✅ Physio"),
        ("Huber Maria? – Physio", "? Physio"),
        ("❌Huber Maria", "❌"),
    ]:
        absorbed = upload(typed, STORED, lines=SHOWN_TEXT)
        assert (row(absorbed).patient, row(absorbed).subject) == (HUBER, subject)
        assert (row(absorbed).phone, row(absorbed).note) == (STORED.phone, STORED.note)
        assert absorbed.findings == ()
    absorbed = upload("✅ MaHu 4711 – Termin", STORED, view(View.PSEUDONYM))
    assert (row(absorbed).patient, row(absorbed).subject) == (HUBER, "✅ Termin")


def test_a_phone_number_below_full_leaves_the_hidden_subject_and_number() -> None:
    pseudonym = view(View.PSEUDONYM)
    no_phone = replace(STORED, phone="")
    for typed in ("MaHu 4711 – Termin 0664 7654321", "MaHu 4711 0664 7654321"):
        read = row(upload(typed, no_phone, pseudonym))
        assert (read.patient, read.subject, read.phone) == (HUBER, "Physio", "0664 7654321")
        read = row(upload(typed, STORED, pseudonym))
        assert (read.patient, read.phone) == (HUBER, STORED.phone)
        assert read.subject.endswith("0664 7654321")


def test_an_instance_given_back_to_the_patient_of_its_series() -> None:
    series = replace(STORED, rrule="FREQ=WEEKLY;COUNT=5")
    day = datetime(2026, 12, 1, 9)
    other = replace(STORED, id=6, patient=MEIER, start=day, end=day, recurrence_id=day)
    obj = CalendarObject("1", (series, other))
    text = render(obj, FULL)
    for before, after, patients in [
        ("Dupont-Meier Jean-Pierre", "Huber Maria", [HUBER, HUBER]),
        ("Huber Maria", "Dupont-Meier Jean-Pierre", [MEIER, MEIER]),
    ]:
        data = text.replace(f"SUMMARY:{before} – Physio", f"SUMMARY:{after} – Physio").encode()
        absorbed = absorb(data, obj, FULL, SmallDirectory())
        assert [a.patient for a in absorbed.object.appointments] == patients
        assert [f.kind for f in absorbed.findings] == [FindingKind.CHANGED_PATIENT]


def test_another_patient_is_linked_and_the_former_ones_note_goes() -> None:
    absorbed = upload("4712 – Physio", STORED, lines=("DESCRIPTION:Tel. 0664 9999999\\nKniegeheimnis",))
    read = row(absorbed)
    assert (read.patient, read.subject, read.phone, read.note) == (MEIER, "Physio", "", "")
    (finding,) = absorbed.findings
    assert (finding.kind, finding.former_patient_id) == (FindingKind.CHANGED_PATIENT, HUBER.id)
    text = render(absorbed.object, FULL)
    assert "9999999" not in text and "Kniegeheimnis" not in text


def test_the_old_part_gone_unlinks_and_shows_what_was_typed() -> None:
    absorbed = upload("Frau H. – Physio ", STORED, lines=("DESCRIPTION:Tel. 0664 9999999\\nKniegeheimnis",))
    read = row(absorbed)
    assert (read.patient, read.subject, read.phone, read.note) == (None, "Frau H. – Physio ", "", "")
    assert absorbed.findings[0].kind is FindingKind.UNLINKED
    assert absorbed.findings[0].former_patient_id == HUBER.id
    assert "SUMMARY:Frau H. – Physio \r\n" in render(absorbed.object, FULL)


@pytest.mark.parametrize("name", [v for v in View if v is not View.FULL])
def test_other_views_keep_the_hidden_patient(name: View) -> None:
    for typed in ("Kontrolle", "Meier Jean-Pierre", "Jean-Pierre Dupont-Meier", "Maria M. – x"):
        absorbed = upload(typed, STORED, view(name))
        assert row(absorbed).patient == HUBER
        assert (row(absorbed).phone, row(absorbed).note) == (STORED.phone, STORED.note)
        assert absorbed.findings == ()
    absorbed = upload("JeDu 4712 – Kontrolle", STORED, view(name))
    assert row(absorbed).patient == MEIER
    assert (row(absorbed).phone, row(absorbed).note) == ("", "")
    assert absorbed.findings[0].kind is FindingKind.CHANGED_PATIENT


def test_the_word_for_a_hidden_subject_keeps_it() -> None:
    pseudonym = view(View.PSEUDONYM)
    for typed in ("MaHu 4711 – Termin", "MaHu 4711", "Termin – MaHu 4711"):
        assert row(upload(typed, STORED, pseudonym)).subject == "Physio"
    absorbed = upload("MaHu 4711 – Knie", STORED, pseudonym)
    assert row(absorbed).subject == "Knie"
    assert "SUMMARY:MaHu 4711 – Knie\r\n" in render(absorbed.object, pseudonym)
    assert "SUMMARY:MaHu 4711 – Termin\r\n" in render(absorbed.object, replace(pseudonym, staff_id=99))


@pytest.mark.parametrize(
    ("name", "title"),
    [
        (View.FULL, "Huber Maria – Physio"),
        (View.FIRST_NAME, "Maria H. – Physio"),
        (View.PSEUDONYM, "MaHu 4711 – Physio"),
        (View.INITIALS, "M. H. – Physio"),
        (View.NUMBER, "4711 – Physio"),
        (View.SUBJECT, "Physio"),
        (View.BUSY, "Belegt"),
    ],
)
def test_the_seven_titles(name: View, title: str) -> None:
    projection = view(name, subjects=frozenset({"Physio"}))
    text = render(CalendarObject("1", (replace(STORED, status=Status.BOOKED),)), projection)
    assert f"SUMMARY:{title}\r\n" in text


def test_an_event_that_is_not_booked_says_so_and_keeps_its_title() -> None:
    stored = replace(STORED, status=Status.UNCONFIRMED, unconfirmed_reason="slot-taken")
    text = render(CalendarObject("1", (stored,)), FULL)
    prefix = "⚠ nicht gebucht: Termin ist schon vergeben – "
    assert f"{prefix}Huber Maria – Physio" in text.replace("\r\n ", "")
    assert row(upload(f"{prefix}Huber Maria – Knie", stored)).subject == "Knie"
    copied = upload(f"{prefix}Huber Maria – Knie")
    assert (row(copied).patient, row(copied).subject) == (HUBER, "Knie")


def test_at_most_two_questions_an_upload() -> None:
    directory = SmallDirectory()
    upload("Huber Maria – Physio 0664 1234567", directory=directory)
    assert sorted(directory.questions) == ["name", "number"]


def test_a_template_of_the_practice_is_read_back() -> None:
    projection = replace(FULL, title_with_patient="Pat. {patient} / {subject}")
    text = render(CalendarObject("1", (STORED,)), projection)
    assert "SUMMARY:Pat. Huber Maria / Physio\r\n" in text
    read = row(upload("Pat. Huber Maria / Knie", STORED, projection))
    assert (read.patient, read.subject) == (HUBER, "Knie")


def test_in_a_private_calendar_a_title_is_just_words() -> None:
    data = (
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20260105\r\n"
        b"SUMMARY:4711 0664 1234567\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    absorbed = absorb(data, None, FULL, EmptyDirectory())
    assert row(absorbed).subject == "4711 0664 1234567"
    assert absorbed.findings == () and absorbed.exact
