"""A whole series at another time: rule, exclusions, further dates and instances are shifted as one.

The same comparison as for a device's upload decides what that means for each row (``plan``): documented
instances stay when they were, in the place of the instance that follows them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from radicale_practice.practice import zones
from radicale_practice.practice.appointment_rows import Row, Rows, is_documented
from radicale_practice.practice.book import plan
from radicale_practice.practice.book.as_shown import as_shown
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Appointment, CalendarObject, Status
from radicale_practice.practice.series import recurrence

_COMPARED = 300
"""Instances that must fall on the shifted dates before a rule is believed to be shifted rightly."""

_NEAR = timedelta(days=400)
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def shift_series(rows: Rows, start: datetime | None, end: datetime | None) -> dict[int, Row]:
    """Changes of the rows by id, so that the instance nearest to ``start`` takes place then.

    ``end`` belongs to ``start``, without it to the series' first instance. An instance moved by itself keeps
    its own time. Raises ``InvalidValue`` if end is before start, or the rule has no such dates ("the second
    Tuesday of a month" on another day of the week).
    """
    rows = as_shown(rows)
    old = rows.entry(rows.master)
    by = start - nearest(old, start) if start is not None else timedelta()
    length = old.end - old.start
    if end is not None:
        length = end - (start if start is not None else old.start)
    if length < timedelta():
        raise InvalidValue("end is before start")
    if old.all_day and by % timedelta(days=1):
        raise InvalidValue("an all-day series is moved by whole days")
    if not by and length == old.end - old.start:
        return {}
    new = _shifted_master(old, by, length)
    here = rows.here()
    elsewhere = [r["recurrence_id"] for i, r in rows.overrides.items() if i not in here]
    current = CalendarObject("", (old, *(rows.entry(r) for r in here.values())), frozenset(elsewhere))
    instances = [_shifted_instance(rows.entry(r), is_documented(r), old, by, length) for r in here.values()]
    desired = CalendarObject("", (new, *instances), frozenset(d + by for d in elsewhere))
    return plan.make(current, desired, rows).updates


def nearest(series: Appointment, moment: datetime) -> datetime:
    """The date of the series' rule that is nearest to ``moment``, one of the same day first."""
    rule = replace(series, exdate=())
    dates = list(recurrence.expand(rule, moment - _NEAR, moment + _NEAR))
    if dates:
        return min(dates, key=lambda d: (abs((d.date() - moment.date()).days), abs(d - moment), d))
    if moment < series.start:
        return series.start
    return recurrence.last_start(rule) or series.start


def _shifted_master(old: Appointment, by: timedelta, length: timedelta) -> Appointment:
    start = old.start + by
    new = replace(
        old,
        start=start,
        end=start + length,
        rrule=_shifted_rule(old, by) if by else old.rrule,
        exdate=tuple(d + by for d in old.exdate),
        rdate=tuple(d + by for d in old.rdate),
    )
    if by and old.rrule and not _same_dates(old, new, by):
        raise InvalidValue("the rule of this series has no such dates: move single instances or book anew")
    return new


def _shifted_instance(
    entry: Appointment, documented: bool, old: Appointment, by: timedelta, length: timedelta
) -> Appointment:
    assert entry.recurrence_id is not None
    if documented:
        return entry
    date = entry.recurrence_id + by
    follows = entry.start == entry.recurrence_id and entry.end - entry.start == old.end - old.start
    if not follows or entry.status is Status.CANCELLED:
        return replace(entry, recurrence_id=date)
    return replace(entry, recurrence_id=date, start=date, end=date + length)


def _shifted_rule(old: Appointment, by: timedelta) -> str:
    """The rule with its end and, of a daily or weekly one, its weekdays shifted."""
    days = ((old.start + by).date() - old.start.date()).days % 7
    parts = dict(p.strip().partition("=")[::2] for p in old.rrule.upper().split(";") if p.strip())
    if "UNTIL" in parts:
        last = recurrence.last_start(replace(old, rdate=(), exdate=())) or old.start
        parts["UNTIL"] = f"{last + by:%Y%m%d}"
        if not old.all_day:
            parts["UNTIL"] = f"{zones.to_utc(last + by, old.time_zone):%Y%m%dT%H%M%SZ}"
    if days and parts.get("FREQ") in ("WEEKLY", "DAILY") and "BYDAY" in parts:
        parts["BYDAY"] = ",".join(_later(day, days) for day in parts["BYDAY"].split(","))
        if "WKST" in parts or "INTERVAL" in parts:
            parts["WKST"] = _later(parts.get("WKST", "MO"), days)
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _later(weekday: str, days: int) -> str:
    name = weekday.strip()[-2:]
    return _WEEKDAYS[(_WEEKDAYS.index(name) + days) % 7] if name in _WEEKDAYS else weekday


def _same_dates(old: Appointment, new: Appointment, by: timedelta) -> bool:
    plain = [replace(entry, rdate=(), exdate=()) for entry in (old, new)]
    was, becomes = (list(islice(recurrence.expand(entry), _COMPARED)) for entry in plain)
    return [date + by for date in was] == becomes
