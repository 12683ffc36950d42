"""Appointments and series to calendar text, under one viewer's projection.

A client's own lines come back word for word as long as they still say what the practice knows; otherwise
a line is made in their place. Nothing depends on the clock: two reads without a change are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from radicale_practice.event import client_zones
from radicale_practice.event.extra import Envelope, load_envelope
from radicale_practice.event.render_event import EventTimes, fresh_event, kept_event
from radicale_practice.event.time_zones import vtimezone
from radicale_practice.event.values import UTC
from radicale_practice.practice import zones
from radicale_practice.practice.model import Appointment, CalendarObject, Projection, Status, View
from radicale_practice.practice.series.recurrence import is_valid

PRODUCT = "PRODID:-//radicale_practice//radicale_practice//EN"
_HEAD = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{PRODUCT}\r\n"
_TAIL = "END:VCALENDAR\r\n"
_ONCE = "FREQ=DAILY;COUNT=1"


def render(obj: CalendarObject, projection: Projection) -> str:
    """CRLF text of the VCALENDAR that the viewer gets of ``obj`` (RFC 5545, RFC 4791 4.1).

    Cancelled instances of a series and those in ``obj.elsewhere`` are EXDATEs. An object without a master
    (orphan instances) shows its instances with RECURRENCE-ID alone. Never raises for bad data in a row:
    an unknown zone is taken as the practice's, a rule that cannot be read is left out.
    """
    times = [(appointment, event_times(obj, appointment, projection)) for appointment in shown_events(obj)]
    events: list[tuple[str, str]] = []
    used: list[str] = []
    for appointment, event_time in times:
        kept = bool(appointment.extra or appointment.personal) and projection.view is not View.BUSY
        make = kept_event if kept else fresh_event
        text, zone_names = make(obj.uid, appointment, projection, event_time)
        used += [zone for zone in zone_names if zone not in used]
        events.append((key_of(appointment.recurrence_id), text))
    if not obj.extra or projection.view is not View.FULL:
        first = min((a.start.year for a, _ in times), default=1970)
        definitions = "".join([vtimezone(zone, first) for zone in used])
        return _HEAD + definitions + "".join([text for _, text in events]) + _TAIL
    return _in_envelope(load_envelope(obj.extra), events, used, years(obj))


def key_of(recurrence_id: datetime | None) -> str:
    """How the envelope names a VEVENT: by its instance, "" for the master or a single one."""
    return recurrence_id.isoformat() if recurrence_id is not None else ""


def shown_events(obj: CalendarObject) -> Iterable[Appointment]:
    """The appointments that get a VEVENT of their own."""
    return [a for a in obj.appointments if a.recurrence_id is None or a.status is not Status.CANCELLED]


def zone_of(appointment: Appointment, projection: Projection) -> str:
    """The appointment's zone; the practice's for one that does not exist, UTC if that is unknown too."""
    for zone in (appointment.time_zone, projection.time_zone):
        name = zones.canonical(zone)
        if name is not None:
            return name
    return UTC


def event_times(obj: CalendarObject, appointment: Appointment, projection: Projection) -> EventTimes:
    """Everything about the times of one VEVENT, its rule if it can be read, its exceptions."""
    master = obj.master
    zone = zone_of(appointment, projection)
    if appointment.recurrence_id is not None:
        series = master if master is not None else appointment
        return EventTimes(zone, zone_of(series, projection), series.all_day, "", (), ())
    if not (appointment.is_series or appointment.exdate or obj.overrides or obj.elsewhere):
        return EventTimes(zone, zone, appointment.all_day, "", (), ())
    excluded = {*appointment.exdate, *obj.elsewhere}
    for override in obj.overrides:
        if override.recurrence_id is not None and override.status is Status.CANCELLED:
            excluded.add(override.recurrence_id)
        elif override.recurrence_id is not None:
            # It takes place, whatever else is written; many programs would let an EXDATE hide its VEVENT.
            excluded.discard(override.recurrence_id)
    if not appointment.is_series:
        # A program took the rule away and left what is excluded: without any rule nobody would look at it.
        rule, dates = (_ONCE, (appointment.start,)) if appointment.start in excluded else ("", ())
        return EventTimes(zone, zone, appointment.all_day, rule, (), dates)
    rule = appointment.rrule if appointment.rrule and is_valid(appointment) else ""
    return EventTimes(
        zone, zone, appointment.all_day, rule, tuple(sorted(set(appointment.rdate))), tuple(sorted(excluded))
    )


def years(obj: CalendarObject) -> tuple[int, int]:
    """First and last year in which the object needs its zones; a series counts for two decades."""
    found = [moment.year for a in obj.appointments for moment in (a.start, a.end)]
    first, last = min(found, default=1970), max(found, default=1970)
    if any(a.rrule for a in obj.appointments):
        last = max(last, first + client_zones.YEARS_AHEAD)
    return first, min(last, first + 190)


def _in_envelope(
    envelope: Envelope, events: Sequence[tuple[str, str]], used: Sequence[str], span: tuple[int, int]
) -> str:
    """The events inside the VCALENDAR as the client sent it, with a right VTIMEZONE for each zone in use."""
    if not any(kind == "L" for kind, _, _ in envelope.items):
        envelope = Envelope((("L", "", "VERSION:2.0"), ("L", "", PRODUCT), *envelope.items))
    left = dict(events)
    needed = list(used)
    body: list[str] = []
    first_event: int | None = None
    for kind, name, text in envelope.items:
        if kind == "L":
            body.append(text + "\r\n")
        elif kind == "Z" and (name in needed or name not in used):
            body.append(_definition(name, text, name in needed, span))
            if name in needed:
                needed.remove(name)
        elif kind == "E":
            # Exceptions unknown to the client stand where its first event stood, after the others.
            first_event = len(body) if first_event is None else first_event
            body.append(left.pop(name, ""))
    body += left.values()
    at = first_event if first_event is not None else max(0, len(body) - len(left))
    body[at:at] = [vtimezone(zone, span[0]) for zone in needed]
    return "BEGIN:VCALENDAR\r\n" + "".join(body) + _TAIL


def _definition(zone: str, text: str, in_use: bool, span: tuple[int, int]) -> str:
    if text and (not in_use or client_zones.is_right(text, zone, *span)):
        return text + "\r\n"
    return vtimezone(zone, span[0]) if in_use else ""
