"""MOVE between calendars (RFC 4918 9.9): the appointment keeps everything, only its place changes."""

from __future__ import annotations

from radicale_practice.practice.appointment_rows import Rows, is_documented
from radicale_practice.practice.book import codec, identity, permissions
from radicale_practice.practice.book.cancel import cancel
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.book.places import change_calendar
from radicale_practice.practice.book.writing import SlotTaken, attempt
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor, Viewer
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
    calendars = {c for c in (stored.calendar_id, stored.owner_calendar_id) if c is not None}
    facts = permissions.facts(uow, viewer, {*calendars, to_calendar_id})
    target = permissions.require_write(facts, to_calendar_id)
    private = any(facts[c].private for c in calendars if c in facts)

    phantom = refusals.Phantom(to_calendar_id, to_href, stored.uid)

    def refuse(reason: str) -> Outcome:
        return refusals.refuse(
            uow,
            viewer,
            practice,
            reason,
            calendar_id=stored.calendar_id,
            object_id=stored.object_id,
            appointment_id=stored.appointment_id,
            href=stored.href,
            private=private,
            phantom=phantom,
        )

    if not permissions.all_writable(facts, calendars):
        return refuse(refusals.READ_ONLY)
    rows = identity.lock(uow, stored, practice.id)
    if rows is None:
        return refuse(refusals.CHANGED_MEANWHILE)
    if any(is_documented(r) for r in (rows.master, *rows.here().values())):
        return refuse(refusals.DOCUMENTED)
    out_of_reach = target.private and not private
    if out_of_reach:
        held = brake.check(
            uow,
            practice,
            refusals.actor_of(viewer),
            brake.CANCELLATIONS,
            stored.calendar_id,
            appointment_id=rows.id,
        )
        if held is not None:
            return _hold(uow, viewer, practice, held, stored, rows, to_calendar_id, to_href)
    return _carry_out(
        uow, viewer, practice, stored, rows, facts, target, to_href, out_of_reach, overwritten
    ) or refuse(refusals.SLOT_TAKEN)


def _carry_out(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    stored: StoredObject,
    rows: Rows,
    facts: dict[int, CalendarFacts],
    target: CalendarFacts,
    href: str,
    out_of_reach: bool,
    overwritten: StoredObject | None,
) -> Outcome | None:
    """None: the practice forbids it because the time is taken there; then nothing is overwritten either."""
    actor = refusals.actor_of(viewer)
    clash = None
    try:
        with attempt(uow):
            if overwritten is not None:
                gone = cancel(uow, viewer, practice, overwritten, overwritten=True)
                if gone.kind != "done":
                    return gone
            after = rows
            if target.id != stored.calendar_id:
                after = change_calendar(uow, rows, stored.calendar_id, target)
            object_id = identities.assign(uow, target.id, rows.id, href, stored.uid)
            revisions.flush(uow)
            if after is not rows:
                clash = double_booking.decide(uow, after, {c for c, f in facts.items() if f.private})
            if double_booking.forbidden(practice, after, clash):
                raise SlotTaken
    except SlotTaken:
        return None
    if clash is not None:
        double_booking.file(uow, practice, after, clash, actor)
    if after is not rows:
        record(
            uow,
            practice,
            actor,
            rows,
            after,
            "move-away" if out_of_reach else "move",
            target.id,
            target.private and not out_of_reach,
        )
    return Outcome("done", "", object_id, href)


def record(
    uow: UnitOfWork,
    practice: Practice,
    actor: Actor,
    rows: Rows,
    after: Rows,
    action: str,
    calendar_id: int,
    private: bool,
) -> None:
    """The journal row of a change of calendar."""
    journal.write(
        uow,
        action,
        practice_id=practice.id,
        actor=actor,
        appointment_id=rows.id,
        calendar_id=calendar_id,
        patient_id=rows.master["patient_id"],
        private=private,
        before=journal.state([rows.master], rows.calendars.get(rows.id, {})),
        after=journal.state([after.master], after.calendars.get(rows.id, {})),
    )


def _hold(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    held: brake.Held,
    stored: StoredObject,
    rows: Rows,
    to_calendar_id: int,
    to_href: str,
) -> Outcome:
    operation = {
        "operation": "move",
        "current": codec.dump(stored.object),
        "to_calendar_id": to_calendar_id,
        "to_href": to_href,
    }
    return refusals.hold(
        uow,
        viewer,
        practice,
        held,
        operation,
        calendar_id=stored.calendar_id,
        href=stored.href,
        object_id=stored.object_id,
        appointment_id=rows.id,
        patient_id=rows.master["patient_id"],
        phantom=refusals.Phantom(to_calendar_id, to_href, stored.uid),
    )
