"""When the viewer's alarms of an object ring (RFC 5545 3.8.6.3), for filters (RFC 4791 9.9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from radicale_practice.event.content_lines import Component, parse
from radicale_practice.event.errors import InvalidCalendarData
from radicale_practice.event.extra import load_personal
from radicale_practice.event.values import UTC, convert, parse_duration, parse_time
from radicale_practice.practice.model import Appointment, CalendarObject, Projection, View
from radicale_practice.practice.series import spans
from radicale_practice.practice.series.spans import Range

_MOST_REPEATS = 100


def rings(obj: CalendarObject, projection: Projection, within: Range) -> bool:
    """Whether an alarm that the viewer sees rings in a range.

    Only instances are looked at that can matter: an endless series is not walked to its end.
    """
    if projection.view is View.BUSY:
        return False
    return any(
        _one_rings(obj, row, alarm, projection, within)
        for row in obj.appointments
        for alarm in _alarms_of(row)
    )


def _alarms_of(row: Appointment) -> Iterator[Component]:
    for placed in load_personal(row.personal):
        if placed.entry.name == "+VALARM":
            try:
                text = f"BEGIN:VCALENDAR\r\n{placed.entry.text}\r\nEND:VCALENDAR\r\n"
                yield parse(text.encode()).components[0]
            except (InvalidCalendarData, IndexError):
                continue


def _one_rings(
    obj: CalendarObject, row: Appointment, alarm: Component, projection: Projection, within: Range
) -> bool:
    line = alarm.first("TRIGGER")
    if line is None:
        return False
    try:
        repeats = _repeats(alarm)
        if (line.parameter("VALUE") or "").upper() == "DATE-TIME":
            wall, _, utc = parse_time(line.value, line.number)
            zone = UTC if utc else line.parameter("TZID") or projection.time_zone
            at = convert(wall, zone, UTC)
            return any(within.holds(at + late, at + late) for late in repeats)
        days, exact = parse_duration(line.value, line.number)
        at_end = (line.parameter("RELATED") or "").upper() == "END"
        return any(
            _rings_at(obj, row, days + exact + late, at_end, projection.time_zone, within) for late in repeats
        )
    except (InvalidCalendarData, OverflowError, ValueError):
        return False


def _rings_at(
    obj: CalendarObject, row: Appointment, offset: timedelta, at_end: bool, time_zone: str, within: Range
) -> bool:
    """Whether an instance of ``row`` begins (ends) so that an alarm ``offset`` later is in the range."""
    length = row.end - row.start if at_end else timedelta()
    around = spans.make_range(_shifted(within.start, -offset - length), _shifted(within.end, -offset))
    for placed in spans.placed(obj, around, time_zone):
        at = _shifted(placed.end if at_end else placed.start, offset)
        if placed.appointment is row and within.holds(at, at):
            return True
    return False


def _shifted(moment: datetime, by: timedelta) -> datetime:
    try:
        return min(max(moment + by, spans.EARLIEST), spans.LATEST)
    except OverflowError:
        return spans.EARLIEST if by < timedelta() else spans.LATEST


def _repeats(alarm: Component) -> list[timedelta]:
    """How much later than its trigger an alarm rings, the first time (nothing) included."""
    count, every = alarm.first("REPEAT"), alarm.first("DURATION")
    if count is None or every is None or not count.value.strip().isdecimal():
        return [timedelta()]
    days, exact = parse_duration(every.value, every.number)
    return [(days + exact) * n for n in range(min(int(count.value), _MOST_REPEATS) + 1)]
