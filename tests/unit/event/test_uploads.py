"""Bad uploads, normal form, client VTIMEZONEs, places, notes and links, and clients that rebuild events."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from radicale_practice.event import client_zones, errors
from radicale_practice.event.absorb import Absorbed, absorb
from radicale_practice.event.calendar_text import uid_of
from radicale_practice.event.content_lines import MAX_BYTES, parse
from radicale_practice.event.directory import EmptyDirectory
from radicale_practice.event.render import render
from radicale_practice.event.time_zones import vtimezone
from radicale_practice.practice.model import Appointment, CalendarObject, View
from tests.unit.event.people import CORPUS, FULL, HUBER, MITTE, SmallDirectory, normalised_text, view

LINK = "https://practice.example/a/{id}"


def event(*lines: str, envelope: tuple[str, ...] = ()) -> bytes:
    """An upload with one event of these lines."""
    text = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        *envelope,
        "BEGIN:VEVENT",
        *lines,
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(text).encode()


def put(*lines: str, **options: object) -> Absorbed:
    """A new event in full view."""
    projection = replace(FULL, **options)  # type: ignore[arg-type]
    return absorb(event("UID:1", *lines), None, projection, SmallDirectory())


DAY = "DTSTART;VALUE=DATE:20260105"
MANY = "20260101T000000Z," * 6000


@pytest.mark.parametrize(
    ("data", "precondition"),
    [
        (b"", "valid-calendar-data"),
        (b"\xff\xfe\x00", "valid-calendar-data"),
        (b"hello", "valid-calendar-data"),
        (b"<xml/>", "valid-calendar-data"),
        (b"BEGIN:VCALENDAR\r\n", "valid-calendar-data"),
        (b"BEGIN:VCARD\r\nEND:VCARD\r\n", "valid-calendar-data"),
        (b"BEGIN:VCALENDAR\r\nEND:VEVENT\r\n", "valid-calendar-data"),
        (event("UID:1", DAY) * 2, "valid-calendar-data"),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:X\r\n" * 50, "valid-calendar-data"),
        (event("UID:1", DAY, "SUMMARY:\0"), "valid-calendar-data"),
        (event("UID:1", DAY).replace(b"UID:1", b"UID:1\r\nSUMMARY:\xff\xfe"), "valid-calendar-data"),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", "supported-calendar-component"),
        (event("UID:1").replace(b"VEVENT", b"VTODO"), "supported-calendar-component"),
        (event("UID:1").replace(b"VEVENT", b"VJOURNAL"), "supported-calendar-component"),
        (event(DAY), "valid-calendar-object-resource"),
        (event("UID: ", DAY), "valid-calendar-object-resource"),
        (event("UID:1"), "valid-calendar-object-resource"),
        (event("UID:1", "DTSTART:yesterday"), "valid-calendar-object-resource"),
        (event("UID:1", "DTSTART:20260230T000000Z"), "valid-calendar-object-resource"),
        (event("UID:1", "DTSTART:00010101T000000Z"), "valid-calendar-object-resource"),
        (event("UID:1", DAY, "RECURRENCE-ID;VALUE=DATE:99991230"), "valid-calendar-object-resource"),
        (event("UID:1", DAY, "RECURRENCE-ID:00010101T000000Z"), "valid-calendar-object-resource"),
        (event("UID:1", DAY, "DTEND;VALUE=DATE:20260101"), "valid-calendar-object-resource"),
        (event("UID:1", DAY, "DTEND:20260106T000000Z"), "valid-calendar-object-resource"),
        (event("UID:1", DAY, "DURATION:-P1D"), "valid-calendar-object-resource"),
        (event("UID:1", DAY, "DURATION:soon"), "valid-calendar-object-resource"),
        (event("UID:1", DAY, "RRULE:FREQ=MINUTELY"), "valid-calendar-object-resource"),
        (event("UID:1", DAY, "RRULE:FREQ=DAILY;COUNT=99999999"), "valid-calendar-object-resource"),
        (event("UID:1", DAY, "END:VEVENT", "BEGIN:VEVENT", "UID:2", DAY), "valid-calendar-object-resource"),
        (
            event(
                "UID:1",
                "DTSTART:20260101T000000Z",
                "EXDATE:" + "20260101T000000Z," * 6000 + "20260101T000000Z",
            ),
            "max-instances",
        ),
        (event("UID:1", DAY, *["END:VEVENT", "BEGIN:VEVENT", "UID:1", DAY] * 1100), "max-instances"),
        (b"BEGIN:VCALENDAR\r\n" + b"x" * MAX_BYTES, "max-resource-size"),
        (b"\r\n" * 200_000, "max-resource-size"),
    ],
)
def test_bad_uploads_are_refused_with_their_precondition(data: bytes, precondition: str) -> None:
    with pytest.raises(errors.InvalidCalendarData) as caught:
        absorb(data, None, FULL, EmptyDirectory())
    assert caught.value.precondition == precondition
    assert caught.value.reason


def test_a_refusal_never_says_what_was_written(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for line in ("DTSTART:Huber", "HUBER HUBER", "DURATION:Huber", "RRULE:HUBER=1", "RRULE:FREQ=HUBER"):
        with pytest.raises(errors.InvalidCalendarData) as caught:
            absorb(
                event("UID:Huber", *([DAY] if "DTSTART" not in line else []), line),
                None,
                FULL,
                EmptyDirectory(),
            )
        assert "huber" not in str(caught.value).lower()
    assert "huber" not in caplog.text.lower()


def test_the_line_of_the_fault_is_named() -> None:
    with pytest.raises(errors.InvalidCalendarData, match="line 5"):
        absorb(event("UID:1", "DTSTART:x"), None, FULL, EmptyDirectory())
    with pytest.raises(errors.UnsupportedComponent):
        uid_of(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")


def test_hostile_rules_and_texts_come_to_an_end() -> None:
    bombs = [
        event("UID:1", DAY, "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYSETPOS=366"),
        event("UID:1", DAY, "SUMMARY:" + " – 1" * 100_000),
        event("UID:1", DAY, "SUMMARY:" + "0 " * 500_000),
        event("UID:1", DAY, "X-A" + ';A="' * 100_000 + ":1"),
        event("UID:1", DAY, "X-A" + ";A=1," * 100_000 + ":1"),
        event("UID:1", DAY, "DESCRIPTION:" + "\\" * 1_000_001),
        event("UID:1", DAY, *["X-A:1"] * 90_000),
    ]
    for data in bombs:
        try:
            absorb(data, None, FULL, SmallDirectory())
        except errors.InvalidCalendarData as error:
            assert error.precondition


@pytest.mark.parametrize(
    ("sent", "normal"),
    [
        ("DTSTART:20260105T090000", "DTSTART;TZID=Europe/Vienna:20260105T090000"),
        ("DTSTART;TZID=Europe/Vienna:20260105T090000Z", "DTSTART:20260105T090000Z"),
        ("DTSTART:20260105", "DTSTART;VALUE=DATE:20260105"),
        ("DTSTART;VALUE=DATE:20260105T090000Z", "DTSTART:20260105T090000Z"),
        (
            "DTSTART;TZID=W. Europe Standard Time:20260105T090000",
            "DTSTART;TZID=Europe/Vienna:20260105T090000",
        ),
        (
            "DTSTART:20260105T090000Z\r\nDTEND:20260105T100000",
            "DTSTART:20260105T090000Z\r\nDTEND:20260105T100000Z",
        ),
        (
            "DTSTART;TZID=America/New_York:20260105T090000\r\nDTEND:20260105T100000",
            "DTSTART;TZID=America/New_York:20260105T090000\r\nDTEND;TZID=America/New_York:20260105T100000",
        ),
        (
            "DTSTART:20260105T080000Z\r\nRRULE:FREQ=DAILY;COUNT=9\r\n"
            "EXDATE;TZID=Europe/Vienna:20260106T080000Z,20260107T090000",
            "DTSTART:20260105T080000Z\r\nRRULE:FREQ=DAILY;COUNT=9\r\n"
            "EXDATE;TZID=Europe/Vienna:20260106T090000,20260107T090000",
        ),
        (
            "DTSTART:20260105T080000Z\r\nRRULE:FREQ=DAILY;COUNT=9\r\nEXDATE:20260106T080000,20260107T080000Z",
            "DTSTART:20260105T080000Z\r\nRRULE:FREQ=DAILY;COUNT=9\r\nEXDATE:20260106T080000Z,20260107T080000Z",
        ),
        ('DTSTART;TZID="Nowhere, really":20260105T090000', "DTSTART;TZID=Europe/Vienna:20260105T090000"),
        (
            "DTSTART;X-A=b;TZID=GMT Standard Time:20260105T090000",
            "DTSTART;X-A=b;TZID=Europe/London:20260105T090000",
        ),
    ],
)
def test_times_in_normal_form(sent: str, normal: str) -> None:
    text = normalised_text(event("UID:1", sent), "Europe/Vienna")
    assert f"\r\n{normal}\r\n" in text
    absorbed = absorb(event("UID:1", sent), None, FULL, EmptyDirectory())
    assert render(absorbed.object, FULL) == text and not absorbed.exact


def test_method_and_repeated_properties_go() -> None:
    data = event("UID:1", DAY, "SUMMARY:a", "SUMMARY:b", "X-A:1", "X-A:2", envelope=("METHOD:PUBLISH",))
    text = normalised_text(data, "Europe/Vienna")
    assert "METHOD" not in text and "SUMMARY:b" not in text and "X-A:1\r\nX-A:2" in text


def test_ends() -> None:
    def ends(*lines: str) -> timedelta:
        row = put(*lines).object.appointments[0]
        return row.end - row.start

    assert ends("DTSTART:20260105T090000Z") == timedelta()
    assert ends(DAY) == ends(DAY, "DTEND;VALUE=DATE:20260105") == timedelta(days=1)
    assert ends(DAY, "DURATION:P2D") == timedelta(days=2)
    assert ends("DTSTART:20260105T090000Z", "DURATION:PT90M") == timedelta(minutes=90)
    # Two hours over the spring change are three on the wall; a day stays a day.
    spring = "DTSTART;TZID=Europe/Vienna:20260329T010000"
    assert ends(spring, "DURATION:PT2H") == timedelta(hours=3)
    assert ends(spring, "DURATION:P1D") == timedelta(days=1)
    autumn = "DTSTART;TZID=Europe/Vienna:20261025T023000"
    assert ends(autumn, "DURATION:PT45M") == timedelta(minutes=45)
    assert ends(autumn, "DTEND:20261025T011500Z") == timedelta()
    assert ends(autumn, "DURATION:PT1H") == timedelta(hours=1)


def zone_text(*lines: str) -> str:
    """A VTIMEZONE of Vienna from these lines of its summer rule."""
    return "\r\n".join(
        [
            *("BEGIN:VTIMEZONE", "TZID:Europe/Vienna", "BEGIN:DAYLIGHT", "DTSTART:19810329T020000"),
            *lines,
            *("TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "END:DAYLIGHT", "BEGIN:STANDARD"),
            *("DTSTART:19961027T030000", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "TZOFFSETFROM:+0200"),
            *("TZOFFSETTO:+0100", "END:STANDARD", "END:VTIMEZONE"),
        ]
    )


@pytest.mark.parametrize(
    ("rule", "right"),
    [
        ("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", True),
        ("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=SU;BYMONTHDAY=25,26,27,28,29,30,31", True),
        ("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU", False),
        ("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20250330T010000Z", False),
        ("RRULE:FREQ=SECONDLY", False),
        ("X-A:1", False),
        ("RRULE:nonsense", False),
    ],
)
def test_a_clients_definition_is_kept_if_it_tells_the_truth(rule: str, right: bool) -> None:
    text = zone_text(rule)
    assert client_zones.is_right(text, "Europe/Vienna", 2026, 2028) is right
    lines = ("UID:1", "DTSTART;TZID=Europe/Vienna:20260705T090000")
    data = event(*lines).replace(b"BEGIN:VEVENT", text.encode() + b"\r\nBEGIN:VEVENT")
    absorbed = absorb(data, None, FULL, EmptyDirectory())
    assert (text in render(absorbed.object, FULL)) is absorbed.exact is right


def test_a_definition_of_several_eras_is_kept() -> None:
    """As Apple and Mozilla write them: a rule that has ended, exactly at its last change, and the next."""
    era = [
        *("BEGIN:DAYLIGHT", "DTSTART:20000326T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200"),
        *("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20270328T010000Z", "END:DAYLIGHT"),
    ]
    later = zone_text("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU").replace("19810329", "20280326")
    text = later.replace("BEGIN:DAYLIGHT", "\r\n".join([*era, "BEGIN:DAYLIGHT"]))
    assert client_zones.is_right(text, "Europe/Vienna", 2026, 2046)


def test_a_definition_that_is_right_no_more_is_replaced() -> None:
    text = zone_text("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20270328T010000Z")
    data = event("UID:1", "DTSTART;TZID=Europe/Vienna:20260705T090000")
    data = data.replace(b"BEGIN:VEVENT", text.encode() + b"\r\nBEGIN:VEVENT")
    obj = absorb(data, None, FULL, EmptyDirectory()).object
    assert text in render(obj, FULL)
    (row,) = obj.appointments
    later = replace(row, start=row.start.replace(year=2030), end=row.end.replace(year=2030))
    moved = render(replace(obj, appointments=(later,)), FULL)
    assert text not in moved and vtimezone("Europe/Vienna", 2030) in moved
    abroad = render(replace(obj, appointments=(replace(row, time_zone="Europe/London"),)), FULL)
    assert "TZID:Europe/London\r\n" in abroad


@pytest.mark.parametrize("zone", ["Europe/Vienna", "America/New_York", "Asia/Kolkata", "Africa/Cairo"])
def test_our_own_definitions_are_right(zone: str) -> None:
    text = vtimezone(zone, 2026).removesuffix("\r\n")
    assert client_zones.is_right(text, zone, 2026, 2046)
    data = event("UID:1", f"DTSTART;TZID={zone}:20260705T090000")
    once = render(absorb(data, None, FULL, EmptyDirectory()).object, FULL)
    assert absorb(once.encode(), None, FULL, EmptyDirectory()).exact


STORED = Appointment(
    datetime(2026, 1, 5, 9),
    datetime(2026, 1, 5, 10),
    "UTC",
    subject="Physio",
    patient=HUBER,
    location=MITTE,
    room="Raum 1",
    note="Knie",
    phone="0664 1",
    id=1,
    public_id="abc123",
)


def change(before: str, after: str, view_name: View = View.FULL, **options: object) -> Absorbed:
    """Write the stored appointment back with one change."""
    projection = view(view_name, **options)
    obj = CalendarObject("1", (STORED,))
    text = render(obj, projection)
    assert before in text
    return absorb(text.replace(before, after, 1).encode(), obj, projection, SmallDirectory())


@pytest.mark.parametrize(
    ("typed", "location", "text", "room"),
    [
        ("LOCATION:Praxis Mitte\\, Raum 1", MITTE, "", "Raum 1"),
        ("LOCATION:Praxis Mitte", MITTE, "", "Raum 1"),
        ("LOCATION:Praxis Mitte\\, Hof", MITTE, "Hof", "Raum 1"),
        ("LOCATION:Zuhause", None, "Zuhause", "Raum 1"),
        ("X-A:1", None, "", "Raum 1"),
    ],
)
def test_places(typed: str, location: object, text: str, room: str) -> None:
    (row,) = change("LOCATION:Praxis Mitte\\, Raum 1", typed).object.appointments
    assert (row.location, row.location_text, row.room) == (location, text, room)


def test_our_lines_in_the_description_are_recognised() -> None:
    link = LINK.replace("{id}", "abc123")
    line = f"DESCRIPTION:Tel. 0664 1\\n{link}\\nKnie"
    for after, phone, note in [
        (f"DESCRIPTION:Tel. 0664 2\\n{link}\\nKnie", "0664 2", "Knie"),
        (f"DESCRIPTION:Tel. 0664 1\\n{link}\\nSchulter\\nlinks", "0664 1", "Schulter\nlinks"),
        ("DESCRIPTION:Schulter", "", "Schulter"),
    ]:
        result = change(line, after, appointment_link=LINK)
        (row,) = result.object.appointments
        assert (row.phone, row.note) == (phone, note)
        shown = render(result.object, replace(FULL, appointment_link=LINK))
        assert shown.count(link) == 2


def test_our_lines_are_recognised_wherever_they_stand() -> None:
    link = LINK.replace("{id}", "abc123")
    line = f"DESCRIPTION:Tel. 0664 1\\n{link}\\nKnie"
    for after, phone, note in [
        (f"Heute wichtig\\nTel. 0664 1\\n{link}\\nKnie", "0664 1", "Heute wichtig\nKnie"),
        (f"{link}\\nTel. 0664 1\\nKnie", "0664 1", "Knie"),
        (f"{link}\\nTel. 0664 2\\nKnie", "0664 2", "Knie"),
        (f"Tel. 0664 1\\n\\n{link}\\nKnie", "0664 1", "\nKnie"),
        (f"Tel. 0664 1\\nKnie\\n{link}", "0664 1", "Knie"),
        ("Knie\\nTel. der Mutter erfragen", "", "Knie\nTel. der Mutter erfragen"),
        (f"Tel. der Mutter erfragen\\n{link}", "", "Tel. der Mutter erfragen"),
        (f"{link}\\nKnie\\nsiehe {link}", "", f"Knie\nsiehe {link}"),
    ]:
        result = change(line, f"DESCRIPTION:{after}", appointment_link=LINK)
        (row,) = result.object.appointments
        assert (row.phone, row.note) == (phone, note)
        settled = render(result.object, replace(FULL, appointment_link=LINK))
        assert settled.replace("\r\n ", "").count(f"{link}\\n") + settled.count(f"URL:{link}") <= 2
        again = absorb(settled.encode(), None, replace(FULL, appointment_link=LINK), SmallDirectory())
        assert (again.object.appointments[0].phone, again.object.appointments[0].note) == (phone, note)


def test_a_first_line_that_only_sounds_like_a_phone_number_is_a_note() -> None:
    (row,) = put(DAY, "DESCRIPTION:Tel. Rückruf vereinbart").object.appointments
    assert (row.phone, row.note) == ("", "Tel. Rückruf vereinbart")


def test_outlook_does_not_move_an_appointment_to_another_zone() -> None:
    stored = replace(STORED, time_zone="Europe/Vienna")
    data = event(
        "UID:1",
        "DTSTART;TZID=W. Europe Standard Time:20260105T090000",
        "DTEND;TZID=W. Europe Standard Time:20260105T100000",
        "SUMMARY:Huber Maria – Physio",
        "LOCATION:Praxis Mitte\\, Raum 1",
        envelope=("PRODID:-//ddaysoftware.com//NONSGML DDay.iCal 1.0//EN",),
    )
    (row,) = absorb(data, CalendarObject("1", (stored,)), FULL, SmallDirectory()).object.appointments
    assert replace(row, extra="") == stored


def test_a_note_that_is_not_shown_is_added_to() -> None:
    result = change("SUMMARY", "DESCRIPTION:neu\r\nSUMMARY", View.PSEUDONYM)
    assert result.object.appointments[0].note == "Knie\nneu"
    assert "neu" not in render(result.object, view(View.PSEUDONYM)) and not result.exact
    again = absorb(
        render(result.object, view(View.PSEUDONYM)).replace("SUMMARY", "DESCRIPTION:neu\r\nSUMMARY").encode(),
        result.object,
        view(View.PSEUDONYM),
        SmallDirectory(),
    )
    assert again.object.appointments[0].note == "Knie\nneu"


def test_the_clients_own_url_wins_over_the_link() -> None:
    link = f"URL:{LINK.replace('{id}', 'abc123')}"
    result = change(link, "URL:https://example.org/x,y;z", appointment_link=LINK)
    shown = replace(FULL, appointment_link=LINK)
    assert "URL:https://example.org/x,y;z\r\n" in render(result.object, shown)
    assert f"{link}\r\n" in render(result.object, view(View.PSEUDONYM, appointment_link=LINK))
    # A copy of an event carries the link of the original: it is not taken for the copy's own.
    copy = absorb(event("UID:2", DAY, link), None, shown, SmallDirectory())
    assert not copy.exact
    row = replace(copy.object.appointments[0], public_id="new1")
    assert "URL:https://practice.example/a/new1\r\n" in render(
        replace(copy.object, appointments=(row,)), shown
    )


def test_a_new_event_that_will_get_a_link_is_not_exact() -> None:
    assert put(DAY, "SUMMARY:x").exact
    assert not put(DAY, "SUMMARY:x", appointment_link=LINK).exact


def test_html_and_map_go_with_the_text_they_repeat() -> None:
    lines = (
        "LOCATION:A",
        "X-APPLE-STRUCTURED-LOCATION;X-TITLE=A:geo:1,2",
        "DESCRIPTION:b",
        "X-ALT-DESC:<b>b</b>",
    )
    obj = put(DAY, *lines).object
    assert all(line in render(obj, FULL) for line in lines)
    (row,) = obj.appointments
    moved = render(replace(obj, appointments=(replace(row, location_text="C", note="d"),)), FULL)
    assert "geo:1,2" not in moved and "<b>" not in moved
    assert "LOCATION:C" in moved and "DESCRIPTION:d" in moved


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
