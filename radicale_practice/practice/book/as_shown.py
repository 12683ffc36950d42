"""Rows in the terms in which a device is shown them, so that the two can be compared.

Plain SQL may write a whole day with a clock time, without length or up to its last second, a list of dates
without seconds, a rule or zone that nobody can read: ``stored_rows`` reads them in their plainest true form.
"""

from __future__ import annotations

from radicale_practice.practice import zones
from radicale_practice.practice.appointment_rows import Row, Rows, times_text
from radicale_practice.practice.reading import stored_rows


def as_shown(rows: Rows) -> Rows:
    """The rows with their times, zones and rules as they are read."""
    whole_days, zone = bool(rows.master["all_day"]), rows.time_zone
    overrides = {i: _dated(_read(row, zone), whole_days) for i, row in rows.overrides.items()}
    return Rows(_read(rows.master, zone), zone, overrides, rows.calendars, rows.extras)


def _read(row: Row, practice_zone: str) -> Row:
    names = ("id", "starts_at", "ends_at", "time_zone", "all_day", "rrule", "rdate", "exdate")
    known = {**row, "time_zone": zones.meant(row["time_zone"], practice_zone)}
    times = stored_rows.timing(*(known[name] for name in names))
    return {
        **known,
        "starts_at": times.start,
        "ends_at": times.end,
        "all_day": times.all_day,
        "rrule": times.rrule,
        "rdate": times_text(times.rdate),
        "exdate": times_text(times.exdate),
    }


def _dated(row: Row, whole_days: bool) -> Row:
    date = row["recurrence_id"]
    return {**row, "recurrence_id": stored_rows.midnight(date)} if whole_days and date is not None else row
