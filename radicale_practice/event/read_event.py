"""One uploaded VEVENT: what its modelled properties say, and its lines as skeleton and personal pieces."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import NamedTuple

from radicale_practice.event.absorb_fields import is_link
from radicale_practice.event.content_lines import Component, Line
from radicale_practice.event.errors import InvalidCalendarObject, TooManyInstances
from radicale_practice.event.extra import BEHIND, Entry, Placed
from radicale_practice.event.render_event import OWN, companion_basis, date_bases, moment_basis
from radicale_practice.event.values import (
    UTC,
    add_duration,
    format_date_time,
    is_date,
    midnight,
    parse_duration,
    parse_time,
    unescape,
    wall_in,
)
from radicale_practice.practice.model import Projection

MAX_DATES = 5000
"""RDATEs and EXDATEs in one event."""

_PERSONAL_NAMES = frozenset(("X-MOZ-LASTACK", "X-MOZ-GENERATION", "X-APPLE-DEFAULT-ALARM"))
_PERSONAL_PREFIXES = ("X-MOZ-SNOOZE-TIME", "X-APPLE-TRAVEL-", "X-APPLE-LOCAL-DEFAULT-ALARM")


class SeriesForm(NamedTuple):
    """In what terms the dates of a series are: its zone, whether all-day, the clock time of its instances."""

    zone: str
    all_day: bool
    clock: time


@dataclass(frozen=True, slots=True)
class Facts:
    """What one VEVENT says. Times are wall times in ``zone``; ``recurrence_id`` in the series' zone."""

    start: datetime
    end: datetime
    zone: str
    all_day: bool
    title: str
    location: str
    description: str | None
    status: str
    transparent: bool
    rrule: str
    rdate: tuple[datetime, ...]
    exdate: tuple[datetime, ...]
    recurrence_id: datetime | None


def _start(event: Component) -> tuple[datetime, str, bool]:
    """(wall time, zone, whether all-day) of DTSTART; the zone is "" for an all-day event."""
    line = event.first("DTSTART")
    if line is None:
        raise InvalidCalendarObject("an event without DTSTART", event.begin.number)
    wall, all_day, utc = parse_time(line.value, line.number)
    _keepable(wall, line)
    return wall, "" if all_day else UTC if utc else line.parameter("TZID") or UTC, all_day


def _keepable(wall: datetime, line: Line) -> None:
    if not 1 < wall.year < 9990:
        raise InvalidCalendarObject("a year that cannot be kept", line.number)


def read_facts(event: Component, all_day_zone: str, series: SeriesForm | None) -> Facts:
    """What a VEVENT in normal form says.

    ``all_day_zone``: the zone kept with an all-day event. ``series``: the master's form, in whose terms
    RECURRENCE-ID is read; None for a master or an orphan. Raises ``InvalidCalendarObject``.
    """
    start, zone, all_day = _start(event)
    zone = zone or all_day_zone
    if line := event.first("EXRULE"):
        raise InvalidCalendarObject("EXRULE cannot be kept", line.number)
    rules = event.all("RRULE")
    if len(rules) > 1:
        raise InvalidCalendarObject("more than one RRULE", rules[1].number)
    form = series if series is not None else SeriesForm(zone, all_day, start.time())
    return Facts(
        start=start,
        end=_end(event, start, zone, all_day),
        zone=zone,
        all_day=all_day,
        title=_text(event, "SUMMARY") or "",
        location=_text(event, "LOCATION") or "",
        description=_text(event, "DESCRIPTION"),
        status=_plain(event, "STATUS"),
        transparent=_plain(event, "TRANSP") == "TRANSPARENT",
        rrule=rules[0].value.strip() if rules else "",
        rdate=_dates(event, "RDATE", zone, all_day),
        exdate=_dates(event, "EXDATE", zone, all_day),
        recurrence_id=_recurrence_id(event, form),
    )


def uid_value(event: Component) -> str:
    """The UID as it stands in the bytes. Raises ``InvalidCalendarObject`` without one."""
    line = event.first("UID")
    if line is None or not line.value.strip():
        raise InvalidCalendarObject("an event without UID", event.begin.number)
    return line.value


def _text(event: Component, name: str) -> str | None:
    line = event.first(name)
    return None if line is None else unescape(line.value)


def _plain(event: Component, name: str) -> str:
    line = event.first(name)
    return "" if line is None else line.value.strip().upper()


def _end(event: Component, start: datetime, zone: str, all_day: bool) -> datetime:
    line = event.first("DTEND")
    if line is not None:
        end, date_only = wall_in(line, line.value, zone)
        if date_only != all_day:
            raise InvalidCalendarObject("DTSTART and DTEND of different kinds", line.number)
        if end < start:
            end = _turned_back(line, start, end, zone)
    elif (line := event.first("DURATION")) is not None:
        days, exact = parse_duration(line.value, line.number)
        if all_day:
            days, exact = timedelta(days=days.days + -(-exact // timedelta(days=1))), timedelta()
        try:
            end = add_duration(start, zone, days, exact)
        except OverflowError:
            raise InvalidCalendarObject("an end that cannot be kept", line.number) from None
        if end < start:
            raise InvalidCalendarObject("an end before the start", line.number)
    else:
        end = start
    if end.year > 9990:
        raise InvalidCalendarObject("an end that cannot be kept", line.number if line else None)
    # RFC 5545 3.6.1: a date without an end is one day; some clients write the day itself as its end.
    return max(end, start + timedelta(days=1)) if all_day else end


def _turned_back(line: Line, start: datetime, end: datetime, zone: str) -> datetime:
    """An end that is earlier on the wall only: within the repeated hour it is taken as the start."""
    _, _, utc = parse_time(line.value, line.number)
    own = UTC if utc else line.parameter("TZID") or zone
    if own != zone and start - end <= timedelta(hours=2):
        return start
    raise InvalidCalendarObject("DTEND before DTSTART", line.number)


def _dates(event: Component, name: str, zone: str, all_day: bool) -> tuple[datetime, ...]:
    found: set[datetime] = set()
    for line in event.all(name):
        found.update(dates_of(line, zone, all_day))
    if len(found) > MAX_DATES:
        raise TooManyInstances(f"more than {MAX_DATES} {name}", event.begin.number)
    return tuple(sorted(found))


def dates_of(line: Line, zone: str, all_day: bool) -> list[datetime]:
    """The wall times in ``zone`` of one EXDATE or RDATE line; of a PERIOD its start."""
    values = line.value.split(",")
    if len(values) > MAX_DATES:
        raise TooManyInstances(f"more than {MAX_DATES} dates", line.number)
    walls = [wall_in(line, value.strip().partition("/")[0], zone)[0] for value in values if value.strip()]
    return [midnight(wall) for wall in walls] if all_day else walls


def _recurrence_id(event: Component, series: SeriesForm) -> datetime | None:
    """The instance that is overridden, as a wall time of the series whatever form it came in."""
    line = event.first("RECURRENCE-ID")
    if line is None:
        return None
    if line.parameter("RANGE") is not None:
        raise InvalidCalendarObject("RECURRENCE-ID with RANGE cannot be kept", line.number)
    wall, date_only = wall_in(line, line.value, series.zone)
    _keepable(wall, line)
    if series.all_day:
        return midnight(wall)
    # A date for a series with times: the instance of that day, whatever time it was moved to.
    return datetime.combine(wall.date(), series.clock) if date_only else wall


def is_personal(name: str) -> bool:
    """Whether a line belongs to the viewer alone: alarm state, default alarms, travel time."""
    return name in _PERSONAL_NAMES or name.startswith(_PERSONAL_PREFIXES)


def pieces_of(
    event: Component, facts: Facts, projection: Projection, series: SeriesForm | None
) -> tuple[list[Entry], list[Placed]]:
    """(shared entries with their bases, personal pieces with their positions) of a VEVENT in normal form."""
    entries: list[Entry] = []
    personal: list[Placed] = []
    no_end = event.first("DTEND") is None and event.first("DURATION") is None
    last = max(i for i, item in enumerate(event.items) if not _is_alarm(item))
    for index, item in enumerate(event.items):
        if isinstance(item, Component):
            entry = Entry(f"+{item.name}", item.raw, "", _zones_in(item))
            if _is_alarm(item):
                personal.append(Placed(len(entries) if index < last else BEHIND, entry))
            else:
                entries.append(entry)
            continue
        tzid = item.parameter("TZID")
        if is_personal(item.name):
            personal.append(Placed(len(entries), Entry(item.name, item.raw, "", tzid or "")))
            continue
        entries.append(Entry(item.name, item.raw, _basis(item, facts, projection, series), tzid or ""))
        if item.name == "DTSTART" and no_end:
            entries.append(Entry("DTEND", "", _end_basis(facts)))
    return entries, personal


def _is_alarm(item: Line | Component) -> bool:
    return isinstance(item, Component) and item.name == "VALARM"


def _zones_in(component: Component) -> str:
    """The zones that a component's lines need, separated by spaces."""
    found: set[str] = set()
    for item in component.items:
        if isinstance(item, Line):
            found.add(item.parameter("TZID") or "")
        else:
            found.update(_zones_in(item).split())
    return " ".join(sorted(found - {""}))


def _end_basis(facts: Facts) -> str:
    return f"{moment_basis(facts.start, facts.zone, facts.all_day)}/{format_date_time(facts.end)}"


def _basis(line: Line, facts: Facts, projection: Projection, series: SeriesForm | None) -> str:
    """What a modelled line says, in the words ``render_event`` compares it with; "" for the others."""
    match line.name:
        case "UID":
            return line.value
        case "DTSTART":
            return moment_basis(facts.start, facts.zone, facts.all_day)
        case "DTEND" | "DURATION":
            return _end_basis(facts)
        case "SUMMARY" | "LOCATION" | "DESCRIPTION":
            return unescape(line.value)
        case "URL":
            value = line.value.strip()
            return f"link {value}" if is_link(value, projection) else OWN if value else ""
        case "STATUS" | "TRANSP":
            return line.value.strip().upper()
        case "RRULE":
            return facts.rrule
        case "RECURRENCE-ID" if facts.recurrence_id is not None:
            zone, all_day = (series.zone, series.all_day) if series else (facts.zone, facts.all_day)
            if is_date(line.value.strip()) is not all_day:
                return ""  # the right instance to us; to another program one that the series does not have
            return moment_basis(facts.recurrence_id, zone, all_day)
        case "EXDATE" | "RDATE":
            return date_bases(dates_of(line, facts.zone, facts.all_day), facts.zone, facts.all_day)
        case "X-ALT-DESC":
            return companion_basis(facts.description or "")
        case "X-APPLE-STRUCTURED-LOCATION":
            return companion_basis(facts.location)
        case _:
            return ""
