"""Series taken apart for programs that do not expand rules themselves: their instances, and busy time.

Instants come from where the book and range queries take them, so that every program sees the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from radicale_practice.event.extra import dump_skeleton, load_skeleton
from radicale_practice.event.render import PRODUCT, zone_of
from radicale_practice.event.render_event import STAMP, EventTimes, fresh_event, kept_event
from radicale_practice.event.time_zones import vtimezone
from radicale_practice.event.values import UTC, convert, format_date_time
from radicale_practice.practice.model import Appointment, CalendarObject, Projection, Status, View
from radicale_practice.practice.series import spans
from radicale_practice.practice.series.spans import Range

_TIMES = frozenset(("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "RRULE", "RDATE", "EXDATE"))

Busy = tuple[str, datetime, datetime]
"""FBTYPE, start and end (naive UTC)."""


def expanded(obj: CalendarObject, projection: Projection, within: Range) -> tuple[str, int]:
    """(the VCALENDAR of the instances in a range, how many), RFC 4791 9.6.5.

    Times in UTC, each instance of a series with its RECURRENCE-ID, no rule and no lists. ``MOST`` instances
    or more: there may be others.
    """
    events: list[str] = []
    used: list[str] = []
    extras: dict[str, str] = {}
    for appointment, wall in spans.instances(obj, within):
        begin, end = spans.span(appointment, wall, projection.time_zone)
        if within.holds(begin, end):
            if appointment.extra not in extras:
                extras[appointment.extra] = _without_times(appointment.extra)
            row = replace(appointment, extra=extras[appointment.extra])
            text, zones = _event(obj, row, wall, (begin, end), projection)
            events.append(text)
            used += [zone for zone in zones if zone not in used]
    definitions = "".join(vtimezone(zone, within.start.year) for zone in used)
    head = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{PRODUCT}\r\n"
    return f"{head}{definitions}{''.join(events)}END:VCALENDAR\r\n", len(events)


def _without_times(extra: str) -> str:
    """A client's lines without those that say when: each would have to be in UTC."""
    kept = load_skeleton(extra)
    entries = tuple(entry for entry in kept.entries if entry.name not in _TIMES)
    return dump_skeleton(replace(kept, entries=entries))


def _event(
    obj: CalendarObject,
    appointment: Appointment,
    wall: datetime,
    span: spans.Span,
    projection: Projection,
) -> tuple[str, tuple[str, ...]]:
    """The VEVENT of one instance that starts at the wall time ``wall``."""
    series = obj.master if obj.master is not None else appointment
    instance = appointment.recurrence_id
    if instance is None and appointment.is_series:
        instance = wall
    if instance is not None and not series.all_day:
        instance = convert(instance, zone_of(series, projection), UTC)
    start, end = span
    if appointment.all_day:
        start, end = wall, spans.ending(appointment, wall)
    row = replace(
        appointment,
        start=start,
        end=end,
        time_zone=UTC,
        rrule="",
        rdate=(),
        exdate=(),
        recurrence_id=instance,
    )
    kept = bool(row.extra or row.personal) and projection.view is not View.BUSY
    make = kept_event if kept else fresh_event
    return make(obj.uid, row, projection, EventTimes(UTC, UTC, series.all_day, "", (), ()))


def busy_times(obj: CalendarObject, time_zone: str, within: Range) -> list[Busy]:
    """When an object takes up time in a range, cut to it; ``time_zone``: the practice's, for whole days.

    What could not be booked and what is marked as free takes up none.
    """
    found = []
    for placed in spans.placed(obj, within, time_zone):
        row = placed.appointment
        if row.transparent or row.status in (Status.UNCONFIRMED, Status.CANCELLED):
            continue
        start, end = max(placed.start, within.start), min(placed.end, within.end)
        if start < end:
            found.append((_kind(row), start, end))
    return found


def _kind(row: Appointment) -> str:
    said = (entry.basis for entry in load_skeleton(row.extra).entries if entry.name == "STATUS")
    return "BUSY-TENTATIVE" if next(said, "") == "TENTATIVE" else "BUSY"


def free_busy(busy: Iterable[Busy], within: Range) -> str:
    """A VCALENDAR with one VFREEBUSY (RFC 4791 7.10), what overlaps joined; nothing in it depends on now."""
    merged: dict[str, list[tuple[datetime, datetime]]] = {}
    for kind, start, end in sorted(busy, key=lambda one: one[1]):
        spans_of_kind = merged.setdefault(kind, [])
        if spans_of_kind and start <= spans_of_kind[-1][1]:
            start, end = spans_of_kind[-1][0], max(end, spans_of_kind.pop()[1])
        spans_of_kind.append((start, end))
    periods = sorted((start, end, kind) for kind, found in merged.items() for start, end in found)
    lines = [
        *("BEGIN:VCALENDAR", "VERSION:2.0", PRODUCT, "BEGIN:VFREEBUSY", "UID:free-busy", STAMP),
        f"DTSTART:{format_date_time(within.start)}Z",
        f"DTEND:{format_date_time(within.end)}Z",
        *(
            f"FREEBUSY;FBTYPE={kind}:{format_date_time(start)}Z/{format_date_time(end)}Z"
            for start, end, kind in periods
        ),
        *("END:VFREEBUSY", "END:VCALENDAR", ""),
    ]
    return "\r\n".join(lines)
