"""Whether a series still takes place as a device saw it.

What a device wanted to take away as a whole may have been agreed on with a patient since, or one of it may.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from radicale_practice.practice.appointment_rows import Row, Rows, columns_of, times_of
from radicale_practice.practice.model import Appointment, CalendarObject, Status
from radicale_practice.practice.series.spans import ending

_AGREED = ("patient_id", "starts_at", "ends_at", "time_zone", "all_day")


def takes_place_as(rows: Rows, seen: CalendarObject) -> bool:
    """Whether all that takes place now took place for the device too, at that time and for that patient.

    What was cancelled or documented since is no difference: the one is gone anyway, the other stays. A single
    appointment has no instances to differ.
    """
    master = seen.master
    if master is None or not master.is_series:
        return True
    was = columns_of(master)
    if any(rows.master[name] != was[name] for name in ("rrule", "rdate")):
        return False
    left_out = _left_out(seen)
    here = {row["recurrence_id"]: row for row in rows.here().values()}
    given_back = (
        left_out
        - set(times_of(rows.master["exdate"]))
        - {r["recurrence_id"] for r in rows.overrides.values()}
    )
    there = {date: row for date, row in here.items() if row["status"] != Status.CANCELLED}
    if given_back or left_out & set(there):
        return False
    known = {entry.recurrence_id: _agreed(columns_of(entry)) for entry in seen.overrides}
    return all(_agreed(row) == known.get(date, _by_rule(master, date)) for date, row in there.items())


def _left_out(seen: CalendarObject) -> set[datetime]:
    cancelled = {e.recurrence_id for e in seen.overrides if e.status is Status.CANCELLED}
    return {*seen.appointments[0].exdate, *(date for date in cancelled if date is not None)}


def _by_rule(master: Appointment, date: datetime) -> tuple[Any, ...]:
    """What is agreed on of an instance without a row of its own."""
    return _agreed({**columns_of(master), "starts_at": date, "ends_at": ending(master, date)})


def _agreed(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _AGREED)
