"""What lies out of a device's window, and which changes take an appointment out of the practice's reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from radicale_practice.practice import clock, zones
from radicale_practice.practice.model import Appointment, CalendarObject, Viewer
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading import availability, calendar_objects
from radicale_practice.practice.series import recurrence, spans

AHEAD = timedelta(days=550)
"""How far ahead of now the instances of a series are counted."""

LEAST_PART = 4
"""An appointment made shorter than this part of its length has given its time away."""

_MOST_COUNTED = 2000


def in_window(viewer: Viewer, practice: Practice, entry: CalendarObject) -> bool:
    """Whether some part of the object lies in the days the viewer's device looks at, as reading judges it."""
    window = calendar_objects.window_range(viewer, practice.time_zone)
    return window is None or any(spans.occurrences(entry, window, practice.time_zone))


def takes_place_of(current: CalendarObject, desired: CalendarObject) -> bool:
    """Whether the upload leaves nothing of an appointment or instance but its name.

    Its patient is replaced or removed, its time is given away, or a block becomes another at another time.
    """
    return any(
        _loses_patient(old, new) or _gives_its_time_away(old, new) or _is_another_block(old, new)
        for old, new in _pairs(current, desired)
    )


def _loses_patient(old: Appointment, new: Appointment) -> bool:
    return old.patient is not None and (new.patient is None or new.patient.id != old.patient.id)


def _gives_its_time_away(old: Appointment, new: Appointment) -> bool:
    """Marked as free time, or next to nothing left of its length; an absence counts as one either way."""
    if old.transparent or availability.is_absence(new):
        return False
    return new.transparent or (new.end - new.start) * LEAST_PART < old.end - old.start


def _is_another_block(old: Appointment, new: Appointment) -> bool:
    words = set(old.subject.casefold().split())
    kept = words & set(new.subject.casefold().split())
    return old.patient is None and bool(words) and not kept and old.start != new.start


def moves_far(practice: Practice, current: CalendarObject, desired: CalendarObject) -> bool:
    """Whether an appointment, a series or an instance is moved further than the practice's ``brake_days``, or
    made longer by more than that."""
    return any(
        is_far(practice, new.start - old.start)
        or is_far(practice, (new.end - new.start) - (old.end - old.start))
        for old, new in _pairs(current, desired)
    )


def starting_at(entry: CalendarObject, starts: Mapping[int, datetime]) -> CalendarObject:
    """The object with the rows named in ``starts`` at those times, as long as they are now."""
    placed = [
        replace(a, start=starts[a.id], end=starts[a.id] + (a.end - a.start)) if a.id in starts else a
        for a in entry.appointments
        if a.id is not None
    ]
    return replace(entry, appointments=tuple(placed))


def is_far(practice: Practice, distance: timedelta) -> bool:
    """Whether that is further than an everyday change of an appointment."""
    return abs(distance) > timedelta(days=practice.settings.brake_days)


def cuts_off(current: CalendarObject, desired: CalendarObject) -> bool:
    """Whether a changed rule leaves fewer instances to come than the series had (UNTIL, COUNT, INTERVAL).

    A series that is only shifted keeps their number. Excluded and overridden instances are not this
    function's business: the plan sees them.
    """
    old, new = current.master, desired.master
    if old is None or new is None or not old.is_series:
        return False
    if (old.rrule, old.rdate) == (new.rrule, new.rdate):
        return False
    shift = new.start - old.start
    return _to_come(new, shift) < _to_come(old, timedelta())


def _to_come(entry: Appointment, shift: timedelta) -> int:
    now = spans.moved(zones.to_wall(clock.utc_now(), entry.time_zone), shift)
    end = spans.moved(now, AHEAD)
    plain = replace(entry, exdate=())
    if not plain.is_series:
        return int(now <= plain.start < end)
    return sum(1 for _ in islice(recurrence.expand(plain, now, end), _MOST_COUNTED))


def _pairs(current: CalendarObject, desired: CalendarObject) -> Iterator[tuple[Appointment, Appointment]]:
    """What was shown beside what is wanted in its place; instances changed for the first time beside what
    their series says of them."""
    shown = {a.id: a for a in current.appointments if a.id is not None}
    by_date = {a.recurrence_id: a for a in current.overrides}
    if current.master is not None and desired.master is not None:
        yield current.master, desired.master
    for new in desired.overrides:
        if new.id is not None and new.id in shown:
            yield shown[new.id], new
        elif new.recurrence_id in by_date:
            yield by_date[new.recurrence_id], new
        elif current.master is not None and new.recurrence_id is not None:
            end = spans.ending(current.master, new.recurrence_id)
            yield replace(current.master, start=new.recurrence_id, end=end), new
