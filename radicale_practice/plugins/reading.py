"""Reading one calendar for one viewer: states, tokens, ETags, contents. A constant number of statements.

Shared by the storage plugin (stock Radicale) and our Application.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from radicale_practice.event import alarms as event_alarms
from radicale_practice.event import expand as event_expand
from radicale_practice.event import render as event_render
from radicale_practice.event import time_zones
from radicale_practice.plugins import naming
from radicale_practice.plugins.home import Home
from radicale_practice.practice import calendars
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import CalendarObject
from radicale_practice.practice.reading import calendar_objects, range_states, unseen
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.series.spans import Range
from radicale_practice.practice.sync import revisions, sync_token
from radicale_practice.practice.sync.revisions import CalendarState, ObjectState
from radicale_practice.practice.sync.sync_token import SyncToken

_Known = TypeVar("_Known", ObjectState, StoredObject)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a calendar is."""

    state: CalendarState
    token: str


@dataclass(frozen=True, slots=True)
class Head(Position):
    """A calendar without its events: how far it is, and what the person's clients have set on it."""

    overrides: Mapping[str, str]


def position(unit: UnitOfWork, home: Home, info: CalendarInfo) -> Position:
    """How far a calendar is: known with the home; one statement in a unit that writes."""
    return _positions(unit, home, [info])[info.id]


def heads(
    unit: UnitOfWork, home: Home, infos: Sequence[CalendarInfo], settable: bool = True
) -> dict[int, Head]:
    """The heads of these calendars by id: one statement beside ``position``'s.

    None if no property is wanted that a client may set (``settable`` False): a poll asks for none.
    """
    found = _positions(unit, home, infos)
    overrides = calendars.properties(unit, list(found) if settable else [], home.viewer.staff_id)
    return {i: Head(one.state, one.token, overrides.get(i, {})) for i, one in found.items()}


def _positions(unit: UnitOfWork, home: Home, infos: Sequence[CalendarInfo]) -> dict[int, Position]:
    # what a unit has written itself came after its home was read
    around = home.surroundings_in(unit) if unit.mode == "r" else None
    ids = [info.id for info in infos]
    known = around.states if around else revisions.calendar_states(unit, ids, home.viewer.staff_id)
    found = {}
    for info in infos:
        state = replace(known[info.id], epoch=known[info.id].epoch + naming.naming(home, info).value)
        found[info.id] = Position(state, _token(state, home))
    return found


def _token(state: CalendarState, home: Home) -> str:
    return sync_token.encode(SyncToken(state.epoch, state.revision, home.fingerprint))


def ctag(head: Position) -> str:
    """The calendar's ctag, quoted like an ETag; moves exactly when the sync token does."""
    return f'"{head.token.rpartition("/")[2]}"'


def etag(home: Home, state: CalendarState, revision: int, personal_revision: int) -> str:
    """A strong ETag (RFC 9110 8.8.3): another epoch, revision, personal revision or projection differs."""
    personal = f"-{personal_revision:x}" if personal_revision else ""
    return f'"{state.epoch[:12]}-{home.fingerprint}-{revision:x}{personal}"'


def identities(
    unit: UnitOfWork, home: Home, info: CalendarInfo, names: Collection[str] | None = None
) -> Sequence[ObjectState | StoredObject]:
    """The live objects the viewer sees (of these names, or all) without content: at most three statements."""
    states = _asked(home, info, names, partial(revisions.object_states, unit, info.id, home.viewer.staff_id))
    unseen = hidden(unit, home, info, states)
    return [state for state in states if state.object_id not in unseen] if unseen else states


def contents(
    unit: UnitOfWork, home: Home, info: CalendarInfo, names: Collection[str] | None = None
) -> list[StoredObject]:
    """The live objects (of these names, or all) with everything they render from."""
    load = partial(calendar_objects.load, unit, home.viewer, info.id, around=home.surroundings_in(unit))
    return _asked(home, info, names, load)


def _asked(
    home: Home, info: CalendarInfo, names: Collection[str] | None, load: Callable[..., list[_Known]]
) -> list[_Known]:
    """What ``load`` gives for the names a client used; a name the viewer does not see finds nothing."""
    if names is None:
        return load()
    # PostgreSQL takes no NUL in a text, and no name has one.
    hrefs, ids = naming.lookup(home, info, [name for name in names if "\0" not in name])
    found: list[_Known] = []
    if hrefs:
        found += load(hrefs=hrefs)
    if ids:
        found += load(object_ids=ids)
    wanted = set(names)
    return [known for known in found if naming.href(home, info, known) in wanted]


def hidden(unit: UnitOfWork, home: Home, info: CalendarInfo, states: Sequence[ObjectState]) -> set[int]:
    """Ids of those objects that only another person sees (unconfirmed bookings): one statement."""
    return unseen.objects(unit, home.viewer, info.id) if any(state.live for state in states) else set()


def text(home: Home, info: CalendarInfo, stored: StoredObject) -> str:
    """The VCALENDAR the viewer gets of an object; pure, needs no database."""
    shown = shown_object(home, info, stored)
    return event_render.render(shown, home.projection(stored.access))


def expanded(home: Home, info: CalendarInfo, stored: StoredObject, within: Range) -> tuple[str, int]:
    """The instances of an object in a range as the viewer gets them, and how many they are."""
    shown = shown_object(home, info, stored)
    return event_expand.expanded(shown, home.projection(stored.access), within)


def rings(home: Home, info: CalendarInfo, stored: StoredObject, within: Range) -> bool:
    """Whether one of the viewer's alarms on an object rings in a range."""
    return event_alarms.rings(shown_object(home, info, stored), home.projection(stored.access), within)


def shown_object(home: Home, info: CalendarInfo, stored: StoredObject) -> CalendarObject:
    """The object under the UID the viewer knows."""
    uid = naming.uid(home, info, stored)
    return stored.object if uid == stored.object.uid else replace(stored.object, uid=uid)


def defaults(home: Home, info: CalendarInfo) -> dict[str, str]:
    """The properties we serve for a calendar, by Radicale's names, before the person's own values."""
    return {
        "tag": "VCALENDAR",
        "D:displayname": info.name,
        "ICAL:calendar-color": info.color,
        "ICAL:calendar-order": str(info.sort_order),
        "C:supported-calendar-component-set": "VEVENT",
        "C:calendar-timezone": time_zone_calendar(home.practice.time_zone),
    }


def time_zone_calendar(zone: str) -> str:
    """A VCALENDAR with one VTIMEZONE (RFC 4791 5.2.2)."""
    lines = time_zones.vtimezone(zone, 2000).strip("\r\n")
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{event_render.PRODUCT}\r\n{lines}\r\nEND:VCALENDAR\r\n"


def identities_in_range(
    unit: UnitOfWork, home: Home, info: CalendarInfo, start: datetime | None, end: datetime | None
) -> Sequence[ObjectState | StoredObject]:
    """The objects that ``in_range`` finds, without content where that is not needed."""
    around = home.surroundings_in(unit)
    return range_states.in_range(unit, home.viewer, info.id, start, end, around=around)


def in_range(
    unit: UnitOfWork, home: Home, info: CalendarInfo, start: datetime | None, end: datetime | None
) -> list[tuple[StoredObject, list[tuple[datetime, datetime]]]]:
    """The objects with an occurrence in a UTC span (None: open), with those occurrences."""
    around = home.surroundings_in(unit)
    return calendar_objects.load_range(unit, home.viewer, info.id, start, end, around=around)
