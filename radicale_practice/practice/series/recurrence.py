"""The instances of a series (RFC 5545 3.8.5), with bounded work for every input.

Expansion happens in wall time, so a weekly appointment stays at nine o'clock over the days of change. What
recurs is decided by python-dateutil; this module gives it rules that say everything themselves, nothing by
their DTSTART, so that its walk can begin at the first day of any period (a year, month, week or day of the
rule's frequency). Periods before the wanted range are skipped that way unless COUNT has to be counted: an
endless series that began years ago costs no more than its instances in the range. A rule that never matches
("30 February") would be walked to the year 9999; whether there is an instance at all is found out first, and
once, near that end of the calendar.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from heapq import merge
from itertools import takewhile
from typing import Literal

from dateutil.rrule import rrule, weekday

from radicale_practice.practice import zones
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Appointment
from radicale_practice.practice.series.recurrence_rule import (
    DAILY,
    MAX_COUNT,
    MONTHLY,
    TURN_OF_YEAR,
    WEEKLY,
    YEARLY,
    Rule,
    parse,
)

logger = logging.getLogger(__name__)

BARREN_YEARS = 50
"""A rule without an instance in its first so many years has none."""

MAX_PERIODS = 100_000
"""Periods walked through in one expansion: 273 years of a daily rule."""

_FREQUENCIES: dict[str, Literal[0, 1, 2, 3]] = {YEARLY: 0, MONTHLY: 1, WEEKLY: 2, DAILY: 3}
_LONGEST = {YEARLY: 366, MONTHLY: 31, WEEKLY: 7, DAILY: 1}
_LAST_CYCLE = range(9904, 9932)
"""Years at the end of the calendar that hold every kind of year: 28 of them, and 68 regular ones after."""


def check_rule(rule_text: str, start: datetime, all_day: bool) -> None:
    """Whether ``rule_text`` can be stored for a series that starts at the wall time ``start``.

    Raises ``InvalidValue`` for a rule that cannot be read, recurs more often than daily, asks for more
    than 10,000 instances, or has no instance within ``BARREN_YEARS`` of its start.
    """
    if not _recurs(parse(rule_text), start, all_day):
        raise InvalidValue("RRULE has no occurrence")


def expand(
    appointment: Appointment, after: datetime | None = None, before: datetime | None = None
) -> Iterator[datetime]:
    """The wall-time starts of a series' instances with ``after <= start < before``, ascending, each once.

    Rule and RDATEs without EXDATEs; the appointment's own start is always the first instance, and COUNT
    counts it. ``after`` and ``before`` are naive wall times in the appointment's zone; without ``before``
    an endless series never ends (take what you need). Overridden instances are included at their original
    time. Never raises: a rule that cannot be read leaves the start and the RDATEs, and is logged by id.
    """
    excluded = frozenset(appointment.exdate)
    last: datetime | None = None
    for start in merge(_counted(appointment, after), sorted(set(appointment.rdate))):
        if before is not None and start >= before:
            break
        if start == last or start in excluded or (after is not None and start < after):
            continue
        last = start
        yield start


def last_start(appointment: Appointment) -> datetime | None:
    """The wall-time start of the last instance; None if the series is endless.

    A series whose instances are all excluded answers with its own start.
    """
    rule = rule_of(appointment)
    ranges: list[datetime | None] = [None]
    if rule is not None and rule.count is None:
        if rule.until is None:
            return None
        if rule.until.year > 10:  # most often the last instance is near UNTIL; the whole walk is for the rest
            ranges.insert(0, rule.until - timedelta(days=800))
    for after in ranges:
        last = deque(expand(appointment, after), maxlen=1)
        if last:
            return last[0]
    return appointment.start


def is_valid(appointment: Appointment) -> bool:
    """Whether the rule, if any, can be read (rows written by plain SQL may hold anything)."""
    return not appointment.rrule or rule_of(appointment, quiet=True) is not None


def rule_of(appointment: Appointment, quiet: bool = False) -> Rule | None:
    """The parsed rule; None without one or if it cannot be read (logged once by id unless ``quiet``)."""
    if not appointment.rrule:
        return None
    try:
        return parse(appointment.rrule)
    except InvalidValue:
        if not quiet:
            _log_once(appointment.id)
        return None


@lru_cache(maxsize=4096)
def _log_once(appointment_id: int | None) -> None:
    logger.warning(
        "appointment %s: its recurrence rule cannot be read, only its start is served", appointment_id
    )


def _counted(appointment: Appointment, after: datetime | None) -> Iterator[datetime]:
    """The start itself, then the rule's instances after it, within COUNT and UNTIL."""
    start = appointment.start
    yield start
    rule = rule_of(appointment)
    if rule is None:
        return
    beyond = _until_test(rule, appointment)
    if after is not None and beyond(after):
        return
    left = MAX_COUNT if rule.count is None else rule.count - 1
    for instance in _instances(rule, start, appointment.all_day, after if rule.count is None else None):
        if instance <= start:
            continue
        if left <= 0 or beyond(instance):
            return
        if rule.count is not None:
            left -= 1
        yield instance


def _until_test(rule: Rule, appointment: Appointment) -> Callable[[datetime], bool]:
    """A function that tells whether an instance lies beyond UNTIL: UTC, a wall time or a whole day."""
    until = rule.until
    if until is None:
        return lambda _: False
    if rule.until_date or (appointment.all_day and not rule.until_utc):
        return lambda instance: instance.date() > until.date()
    if not rule.until_utc:
        return lambda instance: instance > until
    zone = zones.load(appointment.time_zone)
    instant = until.replace(tzinfo=UTC)
    wall = zones.to_wall(instant, appointment.time_zone)
    if appointment.all_day:
        return lambda instance: instance.date() > wall.date()

    def beyond(instance: datetime) -> bool:
        # only near the end, where a day of change may lie between, is the conversion worth its time
        if abs(instance - wall) > timedelta(days=1):
            return instance > wall
        return zones.wall_to_utc(instance, zone) > instant

    return beyond


def _instances(
    rule: Rule, start: datetime, all_day: bool, after: datetime | None = None
) -> Iterator[datetime]:
    """The rule's own instances, ascending, without COUNT and UNTIL, from the period that holds ``start``.

    With a later ``after`` from the period that holds it: some before it may be among them. Stops at the end
    of the calendar and after ``MAX_PERIODS`` periods.
    """
    if not _recurs(rule, start, all_day):
        return
    rule = _complete(rule, start)
    anchor = _anchor(rule, start, after)
    limit = anchor.toordinal() + MAX_PERIODS * rule.interval * _LONGEST[rule.frequency]
    yield from takewhile(lambda found: found.toordinal() < limit, _walk(rule, start, all_day, anchor))


def _recurs(rule: Rule, start: datetime, all_day: bool) -> bool:
    """Whether the rule has an instance within ``BARREN_YEARS`` of ``start``."""
    chosen = rule.months or rule.month_days or rule.year_days or rule.week_numbers
    if not (chosen or rule.nth or rule.positions or (rule.frequency == DAILY and rule.weekdays)):
        return True  # the start itself, or some weekday of every period
    return _recurs_at_the_end(rule, start, all_day)


@lru_cache(maxsize=4096)
def _recurs_at_the_end(rule: Rule, start: datetime, all_day: bool) -> bool:
    """``_recurs``, asked of the same series begun where the calendar ends within a century.

    Years repeat every 28: the moved start has the same weekday, the same distance from the leap days and,
    stepping from it, the same INTERVALs. (Not over 2100: one day of difference there decides nothing.)
    """
    year = next(
        y
        for y in _LAST_CYCLE
        if y % 4 == start.year % 4 and date(y, start.month, start.day).weekday() == start.weekday()
    )
    moved = start.replace(year=year)
    rule = _complete(rule, moved)
    found = (s for s in _walk(rule, moved, all_day, _anchor(rule, moved, None)) if s >= moved)
    first = next(found, None)
    return first is not None and first.year <= year + BARREN_YEARS


def _complete(rule: Rule, start: datetime) -> Rule:
    """The same rule with every part that would come from the start (RFC 5545 3.3.10) in its own words."""
    months, month_days, weekdays = rule.months, rule.month_days, rule.weekdays
    if not (rule.frequency == DAILY or weekdays or rule.nth or month_days or rule.year_days):
        if rule.frequency == WEEKLY or rule.week_numbers:
            weekdays = frozenset((start.weekday(),))
        else:
            month_days = frozenset((start.day,))
            if rule.frequency == YEARLY:
                months = months or frozenset((start.month,))
    frequency = rule.frequency
    rare = months or month_days or rule.year_days or rule.week_numbers
    if rare and frequency in (DAILY, WEEKLY) and rule.interval == 1 and not rule.positions:
        # every such day is the same as every such day of every year, in far fewer steps where they are rare
        frequency, weekdays = YEARLY, weekdays or frozenset(range(7))
    return replace(rule, frequency=frequency, months=months, month_days=month_days, weekdays=weekdays)


def _anchor(rule: Rule, start: datetime, after: datetime | None) -> datetime:
    """The first day of the rule's last period that begins by ``after``, or the one of ``start``.

    The first day, because BYSETPOS counts in whole periods, and because every month has one.
    """
    late = start if after is None or after < start else after
    if rule.frequency == YEARLY:
        return datetime(late.year - (late.year - start.year) % rule.interval, 1, 1)
    if rule.frequency == MONTHLY:
        first, month = start.year * 12 + start.month, late.year * 12 + late.month
        year, month = divmod(month - (month - first) % rule.interval - 1, 12)
        return datetime(year, month + 1, 1)
    days, step = start.toordinal(), rule.interval
    if rule.frequency == WEEKLY:
        days, step = days - (start.weekday() - rule.week_start) % 7, 7 * step
    return datetime.fromordinal(max(1, late.toordinal() - (late.toordinal() - days) % step))


def _walk(rule: Rule, start: datetime, all_day: bool, anchor: datetime) -> Iterator[datetime]:
    """What python-dateutil makes of a complete rule from ``anchor`` on, ascending; ends with the calendar."""
    checked = bool(rule.week_numbers & TURN_OF_YEAR)
    clock = time() if all_day else start.time()
    try:
        for found in _library_rule(rule, clock, all_day, anchor):
            if not checked or _in_week_numbers(rule, found):
                yield found
    except (ValueError, OverflowError):  # how it takes weeks that reach over an end of the calendar
        return


@lru_cache(maxsize=2048)
def _library_rule(rule: Rule, clock: time, all_day: bool, anchor: datetime) -> rrule:
    """python-dateutil's object; it keeps no state of its walks, so they may share it.

    Two of its habits are worked around: BYDAY with and without numbers at once is what both allow (here the
    ones without become all numbers), and weeks at the turn of the year are found with one they are taken for.
    """
    weekdays = {weekday(day) for day in rule.weekdays}
    if rule.nth:
        numbers = range(1, 6 if rule.frequency == MONTHLY or rule.months else 54)
        every = {weekday(day, number) for day in rule.weekdays for number in numbers}
        weekdays = every | {weekday(day, number) for number, day in rule.nth}
    weeks = set(rule.week_numbers)
    if weeks & TURN_OF_YEAR:
        weeks |= {53} if 52 in weeks else set()
        weeks |= {1} if weeks & {-52, -53} else set()
    return rrule(
        _FREQUENCIES[rule.frequency],
        dtstart=anchor,
        interval=rule.interval,
        wkst=rule.week_start,
        bysetpos=rule.positions or None,
        bymonth=rule.months or None,
        bymonthday=rule.month_days or None,
        byyearday=rule.year_days or None,
        byweekno=weeks or None,
        byweekday=weekdays or None,
        byhour=(not all_day and rule.hours) or (clock.hour,),
        byminute=(not all_day and rule.minutes) or (clock.minute,),
        bysecond=(not all_day and rule.seconds) or (clock.second,),
    )


def _in_week_numbers(rule: Rule, day: datetime) -> bool:
    """BYWEEKNO: a week belongs to the year that has at least four of its days (RFC 5545 3.3.10).

    Asked only for the weeks that python-dateutil 2.9 confuses (its change request 1537).
    """
    middle = day + timedelta(days=3 - (day.weekday() - rule.week_start) % 7)
    number = (middle.timetuple().tm_yday - 1) // 7 + 1
    weeks = number + (date(middle.year, 12, 31) - middle.date()).days // 7
    return number in rule.week_numbers or number - weeks - 1 in rule.week_numbers
