"""A VTIMEZONE with a name nobody knows: the IANA zone that has the same offsets."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from radicale_practice.practice import zones
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Appointment
from radicale_practice.practice.series import recurrence
from radicale_practice.practice.series.recurrence_rule import YEARLY, parse

COMMON = (
    "Europe/Vienna",
    "Europe/Berlin",
    "Europe/Zurich",
    "Europe/Paris",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Athens",
    "Europe/Helsinki",
    "Europe/Istanbul",
    "Europe/Moscow",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/Halifax",
    "America/Sao_Paulo",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Asia/Kolkata",
    "Asia/Jerusalem",
)
"""Tried before all others, so that the answer is the zone a person would name."""

_MOST_OBSERVANCES = 400
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})(\d{2})?", re.ASCII)
_TIME = re.compile(r"(\d{8}T\d{6})Z?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Observance:
    start: datetime
    offset_from: timedelta
    offset_to: timedelta
    rrule: str
    rdates: tuple[datetime, ...]


def judge(lines: Sequence[str], prefer: str, year: int) -> str | None:
    """The zone whose offsets in ``year`` and the next are those of the VTIMEZONE in ``lines`` (unfolded).

    ``X-LIC-LOCATION`` is believed. ``prefer`` comes first, then a constant offset as ``Etc/GMT±n``, then
    the common zones. None if nothing fits or the component cannot be read.
    """
    for line in lines:
        name, _, value = line.partition(":")
        if name.upper() == "X-LIC-LOCATION" and (known := zones.canonical(value.strip())):
            return known
    onsets = _onsets(list(_observances(lines)), year)
    if not onsets:
        return None
    instants = [datetime(year, 1, 1) + timedelta(days=7 * week) for week in range(104)]
    for at, _, _ in onsets:
        if year <= at.year <= year + 1:
            instants += [at - timedelta(seconds=1), at]
    wanted = [_offset_at(onsets, at) for at in instants]
    if _fits(prefer, instants, wanted):
        return zones.canonical(prefer)
    if len(set(wanted)) == 1 and (known := constant(wanted[0])):
        return known
    others = sorted(zones.names())
    return next((zone for zone in (*COMMON, *others) if _fits(zone, instants, wanted)), None)


def constant(offset: timedelta) -> str | None:
    """``Etc/GMT±n`` (POSIX signs: east is minus) for whole hours, ``UTC`` for none, else None."""
    hours, rest = divmod(offset, timedelta(hours=1))
    if rest:
        return None
    return "UTC" if not hours else zones.canonical(f"Etc/GMT{-hours:+}")


def _fits(zone: str, instants: list[datetime], wanted: list[timedelta]) -> bool:
    # most zones are out at the first comparison
    info = zones.load(zone)
    return info is not None and all(
        at.replace(tzinfo=UTC).astimezone(info).utcoffset() == offset
        for at, offset in zip(instants, wanted, strict=True)
    )


def _offset_at(onsets: list[tuple[datetime, timedelta, timedelta]], at: datetime) -> timedelta:
    index = bisect_right(onsets, at, key=lambda onset: onset[0])
    return onsets[index - 1][2] if index else onsets[0][1]


def _onsets(observances: list[_Observance], year: int) -> list[tuple[datetime, timedelta, timedelta]]:
    """(naive UTC, offset before, offset after) of the changes that matter for ``year`` and the next."""
    after, before = datetime(year - 2, 1, 1), datetime(year + 3, 1, 1)
    found = []
    for observance in observances:
        series = Appointment(
            start=observance.start,
            end=observance.start,
            time_zone="UTC",
            rrule=observance.rrule,
            rdate=observance.rdates,
        )
        walls = {observance.start, *recurrence.expand(series, after, before)}
        if last := recurrence.last_start(series):
            walls.add(last)
        for wall in walls:
            found.append(
                (_shifted(wall, observance.offset_from), observance.offset_from, observance.offset_to)
            )
    return sorted(found)


def _shifted(wall: datetime, offset: timedelta) -> datetime:
    try:
        return wall - offset
    except OverflowError:
        return wall


def _observances(lines: Sequence[str]) -> Iterator[_Observance]:
    values: dict[str, list[str]] | None = None
    count = 0
    for line in lines:
        head, _, value = line.partition(":")
        name, value = head.partition(";")[0].strip().upper(), value.strip()
        if name == "BEGIN" and value.upper() in ("STANDARD", "DAYLIGHT"):
            values = {}
        elif name == "END" and values is not None and value.upper() in ("STANDARD", "DAYLIGHT"):
            observance = _observance(values)
            values = None
            if observance is not None and (count := count + 1) <= _MOST_OBSERVANCES:
                yield observance
        elif values is not None:
            values.setdefault(name, []).append(value)


def _observance(values: dict[str, list[str]]) -> _Observance | None:
    starts = _times(values.get("DTSTART", []))
    offsets = [_offset(values.get(name, [""])[0]) for name in ("TZOFFSETFROM", "TZOFFSETTO")]
    if not starts or offsets[1] is None:
        return None
    return _Observance(
        start=starts[0],
        offset_from=offsets[1] if offsets[0] is None else offsets[0],
        offset_to=offsets[1],
        rrule=_usable(values.get("RRULE", [""])[0]),
        rdates=tuple(_times(values.get("RDATE", []))),
    )


def _usable(rrule: str) -> str:
    """The rule, or nothing if it is none of a yearly change: a definition must not cost seconds."""
    try:
        rule = parse(rrule)
    except InvalidValue:
        return ""
    return rrule if rule.frequency == YEARLY and (rule.count or 0) <= _MOST_OBSERVANCES else ""


def _times(texts: list[str]) -> list[datetime]:
    times = []
    for item in ",".join(texts).split(",")[:2000]:
        match = _TIME.fullmatch(item.strip())
        if match is not None:
            try:
                times.append(datetime.strptime(match[1], "%Y%m%dT%H%M%S"))
            except ValueError:
                continue
    return times


@lru_cache(maxsize=256)
def _offset(text: str) -> timedelta | None:
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]), seconds=int(match[4] or 0))
    return -offset if match[1] == "-" else offset
