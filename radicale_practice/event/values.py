"""Values of properties to and from Python: TEXT, DATE, DATE-TIME, DURATION (RFC 5545 3.3)."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from radicale_practice.event.content_lines import Line, clean_text
from radicale_practice.event.errors import InvalidCalendarObject
from radicale_practice.practice.zones import to_utc, to_wall

UTC = "UTC"

_UNESCAPE = re.compile(r"\\(.)", re.DOTALL)
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)\Z", re.ASCII)
_DATE_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(Z?)\Z", re.ASCII)
_DURATION = re.compile(
    r"([+-])?P(?:(\d{1,5})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?\Z", re.ASCII
)


def escape(text: str) -> str:
    """TEXT as it stands in a content line (RFC 5545 3.3.11)."""
    text = clean_text(text)
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def unescape(value: str) -> str:
    """TEXT from a content line. A comma or semicolon without its backslash is taken as it is."""
    if "\\" not in value:
        return value
    return _UNESCAPE.sub(lambda m: "\n" if m.group(1) in "nN" else m.group(1), value)


def format_date(wall: datetime) -> str:
    """DATE, ``20261025``."""
    return f"{wall.year:04d}{wall.month:02d}{wall.day:02d}"


def format_date_time(wall: datetime) -> str:
    """DATE-TIME without a zone, ``20261025T090000``."""
    return f"{wall.year:04d}{wall.month:02d}{wall.day:02d}T{wall.hour:02d}{wall.minute:02d}{wall.second:02d}"


def time_property(name: str, wall: datetime, zone: str, all_day: bool) -> str:
    """A whole content line for a wall time in ``zone``: DATE, UTC form, or with TZID."""
    if all_day:
        return f"{name};VALUE=DATE:{format_date(wall)}"
    if zone == UTC:
        return f"{name}:{format_date_time(wall)}Z"
    return f"{name};TZID={zone}:{format_date_time(wall)}"


def is_date(text: str) -> bool:
    """Whether a value has the form of a DATE."""
    return _DATE.match(text) is not None


def parse_time(text: str, number: int) -> tuple[datetime, bool, bool]:
    """(wall time, whether a DATE, whether in UTC). Raises ``InvalidCalendarObject``."""
    text = text.strip()
    try:
        if match := _DATE_TIME.match(text):
            year, month, day, hour, minute, second = (int(g) for g in match.groups()[:6])
            # A leap second is the last second of its minute.
            return (
                datetime(year, month, day, hour, minute, min(second, 59)),
                False,
                bool(match.group(7)),
            )
        if match := _DATE.match(text):
            year, month, day = (int(g) for g in match.groups())
            return datetime(year, month, day), True, False
    except ValueError:
        pass
    raise InvalidCalendarObject("not a date or date-time", number)


def wall_in(line: Line, text: str, zone: str) -> tuple[datetime, bool]:
    """(wall time in ``zone``, whether a DATE) of one value of a line whose TZID is an IANA zone."""
    wall, date_only, utc = parse_time(text, line.number)
    if date_only:
        return wall, True
    own = UTC if utc else (line.parameter("TZID") or zone)
    return convert(wall, own, zone), False


def convert(wall: datetime, zone: str, to_zone: str) -> datetime:
    """The wall time in ``to_zone`` at the instant of ``wall`` in ``zone``."""
    if zone == to_zone:
        return wall
    try:
        return to_wall(to_utc(wall, zone), to_zone).replace(tzinfo=None)
    except (OverflowError, ValueError):
        return wall


def parse_duration(text: str, number: int) -> tuple[timedelta, timedelta]:
    """(nominal days, exact time) of a DURATION. Raises ``InvalidCalendarObject``."""
    match = _DURATION.match(text.strip().upper())
    if match is None or not any(match.groups()[1:]):
        raise InvalidCalendarObject("not a duration", number)
    weeks, days, hours, minutes, seconds = (int(g or 0) for g in match.groups()[1:])
    sign = -1 if match.group(1) == "-" else 1
    exact = timedelta(seconds=sign * (hours * 3600 + minutes * 60 + seconds))
    return timedelta(days=sign * (weeks * 7 + days)), exact


def add_duration(start: datetime, zone: str, days: timedelta, exact: timedelta) -> datetime:
    """``start`` + a duration: days are days of the wall, the rest is elapsed time (RFC 5545 3.3.6)."""
    nominal = start + days
    if not exact:
        return nominal
    try:
        end = to_wall(to_utc(nominal, zone) + exact, zone).replace(tzinfo=None)
    except (OverflowError, ValueError):
        return nominal + exact
    # Across the repeated hour the wall stands still or runs backwards; no end before its start can be kept,
    # and an appointment that lasts must not become one without length, which takes up no time.
    return end if end > start or exact < timedelta() else nominal + exact


def midnight(wall: datetime) -> datetime:
    """The beginning of that day."""
    return datetime.combine(date(wall.year, wall.month, wall.day), time())
