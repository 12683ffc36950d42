"""Calendar objects as texts, and what they say in comparable facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

VIENNA = ZoneInfo("Europe/Vienna")

VTIMEZONE = """\
BEGIN:VTIMEZONE
TZID:Europe/Vienna
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE"""

_ZONES = re.compile(r"BEGIN:VTIMEZONE.*?END:VTIMEZONE\r?\n", re.DOTALL)
"""Time zones of hundreds of texts take most of the time; their names are enough to know them."""

Fact = tuple[str, str, str]
"""Title, start and end; instants in UTC as ISO text, dates for all-day entries."""


@dataclass(frozen=True)
class Moved:
    """One occurrence of a series (its original start, local) at another time (local)."""

    original: datetime
    start: datetime
    title: str


def event(
    uid: str,
    title: str,
    start: datetime,
    minutes: int = 30,
    *,
    rule: str = "",
    without: Sequence[datetime] = (),
    moved: Sequence[Moved] = (),
    sequence: int = 0,
) -> str:
    """One VCALENDAR with CRLF lines; ``start`` is local time in Vienna without a zone."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Example//Client Proof//EN",
        *VTIMEZONE.split("\n"),
        *_vevent(uid, title, start, minutes, sequence),
    ]
    master = [f"RRULE:{rule}"] if rule else []
    master += [f"EXDATE;TZID=Europe/Vienna:{when:%Y%m%dT%H%M%S}" for when in without]
    lines[-1:-1] = master
    for one in moved:
        lines += _vevent(uid, one.title, one.start, minutes, sequence)
        lines.insert(-1, f"RECURRENCE-ID;TZID=Europe/Vienna:{one.original:%Y%m%dT%H%M%S}")
    lines.append("END:VCALENDAR")
    return "\r\n".join(lines) + "\r\n"


def _vevent(uid: str, title: str, start: datetime, minutes: int, sequence: int) -> list[str]:
    end = start + timedelta(minutes=minutes)
    return [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20260101T080000Z",
        f"SEQUENCE:{sequence}",
        f"SUMMARY:{title}",
        f"DTSTART;TZID=Europe/Vienna:{start:%Y%m%dT%H%M%S}",
        f"DTEND;TZID=Europe/Vienna:{end:%Y%m%dT%H%M%S}",
        "END:VEVENT",
    ]


def fact(title: str, start: datetime, minutes: int = 30) -> Fact:
    """The fact that an occurrence of ``title`` at that local time of Vienna should give."""
    begin = start.replace(tzinfo=VIENNA)
    end = (start + timedelta(minutes=minutes)).replace(tzinfo=VIENNA)
    return title, _instant(begin), _instant(end)


def occurrences(text: str, around: datetime, days: int = 365) -> list[Fact]:
    """All occurrences of a calendar object within ``days`` of ``around``, sorted by start."""
    calendar = icalendar.Calendar.from_ical(text)
    found = recurring_ical_events.of(calendar).between(
        around - timedelta(days=days), around + timedelta(days=days)
    )
    return sorted((_fact_of(one) for one in found), key=lambda one: one[1])


@cache
def stored_facts(text: str) -> frozenset[tuple[str, Fact]]:
    """RECURRENCE-ID (or an empty text) and fact of each VEVENT of a text, without expanding a series."""
    calendar = icalendar.Calendar.from_ical(_ZONES.sub("", text))
    found: set[tuple[str, Fact]] = set()
    for component in calendar.walk("VEVENT"):
        original = component.get("RECURRENCE-ID")
        found.add(("" if original is None else _instant(original.dt), _fact_of(component)))
    return frozenset(found)


def facts_by_uid(texts: Iterable[tuple[str, str]]) -> dict[str, frozenset[tuple[str, Fact]]]:
    """``stored_facts`` of many objects."""
    return {uid: stored_facts(text) for uid, text in texts}


def next_change_of_clocks(after: date) -> date:
    """The next Sunday on which the clocks of Vienna change."""
    day = after + timedelta(days=1)
    while _offset(day) == _offset(day + timedelta(days=1)):
        day += timedelta(days=1)
    return day


def _offset(day: date) -> timedelta | None:
    return datetime(day.year, day.month, day.day, tzinfo=VIENNA).utcoffset()


def _fact_of(component: icalendar.Component) -> Fact:
    start = component["DTSTART"].dt
    if "DTEND" in component:
        end = component["DTEND"].dt
    elif "DURATION" in component:
        end = start + component["DURATION"].dt
    else:
        end = start if isinstance(start, datetime) else start + timedelta(days=1)
    return str(component.get("SUMMARY", "")), _instant(start), _instant(end)


def _instant(value: date) -> str:
    if not isinstance(value, datetime):
        return value.isoformat()
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(UTC).isoformat()
