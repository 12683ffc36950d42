"""An RRULE value (RFC 5545 3.3.10) read into a form that can be expanded with bounded work."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from radicale_practice.practice import zones
from radicale_practice.practice.errors import InvalidValue

LONGEST_RULE = 1000
"""Characters; no client writes a tenth of it."""

MAX_COUNT = 10_000
MAX_INTERVAL = 1_000
MAX_TIMES_A_DAY = 24

TURN_OF_YEAR = frozenset((52, 53, -52, -53))
"""Numbers of weeks that a year may or may not have, on which libraries disagree."""

YEARLY, MONTHLY, WEEKLY, DAILY = "YEARLY", "MONTHLY", "WEEKLY", "DAILY"
_SUB_DAILY = ("HOURLY", "MINUTELY", "SECONDLY")
_WEEKDAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
_LISTS = {
    "BYMONTH": (1, 12, False),
    "BYMONTHDAY": (1, 31, True),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYSETPOS": (1, 366, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSECOND": (0, 59, False),
}
_BY_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?", re.ASCII)
_LOCAL_UNTIL = re.compile(r"(?<![^;\s])(UNTIL\s*=\s*)(\d{8}(?:T\d{6})?)(?![\dTZ])", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d{1,5}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    """One parsed rule. Weekdays are 0 for Monday; ``nth`` holds pairs (n, weekday).

    ``until`` is naive: UTC if ``until_utc``, else a wall time; ``until_date`` means the whole day counts.
    """

    frequency: str
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    until_utc: bool = False
    until_date: bool = False
    week_start: int = 0
    weekdays: frozenset[int] = frozenset()
    nth: frozenset[tuple[int, int]] = frozenset()
    months: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    year_days: frozenset[int] = frozenset()
    week_numbers: frozenset[int] = frozenset()
    positions: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    seconds: tuple[int, ...] = ()


@lru_cache(maxsize=4096)
def parse(text: str) -> Rule:
    """The rule in ``text``, an RRULE value without the property name.

    Raises ``InvalidValue`` if it cannot be read, has unknown parts (``RSCALE`` and ``SKIP`` of RFC 7529
    among them), recurs more often than daily, or asks for absurdly many instances.
    """
    parts = _parts(text)
    frequency = parts.pop("FREQ", "")
    if frequency in _SUB_DAILY:
        raise InvalidValue("RRULE recurs more often than daily")
    if frequency not in (YEARLY, MONTHLY, WEEKLY, DAILY):
        raise InvalidValue("RRULE has no usable FREQ")
    interval = _number(parts.pop("INTERVAL", "1"), "INTERVAL", 1, MAX_INTERVAL)
    count = _number(parts.pop("COUNT"), "COUNT", 1, MAX_COUNT) if "COUNT" in parts else None
    until, until_utc, until_date = _until(parts.pop("UNTIL", ""))
    week_start = parts.pop("WKST", "MO")
    if week_start not in _WEEKDAYS:
        raise InvalidValue("RRULE has an invalid WKST")
    weekdays, nth = _by_day(parts.pop("BYDAY", ""), frequency)
    lists = {name: _list(name, parts.pop(name, "")) for name in _LISTS}
    if parts:
        raise InvalidValue("RRULE has an unknown part")
    times = 1
    for name in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        times *= max(1, len(lists[name]))
    if times > MAX_TIMES_A_DAY:
        raise InvalidValue("RRULE recurs more often than hourly")
    if lists["BYSETPOS"] and TURN_OF_YEAR.intersection(lists["BYWEEKNO"]):
        raise InvalidValue("RRULE counts positions in weeks at the turn of the year")
    if nth and (frequency == MONTHLY or lists["BYMONTH"]) and max(abs(number) for number, _ in nth) > 5:
        raise InvalidValue("RRULE has an invalid BYDAY")
    return Rule(
        frequency=frequency,
        interval=interval,
        count=count,
        until=until,
        until_utc=until_utc,
        until_date=until_date,
        week_start=_WEEKDAYS[week_start],
        weekdays=weekdays,
        nth=nth,
        months=frozenset(lists["BYMONTH"]),
        month_days=frozenset(lists["BYMONTHDAY"]),
        year_days=frozenset(lists["BYYEARDAY"]),
        week_numbers=frozenset(lists["BYWEEKNO"]),
        positions=lists["BYSETPOS"],
        hours=lists["BYHOUR"],
        minutes=lists["BYMINUTE"],
        seconds=lists["BYSECOND"],
    )


def with_utc_end(text: str, zone: str, all_day: bool) -> str:
    """The same rule with UNTIL in UTC, as RFC 5545 3.3.10 wants it where the start has a ``zone``.

    A wall time without "Z", or a day (which counts as a whole), is read by some programs as UTC or as the
    day's beginning: they would end the series one instance early. Any other text comes back as it is.
    """
    if all_day or "Z" in text.upper():
        return text
    return _LOCAL_UNTIL.sub(lambda m: m[1] + _in_utc(m[2], zone), text)


# Here and not around the whole: what a client sends as a rule can be megabytes, and would be kept.
@lru_cache(maxsize=4096)
def _in_utc(until: str, zone: str) -> str:
    try:
        wall, _, date_only = _until(until)
    except InvalidValue:
        return until
    if wall is None or not 1 < wall.year < 9999:
        return until
    instant = zones.to_utc(wall.replace(hour=23, minute=59, second=59) if date_only else wall, zone)
    return instant.isoformat(timespec="seconds")[:19].replace("-", "").replace(":", "") + "Z"


def _parts(text: str) -> dict[str, str]:
    if len(text) > LONGEST_RULE:
        raise InvalidValue("RRULE is too long")
    parts: dict[str, str] = {}
    for part in text.strip().rstrip(";").upper().split(";"):
        name, equals, value = part.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not value or name in parts:
            raise InvalidValue("RRULE cannot be read")
        parts[name] = value
    return parts


def _number(text: str, name: str, low: int, high: int) -> int:
    if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
        raise InvalidValue(f"RRULE has an invalid {name}")
    return int(text)


def _list(name: str, text: str) -> tuple[int, ...]:
    if not text:
        return ()
    low, high, signed = _LISTS[name]
    numbers = set()
    for item in text.split(","):
        number = _number(item.strip(), name, -high if signed else low, high)
        if signed and abs(number) < low:
            raise InvalidValue(f"RRULE has an invalid {name}")
        numbers.add(number)
    return tuple(sorted(numbers))


def _by_day(text: str, frequency: str) -> tuple[frozenset[int], frozenset[tuple[int, int]]]:
    weekdays: set[int] = set()
    nth: set[tuple[int, int]] = set()
    for item in text.split(",") if text else ():
        match = _BY_DAY.fullmatch(item.strip())
        if match is None or (match[1] and not 1 <= abs(int(match[1])) <= 53):
            raise InvalidValue("RRULE has an invalid BYDAY")
        # a number is meant for months and years only (RFC 5545 3.3.10); elsewhere every such weekday counts
        if match[1] and frequency in (YEARLY, MONTHLY):
            nth.add((int(match[1]), _WEEKDAYS[match[2]]))
        else:
            weekdays.add(_WEEKDAYS[match[2]])
    return frozenset(weekdays), frozenset(nth)


def _until(text: str) -> tuple[datetime | None, bool, bool]:
    if not text:
        return None, False, False
    match = _UNTIL.fullmatch(text)
    if match is None:
        raise InvalidValue("RRULE has an invalid UNTIL")
    clock = (match[2] or "000000").replace("240000", "235959")
    if clock.endswith("60"):
        clock = clock[:4] + "59"
    try:
        until = datetime.strptime(match[1] + clock, "%Y%m%d%H%M%S")
    except ValueError:
        raise InvalidValue("RRULE has an invalid UNTIL") from None
    return until, bool(match[3]), match[2] is None
