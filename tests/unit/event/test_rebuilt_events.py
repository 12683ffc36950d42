"""Clients that rebuild an event from what they know, and odd lines and bytes that come back as sent."""

from __future__ import annotations

from dataclasses import replace

from radicale_practice.event.absorb import absorb
from radicale_practice.event.content_lines import parse
from radicale_practice.event.directory import EmptyDirectory
from radicale_practice.event.render import render
from radicale_practice.practice.model import CalendarObject
from tests.unit.event.people import CORPUS, FULL, SmallDirectory
from tests.unit.event.uploads import DAY, STORED, event, put

APPLE = (CORPUS / "ios_acknowledged.ics").read_bytes()


def test_outlook_does_not_destroy_what_it_does_not_know() -> None:
    obj = absorb((CORPUS / "ios_new.ics").read_bytes(), None, FULL, SmallDirectory()).object
    rebuilt = event(
        "UID:8E1B7C1D-2C7B-4F5E-9D7E-0A5C3E6B1F22",
        "DTSTART;TZID=W. Europe Standard Time:20261124T091500",
        "DTEND;TZID=W. Europe Standard Time:20261124T093000",
        "LOCATION:Café Müller\\, Währinger Straße 12\\, 1090 Wien\\, Österreich – Hintereingang über den Hof",
        "SUMMARY:Teamfrühstück",
        "SEQUENCE:1",
        "PRIORITY:5",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "DESCRIPTION:This is an event reminder",
        "TRIGGER:-PT15M",
        "END:VALARM",
        envelope=("PRODID:-//ddaysoftware.com//NONSGML DDay.iCal 1.0//EN",),
    )
    text = render(absorb(rebuilt, obj, FULL, SmallDirectory()).object, FULL)
    for kept in ("X-APPLE-STRUCTURED-LOCATION", "X-APPLE-CREATOR-IDENTITY", "X-WR-ALARMUID:5B0F", "CREATED:"):
        assert kept in text
    assert "T091500" in text and "SEQUENCE:1" in text and text.count("BEGIN:VALARM") == 1
    assert text.index("X-APPLE-CREATOR-IDENTITY") < text.index("BEGIN:VALARM")


def test_outlook_without_a_body_keeps_the_note() -> None:
    obj = CalendarObject("1", (STORED,))
    data = event(
        "UID:1",
        "DTSTART:20260105T090000Z",
        "DTEND:20260105T100000Z",
        "SUMMARY:Huber Maria – Physio",
        envelope=("PRODID:-//ddaysoftware.com//NONSGML DDay.iCal 1.0//EN",),
    )
    (row,) = absorb(data, obj, FULL, SmallDirectory()).object.appointments
    assert (row.note, row.phone) == ("Knie", "0664 1")


def test_davx5_alarms_get_their_details_back() -> None:
    obj = absorb(APPLE, None, FULL, SmallDirectory()).object
    head = (
        APPLE.decode()
        .split("BEGIN:VALARM")[0]
        .replace("-//Apple Inc.//iOS 26.5//EN", "DAVx5/4.5 ical4j/3 (x)")
    )
    alarm = "BEGIN:VALARM\r\nTRIGGER:-PT15M\r\nACTION:DISPLAY\r\nDESCRIPTION:Lieferung\r\nEND:VALARM\r\n"
    end = "END:VEVENT\r\nEND:VCALENDAR\r\n"
    same = render(absorb((head + alarm + end).encode(), obj, FULL, SmallDirectory()).object, FULL)
    assert "ACKNOWLEDGED:20261124T084601Z" in same and "19760401T005545Z" in same
    assert "DESCRIPTION:Lieferung\r\n" not in same
    later = (head + alarm.replace("15M", "30M") + end).encode()
    other = render(absorb(later, obj, FULL, SmallDirectory()).object, FULL)
    assert "ACKNOWLEDGED" not in other and "TRIGGER:-PT30M" in other
    none = render(absorb((head + end).encode(), obj, FULL, SmallDirectory()).object, FULL)
    assert "TRIGGER:-PT15M" not in none


def test_parameters_and_odd_lines_survive() -> None:
    lines = (
        'X-A;B="x;y:z,\'";C=d,"e,f":value;with,all:signs\\n',
        "X-LONG:" + "ä" * 300,
        "X-FOLDED:one",
        "  two",
        "SUMMARY;LANGUAGE=de:A, B\\; C\\, D",
    )
    absorbed = put(DAY, *lines)
    assert absorbed.exact
    assert absorbed.object.appointments[0].subject == "A, B; C, D"


def test_line_ends_and_byte_order_mark() -> None:
    plain = event("UID:1", DAY, "SUMMARY:x")
    wanted = render(absorb(plain, None, FULL, EmptyDirectory()).object, FULL).encode()
    assert wanted == plain
    for variant in (plain.replace(b"\r\n", b"\n"), plain.replace(b"\r\n", b"\r"), b"\xef\xbb\xbf" + plain):
        absorbed = absorb(variant, None, FULL, EmptyDirectory())
        assert render(absorbed.object, FULL).encode() == plain and not absorbed.exact


def test_a_fold_inside_a_character_is_made_anew() -> None:
    line = b"SUMMARY:" + "ü".encode() * 60
    folded = line[:73] + b"\r\n " + line[73:]
    calendar = parse(event("UID:1", DAY, "X").replace(b"X\r\n", folded + b"\r\n"))
    assert calendar.components[0].lines[-1].value == "ü" * 60


ALARM = ("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT15M", "END:VALARM")


def test_an_alarm_stays_behind_what_somebody_else_adds() -> None:
    """RFC 5545 3.6.1: an event's components follow its properties, whoever wrote them."""
    mine = put(DAY, "SUMMARY:Team", *ALARM).object
    (stored,) = mine.appointments
    theirs = replace(mine, appointments=(replace(stored, personal=""),))
    longer = event("UID:1", DAY, "SUMMARY:Team", "X-ONE:1", "X-TWO:2")
    (changed,) = absorb(longer, theirs, replace(FULL, staff_id=11), SmallDirectory()).object.appointments
    both = replace(mine, appointments=(replace(changed, personal=stored.personal),))
    assert render(both, FULL).encode() == event("UID:1", DAY, "SUMMARY:Team", "X-ONE:1", "X-TWO:2", *ALARM)


def test_an_alarm_between_properties_comes_back_where_it_was() -> None:
    assert put(DAY, *ALARM, "SUMMARY:Team", *ALARM).exact
