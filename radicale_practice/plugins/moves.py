"""The two halves of a client's move, DELETE and PUT in either order: what the client changed on the way."""

from __future__ import annotations

from dataclasses import replace

from radicale_practice.event.absorb import absorb
from radicale_practice.event.directory import Directory, EmptyDirectory
from radicale_practice.event.read_anew import read_anew
from radicale_practice.plugins import naming, reading
from radicale_practice.plugins.home import Home
from radicale_practice.practice import book
from radicale_practice.practice.book import Copy, Deletion, Moved, Titles
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import CalendarKind, CalendarObject
from radicale_practice.practice.people.directory import PracticeDirectory
from radicale_practice.practice.reading.calendar_objects import StoredObject


def directory(unit: UnitOfWork, home: Home, info: CalendarInfo) -> Directory:
    """Whom titles may name. A private calendar has no patients: titles are the person's own words."""
    if info.kind == CalendarKind.PRIVATE:
        return EmptyDirectory()
    return PracticeDirectory(unit, home.practice.id)


def titles(
    unit: UnitOfWork, home: Home, source: CalendarInfo, target: CalendarInfo, entry: CalendarObject
) -> Titles | None:
    """What the titles of a private entry mean in a calendar of the practice: nobody has read them there.

    None if the move is no such crossing.
    """
    if not is_crossing(source, target):
        return None
    return Titles(*read_anew(entry, home.projection(home.access(target)), directory(unit, home, target)))


def is_crossing(source: CalendarInfo, target: CalendarInfo) -> bool:
    """Whether a move takes an entry from a private calendar into the practice."""
    return source.kind == CalendarKind.PRIVATE and target.kind != CalendarKind.PRIVATE


def second_half(
    unit: UnitOfWork, home: Home, info: CalendarInfo, data: bytes, uploaded: CalendarObject
) -> Moved | None:
    """A new upload of what the same device has just deleted, read over what its person saw of that."""
    deletion = book.deleted_just_now(unit, home.viewer, home.practice, uploaded)
    if deletion is None:
        return None
    source = _calendar(home, deletion.calendar_id)
    return _read_over(unit, home, source, info, deletion, deletion.former, data)


def first_half(unit: UnitOfWork, home: Home, info: CalendarInfo, stored: StoredObject) -> Moved | None:
    """The copy the same device has just uploaded of what it deletes now, read over what its person saw."""
    copy = book.copy_made_just_now(unit, home.viewer, home.practice, stored)
    target = _calendar(home, copy.stored.calendar_id) if copy is not None else None
    if copy is None or target is None:
        return None
    # the difference to what was copied is the client's, all else is the practice's
    former = replace(copy.seen or stored.object, uid=naming.uid(home, target, copy.stored))
    data = reading.text(home, target, copy.stored).encode()
    return _read_over(unit, home, info, target, copy, former, data)


def _calendar(home: Home, calendar_id: int) -> CalendarInfo | None:
    return next((c for c in home.calendars.values() if c.id == calendar_id), None)


def _read_over(
    unit: UnitOfWork,
    home: Home,
    source: CalendarInfo | None,
    target: CalendarInfo,
    first: Copy | Deletion,
    former: CalendarObject,
    data: bytes,
) -> Moved:
    projection = home.projection(home.access(target))
    absorbed = absorb(data, former, projection, directory(unit, home, target))
    desired, findings = absorbed.object, absorbed.findings
    if source is not None and is_crossing(source, target):
        # what was not typed anew was never read: in a private calendar nobody is known
        desired, more = read_anew(desired, projection, directory(unit, home, target))
        findings += tuple(f for f in more if f not in findings)
    return Moved(first, former, desired, findings)
