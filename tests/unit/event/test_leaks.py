"""Below full no byte holds a patient's name, phone number or note, wherever a client has put them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radicale_practice.event.absorb import absorb
from radicale_practice.event.directory import EmptyDirectory
from radicale_practice.event.harmless import neutral_alarm
from radicale_practice.event.render import render
from radicale_practice.practice.model import Appointment, CalendarObject, Patient, Projection, Status, View
from tests.unit.event.people import FULL, HUBER, SmallDirectory, corpus, view
from tests.unit.event.strategies import objects

SECRET = Patient(66, "815", "Xaverina", "Quackenbush", "0699 7777777")
SIGNS = ("quackenbush", "xaverina", "0699", "7777777", "geheimnis")
BELOW = [v for v in View if v is not View.FULL]

PERSONAL = [
    "SUMMARY:Quackenbush Xaverina",
    "SUMMARY;X-WHO=Quackenbush:Termin",
    'DESCRIPTION;ALTREP="data:text/html,Quackenbush":Geheimnis',
    "LOCATION;X-TITLE=Quackenbush:Xaverinas Wohnung",
    "URL:https://example.org/quackenbush",
    'ATTENDEE;CN="Quackenbush, Xaverina":mailto:x@example.org',
    "ORGANIZER;CN=Quackenbush:mailto:x@example.org",
    "CONTACT:Quackenbush 0699 7777777",
    "COMMENT:Geheimnis",
    "CATEGORIES:Quackenbush",
    "RESOURCES:Xaverina",
    "CLASS:QUACKENBUSH",
    "PRIORITY;X-A=Quackenbush:5",
    "SEQUENCE;X-A=Quackenbush:5",
    "COLOR:quackenbush",
    "DTSTAMP;X-A=Quackenbush:20260101T000000Z",
    "CREATED:Quackenbush",
    "STATUS:QUACKENBUSH",
    "TRANSP:QUACKENBUSH",
    "GEO;X-A=Quackenbush:48.2;16.3",
    "ATTACH;FILENAME=quackenbush.pdf:https://example.org/a",
    "IMAGE;VALUE=URI:https://example.org/quackenbush.png",
    "CONFERENCE;LABEL=Quackenbush:https://example.org/",
    "X-ALT-DESC;FMTTYPE=text/html:<p>Quackenbush</p>",
    "X-APPLE-STRUCTURED-LOCATION;X-TITLE=Quackenbush:geo:48.2,16.3",
    "X-APPLE-TRAVEL-START;X-TITLE=Quackenbush:",
    "X-APPLE-TRAVEL-DURATION;X-A=Quackenbush:PT1H",
    "X-MOZ-LASTACK;X-A=Quackenbush:20260101T000000Z",
    "X-MOZ-SNOOZE-TIME-QUACKENBUSH:20260101T000000Z",
    "X-APPLE-DEFAULT-ALARM;X-A=Quackenbush:TRUE",
    "X-QUACKENBUSH:1",
    "RELATED-TO:quackenbush",
    "REQUEST-STATUS:2.0;Quackenbush",
    "DTEND;X-A=Quackenbush;TZID=Europe/Vienna:20260105T100000",
    "RDATE;X-A=Quackenbush;TZID=Europe/Vienna:20260106T090000",
    "EXDATE;X-A=Quackenbush;TZID=Europe/Vienna:20260107T090000",
    "RRULE;X-A=Quackenbush:FREQ=DAILY;COUNT=4",
    'LAST-MODIFIED;TZID="Quackenbush":20260101T000000',
]

INSIDE = [
    "BEGIN:VALARM",
    "ACTION:EMAIL",
    "TRIGGER;X-A=Quackenbush:-PT15M",
    "SUMMARY:Quackenbush",
    "DESCRIPTION:Quackenbush Xaverina",
    "ATTENDEE:mailto:quackenbush@example.org",
    "ATTACH;FILENAME=quackenbush.pdf:https://example.org/a",
    "UID:quackenbush",
    "X-QUACKENBUSH:1",
    "END:VALARM",
    "BEGIN:VALARM",
    "ACTION:DISPLAY",
    "TRIGGER:-PT15M",
    "DESCRIPTION:Quackenbush",
    " Xaverina",
    "END:VALARM",
    "BEGIN:VALARM",
    "TRIGGER:-PT5M",
    "ACTION:X-QUACKENBUSH",
    "BEGIN:VLOCATION",
    "NAME:Quackenbush",
    "END:VLOCATION",
    "END:VALARM",
    "BEGIN:PARTICIPANT",
    "NAME:Quackenbush",
    "END:PARTICIPANT",
]


def document(lines: list[str]) -> bytes:
    """An upload in which everything personal is said in every place."""
    envelope = ["VERSION:2.0", "PRODID:-//Quackenbush//EN", "X-WR-CALNAME:Quackenbush", "NAME:Quackenbush"]
    zone = [
        *("BEGIN:VTIMEZONE", "TZID:Europe/Vienna", "X-LIC-LOCATION:Quackenbush", "BEGIN:STANDARD"),
        *("DTSTART:19700101T000000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0100", "TZNAME:Quackenbush"),
        *("END:STANDARD", "END:VTIMEZONE"),
    ]
    event = ["BEGIN:VEVENT", "UID:opaque", "DTSTART;TZID=Europe/Vienna:20260105T090000", *lines, "END:VEVENT"]
    return "\r\n".join(["BEGIN:VCALENDAR", *envelope, *zone, *event, "END:VCALENDAR", ""]).encode()


def leaks(text: str) -> list[str]:
    """The signs of the patient in a text, folds and quoting undone."""
    flat = re.sub(r"\r\n[ \t]", "", text).lower()
    return [sign for sign in SIGNS if sign in flat]


def stored(data: bytes, author: int = 11) -> CalendarObject:
    """As somebody else uploaded it in full view, linked to the patient."""
    other = replace(FULL, staff_id=author)
    obj = absorb(data, None, other, SmallDirectory(SECRET)).object
    return replace(
        obj,
        appointments=tuple(
            replace(a, patient=SECRET, note="Geheimnis", phone=SECRET.phone) for a in obj.appointments
        ),
    )


@pytest.mark.parametrize("name", BELOW)
@pytest.mark.parametrize("line", PERSONAL, ids=lambda line: line.split(":")[0])
def test_no_property_leaks(name: View, line: str) -> None:
    obj = stored(document([line]))
    for projection in (view(name), view(name, appointment_link="https://p.example/{id}", language="en")):
        text = render(obj, projection)
        hidden = [sign for sign in leaks(text) if not (name is View.FIRST_NAME and sign == "xaverina")]
        assert hidden == []


@pytest.mark.parametrize("name", BELOW)
def test_no_alarm_and_no_inner_component_leaks(name: View) -> None:
    own = stored(document([*PERSONAL[2:3], *INSIDE]), author=FULL.staff_id)
    text = render(own, view(name))
    assert [sign for sign in leaks(text) if not (name is View.FIRST_NAME and sign == "xaverina")] == []
    if name is not View.BUSY:
        assert "DESCRIPTION:Erinnerung" in text


@settings(max_examples=300, deadline=None)
@given(objects(), st.sampled_from(BELOW), st.data())
def test_generated_appointments_leak_nothing(obj: CalendarObject, name: View, data: st.DataObject) -> None:
    patient = replace(SECRET, first_name=data.draw(st.sampled_from(["Xaverina", ""])))
    rows = [
        replace(
            a,
            patient=patient,
            note="Geheimnis",
            phone="0699 7777777",
            subject="Quackenbush kommt",
            author_staff_id=99,
        )
        for a in obj.appointments
    ]
    text = render(replace(obj, appointments=tuple(rows)), view(name))
    assert [sign for sign in leaks(text) if not (name is View.FIRST_NAME and sign == "xaverina")] == []
    told = re.search(r"(?<!\d)815(?!\d)", text) is not None  # not within a date, as 20260815
    assert told is (name in (View.PSEUDONYM, View.NUMBER) or (not patient.first_name and told))


@pytest.mark.parametrize("path", corpus(), ids=lambda p: p.stem)
@pytest.mark.parametrize("name", BELOW)
def test_an_edit_below_full_does_not_open_anything(path: Path, name: View) -> None:
    obj = stored(path.read_bytes())
    projection = view(name)
    text = render(obj, projection).replace("DTSTART", "X-A:1\r\nDTSTART")
    after = absorb(text.encode(), obj, projection, SmallDirectory(SECRET)).object
    assert [
        s for s in leaks(render(after, projection)) if not (name is View.FIRST_NAME and s == "xaverina")
    ] == []
    full = render(after, FULL)
    assert "Geheimnis" in full and "Quackenbush Xaverina" in full.replace("\r\n ", "")


def test_neutral_alarms_are_neutral_once_and_for_all() -> None:
    raw = "\r\n".join(INSIDE[10:16])
    once = neutral_alarm(raw, "Erinnerung")
    assert once == "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nDESCRIPTION:Erinnerung\r\nEND:VALARM"
    assert neutral_alarm(once, "Erinnerung") == once


def test_a_subject_shows_to_its_author_only_while_it_is_what_was_written() -> None:
    row = Appointment(
        datetime(2026, 1, 5, 9), datetime(2026, 1, 5, 10), "UTC", subject="Aufbau", author_staff_id=10
    )
    pseudonym = view(View.PSEUDONYM)
    assert "SUMMARY:Aufbau" in render(CalendarObject("1", (row,)), pseudonym)
    assert "SUMMARY:Termin" in render(CalendarObject("1", (row,)), replace(pseudonym, staff_id=11))
    uploaded = absorb(document(["SUMMARY:Aufbau"]), None, pseudonym, EmptyDirectory()).object
    renamed = replace(uploaded, appointments=(replace(uploaded.appointments[0], subject="Quackenbush"),))
    assert "SUMMARY:Aufbau" in render(uploaded, pseudonym)
    assert "SUMMARY:Termin" in render(renamed, pseudonym)
    listed = replace(pseudonym, staff_id=11, subjects=frozenset({"Aufbau"}))
    assert "SUMMARY:Aufbau" in render(uploaded, listed)


def test_alarms_belong_to_one_person() -> None:
    start = datetime(2026, 1, 5, 9)
    row = Appointment(start, start + timedelta(hours=1), "Europe/Vienna", patient=HUBER, status=Status.BOOKED)
    text = render(CalendarObject("1", (row,)), FULL)
    alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nDESCRIPTION:Huber\r\nEND:VALARM\r\n"
    own = text.replace("END:VEVENT", f"X-MOZ-LASTACK:20260105T080000Z\r\n{alarm}END:VEVENT")
    after = absorb(own.encode(), CalendarObject("1", (row,)), FULL, SmallDirectory()).object
    (changed,) = after.appointments
    assert render(after, FULL) == own
    assert "VALARM" not in changed.extra and "LASTACK" not in changed.extra
    others = replace(after, appointments=(replace(changed, personal=""),))
    assert render(others, replace(FULL, staff_id=11)) == text


def test_the_projection_of_busy_shows_times_only() -> None:
    obj = stored(document([*PERSONAL[:2], "CLASS:PRIVATE", "PRIORITY:1", *INSIDE]))
    projection: Projection = view(View.BUSY)
    text = render(obj, projection)
    names = {
        line.split(":")[0].split(";")[0] for line in text[text.index("BEGIN:VEVENT") :].split("\r\n")[:-1]
    }
    assert names == {"BEGIN", "UID", "DTSTAMP", "DTSTART", "SUMMARY", "END"}
