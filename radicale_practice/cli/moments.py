"""Days and times as people type and read them at the command line."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from radicale_practice.practice import zones
from radicale_practice.practice.errors import InvalidValue

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ENGLISH = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_GERMAN = ("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag")
_HELP = "such as 2026-11-24 09:00, 24.11.2026 09:00, tue 09:00, today 14:30"


def parse_day(text: str, today: date) -> date:
    """A day: 2026-11-24, 24.11.2026, today, tomorrow, or the next such weekday (tue, di, tuesday).

    Raises ``InvalidValue``.
    """
    word = text.strip().lower()
    if word in ("today", "heute"):
        return today
    if word in ("tomorrow", "morgen"):
        return today + timedelta(days=1)
    for pattern in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(word, pattern).date()
        except ValueError:
            continue
    for names, length in ((_ENGLISH, 3), (_GERMAN, 2)):
        for number, name in enumerate(names):
            if word in (name, name[:length]):
                return today + timedelta(days=(number - today.weekday()) % 7)
    raise InvalidValue(f"the day is not understood: {_HELP}")


def parse_moment(text: str, today: date) -> datetime:
    """A day and a time of day. Raises ``InvalidValue``."""
    found = re.fullmatch(r"(.+?)[T ]+(\d{1,2})[:.](\d{2})(?::00)?", text.strip())
    if found is None:
        raise InvalidValue(f"the time is not understood: {_HELP}")
    return datetime.combine(parse_day(found[1], today), parse_time(f"{found[2]}:{found[3]}"))


def parse_day_or_moment(text: str, today: date) -> tuple[date, time | None]:
    """A day, or a day and a time of day. Raises ``InvalidValue``."""
    if re.search(r"\d[:.]\d{2}(?::00)?$", text.strip()) and " " in text.strip().replace("T", " "):
        moment = parse_moment(text, today)
        return moment.date(), moment.time()
    return parse_day(text, today), None


def parse_time(text: str) -> time:
    """A time of day such as 9:30. Raises ``InvalidValue``."""
    found = re.fullmatch(r"(\d{1,2})[:.](\d{2})", text.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise InvalidValue("a time of day is written like 09:30")
    return time(int(found[1]), int(found[2]))


def parse_end(text: str | None, minutes: int | None, start: datetime) -> datetime | None:
    """The end by time of day or moment, or by length; None if neither is given. Raises ``InvalidValue``."""
    if text is not None and minutes is not None:
        raise InvalidValue("give --end or --minutes, not both")
    if minutes is not None:
        return start + timedelta(minutes=minutes)
    if text is None:
        return None
    if re.fullmatch(r"\d{1,2}[:.]\d{2}", text.strip()):
        return datetime.combine(start.date(), parse_time(text))
    return parse_moment(text, start.date())


def shown(moment: datetime) -> str:
    """``Tue 2026-11-24 09:00``."""
    return f"{shown_day(moment)} {moment:%H:%M}"


def shown_span(start: datetime, end: datetime, all_day: bool = False) -> str:
    """``Tue 2026-11-24 09:00 to 09:30``, with the end's day if it is another; all-day: the days, both in it.

    ``end`` of an all-day entry is exclusive.
    """
    if all_day:
        last = end - timedelta(days=1)
        return shown_day(start) + (f" to {shown_day(last)}" if last.date() > start.date() else "")
    return f"{shown(start)} to " + (f"{end:%H:%M}" if end.date() == start.date() else shown(end))


def shown_day(moment: date) -> str:
    """``Tue 2026-11-24``."""
    return f"{_DAYS[moment.weekday()].title()} {moment:%Y-%m-%d}"


def clock_time(at: datetime, time_zone: str) -> str:
    """A UTC time of the records on the practice's wall clock."""
    return shown(zones.to_wall(at.replace(tzinfo=UTC), time_zone))


def counted(number: int, what: str) -> str:
    """``1 change``, ``2 changes``."""
    return f"{number} {what}" + ("" if number == 1 else "s")
