"""The closed list of what the server writes otherwise than the client sent it.

Done here, on the parsed text, before anything is understood (``normalise``, idempotent):

1. A byte order mark goes; lines end in CRLF; empty lines and control characters that XML cannot carry go;
   a line folded inside a character is folded anew.
2. METHOD goes (RFC 4791 4.1).
3. A TZID becomes its IANA zone: Windows names (the practice's own zone where its clocks are the same),
   prefixed and unknown ones (judged by their VTIMEZONE, else the practice's zone). Its VTIMEZONE becomes
   ours; so does one that is wrong for its zone in the years of the event, one sent twice, and one that is
   missing.
4. Floating times get the practice's zone, in DTEND, RECURRENCE-ID, EXDATE and RDATE that of the event's
   start. A TZID on a UTC time goes. A missing or wrong VALUE=DATE is put right.
5. An UNTIL in local time, or a date where the start has a clock time, is written in UTC.
   EXDATE and RDATE that mix dates and times, or UTC and other times in one line, take the form of the
   event's start.
6. Of a property that may stand only once, the first one stays, and DTEND beside DURATION. RRULE, RDATE and
   EXDATE of an overridden instance go: they mean nothing there.

Done by the lens, which knows the practice's data (each also idempotent):

7. A recognised title takes the template of the view; a phone number at its end moves to the phone field,
   which full shows in the description; our own "not booked" in front goes.
8. The link and the phone number stand in the description's first lines, and the link in an empty URL.
9. An appointment given to another patient, or to none, no longer shows the former one's phone and note.
10. A cancelled instance becomes an EXDATE; an instance with a VEVENT of its own has none.
11. What the view does not show is kept and not shown: below full the envelope and VTIMEZONE are ours, and
    notes, unknown places, alarm texts and lines that could hold a name do not come back.
12. A RECURRENCE-ID of a day in a series with clock times, or the reverse, takes the form of the series.
13. What a client that rebuilds events cannot express is put back (``merge``).
"""

from __future__ import annotations

import re

from radicale_practice.event import client_zones
from radicale_practice.event.content_lines import Component, Line, parse, parse_line, unfolded
from radicale_practice.event.errors import InvalidCalendarData
from radicale_practice.event.time_zones import resolve, vtimezone
from radicale_practice.event.values import UTC, format_date, format_date_time, is_date, parse_time
from radicale_practice.practice import zones
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.series.recurrence_rule import with_utc_end

SINGLE = frozenset(
    (
        *("UID", "DTSTART", "DTEND", "DURATION", "SUMMARY", "LOCATION", "DESCRIPTION", "URL", "STATUS"),
        *("RECURRENCE-ID", "DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE", "CLASS", "PRIORITY", "GEO"),
        *("ORGANIZER", "COLOR", "TRANSP"),
    )
)
_TIMES = ("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE")
_TZID = re.compile(r";TZID=(\"[^\"]*\"|[^\":;,]*)", re.IGNORECASE)
_VALUE = re.compile(r";VALUE=[A-Z-]+", re.IGNORECASE)


def normalise(calendar: Component, time_zone: str) -> None:
    """Bring a parsed VCALENDAR into normal form in place. ``time_zone``: the practice's zone.

    Raises ``InvalidCalendarObject`` for times that are none.
    """
    calendar.items = [
        item for item in calendar.items if not (isinstance(item, Line) and item.name == "METHOD")
    ]
    resolved = _resolve_zones(calendar, time_zone)
    events = [item for item in calendar.components if item.name == "VEVENT"]
    for event in events:
        _drop_repeated(event)
        for component, line in _all_lines(event):
            if line.parameter("TZID") is not None:
                _replace(component, line, _with_zone(line, resolved))
        _settle_times(event, time_zone)
    _settle_definitions(calendar, events, resolved)


def _resolve_zones(calendar: Component, time_zone: str) -> dict[str, str]:
    """TZID as written -> IANA zone, for every TZID in the calendar."""
    definitions: dict[str, list[str]] = {}
    for component in calendar.components:
        identifier = component.first("TZID") if component.name == "VTIMEZONE" else None
        if identifier is not None:
            definitions.setdefault(identifier.value.strip(), unfolded(component.raw).split("\r\n"))
    resolved: dict[str, str] = {}
    used = {
        tzid
        for event in calendar.components
        if event.name == "VEVENT"
        for line in event.walk()
        if (tzid := line.parameter("TZID")) is not None
    }
    for tzid in sorted(used | set(definitions)):
        zone = resolve(tzid, definitions.get(tzid), prefer=time_zone)
        resolved[tzid] = zone if zone is not None and zones.load(zone) is not None else time_zone
    return resolved


def _all_lines(component: Component) -> list[tuple[Component, Line]]:
    found: list[tuple[Component, Line]] = []
    for item in component.items:
        if isinstance(item, Line):
            found.append((component, item))
        else:
            found += _all_lines(item)
    return found


def _replace(component: Component, line: Line, raw: str | None) -> None:
    for index, item in enumerate(component.items):
        if item is line:
            if raw is None:
                del component.items[index]
            elif raw != line.raw:
                component.items[index] = parse_line(raw, line.number)
            return


def _drop_repeated(event: Component) -> None:
    """The first of a property that may stand once stays, DTEND before DURATION; no rule on an instance."""
    # RFC 5545 3.6.1: not both. What is read is the DTEND; the other may say anything.
    seen: set[str] = {"DURATION"} if event.first("DTEND") is not None else set()
    overridden = event.first("RECURRENCE-ID") is not None
    kept: list[Line | Component] = []
    for item in event.items:
        if isinstance(item, Line):
            if item.name in seen or (overridden and item.name in ("RRULE", "RDATE", "EXDATE", "EXRULE")):
                continue
            if item.name in SINGLE:
                seen.add(item.name)
        kept.append(item)
    event.items = kept


def _with_zone(line: Line, resolved: dict[str, str]) -> str:
    tzid = line.parameter("TZID") or ""
    zone = resolved.get(tzid)
    if zone is None or zone == tzid:
        return line.raw
    return _TZID.sub(lambda _: f";TZID={zone}", unfolded(line.raw), count=1)


def _settle_times(event: Component, time_zone: str) -> None:
    """Points 4 and 5: every time of the event has a zone and the right form."""
    start = event.first("DTSTART")
    if start is None:
        return
    _, all_day, utc = parse_time(start.value, start.number)
    zone = UTC if utc else start.parameter("TZID") or time_zone
    for name in _TIMES:
        own_zone = time_zone if name == "DTSTART" else zone
        for line in event.all(name):
            if name in ("EXDATE", "RDATE") and not line.value.strip():
                _replace(event, line, None)
                continue
            clock = parse_time(start.value, start.number)[0]
            like_start = (all_day, format_date_time(clock)[8:]) if name in ("EXDATE", "RDATE") else None
            _replace(event, line, _settled(line, own_zone, like_start))
    for line in event.all("RRULE"):
        rule = with_utc_end(line.value, zone, all_day)
        if rule != line.value:
            _replace(event, line, f"{unfolded(line.raw)[: -len(line.value) - 1]}:{rule}")


def _settled(line: Line, zone: str, like_start: tuple[bool, str] | None) -> str:
    """The line with its zone and form right. ``like_start``: (all-day, clock) that a list has to follow."""
    values = [value.strip() for value in line.value.split(",")]
    period = (line.parameter("VALUE") or "").upper() == "PERIOD"
    firsts = [value.partition("/")[0] for value in values]
    dates = [is_date(value) for value in firsts]
    for value in firsts:
        parse_time(value, line.number)
    in_utc = [value.endswith(("Z", "z")) for value in firsts]
    mixed = any(in_utc) and not all(in_utc)
    if like_start is not None and not period and (mixed or any(date != like_start[0] for date in dates)):
        all_day, clock = like_start
        return _list_like_start(line, values, zone, all_day, clock)
    utc, tail = any(in_utc), line.value
    head = unfolded(line.raw)[: -len(tail) - 1]
    declared = (line.parameter("VALUE") or "").upper()
    if all(dates):
        if declared != "DATE":
            head = _VALUE.sub("", head) + ";VALUE=DATE"
        return line.raw if declared == "DATE" else f"{head}:{tail}"
    changed = head
    if declared == "DATE":
        changed = _VALUE.sub("", changed, count=1)
    has_zone = line.parameter("TZID") is not None
    if utc and has_zone:
        changed = _TZID.sub("", changed, count=1)
    elif not utc and not has_zone:
        if zone == UTC:
            tail = ",".join(value if period else f"{value}Z" for value in values)
        else:
            changed += f";TZID={zone}"
    return line.raw if changed == head and tail == line.value else f"{changed}:{tail}"


def _list_like_start(line: Line, values: list[str], zone: str, all_day: bool, clock: str) -> str:
    """A mixed list in the form of the event's start: dates take its clock time, times lose theirs."""
    own = line.parameter("TZID") or zone
    settled = []
    for value in values:
        wall, date_only, utc = parse_time(value, line.number)
        if utc:
            wall = zones.to_wall(zones.to_utc(wall, UTC), own)
        if all_day:
            settled.append(format_date(wall))
        else:
            settled.append(format_date(wall) + (clock if date_only else format_date_time(wall)[8:]))
    unique = list(dict.fromkeys(settled))
    if all_day:
        return f"{line.name};VALUE=DATE:{','.join(unique)}"
    if own == UTC:
        return f"{line.name}:{','.join(f'{value}Z' for value in unique)}"
    return f"{line.name};TZID={own}:{','.join(unique)}"


def years_of(events: list[Component]) -> tuple[int, int]:
    """First and last year in which the events need their zones; a series counts for two decades."""
    years: list[int] = []
    for event in events:
        for name in _TIMES:
            for line in event.all(name):
                years += [int(y) for y in re.findall(r"(\d{4})\d{4}", line.value)]
    first, last = (min(years), max(years)) if years else (1970, 1970)
    if any(event.first("RRULE") is not None for event in events):
        last = max(last, first + client_zones.YEARS_AHEAD)
    return first, min(last, first + 190)


def _settle_definitions(calendar: Component, events: list[Component], resolved: dict[str, str]) -> None:
    """Exactly one right VTIMEZONE for each zone in use; unused right ones stay as they came."""
    used: list[str] = []
    for event in events:
        for _, line in _all_lines(event):
            zone = line.parameter("TZID")
            if zone is not None and zone not in used:
                used.append(zone)
    first, last = years_of(events)
    items: list[Line | Component] = []
    defined: set[str] = set()
    for item in calendar.items:
        if not isinstance(item, Component) or item.name != "VTIMEZONE":
            items.append(item)
            continue
        identifier = item.first("TZID")
        tzid = identifier.value.strip() if identifier is not None else ""
        zone = resolved.get(tzid, "")
        if not zone or zone in defined:
            continue
        right = tzid == zone and client_zones.is_right(item.raw, zone, first, last)
        if right or zone in used:
            defined.add(zone)
            items.append(item if right else ours(zone, first))
    missing = [ours(zone, first) for zone in used if zone not in defined]
    if missing:
        at = next(
            (i for i, item in enumerate(items) if isinstance(item, Component) and item.name == "VEVENT"),
            len(items),
        )
        items[at:at] = missing
    calendar.items = items


def ours(zone: str, first_year: int) -> Component:
    """Our VTIMEZONE as a component."""
    try:
        text = vtimezone(zone, first_year)
    except InvalidValue:
        # such as a TZID parameter with two values
        raise InvalidCalendarData("a TZID names no time zone") from None
    try:
        return parse(f"BEGIN:VCALENDAR\r\n{text.strip()}\r\nEND:VCALENDAR".encode()).components[0]
    except IndexError:
        raise InvalidCalendarData("no definition of the time zone") from None
