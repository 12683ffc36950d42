"""VTIMEZONE components (RFC 5545 3.6.5) made from zone data, and IANA names for the TZIDs of clients."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from radicale_practice.event import foreign_zones, tzif
from radicale_practice.event.windows_zones import WINDOWS_ZONES
from radicale_practice.practice import zones
from radicale_practice.practice.errors import InvalidValue

_ALWAYS = 1970
"""Year in which the first observance begins, unless an earlier one is needed."""

_EARLIEST = 1601
_COMPARED_FROM = datetime(2000, 1, 1)
_RDATES_A_LINE = 4
_WEEKDAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
_LONGEST_TZID = 255
_COUNTER = re.compile(r"(?<!GMT)(?<!UTC)(?: |_|-)\d{1,4}$", re.ASCII)
_OFFSET_NAME = re.compile(r"\(?(?:UTC|GMT)?\s*([+-])(\d{1,2}):?([0-5]\d)?\)?", re.IGNORECASE | re.ASCII)
_DISPLAY_NAME = re.compile(r"\((?:UTC|GMT)\s*(?:[+-]\d{1,2}:?\d{2})?\)\s*(.+)", re.IGNORECASE | re.ASCII)


def vtimezone(zone: str, first_year: int) -> str:
    """The VTIMEZONE of an IANA zone, right for every instant from the beginning of ``first_year`` on.

    Changes before the present rule are listed, the present rule is an RRULE; the text (CRLF lines) is cached
    and does not depend on the day it is made. Raises ``InvalidValue`` if there is no such zone.
    """
    history = tzif.history(zone)
    if history is None:
        raise InvalidValue("no such time zone")
    if history.yearly:
        settled = history.yearly_from + 1
    else:
        settled = max(history.onsets[-1].wall.year + 1 if history.onsets else 0, _ALWAYS)
    return _vtimezone(zone, max(min(first_year, settled), _EARLIEST))


@lru_cache(maxsize=1024)
def _vtimezone(zone: str, first_year: int) -> str:
    history = tzif.history(zone)
    assert history is not None
    observances: list[tuple[datetime, list[str]]] = []
    listed = [onset for onset in history.onsets if onset.wall.year >= first_year]
    yearly = [block for change in history.yearly for block in _yearly_blocks(change, history.yearly_from)]
    if listed or not yearly or history.yearly_from >= first_year:
        before = [onset for onset in history.onsets if onset.wall.year < first_year]
        kind = before[-1].after if before else history.first
        begin = datetime(min(first_year, _ALWAYS), 1, 1)
        observances.append((begin, _block(begin, tzif.Onset(begin, kind, kind), [])))
    groups: dict[tuple[tzif.LocalType, tzif.LocalType], list[tzif.Onset]] = {}
    for onset in listed:
        groups.setdefault((onset.before, onset.after), []).append(onset)
    for onsets in groups.values():
        dates = [_text(onset.wall) for onset in onsets[1:]]
        lines = [
            "RDATE:" + ",".join(dates[i : i + _RDATES_A_LINE]) for i in range(0, len(dates), _RDATES_A_LINE)
        ]
        observances.append((onsets[0].wall, _block(onsets[0].wall, onsets[0], lines)))
    lines = ["BEGIN:VTIMEZONE", f"TZID:{zone}"]
    for _, block in sorted(observances + yearly):
        lines += block
    return "\r\n".join([*lines, "END:VTIMEZONE", ""])


def _block(wall: datetime, onset: tzif.Onset, recurrence: list[str]) -> list[str]:
    """One observance. Where summer is the zone's "standard" (Ireland) it is DAYLIGHT all the same."""
    before, after = onset.before, onset.after
    daylight = (before.daylight or after.daylight) and after.offset > before.offset
    name = "DAYLIGHT" if daylight or (before == after and after.daylight) else "STANDARD"
    return [
        f"BEGIN:{name}",
        f"DTSTART:{_text(wall)}",
        f"TZOFFSETFROM:{_offset(before.offset)}",
        f"TZOFFSETTO:{_offset(after.offset)}",
        f"TZNAME:{after.name}",
        *recurrence,
        f"END:{name}",
    ]


def _yearly_blocks(change: tzif.YearlyChange, first_year: int) -> Iterator[tuple[datetime, list[str]]]:
    """The observances of one yearly change: two if it falls into either of two months (Cairo, Nuuk)."""
    shift = change.seconds // 86400
    weekday = _WEEKDAYS[(change.weekday + shift) % 7]
    if shift == 0:
        nth = -1 if change.week == 5 else change.week
        by_parts = {change.month: f"BYMONTH={change.month};BYDAY={nth}{weekday}"}
    else:
        by_parts = {
            month: f"BYMONTH={month};BYMONTHDAY={','.join(map(str, days))};BYDAY={weekday}"
            for month, days in _shifted_days(change, shift).items()
        }
    for month, parts in by_parts.items():
        onset = next(
            o for o in map(change.onset, range(first_year, first_year + 40)) if o.wall.month == month
        )
        yield onset.wall, _block(onset.wall, onset, [f"RRULE:FREQ=YEARLY;{parts}"])


def _shifted_days(change: tzif.YearlyChange, shift: int) -> dict[int, list[int]]:
    """Month and days on which a change can fall that is meant some days after (before) a weekday of a month.

    No zone does so in February, whose length is not constant.
    """
    length = (date(2001, change.month % 12 + 1, 1) - timedelta(days=1)).day
    last = length if change.week == 5 else 7 * change.week
    days: dict[int, list[int]] = {}
    for number in range(last - 6, last + 1):
        day = date(2001, change.month, number) + timedelta(days=shift)
        days.setdefault(day.month, []).append(day.day)
    return days


def _text(wall: datetime) -> str:
    # not strftime: it does not pad the years before 1000
    return wall.isoformat(timespec="seconds").replace("-", "").replace(":", "")


def _offset(seconds: int) -> str:
    minutes, rest = divmod(abs(seconds), 60)
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}{minutes % 60:02}" + (
        f"{rest:02}" if rest else ""
    )


def resolve(
    tzid: str,
    vtimezone_lines: Sequence[str] | None = None,
    *,
    prefer: str = "Europe/Vienna",
    year: int | None = None,
) -> str | None:
    """The IANA name for a client's TZID; None if nothing is known about it.

    ``vtimezone_lines``: the unfolded content lines of the VTIMEZONE that came with it, if any. In this
    order: an IANA name in any case (links stay); a Windows name, whose zone is ``prefer`` if their clocks
    have been the same since 2000; the same behind a prefix
    (``/freeassociation.sourceforge.net/Europe/Vienna``) or before a counter (``Europe/Vienna 1``); an Outlook
    display name (``(UTC+01:00) Amsterdam, Berlin, …``); a bare offset; at last the zone whose offsets are
    those of the VTIMEZONE in ``year`` (default: the present one) and the next, ``prefer`` before others.
    """
    name = tzid.strip().strip('"').strip()
    if len(name) > _LONGEST_TZID or not name.isprintable():
        name = ""
    for form in _forms(name):
        known = zones.canonical(form)
        if known is None and (windows := WINDOWS_ZONES.get(form.lower())) is not None:
            known = _same_or(windows, prefer)
        if known:
            return known
    known = _display_name(name, prefer) or _offset_name(name)
    if known or not vtimezone_lines:
        return known
    return foreign_zones.judge(vtimezone_lines, prefer, year or datetime.now(UTC).year)


@lru_cache(maxsize=256)
def _same_or(zone: str, prefer: str) -> str:
    """``prefer`` if nobody's clock can tell it from ``zone``: a practice in Vienna is not moved to Berlin."""
    ours, theirs = tzif.history(prefer), tzif.history(zone)
    if ours is None or theirs is None or _clock(ours) != _clock(theirs):
        return zone
    return zones.canonical(prefer) or zone


def _clock(history: tzif.ZoneHistory) -> tuple[object, ...]:
    """The offset in 2000 and all its changes since."""
    before = [onset.after.offset for onset in history.onsets if onset.at < _COMPARED_FROM]
    since = [(onset.at, onset.after.offset) for onset in history.onsets if onset.at >= _COMPARED_FROM]
    yearly = [
        (c.month, c.week, c.weekday, c.seconds, c.before.offset, c.after.offset) for c in history.yearly
    ]
    return (
        before[-1] if before else history.first.offset,
        since,
        sorted(yearly),
        max(history.yearly_from, 2000),
    )


def _forms(name: str) -> Iterator[str]:
    yield name
    base = _COUNTER.sub("", name)
    for form in (name, base):
        segments = [segment for segment in form.split("/") if segment]
        for count in (3, 2):
            yield "/".join(segments[-count:])
        if name.startswith("/"):
            yield segments[-1] if segments else ""
    yield base


def _display_name(name: str, prefer: str) -> str | None:
    match = _DISPLAY_NAME.fullmatch(name)
    if match is None:
        return None
    cities = {city.strip().lower().replace(" ", "_") for city in match[1].split(",")}
    if prefer.rpartition("/")[2].lower() in cities:
        return zones.canonical(prefer)
    # sorted: the same name gives the same zone on every worker
    return next((zone for zone in sorted(zones.names()) if zone.rpartition("/")[2].lower() in cities), None)


def _offset_name(name: str) -> str | None:
    match = _OFFSET_NAME.fullmatch(name)
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    return foreign_zones.constant(timedelta(minutes=minutes if match[1] == "+" else -minutes))
