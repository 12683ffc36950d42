"""Under which name and UID a viewer sees an event.

Both may carry a name that a client chose ("Maria Mustermann.ics"). Below the full view an identity that is
neither ours nor random gets an alias made of its id; names we make ourselves never look like one. What most
clients make is random (RFC 7986 5.3): it says nothing, and a client that does not find its own event under
the name it gave makes it again.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import Enum

from radicale_practice.plugins.home import Home
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.model import Access, CalendarKind, Role, View
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.sync.revisions import ObjectState

_ALIAS = re.compile(r"o([0-9a-f]{1,15})\.ics")
_RANDOM = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{20,}")


class Naming(Enum):
    """How a calendar's events are named for a viewer; part of the sync token's epoch.

    Who sees a calendar under other names than before must start again: RFC 6578 has no renaming. For the
    same reason an event's name follows from the calendar and its identity alone: with its own access it would
    change in the middle, and nobody could say afterwards under which name its removal has to be listed.
    """

    REAL = "r"
    ALIASES = "a"


def naming(home: Home, info: CalendarInfo) -> Naming:
    """Real names where every event is shown in full; in a room's calendar each event is shown as its own
    calendar's access says."""
    if home.projection(home.access(info)).view is not View.FULL:
        return Naming.ALIASES
    mixed = info.kind == CalendarKind.ROOM and (
        home.viewer.role is not Role.RECEPTIONIST
        or any(other.access is Access.BUSY for other in home.calendars.values())
    )
    return Naming.ALIASES if mixed else Naming.REAL


def is_aliased(home: Home, info: CalendarInfo, known: StoredObject | ObjectState) -> bool:
    """Whether the viewer sees this event under an alias."""
    if known.opaque or (_is_random(known.href.removesuffix(".ics")) and _is_random(known.uid)):
        return False
    return naming(home, info) is Naming.ALIASES


def _is_random(name: str) -> bool:
    return _RANDOM.fullmatch(name) is not None


def href(home: Home, info: CalendarInfo, known: StoredObject | ObjectState) -> str:
    """The resource's name as the viewer sees it."""
    return f"o{known.object_id:x}.ics" if is_aliased(home, info, known) else known.href


def uid(home: Home, info: CalendarInfo, known: StoredObject | ObjectState) -> str:
    """The UID as the viewer sees it."""
    return f"o{known.object_id:x}@{info.public_id}" if is_aliased(home, info, known) else known.uid


def lookup(home: Home, info: CalendarInfo, names: Collection[str]) -> tuple[list[str], list[int]]:
    """Client's names as stored names and as ids of aliases."""
    if naming(home, info) is Naming.REAL:
        return list(names), []
    hrefs: list[str] = []
    ids: list[int] = []
    for name in names:
        found = _ALIAS.fullmatch(name)
        if found is None:
            hrefs.append(name)
        else:
            ids.append(int(found[1], 16))
    return hrefs, ids
