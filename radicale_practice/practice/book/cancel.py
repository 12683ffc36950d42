"""Deletion cancels: the rows stay, with who, when and from which device; and the way back."""

from __future__ import annotations

from radicale_practice.practice import appointment_rows, clock
from radicale_practice.practice.appointment_rows import Rows, is_documented
from radicale_practice.practice.book import codec, identity, permissions, recognised_moves
from radicale_practice.practice.book.cancelling import cancel_all
from radicale_practice.practice.book.moved_content import Moved
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Status, Viewer
from radicale_practice.practice.notices import attention_entry
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.rules import brake, refusals
from radicale_practice.practice.rules.refusals import Outcome


def cancel(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    stored: StoredObject,
    *,
    overwritten: bool = False,
    moved: Moved | None = None,
) -> Outcome:
    """A device deletes an event: cancelled, refused, held, or the second half of a recognised move.

    ``overwritten``: something takes its place, so the deletion is no half of a move. ``moved``: what the
    device made of the event in the copy that it uploaded before.
    """
    facts = permissions.facts(uow, viewer, _calendar_ids(stored))
    private = any(f.private for f in facts.values())
    if not permissions.all_writable(facts, _calendar_ids(stored)):
        return _refuse(uow, viewer, practice, stored, refusals.READ_ONLY, private)
    rows = identity.lock(uow, stored, practice.id)
    if rows is None:
        return _refuse(uow, viewer, practice, stored, refusals.CHANGED_MEANWHILE, private)
    return cancel_rows(uow, viewer, practice, stored, rows, facts, overwritten=overwritten, moved=moved)


def refuse_read_only(uow: UnitOfWork, viewer: Viewer, practice: Practice, stored: StoredObject) -> Outcome:
    """Refuse whatever a device wants of an event that it may see and not write."""
    facts = permissions.facts(uow, viewer, _calendar_ids(stored))
    private = any(f.private for f in facts.values())
    return _refuse(uow, viewer, practice, stored, refusals.READ_ONLY, private)


def cancel_rows(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    stored: StoredObject,
    rows: Rows,
    facts: dict[int, CalendarFacts],
    *,
    overwritten: bool = False,
    moved: Moved | None = None,
) -> Outcome:
    """Cancel locked rows for a device that may write them (DELETE and ``STATUS:CANCELLED`` alike)."""
    private = any(f.private for f in facts.values())
    if attention_entry.is_entry(rows.master):
        appointment_rows.update_rows(
            uow, rows.all, {rows.id: appointment_rows.cancelled(uow.actor, clock.utc_now())}
        )
        return Outcome("done", "", stored.object_id, stored.href)
    if is_documented(rows.master):
        return _refuse(uow, viewer, practice, stored, refusals.DOCUMENTED, private)
    live = [r for r in rows.here().values() if r["status"] != Status.CANCELLED]
    if live and stored.object.master is None and all(is_documented(r) for r in live):
        return _refuse(uow, viewer, practice, stored, refusals.DOCUMENTED, private)
    actor = refusals.actor_of(viewer)
    if not overwritten:
        taken_over = recognised_moves.take_over_copy(uow, viewer, practice, stored, rows, moved)
        if taken_over is not None:
            return taken_over
    unconfirmed = rows.master["status"] == Status.UNCONFIRMED
    if not (private or unconfirmed):
        held = brake.check(
            uow, practice, actor, brake.CANCELLATIONS, stored.calendar_id, appointment_id=rows.id
        )
        if held is not None:
            return refusals.hold(
                uow,
                viewer,
                practice,
                held,
                {"operation": "cancel", "current": codec.dump(stored.object)},
                calendar_id=stored.calendar_id,
                href=stored.href,
                object_id=stored.object_id,
                appointment_id=rows.id,
                patient_id=rows.master["patient_id"],
            )
    remain = cancel_all(
        uow,
        rows,
        actor,
        calendar_id=stored.calendar_id,
        private=private,
        action="discard" if unconfirmed else "cancel",
        uid=stored.uid,
        href=stored.href,
    )
    if unconfirmed:
        refusals.unconfirmed_is_over(uow, practice, viewer.staff_id, rows.id)
    reason = refusals.DOCUMENTED_INSTANCES if remain else ""
    return Outcome("done", reason, stored.object_id, stored.href, exact=not remain)


def _calendar_ids(stored: StoredObject) -> set[int]:
    return {c for c in (stored.calendar_id, stored.owner_calendar_id) if c is not None}


def _refuse(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    stored: StoredObject,
    reason: str,
    private: bool,
) -> Outcome:
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
    )
