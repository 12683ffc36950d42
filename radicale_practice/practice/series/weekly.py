"""A weekly series for the reception: so many appointments, leaving out holidays and times already taken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from radicale_practice.practice.book.staff_side import NewAppointment, NewSeries
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import Conflict, InvalidValue
from radicale_practice.practice.model import Appointment
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading import availability
from radicale_practice.practice.series import holidays

MOST_TIMES = 260
"""Five years of weeks."""

_MOST_SKIPPED = 104


@dataclass(frozen=True, slots=True)
class WeeklyPlan:
    """A series to be added with ``book.add_series``, when it takes place, and what was left out and why."""

    series: NewSeries
    starts: tuple[datetime, ...]
    skipped: tuple[tuple[datetime, str], ...]


def plan(
    uow: UnitOfWork,
    practice: Practice,
    first: NewAppointment,
    times: int,
    every_weeks: int = 1,
    skip_holidays: bool = True,
    skip_taken: bool = True,
) -> WeeklyPlan:
    """``times`` appointments, one every ``every_weeks`` weeks from ``first`` on.

    A left out date makes the series longer. Rooms of ``first`` have to be free too. Nothing is written.
    Raises ``InvalidValue``, and ``Conflict`` if no end is found because the time is always taken.
    """
    if not 1 <= times <= MOST_TIMES or not 1 <= every_weeks <= 52:
        raise InvalidValue(f"a series has 1 to {MOST_TIMES} appointments, one every 1 to 52 weeks")
    step = timedelta(weeks=every_weeks)
    last = first.start + step * (times + _MOST_SKIPPED)
    closed = holidays.between(practice, first.start.date(), last.date()) if skip_holidays else frozenset()
    starts: list[datetime] = []
    skipped: list[tuple[datetime, str]] = []
    at = first.start
    while len(starts) < times:
        if len(skipped) > _MOST_SKIPPED:
            raise Conflict("too many of the dates are holidays or taken")
        if at.date() in closed:
            skipped.append((at, "holiday"))
        elif skip_taken and _is_taken(uow, practice, first, at):
            skipped.append((at, "taken"))
        else:
            starts.append(at)
        at += step
    return WeeklyPlan(_series(first, starts, skipped, every_weeks), tuple(starts), tuple(skipped))


def _series(
    first: NewAppointment,
    starts: list[datetime],
    skipped: list[tuple[datetime, str]],
    every_weeks: int,
) -> NewSeries:
    """Begins at the first date that takes place: a series must not begin with a date left out."""
    begin = starts[0]
    left_out = tuple(at for at, _ in skipped if begin < at < starts[-1])
    rule = "FREQ=WEEKLY;" + (f"INTERVAL={every_weeks};" if every_weeks > 1 else "")
    moved = replace(first, start=begin, end=begin + (first.end - first.start))
    return NewSeries(moved, f"{rule}COUNT={len(starts) + len(left_out)}", exdate=left_out)


def _is_taken(uow: UnitOfWork, practice: Practice, first: NewAppointment, at: datetime) -> bool:
    entry = Appointment(
        start=at,
        end=at + (first.end - first.start),
        time_zone=first.time_zone or practice.time_zone,
        all_day=first.all_day,
    )
    calendars = (first.calendar_id, *first.rooms)
    return any(availability.conflicts(uow, calendar_id, [entry], ()) for calendar_id in calendars)
