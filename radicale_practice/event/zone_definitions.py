"""A client's VTIMEZONE as a step function: its offset from UTC at every instant (RFC 5545 3.6.5).

Only yearly rules are followed, and a bounded number of observances: a definition must not cost seconds.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Appointment
from radicale_practice.practice.series import recurrence
from radicale_practice.practice.series.recurrence_rule import YEARLY, parse

_MOST_OBSERVANCES = 400
_MOST_DATES = 2000
_KINDS = ("STANDARD", "DAYLIGHT")
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})(\d{2})?", re.ASCII)
_TIME = re.compile(r"(\d{8}T\d{6})Z?", re.ASCII)
_UNTIL = re.compile(r"(?<=UNTIL=)(\d{8}T\d{6})Z", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Onset:
    """The instant (naive UTC) of a change, and the offsets before and after it."""

    at: datetime
    before: timedelta
    after: timedelta


@dataclass(frozen=True, slots=True)
class Steps:
    """The changes of a definition that matter for some years, ascending.

    ``whole``: everything in it was understood, nothing had to be left out.
    """

    onsets: list[Onset]
    whole: bool

    def offset_at(self, at: datetime) -> timedelta:
        """The offset at an instant (naive UTC). There must be an onset."""
        index = bisect_right(self.onsets, at, key=lambda onset: onset.at)
        return self.onsets[index - 1].after if index else self.onsets[0].before


@dataclass(frozen=True, slots=True)
class _Observance:
    start: datetime
    before: timedelta
    after: timedelta
    rrule: str
    rdates: tuple[datetime, ...]
    whole: bool


def read(lines: Iterable[str], first_year: int, last_year: int) -> Steps:
    """The changes in a VTIMEZONE's unfolded content lines that decide about the offsets in these years."""
    begin, end = datetime(max(first_year - 2, 1), 1, 1), datetime(min(last_year + 2, 9999), 1, 1)
    found: list[Onset] = []
    whole = True
    for observance in _observances(lines):
        if observance is None:
            whole = False
            continue
        whole = whole and observance.whole
        found += [
            Onset(_instant(wall, observance.before), observance.before, observance.after)
            for wall in _walls(observance, begin, end)
        ]
    return Steps(sorted(found), whole)


def _walls(observance: _Observance, begin: datetime, end: datetime) -> set[datetime]:
    """When the observance begins, on the clock that is about to be changed; of what was before, the last."""
    series = Appointment(
        start=observance.start,
        end=observance.start,
        time_zone="UTC",
        rrule=observance.rrule,
        rdate=observance.rdates,
    )
    walls = {observance.start, *recurrence.expand(series, begin, end)}
    last = recurrence.last_start(series)
    return walls | {last} if last is not None else walls


def _instant(wall: datetime, offset: timedelta) -> datetime:
    try:
        return wall - offset
    except OverflowError:
        return wall


def _observances(lines: Iterable[str]) -> Iterator[_Observance | None]:
    """The observances, None for one that cannot be read or is one too many."""
    values: dict[str, list[str]] | None = None
    count = 0
    for line in lines:
        head, _, value = line.partition(":")
        name, value = head.partition(";")[0].strip().upper(), value.strip()
        if name == "BEGIN" and value.upper() in _KINDS:
            values = {}
        elif name == "END" and values is not None and value.upper() in _KINDS:
            count += 1
            yield _observance(values) if count <= _MOST_OBSERVANCES else None
            values = None
        elif values is not None:
            values.setdefault(name, []).append(value)


def _observance(values: dict[str, list[str]]) -> _Observance | None:
    starts, dates = _times(values.get("DTSTART", [])), _times(values.get("RDATE", []))
    before, after = (_offset(values.get(name, [""])[0]) for name in ("TZOFFSETFROM", "TZOFFSETTO"))
    if not starts or after is None:
        return None
    rules = values.get("RRULE", [])
    rule = _usable(rules[0]) if rules else ""
    understood = [
        before is not None,
        len(starts) == 1 and len(rules) <= 1 and "EXDATE" not in values,
        bool(rule) or not rules,
        len(dates) == sum(text.count(",") + 1 for text in values.get("RDATE", [])),
    ]
    offset = after if before is None else before
    return _Observance(
        starts[0], offset, after, _until_on_the_clock(rule, offset), tuple(dates), all(understood)
    )


def _usable(rrule: str) -> str:
    """The rule, or nothing if it is none of a yearly change."""
    try:
        rule = parse(rrule)
    except InvalidValue:
        return ""
    return rrule if rule.frequency == YEARLY and (rule.count or 0) <= _MOST_OBSERVANCES else ""


def _until_on_the_clock(rrule: str, offset: timedelta) -> str:
    """The rule with its end, which is in UTC, on the clock that the changes are told by."""
    match = _UNTIL.search(rrule)
    times = _times([match[1]]) if match is not None else []
    if match is None or not times:
        return rrule
    try:
        return f"{rrule[: match.start()]}{times[0] + offset:%Y%m%dT%H%M%S}Z{rrule[match.end() :]}"
    except OverflowError:
        return rrule


def _times(texts: Iterable[str]) -> list[datetime]:
    times = []
    for item in ",".join(texts).split(",")[:_MOST_DATES]:
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
