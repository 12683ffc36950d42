"""Whether a VTIMEZONE that a client sent tells the truth about an IANA zone, for the years it is used.

The two are compared as step functions: at every change that one of them has in those years. Only the
plain rules that clients write (yearly, by month and weekday) are understood; anything else is replaced by
our own VTIMEZONE, so a rule bomb in here does nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from dateutil.relativedelta import FR, MO, SA, SU, TH, TU, WE, relativedelta

from radicale_practice.event.content_lines import Component, Line, parse
from radicale_practice.event.errors import InvalidCalendarData
from radicale_practice.event.values import parse_time
from radicale_practice.practice import zones

_WEEKDAYS = {"MO": MO, "TU": TU, "WE": WE, "TH": TH, "FR": FR, "SA": SA, "SU": SU}
_BY_DAY = re.compile(r"([+-]?[1-5])(MO|TU|WE|TH|FR|SA|SU)\Z")
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)(\d\d)?\Z", re.ASCII)
_HOUR = timedelta(hours=1)
YEARS_AHEAD = 20
"""How far an endless series has to be right."""


@lru_cache(maxsize=1024)
def is_right(text: str, zone: str, first_year: int, last_year: int) -> bool:
    """Whether the VTIMEZONE in ``text`` has the offsets of the IANA ``zone`` in these years (UTC).

    False for a text that cannot be read. Kept in memory: a client sends few different ones.
    """
    iana = zones.load(zone)
    if iana is None or last_year - first_year > 200 or not 2 <= first_year <= last_year <= 9990:
        return False
    try:
        component = parse(f"BEGIN:VCALENDAR\r\n{text}\r\nEND:VCALENDAR".encode()).components[0]
        onsets = _onsets(component, first_year - 1, last_year + 1)
    except (InvalidCalendarData, ValueError, IndexError, OverflowError):
        return False
    begin, end = datetime(first_year, 1, 1), datetime(last_year + 1, 1, 1)
    probes = {begin, end - _HOUR}
    for instant, _, _ in onsets:
        if begin < instant < end:
            probes |= {instant - timedelta(seconds=1), instant}
    for change in _changes(zone, first_year, last_year):
        probes |= {change - timedelta(seconds=1), change}
    for probe in probes:
        offset = iana.utcoffset(probe.replace(tzinfo=UTC).astimezone(iana))
        if _offset_at(onsets, probe) != offset:
            return False
    return True


@lru_cache(maxsize=1024)
def _changes(zone: str, first_year: int, last_year: int) -> tuple[datetime, ...]:
    """The instants (naive UTC) at which the zone's offset changes in these years."""
    iana = zones.load(zone)
    assert iana is not None

    def offset(instant: datetime) -> timedelta | None:
        return instant.replace(tzinfo=UTC).astimezone(iana).utcoffset()

    found = []
    step = timedelta(days=7)
    low, end = datetime(first_year, 1, 1), datetime(last_year + 1, 1, 1)
    while low < end:
        high = min(low + step, end)
        if offset(low) != offset(high):
            before, after = low, high
            while after - before > timedelta(seconds=1):
                middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
                if offset(middle) == offset(low):
                    before = middle
                else:
                    after = middle
            found.append(after)
        low = high
    return tuple(found)


def _offset_at(onsets: list[tuple[datetime, timedelta, timedelta]], instant: datetime) -> timedelta | None:
    current: timedelta | None = onsets[0][1] if onsets else None
    for onset, _, offset_to in onsets:
        if onset > instant:
            break
        current = offset_to
    return current


def _onsets(
    component: Component, first_year: int, last_year: int
) -> list[tuple[datetime, timedelta, timedelta]]:
    """(instant in UTC, offset before, offset after), ascending. Raises ``ValueError`` for other rules."""
    found: list[tuple[datetime, timedelta, timedelta]] = []
    for observance in component.components:
        if observance.name not in ("STANDARD", "DAYLIGHT"):
            raise ValueError("no observance")
        start_line = observance.first("DTSTART")
        before, after = _offset(observance.first("TZOFFSETFROM")), _offset(observance.first("TZOFFSETTO"))
        if start_line is None:
            raise ValueError("no start")
        start = parse_time(start_line.value, start_line.number)[0]
        walls = {start}
        for line in observance.all("RDATE"):
            walls.update(parse_time(value, line.number)[0] for value in line.value.split(",")[:500])
        rules = observance.all("RRULE")
        if len(rules) > 1:
            raise ValueError("two rules")
        if rules:
            walls |= _yearly(rules[0].value, start, before, first_year, last_year)
        found += [(wall - before, before, after) for wall in walls]
    return sorted(found)


def _yearly(rule: str, start: datetime, before: timedelta, first_year: int, last_year: int) -> set[datetime]:
    given = dict(part.split("=", 1) for part in rule.upper().strip().rstrip(";").split(";"))
    if given.pop("FREQ", "") != "YEARLY" or given.pop("INTERVAL", "1") != "1":
        raise ValueError("not yearly")
    given.pop("WKST", None)
    until = given.pop("UNTIL", "")
    last = parse_time(until, 0)[0] if until else datetime.max
    month = int(given.pop("BYMONTH", str(start.month)))
    month_days = sorted(int(day) for day in given.pop("BYMONTHDAY", "").split(",") if day)
    by_day = given.pop("BYDAY", "")
    if given or not 1 <= month <= 12:
        raise ValueError("an unknown part")
    walls = set()
    for year in range(max(first_year, start.year), last_year + 1):
        wall = start.replace(year=year, month=month, day=1) + _day_in_month(by_day, month_days, start)
        if start <= wall and wall - before <= last:
            walls.add(wall)
    return walls


def _day_in_month(by_day: str, month_days: list[int], start: datetime) -> relativedelta:
    if month_days and month_days != list(range(month_days[0], month_days[0] + 7)) and by_day:
        raise ValueError("another pattern")
    if month_days and by_day in _WEEKDAYS:
        # "the first Sunday on or after the 8th", as iOS and older files write it
        return relativedelta(day=month_days[0], weekday=_WEEKDAYS[by_day](+1))
    if len(month_days) == 1 and not by_day and month_days[0] > 0:
        return relativedelta(day=month_days[0])
    if not by_day and not month_days:
        return relativedelta(day=start.day)
    match = _BY_DAY.match(by_day)
    if match is None or month_days:
        raise ValueError("another pattern")
    number = int(match.group(1))
    day = 31 if number < 0 else 1
    return relativedelta(day=day, weekday=_WEEKDAYS[match.group(2)](number))


def _offset(line: Line | None) -> timedelta:
    match = _OFFSET.match(line.value.strip()) if line is not None else None
    if match is None:
        raise ValueError("no offset")
    hours, minutes, seconds = (int(g or 0) for g in match.groups()[1:])
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return -offset if match.group(1) == "-" else offset
