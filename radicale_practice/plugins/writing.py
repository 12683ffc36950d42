"""Writing on behalf of a client: one service for the storage plugin and for our Application.

Everything runs in the request's writing unit, each operation in a savepoint: done, refused (the practice's
version comes back under a new revision) or not at all.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from radicale_practice.event.absorb import absorb
from radicale_practice.plugins import moves, naming, reading
from radicale_practice.plugins.home import Home
from radicale_practice.plugins.naming import Naming
from radicale_practice.plugins.properties import named, own_values
from radicale_practice.practice import book, calendars
from radicale_practice.practice.book import Outcome
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import Conflict, InvalidValue, NotPermitted
from radicale_practice.practice.model import Access, Status
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.sync import identities, revisions

LONGEST_NAME = 255
"""Characters of a resource's name (``calendar_object.href``)."""

LONGEST_UID = 1000
"""Bytes of a UID: it is part of an index."""


class UidTaken(Conflict):
    """The UID belongs to another resource of this calendar (RFC 4791 5.3.2.1, no-uid-conflict)."""

    def __init__(self, href: str) -> None:
        super().__init__("the UID belongs to another resource of this calendar")
        self.href = href


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a write. ``etag``: what a read returns now, None if there is nothing to read.

    ``exact``: a read returns byte for byte what was sent. ``partly``: beside what was sent there is something
    that the practice or somebody else decided otherwise.
    """

    outcome: Outcome
    etag: str | None = None
    exact: bool = False
    partly: bool = False

    @property
    def etag_of_the_past(self) -> str:
        """A tag that nothing has: who keeps it reads again at the next list."""
        return f'"{(self.etag or "").strip(chr(34))}-as-sent"'

    @property
    def taken(self) -> bool:
        """Whether the client may believe its write happened (an unconfirmed booking is kept too)."""
        return self.outcome.kind in ("done", "unconfirmed")


def put(
    unit: UnitOfWork, home: Home, info: CalendarInfo, href: str, data: bytes, current: StoredObject | None
) -> Written:
    """Take over an uploaded calendar object (RFC 4791 5.3.2).

    A change without write access is refused (the event comes back). Raises ``NotPermitted`` for a new event
    without it, ``InvalidValue`` (of the lens, by reason) for what cannot be stored, ``UidTaken``,
    ``Conflict``. Nothing is changed then.
    """
    if current is not None and not may_write(home, info):
        return _refused(unit, home, info, current)
    with unit.operation():
        _require_write(home, info)
        if len(href) > LONGEST_NAME:
            raise InvalidValue("the resource's name is too long")
        access = current.access if current is not None else home.access(info)
        absorbed = absorb(
            data,
            reading.shown_object(home, info, current) if current is not None else None,
            home.projection(access),
            moves.directory(unit, home, info),
        )
        if len(absorbed.object.uid.encode()) > LONGEST_UID:
            raise InvalidValue("the UID is too long")
        _check_uid(unit, home, info, absorbed.object.uid, current)
        wanted, moved, name = absorbed.object, None, href
        if current is None:
            name = _free_name(unit, home, info, href)
            moved = moves.second_half(unit, home, info, data, wanted)
        else:
            # Seen under an alias, kept under the identity it has.
            wanted, name = replace(wanted, uid=current.uid), current.href
            if wanted.master is not None and wanted.master.status is Status.CANCELLED:
                moved = moves.first_half(unit, home, info, current)
        outcome = book.apply(
            unit,
            home.viewer,
            home.practice,
            info.id,
            current,
            wanted,
            name,
            absorbed.findings,
            moved,
        )
        etag = _etag_now(unit, home, info, name)
        done = outcome.kind == "done" and etag is not None
        crossed = done and current is not None and _crossed(unit, home, current)
        in_place = current is not None or name == href
    exact = done and not crossed and absorbed.exact and outcome.exact and in_place
    return Written(outcome, etag, exact, partly=crossed or (done and not outcome.exact))


def cancel(unit: UnitOfWork, home: Home, info: CalendarInfo, stored: StoredObject) -> Written:
    """A client's deletion: cancels. Without write access it is refused, and the event comes back."""
    if not may_write(home, info):
        return _refused(unit, home, info, stored)
    with unit.operation():
        moved = moves.first_half(unit, home, info, stored)
        outcome = book.cancel(unit, home.viewer, home.practice, stored, moved=moved)
        etag = _etag_now(unit, home, info, stored.href)
    return Written(outcome, etag)


def change_nothing(unit: UnitOfWork, home: Home, info: CalendarInfo, href: str) -> bool:
    """A client changes what is not there any more: noted as refused, if it was there."""
    with unit.operation():
        return book.note_missed_change(unit, home.viewer, home.practice, info.id, href)


def delete_nothing(unit: UnitOfWork, home: Home, info: CalendarInfo, href: str) -> None:
    """A client deletes what is not there any more; it may be half of a move that somebody has crossed."""
    with unit.operation():
        book.note_missed_deletion(unit, home.viewer, home.practice, info.id, href)


def delete_outdated(unit: UnitOfWork, home: Home, stored: StoredObject) -> None:
    """A client deletes an event in another version than this; it may be half of a move as well."""
    with unit.operation():
        book.note_outdated_deletion(unit, home.viewer, home.practice, stored)


def move(
    unit: UnitOfWork,
    home: Home,
    source: CalendarInfo,
    stored: StoredObject,
    target: CalendarInfo,
    to_href: str,
    overwritten: StoredObject | None,
) -> Written:
    """A client's MOVE to another name or calendar; ``overwritten`` is cancelled if the move is carried out.

    Refused without write access to both calendars. Raises ``Conflict`` if the identity is taken.
    """
    if not may_write(home, target):
        return _refused(unit, home, source, stored)
    with unit.operation():
        if len(to_href) > LONGEST_NAME:
            raise InvalidValue("the resource's name is too long")
        if overwritten is None:
            to_href = _free_name(unit, home, target, to_href)
        titles = moves.titles(unit, home, source, target, stored.object)
        outcome = book.move(unit, home.viewer, home.practice, stored, target.id, to_href, overwritten, titles)
        etag = _etag_now(unit, home, target, to_href)
    return Written(outcome, etag)


def make_calendar(unit: UnitOfWork, home: Home, segment: str, props: Mapping[str, str]) -> CalendarInfo:
    """A private calendar of the viewer at ``/<user>/<segment>/`` with the client's properties.

    Raises ``NotPermitted`` (also by the practice's setting), ``InvalidValue``.
    """
    with unit.operation():
        if not home.may_create:
            raise NotPermitted("no private calendars here")
        info = calendars.create_private(
            unit,
            home.viewer,
            segment,
            props.get("D:displayname", "").strip(),
            props.get("ICAL:calendar-color", ""),
        )
        calendars.set_properties(
            unit, info.id, home.viewer.staff_id, named(own_values(props)), reading.defaults(home, info)
        )
    return info


def remove_calendar(unit: UnitOfWork, home: Home, info: CalendarInfo) -> None:
    """Delete a private calendar of the viewer; any other raises ``NotPermitted``."""
    with unit.operation():
        calendars.delete_private(unit, home.viewer, info.id)


def set_properties(
    unit: UnitOfWork, home: Home, info: CalendarInfo, values: Mapping[str, str | None]
) -> None:
    """Keep what a client set on a calendar, for this person alone; None takes it back."""
    with unit.operation():
        calendars.set_properties(
            unit, info.id, home.viewer.staff_id, named(values), reading.defaults(home, info)
        )


def may_write(home: Home, info: CalendarInfo) -> bool:
    """Whether the viewer may write to this calendar with this device."""
    return home.access(info) is Access.WRITE


def _refused(unit: UnitOfWork, home: Home, info: CalendarInfo, stored: StoredObject) -> Written:
    with unit.operation():
        outcome = book.refuse_read_only(unit, home.viewer, home.practice, stored)
        etag = _etag_now(unit, home, info, stored.href)
    return Written(outcome, etag)


def _require_write(home: Home, info: CalendarInfo) -> None:
    if not may_write(home, info):
        raise NotPermitted("no write access to this calendar")


def _check_uid(
    unit: UnitOfWork, home: Home, info: CalendarInfo, uid: str, current: StoredObject | None
) -> None:
    if current is not None:
        if naming.uid(home, info, current) != uid:
            raise UidTaken(naming.href(home, info, current))
        return
    other = identities.by_uid(unit, info.id, uid)
    if other is not None:
        raise UidTaken(naming.href(home, info, other))


def _free_name(unit: UnitOfWork, home: Home, info: CalendarInfo, href: str) -> str:
    """Under which name something new is kept: one of ours if an event has this one that the viewer sees as
    an alias. Names may be patients', and a refusal would say that there is such a name."""
    if naming.naming(home, info) is Naming.REAL or identities.by_href(unit, info.id, href) is None:
        return href
    return f"{secrets.token_hex(16)}.ics"


def _crossed(unit: UnitOfWork, home: Home, read: StoredObject) -> bool:
    """Whether somebody has changed the event between our reading it and locking its rows. Both changes are
    kept then, so what was sent is not all there is."""
    return revisions.changed_meanwhile(
        unit, read.object_id, home.viewer.staff_id, read.revision, read.personal_revision
    )


def _etag_now(unit: UnitOfWork, home: Home, info: CalendarInfo, href: str) -> str | None:
    """The ETag of the object with this stored name, after this unit's revisions are drawn."""
    revisions.flush(unit)
    known = identities.by_href(unit, info.id, href, home.viewer.staff_id)
    if known is None:
        return None
    state = reading.position(unit, home, info).state
    return reading.etag(home, state, known.revision, known.personal_revision)
