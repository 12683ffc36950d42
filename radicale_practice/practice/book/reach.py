"""What lies out of a device's window, and which changes take an appointment out of the practice's reach."""

from __future__ import annotations

from datetime import timedelta

from radicale_practice.practice import calendar_objects, spans
from radicale_practice.practice.model import CalendarObject, Viewer
from radicale_practice.practice.projections import Practice

FAR = timedelta(days=366)
"""An appointment moved further than this is as good as gone."""


def in_window(viewer: Viewer, practice: Practice, entry: CalendarObject) -> bool:
    """Whether some part of the object lies in the days the viewer's device looks at, as reading judges it."""
    window = calendar_objects.window_range(viewer, practice.time_zone)
    return window is None or any(spans.occurrences(entry, window, practice.time_zone))


def takes_place_of(current: CalendarObject, desired: CalendarObject) -> bool:
    """Whether the upload overwrites the appointment with something else: other patient and other time."""
    old, new = current.master, desired.master
    if old is None or new is None or old.patient is None:
        return False
    other = new.patient is None or new.patient.id != old.patient.id
    return other and (new.start, new.time_zone) != (old.start, old.time_zone)


def moves_far(current: CalendarObject, desired: CalendarObject) -> bool:
    """Whether a single appointment is moved so far away that nobody will come upon it."""
    old, new = current.master, desired.master
    if old is None or new is None or old.is_series or new.is_series:
        return False
    return abs(new.start - old.start) > FAR
