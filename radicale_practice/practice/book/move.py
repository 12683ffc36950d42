"""MOVE between calendars (RFC 4918 9.9): the appointment keeps everything, only its place changes."""

from __future__ import annotations

from radicale_practice.practice.appointment_rows import Rows, is_documented, is_private
from radicale_practice.practice.book import opening, permissions
from radicale_practice.practice.book.cancel import cancel
from radicale_practice.practice.book.opening import Event
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.book.places import change_calendar
from radicale_practice.practice.book.writing import SlotTaken, attempt
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Viewer
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.records import journal
from radicale_practice.practice.rules import brake, double_booking, refusals
from radicale_practice.practice.rules.refusals import Outcome
from radicale_practice.practice.sync import identities, revisions


def move(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    stored: StoredObject,
    to_calendar_id: int,
    to_href: str,
    overwritten: StoredObject | None = None,
) -> Outcome:
    """Move an object to another calendar (or to another href in its own).

    ``overwritten``: what lives there now. It is cancelled, unless the move is not carried out.
    Raises ``NotPermitted`` without write access to the target, ``Conflict`` if something lives there under
    that href or UID. Documented appointments are refused; a move out of the practice counts for the brake.
    """
    phantom = refusals.Phantom(to_calendar_id, to_href, stored.uid)
    event = opening.event(uow, viewer, practice, stored, [to_calendar_id], phantom)
    target = permissions.require_write(event.facts, to_calendar_id)
    rows = opening.locked(event)
    if not isinstance(rows, Rows):
        return rows
    if any(is_documented(r) for r in (rows.master, *rows.here().values())):
        return event.refuse(refusals.DOCUMENTED, rows)
    out_of_reach = target.private and not event.in_private
    if out_of_reach:
        held = brake.check(
            uow, practice, event.actor, brake.CANCELLATIONS, stored.calendar_id, appointment_id=rows.id
        )
        if held is not None:
            operation = {"operation": "move", "to_calendar_id": to_calendar_id, "to_href": to_href}
            return event.hold(held, operation, rows)
    return _carry_out(event, rows, target, to_href, out_of_reach, overwritten) or event.refuse(
        refusals.SLOT_TAKEN, rows
    )


def _carry_out(
    event: Event,
    rows: Rows,
    target: CalendarFacts,
    href: str,
    out_of_reach: bool,
    overwritten: StoredObject | None,
) -> Outcome | None:
    """None: the practice forbids it because the time is taken there; then nothing is overwritten either."""
    uow, practice, stored = event.uow, event.practice, event.stored
    clash = None
    try:
        with attempt(uow):
            if overwritten is not None:
                gone = cancel(uow, event.viewer, practice, overwritten, overwritten=True)
                if gone.kind != "done":
                    return gone
            after = rows
            if target.id != stored.calendar_id:
                after = change_calendar(uow, rows, stored.calendar_id, target)
            object_id = identities.assign(uow, target.id, rows.id, href, stored.uid)
            revisions.flush(uow)
            if after is not rows:
                clash = double_booking.decide(uow, after, event.private_calendars)
            if double_booking.forbidden(practice, after, clash):
                raise SlotTaken
    except SlotTaken:
        return None
    if clash is not None:
        double_booking.file(uow, practice, after, clash, event.actor)
    if after is not rows:
        _record(event, rows, after, target, "move-away" if out_of_reach else "move")
    return Outcome("done", "", object_id, href)


def _record(event: Event, rows: Rows, after: Rows, target: CalendarFacts, action: str) -> None:
    journal.write(
        event.uow,
        action,
        practice_id=event.practice.id,
        actor=event.actor,
        appointment_id=rows.id,
        calendar_id=target.id,
        patient_id=rows.master["patient_id"],
        private=is_private(target.private and event.in_private, rows),
        before=journal.state([rows.master], rows.calendars.get(rows.id, {}), rows.calendars),
        after=journal.state([after.master], after.calendars.get(rows.id, {}), after.calendars),
    )
