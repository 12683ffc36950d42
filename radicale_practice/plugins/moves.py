"""The two halves of a client's move, DELETE and PUT in either order: what the client changed on the way."""

from __future__ import annotations

from dataclasses import replace

from radicale_practice.event.absorb import absorb
from radicale_practice.event.directory import Directory, EmptyDirectory
from radicale_practice.event.read_anew import read_anew
from radicale_practice.plugins import naming, reading
from radicale_practice.plugins.home import Home
from radicale_practice.practice import book
from radicale_practice.practice.book import Moved, Titles
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
    if source.kind != CalendarKind.PRIVATE or target.kind == CalendarKind.PRIVATE:
        return None
    return Titles(*read_anew(entry, home.projection(home.access(target)), directory(unit, home, target)))


def second_half(
    unit: UnitOfWork, home: Home, info: CalendarInfo, data: bytes, uploaded: CalendarObject
) -> Moved | None:
    """A new upload of what the same device has just deleted, read over what its person saw of that."""
    former = book.deleted_just_now(unit, home.viewer, home.practice, uploaded)
    return None if former is None else _read_over(unit, home, info, former, data)


def first_half(unit: UnitOfWork, home: Home, info: CalendarInfo, stored: StoredObject) -> Moved | None:
    """The copy that the same device has uploaded of what it deletes now, read over what its person saw."""
    copy = book.copy_made_just_now(unit, home.viewer, home.practice, stored)
    target = next((c for c in home.calendars.values() if copy and c.id == copy.calendar_id), None)
    if copy is None or target is None:
        return None
    former = replace(stored.object, uid=naming.uid(home, target, copy))
    return _read_over(unit, home, target, former, reading.text(home, target, copy).encode())


def _read_over(
    unit: UnitOfWork, home: Home, info: CalendarInfo, former: CalendarObject, data: bytes
) -> Moved | None:
    access = home.access(info)
    absorbed = absorb(data, former, home.projection(access), directory(unit, home, info))
    return Moved(former, absorbed.object, absorbed.findings)
