"""What the staff side's functions share: finding and locking rows, writing with all that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from radicale_practice.practice import appointment_rows, practices
from radicale_practice.practice.appointment_rows import Row, Rows, is_private
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.book.places import change_calendar, set_rooms
from radicale_practice.practice.book.writing import attempt, insert_override, state_after
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import Conflict, InvalidValue, NotFound
from radicale_practice.practice.model import Actor, CalendarKind, Status
from radicale_practice.practice.notices import left_copies
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading import availability
from radicale_practice.practice.records import journal
from radicale_practice.practice.rules import double_booking, refusals
from radicale_practice.practice.schema.practice_tables import appointment, calendar
from radicale_practice.practice.sync import revisions

FRESH = 0
"""Id of an instance that has no row of its own yet."""


def decide(
    uow: UnitOfWork, practice: Practice, rows: Rows, private: set[int], *, by_hand: bool = False
) -> double_booking.Clash | None:
    """Draw the revisions and look for a double booking; ``Conflict`` if the practice forbids it.

    ``by_hand``: somebody has looked and books it nevertheless; only the list is to tell of it.
    """
    revisions.flush(uow)
    clash = double_booking.decide(uow, rows, private)
    if not by_hand and double_booking.forbidden(practice, rows, clash):
        raise Conflict("the time is already taken")
    return clash


def write(
    uow: UnitOfWork,
    practice: Practice,
    actor: Actor,
    rows: Rows,
    changes: Mapping[int, Row],
    action: str,
    *,
    calendar_id: int | None = None,
    rooms: Sequence[int] | None = None,
    instance: Row | None = None,
    deciding: bool = True,
) -> None:
    """Write changes of locked rows with all that belongs to it; nothing to change: nothing is written.

    ``instance``: the one instance of the series that ``calendar_id`` and the changes are about; one with the
    id ``FRESH`` gets its row here. ``deciding=False``: booked whether the time is taken or not; what takes
    its time only now is listed if it is booked twice by that, because the others have not been asked.
    """
    changes = {i: c for i, c in changes.items() if c}
    owner = rows.owner_calendar_id
    wanted = {c for c in (owner, calendar_id, *(rooms or ())) if c is not None}
    wanted |= set(rows.calendars.get(rows.id, {}))
    facts = facts_of(uow, practice.id, wanted)
    moves = calendar_id is not None and calendar_id != owner
    if not (changes or moves or rooms is not None):
        return
    if instance is not None and calendar_id is not None and moves:
        _check_no_room(facts, owner, calendar_id)
    concerned = [r for r in rows.all if r is rows.master or r["id"] in changes]
    places = rows.calendars if moves or rooms is not None else None
    before = journal.state(concerned, rows.calendars.get(rows.id, {}), places)
    private = {c for c, f in facts.items() if f.private}
    with attempt(uow):
        placed = rows
        if instance is None:
            placed = _placed(uow, rows, facts, calendar_id if moves else None, rooms)
        elif instance["id"] == FRESH:
            instance = insert_override(uow, rows, instance, actor)
            changes[int(instance["id"])] = changes.pop(FRESH, {})
        appointment_rows.update_rows(uow, rows.all, changes)
        after = replace(rows, calendars=placed.calendars).with_changes(changes)
        judged = after
        if instance is not None and moves and calendar_id is not None:
            judged = _instance_elsewhere(uow, after, int(instance["id"]), calendar_id)
        if rows.master["status"] == Status.UNCONFIRMED and after.master["status"] != Status.UNCONFIRMED:
            refusals.unconfirmed_is_over(uow, practice, rows.master["created_by"], rows.id)
        left_it = moves and owner not in after.calendars.get(rows.id, {})
        if left_it and not is_private(owner in private, rows):
            left_copies.note(uow, practice, actor, rows.id)
        clash = None
        if deciding or _takes_its_time_now(rows, judged):
            clash = decide(uow, practice, judged, private, by_hand=not deciding)
    journal.write_of(
        uow,
        after,
        action if not moves else "move",
        actor=actor,
        calendar_id=after.owner_calendar_id if instance is None or not moves else calendar_id,
        private=is_private({owner, calendar_id if moves else owner} <= private, rows, after),
        before=before,
        after=state_after(after, before),
    )
    if clash is not None:
        double_booking.file(uow, practice, judged, clash, actor)


def _takes_its_time_now(rows: Rows, after: Rows) -> bool:
    """Whether something of it blocks time that did not before."""
    before = {int(r["id"]) for r in rows.all if availability.blocks(rows.entry(r))}
    return any(availability.blocks(after.entry(r)) and int(r["id"]) not in before for r in after.all)


def _instance_elsewhere(uow: UnitOfWork, rows: Rows, row_id: int, calendar_id: int) -> Rows:
    """Put one instance into another calendar, where it is an object of its own; its rooms stay."""
    known = rows.calendars.get(row_id, {})
    kept = {c: r for c, r in known.items() if r != "owner" and c != calendar_id}
    appointment_rows.leave_calendars(uow, [row_id], set(known) - set(kept))
    appointment_rows.put_into_calendars(uow, [row_id], {calendar_id: "owner"})
    rows.calendars[row_id] = {**kept, calendar_id: "owner"}
    return Rows(rows.overrides[row_id], rows.time_zone, {}, {row_id: rows.calendars[row_id]})


def _check_no_room(facts: Mapping[int, CalendarFacts], owner: int | None, calendar_id: int) -> None:
    if facts[calendar_id].kind is CalendarKind.ROOM and not (
        owner and facts[owner].kind is CalendarKind.ROOM
    ):
        raise InvalidValue("rooms are those of the whole series")


def _placed(
    uow: UnitOfWork,
    rows: Rows,
    facts: dict[int, CalendarFacts],
    calendar_id: int | None,
    rooms: Sequence[int] | None,
) -> Rows:
    after, owner = rows, rows.owner_calendar_id
    if calendar_id is not None and owner is not None:
        after = change_calendar(uow, rows, owner, facts[calendar_id])
    elif calendar_id is not None:
        appointment_rows.put_into_calendars(uow, [rows.id], {calendar_id: "owner"})
        after = replace(rows, calendars={**rows.calendars, rows.id: {calendar_id: "owner"}})
    return after if rooms is None else set_rooms(uow, after, rooms)


def rows_of(uow: UnitOfWork, appointment_id: int, *, locking: bool = True) -> tuple[Rows, Practice]:
    """The locked rows of an appointment or series, and its practice. Raises ``NotFound``."""
    practice_id = uow.connection.execute(
        select(appointment.c.practice_id).where(appointment.c.id == appointment_id)
    ).scalar()
    if practice_id is None:
        raise NotFound(f"appointment {appointment_id}")
    practice = practices.get(uow, int(practice_id))
    rows = appointment_rows.lock(uow, practice, appointment_id, locking=locking)
    if rows is None:
        raise NotFound(f"appointment {appointment_id}")
    return rows, practice


def facts_of(uow: UnitOfWork, practice_id: int, calendar_ids: Any) -> dict[int, CalendarFacts]:
    """The calendars as they are, whoever asks; raises ``NotFound`` for one of another practice."""
    wanted = sorted(set(calendar_ids))
    query = select(calendar.c.id, calendar.c.kind, calendar.c.staff_id).where(
        calendar.c.practice_id == practice_id, calendar.c.id.in_(wanted)
    )
    found = {
        r.id: CalendarFacts(r.id, CalendarKind(r.kind), r.staff_id, None)
        for r in uow.connection.execute(query)
    }
    for missing in set(wanted) - set(found):
        raise NotFound(f"calendar {missing}")
    return found


def require(uow: UnitOfWork, table: Any, practice_id: int, key: int) -> None:
    """Raises ``NotFound`` unless the practice has a row of that id in ``table``."""
    query = select(table.c.id).where(table.c.practice_id == practice_id, table.c.id == key)
    if uow.connection.execute(query).first() is None:
        raise NotFound(f"{table.name} {key}")


def check_order(start: datetime, end: datetime) -> None:
    """Raises ``InvalidValue`` if ``end`` is before ``start``."""
    if end < start:
        raise InvalidValue("end is before start")
