"""The instances of a series (RFC 5545 3.8.5), with bounded work for every input.

Expansion happens in wall time, so a weekly appointment stays at nine o'clock over the days of change. Days
are enumerated period by period (a year, month, week or day of the rule's frequency) and filtered; a period
before the wanted range is skipped by arithmetic, not walked through, unless COUNT has to be counted. So an
endless series that began years ago costs no more than its instances in the range, and a rule that never
matches ("30 February") ends after ``BARREN_YEARS``.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from heapq import merge

from radicale_practice.practice import zones
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Appointment
from radicale_practice.practice.recurrence_rule import (
    DAILY,
    MAX_COUNT,
    MONTHLY,
    WEEKLY,
    YEARLY,
    Rule,
    parse,
)

logger = logging.getLogger(__name__)

BARREN_YEARS = 50
"""A rule without an instance for so long is over."""

MAX_PERIODS = 100_000
"""Periods walked through in one expansion: 273 years of a daily rule."""

_LAST_ORDINAL = date(9999, 12, 28).toordinal()
_MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def check_rule(rrule: str, start: datetime, all_day: bool) -> None:
    """Whether ``rrule`` can be stored for a series that starts at the wall time ``start``.

    Raises ``InvalidValue`` for a rule that cannot be read, recurs more often than daily, asks for more
    than 10,000 instances, or has no instance within ``BARREN_YEARS`` of its start.
    """
    rule = parse(rrule)
    if next(_rule_starts(rule, start, all_day, None), None) is None:
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
    for start in merge(_counted(appointment, after, before), sorted(set(appointment.rdate))):
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


def _counted(appointment: Appointment, after: datetime | None, before: datetime | None) -> Iterator[datetime]:
    """The start itself, then the rule's instances after it, within COUNT and UNTIL."""
    start = appointment.start
    yield start
    rule = rule_of(appointment)
    if rule is None:
        return
    beyond = _until_test(rule, appointment)
    left = MAX_COUNT if rule.count is None else rule.count - 1
    for instance in _rule_starts(
        rule, start, appointment.all_day, before, after if rule.count is None else None
    ):
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


def _rule_starts(
    rule: Rule,
    start: datetime,
    all_day: bool,
    before: datetime | None,
    after: datetime | None = None,
) -> Iterator[datetime]:
    """The rule's own instances from ``start`` on, ascending, without COUNT and UNTIL.

    Whole periods before ``after`` are skipped. Stops at ``before``, after ``BARREN_YEARS`` without an
    instance and after ``MAX_PERIODS`` periods.
    """
    times = _times(rule, start, all_day)
    stop = _LAST_ORDINAL if before is None else min(before.toordinal(), _LAST_ORDINAL)
    index = _first_period(rule, start, after)
    last_hit: int | None = None
    for step in range(MAX_PERIODS):
        days = _period(rule, start, index + step)
        if days.start > stop or days.stop > _LAST_ORDINAL:
            return
        last_hit = days.start if last_hit is None else last_hit
        if days.start - last_hit > BARREN_YEARS * 366:
            return
        found = [datetime.combine(day, clock) for day in _matching(rule, start, days) for clock in times]
        if rule.positions:
            found = _at_positions(found, rule.positions)
        for instance in found:
            if instance >= start:
                last_hit = days.start
                yield instance


def _times(rule: Rule, start: datetime, all_day: bool) -> list[time]:
    if all_day:
        return [time()]
    return [
        time(hour, minute, second)
        for hour in rule.hours or (start.hour,)
        for minute in rule.minutes or (start.minute,)
        for second in rule.seconds or (start.second,)
    ]


def _at_positions(found: list[datetime], positions: Iterable[int]) -> list[datetime]:
    size = len(found)
    wanted = {p - 1 if p > 0 else size + p for p in positions}
    return [found[i] for i in sorted(wanted) if 0 <= i < size]


def _first_period(rule: Rule, start: datetime, after: datetime | None) -> int:
    """Number of the period that holds ``after``, or the one before it to be safe; 0 if it is not later."""
    if after is None or after <= start:
        return 0
    if rule.frequency == YEARLY:
        units = after.year - start.year
    elif rule.frequency == MONTHLY:
        units = (after.year - start.year) * 12 + after.month - start.month
    else:
        units = (after - start).days // (7 if rule.frequency == WEEKLY else 1)
    return max(0, units // rule.interval - 1)


def _period(rule: Rule, start: datetime, index: int) -> range:
    """The days (ordinals) of the rule's period number ``index``; empty at the end of the calendar."""
    offset = index * rule.interval
    if rule.frequency == DAILY:
        first, length = start.toordinal() + offset, 1
    elif rule.frequency == WEEKLY:
        monday = start.toordinal() - (start.weekday() - rule.week_start) % 7
        first, length = monday + 7 * offset, 7
    else:
        months = start.year * 12 + (offset * 12 if rule.frequency == YEARLY else start.month - 1 + offset)
        year, month = divmod(months, 12)
        if year > 9998:
            return range(_LAST_ORDINAL + 1, _LAST_ORDINAL + 2)
        first = date(year, month + 1, 1).toordinal()
        length = _month_length(year, month + 1) if rule.frequency == MONTHLY else 365 + _leap(year)
    return range(first, first + length)


def _matching(rule: Rule, start: datetime, days: range) -> Iterator[date]:
    """The days of one period that pass every BY part; what the rule leaves open comes from ``start``."""
    months, month_days, weekdays = _completed(rule, start)
    plain = not (rule.nth or rule.year_days or rule.week_numbers)
    for ordinal in _of_months(days, months) if rule.frequency == YEARLY and months else days:
        if plain and weekdays and (ordinal + 6) % 7 not in weekdays:
            continue
        if ordinal < 1:
            continue
        day = date.fromordinal(ordinal)
        if months and day.month not in months:
            continue
        if month_days and not (
            day.day in month_days or day.day - _month_length(day.year, day.month) - 1 in month_days
        ):
            continue
        if plain or _passes_rare_parts(rule, day, weekdays):
            yield day


def _of_months(days: range, months: frozenset[int]) -> Iterator[int]:
    """The days of a year that lie in some of its months, without looking at the others."""
    year = date.fromordinal(days.start).year
    for month in sorted(months):
        first = date(year, month, 1).toordinal()
        yield from range(first, first + _month_length(year, month))


def _completed(rule: Rule, start: datetime) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
    """Months, month days and weekdays with the defaults that come from the start."""
    months, month_days, weekdays = rule.months, rule.month_days, rule.weekdays
    if rule.frequency == DAILY or weekdays or rule.nth or month_days or rule.year_days:
        return months, month_days, weekdays
    if rule.frequency == WEEKLY or rule.week_numbers:
        return months, month_days, frozenset((start.weekday(),))
    if rule.frequency == YEARLY and not months:
        months = frozenset((start.month,))
    return months, frozenset((start.day,)), weekdays


def _passes_rare_parts(rule: Rule, day: date, weekdays: frozenset[int]) -> bool:
    if (weekdays or rule.nth) and not (day.weekday() in weekdays or _is_nth(rule, day)):
        return False
    if rule.year_days:
        number = day.timetuple().tm_yday
        if not (number in rule.year_days or number - 366 - _leap(day.year) in rule.year_days):
            return False
    return not rule.week_numbers or _in_week_numbers(rule, day)


def _is_nth(rule: Rule, day: date) -> bool:
    """BYDAY with a number: within the month for MONTHLY or with BYMONTH, else within the year."""
    if rule.frequency == MONTHLY or rule.months:
        number, length = day.day, _month_length(day.year, day.month)
    else:
        number, length = day.timetuple().tm_yday, 365 + _leap(day.year)
    weekday = day.weekday()
    return ((number - 1) // 7 + 1, weekday) in rule.nth or (
        -((length - number) // 7 + 1),
        weekday,
    ) in rule.nth


def _in_week_numbers(rule: Rule, day: date) -> bool:
    """BYWEEKNO: a week belongs to the year that has at least four of its days (RFC 5545 3.3.10)."""
    middle = date.fromordinal(day.toordinal() - (day.weekday() - rule.week_start) % 7 + 3)
    number = (middle.timetuple().tm_yday - 1) // 7 + 1
    weeks = number + (365 + _leap(middle.year) - middle.timetuple().tm_yday) // 7
    return number in rule.week_numbers or number - weeks - 1 in rule.week_numbers


def _leap(year: int) -> int:
    return int(year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))


def _month_length(year: int, month: int) -> int:
    return _MONTH_LENGTHS[month - 1] + (_leap(year) if month == 2 else 0)
