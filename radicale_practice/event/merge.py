"""What a client could not express or was not shown is carried over from the version before.

Outlook CalDAV Synchronizer rebuilds an event from its own fields; DAVx5 rebuilds alarms from minutes. The
lines they do not know are not deleted by their upload. And what the viewer's projection hides stays, for
every client.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from radicale_practice.event.content_lines import Component, unfolded
from radicale_practice.event.errors import InvalidCalendarObject
from radicale_practice.event.extra import BEHIND, Entry, Placed
from radicale_practice.event.harmless import harmless_line, neutral_alarm
from radicale_practice.event.render_event import LISTS, OWN, SINGLE
from radicale_practice.event.values import UTC, parse_duration, parse_time
from radicale_practice.practice import zones


class Rebuilder(Enum):
    """Programs known to rebuild what they edit, by the PRODID they write."""

    OUTLOOK = "DDay.iCal"
    DAVX5 = "DAVx5/"


_OUTLOOK_WRITES = frozenset(
    (
        *("UID", "SEQUENCE", "SUMMARY", "LOCATION", "DESCRIPTION", "DTSTART", "DTEND", "DURATION", "CLASS"),
        *("PRIORITY", "CATEGORIES", "TRANSP", "STATUS", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"),
        *("DTSTAMP", "LAST-MODIFIED", "ORGANIZER", "ATTENDEE", "X-MICROSOFT-CDO-BUSYSTATUS"),
        *("X-MICROSOFT-CDO-ALLDAYEVENT", "X-SOGO-SEND-APPOINTMENT-NOTIFICATIONS"),
    )
)
_ONCE = frozenset(("DTSTAMP", "GEO", "ORGANIZER", "CONTACT", "X-APPLE-STRUCTURED-LOCATION", "X-ALT-DESC"))
_OFF_THE_CLOCK = re.compile(r"X-APPLE-PROXIMITY|TRIGGER[^:]*:1976", re.IGNORECASE)
_TRIGGER = re.compile(r"^TRIGGER([^:]*):(.*)$", re.IGNORECASE | re.MULTILINE)


class Merged(NamedTuple):
    """Merged entries, and for each number of entries before (uploaded, old) what it is now."""

    entries: list[Entry]
    new_positions: list[int]
    old_positions: list[int]


def moved(placed: tuple[Placed, ...] | list[Placed], positions: list[int]) -> list[Placed]:
    """Personal pieces with their positions in the merged entries."""
    last = len(positions) - 1

    def now(position: int) -> int:
        return position if position >= BEHIND else positions[min(max(position, 0), last)]

    return [piece._replace(position=now(piece.position)) for piece in placed]


def least_positions(placed: list[Placed], positions: list[int]) -> list[int]:
    """The least position of each piece that keeps it behind the uploaded entry before it."""
    before = [min(piece.position, len(positions) - 1) for piece in placed]
    return [positions[number - 1] + 1 if number else 0 for number in before]


def rebuilder(calendar: Component) -> Rebuilder | None:
    """The program that made this VCALENDAR, if it is one that rebuilds events."""
    line = calendar.first("PRODID")
    for program in Rebuilder:
        if line is not None and program.value in line.value:
            return program
    return None


def merged_entries(
    program: Rebuilder | None, new: list[Entry], old: tuple[Entry, ...], full_texts: dict[str, str] | None
) -> Merged:
    """The uploaded entries with those of ``old`` that the client could not express or did not see.

    ``full_texts``: for a view below full, what full shows of title, place and description: a line that
    says so stays beside the viewer's own. None for full.
    """
    present = {entry.name for entry in new}
    texts = {entry.text for entry in new}
    kept: set[int] = set()
    for index, entry in enumerate(old):
        if entry.text in texts:
            continue
        if full_texts is not None and _unseen(entry):
            if entry.name in full_texts:
                wanted = entry.basis == full_texts[entry.name]
            else:
                wanted = not (entry.name in _ONCE and entry.name in present)
        else:
            wanted = _not_expressible(program, entry) and entry.name not in present
        if wanted:
            kept.add(index)
    return _interleaved(new, old, kept)


def _unseen(entry: Entry) -> bool:
    """Whether an entry was not shown below full: hidden lines, and what full sees of modelled ones."""
    if entry.name in ("SUMMARY", "LOCATION", "DESCRIPTION"):
        return True
    if entry.name == "URL":
        return entry.basis == OWN
    if entry.name in SINGLE or entry.name in LISTS or entry.name == "DURATION":
        return False
    return entry.name.startswith("+") or not harmless_line(entry.text)


def _not_expressible(program: Rebuilder | None, entry: Entry) -> bool:
    if program is Rebuilder.OUTLOOK:
        return entry.name not in _OUTLOOK_WRITES
    return program is Rebuilder.DAVX5 and entry.name.startswith("+")


def _interleaved(new: list[Entry], old: tuple[Entry, ...], kept: set[int]) -> Merged:
    """The kept entries among the uploaded ones, each behind what stood before it."""
    places: dict[tuple[str, int], int] = {}
    counts: dict[str, int] = {}
    for index, entry in enumerate(new):
        counts[entry.name] = counts.get(entry.name, 0) + 1
        places[entry.name, counts[entry.name]] = index
    behind: dict[int, list[int]] = {}
    counterpart: dict[int, int] = {}
    counts, place = {}, -1
    for index, entry in enumerate(old):
        counts[entry.name] = counts.get(entry.name, 0) + 1
        same = places.get((entry.name, counts[entry.name]))
        if same is not None:
            counterpart[index] = place = same
        if index in kept:
            behind.setdefault(place, []).append(index)
    result: list[Entry] = []
    new_positions, old_places = [], {}
    for index in range(-1, len(new)):
        if index >= 0:
            new_positions.append(len(result))
            result.append(new[index])
        for former in behind.get(index, ()):
            old_places[former] = len(result)
            result.append(old[former])
    old_positions = [0]
    for index in range(len(old)):
        last = old_places.get(index)
        if last is None and index in counterpart:
            last = new_positions[counterpart[index]]
        old_positions.append(old_positions[-1] if last is None else last + 1)
    return Merged(result, [*new_positions, len(result)], old_positions)


def merged_personal(
    program: Rebuilder | None,
    new: list[Placed],
    lows: list[int],
    old: list[Placed],
    start: datetime,
    zone: str,
    neutral: str | None,
) -> list[Placed]:
    """The uploaded personal pieces with those of ``old`` that were hidden or cannot be expressed.

    ``new`` and ``old`` have their positions in the merged entries, ``lows`` the least for each of ``new``.
    ``start``, ``zone``: of the event, for alarms at a fixed time. ``neutral``: the text of neutral alarms
    if the viewer gets those, None for full.
    """
    result = list(new)
    if neutral is not None:
        result = [_original(placed, low, old, neutral) for placed, low in zip(result, lows, strict=True)]
    at = max((placed.position for placed in result), default=BEHIND)
    given = {placed.entry.text for placed in result}
    minutes = [alarm_minutes(p.entry.text, start, zone) for p in result if p.entry.name == "+VALARM"]
    first_shown = program is Rebuilder.OUTLOOK
    for placed in old:
        name, text = placed.entry.name, placed.entry.text
        if text in given:
            first_shown = first_shown and not _is_display(placed)
            continue
        if neutral is not None and _hidden_personal(placed.entry, neutral):
            result.append(placed)
            continue
        if program is None:
            continue
        if name != "+VALARM":
            if program is Rebuilder.OUTLOOK and all(p.entry.name != name for p in result):
                result.append(placed)
            continue
        same = alarm_minutes(text, start, zone)
        if program is Rebuilder.OUTLOOK and not (first_shown and _is_display(placed)):
            result.append(placed._replace(position=max(at, placed.position)))
            continue
        first_shown = False
        if same in minutes and same is not None:
            result = _put_back(result, placed, same, start, zone)
            minutes.remove(same)
        elif program is Rebuilder.DAVX5 and _OFF_THE_CLOCK.search(text):
            result.append(placed._replace(position=max(at, placed.position)))
    return sorted(result, key=lambda placed: placed.position)


def _put_back(result: list[Placed], old: Placed, same: int, start: datetime, zone: str) -> list[Placed]:
    """The alarm with all its details in the place of the rebuilt one."""
    for index, placed in enumerate(result):
        if placed.entry.name == "+VALARM" and alarm_minutes(placed.entry.text, start, zone) == same:
            return [*result[:index], placed._replace(entry=old.entry), *result[index + 1 :]]
    return result


def _is_display(placed: Placed) -> bool:
    return placed.entry.name == "+VALARM" and "ACTION:DISPLAY" in placed.entry.text.upper()


def _original(placed: Placed, low: int, old: list[Placed], neutral: str) -> Placed:
    """The piece as it was before its text was made neutral, and where it was."""
    for former in old:
        same = former.entry.text == placed.entry.text
        if same or (
            former.entry.name == placed.entry.name == "+VALARM"
            and neutral_alarm(former.entry.text, neutral) == placed.entry.text
        ):
            return former._replace(position=min(max(former.position, low), placed.position))
    return placed


def _hidden_personal(entry: Entry, neutral: str) -> bool:
    if entry.name == "+VALARM":
        return not neutral_alarm(entry.text, neutral)
    return not harmless_line(entry.text)


def alarm_minutes(raw: str, start: datetime, zone: str) -> int | None:
    """Minutes before the start at which an alarm rings; None if it cannot be said."""
    match = _TRIGGER.search(unfolded(raw).replace("\r", ""))
    if match is None or "RELATED=END" in match.group(1).upper():
        return None
    try:
        if "DATE-TIME" in match.group(1).upper():
            wall, _, _ = parse_time(match.group(2), 0)
            before = zones.to_utc(start, zone) - zones.to_utc(wall, UTC)
        else:
            days, exact = parse_duration(match.group(2), 0)
            before = -(days + exact)
    except (InvalidCalendarObject, OverflowError):
        return None
    return before // timedelta(minutes=1)
