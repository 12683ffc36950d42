"""Bad uploads, normal form, and client VTIMEZONEs."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from radicale_practice.event import client_zones, errors
from radicale_practice.event.absorb import absorb
from radicale_practice.event.calendar_text import uid_of
from radicale_practice.event.content_lines import MAX_BYTES
from radicale_practice.event.directory import EmptyDirectory
from radicale_practice.event.render import render
from radicale_practice.event.time_zones import vtimezone
from tests.unit.event.people import FULL, SmallDirectory, normalised_text
from tests.unit.event.uploads import DAY, event, put

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
