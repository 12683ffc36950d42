"""Deletion cancels: the rows stay, with who, when and from which device; and the way back."""

from __future__ import annotations

from radicale_practice.practice import appointment_rows, clock
from radicale_practice.practice.appointment_rows import Rows, is_documented
from radicale_practice.practice.book import opening, permissions, taking_over
from radicale_practice.practice.book.cancelling import cancel_all
from radicale_practice.practice.book.opening import CANCEL, Event
from radicale_practice.practice.book.recognised_moves import Moved
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Status, Viewer
from radicale_practice.practice.notices import attention_entry, left_copies
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.rules import refusals
from radicale_practice.practice.rules.refusals import Outcome
from radicale_practice.practice.series import recurrence
from radicale_practice.practice.sync import identities, revisions


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
    event = opening.event(uow, viewer, practice, stored)
    rows = opening.locked(event)
    if not isinstance(rows, Rows):
        return rows
    return cancel_rows(event, rows, overwritten=overwritten, moved=moved)


def note_missed_deletion(
    uow: UnitOfWork, viewer: Viewer, practice: Practice, calendar_id: int, href: str
) -> None:
    """A device deletes what is not there any more: somebody is told if it has made a copy of it just now."""
    left_copies.note_missed(uow, practice, refusals.actor_of(viewer), calendar_id, href)


def note_outdated_deletion(uow: UnitOfWork, viewer: Viewer, practice: Practice, stored: StoredObject) -> None:
    """A device deletes an event in another version than the practice has: it stays. Somebody is told if the
    device has made a copy of it just now, or makes one in the next minutes."""
    calendar_id = stored.calendar_id
    facts = permissions.facts(uow, viewer, [calendar_id])
    if not permissions.all_writable(facts, [calendar_id]):
        return
    refusals.note_refusal(
        uow,
        viewer,
        practice,
        refusals.CHANGED_MEANWHILE,
        calendar_id=calendar_id,
        appointment_id=stored.appointment_id,
        private=facts[calendar_id].private,
        listed=False,
        operation=left_copies.DELETION,
    )
    left_copies.note_missed(uow, practice, refusals.actor_of(viewer), calendar_id, stored.href)


def note_missed_change(
    uow: UnitOfWork, viewer: Viewer, practice: Practice, calendar_id: int, href: str
) -> bool:
    """A device changes what is not there any more: a refused change. False if it never was there, is only
    hidden from the viewer, or the viewer may not write there."""
    facts = permissions.facts(uow, viewer, [calendar_id])
    former = identities.last_appointment_at(uow, calendar_id, href)
    if former is None or not permissions.all_writable(facts, [calendar_id]):
        return False
    if revisions.object_states(uow, calendar_id, viewer.staff_id, hrefs=[href]):
        return False
    private = facts[calendar_id].private
    refusals.note_refusal(
        uow,
        viewer,
        practice,
        refusals.CHANGED_MEANWHILE,
        calendar_id=calendar_id,
        appointment_id=former or None,
        private=private,
        listed=not private,
    )
    attention_entry.update_entry(uow, practice, viewer.staff_id)
    return True


def refuse_read_only(uow: UnitOfWork, viewer: Viewer, practice: Practice, stored: StoredObject) -> Outcome:
    """Refuse whatever a device wants of an event that it may see and not write."""
    return opening.event(uow, viewer, practice, stored).refuse(refusals.READ_ONLY)


def cancel_rows(
    event: Event, rows: Rows, *, overwritten: bool = False, moved: Moved | None = None
) -> Outcome:
    """Cancel locked rows for a device that may write them (DELETE and ``STATUS:CANCELLED`` alike)."""
    uow, viewer, practice, stored = event.uow, event.viewer, event.practice, event.stored
    if attention_entry.is_entry(rows.master):
        appointment_rows.update_rows(
            uow, rows.all, {rows.id: appointment_rows.cancelled(uow.actor, clock.utc_now())}
        )
        return Outcome("done", "", stored.object_id, stored.href)
    if _is_kept(stored, rows):
        return event.refuse(refusals.DOCUMENTED, rows)
    if not overwritten:
        taken_over = taking_over.take_over_copy(event, rows, moved)
        if taken_over is not None:
            return taken_over
    unconfirmed = rows.master["status"] == Status.UNCONFIRMED
    if not (event.in_private or unconfirmed):
        held = event.braked(rows, CANCEL)
        if held is not None:
            return held
    remain = cancel_all(
        uow,
        practice,
        rows,
        event.actor,
        calendar_id=stored.calendar_id,
        private=event.is_private(rows),
        action="discard" if unconfirmed else "cancel",
        uid=stored.uid,
        href=stored.href,
    )
    if unconfirmed:
        refusals.unconfirmed_is_over(uow, practice, viewer.staff_id, rows.id)
    reason = refusals.DOCUMENTED_INSTANCES if remain else ""
    return Outcome("done", reason, stored.object_id, stored.href, exact=not remain)


def _is_kept(stored: StoredObject, rows: Rows) -> bool:
    """Whether all that could be cancelled has happened and been written down."""
    if is_documented(rows.master):
        return True
    live = [r for r in rows.here().values() if r["status"] != Status.CANCELLED]
    if not live or not all(is_documented(r) for r in live):
        return False
    if stored.object.master is None:
        return True
    has_a_row = {r["recurrence_id"] for r in rows.overrides.values()}
    return all(date in has_a_row for date in recurrence.expand(rows.entry(rows.master)))
