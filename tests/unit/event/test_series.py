"""Series: exceptions that cancel, revive, move and rename; forms of dates; what cannot be kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from radicale_practice.event.absorb import Absorbed, absorb
from radicale_practice.event.errors import InvalidCalendarData
from radicale_practice.event.render import render
from radicale_practice.practice.model import (
    Appointment,
    CalendarObject,
    FindingKind,
    Status,
    View,
)
from tests.unit.event.people import FULL, HUBER, MEIER, SmallDirectory, view

START = datetime(2026, 9, 1, 9)


def week(number: int) -> datetime:
    """The start of an instance."""
    return START + timedelta(days=7 * number)


MASTER = Appointment(
    START,
    START + timedelta(minutes=45),
    "Europe/Vienna",
    subject="Physio",
    patient=HUBER,
    phone="0664 1",
    note="Knie",
    rrule="FREQ=WEEKLY;COUNT=20",
    exdate=(week(2),),
    id=1,
    public_id="m",
)
MOVED = replace(
    MASTER,
    start=week(4) + timedelta(hours=1),
    end=week(4) + timedelta(hours=2),
    rrule="",
    exdate=(),
    recurrence_id=week(4),
    id=2,
    public_id="o",
)
GONE = replace(MOVED, start=week(5), end=week(5), recurrence_id=week(5), status=Status.CANCELLED, id=3)
SERIES = CalendarObject("s", (MASTER, MOVED, GONE), frozenset({week(6)}))


def edited(before: str, after: str, current: CalendarObject = SERIES, projection: object = FULL) -> Absorbed:
    """Upload what was read with one change."""
    text = render(current, FULL)
    assert before in text
    data = text.replace(before, after, 1).encode()
    return absorb(data, current, FULL, SmallDirectory())


def exdate(wall: datetime) -> str:
    """An EXDATE line."""
    return f"EXDATE;TZID=Europe/Vienna:{wall:%Y%m%dT%H%M%S}\r\n"


def by_instance(absorbed: Absorbed) -> dict[datetime | None, Appointment]:
    """The rows by their instance."""
    return {row.recurrence_id: row for row in absorbed.object.appointments}


def test_cancelled_instances_and_those_elsewhere_are_exdates() -> None:
    text = render(SERIES, FULL)
    for number in (2, 5, 6):
        assert exdate(week(number)) in text
    assert text.count("EXDATE") == 3
    assert text.count("BEGIN:VEVENT") == 2


def test_a_new_exdate_cancels_a_living_instance() -> None:
    result = edited("SUMMARY", exdate(week(7)) + "SUMMARY")
    row = by_instance(result)[week(7)]
    assert (row.status, row.start, row.patient, row.id) == (Status.CANCELLED, week(7), HUBER, None)
    assert result.object.appointments[0].exdate == (week(2),)
    assert render(result.object, FULL).count("EXDATE") == 4
    assert result.exact


@pytest.mark.parametrize(
    "line",
    ["EXDATE:20261020T070000Z", "EXDATE;VALUE=DATE:20261020", "EXDATE;TZID=Europe/Berlin:20261020T090000"],
)
def test_an_exdate_in_another_form_means_the_same_instance(line: str) -> None:
    assert by_instance(edited("SUMMARY", f"{line}\r\nSUMMARY"))[week(7)].status is Status.CANCELLED


def test_an_exdate_for_an_overridden_instance_keeps_its_row() -> None:
    text = render(SERIES, FULL)
    start = text.index("BEGIN:VEVENT", text.index("END:VEVENT"))
    stop = text.index("END:VEVENT", start) + len("END:VEVENT\r\n")
    data = (text[:start] + text[stop:]).replace("SUMMARY", exdate(week(4)) + "SUMMARY", 1)
    row = by_instance(absorb(data.encode(), SERIES, FULL, SmallDirectory()))[week(4)]
    assert row == replace(MOVED, status=Status.CANCELLED)


def test_an_override_that_is_left_out_is_not_in_the_result() -> None:
    text = render(SERIES, FULL)
    start = text.index("BEGIN:VEVENT", text.index("END:VEVENT"))
    stop = text.index("END:VEVENT", start) + len("END:VEVENT\r\n")
    result = absorb((text[:start] + text[stop:]).encode(), SERIES, FULL, SmallDirectory())
    assert week(4) not in by_instance(result)
    assert by_instance(result)[week(5)] == GONE


def test_without_its_exdate_an_instance_follows_the_rule_again() -> None:
    result = edited(exdate(week(5)), "")
    assert week(5) not in by_instance(result)
    assert result.exact
    assert edited(exdate(week(2)), "").object.appointments[0].exdate == ()


def test_an_instance_in_another_calendar_stays_excluded() -> None:
    result = edited(exdate(week(6)), "")
    assert result.object.elsewhere == frozenset({week(6)})
    assert exdate(week(6)) in render(result.object, FULL)
    assert not result.exact


def test_an_exdate_of_no_instance_is_kept_as_it_is() -> None:
    stray = week(7) + timedelta(days=1)
    result = edited("SUMMARY", exdate(stray) + "SUMMARY")
    assert result.object.appointments[0].exdate == (week(2), stray)
    assert result.exact


def test_a_cancelled_event_of_an_instance_becomes_an_exdate() -> None:
    text = render(SERIES, FULL)
    at = text.rindex("END:VEVENT")
    result = absorb((text[:at] + "STATUS:CANCELLED\r\n" + text[at:]).encode(), SERIES, FULL, SmallDirectory())
    assert by_instance(result)[week(4)].status is Status.CANCELLED
    again = render(result.object, FULL)
    assert again.count("BEGIN:VEVENT") == 1 and exdate(week(4)) in again
    assert not result.exact


def test_cancelling_the_whole_series() -> None:
    result = edited("SUMMARY", "STATUS:CANCELLED\r\nSUMMARY")
    assert result.object.appointments[0].status is Status.CANCELLED
    result = edited("SUMMARY", "STATUS:TENTATIVE\r\nSUMMARY")
    assert result.object.appointments[0].status is Status.BOOKED
    assert "STATUS:TENTATIVE\r\n" in render(result.object, FULL)


def test_one_instance_for_another_patient() -> None:
    text = render(SERIES, FULL)
    at = text.rindex("SUMMARY:Huber Maria")
    data = (text[:at] + text[at:].replace("Huber Maria", "Dupont-Meier Jean-Pierre")).encode()
    result = absorb(data, SERIES, FULL, SmallDirectory())
    rows = by_instance(result)
    assert rows[None] == replace(MASTER, extra=rows[None].extra)
    assert (rows[week(4)].patient, rows[week(4)].note, rows[week(4)].id) == (MEIER, "", 2)
    (finding,) = result.findings
    assert (finding.kind, finding.recurrence_id) == (FindingKind.CHANGED_PATIENT, week(4))


def new_exception(recurrence: str, extra: str = "") -> Absorbed:
    """The series as read, with one more overridden instance."""
    text = render(SERIES, FULL)
    event = (
        f"BEGIN:VEVENT\r\nUID:s\r\nRECURRENCE-ID{recurrence}\r\nDTSTART;TZID=Europe/Vienna:20261020T100000\r\n"
        "DTEND;TZID=Europe/Vienna:20261020T104500\r\nSUMMARY:Huber Maria – Physio\r\n"
        f"DESCRIPTION:Tel. 0664 1\\nKnie\r\n{extra}END:VEVENT\r\n"
    )
    data = text.replace("END:VCALENDAR", event + "END:VCALENDAR").encode()
    return absorb(data, SERIES, FULL, SmallDirectory())


@pytest.mark.parametrize(
    "recurrence",
    [
        ";TZID=Europe/Vienna:20261020T090000",
        ":20261020T070000Z",
        ":20261020T090000",
        ";TZID=Europe/London:20261020T080000",
        ";VALUE=DATE:20261020",
    ],
)
def test_a_moved_instance_whatever_form_its_recurrence_id_has(recurrence: str) -> None:
    result = new_exception(recurrence)
    row = by_instance(result)[week(7)]
    assert (row.start.hour, row.patient, row.phone, row.note, row.id) == (10, HUBER, "0664 1", "Knie", None)
    assert (row.rrule, row.exdate, row.status) == ("", (), Status.BOOKED)
    assert result.findings == ()
    again = absorb(render(result.object, FULL).encode(), result.object, FULL, SmallDirectory())
    assert again.exact


def test_reviving_by_an_event_beats_the_missing_exdate() -> None:
    text = render(SERIES, FULL).replace(exdate(week(5)), "")
    event = render(CalendarObject("s", (MASTER, replace(GONE, status=Status.BOOKED))), FULL)
    at = event.rindex("BEGIN:VEVENT")
    data = text.replace("END:VCALENDAR\r\n", event[at:])
    row = by_instance(absorb(data.encode(), SERIES, FULL, SmallDirectory()))[week(5)]
    assert (row.status, row.id) == (Status.BOOKED, 3)


def test_a_series_that_is_moved_takes_its_rows_along() -> None:
    text = render(SERIES, FULL)
    for old, new in (("T090000", "T110000"), ("T094500", "T114500")):
        text = text.replace(old, new)
    result = absorb(text.encode(), SERIES, FULL, SmallDirectory())
    hours = timedelta(hours=2)
    rows = by_instance(result)
    assert rows[None].start == START + hours
    assert rows[None].exdate == (week(2) + hours,)
    assert rows[week(4) + hours].id == 2
    assert (rows[week(5) + hours].id, rows[week(5) + hours].status) == (3, Status.CANCELLED)


def test_this_and_future_is_an_end_and_a_new_series() -> None:
    result = edited("COUNT=20", "UNTIL=20261012T215959Z")
    assert result.object.appointments[0].rrule == "FREQ=WEEKLY;UNTIL=20261012T215959Z"


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("RECURRENCE-ID;", "RECURRENCE-ID;RANGE=THISANDFUTURE;", "RANGE"),
        ("FREQ=WEEKLY", "FREQ=SECONDLY", "daily"),
        ("FREQ=WEEKLY;COUNT=20", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "occurrence"),
        ("RRULE:FREQ=WEEKLY", "RRULE:FREQ=DAILY\r\nRRULE:FREQ=WEEKLY", "more than one"),
        ("RRULE:FREQ=WEEKLY;COUNT=20\r\n", "", "does not recur"),
        ("RRULE:FREQ=WEEKLY", "EXRULE:FREQ=DAILY\r\nRRULE:FREQ=WEEKLY", "EXRULE"),
        ("RECURRENCE-ID;TZID=Europe/Vienna:20260929T090000", "X-A:1", "two events"),
        ("RECURRENCE-ID;TZID=Europe/Vienna:20260929T090000", "RECURRENCE-ID:20261013T070000Z", "another"),
    ],
)
def test_what_cannot_be_kept_is_refused(before: str, after: str, reason: str) -> None:
    with pytest.raises(InvalidCalendarData, match=reason) as caught:
        edited(before, after)
    assert caught.value.precondition == "valid-calendar-object-resource"


def test_a_series_by_plain_sql_with_a_broken_rule_is_served_as_one_event() -> None:
    broken = replace(MASTER, rrule="FREQ=WHENEVER;\r\nX-EVIL:1", exdate=())
    text = render(CalendarObject("s", (broken,)), FULL)
    assert "RRULE:FREQ=WHEN" not in text and "X-EVIL" not in text
    result = absorb(
        text.replace("VERSION", "X-A:1\r\nVERSION").encode(),
        CalendarObject("s", (broken,)),
        FULL,
        SmallDirectory(),
    )
    assert result.object.appointments[0].rrule == broken.rrule


def test_orphans_are_rendered_with_their_recurrence_ids() -> None:
    orphans = CalendarObject("s", (MOVED, replace(MOVED, recurrence_id=week(8), id=9)))
    text = render(orphans, FULL)
    assert text.count("RECURRENCE-ID;TZID=Europe/Vienna:") == 2
    result = absorb(text.replace("VERSION", "X-A:1\r\nVERSION").encode(), orphans, FULL, SmallDirectory())
    assert result.object.master is None
    assert [row.id for row in result.object.appointments] == [2, 9]


def test_hidden_fields_of_the_series_stay_in_a_new_exception() -> None:
    pseudonym = view(View.PSEUDONYM)
    text = render(SERIES, pseudonym)
    at = text.index("BEGIN:VEVENT")
    event = text[at : text.index("END:VEVENT") + len("END:VEVENT\r\n")]
    lines = [line for line in event.split("\r\n") if not line.startswith(("RRULE", "EXDATE", "DTEND"))]
    exception = "\r\n".join(lines).replace("20260901T090000", "20261020T120000")
    exception = exception.replace("DTSTART", "RECURRENCE-ID;TZID=Europe/Vienna:20261020T090000\r\nDTSTART")
    data = text.replace("END:VCALENDAR", exception + "END:VCALENDAR")
    row = by_instance(absorb(data.encode(), SERIES, pseudonym, SmallDirectory()))[week(7)]
    assert (row.patient, row.subject, row.note, row.phone) == (HUBER, "Physio", "Knie", "0664 1")
    assert row.start == datetime(2026, 10, 20, 12)
